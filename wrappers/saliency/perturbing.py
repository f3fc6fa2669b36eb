"""Maps from what changes as parts of the observation are hidden; masks go through the network in batches."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ...tree import outside_inference
from .gradients import Column, by_output
from .targets import Target
from .views import Inputs, Outputs, View

CHUNK = 150  # observations that go through the network together: few would not pay for reading its weights
SCREEN = 80.0  # the side for which Greydanus et al. state their sizes
BLUR, MASK, STRIDE = 3.0, 5.0, 5.0  # pixels of that screen
FAR = 6.0  # standard deviations: there e^(-x²/2) is lost in rounding, and beyond come numbers that are slow to add


def _bell(deviations: Tensor) -> Tensor:
    """A Gaussian's height so many standard deviations from its middle; nothing where it is FAR."""
    return torch.where(deviations.abs() < FAR, torch.exp(-0.5 * deviations**2), 0.0)


@cache
@outside_inference
def _gaussian(size: int, sigma: float) -> Tensor:
    """A matrix that blurs a line of `size` pixels, its rows summing to 1: (size, size)."""
    at = torch.arange(size)
    kernel = _bell((at[:, None] - at) / sigma)
    return kernel / kernel.sum(1, keepdim=True)


def blurred(x: Tensor) -> Tensor:
    """Pictures (N, C, H, W) without detail, as if looked past; a vector's blur is zero."""
    if x.ndim != 4:
        return torch.zeros_like(x)
    height, width = x.shape[2:]
    rows = _gaussian(height, BLUR * height / SCREEN).to(x)
    columns = _gaussian(width, BLUR * width / SCREEN).to(x)
    return rows @ x @ columns.T


@cache
@outside_inference
def masks_for(shape: tuple[int, ...], apart: bool = False) -> tuple[Tensor, tuple[int, ...]]:
    """Soft masks (M, …) over an observation on a grid of places, and the grid's size; a vector's entries one by one.

    Args:
        shape: of the observation.
        apart: whether each channel has masks of its own: a retina's patches show different places. The first M / C
            masks are the first channel's then, …
    """
    if len(shape) != 3:
        count = 1
        for n in shape:
            count *= n
        return torch.eye(count).view(count, *shape), shape
    lines, grid = [], []
    for side in shape[1:]:
        stride = max(1, round(STRIDE * side / SCREEN))
        centres = torch.arange(stride // 2, side, stride)
        lines.append(_bell((torch.arange(side) - centres[:, None]) / (MASK * side / SCREEN)))
        grid.append(len(centres))
    masks = lines[0][:, None, :, None] * lines[1][None, :, None, :]  # (rows, columns, H, W)
    masks = masks.flatten(0, 1)[:, None]  # (M, 1, H, W)
    if apart:
        masks = (torch.eye(shape[0])[:, None, :, None, None] * masks).flatten(0, 1)  # (C·M, C, H, W)
    return masks, tuple(grid)


class Hidden(NamedTuple):
    """What a policy says of variants of one time step, each with a part of it hidden.

    Attributes:
        step: which time step.
        masks: which masks hid a part, one a variant.
        outputs: of the variants, (n, …).
        rows: int64, (n,), the time step for each variant.
    """

    step: int
    masks: slice
    outputs: Outputs
    rows: Tensor


def _hidden(view: View, inputs: Inputs, x: Tensor, chunk: int) -> Iterator[Hidden]:
    """The outputs under each mask, for every time step and chunk of masks."""
    masks = masks_for(tuple(x.shape[1:]), view.patches)[0].to(x)
    change = blurred(x) - x
    rounds = -(-len(masks) // chunk)
    size = -(-len(masks) // rounds)  # all of about this size: few masks at the end would cost nearly as much as many
    room = x.new_empty(size, *x.shape[1:])  # one place for all variants: fresh memory costs more
    for i in range(len(x)):
        for begin in range(0, len(masks), size):
            some = masks[begin : begin + size]
            rows = torch.full((len(some),), i, dtype=torch.int64, device=x.device)
            # Greydanus et al. 2018, eq. 1: x (1 - m) + blur(x) m, here for all frames of the stack
            variants = torch.addcmul(x[i], change[i], some, out=room[: len(some)])
            yield Hidden(i, slice(begin, begin + len(some)), view.ask(inputs, variants, rows), rows)


def _on_observation(view: View, scores: Tensor, x: Tensor) -> Tensor:
    """One score a mask, (B, M), as a map of the observation's shape."""
    grid = masks_for(tuple(x.shape[1:]))[1]
    if x.ndim != 4:
        return scores.view(x.shape)
    picture = F.interpolate(scores.view(len(x), -1, *grid), size=x.shape[2:], mode="bilinear", align_corners=False)
    # every frame of the stack was hidden together
    return picture if view.patches else picture.expand_as(x) / x.shape[1]


@torch.no_grad()
def perturbation(view: View, inputs: Inputs, targets: Sequence[Target], chunk: int = CHUNK) -> list[Tensor]:
    """½‖y(x) - y(x')‖² as a soft spot of x is blurred to x', the state held (Greydanus et al. 2018, eq. 2).

    Args:
        view: of the policy.
        inputs: prepared, (B, …).
        targets: what is explained.
        chunk: how many variants go through the network together.
    """
    x = view.explained(inputs.observation)
    plain = view.ask(inputs, x)
    reads = [target.bind(plain) for target in targets]
    before = [read(plain, None) for read in reads]  # (B, K) each
    count = len(masks_for(tuple(x.shape[1:]), view.patches)[0])
    scores = [x.new_zeros(len(x), count) for _ in targets]
    for i, masks, outputs, rows in _hidden(view, inputs, x, chunk):
        for read, y, score in zip(reads, before, scores, strict=True):
            score[i, masks] = 0.5 * (read(outputs, rows) - y[i]).square().sum(1)
    return [_on_observation(view, score, x) for score in scores]


@torch.no_grad()
def sarfa(view: View, inputs: Inputs, targets: Sequence[Target], chunk: int = CHUNK) -> list[Tensor]:
    """How much a spot matters for one action rather than for all of them (Puri et al. 2020).

    Args:
        view: of the policy.
        inputs: prepared, (B, …).
        targets: what is explained, each one action.
        chunk: how many variants go through the network together.
    """
    x = view.explained(inputs.observation)
    plain = view.ask(inputs, x)
    count = len(masks_for(tuple(x.shape[1:]), view.patches)[0])
    scores = [x.new_zeros(len(x), count) for _ in targets]
    for i, masks, outputs, _ in _hidden(view, inputs, x, chunk):
        for target, score in zip(targets, scores, strict=True):
            assert target.part is not None
            before, after = plain.parameters[target.part][i], outputs.parameters[target.part]
            action = int(before.argmax()) if target.index is None else target.index
            score[i, masks] = sarfa_score(before, after, action)
    return [_on_observation(view, score, x) for score in scores]


def sarfa_score(before: Tensor, after: Tensor, action: int) -> Tensor:
    """2KΔp / (K + Δp) for an action, 0 where Δp <= 0 (Puri et al. 2020, eq. 4).

    Args:
        before: logits (n,) of the observation as it is.
        after: logits (M, n) of its variants.
        action: the action that is explained.
    """
    drop = before.softmax(-1)[action] - after.softmax(-1)[:, action]  # Δp, eq. 2
    others = torch.arange(len(before), device=before.device) != action
    rest, rest_after = before[others].log_softmax(-1), after[:, others].log_softmax(-1)
    divergence = (rest_after.exp() * (rest_after - rest)).sum(-1)  # KL of the other actions, eq. 3
    similar = 1 / (1 + divergence)
    return torch.where(drop > 0, 2 * similar * drop / (similar + drop), 0.0)


@torch.no_grad()
def occlusion(view: View, inputs: Inputs, targets: Sequence[Target]) -> list[Tensor]:
    """How the output falls as a grey window slides over the observation (Zeiler & Fergus 2014)."""
    from captum.attr import Occlusion  # slow to import: only where it is used

    x = view.explained(inputs.observation)
    if x.ndim == 4:
        side = max(1, min(x.shape[2:]) // 10)
        deep = 1 if view.patches else x.shape[1]
        window, step = (deep, side, side), (deep, max(1, side // 2), max(1, side // 2))
        grey: Tensor | float = x.mean((1, 2, 3), keepdim=True).expand_as(x)
    else:
        window, step, grey = (1,) * (x.ndim - 1), (1,) * (x.ndim - 1), 0.0

    def attribute(column: Column, rows: Tensor) -> Tensor:
        return Occlusion(column).attribute(
            x, window, step, baselines=grey, additional_forward_args=(rows,), perturbations_per_eval=CHUNK
        )

    return by_output(view, inputs, targets, x, attribute)
