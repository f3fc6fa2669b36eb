"""From maps over an observation to maps over the picture that a person (and the ground truth) knows."""

from collections.abc import Mapping, Sequence

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from torch import Tensor

from ...envs.protocols import Gaze, HasActionMeanings, HasGaze, NamesActions, find_layer, world_of
from ...viz.panels import Bar


def gaze_of(env: gym.Env | VectorEnv) -> Gaze | None:
    """The gaze of an environment (or of a vector of them) that is seen through a retina, None of any other."""
    layer = find_layer(env, HasGaze)
    return None if layer is None else layer.gaze()


def on_picture(maps: Tensor, gaze: Gaze | None = None) -> Tensor:
    """The size of maps on the picture, float (B, H, W).

    Frames or channels (B, C, H, W) are summed. Patches of a retina (B, K·C, p, p) go back to where they were looked
    up: each patch pixel's amount is spread over the pixels that it averages. A vector (B, n) is a picture of one row.

    Args:
        maps: over the explained part of an observation, (B, …).
        gaze: where the patches were, if they are a retina's.
    """
    maps = maps.abs()
    if maps.ndim == 3:  # a picture without channels
        return maps
    if maps.ndim != 4:
        return maps.reshape(len(maps), 1, -1)
    if gaze is None:
        return maps.sum(1)
    pictures, outlines = gaze[0], gaze[1].to(maps.device)
    batch, scales = outlines.shape[:2]
    side = maps.shape[-1]
    patches = maps.view(batch, scales, -1, side, side).sum(2)  # (B, K, p, p)
    height, width = pictures.shape[1:3]
    whole = maps.new_zeros(batch, height, width)
    for k in range(scales):
        left, top, right, bottom = outlines[:, k].unbind(-1)  # (B,)
        rows, inside_rows = _cells(height, top, bottom, side)
        columns, inside_columns = _cells(width, left, right, side)
        spread = ((right - left) / side * (bottom - top) / side)[:, None, None]  # pixels that a cell averages
        here = patches[:, k].gather(1, rows[..., None].expand(-1, -1, side))  # (B, H, p)
        here = here.gather(2, columns[:, None].expand(-1, height, -1)) / spread  # (B, H, W)
        whole += here * (inside_rows[:, :, None] & inside_columns[:, None, :])
    return whole


def _cells(pixels: int, begin: Tensor, end: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Which cell of a patch each row (or column) of the picture falls into, and whether it does, (B, pixels)."""
    at = torch.arange(pixels, device=begin.device) + 0.5
    cell = ((at - begin[:, None]) / (end - begin)[:, None] * side).floor().long()
    return cell.clamp(0, side - 1), (cell >= 0) & (cell < side)


def backdrop(observation: Tensor, gaze: Gaze | None = None) -> np.ndarray:
    """What maps are drawn on: the newest frame of one prepared observation (C, H, W), uint8 (H, W) or (H, W, 3)."""
    if gaze is not None:
        return gaze[0][0].cpu().numpy()
    values = observation.detach().cpu().numpy()
    if values.ndim == 2:
        values = values[None]
    if values.ndim != 3:
        flat = values.reshape(1, -1).astype(float)
        low, high = flat.min(), flat.max()
        return (255 * (flat - low) / max(high - low, 1e-9)).astype(np.uint8)
    newest = np.moveaxis(values, 0, -1) if len(values) == 3 else values[-1]  # three channels are colours
    low, high = float(newest.min()), float(newest.max())
    if low < 0 or high > 1:  # normalised by somebody: the range that is there
        newest = (newest - low) / max(high - low, 1e-9)
    return (255 * newest).astype(np.uint8)


def names_of_actions(env: gym.Env | VectorEnv) -> Sequence[str] | None:
    """What an environment's actions are called, as our worlds or the Arcade Learning Environment say it."""
    world, inner = world_of(env), env.unwrapped
    if isinstance(world, NamesActions):
        return list(world.action_names)
    return [str(name).lower() for name in inner.get_action_meanings()] if isinstance(inner, HasActionMeanings) else None


def bars_of(
    parts: Mapping[str, spaces.Space],
    parameters: Mapping[str, np.ndarray],
    names: Sequence[str] | None,
    q_values: bool = False,
) -> list[Bar]:
    """What a policy says as bars: a probability (or Q-value, from the least up) for each action; other parts as text.

    Args:
        parts: the spaces of the action's parts.
        parameters: of each part's distribution, (n,) or as the part's shape.
        names: of the values of a Discrete action; None numbers them.
        q_values: whether the parameters of Discrete parts are Q-values rather than logits.
    """
    bars: list[Bar] = []
    for part, space in parts.items():
        numbers = parameters.get(part)
        if numbers is None:
            continue
        prefix = "" if len(parts) == 1 else f"{part} "
        if isinstance(space, spaces.Discrete):
            odds = numbers - numbers.min() + 1e-6 if q_values else np.exp(numbers - numbers.max())
            known = names if names is not None and len(names) == space.n and len(parts) == 1 else None
            shares = odds / odds.sum()
            bars += [Bar(prefix + (known[i] if known else str(i)), float(p)) for i, p in enumerate(shares)]
        elif isinstance(space, spaces.MultiBinary):
            bars += [Bar(f"{prefix}{i}", float(1 / (1 + np.exp(-x)))) for i, x in enumerate(numbers.ravel())]
        else:
            bars += [Bar(f"{prefix}{i} = {x:.2f}", None) for i, x in enumerate(numbers.ravel())]
    return bars
