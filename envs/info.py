"""What worlds tell beside observations and rewards, in Gymnasium's layout for vector environments."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from .. import tree
from ..errors import FoveateError
from ..tree import Tree
from .batch import Tensors

Masked = dict[str, tuple[Tensor, Tensor]]  # name -> values (B, …), and which worlds have one, bool (B,)


def with_masks(info: Masked) -> dict[str, Tensor]:
    """Gymnasium's layout: each value beside a mask of the worlds that have one."""
    values = {name: value for name, (value, _) in info.items()}
    return {**values, **{f"_{name}": mask for name, (_, mask) in info.items()}}


def numpy_info(info: Masked, only: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """As `with_masks` in numpy: absent entries are zero, and a name that no world has is left out."""
    out: dict[str, np.ndarray] = {}
    for name, (tensor, tensor_mask) in info.items():
        mask = tensor_mask.cpu().numpy().copy() if only is None else tensor_mask.cpu().numpy() & only
        present = np.count_nonzero(mask)  # much faster than any() and all()
        if present:
            value = tensor.cpu().numpy().copy()
            if present < len(mask):
                value[~mask] = 0
            # single environments hand out Python floats, which vector environments collect as float64
            out[name] = value.astype(np.float64) if value.ndim == 1 and value.dtype == np.float32 else value
            out[f"_{name}"] = mask
    return out


def last_observations(info: Mapping[str, Any], ended: np.ndarray) -> list[Tree]:
    """What the episodes that ended at a step with autoreset ended with, from the `info` of any vector environment.

    Args:
        info: of the step; `final_obs` holds an observation a world, or arrays (B, …).
        ended: bool, (B,).

    Returns:
        One for each world that ended, fresh arrays.

    Raises:
        FoveateError: it doesn't say.
    """
    final, where = info.get("final_obs"), np.flatnonzero(ended).tolist()
    if isinstance(final, Mapping):
        rows = [{name: part[i] for name, part in final.items()} for i in where]
    else:
        rows = [None if final is None else final[i] for i in where]
    missing = [i for i, row in zip(where, rows, strict=True) if row is None]
    if missing:
        raise FoveateError(
            f"world {missing[0]} ended an episode and began another in the same step, and info['final_obs'] doesn't "
            "say what it ended with, which is learned from: with autoreset_mode=SameStep it must."
        )
    return [tree.map(np.array, tree.to_numpy(row)) for row in rows]


def numpy_final(observation: Tensors, info: Masked, ended: Tensor) -> dict[str, object]:
    mask = ended.cpu().numpy().copy()
    if not np.count_nonzero(mask):
        return {}
    observations = np.full(len(mask), None, dtype=object)
    for i, one in enumerate(tree.unstack(tree.to_numpy(observation))):
        if mask[i]:
            observations[i] = one
    final_info = numpy_info(info, only=mask)
    return {
        "final_obs": observations,
        "_final_obs": mask,
        "final_info": final_info,
        "_final_info": mask.copy(),
    }
