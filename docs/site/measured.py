"""What was measured of agents and environments (benchmarks/results.json), and what of it is in the zoo."""

import json
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

from marks import anchor, table

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "benchmarks"))

from results import LOWER_IS_BETTER, interval, mean  # noqa: E402

from foveate.analysis.model_card import CARD, read_claim  # noqa: E402


class Trained(NamedTuple):
    """An agent of the zoo.

    Attributes:
        name: as in "zoo/NAME".
        env_id: what it was trained for.
        preset: with which.
        command: by which.
        figure: of its card, in words.
    """

    name: str
    env_id: str
    preset: str
    command: str
    figure: str


@cache
def zoo() -> list[Trained]:
    """All agents of the zoo."""
    trained = []
    for file in sorted((ROOT / "zoo").glob("*/run.json")):
        run = json.loads(file.read_text(encoding="utf-8"))
        words = run["command"].removeprefix("python train.py ").split()
        claim = read_claim(file.parent / CARD)
        figure = f"**{claim.value:.4g}** {claim.metric} ({claim.low:.4g}–{claim.high:.4g})"
        trained.append(Trained(file.parent.name, run["env_id"], words[1], run["command"], figure))
    return trained


@cache
def measured() -> list[dict]:
    """The figures of every run, each with its `preset`."""
    rows = json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    return [{**row, "preset": row["command"].split()[1]} for row in rows]


def figures(rows: list[dict], up: str) -> str:
    """A table of means over seeds, as docs/results.md has them at more length.

    Args:
        rows: some of `measured`.
        up: the way from the page to the site's root.
    """
    groups: dict[tuple[str, str], list[dict]] = {}
    for row in sorted(rows, key=lambda row: row["seed"]):
        groups.setdefault((row["table"], row["label"]), []).append(row)
    names = {name: i for i, name in enumerate(dict.fromkeys(name for name, _ in groups))}
    lines = []
    for (name, label), group in groups.items():
        low, high = group[0]["interval"] if len(group) == 1 else interval(group)
        score, what = mean(group, "score"), group[0].get("score_name", "score")
        cells = [f"[{name}]({up}results.md#{anchor(name)})", label, f"**{score:.4g}** {what}", f"{low:.4g}–{high:.4g}"]
        cells += [" ".join(str(row["seed"]) for row in group), f"{mean(group, 'training_cpu_seconds') / 60:.1f}"]
        order = names[name], score if what in LOWER_IS_BETTER else -score
        lines.append((order, [*cells, f"`{group[0]['command']}`"]))
    head = ["table", "agent", "test score", "95 % interval", "seeds", "minutes", "command, after `python train.py`"]
    return table(head, [cells for _, cells in sorted(lines, key=lambda line: line[0])])
