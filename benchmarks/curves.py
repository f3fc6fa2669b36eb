"""The page's part on how cost grows, from what benchmarks/growth.py measured."""

from pathlib import Path
from typing import NamedTuple, TypedDict

from limits import measured, number

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "growth.png"
LEVEL, RISEN = 1.5, 1.3  # times the lowest cost of a unit: where it counts as level, where as risen again


class CurveFigures(TypedDict):
    """How the cost of one thing grows.

    Attributes:
        label: its name.
        sizes: from small to great.
        times: seconds of a unit at each size.
        peaks: the most bytes that the process had so far, at each size.
        ended: why the curve stops before the greatest size; "" if it doesn't.
    """

    label: str
    sizes: list[int]
    times: list[float]
    peaks: list[int]
    ended: str


class Panel(NamedTuple):
    """A part of the picture of curves, and a table.

    Attributes:
        size: what grows, one of those of benchmarks/growth.py.
        title: of the panel.
        along: what grows, in words.
        unit: of the figures.
        factor: from seconds or bytes to the unit.
        why: the curves are as they are.
        memory: whether it shows memory instead of time.
    """

    size: str
    title: str
    along: str
    unit: str
    factor: float
    why: str
    memory: bool = False

    def values(self, curve: CurveFigures) -> list[float]:
        """What is shown of a curve, in seconds or bytes."""
        return [float(peak) for peak in curve["peaks"]] if self.memory else curve["times"]

    def straight(self, curve: CurveFigures) -> str:
        """What is said of a curve: where it is level, or what each further moment takes."""
        if not self.memory:
            return straight(curve["times"], curve["sizes"])
        if len(curve["sizes"]) < 2:
            return "–"
        more = (curve["peaks"][-1] - curve["peaks"][-2]) / (2 * (curve["sizes"][-1] - curve["sizes"][-2]))
        return f"{number(more / 1e3)} kB for each further moment, at the end"


PANELS = [
    Panel(
        "worlds",
        "More worlds at once",
        "worlds",
        "µs per world and step",
        1e6,
        "Of few worlds a step costs what asking for its operators costs, however few they are, so more are nearly "
        "free; from some hundred on each costs its own arithmetic and memory. Frames of the Probe worlds are tens "
        "of kilobytes a world: they stay level because the processes here keep their memory "
        "(`MALLOC_MMAP_THRESHOLD_`, benchmarks/turns.py), where glibc's default gives it back and faults it in "
        "again at every step.",
    ),
    Panel(
        "side",
        "A larger picture",
        "side of the picture, pixels",
        "µs per world and step",
        1e6,
        "A glimpse is computed straight from what lies on the picture, so the picture's side costs nothing. Who "
        'asks for the whole picture (`view="image"`) pays for its pixels, the square of the side, as soon as they '
        "outweigh a step's operators. ClutteredDigits, 16 worlds.",
    ),
    Panel(
        "rows",
        "A larger memory",
        "rows of memory",
        "µs per row and moment",
        1e6,
        "Batch 1, 11 moments. Of few rows the controller and the calls are the cost, the same for any memory, so a "
        "row gets cheaper. In the end the NTM is level; with all links each row has one to each other row, so its "
        "cost grows as the rows do; 8 links a row take that away at some more work for each.",
    ),
    Panel(
        "length",
        "A longer sequence: time",
        "length: bit vectors to copy",
        "µs per moment",
        1e6,
        "Batch 4, forward and backward. A moment costs the same wherever it is in the sequence.",
    ),
    Panel(
        "length",
        "A longer sequence: memory",
        "length: bit vectors to copy",
        "MB, the whole process",
        1e-6,
        "The same runs: the most memory that the process had, so this panel rises where moments cost memory. The "
        "libraries are the level part; beyond it what the backward pass needs is kept for every moment, or, computed "
        "again in pieces of the square root of the length (`--learner.recompute_every`), for as many as a piece has.",
        memory=True,
    ),
    Panel(
        "text",
        "A longer text: time",
        "characters",
        "µs per character",
        1e6,
        "Measured after the other panels, on the same machine. Agents as for `Sequence/Text-v0`, 4 texts, read and "
        "learned from (forward and backward). Each character of the transformer is compared with all before it, so a "
        "character costs more the longer the text is; of the LSTM it costs the same anywhere.",
    ),
    Panel(
        "text",
        "A longer text: memory",
        "characters",
        "MB, the whole process",
        1e-6,
        "The same runs. The transformer keeps a weight for each pair of characters, head and layer; the LSTM a state "
        "for each character.",
        memory=True,
    ),
    Panel(
        "batch",
        "A larger batch",
        "episodes at once",
        "ms per episode",
        1e3,
        "Copy of length 20. Of one episode the calls are most of the cost, which a batch shares; then the products "
        "are.",
    ),
    Panel(
        "threads",
        "More cores (level: n cores are n times as fast)",
        "cores",
        "ms per update: wall time × cores",
        1e3,
        "Copy of length 20, 64 episodes; wall time times cores, so that a level curve is one that n cores make n times "
        "as fast. The kernels share the episodes out; what PyTorch does around them, one operator after the other, "
        "stays on one core.",
    ),
]


def growth_part(report: dict) -> list[str]:
    """The curves and their tables.

    Args:
        report: what benchmarks/growth.py wrote.
    """
    lines = ["\n## How its cost grows (`python benchmarks/growth.py`)\n", measured(report), ""]
    lines += [f"![Cost of a unit against the size that grows]({PICTURE.name})\n"]
    lines += [
        "But for memory each figure is the cost of one unit: a level curve is a cost that grows as the size does."
    ]
    for panel in PANELS:
        curves: list[CurveFigures] = report["curves"].get(panel.size, [])
        if not curves:
            continue
        sizes = max((curve["sizes"] for curve in curves), key=len)
        head = [panel.unit, *(f"{size:,}" for size in sizes), "its straight line"]
        lines += [f"\n### {panel.title} ({panel.along})\n", panel.why, ""]
        lines += [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
        for curve in curves:
            shown = [number(panel.factor * value) for value in panel.values(curve)]
            shown += [curve["ended"] or "–"] * (len(sizes) - len(shown))
            lines.append(f"| {' | '.join([curve['label'], *shown, panel.straight(curve)])} |")
    return lines


def straight(values: list[float], sizes: list[int]) -> str:
    """Where a curve is level, that is where cost grows as the size does, in words.

    Args:
        values: the cost of a unit at each size.
        sizes: from small to great.
    """
    if not values or min(values) <= 0:
        return "–"
    least = min(values)
    begin = next(i for i, value in enumerate(values) if value <= LEVEL * least)
    risen = [value > RISEN * least for value in values]
    end = next((i for i in range(values.index(least), len(values)) if all(risen[i:])), None)  # for good
    level = f"from {sizes[begin]:,}" if begin else "from the smallest"
    return f"{level} on" if end is None else f"{level}, left at {sizes[end]:,} ({values[-1] / least:.1f} times at most)"
