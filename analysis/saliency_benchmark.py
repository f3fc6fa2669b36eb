"""Are the maps true? Moments of play, the truth about them, and every method's figures on them."""

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from torch import Tensor

from ..envs.protocols import Gaze, TakesInterventions, world_of
from ..errors import FoveateError
from ..wrappers.saliency.methods import METHODS
from ..wrappers.saliency.pictures import gaze_of, on_picture
from ..wrappers.saliency.targets import Target
from ..wrappers.saliency.views import View, pick_rows, undisturbed
from . import saliency_scores as scores

CHUNK = 16  # moments that a method sees together


class Moments(NamedTuple):
    """N moments of play, and what is known about them.

    Attributes:
        observation: prepared, (N, …).
        state: the core's state before each, or None.
        gaze: pictures and outlines of the patches, of worlds that are seen through a retina, else None.
        relevant: the truth by name ("relevance", and "relevance_value" where a world tells it apart), bool (N, H, W).
        objects: where the world's objects are, bool (N, H, W) by name.
        changed: the observations after something was done to an object, by the object's name, (N, …).
    """

    observation: Any
    state: Any
    gaze: Gaze | None
    relevant: dict[str, Tensor]
    objects: dict[str, Tensor]
    changed: dict[str, Tensor]


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


def collect(view: View, env: VectorEnv, count: int, every: int, seed: int) -> Moments:
    """Play, and keep moments.

    Args:
        view: the policy, which plays its most likely actions.
        env: worlds with tensors out and relevance, reset at the same step, or any other vector environment.
        count: how many moments.
        every: steps between two that are kept in one world; the first keeping is after so many steps.
        seed: of the worlds.
    """
    observation, info = env.reset(seed=seed)
    state = view.initial_state(env.num_envs)
    kept: list[Moments] = []
    with undisturbed(view), torch.no_grad():
        step = 0
        while len(kept) * env.num_envs < count:
            seen = view.prepare(observation)
            if step % every == every - 1:
                kept.append(_moment(view, env, seen, state, info))
            outputs = view.outputs(seen, state)
            action = actions_of(view, outputs.parameters)
            observation, _, terminated, truncated, info = env.step(action)
            state = view.begun_anew(outputs.state, torch.as_tensor(terminated) | torch.as_tensor(truncated))
            step += 1
    return _rows(_joined(kept), torch.arange(count))


def actions_of(view: View, parameters: dict[str, Tensor]) -> Any:
    """The most likely action of each part."""
    heads = getattr(view.module, "heads", None)
    parts = {
        name: heads[name].mode(parameters[name]) if heads is not None else _mode(space, parameters[name])
        for name, space in view.parts().items()
    }
    whole = parts["action"] if list(parts) == ["action"] else parts
    if isinstance(whole, dict):
        return {name: value.cpu().numpy() for name, value in whole.items()}
    return whole.cpu().numpy()


def _mode(space: spaces.Space, parameters: Tensor) -> Tensor:
    """The most likely value of one part, from Stable-Baselines3's parameters of its distribution."""
    if isinstance(space, spaces.Discrete):
        return parameters.argmax(-1)
    if isinstance(space, spaces.MultiDiscrete):
        return torch.stack([part.argmax(-1) for part in parameters.split(space.nvec.tolist(), -1)], -1)
    return (parameters > 0).long() if isinstance(space, spaces.MultiBinary) else parameters


def _moment(view: View, env: VectorEnv, seen: Any, state: Any, info: dict[str, Any]) -> Moments:
    world = world_of(env)
    gaze = gaze_of(env)
    relevant = {
        name: torch.as_tensor(value)
        for name, value in info.items()
        if name.startswith("relevance") and np.ndim(value) == 3
    }
    objects, changed = {}, {}
    if isinstance(world, TakesInterventions):
        objects = {name: mask.clone() for name, mask in world.objects(world.state).items()}
        for done in world.interventions:
            if done.name in objects and done.name not in changed:  # the first that the world lists
                after = world.intervene(world.state, done.kind, done.name)
                changed[done.name] = view.prepare(world.observe(after))
    return Moments(seen, state, gaze, relevant, objects, changed)


def _joined(kept: list[Moments]) -> Moments:
    """Moments one behind the other."""

    def join(parts: Sequence[Any]) -> Any:
        if parts[0] is None:
            return None
        if isinstance(parts[0], dict):
            return {key: torch.cat([part[key] for part in parts]) for key in parts[0]}
        if isinstance(parts[0], tuple):
            return type(parts[0])(*(torch.cat(columns) for columns in zip(*parts, strict=True)))
        return torch.cat(list(parts))

    gazes = [m.gaze for m in kept if m.gaze is not None]  # of all moments, or of none
    gaze = Gaze(*(torch.cat(columns) for columns in zip(*gazes, strict=True))) if gazes else None
    columns = {name: join([getattr(m, name) for m in kept]) for name in Moments._fields if name != "gaze"}
    return Moments(gaze=gaze, **columns)


def _rows(moments: Moments, rows: Tensor) -> Moments:
    """Some of the moments."""

    def some(value: Any) -> Any:
        return {key: part[rows] for key, part in value.items()} if isinstance(value, dict) else value[rows]

    gaze = None if moments.gaze is None else Gaze(*(part[rows] for part in moments.gaze))
    return Moments(
        some(moments.observation),
        pick_rows(moments.state, rows),
        gaze,
        some(moments.relevant),
        some(moments.objects),
        some(moments.changed),
    )


def maps_of(view: View, moments: Moments, method: str, targets: Sequence[Target]) -> list[Tensor]:
    """A method's maps of all moments, one tensor like the observation a target."""
    count = len(view.explained(moments.observation))
    parts = []
    with undisturbed(view):
        for begin in range(0, count, CHUNK):
            some = _rows(moments, torch.arange(begin, min(begin + CHUNK, count)))
            parts.append(METHODS[method].function(view, some.observation, some.state, targets))
    return [torch.cat(column).detach() for column in zip(*parts, strict=True)]


def randomised(view: View, seed: int = 0) -> View:
    """The same network with weights drawn anew, each tensor with its own spread (Adebayo et al. 2018).

    Vectors (biases, the gains of normalisations) are shuffled: gains around zero would switch the network off.
    """
    other = copy.copy(view)
    other.module = copy.deepcopy(view.module)
    if hasattr(other, "policy"):
        other.policy = other.module  # type: ignore[attr-defined]
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weights in other.module.parameters():
            if weights.ndim < 2:
                weights.copy_(weights.flatten()[torch.randperm(weights.numel(), generator=generator)].view_as(weights))
            else:
                noise = torch.randn(weights.shape, generator=generator).to(weights)
                weights.copy_(noise * weights.std(unbiased=False))
    return other


def effects(view: View, moments: Moments, target: Target) -> dict[str, np.ndarray]:
    """How far the output moves when something is done to each object, (N,); NaN where the object isn't there."""
    with undisturbed(view), torch.no_grad():
        plain = view.outputs(moments.observation, moments.state)
        read = target.bind(plain)
        y = read(plain, None)
        found = {}
        for name, observation in moments.changed.items():
            moved = (read(view.ask(moments.observation, moments.state, observation), None) - y).norm(dim=1)
            there = moments.objects[name].flatten(1).any(1)
            found[name] = torch.where(there, moved, torch.nan).cpu().numpy()
    return found


def examine(
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
    """
    if not methods or not targets:
        raise FoveateError("there is nothing to examine: give methods and targets.")
    anew = randomised(view)
    changes = {target.name: effects(view, moments, target) for target in targets}
    rows = []
    for method in methods:
        if on_method is not None:
            on_method(method)
        fit = [target for target in targets if method != "sarfa" or target.action]
        if not fit:
            continue
        found = maps_of(view, moments, method, fit)
        others = None if METHODS[method].blind else maps_of(anew, moments, method, fit)
        for number, target in enumerate(fit):
            other = None if others is None else others[number]
            rows.append(_row(view, moments, method, target, found[number], other, changes[target.name]))
    return rows


def _row(
    view: View,
    moments: Moments,
    method: str,
    target: Target,
    found: Tensor,
    anew: Tensor | None,
    changes: dict[str, np.ndarray],
) -> Row:
    truth = moments.relevant
    about = truth.get("relevance_value", truth.get("relevance")) if target.part is None else truth.get("relevance")
    # of games whose objects are known the truth is about the newest frame of the stack
    picture = on_picture(found[:, -1:] if moments.objects else found, moments.gaze).cpu().numpy()  # (N, H, W)
    drawn = scores.curves(view, moments.observation, moments.state, target, found)
    shares, blame = _shares(picture, moments.objects)
    first, together = float("nan"), float("nan")
    if changes:
        names = list(changes)
        first, together = scores.agreement(
            np.stack([blame[n] for n in names], 1), np.stack([changes[n] for n in names], 1)
        )
    relevant = None if about is None else about.cpu().numpy()
    return Row(
        method,
        target.name,
        float("nan") if relevant is None else scores.mean(scores.pointing(picture, relevant)),
        float("nan") if relevant is None else scores.mean(scores.roc_auc(picture, relevant)),
        scores.area(drawn.deletion),
        scores.area(drawn.insertion),
        *_alike(found, anew),
        first,
        together,
        {name: scores.mean(share) for name, share in shares.items()},
        drawn,
    )


def _alike(found: Tensor, anew: Tensor | None) -> tuple[float, float]:
    """The rank correlation with other maps, without and with signs."""
    if anew is None:
        return float("nan"), float("nan")
    a, b = found.cpu().numpy(), anew.cpu().numpy()
    if (b == b.flat[0]).all():  # a network that says nothing is no control
        return float("nan"), float("nan")
    return scores.mean(scores.rank_correlation(abs(a), abs(b))), scores.mean(scores.rank_correlation(a, b))


def _shares(picture: np.ndarray, objects: dict[str, Tensor]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The share of each map on each object, and the same by the object's area (how bright it is), (N,) each.

    NaN where the object isn't there or the map is zero.
    """
    total = picture.reshape(len(picture), -1).sum(1)
    shares, bright = {}, {}
    for name, mask in objects.items():
        flat = mask.flatten(1).cpu().numpy()
        inside = (picture.reshape(len(picture), -1) * flat).sum(1)
        there = flat.any(1) & (total > 0)
        shares[name] = np.where(there, inside / np.where(total > 0, total, 1), np.nan)
        bright[name] = shares[name] / np.maximum(flat.mean(1), 1e-12)
    return shares, bright
