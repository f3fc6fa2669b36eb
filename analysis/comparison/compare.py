"""All figures of a comparison: hard attention, soft attention and none, on the same worlds."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import FoveateError, check_range
from . import cost, looking, robustness
from .forms import in_images
from .gather import Gathered, Run
from .page import draw_looks
from .statistics import at, estimate
from .variance import measure_estimators

SLACK = 1.15  # budgets that were meant to be equal differ by what else the machine did
SHOWN = 6  # images in the picture of where they look


@dataclass
class CompareOptions:
    """How to compare.

    Attributes:
        report: folder for the page (report.html), its figures (report.json) and one CSV a table.
        episodes: test episodes of each run.
        images: test images on which it is measured where they look.
        attack_images: test images that are attacked; 0 leaves attacks out.
        gradients: budget of an attack: gradients of single episodes for each image, the same for every arm.
        samples: of these, how many are spent on one step against an arm that chooses places at random.
        device: "auto" (the GPU if there is one), "cpu", "cuda", …
        threads: CPU threads of PyTorch.
    """

    report: Path = Path("report")
    episodes: int = 2000
    images: int = 200
    attack_images: int = 100
    gradients: int = 80
    samples: int = 4
    device: str = "auto"
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("episodes", "images", "threads"):
            check_range(name, getattr(self, name), 1)
        check_range("samples", self.samples, 2)  # the choice of places is attacked by comparing samples
        check_range("attack_images", self.attack_images, 0)
        check_range("gradients", self.gradients, self.samples)


def compare(gathered: Gathered, options: CompareOptions, say: Callable[[str], object]) -> dict[str, Any]:
    """All figures of the report.

    Args:
        gathered: the runs.
        options: how to compare.
        say: called with a line as each part begins.
    """
    worlds = []
    for world, arms in gathered.worlds.items():
        say(f"{world}: {', '.join(f'{arm} ({len(runs)})' for arm, runs in arms.items())}")
        worlds.append(_world(world, arms, options, say))
    how = f"{options.episodes} test episodes a run, the checkpoint that was best on the validation split."
    return {"how": how, "worlds": worlds, "left_out": gathered.left_out}


def _world(
    world: str, arms: dict[str, list[Run]], options: CompareOptions, say: Callable[[str], object]
) -> dict[str, Any]:
    everyone = [run for runs in arms.values() for run in runs]
    found: dict[str, Any] = {"world": world, "runs": [], "curves": [], "robustness": [], "attack": []}
    found["cost"] = [{"arm": arm, **c._asdict()} for arm, runs in arms.items() for c in cost.growth(runs[0])]
    own = {arm: cost.cost(runs[0], {}).multiply_adds for arm, runs in arms.items()}
    for one in everyone:
        for point in one.curve:
            found["curves"].append({
                "arm": one.arm, "seed": one.seed, "steps": point.steps, "episodes": point.steps / one.glimpses,
                "minutes": point.seconds / 60, "score": point.score,
                "macs": passes(one) * own[one.arm] * point.steps / one.glimpses,
            })  # fmt: skip
    say("  scores")
    scores = {}
    for one in everyone:
        scores[id(one)] = robustness.clean(one, options.episodes)
        found["runs"].append({
            "arm": one.arm, "seed": one.seed, "score": scores[id(one)][0], "minutes": one.seconds / 60,
            "steps": one.steps, "run": str(one.path),
        })  # fmt: skip
    minutes = min(one.curve[-1].seconds for one in everyone) / 60
    episodes = min(one.curve[-1].steps / one.glimpses for one in everyone)
    found["equal"] = {"minutes": minutes, "episodes": episodes}
    found["summary"] = []
    for arm, runs in arms.items():
        all_of = estimate(*np.array([scores[id(one)] for one in runs]).T)
        within = [at([(p.seconds / 60, p.score) for p in one.curve], SLACK * minutes) for one in runs]
        alike = [at([(p.steps / one.glimpses, p.score) for p in one.curve], episodes) for one in runs]
        found["summary"].append({
            "arm": arm, "seeds": all_of.seeds, "score": all_of.mean, "low": all_of.low, "high": all_of.high,
            "iqm": all_of.iqm, "equal_time": float(np.mean(within)), "equal_samples": float(np.mean(alike)),
            "minutes": float(np.mean([one.seconds for one in runs])) / 60,
            "parameters": sum(p.numel() for p in runs[0].policy.parameters()),
        })  # fmt: skip
    found["summary"].sort(key=lambda row: -row["score"])
    say("  beyond training")
    for arm, runs in arms.items():
        rows = [robustness.shifts(one, max(200, options.episodes // 4)) for one in runs]
        for each in zip(*rows, strict=True):
            values = [s.score for s in each if s.score is not None]
            found["robustness"].append({
                "arm": arm, "change": each[0].change, "value": each[0].value,
                "score": float(np.mean(values)) if values else None, "reason": each[0].reason,
            })  # fmt: skip
    found |= _on_images(arms, options, say)
    say("  gradients of hard attention")
    found["estimators"] = measure_estimators(everyone[0])
    return found


def _on_images(arms: dict[str, list[Run]], options: CompareOptions, say: Callable[[str], object]) -> dict[str, Any]:
    """Where the arms look, and what an adversary does to them: on the same images, whole."""
    found: dict[str, Any] = {"looking": [], "attack": [], "pictures": b""}
    first = next(iter(arms.values()))[0]
    shown: dict[str, Any] = {}
    images, labels, relevant = robustness.images_of(first, max(options.images, options.attack_images))
    say("  where they look")
    policies = {}
    for arm, runs in arms.items():
        for one in runs:
            try:
                policy = policies[id(one)] = in_images(one)
            except FoveateError as error:
                say(f"  {arm}: {error}")
                continue
            looked = looking.look(one, policy, images[: options.images])
            rows = looking.scored(looked, relevant[: options.images])
            found["looking"] += [{"arm": arm, "seed": one.seed, **row} for row in rows]
            if arm not in shown:
                best = looked.maps.get("attention", looked.maps["jacobian"])[:SHOWN].numpy()
                path = None if looked.path is None else looked.path[:, :SHOWN].numpy()
                shown[arm] = (best, path, looked.answer[:SHOWN].numpy())
    found["looking"] = _over_seeds(found["looking"], ("arm", "method"), ("pointing", "auc"))
    n = min(SHOWN, options.images)
    found["pictures"] = draw_looks(images[:n, 0].numpy(), relevant[:n].numpy(), shown, labels[:n].numpy())
    if options.attack_images:
        say("  against an adversary")
        count = options.attack_images
        for arm, runs in arms.items():
            for one in runs:
                if id(one) in policies:
                    left = robustness.attack(
                        one, policies[id(one)], images[:count], labels[:count], options.gradients, options.samples
                    )
                    found["attack"] += [
                        {"arm": arm, "seed": one.seed, "epsilon": e, "score": s} for e, s in left.items()
                    ]
        found["attack"] = _over_seeds(found["attack"], ("arm", "epsilon"), ("score",))
    found["verdict"] = verdict(found["attack"], max(1, options.attack_images))
    found["attack_how"] = (
        f"Projected gradient descent within ε of each pixel (white is 1) on {options.attack_images} test images, "
        f"{options.gradients} gradients of single episodes an image for every arm. Arms that choose places are "
        f"attacked through {options.samples} sampled paths a step, with the score-function gradient of the choice; "
        "they are judged from a first place that the attack did not know. ε = 0 are the same images untouched."
    )
    return found


def _over_seeds(rows: list[dict[str, Any]], keys: tuple[str, ...], figures: tuple[str, ...]) -> list[dict[str, Any]]:
    """The mean over seeds of each figure."""
    groups: dict[tuple, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return [
        {**dict(zip(keys, group, strict=True)), **{f: float(np.nanmean([r[f] for r in of])) for f in figures}}
        for group, of in groups.items()
    ]


def passes(run: Run) -> int:
    """Forward passes that an episode of training costs: a backward one counts as two, playing it first as one."""
    learner = run.learner.config["learner"]
    if learner.get("objective") == "backprop":
        return 3  # the teacher plays
    return 1 + 3 * (int(learner.get("epochs", 1)) if learner.get("objective") == "ppo" else 1)


def verdict(attack: list[dict[str, Any]], images: int) -> str:
    """Whether the claim that attention protects against adversarial images stands, in a sentence.

    Each attentive arm is set against `cnn`, at the smallest ε at which either of the two has lost half of its clean
    accuracy. Differences within twice their standard error (of so many images) are none.
    """
    table: dict[str, dict[float, float]] = {}
    for row in attack:
        table.setdefault(row["arm"], {})[row["epsilon"]] = row["score"]
    plain = next((arm for arm in table if arm.startswith("cnn")), None)
    if plain is None or len(table) < 2:
        return "There is no arm without attention to set the others against."
    sentences = []
    for arm, left in table.items():
        if arm == plain:
            continue
        base = table[plain]
        decisive = [e for e in sorted(left) if e and (left[e] < left[0.0] / 2 or base[e] < base[0.0] / 2)]
        if not decisive:
            sentences.append(f"{arm} and {plain} both keep more than half of their accuracy at every ε tried.")
            continue
        e = decisive[0]
        error = np.sqrt((left[e] * (1 - left[e]) + base[e] * (1 - base[e])) / images)
        difference = left[e] - base[e]
        word = (
            "no clear difference"
            if abs(difference) <= 2 * error
            else "more robust"
            if difference > 0
            else "less robust"
        )
        sentences.append(f"At ε = {e:g} {arm} keeps {100 * left[e]:.0f} % and {plain} {100 * base[e]:.0f} %: {word}.")
    return " ".join(sentences)


def print_summary(found: dict[str, Any]) -> None:
    """The main table of each world, and what was left out."""
    for world in found["worlds"]:
        print(f"\n{world['world']}")
        print(f"{'arm':<24}{'seeds':>6}{'score':>9}  {'95 % interval':<19}{'IQM':>7}{'equal time':>12}")
        for r in world["summary"]:
            interval = f"{r['low']:.4f} to {r['high']:.4f}"
            figures = f"{r['score']:>9.4f}  {interval:<19}{r['iqm']:>7.4f}{r['equal_time']:>12.4f}"
            print(f"{r['arm']:<24}{r['seeds']:>6}{figures}")
    for path, reason in found["left_out"]:
        print(f"left out: {path}: {reason}")
