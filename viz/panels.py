"""The picture of an instrument: frame, policy and maps side by side, each with its legend."""

from functools import cache

import cv2
import numpy as np
from gymnasium import spaces

SIDE = 252  # pixels of a panel: three for each of an Atari frame
MARGIN, TITLE, LEGEND = 8, 22, 26
BACKGROUND, TEXT, DIM = (24, 26, 32), (230, 232, 236), (150, 154, 162)
RED, BAR, CHOSEN = (235, 40, 30), (86, 140, 200), (255, 214, 64)
MOST_BARS = 18
RED_INK = np.array(RED, np.float32)


def compose(rows: list[list[np.ndarray]]) -> np.ndarray:
    """Panels of one size in rows, uint8 (H, W, 3), with even sides."""
    widest = max(len(row) for row in rows)
    lines = [np.concatenate([*row, *[_blank()] * (widest - len(row))], 1) for row in rows]
    return np.concatenate(lines)


@cache
def _blank() -> np.ndarray:
    return np.full((SIDE + TITLE + LEGEND + MARGIN, SIDE + MARGIN, 3), BACKGROUND, np.uint8)


def blank_panel() -> np.ndarray:
    """A panel with nothing on it."""
    return _blank().copy()


def _panel(title: str) -> tuple[np.ndarray, np.ndarray]:
    """An empty panel with its title, and the part of it that is drawn on."""
    canvas = blank_panel()
    _write(canvas, title, (MARGIN // 2, 15))
    return canvas, canvas[TITLE : TITLE + SIDE, MARGIN // 2 : MARGIN // 2 + SIDE]


def frame_panel(picture: np.ndarray, title: str = "frame") -> np.ndarray:
    """A picture, uint8 (H, W) or (H, W, 3), fitted into a panel."""
    canvas, inner = _panel(title)
    _fit(inner, picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, 2))
    return canvas


def map_panel(found: np.ndarray, backdrop: np.ndarray, title: str, made_by: str = "") -> np.ndarray:
    """A map (H, W) in red on its grey picture (H, W); the legend says how much full red is, and how it was made."""
    canvas, inner = _panel(title)
    top = float(found.max())
    amount = (found / top if top > 0 else found)[..., None].astype(np.float32)
    amount = np.sqrt(amount)  # small amounts must be seen: so is the legend's ramp
    grey = backdrop[..., None].astype(np.float32) * 0.6
    _fit(inner, (grey * (1 - amount) + RED_INK * amount).astype(np.uint8))
    y = TITLE + SIDE + 8
    canvas[y : y + 10, MARGIN // 2 + 14 : MARGIN // 2 + 104] = _ramp()
    _write(canvas, "0", (MARGIN // 2 + 2, y + 10), DIM)
    _write(canvas, f"{top:.2g}" if top > 0 else "nothing", (MARGIN // 2 + 110, y + 10), DIM)
    if made_by:
        (width, _), _ = cv2.getTextSize(made_by, cv2.FONT_HERSHEY_SIMPLEX, 0.42, 1)
        _write(canvas, made_by, (MARGIN // 2 + SIDE - width - 2, y + 10), DIM)
    return canvas


@cache
def _ramp() -> np.ndarray:
    """From nothing to full red."""
    return (np.sqrt(np.linspace(0, 1, 90, dtype=np.float32))[None, :, None] * RED_INK).astype(np.uint8)


def policy_panel(
    parts: dict[str, spaces.Space],
    parameters: dict[str, np.ndarray],
    value: float | None,
    names: list[str] | None,
    q_values: bool = False,
) -> np.ndarray:
    """What the policy says now: a bar for each action's probability (or Q-value, from the least up), and the value."""
    canvas, inner = _panel("Q-values" if q_values else "policy")
    bars: list[tuple[str, float]] = []
    for part, space in parts.items():
        numbers = parameters.get(part)
        if numbers is None:
            continue
        prefix = "" if len(parts) == 1 else f"{part} "
        if isinstance(space, spaces.Discrete):
            odds = numbers - numbers.min() + 1e-6 if q_values else np.exp(numbers - numbers.max())
            known = names if names is not None and len(names) == space.n and len(parts) == 1 else None
            bars += [(prefix + (known[i] if known else str(i)), p) for i, p in enumerate(odds / odds.sum())]
        elif isinstance(space, spaces.MultiBinary):
            bars += [(f"{prefix}{i}", 1 / (1 + np.exp(-x))) for i, x in enumerate(numbers.ravel())]
        else:
            bars += [(f"{prefix}{i} = {x:.2f}", float("nan")) for i, x in enumerate(numbers.ravel())]
    bars = bars[:MOST_BARS]
    tall = min(26, SIDE // max(1, len(bars)))
    best = max((p for _, p in bars if p == p), default=2.0)
    for row, (name, p) in enumerate(bars):
        y = row * tall
        if p == p:
            colour = CHOSEN if p == best else BAR
            inner[y + 3 : y + tall - 3, 104 : 104 + max(1, round(p * (SIDE - 110)))] = colour
        _write(inner, name[:14] if p == p else name, (2, y + tall // 2 + 5))
    if value is not None:
        _write(canvas, f"value {value:.3f}", (MARGIN // 2 + 2, TITLE + SIDE + 18), DIM)
    return canvas


def _fit(inner: np.ndarray, picture: np.ndarray) -> None:
    """Enlarge (or shrink) a picture into a square, without distortion except for vectors, which fill the width."""
    height, width = picture.shape[:2]
    if height == 1:
        tall, wide = 40, SIDE
    else:
        scale = SIDE / max(height, width)
        tall, wide = max(1, round(height * scale)), max(1, round(width * scale))
    way = cv2.INTER_NEAREST if max(height, width) <= SIDE else cv2.INTER_AREA
    top, left = (SIDE - tall) // 2, (SIDE - wide) // 2
    inner[top : top + tall, left : left + wide] = cv2.resize(picture, (wide, tall), interpolation=way)


def _write(canvas: np.ndarray, words: str, at: tuple[int, int], colour: tuple[int, int, int] = TEXT) -> None:
    cv2.putText(canvas, words, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, 1, cv2.LINE_AA)
