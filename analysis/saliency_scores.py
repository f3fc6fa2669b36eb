"""How true a map is: figures of one map or a batch of maps, all on the same scale."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor

from ..wrappers.judging import pointing
from ..wrappers.saliency.perturbing import blurred
from ..wrappers.saliency.targets import Target
from ..wrappers.saliency.views import Inputs, View

FRACTIONS = tuple(np.linspace(0, 1, 21).round(3).tolist())


def rank_correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Spearman's correlation of maps, (N,); 0 where one of them is constant."""
    a, b = (rankdata(x.reshape(len(x), -1), axis=1) for x in (a, b))
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    spread = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    return np.divide((a * b).sum(1), spread, out=np.zeros(len(a)), where=spread > 0)


class Curves(NamedTuple):
    """What happens as pixels go and come in a map's order, at each of `FRACTIONS`.

    Attributes:
        deletion: share of the whole change that has happened when so much was blurred, the greatest first, (F,).
        insertion: share of the whole change that is undone when so much came back, the greatest first, (F,).
    """

    deletion: np.ndarray
    insertion: np.ndarray


@torch.no_grad()
def curves(view: View, inputs: Inputs, target: Target, maps: Tensor) -> Curves:
    """Deletion and insertion (Petsiuk et al. 2018), the more area under either the better.

    A frame's pixel goes from all frames of the stack at once; entries of a vector and of a retina's patches one by one.
    Ties are broken at random: a constant map gets what chance gets.

    Args:
        view: the policy.
        inputs: prepared, (N, …).
        target: whose changes count; of several outputs the distance.
        maps: like the explained part of the observation, (N, …).
    """
    x = view.explained(inputs.observation)
    hidden = blurred(x)
    order = maps.abs()
    if x.ndim == 4 and view.key is None:
        order = order.sum(1, keepdim=True)
    lot = torch.randperm(order[0].numel(), generator=torch.Generator().manual_seed(0)).to(order.device)
    drawn = order.flatten(1)[:, lot].argsort(dim=1, descending=True, stable=True)  # (N, pixels) into the lot
    place = lot[drawn].argsort(dim=1).view(order.shape)  # 0 goes first
    count = place[0].numel()
    plain = view.ask(inputs, x)
    read = target.bind(plain)
    y = read(plain, None)  # (N, K)

    def distance(gone: Tensor) -> float:
        variant = torch.where(gone, hidden, x)
        return float((read(view.ask(inputs, variant), None) - y).norm(dim=1).sum())

    whole = distance(torch.ones_like(place, dtype=torch.bool))
    if whole == 0:
        flat = np.full(len(FRACTIONS), np.nan)
        return Curves(flat, flat)
    removed = [distance(place < round(f * count)) / whole for f in FRACTIONS]
    back = [1 - distance(place >= round(f * count)) / whole for f in FRACTIONS]
    return Curves(np.clip(removed, 0, 1), np.clip(back, 0, 1))  # halfway a change may overshoot


def area(curve: np.ndarray) -> float:
    """The area under a curve over `FRACTIONS`."""
    return float(np.trapezoid(curve, FRACTIONS))


def agreement(blame: np.ndarray, effect: np.ndarray) -> tuple[float, float]:
    """How well what a map blames agrees with what interventions show.

    Args:
        blame: how bright the map is on each object, (N, objects), NaN where an object isn't there.
        effect: how much the output changes when something is done to the object, (N, objects), NaN likewise.

    Returns:
        How often the object that is blamed most is the one with the greatest effect, and the mean rank correlation of
        blame and effect over the objects of a moment; moments with fewer than two objects, or without any effect,
        don't count.
    """
    first, together = [], []
    for b, e in zip(blame, effect, strict=True):
        there = ~(np.isnan(b) | np.isnan(e))
        if there.sum() < 2 or e[there].max() <= 0:
            continue
        first.append(pointing(b[None, there], (e[there] == e[there].max())[None])[0])
        together.append(rank_correlation(b[None, there], e[None, there])[0])
    return (float(np.mean(first)), float(np.mean(together))) if first else (float("nan"), float("nan"))


def mean(values: Sequence[float] | np.ndarray) -> float:
    """The mean of what is there, NaN if nothing is."""
    values = np.asarray(values, dtype=float)
    return float(np.nanmean(values)) if (~np.isnan(values)).any() else float("nan")
