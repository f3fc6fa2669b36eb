"""Write docs/results.md from the run folders: one row a result, with its command, seeds and interval.

python benchmarks/run_jobs.py                          the trainings (resumable)
python benchmarks/speed.py --json runs/speed.json      the speeds
python benchmarks/results.py                           this page
"""

import argparse
import json
import os
import platform
from pathlib import Path

import numpy as np

from foveate.agents import checkpoint

ROOT = Path(__file__).resolve().parent.parent
HEAD = """# Results

Written by `python benchmarks/results.py` from run folders; nothing here is typed by hand except `docs/notes.md`, which
is appended below. Each training: one process, one thread, `python train.py COMMAND --seed S`, two at a time on two
cores ({machine}). Minutes are processor time of the training process, with its evaluations on the validation split. The
checkpoint is the best on the validation split; the figures are on the test split, every image ten times at places drawn
anew. With one seed the interval is a 95 % bootstrap over test images (the ten showings of an image stay together). With
several it is over seeds and images together: seeds are drawn with replacement, then images.
"""


def load_results(runs: Path) -> list[dict]:
    """The figures of all finished jobs."""
    rows = []
    for file in sorted(runs.glob("*/result.json")):
        row = json.loads(file.read_text())
        # the figures are of the best checkpoint, steps and time of the whole training
        whole = checkpoint.read_run(checkpoint.find(file.parent / row["run"], "last"))
        rows.append({**row, "steps": whole["steps"], "training_cpu_seconds": whole["progress"]["cpu_seconds"]})
    return rows


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


def table(name: str, rows: list[dict]) -> list[str]:
    """The rows of one table, best first."""
    lines = [f"\n## {name}\n"]
    lines += [
        "| agent | test score | 95 % interval | on scale | seeds | minutes | steps | command |",
        "|---|---|---|---|---|---|---|---|",
    ]
    groups: dict[str, list[dict]] = {}
    for row in rows:
        groups.setdefault(row["label"], []).append(row)
    for label, group in sorted(groups.items(), key=lambda item: -np.mean([r["score"] for r in item[1]])):
        low, high = group[0]["interval"] if len(group) == 1 else interval(group)
        each = ", ".join(f"{r['score']:.4f}" for r in sorted(group, key=lambda r: r["seed"]))
        minutes = np.mean([r["training_cpu_seconds"] for r in group]) / 60
        scale = np.mean([r["on_scale"] for r in group])
        seeds = " ".join(str(r["seed"]) for r in sorted(group, key=lambda r: r["seed"]))
        lines.append(
            f"| {label} | **{np.mean([r['score'] for r in group]):.4f}** ({each}) | {low:.4f}–{high:.4f} | {scale:.3f} "
            f"| {seeds} | {minutes:.1f} | {group[0]['steps']:,} | `{group[0]['command']}` |"
        )
    return lines


def speeds(file: Path) -> list[str]:
    """The table of speeds."""
    lines = [
        "\n## Speed (`python benchmarks/speed.py`; one process, one thread, medians of 7)\n",
        "| what | figure |",
        "|---|---|",
    ]
    for name, value in json.loads(file.read_text()).items():
        lines.append(f"| {name} | {value:,.2f} |" if value < 100 else f"| {name} | {value:,.0f} |")
    return lines


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=ROOT / "runs", help="where benchmarks/ and speed.json are")
    arguments = parser.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    lines = [HEAD.format(machine=machine).strip()]
    results = load_results(arguments.runs / "benchmarks")
    for name in dict.fromkeys(row["table"] for row in results):
        lines += table(name, [row for row in results if row["table"] == name])
    if (arguments.runs / "speed.json").exists():
        lines += speeds(arguments.runs / "speed.json")
    notes = ROOT / "docs" / "notes.md"
    if notes.exists():
        lines += ["", notes.read_text().strip()]
    (ROOT / "docs" / "results.md").write_text("\n".join(lines) + "\n")
    print(f"docs/results.md: {len(results)} runs")


if __name__ == "__main__":
    main()
