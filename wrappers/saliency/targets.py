"""What is explained: one output of a policy, or several at once."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ... import tree
from ...errors import unknown
from .undisturbed import undisturbed
from .views import Outputs, View

Read = Callable[[Outputs, Tensor | None], Tensor]  # outputs of N variants, the row that each is of -> (N, K)


class Target(NamedTuple):
    """An output that can be explained.

    Attributes:
        name: how it is asked for.
        label: what it is, for legends.
        bind: given the outputs of B time steps as they are, a function that reads the explained numbers (N, K) from
            the outputs of variants of them. What depends on the time step (which action is best) is fixed by `bind`;
            a second argument gives the row that each variant is of, int64 (N,).
        part: the part of the action it belongs to, None for the value.
        action: whether it is about one action, the best one if `index` is None.
        index: the action, where it is a given one.
    """

    name: str
    label: str
    bind: Callable[[Outputs], Read]
    part: str | None = None
    action: bool = False
    index: int | None = None


def targets_of(view: View, action_names: Sequence[str] | None = None) -> dict[str, Target]:
    """All targets that a policy has, by name.

    Args:
        view: of the policy.
        action_names: what each value of a Discrete action does; None numbers them.
    """
    with undisturbed(view), torch.no_grad():
        outputs = view.outputs(view.first(tree.map(_least, tree.of_space(view.observation_space))))
    targets: dict[str, Target] = {}
    if outputs.value is not None:
        targets["value"] = VALUE
    for part, space in view.parts.items():
        if isinstance(space, spaces.Discrete):
            targets |= {t.name: t for t in _discrete_targets(view, part, int(space.n), action_names)}
    if "location" in outputs.parameters:
        targets["location"] = Target(
            "location", "location", lambda _: lambda o, rows: o.parameters["location"].flatten(1), "location"
        )
    answers = [name for name in outputs.parameters if name not in ("location", "zoom")]
    if answers:
        targets["logits"] = Target(
            "logits",
            "all outputs",
            lambda _: lambda o, rows: torch.cat([o.parameters[name].flatten(1) for name in answers], -1),
            answers[0],
        )
    return targets


def _least(space: spaces.Space) -> np.ndarray:
    """A batch of one observation: zeros, or the least number where others count."""
    counts = isinstance(space, (spaces.Discrete, spaces.MultiDiscrete))
    return np.full((1, *(space.shape or ())), space.start if counts else 0, space.dtype)


def _value(outputs: Outputs, rows: Tensor | None) -> Tensor:
    assert outputs.value is not None
    return outputs.value[:, None]


VALUE = Target("value", "value", lambda _: _value)


def _discrete_targets(view: View, part: str, count: int, names: Sequence[str] | None) -> list[Target]:
    """The targets of a Discrete part with so many values: its best action, and each action."""
    single = len(view.parts) == 1

    def best(outputs: Outputs) -> Read:
        chosen = outputs.parameters[part].detach().argmax(-1)  # (B,)

        def read(o: Outputs, rows: Tensor | None) -> Tensor:
            logits = o.parameters[part]
            index = (chosen if rows is None else chosen[rows])[:, None]
            return logits.gather(-1, index) - logits.mean(-1, keepdim=True)

        return read

    targets = []
    word = "Q" if view.q_values else "logit"
    if view.dueling:  # A(s, argmax A): Wang et al. 2016, section 4.2
        targets.append(Target("advantage", f"advantage{view.dueling}", best, part, True))
    else:
        name = "centred-logit" if single else f"{part}:centred-logit"
        targets.append(Target(name, f"{word} of best action - mean", best, part, True))
    known = list(names) if single and names is not None and len(names) == count else [str(i) for i in range(count)]
    for index, name in enumerate(known):
        about = f"action:{name}" if single else f"{part}:{name}"
        targets.append(Target(about, f"{word} of {name}", _one(part, index), part, True, index))
    return targets


def _one(part: str, index: int) -> Callable[[Outputs], Read]:
    return lambda _: lambda o, rows: o.parameters[part][:, index : index + 1]


def choose_targets(view: View, names: Sequence[str], action_names: Sequence[str] | None = None) -> list[Target]:
    """The targets of these names.

    Raises:
        FoveateError: the policy doesn't have one; the error lists what it has.
    """
    known = targets_of(view, action_names)
    for name in names:
        if name not in known:
            raise unknown("target of this policy", name, known)
    return [known[name] for name in names]
