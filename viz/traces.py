"""The picture of a memory's trace: what was written, read and due, moment by moment."""

import numpy as np

from .canvas import as_bytes, blank, enlarge, even, heat
from .palette import GREY, LATER, WHITE
from .text import width_of, write

GATES = ("content_gate", "write_gate", "allocation_gate", "free_gates")
TITLES = {
    "inputs": "input",
    "outputs": "output",
    "targets": "target (grey: nothing due)",
    "write_weights": "write weights (row of memory)",
    "read_weights": "read weights (row of memory)",
    "memory_jacobian": "what the output owes to each row: |dy/dM(i)|",
    "usage": "usage (row of memory)",
}


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
    side = width // 5
    gates = ", ".join(name.replace("_", " ") for name in GATES if name in trace)
    titles = {**TITLES, "gates": f"{gates} (a row for each head; dark is open)"}
    if span > len(trace["due"]):
        titles["inputs"] = f"{titles['inputs']} (pale blue: still to come)"
    if "memory_jacobian" in trace:
        titles["memory_jacobian"] += f" (brightest: {trace['memory_jacobian'].max():.2g})"
    drawn = _strips(trace)
    strips = [(titles[name], picture) for name, picture in drawn.items()]
    # in a film every frame has the heights of the whole memory, though few of its rows may be used yet
    rows = _all_rows(trace) if span else {name: picture.shape[0] for name, picture in drawn.items()}
    heights = [_tall(rows[name]) for name in drawn]
    height = sum(heights) + 24 * len(strips) + 12
    canvas = blank(even(height), width, WHITE)
    y = 0
    for (name, picture), tall in zip(strips, heights, strict=True):
        write(canvas, name, (8, y + 17))
        wide = width - side - 24
        later = blank(picture.shape[0], max(0, span - picture.shape[1]), LATER)
        canvas[y + 24 : y + 24 + tall, 8 : 8 + wide] = enlarge(np.concatenate([picture, later], 1), tall, wide)
        y += 24 + tall
    if "memory" in trace:
        write(canvas, "memory now", (min(width - side, width - 4 - width_of("memory now")), 17))
        memory = trace["memory"][-1][_used_rows(trace)]
        top = max(1e-6, float(np.abs(memory).max()))
        picture = enlarge(heat(0.5 + 0.5 * memory / top, "twilight"), height - 34, side - 8)
        canvas[24 : height - 10, width - side : width - 8] = picture
    return canvas


def tallest(trace: dict[str, np.ndarray]) -> int:
    """The height of the picture of a trace with a span: of one memory's pictures none is higher."""
    rows = _all_rows(trace)
    return even(sum(map(_tall, rows.values())) + 24 * len(rows) + 12)


def _all_rows(trace: dict[str, np.ndarray]) -> dict[str, int]:
    """How many rows each strip would have if all rows of the memory were used."""
    outputs = max(trace["outputs"].shape[1], trace["actions"].shape[1])
    rows = {"inputs": trace["inputs"].shape[1], "outputs": outputs, "targets": trace["targets"].shape[1]}
    kept = [name for name in ("write_weights", "read_weights", "memory_jacobian", "usage") if name in trace]
    rows |= {name: int(np.prod(trace[name].shape[1:])) for name in kept}
    gates = [int(np.prod(trace[name].shape[1:])) for name in GATES if name in trace]
    return {**rows, "gates": sum(gates)} if gates else rows


def _tall(rows: int) -> int:
    """The pixels of a strip of so many rows."""
    return max(44, min(200, rows * 6))


def _strips(trace: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Each part of a trace as a picture (rows, T, 3)."""
    strips = {}
    inputs, due = trace["inputs"], trace["due"]
    strips["inputs"] = _grey(np.abs(inputs) / max(1.0, float(np.abs(inputs).max())))
    outputs, targets = trace["outputs"], trace["targets"]
    bits = outputs.shape == targets.shape  # a MultiBinary action: one logit a bit
    shown = 1 / (1 + np.exp(-outputs)) if bits else trace["actions"] / max(1.0, float(np.abs(trace["actions"]).max()))
    strips["outputs"] = _grey(np.where(due[:, None], shown, np.nan))
    if not np.isnan(targets).any():
        strips["targets"] = _grey(np.where(due[:, None], targets / max(1.0, float(targets.max())), np.nan))
    rows = _used_rows(trace)
    for name in ("write_weights", "read_weights"):
        if name in trace:
            heads = trace[name][..., rows]  # (T, heads, rows)
            strips[name] = np.concatenate([heat(heads[:, h].T) for h in range(heads.shape[1])])
    if "memory_jacobian" in trace:
        owed = trace["memory_jacobian"][:, rows]  # (T, rows)
        strips["memory_jacobian"] = heat((owed / max(float(owed.max()), 1e-12)).T)  # one scale for all moments
    if "usage" in trace:
        strips["usage"] = heat(trace["usage"][:, rows].T)
    gates = [trace[name].reshape(len(due), -1) for name in GATES if name in trace]
    if gates:
        strips["gates"] = _grey(np.concatenate(gates, 1))  # one row a gate and head, closed is white
    return strips


def _used_rows(trace: dict[str, np.ndarray]) -> np.ndarray:
    """The rows of memory between which any head ever looked, in order.

    A Turing machine's memory is a ring, so the order begins behind the longest run of rows that nobody used.
    """
    weights = np.concatenate([trace[name] for name in ("write_weights", "read_weights") if name in trace], 1)
    count = weights.shape[-1]
    used = np.flatnonzero(weights.max((0, 1)) > 0.1)
    if not len(used):
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
