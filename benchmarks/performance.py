"""Write docs/performance.md from what was measured.

python benchmarks/peers.py            others beside us: benchmarks/peers.json
python benchmarks/growth.py           how cost grows: benchmarks/growth.json, docs/growth.png
python benchmarks/gpu.py              on a GPU: benchmarks/gpu.json
python benchmarks/performance.py      this page alone, from those files
"""

import argparse
import json
from pathlib import Path
from typing import NamedTuple, TypedDict

from curves import growth_part
from limits import measured, number, said

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "performance.md"
HEAD = """# Performance

Written by `python benchmarks/performance.py` from measured figures; what comes from other runs than the rest says so
where it stands. `make bench` measures both parts again.
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
    "update": Group(
        "A whole update",
        "Copy of length 20, memory 128x20, LSTM controller of 100 units; episodes collected 64 at a time, the step of "
        "the optimiser and what is logged included.",
        "ms",
        True,
        1e3,
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
    "gpu-worlds": Group(
        "Worlds", "Steps of all worlds with one action, tensors in and out.", "steps a second", False, 0.0
    ),
    "gpu-cores": Group("Training steps of cores", "As above: Copy of length 20, 100 units.", "ms", False, 1e3),
    "gpu-updates": Group("Playing and learning", "Turns of a learner.", "steps a second", False, 0.0),
    "gpu-training": Group("A whole training", "From the command to the last checkpoint.", "minutes", False, 1 / 60),
}


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
    return lines + tables(report)


def gpu_part(report: dict) -> list[str]:
    """The tables of a GPU.

    Args:
        report: what benchmarks/gpu.py wrote.
    """
    lines = [
        "\n## On a GPU (`python benchmarks/gpu.py`)\n",
        f"{report['gpu']}, PyTorch {report['torch']}. Wall time, the device waited for; one thread of the host, "
        f"medians. {said(report['limits'])}",
        "The sides take turns, A B B A; intervals are 95 %, by resampling turns.\n",
        f"{report.get('note', '')}\n",
    ]
    return lines + tables(report)


def tables(report: dict) -> list[str]:
    """One for each group that has rows."""
    lines: list[str] = []
    for name, group in GROUPS.items():
        rows = [row for row in report["rows"] if row["group"] == name]
        if not rows:
            continue
        head = ["what", f"ours, {group.unit}", "beside", f"its {group.unit}", group.ratio, "interval", "goal"]
        lines += [f"\n### {group.title}\n", group.text, "", f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
        lines += [f"| {' | '.join([row['what'], *cells(row)])} |" for row in rows]
    return lines


def add_outputs(parser: argparse.ArgumentParser, kept: Path) -> None:
    """Add the options of what measures rows and writes the page.

    Args:
        parser: of the command line.
        kept: where the figures of a whole run are kept.
    """
    parser.add_argument("--only", default="", help="rows whose name contains this, whatever the case")
    parser.add_argument("--json", type=Path, help=f"file of the figures (default: {kept.name}, of a whole run)")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page that is written from them")


def write(page: Path, peers: Path | None = None, growth: Path | None = None, gpu: Path | None = None) -> None:
    """Write the page from the figures that there are.

    Args:
        page: the file.
        peers: what benchmarks/peers.py wrote, if not where it usually is.
        growth: what benchmarks/growth.py wrote, if not where it usually is.
        gpu: what benchmarks/gpu.py wrote, if not where it usually is.
    """
    lines = [HEAD.strip()]
    here = ROOT / "benchmarks"
    parts = {peers or here / "peers.json": peers_part, growth or here / "growth.json": growth_part}
    for file, part in {**parts, gpu or here / "gpu.json": gpu_part}.items():
        if file.exists():
            lines += part(json.loads(file.read_text(encoding="utf-8")))
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{page}: written")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--page", type=Path, default=PAGE, help="the file that is written (default: %(default)s)")
    write(arguments.parse_args().page)
