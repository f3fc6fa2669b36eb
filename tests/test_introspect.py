"""What a class can be configured with: options of classes that another configures keep their own defaults."""

from typing import Annotated, Literal

import pytest

from foveate.agents import AGENTS
from foveate.agents.nn.attention import ITEM_ATTENTIONS, make_item_attention
from foveate.agents.nn.encoders import ITEM_ENCODERS, make_item_encoder
from foveate.introspect import OneOf, configured_classes, constructor_options, own_arguments


class Short:
    """Few layers.

    Args:
        layers: how many.
        wide: or not.
    """

    def __init__(self, layers: int = 2, wide: bool = True):
        self.given = layers, wide


class Long:
    """Many layers."""

    def __init__(self, layers: int = 5, wide: bool = True):
        self.given = layers, wide


class Either:
    """Either of them."""

    configures = (Short, Long)

    def __init__(self, long: bool = False, **options: object):
        kind = Long if long else Short
        self.given = kind(**own_arguments(kind, options)).given


def test_who_configures_two_classes_takes_the_default_of_neither_for_both() -> None:
    options = constructor_options(Either)
    assert options["layers"].default is None
    assert options["layers"].type == int | None
    assert options["layers"].help == "how many."
    assert options["wide"].default is True  # the same in both
    defaults = {name: option.default for name, option in options.items()}
    assert Either(**defaults).given == (2, True)
    assert Either(**{**defaults, "long": True}).given == (5, True)
    assert Either(long=True, layers=3).given == (3, True)


def test_what_is_registered_later_is_an_option_s_value_and_brings_its_own_options() -> None:
    registry: dict[str, type] = {"short": Short}

    class Kinds:
        configures = (registry,)

        def __init__(
            self,
            kind: Annotated[str, OneOf(registry, without="no")] = "short",
            other: Annotated[str, OneOf(registry)] | None = None,
            **options: object,
        ):
            pass

    assert constructor_options(Kinds)["kind"].type == Literal["short"]
    assert constructor_options(Kinds)["other"].type == Literal["short"] | None
    registry |= {"long": Long, "no": Short}
    assert constructor_options(Kinds)["kind"].type == Literal["short", "long"]
    assert constructor_options(Kinds)["layers"].default is None  # now that two differ
    assert configured_classes(Kinds) == (Short, Long, Short)


@pytest.mark.parametrize("name", [name for name, kind in AGENTS.items() if getattr(kind, "configures", ())])
def test_defaults_are_those_of_each_class_that_is_configured(name: str) -> None:
    """As a preset writes them down and a checkpoint keeps them: all of them, given explicitly."""
    defaults = {option: each.default for option, each in constructor_options(AGENTS[name]).items()}
    itself = AGENTS[name].__init__.__annotations__  # what the agent sets otherwise it names itself
    for part in configured_classes(AGENTS[name]):
        known = constructor_options(part)
        given = own_arguments(part, defaults)
        assert {k: v for k, v in given.items() if v != known[k].default and k not in itself} == {}, part.__name__


def test_what_no_option_is_given_for_is_built_as_by_itself() -> None:
    options = {name: option.default for name, option in constructor_options(AGENTS["attend"]).items()}
    options = {
        name: value for name, value in options.items() if name not in ("encoder", "attention", "core", "decoder")
    }
    for name in ITEM_ENCODERS:
        assert str(make_item_encoder(name, 8, **options)) == str(make_item_encoder(name, 8)), name
    for name in ITEM_ATTENTIONS:
        given, alone = make_item_attention(name, 8, 8, **options), make_item_attention(name, 8, 8)
        assert str(given) == str(alone), name
        assert {k: v for k, v in vars(given).items() if isinstance(v, (int, float, str))} == {
            k: v for k, v in vars(alone).items() if isinstance(v, (int, float, str))
        }, name
