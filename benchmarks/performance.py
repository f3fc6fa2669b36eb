"""Write docs/performance.md from what was measured.

python benchmarks/peers.py            others beside us: benchmarks/peers.json
python benchmarks/growth.py           how cost grows: benchmarks/growth.json, docs/growth.png
python benchmarks/performance.py      this page alone, from those files
"""

import json
from pathlib import Path
from typing import NamedTuple, TypedDict

from limits import Limits, said

ROOT = Path(__file__).resolve().parent.parent
PAGE, PICTURE = ROOT / "docs" / "performance.md", ROOT / "docs" / "growth.png"
LEVEL, RISEN = 1.5, 1.3  # times the lowest cost of a unit: where it counts as level, where as risen again
HEAD = """# Performance

Written by `python benchmarks/performance.py`; nothing here is typed by hand. `make bench` measures both parts again.
"""


class PeerRow(TypedDict):
    """A line of the table of peers.

    Attributes:
        group: one of `GROUPS`.
        what: is measured.
        ours: our figure; None if there is none.
        against: the other's name, or "".
        theirs: its figure.
        ratio: how many times as fast we are (or how many times its cost ours is), and its 95 % interval; may be empty.
        goal: of the ratio; where there is no other, of our figure.
        missing: why a figure is missing.
    """

    group: str
    what: str
    ours: float | None
    against: str
    theirs: float | None
    ratio: list[float]
    goal: float | None
    missing: str


class Group(NamedTuple):
    """Rows with the same unit.

    Attributes:
        title: of the table.
        text: below the title.
        unit: of the figures.
        cost: whether the ratio is ours by theirs, a cost that shall be low; else theirs by ours, "times as fast".
        factor: from seconds to the unit; 0 for steps a second.
    """

    title: str
    text: str
    unit: str
    cost: bool
    factor: float

    def figure(self, seconds: float, steps: int) -> float:
        """The figure of a piece of work.

        Args:
            seconds: that it took.
            steps: in it.
        """
        return self.factor * seconds / steps if self.factor else steps / seconds

    @property
    def ratio(self) -> str:
        """What the ratio is called."""
        return "times its cost" if self.cost else "times as fast"


GROUPS = {
    "cores": Group(
        "Training steps of cores",
        "Forward, backward, clipping and RMSprop on Copy of length 20 (41 moments, 8 bits), 100 units.",
        "ms",
        False,
        1e3,
    ),
    "ppo": Group(
        "Recurrent PPO, playing and learning",
        "64 worlds, 64 steps, 4 passes over 8 minibatches. Both have one LSTM that actor and critic share; "
        "sb3-contrib's default is one each.",
        "steps a second",
        False,
        0.0,
    ),
    "worlds": Group(
        "Worlds, many at once",
        "Steps of all worlds with one action, ends of episodes and beginnings of the next included; numpy in and out.",
        "steps a second",
        False,
        0.0,
    ),
    "single": Group("Worlds, one alone", "The single face, beginnings of episodes included.", "µs a step", False, 1e6),
    "maps": Group(
        "Saliency by gradients", "The dueling network on 84x84x4, one picture; in forward passes.", "ms", True, 1e3
    ),
    "masks": Group("Saliency by perturbation", "The same network, 289 masks.", "ms", False, 1e3),
    "start": Group("Starting", "New processes, what they import read from disk before.", "ms", True, 1e3),
}


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
        "µs a world and step",
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
        "µs a world and step",
        1e6,
        "A glimpse is computed straight from what lies on the picture, so the picture's side costs nothing. Who "
        'asks for the whole picture (`view="image"`) pays for its pixels, the square of the side, as soon as they '
        "outweigh a step's operators. ClutteredDigits, 16 worlds.",
    ),
    Panel(
        "rows",
        "A larger memory",
        "rows of memory",
        "µs a row and moment",
        1e6,
        "Batch 1, 11 moments. Of few rows the controller and the calls are the cost, the same for any memory, so a "
        "row gets cheaper. In the end the NTM is level; with all links each row has a link to each other one, so a row's "
        "cost grows as the rows do; 8 links a row take that away at some more work for each.",
    ),
    Panel(
        "length",
        "A longer sequence: time",
        "bit vectors to copy",
        "µs a moment",
        1e6,
        "Batch 4, forward and backward. A moment costs the same wherever it is in the sequence.",
    ),
    Panel(
        "length",
        "A longer sequence: memory",
        "bit vectors to copy",
        "MB, the whole process",
        1e-6,
        "The same runs: the most memory that the process had, so this panel rises where moments cost memory. The "
        "libraries are the level part; beyond it what the backward pass needs is kept for every moment.",
        memory=True,
    ),
    Panel(
        "batch",
        "A larger batch",
        "episodes at once",
        "ms an episode",
        1e3,
        "Copy of length 20. Of one episode the calls are most of the cost, which a batch shares; then the products "
        "are.",
    ),
]


def missing_row(group: str, what: str, why: str) -> PeerRow:
    """A line without figures.

    Args:
        group: one of `GROUPS`.
        what: is measured.
        why: there are none.
    """
    none: PeerRow = {
        "group": group, "what": what, "ours": None, "against": "", "theirs": None, "ratio": [], "goal": None,
        "missing": why,
    }  # fmt: skip
    return none


def number(value: float | None) -> str:
    """A figure with three digits that count, or a dash."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def cells(row: PeerRow) -> list[str]:
    """What is written of a line: ours, the other, its figure, the ratio, its interval, the goal and how near it is."""
    group = GROUPS[row["group"]]
    shown = [number(row["ours"]), row["against"] or "–", row["missing"] or number(row["theirs"])]
    shown += [number(row["ratio"][0]), "–".join(map(number, row["ratio"][1:]))] if row["ratio"] else ["–", "–"]
    value = row["ratio"][0] if row["ratio"] else None if row["against"] else row["ours"]
    if row["goal"] is None or value is None:
        return [*shown, "–" if row["goal"] is None else f"{number(row['goal'])}, not known"]
    most = group.cost if row["against"] else bool(group.factor)  # times, not rates, shall be low
    ends = [end <= row["goal"] if most else end >= row["goal"] for end in (row["ratio"][1:] or [value])]
    verdict = "reached" if all(ends) else "perhaps" if any(ends) else "missed"
    return [*shown, f"{'≤' if most else '≥'} {number(row['goal'])}, {verdict}"]


def printed(row: PeerRow) -> str:
    """A line for the terminal."""
    ours, against, theirs, times, interval, goal = cells(row)
    group = GROUPS[row["group"]]
    line = f"{row['what']:<48}{ours:>11} {group.unit}"
    if row["against"]:
        line += f"; {against} {theirs}; {times} {group.ratio} ({interval})"
    return line + (f"; goal {goal}" if goal != "–" else "")


def peers_part(report: dict) -> list[str]:
    """The tables of peers.

    Args:
        report: what benchmarks/peers.py wrote.
    """
    lines = [
        "\n## Against peers (`make bench`)\n",
        measured(report),
        "The sides take turns, A B B A; intervals are 95 %, by resampling turns.\n",
    ]
    for name, group in GROUPS.items():
        rows = [row for row in report["rows"] if row["group"] == name]
        if not rows:
            continue
        head = ["what", f"ours, {group.unit}", "beside", f"its {group.unit}", group.ratio, "interval", "goal"]
        lines += [f"\n### {group.title}\n", group.text, "", f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
        lines += [f"| {' | '.join([row['what'], *cells(row)])} |" for row in rows]
    return lines


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


def measured(report: dict) -> str:
    """How it was measured, and what the machine gives at most.

    Args:
        report: with cores, the load at beginning and end, and the limits.
    """
    begin, end = report["load"]
    busy = max(begin, end) > 1.5
    found: Limits = report["limits"]
    return (
        f"Processor time, one thread, medians; on {'a busy' if busy else 'an idle'} machine of "
        f"{report['cores']} cores ({begin:.1f} programs ran when it began, {end:.1f} when it ended). {said(found)} {report.get('note', '')}"
    )


def write(page: Path, peers: Path | None = None, growth: Path | None = None) -> None:
    """Write the page from the figures that there are.

    Args:
        page: the file.
        peers: what benchmarks/peers.py wrote, if not where it usually is.
        growth: what benchmarks/growth.py wrote, if not where it usually is.
    """
    lines = [HEAD.strip()]
    here = ROOT / "benchmarks"
    for file, part in ((peers or here / "peers.json", peers_part), (growth or here / "growth.json", growth_part)):
        if file.exists():
            lines += part(json.loads(file.read_text(encoding="utf-8")))
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{page}: written")


if __name__ == "__main__":
    write(PAGE)
