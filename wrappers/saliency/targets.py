"""What is explained: one output of a policy, or several at once."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ...errors import unknown
from .views import Outputs, View, undisturbed

Read = Callable[[Outputs, Tensor | None], Tensor]  # outputs of N variants, of which moment each is -> (N, K)


class Target(NamedTuple):
    """An output that can be explained.

    Attributes:
        name: how it is asked for.
        label: what it is, for legends.
        bind: given the outputs of B moments as they are, a function that reads the explained numbers (N, K) from the
            outputs of variants of them. What depends on the moment (which action is best) is fixed by `bind`; a second
            argument says of which moment each variant is, int64 (N,).
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
        sample = view.prepare(_blank(view.observation_space))
        outputs = view.outputs(sample, view.initial_state(1))
    targets: dict[str, Target] = {}
    if outputs.value is not None:
        targets["value"] = Target("value", "value", lambda _: lambda o, rows: o.value[:, None])  # type: ignore[index]
    discrete = {name: part for name, part in view.parts().items() if isinstance(part, spaces.Discrete)}
    for part, space in discrete.items():
        single = len(view.parts()) == 1
        prefix = "" if single else f"{part}:"
        targets |= {t.name: t for t in _discrete_targets(view, part, prefix, int(space.n), action_names, single)}
    if "location" in outputs.parameters:
        targets["location"] = Target(
            "location", "location", lambda _: lambda o, rows: o.parameters["location"].flatten(1), "location"
        )
    spoken = [name for name in outputs.parameters if name not in ("location", "zoom")]
    if spoken:
        targets["logits"] = Target(
            "logits",
            "all outputs",
            lambda _: lambda o, rows: torch.cat([o.parameters[name].flatten(1) for name in spoken], -1),
            spoken[0],
        )
    return targets


def _discrete_targets(
    view: View, part: str, prefix: str, count: int, names: Sequence[str] | None, single: bool
) -> list[Target]:
    def best(outputs: Outputs) -> Read:
        chosen = outputs.parameters[part].detach().argmax(-1)  # (B,)

        def read(o: Outputs, rows: Tensor | None) -> Tensor:
            logits = o.parameters[part]
            index = (chosen if rows is None else chosen[rows])[:, None]
            return logits.gather(-1, index) - logits.mean(-1, keepdim=True)

        return read

    made = []
    word = "Q" if view.q_values else "logit"
    if view.dueling:  # A(s, argmax A): Wang et al. 2016, section 4.2
        made.append(Target("advantage", f"advantage{view.dueling}", best, part, True))
    else:
        made.append(Target(f"{prefix}centred-logit", f"{word} of best action - mean", best, part, True))
    known = list(names) if single and names is not None and len(names) == count else [str(i) for i in range(count)]
    for index, name in enumerate(known):
        about = f"action:{name}" if single else f"{part}:{name}"
        made.append(Target(about, f"{word} of {name}", _one(part, index), part, True, index))
    return made


def _one(part: str, index: int) -> Callable[[Outputs], Read]:
    return lambda _: lambda o, rows: o.parameters[part][:, index : index + 1]


def _blank(space: spaces.Space) -> Any:
    """One observation of zeros, as a batch of one."""
    if isinstance(space, spaces.Dict):
        return {key: _blank(sub) for key, sub in space.spaces.items()}
    return np.zeros((1, *(space.shape or ())), space.dtype)


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
