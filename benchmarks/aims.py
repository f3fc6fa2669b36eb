"""What was aimed at and what was reached: the first part of docs/results.md, from benchmarks/aims.yaml."""

import operator
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "docs" / "site"))

from marks import anchor, table  # noqa: E402

FILE = ROOT / "benchmarks" / "aims.yaml"
HEAD = """
## What was aimed at

Aims were set before anything was measured; where they only said that something fails or is behind, the figure is ours.
A mean over seeds is judged, or each seed where so many of them should reach the aim by themselves. Minutes are of one
training on a processor that others shared. *Ablation*: what must fail if the mechanism that it lacks is what counts.
Rows were added after a first one fell short of the same aim: the last annotation of six spoken digits beside the mean
of all, reviews whose words are not read by recurrent networks, two to four things beside two or three, and shorter
trainings of captions, whose presets take 6.5 and 10.8 minutes. What was tried where an aim was not reached:
[notes](notes.md).

{summary}"""


class Aim(NamedTuple):
    """A figure that a row of the results should have.

    Attributes:
        family: of tasks.
        table: of docs/results.md.
        label: of its row.
        bound: that the figure should reach.
        least: whether it should be at least that; else at most.
        figure: "score", a split's name, or another number of a run.
        each: how many seeds should reach it, each by itself; 0: the mean over seeds should.
        seeds: how many are wanted.
        minutes: of one training that it may take; None: any.
        ablation: whether it is the figure of something that must fail.
    """

    family: str
    table: str
    label: str
    bound: float
    least: bool
    figure: str = "score"
    each: int = 0
    seeds: int = 3
    minutes: float | None = None
    ablation: bool = False

    @property
    def words(self) -> str:
        """The aim, to be read."""
        parts = [f"at {'least' if self.least else 'most'} {self.bound:g}"]
        parts += [f"{self.each} of {self.seeds} seeds"] if self.each else []
        parts += [f"{self.minutes:g} minutes"] if self.minutes is not None else []
        return ", ".join(parts)

    def value(self, row: dict[str, Any]) -> float | None:
        """The figure of a run; None if it has none."""
        swept = row.get("sweep")
        if isinstance(swept, dict) and self.figure in swept:
            return swept[self.figure]["score"]
        return row.get(self.figure)

    def reached_by(self, value: float) -> bool:
        """Whether a figure is good enough."""
        return (operator.ge if self.least else operator.le)(value, self.bound)


def read_aims() -> list[Aim]:
    """The aims, family by family."""
    aims = []
    for family, entries in yaml.safe_load(FILE.read_text(encoding="utf-8")).items():
        for entry in entries:
            (side,) = {"at least", "at most"} & set(entry)
            aims.append(Aim(family, bound=entry.pop(side), least=side == "at least", **entry))
    return aims


def verdict(aim: Aim, values: Sequence[float], minutes: float) -> str:
    """What is to be said of an aim.

    Args:
        aim: that is judged.
        values: a figure a seed.
        minutes: that a training took.

    Returns:
        "reached", or as much of it as is true.
    """
    if not values:
        return "not measured"
    good = sum(map(aim.reached_by, values))
    if good < aim.each and len(values) - good <= aim.seeds - aim.each:  # seeds that are missing may still decide it
        return "seeds to come"
    if good < aim.each or (not aim.each and not aim.reached_by(sum(values) / len(values))):
        return "not reached"
    if aim.minutes is not None and minutes > aim.minutes:
        return "reached in more time"
    return "reached" if len(values) >= aim.seeds else "reached, seeds to come"


def pages(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The table of all aims, for docs/results.md.

    Args:
        rows: runs of today's commands, as benchmarks/results.json keeps them.
    """
    lines: dict[str, list[list[str]]] = {}
    counts = Counter()
    for aim in read_aims():
        here = [row for row in rows if (row["table"], row["label"]) == (aim.table, aim.label)]
        here = [row for row in sorted(here, key=lambda row: row["seed"]) if aim.value(row) is not None]
        values = [value for row in here if (value := aim.value(row)) is not None]
        minutes = sum(row["training_cpu_seconds"] for row in here) / 60 / max(len(here), 1)
        said = verdict(aim, values, minutes)
        counts[said] += 1
        where = f"[{aim.table}](#{anchor(aim.table)})" if values else aim.table
        figure = here[0].get("score_name") or "score" if here and aim.figure == "score" else aim.figure
        cells = [f"{where}: {aim.label}{' *(ablation)*' * aim.ablation}", figure.replace("_", " "), aim.words]
        cells += [", ".join(f"{value:.4g}" for value in values) or "–", f"{minutes:.1f}" if values else "–"]
        lines.setdefault(aim.family, []).append([*cells, f"**{said}**" if said == "reached" else said])
    summary = f"Of {counts.total()} aims: {', '.join(f'{n} {said}' for said, n in counts.most_common())}."
    head = ["table and row", "figure", "aim", "a seed each", "minutes", "verdict"]
    tables = [f"\n### {family.capitalize()}\n\n{table(head, cells).rstrip()}" for family, cells in lines.items()]
    return [HEAD.format(summary=summary), *tables]
