"""The picture of a memory's trace: what was written, read and due, moment by moment."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .canvas import as_bytes, blank, enlarge, even, heat, line
from .palette import GREY, INK, LATER, WHITE
from .text import width_of, write

GATES = ("content_gate", "write_gate", "allocation_gate", "free_gates")
SCALE = "0 black ... 1 yellow"
TITLES = {
    "inputs": "input",
    "outputs": "output",
    "targets": "target (grey: nothing due)",
    "write_weights": f"write weights: which row of memory is written ({SCALE})",
    "read_weights": f"read weights: which row of memory is read ({SCALE})",
    "memory_jacobian": "what the output owes to each row: |dy/dM(i)|",
    "usage": f"usage: how much a row is taken ({SCALE})",
    "gates": "gates (0 white: shut ... 1 black: open)",
    "content_gate": "content gate (0 white: goes on by place ... 1 black: looks for content)",
}
TITLE, TIME, EDGE = 24, 26, 8  # pixels of a strip's title, of the axis of time, and around all
SMALL = 0.4  # of letters beside a strip
# pixels of a row in a strip, and of the highest strip
ROWS = {"gates": (20, 200), **dict.fromkeys(("write_weights", "read_weights", "memory_jacobian", "usage"), (12, 220))}
OTHERS = (6, 200)


class Strip(NamedTuple):
    """A part of a trace over time.

    Attributes:
        picture: uint8 (rows, T, 3).
        names: what is written on its left, and how far below its upper edge, as a share of its height.
    """

    picture: np.ndarray
    names: Sequence[tuple[str, float]] = ()


def draw_trace(trace: dict[str, np.ndarray], width: int, span: int = 0) -> np.ndarray:
    """A trace as a picture: strips over time, one below the other, and the memory as it is now on the right.

    Args:
        trace: arrays (T, …) by name: `inputs` (T, K), `outputs` (T, K'), `actions`, `targets`, `due` bool (T,);
            and, where they are there, `write_weights` and `read_weights` (T, heads, rows), `memory` (T, rows, W),
            `usage` and `memory_jacobian` (T, rows), and the gates (T, …).
        width: of the picture, even.
        span: moments that the axis of time has room for, so that it stays as it is while a trace grows; at least T.

    Returns:
        uint8 (H, width, 3), H even.
    """
    titles = dict(TITLES)
    if "content_gate" in trace:
        titles["gates"] = titles["content_gate"]
    if span > len(trace["due"]):
        titles["inputs"] += " (pale blue: still to come)"
    if "memory_jacobian" in trace:
        titles["memory_jacobian"] += f" (0 black ... {trace['memory_jacobian'].max():.2g} yellow)"
    strips = _strips(trace)
    # in a film every frame has the heights of the whole memory, though few of its rows may be used yet
    rows = _all_rows(trace) if span else {name: len(strip.picture) for name, strip in strips.items()}
    canvas = blank(_height(rows), width, WHITE)
    left, side = min(112, width // 5), width // 7  # of the names, and of the memory
    wide = width - left - side - 2 * EDGE
    y = 0
    for name, (picture, names) in strips.items():
        write(canvas, titles[name], (EDGE, y + 17))
        y, tall = y + TITLE, _tall(name, rows[name])
        later = blank(len(picture), max(0, span - picture.shape[1]), LATER)
        canvas[y : y + tall, left : left + wide] = enlarge(np.concatenate([picture, later], 1), tall, wide)
        for words, share in names:
            write(canvas, words, (left - 6, y + round(share * tall) + 4), SMALL, right=True)
        y += tall
    words = "time, one step a column"
    write(canvas, words, (left, y + 19))
    start, end, middle = left + width_of(words) + 10, left + wide - 1, y + 14
    for begin in ((start, middle), (end - 6, middle - 4), (end - 6, middle + 4)):
        line(canvas, begin, (end, middle), INK, smooth=True)
    if "memory" in trace:
        _draw_memory(
            canvas[:, width - side :],
            trace["memory"][-1][_used_rows(trace)],
            ("memory", "now") if span else ("memory after", "the last step"),
        )
    return canvas


def tallest(trace: dict[str, np.ndarray]) -> int:
    """The height of the picture of a trace with a span: of one memory's pictures none is higher."""
    return _height(_all_rows(trace))


def _draw_memory(canvas: np.ndarray, memory: np.ndarray, when: tuple[str, str]) -> None:
    """The numbers in a memory, float (rows, W), on a canvas of its own, and below them what their colours mean."""
    height, width = canvas.shape[0], canvas.shape[1] - EDGE
    for number, words in enumerate((*when, "rows as on the left")):
        write(canvas, words, (0, 17 + 16 * number), SMALL)
    top = max(1e-6, float(np.abs(memory).max()))
    bottom = height - 2 * TITLE
    canvas[TITLE + 36 : bottom, :width] = enlarge(
        heat(0.5 + 0.5 * memory / top, "twilight"), bottom - TITLE - 36, width
    )
    canvas[bottom + 8 : bottom + 18, :width] = heat(np.linspace(0, 1, width)[None], "twilight")
    write(canvas, f"{-top:.2g}", (0, bottom + 34), SMALL)
    write(canvas, "0", (width // 2 - 3, bottom + 34), SMALL)
    write(canvas, f"+{top:.2g}", (width, bottom + 34), SMALL, right=True)


def _all_rows(trace: dict[str, np.ndarray]) -> dict[str, int]:
    """How many rows each strip would have if all rows of the memory were used."""
    outputs = max(trace["outputs"].shape[1], trace["actions"].shape[1])
    rows = {"inputs": trace["inputs"].shape[1], "outputs": outputs, "targets": trace["targets"].shape[1]}
    kept = [name for name in ("write_weights", "read_weights", "memory_jacobian", "usage") if name in trace]
    rows |= {name: int(np.prod(trace[name].shape[1:])) for name in kept}
    gates = [int(np.prod(trace[name].shape[1:])) for name in GATES if name in trace]
    return {**rows, "gates": sum(gates)} if gates else rows


def _tall(name: str, rows: int) -> int:
    """The pixels of a strip of so many rows."""
    row, most = ROWS.get(name, OTHERS)
    return max(44, min(most, rows * row))


def _height(rows: dict[str, int]) -> int:
    """The pixels of a picture of strips of so many rows."""
    return even(sum(TITLE + _tall(name, count) for name, count in rows.items()) + TIME)


def _strips(trace: dict[str, np.ndarray]) -> dict[str, Strip]:
    """Each part of a trace."""
    strips = {}
    inputs, due = trace["inputs"], trace["due"]
    strips["inputs"] = Strip(_grey(np.abs(inputs) / max(1.0, float(np.abs(inputs).max()))))
    outputs, targets = trace["outputs"], trace["targets"]
    bits = outputs.shape == targets.shape  # a MultiBinary action: one logit a bit
    shown = 1 / (1 + np.exp(-outputs)) if bits else trace["actions"] / max(1.0, float(np.abs(trace["actions"]).max()))
    strips["outputs"] = Strip(_grey(np.where(due[:, None], shown, np.nan)))
    if not np.isnan(targets).any():
        share = targets / max(1.0, float(targets.max()))
        strips["targets"] = Strip(_grey(np.where(due[:, None], share, np.nan)))
    rows = _used_rows(trace)
    ends = [(f"row {rows[end]}", (end % len(rows) + 0.5) / len(rows)) for end in (0, -1)]
    for name in ("write_weights", "read_weights"):
        if name in trace:
            heads = trace[name][..., rows]  # (T, heads, rows)
            count = heads.shape[1]
            named = [(f"head {h + 1}", (h + 0.5) / count) for h in range(count)] if count > 1 else ends
            strips[name] = Strip(np.concatenate([heat(heads[:, h].T) for h in range(count)]), named)
    if "memory_jacobian" in trace:
        owed = trace["memory_jacobian"][:, rows]  # (T, rows)
        one_scale = (owed / max(float(owed.max()), 1e-12)).T  # for all moments
        strips["memory_jacobian"] = Strip(heat(one_scale), ends)
    if "usage" in trace:
        strips["usage"] = Strip(heat(trace["usage"][:, rows].T), ends)
    gates = {name: trace[name].reshape(len(due), -1) for name in GATES if name in trace}
    if gates:
        names = [words for name, values in gates.items() for words in _names(trace, name, values.shape[1])]
        named = [(words, (row + 0.5) / len(names)) for row, words in enumerate(names)]
        strips["gates"] = Strip(_grey(np.concatenate(list(gates.values()), 1)), named)
    return strips


def _names(trace: dict[str, np.ndarray], gate: str, count: int) -> list[str]:
    """What each of a gate's rows is called: by the head, as a Turing machine's, or by the gate itself."""
    if gate == "content_gate":
        reads = trace["read_weights"].shape[1]
        return [*_numbered("read head", reads), *_numbered("write head", count - reads)]
    return _numbered(gate.replace("_", " ").removesuffix("s"), count)


def _numbered(name: str, count: int) -> list[str]:
    return [name] if count == 1 else [f"{name} {number}" for number in range(1, count + 1)]


def _used_rows(trace: dict[str, np.ndarray]) -> np.ndarray:
    """The rows of memory between which any head ever looked, in order.

    A Turing machine's memory is a ring, so the order begins behind the longest run of rows that nobody used.
    """
    weights = np.concatenate([trace[name] for name in ("write_weights", "read_weights") if name in trace], 1)
    count = weights.shape[-1]
    used = np.flatnonzero(weights.max((0, 1)) > 0.1)
    if len(used) in (0, count):
        return np.arange(count)
    gaps = np.diff(used, append=used[0] + count)  # to the next used row, around the ring
    last = int(gaps.argmax())
    first = int(used[(last + 1) % len(used)])
    between = count - int(gaps[last]) + 1
    return (first + np.arange(between)) % count


def _grey(values: np.ndarray) -> np.ndarray:
    """(T, K) in [0, 1] as ink, NaN as grey: (K, T, 3)."""
    ink = 255 - as_bytes(np.nan_to_num(values.T))
    return np.where(np.isnan(values.T)[..., None], GREY, ink[..., None]).astype(np.uint8)
