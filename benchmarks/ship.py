"""Ship trained agents: copy the best checkpoints of finished jobs to zoo/, without what only training needs.

python benchmarks/run_jobs.py      the trainings
python benchmarks/ship.py          zoo/NAME-AGENT for each pair in SHIPPED, the run with the best validation score
python benchmarks/ship.py --only ClutteredDigits-ram --runs FOLDER      of this agent alone, from runs elsewhere
"""

import argparse
import json
import shutil
from pathlib import Path

from foveate.agents.learning import checkpoint
from foveate.analysis.measure import lower_is_better

ROOT = Path(__file__).resolve().parent.parent
GLIMPSE = ("Digits", "TranslatedDigits", "ClutteredDigits", "ClutteredDigits100", "Fashion")
SHIPPED = [*((f"Glimpse/{name}-v0", "ram") for name in GLIMPSE), ("Memory/Copy-v0", "ntm")]
SHIPPED += [("Probe/Driving-v0", "dueling"), ("ALE/Boxing-v5", "dueling")]
SHIPPED += [("Multi/SharedGaze-v0", "ram"), ("Multi/SpeakerListener-v0", "ram"), ("Multi/CocktailParty-v0", "gru")]
SHIPPED += [("Sequence/Translation-v0", "bahdanau"), ("Sequence/PenReading-v0", "ctc")]
# of these tables only what a label says is for the zoo: the others' weights are megabytes, or they read another ink
CHOSEN = ("Driving", "PenReading")


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="agents of the zoo with this name")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "benchmarks", help="where the run folders are")
    arguments = parser.parse_args()
    best: dict[tuple[str, str], tuple[float, Path, dict]] = {}
    for file in sorted(arguments.runs.glob("*/result.json")):
        result = json.loads(file.read_text(encoding="utf-8"))
        folder = checkpoint.find(file.parent / result["run"], "best")
        validation = checkpoint.read_run(folder)["progress"]["best"]
        value = -validation if lower_is_better(result["env_id"]) else validation
        pair = result["env_id"], result["agent"]
        if "RAM's cores" in result["table"] or (result["table"].startswith(CHOSEN) and "(zoo)" not in result["label"]):
            continue
        if pair in SHIPPED and value > best.get(pair, (-float("inf"),))[0]:
            best[pair] = (value, folder, result)
    for (env_id, agent), (_, folder, result) in best.items():
        home = ROOT / "zoo" / f"{env_id.split('/')[1].rpartition('-')[0]}-{agent}"
        if arguments.only not in ("", home.name):
            continue
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        shutil.copyfile(folder / checkpoint.WEIGHTS, home / checkpoint.WEIGHTS)
        run = checkpoint.read_run(folder)
        run["command"] = f"python train.py {result['command']} --seed {result['seed']}"
        run["recent_episodes"] = []
        (home / checkpoint.RUN).write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")
        print(f"{home.relative_to(ROOT)}: {result['score']:.4f} on the test split ({run['command']})")


if __name__ == "__main__":
    main()
