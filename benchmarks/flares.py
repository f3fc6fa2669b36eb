"""Is the advantage less sensitive than the value, and does it flare up when a car is near? (Wang et al. 2016, figure 2)

python benchmarks/flares.py [RUN …]     measure agents of Probe/Driving-v0 (the zoo's), and keep the figures

How sensitive an output is: the sum of |∂y/∂x| over the frames; and that by how far the output itself varies from moment
to moment (its standard deviation), since a value is a larger number than an advantage. A car is near where it decides
what is best to do: without it another action would be.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch

import foveate  # noqa: F401 (registers the environments)
from foveate.agents import load
from foveate.analysis.comparison.statistics import estimate
from foveate.analysis.measure import EVALUATION_SEED
from foveate.analysis.saliency_benchmark import maps_of
from foveate.analysis.saliency_moments import Moments, collect
from foveate.wrappers.saliency import view_of
from foveate.wrappers.saliency.targets import choose_targets
from foveate.wrappers.saliency.undisturbed import undisturbed
from foveate.wrappers.saliency.views import View

ROOT = Path(__file__).resolve().parent.parent
KEPT = Path(__file__).resolve().parent / "flares.json"
WORLDS, MOMENTS, EVERY = 16, 512, 7
OUTPUTS = ("value", "advantage")
Json = dict[str, Any]  # figures by name, as in the stored file


def measure(run: Path, moments: int) -> Json:
    """How sensitive value and advantage are, at moments with a near car and at others.

    Args:
        run: of a dueling agent in Probe/Driving-v0.
        moments: how many are looked at.
    """
    torch.set_num_threads(1)
    view = view_of(load(run, None, "cpu"))
    env = gym.make_vec("Probe/Driving-v0", WORLDS, autoreset_mode="SameStep", output="torch", relevance=True)
    played = collect(view, env, moments, EVERY, EVALUATION_SEED)
    near = (played.relevant["relevance"] & ~played.objects["own car"]).flatten(1).any(1).numpy()
    amount, spread = sensitivity(view, played)
    found: Json = {"run": run.name, "moments": moments, "near": int(near.sum())}
    for name, each in amount.items():
        means = {"mean": each, "near": each[near], "far": each[~near]}
        found[name] = {key: float(some.mean()) / spread[name] for key, some in means.items()}
        found[name]["correlation"] = float(np.corrcoef(each, near)[0, 1])
    raw = amount["advantage"] / amount["value"]
    found["advantage by value"] = bootstrapped(raw)
    found["advantage by value, in units of their own"] = bootstrapped(raw * spread["value"] / spread["advantage"])
    return found


def sensitivity(view: View, played: Moments) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Σ |∂y/∂x| of each output at each moment, float (N,), and the output's standard deviation over moments.

    Args:
        view: of a policy with value and advantage.
        played: N moments.
    """
    targets = choose_targets(view, OUTPUTS)
    with undisturbed(view):
        maps = maps_of(view, played, "jacobian", targets)
        with torch.no_grad():
            outputs = view.outputs(played.inputs)
            spread = [float(target.bind(outputs)(outputs, None).std()) for target in targets]
    sizes = [each.abs().flatten(1).sum(1).numpy(force=True) for each in maps]
    return dict(zip(OUTPUTS, sizes, strict=True)), dict(zip(OUTPUTS, spread, strict=True))


def bootstrapped(values: np.ndarray) -> Json:
    """The mean and its 95 % interval over moments."""
    found = estimate(values)
    return {"mean": found.mean, "low": found.low, "high": found.high}


def pages(kept: list[Json]) -> list[str]:
    """The table of what `measure` found."""
    lines = ["\n## Is the advantage less sensitive, and does it flare up? Driving (`python benchmarks/flares.py`)\n"]
    lines.append(
        "The sum of |∂y/∂x| over the frames, by the output's own standard deviation: in the mean, where a car decides "
        "what is best to do and elsewhere; its correlation with there being such a car; and the advantage's by the "
        "value's, as they are and so normalised, with a 95 % interval over moments.\n"
    )
    head = ["agent", "moments", "with such a car", "output", "mean", "near", "far", "near by far", "correlation"]
    lines += [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for row in kept:
        for name in OUTPUTS:
            one = row[name]
            cells = [f"{one[each]:.1f}" for each in ("mean", "near", "far")]
            cells += [f"{one['near'] / one['far']:.2f}", f"{one['correlation']:.2f}"]
            lines.append(f"| {row['run']} | {row['moments']} | {row['near']} | {name} | {' | '.join(cells)} |")
    ratios = ["advantage by value", "advantage by value, in units of their own"]
    lines += ["", f"| agent | {' | '.join(ratios)} |", "|---|---|---|"]
    for row in kept:
        cells = [f"{row[name]['mean']:.2f} ({row[name]['low']:.2f}–{row[name]['high']:.2f})" for name in ratios]
        lines.append(f"| {row['run']} | {' | '.join(cells)} |")
    return lines


def main(words: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="*", default=[ROOT / "zoo" / "Driving-dueling"], help="trained agents")
    parser.add_argument("--moments", type=int, default=MOMENTS, help="moments of play of each agent")
    parser.add_argument("--json", type=Path, default=KEPT, help="where the figures go")
    arguments = parser.parse_args(words)
    kept = [measure(run, arguments.moments) for run in arguments.runs]
    arguments.json.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    print("\n".join(pages(kept)))
    print(f"kept: {arguments.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
