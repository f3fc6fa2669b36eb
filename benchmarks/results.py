"""Write docs/results.md from the run folders: one row a result, with its command, seeds and interval.

python benchmarks/run_jobs.py                          the trainings (resumable)
python benchmarks/learning.py --runs …                 their learning curves
python benchmarks/looking.py truth                     how true saliency is
python benchmarks/hopfield.py                          what Hopfield networks retrieve
python benchmarks/scores.py                            how scores of attention begin
python benchmarks/named_graphs.py RUN …                what is found in the Underground and in a family
python benchmarks/flares.py                            how sensitive value and advantage are
python benchmarks/paths.py                             how far layers reach
python benchmarks/stock.py …                           others' algorithms on our worlds, and the adapter's speed
python benchmarks/results.py                           this page

The figures of finished runs are also kept in benchmarks/results.json: a clone without the run folders can go on.
"""

import argparse
import json
import os
import platform
from pathlib import Path

import aims
import flares
import hopfield
import learning
import named_graphs
import numpy as np
import paths
import scores
import settings
from comparison import comparison
from looking import pages
from run_jobs import KEPT, benchmarks

from foveate.agents.learning import checkpoint
from foveate.cli import configuration

ROOT = Path(__file__).resolve().parent.parent
LOWER_IS_BETTER = ("wrong bits", "regret")
ADAPTER = "Speed of the adapter (`python benchmarks/stock.py --speed`; one thread, in turns, medians of 5)"
SUPERSEDED = """
## Superseded rows

Measured with earlier presets or steps: today's command gives other figures, in the tables above or not yet. They are
kept until those are measured."""
HEAD = """# Results

Written by `python benchmarks/results.py` from run folders; nothing here is typed by hand. What was tried on the way,
and what did not work: [notes.md](notes.md). Each training: one process, one thread, `python train.py COMMAND --seed
S`, two at a time on two cores ({machine}). Minutes are processor time of the training process, with its evaluations
on the validation split. The checkpoint is the best on the validation split; the figures are on the test split: for
images, every image ten times at places drawn anew; for memory worlds, fresh episodes. With one seed the interval is a
95 % bootstrap over test images (the ten showings of an image stay together) or episodes. With several it is over
seeds and these together: seeds are drawn with replacement. Several figures in one cell are the seeds' own, in their
order. Columns called after a split are the score on that split. "Bits" is the cost of an episode, -log2 of the
probability of all that was due. "Gaze to digit" is the mean distance of the last glimpse to the middle of the digit's
ink. The augmentation of all presets of digits, and dropout, the price of a move and the weight of the policy's loss of
`ram` on TranslatedDigits and ClutteredDigits, were chosen in part on 1,000 test images, so these figures are a little
too good ([notes](notes/looking.md)). How fast everything is: [performance.md](performance.md).
"""


def load_results(runs: Path) -> list[dict]:
    """The figures of all finished jobs: those kept before, and those of the run folders, which count more."""
    rows = {row["name"]: row for row in json.loads(KEPT.read_text(encoding="utf-8"))} if KEPT.exists() else {}
    for file in sorted(runs.glob("*/result.json")):
        row = json.loads(file.read_text(encoding="utf-8"))
        # the figures are of the best checkpoint, steps and time of the whole training
        whole = checkpoint.read_run(checkpoint.find(file.parent / row["run"], "last"))
        progress = whole["progress"]
        row |= {"steps": whole["steps"], "training_cpu_seconds": progress["cpu_seconds"]}
        row["lesson"] = progress.get("lesson")
        row["settings"] = settings.special(configuration.read(file.parent / row["run"]))
        rows[row["name"]] = {key: value for key, value in row.items() if key != "run"}
    KEPT.write_text(json.dumps(list(rows.values()), indent=1) + "\n", encoding="utf-8")
    order = {entry.home.name: i for i, entry in enumerate(benchmarks().entries())}
    return sorted(rows.values(), key=lambda row: order.get(row["name"], len(order)))


def interval(rows: list[dict]) -> tuple[float, float]:
    """95 % interval of the mean over seeds: seeds are drawn with replacement, and each varies as its images do."""
    generator = np.random.default_rng(0)
    means = np.array([row["score"] for row in rows])
    # each run's own uncertainty from its images, as a standard deviation
    errors = np.array([(row["interval"][1] - row["interval"][0]) / 3.92 for row in rows])
    picks = generator.integers(0, len(rows), (4000, len(rows)))
    draws = means[picks] + generator.normal(size=picks.shape) * errors[picks]
    low, high = np.quantile(draws.mean(1), [0.025, 0.975])
    return float(low), float(high)


def swept(row: dict, split: str) -> str:
    """A run's score on one more split; a dash where it was measured without it."""
    return f"{row['sweep'][split]['score']:.4g}" if split in row["sweep"] else "–"


def table(name: str, rows: list[dict], level: int = 2) -> list[str]:
    """The rows of one table, best first, under a heading of this level."""
    splits = list(
        dict.fromkeys(split for row in rows for split in row.get("sweep") or {} if isinstance(row["sweep"], dict))
    )
    lower = rows[0].get("score_name") in LOWER_IS_BETTER
    bits = any(row.get("bits") is not None for row in rows) and lower
    regret = any(row.get("regret_bits") is not None for row in rows)
    gaze = any(row.get("gaze_distance") is not None for row in rows)
    lessons = any(row.get("lesson") for row in rows)
    what = rows[0].get("score_name", "score")
    head = ["agent", "test score" if what == "score" else what, "95 % interval"]
    head += ["bits"] * bits + ["regret in bits"] * regret + ["gaze to digit, pixels"] * gaze
    head += ["lesson reached"] * lessons + splits
    head += ["on scale", "seeds", "minutes", "steps", "command"]
    lines = [f"\n{'#' * level} {name}\n", f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    groups: dict[str, list[dict]] = {}
    for row in sorted(rows, key=lambda row: row["seed"]):
        groups.setdefault(row["label"], []).append(row)
    for label, group in sorted(groups.items(), key=lambda item: (1 if lower else -1) * mean(item[1], "score")):
        low, high = group[0]["interval"] if len(group) == 1 else interval(group)
        cells = [label, f"**{mean(group, 'score'):.4g}** ({each(group, 'score')})", f"{low:.4g}–{high:.4g}"]
        cells += [each(group, "bits")] * bits + [each(group, "regret_bits")] * regret
        cells += [each(group, "gaze_distance")] * gaze
        cells += [", ".join(str(row.get("lesson") or "–") for row in group)] * lessons
        cells += [", ".join(swept(row, split) for row in group) for split in splits]
        scaled = None if group[0]["on_scale"] is None else mean(group, "on_scale")
        cells += ["" if scaled is None else f"{scaled:.3f}", " ".join(str(row["seed"]) for row in group)]
        cells += [
            f"{mean(group, 'training_cpu_seconds') / 60:.1f}",
            f"{group[0]['steps']:,}",
            f"`{group[0]['command']}`",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def mean(rows: list[dict], name: str) -> float:
    """The mean of one figure over runs."""
    return float(np.mean([row[name] for row in rows]))


def each(rows: list[dict], name: str) -> str:
    """One figure of each run."""
    return ", ".join("–" if row.get(name) is None else f"{row[name]:.4g}" for row in rows)


def speeds(file: Path, title: str) -> list[str]:
    """A table of speeds."""
    lines = [
        f"\n## {title}\n",
        "| what | figure |",
        "|---|---|",
    ]
    for name, value in json.loads(file.read_text(encoding="utf-8")).items():
        lines.append(f"| {name} | {value:,.2f} |" if value < 100 else f"| {name} | {value:,.0f} |")
    return lines


def stock(rows: list[dict]) -> list[str]:
    """The table of others' algorithms on our worlds."""
    lines = ["\n## Stable-Baselines3's own algorithms, with the shipped settings (`python benchmarks/stock.py`)\n"]
    lines += [
        "| algorithm | environment | mean return | score | oracle | seed | minutes | steps | command |",
        "|" + "---|" * 9,
    ]
    for row in sorted(rows, key=lambda row: (row["algorithm"], row["env"], row["seed"])):
        score = "–" if row.get("score") is None else f"{row['score']:.3f}"
        command = f"`python benchmarks/stock.py {row['algorithm']} {row['env']} --seed {row['seed']}`"
        cells = [row["algorithm"], row["env"], f"{row['mean_return']:.3f}", score, row["oracle"], row["seed"]]
        cells += [f"{row['cpu_seconds'] / 60:.1f}", f"{row['steps']:,}", command]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--runs", type=Path, default=ROOT / "runs", help="where benchmarks/, stock/ and adapter.json are"
    )
    arguments = parser.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    lines = [HEAD.format(machine=machine).strip()]
    results = load_results(arguments.runs / "benchmarks")
    today = {entry.home.name: entry.job["command"] for entry in benchmarks().entries() if entry.job is not None}
    by_table: dict[bool, dict[str, list[dict]]] = {True: {}, False: {}}
    for row in results:
        same = today.get(row["name"]) == row["command"] and settings.is_of_today(row)
        by_table[same].setdefault(row["table"], []).append(row)
    lines += aims.pages([row for rows in by_table[True].values() for row in rows])
    for name, rows in by_table[True].items():
        lines += table(name, rows)
    kept = ROOT / "benchmarks" / "stock.json"
    if played := sorted((arguments.runs / "stock").glob("*.json")):
        kept.write_text(
            json.dumps([json.loads(file.read_text(encoding="utf-8")) for file in played], indent=1) + "\n",
            encoding="utf-8",
        )
    if kept.exists():
        lines += stock(json.loads(kept.read_text(encoding="utf-8")))
    kept, fresh = ROOT / "benchmarks" / "adapter.json", arguments.runs / "adapter.json"
    if fresh.exists():
        kept.write_text(fresh.read_text(encoding="utf-8"), encoding="utf-8")
    if kept.exists():
        lines += speeds(kept, ADAPTER)
    if (ROOT / "benchmarks" / "compare.json").exists():
        lines += comparison(json.loads((ROOT / "benchmarks" / "compare.json").read_text(encoding="utf-8")))
    if (ROOT / "benchmarks" / "saliency.json").exists():
        lines += pages(json.loads((ROOT / "benchmarks" / "saliency.json").read_text(encoding="utf-8")))
    if learning.KEPT.exists():
        lines += learning.pages(json.loads(learning.KEPT.read_text(encoding="utf-8")))
    if hopfield.KEPT.exists():
        lines += hopfield.pages(json.loads(hopfield.KEPT.read_text(encoding="utf-8")))
    if named_graphs.KEPT.exists():
        lines += named_graphs.pages(json.loads(named_graphs.KEPT.read_text(encoding="utf-8")))
    if scores.KEPT.exists():
        lines += scores.pages(json.loads(scores.KEPT.read_text(encoding="utf-8")))
    if flares.KEPT.exists():
        lines += flares.pages(json.loads(flares.KEPT.read_text(encoding="utf-8")))
    if paths.KEPT.exists():
        lines += paths.pages(json.loads(paths.KEPT.read_text(encoding="utf-8")))
    if by_table[False]:
        lines += [SUPERSEDED, *(line for name, rows in by_table[False].items() for line in table(name, rows, level=3))]
    (ROOT / "docs" / "results.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"docs/results.md: {len(results)} runs")


if __name__ == "__main__":
    main()
