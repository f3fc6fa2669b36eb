"""What is computed later is what it would have been at once; memory that somebody holds is left alone."""

import copy
import json
import operator
import pickle
from collections.abc import Callable
from unittest import mock

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import data_equivalence
from hypothesis import given, settings
from hypothesis import strategies as st
from ids import ALL_IDS, short, world_class

from foveate.envs import MULTI_IDS
from foveate.envs.buffers import LEAST, Buffers
from foveate.envs.later import LaterDict

ENTRIES = {"a": 1, "b": [2], "c": {"d": 3}}


def changed(found: dict, change: Callable[[dict], object]) -> tuple[object, dict]:
    """What a change returns, and what is left."""
    return change(found), dict(found)


@pytest.mark.parametrize(
    "ask",
    [
        len,
        bool,
        list,
        dict,
        repr,
        str,
        sorted,
        copy.copy,
        copy.deepcopy,
        json.dumps,
        lambda d: {**d},
        lambda d: (lambda **more: more)(**d),
        lambda d: pickle.loads(pickle.dumps(d)),
        lambda d: {} | d,
        lambda d: d | {"e": 0},
        lambda d: {"e": 0, **d},
        lambda d: d == ENTRIES,
        lambda d: operator.eq(ENTRIES, d),
        lambda d: d != ENTRIES,
        lambda d: "a" in d,
        lambda d: d["b"],
        lambda d: d.get("x", 5),
        lambda d: list(d.items()),
        lambda d: list(reversed(d)),
        lambda d: d.copy(),
        lambda d: [(key, value) for key, value in {**d}.items()],
        lambda d: changed(d, lambda e: e.pop("a")),
        lambda d: changed(d, lambda e: e.update({"a": 9})),
        lambda d: changed(d, lambda e: e.update(z=9)),
        lambda d: changed(d, lambda e: e.setdefault("z", 1)),
        lambda d: changed(d, lambda e: e.__setitem__("a", 7)),
        lambda d: changed(d, lambda e: e.__delitem__("a")),
        lambda d: changed(d, lambda e: e.__ior__({"q": 1}) and None),
        lambda d: changed(d, lambda e: e.clear()),
        lambda d: changed({}, lambda e: e.update(d)),
    ],
)
def test_whatever_is_asked_first_a_later_dict_answers_as_a_dict(ask: Callable[[dict], object]) -> None:
    answer, expected = ask(LaterDict(lambda: dict(ENTRIES))), ask(dict(ENTRIES))
    assert answer == expected
    assert type(answer) is type(expected)


@pytest.mark.parametrize("env_id", [*ALL_IDS, *MULTI_IDS])
@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
def test_info_that_is_read_late_is_what_it_was(env_id: str, mode: str) -> None:
    said = []
    for late in (False, True):
        env = gym.make_vec(env_id, num_envs=3, autoreset_mode=mode, **short(env_id))
        env.action_space.seed(1)
        infos = [env.reset(seed=1)[1]]
        for _ in range(20 if env_id in MULTI_IDS else 8):  # past an episode's end
            infos.append(env.step(env.action_space.sample())[-1])
            if not late:
                len(infos[-1])
        said.append([dict(info) for info in infos])
    assert data_equivalence(*said, exact=True)


def test_info_that_nobody_reads_costs_nothing() -> None:
    env = gym.make_vec("Memory/Copy-v0", num_envs=3, autoreset_mode="SameStep", min_length=2, max_length=2)
    env.reset(seed=0)
    with mock.patch.object(world_class("Memory/Copy-v0"), "annotate", side_effect=AssertionError("was computed")):
        for _ in range(7):
            *_, info = env.step(env.action_space.sample())
        with pytest.raises(AssertionError):
            len(info)


@given(steps=st.lists(st.tuples(st.sampled_from(["tensor", "array", "part", "view"]), st.integers(0, 5)), max_size=40))
@settings(max_examples=60, deadline=None)
def test_memory_that_somebody_holds_is_never_handed_out(steps: list[tuple[str, int]]) -> None:
    buffers, held = Buffers(), {}
    for number, (form, place) in enumerate(steps):
        block = buffers.empty((2, LEAST), torch.uint8, torch.device("cpu"))
        block.fill_(number)
        forms = {"tensor": block, "array": block.numpy(), "part": block[1, 5:9], "view": block.numpy()[0, ::7]}
        held[place] = (number, forms[form])  # and lets go of what was there
        del block, forms
        for expected, one in held.values():
            assert np.all(np.asarray(one) == expected)


def test_memory_that_nobody_holds_is_handed_out_again() -> None:
    buffers = Buffers()
    places = {buffers.empty((LEAST,), torch.uint8, torch.device("cpu")).data_ptr() for _ in range(5)}
    assert len(places) == 1
