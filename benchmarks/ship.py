"""Ship trained agents: bring the best runs of finished jobs to zoo/, in half precision, with a model card each.

python benchmarks/run_jobs.py      the trainings
python benchmarks/ship.py          zoo/NAME for each entry of benchmarks/zoo.yaml whose runs are here, or that is there
python benchmarks/ship.py --only ClutteredDigits-ram --runs FOLDER      of this agent alone, from runs elsewhere

Of a job's seeds the one with the best validation score is taken. Of an agent whose runs aren't here only the card is
written anew. Single precision is kept where half of it would move the figure out of its interval.
"""

import argparse
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
import yaml
from results import interval
from run_jobs import KEPT
from safetensors.torch import load_file, save

from foveate.agents.learning import checkpoint
from foveate.analysis.generalisation import Figures
from foveate.analysis.measure import EVALUATION_SEED, lower_is_better, usual_episodes
from foveate.analysis.model_card import CARD, Facts, Trainings, model_card
from foveate.cli.score import ScoreOptions, score
from foveate.files import write_text

ROOT = Path(__file__).resolve().parent.parent
ZOO, ENTRIES = ROOT / "zoo", ROOT / "benchmarks" / "zoo.yaml"
LARGEST_HALF = 6e4  # what half precision holds, nearly
MOST_BYTES = 2_000_000  # of an agent's weights


class Run(NamedTuple):
    """A run that could be shipped.

    Attributes:
        validation: its best validation score; higher is better.
        folder: its best checkpoint.
        command: that trained it.
    """

    validation: float
    folder: Path
    command: str


def candidates(entry: dict, runs: Path) -> Iterator[Run]:
    """The finished runs of an entry of benchmarks/zoo.yaml."""
    for file in sorted(runs.glob("*/result.json")):
        result = json.loads(file.read_text(encoding="utf-8"))
        if (result["table"], result["label"]) == (entry["table"], entry["label"]):
            yield _run(file.parent / result["run"], f"python train.py {result['command']} --seed {result['seed']}")


def _run(home: Path, command: str) -> Run:
    folder = checkpoint.find(home, "best")
    run = checkpoint.read_run(folder)
    validation = run["progress"]["best"]
    return Run(-validation if lower_is_better(run["env_id"]) else validation, folder, command)


def trainings(entry: dict, command: str) -> Trainings | None:
    """The figures of all seeds of an entry that were trained by the same command."""
    rows = [
        row
        for row in json.loads(KEPT.read_text(encoding="utf-8"))
        if (row["table"], row["label"]) == (entry["table"], entry["label"])
        and command.startswith(f"python train.py {row['command']} --seed")
    ]
    rows.sort(key=lambda row: row["seed"])
    if not rows:
        return None
    low, high = rows[0]["interval"] if len(rows) == 1 else interval(rows)
    return Trainings(entry["table"], [row["score"] for row in rows], low, high)


def bring(run: Run, home: Path) -> None:
    """Copy a run's best checkpoint to the zoo, without what only training needs."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    shutil.copyfile(run.folder / checkpoint.WEIGHTS, home / checkpoint.WEIGHTS)
    kept = checkpoint.read_run(run.folder)
    kept["command"], kept["recent_episodes"] = run.command, []
    (home / checkpoint.RUN).write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def measured(home: Path) -> Figures:
    """What ``evaluate.py`` measures of an agent when nothing else is said."""
    options = ScoreOptions(
        usual_episodes(checkpoint.read_run(home)["env_id"]), "test", (), EVALUATION_SEED, "cpu", "best", False
    )
    return score(home, options, {})


def halve(file: Path) -> bool:
    """Store weights in half precision; whether that was to be done."""
    weights = load_file(file)
    wide = {name for name, value in weights.items() if value.dtype == torch.float32}
    if any(float(weights[name].abs().max()) > LARGEST_HALF for name in wide if weights[name].numel()):
        return False
    file.write_bytes(save({name: value.half() if name in wide else value for name, value in weights.items()}))
    return bool(wide)


def ship(entry: dict, runs: Path) -> str | None:
    """Bring an agent to the zoo; the line that says how well it does, or None where there is nothing to bring."""
    home = ZOO / entry["name"]
    found = sorted(candidates(entry, runs))
    if found:
        bring(found[-1], home)
    elif not home.is_dir():
        return None
    weights = home / checkpoint.WEIGHTS
    whole = weights.read_bytes()
    figures = measured(home)
    if halve(weights):
        halved, (low, high) = measured(home), figures["interval"]
        if low <= halved["score"] <= high:
            figures = halved
        else:
            weights.write_bytes(whole)
    if weights.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{weights} has {weights.stat().st_size:,} bytes; at most {MOST_BYTES:,} are shipped.")
    run = checkpoint.read_run(home)
    facts = Facts(
        entry["name"], f"zoo/{entry['name']}", run["command"], entry.get("limits", ()), trainings(entry, run["command"])
    )
    write_text(home / CARD, model_card(facts, run, figures, usual_episodes(run["env_id"]), EVALUATION_SEED))
    size = sum(file.stat().st_size for file in home.iterdir())
    return (
        f"{home.relative_to(ROOT)}: {figures['score']:.4f} {figures['score_name']} in {size:,} bytes ({run['command']})"
    )


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="agents of the zoo with this name")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "benchmarks", help="where the run folders are")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for entry in yaml.safe_load(ENTRIES.read_text(encoding="utf-8")):
        if arguments.only in ("", entry["name"]):
            print(ship(entry, arguments.runs) or f"zoo/{entry['name']}: no finished run", flush=True)


if __name__ == "__main__":
    main()
