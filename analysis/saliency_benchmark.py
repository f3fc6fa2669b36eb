"""Are the maps true? Every method's figures on the same moments of play."""

import copy
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from .. import tree
from ..errors import FoveateError
from ..moved import moved
from ..wrappers import judging
from ..wrappers.saliency.methods import METHODS
from ..wrappers.saliency.pictures import on_picture
from ..wrappers.saliency.targets import Target
from ..wrappers.saliency.undisturbed import undisturbed
from ..wrappers.saliency.views import View
from . import saliency_scores as scores
from .saliency_moments import Moments

CHUNK = 16  # moments that go through a method together
NAN = float("nan")


class Row(NamedTuple):
    """One method's figures on one target; where objects are known, of the map on the newest frame.

    Attributes:
        method: its name.
        target: its name.
        pointing: how often the greatest pixel is relevant.
        auc: area under the ROC curve against the relevance.
        deletion: area under the deletion curve.
        insertion: area under the insertion curve.
        anew: rank correlation of the map's size with that of the same network with random weights.
        anew_signed: the same with signs, where the method has them.
        first: how often the most blamed object is the one whose change matters most.
        agreement: mean rank correlation of blame and effect over objects.
        shares: the mean share of the map on each object.
        curves: the two curves.
    """

    method: str
    target: str
    pointing: float
    auc: float
    deletion: float
    insertion: float
    anew: float
    anew_signed: float
    first: float
    agreement: float
    shares: dict[str, float]
    curves: scores.Curves


def benchmark(
    view: View,
    moments: Moments,
    methods: Sequence[str],
    targets: Sequence[Target],
    on_method: Callable[[str], object] | None = None,
) -> list[Row]:
    """Every method's figures on every target.

    Args:
        view: the policy.
        moments: from `collect`.
        methods: names from `METHODS`; a method that a target can't have is left out for it.
        targets: what is explained.
        on_method: called before each method with its name.

    Raises:
        FoveateError: there are no methods or no targets.
    """
    if not methods or not targets:
        raise FoveateError("there is nothing to measure: give methods and targets.")
    control = randomised(view)
    changes = {target.name: effects(view, moments, target) for target in targets}
    rows = []
    for method in methods:
        if on_method is not None:
            on_method(method)
        fit = [target for target in targets if method != "sarfa" or target.action]
        if not fit:
            continue
        maps = maps_of(view, moments, method, fit)
        others = [None] * len(fit) if METHODS[method].blind else maps_of(control, moments, method, fit)
        for target, one, other in zip(fit, maps, others, strict=True):
            rows.append(_row(view, moments, method, _Explained(target, one, other, changes[target.name])))
    return rows


def maps_of(view: View, moments: Moments, method: str, targets: Sequence[Target]) -> list[Tensor]:
    """A method's maps of all moments, for each target one tensor like the explained part of the observation.

    Args:
        view: the policy.
        moments: from `collect`.
        method: a name from `METHODS`.
        targets: what is explained.
    """
    parts = []
    with undisturbed(view):
        for rows in torch.arange(len(moments.inputs.starts)).split(CHUNK):
            parts.append(METHODS[method].function(view, tree.index(moments.inputs, rows), targets))
    return [torch.cat(column).detach() for column in zip(*parts, strict=True)]


def randomised(view: View, seed: int = 0) -> View:
    """The same network with random weights, each tensor with its own spread (Adebayo et al. 2018).

    Vectors (biases, the gains of normalisations) are shuffled: gains around zero would switch the network off.
    """
    module: nn.Module = copy.deepcopy(view.module)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weights in module.parameters():
            if weights.ndim < 2:
                weights.copy_(weights.flatten()[torch.randperm(weights.numel(), generator=generator)].view_as(weights))
            else:
                noise = torch.randn(weights.shape, generator=generator).to(weights)
                weights.copy_(noise * weights.std(unbiased=False))
    return view.of(module)


def effects(view: View, moments: Moments, target: Target) -> dict[str, np.ndarray]:
    """How far the output moves when something is done to each object, (N,); NaN where the object isn't there."""
    with undisturbed(view), torch.no_grad():
        plain = view.outputs(moments.inputs)
        read = target.bind(plain)
        y = read(plain, None)
        moved = {}
        for name, observation in moments.changed.items():
            other = view.outputs(moments.inputs._replace(observation=observation))
            there = moments.objects[name].flatten(1).any(1)
            moved[name] = torch.where(there, (read(other, None) - y).norm(dim=1), torch.nan).numpy(force=True)
    return moved


class _Explained(NamedTuple):
    """A method's maps of a target, and what they are compared with.

    Attributes:
        target: what is explained.
        maps: like the explained part of the observation, (N, …).
        control: the same network's maps with random weights; None if the method doesn't look at weights.
        changes: how far the output moves when something is done to each object, (N,) by name.
    """

    target: Target
    maps: Tensor
    control: Tensor | None
    changes: dict[str, np.ndarray]


def _row(view: View, moments: Moments, method: str, explained: _Explained) -> Row:
    target, maps, control, changes = explained
    # of games whose objects are known the truth is about the newest frame of the stack
    newest = maps[:, -1:] if moments.objects and moments.gaze is None else maps
    picture = on_picture(newest, moments.gaze).numpy(force=True)  # (N, H, W)
    drawn = scores.curves(view, moments.inputs, target, maps)
    on_objects = {name: _on_object(picture, mask) for name, mask in moments.objects.items()}
    first, agreement = NAN, NAN
    if changes:
        blame = np.stack([on_objects[name].brightness for name in changes], 1)
        first, agreement = scores.agreement(blame, np.stack(list(changes.values()), 1))
    relevant = _relevant(moments, target)
    anew, anew_signed = _alike(maps, control)
    return Row(
        method=method,
        target=target.name,
        pointing=NAN if relevant is None else scores.mean(judging.pointing(picture, relevant)),
        auc=NAN if relevant is None else scores.mean(judging.roc_auc(picture, relevant)),
        deletion=scores.area(drawn.deletion),
        insertion=scores.area(drawn.insertion),
        anew=anew,
        anew_signed=anew_signed,
        first=first,
        agreement=agreement,
        shares={name: scores.mean(one.share) for name, one in on_objects.items()},
        curves=drawn,
    )


def _relevant(moments: Moments, target: Target) -> np.ndarray | None:
    """What is relevant for a target, bool (N, H, W); None where the world doesn't say."""
    truth = moments.relevant.get("relevance")
    if target.part is None:  # the value
        truth = moments.relevant.get("relevance_value", truth)
    return None if truth is None else truth.numpy(force=True)


def _alike(maps: Tensor, control: Tensor | None) -> tuple[float, float]:
    """The rank correlation with other maps, without and with signs."""
    if control is None:
        return NAN, NAN
    a, b = maps.numpy(force=True), control.numpy(force=True)
    if (b == b.flat[0]).all():  # a network that says nothing is no control
        return NAN, NAN
    return scores.mean(scores.rank_correlation(abs(a), abs(b))), scores.mean(scores.rank_correlation(a, b))


class _OnObject(NamedTuple):
    """How much of each map is on an object, (N,); NaN where the object isn't there or the map is zero.

    Attributes:
        share: of the whole map.
        brightness: the share by the object's share of the picture.
    """

    share: np.ndarray
    brightness: np.ndarray


def _on_object(picture: np.ndarray, mask: Tensor) -> _OnObject:
    flat, inside = picture.reshape(len(picture), -1), mask.flatten(1).numpy(force=True)
    total = flat.sum(1)
    there = inside.any(1) & (total > 0)
    share = np.where(there, (flat * inside).sum(1) / np.where(total > 0, total, 1), np.nan)
    return _OnObject(share, share / np.maximum(inside.mean(1), 1e-12))


_HOMES = {  # since 0.2
    "collect": "analysis.saliency_moments:collect",
    "examine": "analysis.saliency_benchmark:benchmark",
}


def __getattr__(name: str) -> object:
    return moved(__name__, name, _HOMES)
