"""What saliency costs, and how true it is on the agents that benchmarks/run_jobs.py trained.

python benchmarks/looking.py speed     maps a second of the 84x84x4 network, one thread, medians of repeats
python benchmarks/looking.py truth     every method on every trained agent of Probe/, the sequential Jacobian on Copy

`speed` writes runs/looking.json; `truth` writes benchmarks/saliency.json, which benchmarks/results.py shows.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch

import foveate  # noqa: F401 (registers the environments)
from foveate.agents import load
from foveate.agents.learning import checkpoint
from foveate.agents.policies.dueling import DuelingAgent
from foveate.analysis.measure import EVALUATION_SEED
from foveate.analysis.origin import origin_of
from foveate.cli.film import Shot
from foveate.cli.score_saliency import SaliencyScores, score_saliency
from foveate.wrappers import RecordVideo, Saliency
from foveate.wrappers.saliency import METHODS
from foveate.wrappers.saliency.undisturbed import undisturbed

ROOT = Path(__file__).resolve().parent.parent
TRUTHS = ROOT / "benchmarks" / "saliency.json"
REPEATS = 7
Json = dict[str, Any]  # figures by name, as in the stored files
QUICK = ["jacobian", "perturbation", "random"]


def rate(work: Callable[[], object], count: int) -> float:
    """How often a second something is done, the median of repeats."""
    work()
    rates = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        for _ in range(count):
            work()
        rates.append(count / (time.perf_counter() - begin))
    return statistics.median(rates)


def watched_driver() -> Saliency:
    """The 84x84x4 dueling network in the middle of a drive, watched for value and advantage."""
    env = gym.make("Probe/Driving-v0", render_mode="rgb_array")
    policy = DuelingAgent(env.observation_space, env.action_space)
    watched = Saliency(env, policy, "jacobian", ["value", "advantage"])
    watched.reset(seed=0)
    for _ in range(5):
        watched.step(3)
    return watched


def speeds() -> dict[str, float]:
    """The figures by name."""
    torch.set_num_threads(1)
    watched = watched_driver()
    view, inputs, targets = watched.view, watched.inputs, watched.targets

    def maps(method: str, **options: int) -> Callable[[], object]:
        return lambda: METHODS[method].function(view, inputs, targets, **options)

    figures: dict[str, float] = {}
    with undisturbed(view):
        figures["value and advantage Jacobians together, frames a second"] = rate(maps("jacobian"), 50)
        together, apart = rate(maps("perturbation"), 3), rate(maps("perturbation", chunk=1), 1)
        figures["perturbation, 289 masks in batches, frames a second"] = together
        figures["perturbation, one mask at a time, frames a second"] = apart
        figures["perturbation, ratio"] = together / apart
        for method in ("smoothgrad", "integrated-gradients", "occlusion"):
            figures[f"{method}, value and advantage, frames a second"] = rate(maps(method), 1)
    with tempfile.TemporaryDirectory() as folder:
        film = RecordVideo(watched, Path(folder) / "film.mp4")
        film.reset(seed=0)
        figures["play, both Jacobians, drawing and H.264 encoding, frames a second"] = rate(lambda: film.step(3), 30)
        film.writer.close()
    return figures


def truths(runs: Path, moments: int, only: str) -> Json:
    """What `evaluate.py RUN --score-saliency` finds, by run; what was figures before is kept for the others."""
    torch.set_num_threads(1)
    kept: Json = json.loads(TRUTHS.read_text(encoding="utf-8")) if TRUTHS.exists() else {}
    for folder in sorted(runs.glob("*/result.json")):
        row = json.loads(folder.read_text(encoding="utf-8"))
        is_probe, is_copy = row["env_id"].startswith("Probe/"), row["table"] == "Copy"
        if not (is_probe or is_copy) or only.lower() not in row["name"].lower():
            continue
        learner = load(folder.parent / row["run"], None, "cpu")
        run = checkpoint.read_run(checkpoint.find(folder.parent / row["run"]))
        methods = [] if is_probe and row["seed"] == 1 and row["table"] == "Driving" else QUICK
        print(f"== {row['name']}", flush=True)
        with tempfile.TemporaryDirectory() as report:
            shot = Shot(learner, row["env_id"], run["env"], EVALUATION_SEED, progress=False)
            home = folder.parent / row["run"]
            count = moments if is_probe else 16
            wanted = SaliencyScores(methods if is_probe else [], [], count, Path(report), origin_of(home), "")
            figures = score_saliency(shot, wanted)
        rows = figures.get("rows", [])
        assert isinstance(rows, list)
        for scored in rows:
            del scored["curves"]
        kept[row["name"]] = {"label": row["label"], "seed": row["seed"], "env_id": row["env_id"], "found": figures}
    return kept


# ---- for docs/results.md ----

SCORES = ("pointing", "auc", "deletion", "insertion", "anew", "anew_signed", "first", "agreement")


def pages(kept: Json) -> list[str]:
    """The tables of what `truths` measured."""
    lines: list[str] = []
    probes = {name: k for name, k in kept.items() if "rows" in k["found"]}
    for env_id in dict.fromkeys(k["env_id"] for k in probes.values()):
        lines += _scores(env_id, [k for k in probes.values() if k["env_id"] == env_id])
    driving = [k for k in probes.values() if k["env_id"] == "Probe/Driving-v0" and "dueling" in k["label"]]
    if driving:
        lines += _claim(driving)
    copies = {name: k for name, k in kept.items() if k["env_id"] == "Memory/Copy-v0"}
    if copies:
        lines += _recall(copies)
    return lines


def _scores(env_id: str, agents: list[Json]) -> list[str]:
    lines = [f"\n## Is it true? {env_id} (`python benchmarks/looking.py truth`)\n"]
    lines.append(
        f"{agents[0]['found']['moments']} moments of each agent; what the columns mean is said by `evaluate.py`.\n"
    )
    lines += [f"| agent | method | target | {' | '.join(SCORES)} |", "|" + "---|" * (3 + len(SCORES))]
    for agent in agents:
        for row in agent["found"]["rows"]:
            cells = ["" if row[name] is None else f"{row[name]:.3f}" for name in SCORES]
            name = f"{agent['label']}, seed {agent['seed']}"
            lines.append(f"| {name} | {row['method']} | {row['target']} | {' | '.join(cells)} |")
    return lines


def _claim(agents: list[Json]) -> list[str]:
    """Value looks at the horizon, the score and the own car, advantage at the cars ahead: shares and interventions."""
    lines = ["\n## What value and advantage look at: Driving (`python benchmarks/looking.py truth`)\n"]
    lines.append(
        "Shares of the map's amount on an object, by the object's own share of the picture (noise gives 1), and how "
        "far the output moves when something is done to the object, by how far it moves on average over the five "
        f"objects. Seeds {', '.join(str(a['seed']) for a in agents)}, each seed's own figure.\n"
    )
    head = ["object", "jacobian of V", "jacobian of A", "perturbation of V", "perturbation of A", "moves V", "moves A"]
    lines += [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for name in agents[0]["found"]["effects"]["value"]:
        cells = []
        for method in ("jacobian", "perturbation"):
            for target in ("value", "advantage"):
                cells.append(", ".join(f"{_density(a['found'], method, target, name):.2f}" for a in agents))
        for target in ("value", "advantage"):
            cells.append(", ".join(f"{_moved(a['found'], target, name):.2f}" for a in agents))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _density(figures: Json, method: str, target: str, name: str) -> float:
    row = next(r for r in figures["rows"] if r["method"] == method and r["target"] == target)
    return (row["shares"][name] or 0.0) / figures["areas"][name]


def _moved(figures: Json, target: str, name: str) -> float:
    moved = {key: effect["mean"] for key, effect in figures["effects"][target].items()}
    return moved[name] / float(np.mean(list(moved.values())))


def _recall(copies: Json) -> list[str]:
    lines = ["\n## Does the sequential Jacobian point at the moment that holds the bits? Copy\n"]
    lines += ["| agent | pointing | ROC area | outputs | with random weights | chance |", "|---|---|---|---|---|---|"]
    for k in copies.values():
        trained, other = (
            k["found"]["sequential"]["logits"]["as trained"],
            k["found"]["sequential"]["logits"]["random weights"],
        )
        lines.append(
            f"| {k['label']}, seed {k['seed']} | {trained['pointing']:.4f} | {trained['auc']:.4f} "
            f"| {trained['outputs']} | {other['pointing']:.4f} | {trained['chance']:.3f} |"
        )
    return lines


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "truth"])
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "benchmarks", help="where the run folders are")
    parser.add_argument("--moments", type=int, default=64, help="moments of play of each agent")
    parser.add_argument("--only", default="", help="truth: runs whose name contains this")
    arguments = parser.parse_args()
    if arguments.what == "speed":
        figures: Json = {**speeds()}
        path = ROOT / "runs" / "looking.json"
        for name, value in figures.items():
            print(f"{name:<70}{value:>10.1f}")
    else:
        figures, path = truths(arguments.runs, arguments.moments, arguments.only), TRUTHS
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(f"kept: {path}")


if __name__ == "__main__":
    main()
