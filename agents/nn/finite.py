"""Not-a-number and infinity stop a training in one sentence, before anything is learned from them or kept.

On the device one look an update is enough (`check`, `check_weights`); what comes from the host is looked at there.
"""

import math
from collections.abc import Iterable, Mapping
from functools import reduce

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from ... import tree
from ...errors import FoveateError
from ...tree import Tree


class NotFinite(FoveateError):
    """A number that isn't finite, where only finite ones make sense; the message says what and where."""


def check(parts: Mapping[str, Tree]) -> None:
    """Refuse tensors that aren't finite, at the cost of one look at the device.

    Args:
        parts: tensors, or trees of them, by what they are called; integers are left out.

    Raises:
        NotFinite: it names the first one.
    """
    named = [(name, leaf) for name, part in parts.items() for leaf in tree.leaves(part) if _is_float(leaf)]
    if not named or math.isfinite(reduce(torch.add, (leaf.detach().sum() for _, leaf in named))):
        return  # a sum is finite only if all its parts are; large ones may overflow, and are looked at one by one
    finite = torch.stack([leaf.detach().isfinite().all() for _, leaf in named])
    if not bool(finite.all()):
        name, leaf = named[int(finite.logical_not().nonzero()[0, 0])]
        raise NotFinite(f"the {name} is not finite ({_example(leaf.detach().numpy(force=True))})")


def check_weights(policy: nn.Module) -> None:
    """Refuse weights that aren't finite, at the cost of one look at the device.

    Raises:
        NotFinite: it names the first ones.
    """
    weights = [p.detach() for p in policy.parameters() if p.numel()]
    if not bool(nn.utils.get_total_norm(weights, float("inf")).isfinite()):
        name = next(name for name, p in policy.named_parameters() if not bool(p.isfinite().all()))
        raise NotFinite(f"the weights {name!r} are not finite: a lower learning rate may help")


def check_host(name: str, value: Tree, rows: Iterable[int] | None = None) -> None:
    """Refuse arrays of the host that aren't finite.

    Args:
        name: what they are called.
        value: arrays (B, …), or a tree of them; integers are left out.
        rows: the numbers of the worlds, where they aren't 0 to B - 1.

    Raises:
        NotFinite: it names the first world.
    """
    for leaf in tree.leaves(value):
        array = np.asarray(leaf)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            wrong = np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(1))[0]
            world = wrong if rows is None else list(rows)[wrong]
            raise NotFinite(f"the {name} of world {world} is not finite ({_example(array[wrong])})")


def looks_at_once(device: torch.device) -> bool:
    """Whether looking at numbers costs nothing: on the host. A device would have to be waited for at each step."""
    return device.type == "cpu"


def samplable(name: str, parameters: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """A head's numbers so that something can be sampled from them.

    On the host, not-a-number and infinity are refused here (-∞ is a choice that is ruled out). On a device they become
    0: sampling would stop with an assertion that leaves the device unusable. The log-probability of what was sampled,
    which is of the numbers as they are, is then not finite, and who learns looks at it once an update.

    Raises:
        NotFinite: some are not-a-number or infinite, on the host.
    """
    possible = parameters < torch.inf
    if not looks_at_once(parameters.device):
        return torch.where(possible, parameters, 0.0)
    if not bool(possible.all()):
        raise NotFinite(f"what the policy says of {name!r} is not finite ({_example(parameters.detach().numpy())})")
    return parameters


def _is_float(leaf: object) -> bool:
    return isinstance(leaf, Tensor) and leaf.is_floating_point()


def _example(array: np.ndarray) -> str:
    return str(array[~np.isfinite(array)].ravel()[0])
