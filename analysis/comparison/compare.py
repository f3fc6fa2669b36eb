"""All figures of a comparison: hard attention, soft attention and none, on the same worlds."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from torch import Tensor

from ...agents.policies.policy import Policy
from ...errors import FoveateError
from ...viz.pages import number
from ..origin import made_now
from ..saliency_scores import mean
from . import cost, looking, robustness
from .figures import (
    AttackRow,
    CostRow,
    CurveRow,
    Equal,
    Figures,
    LookRow,
    OnImages,
    RunRow,
    ShiftRow,
    SummaryRow,
    WorldFigures,
)
from .forms import in_images
from .gather import Gathered, Run
from .options import CompareOptions
from .page import Shown, draw_looks
from .statistics import at, estimate
from .variance import measure_estimators
from .verdict import verdict

SLACK = 1.15  # budgets that were meant to be equal differ by what else the machine did
SHOWN = 6  # images in the picture of where they look


Say = Callable[[str], object]
Arms = dict[str, list[Run]]


def compare(gathered: Gathered, options: CompareOptions, say: Say, command: str = "") -> Figures:
    """All figures of the report.

    Args:
        gathered: the runs.
        options: how to compare.
        say: called with a line as each part begins.
        command: that asks for it.
    """
    worlds = []
    for world, arms in gathered.worlds.items():
        say(f"{world}: {', '.join(f'{arm} ({len(runs)})' for arm, runs in arms.items())}")
        worlds.append(_world(world, arms, options, say))
    how = f"{options.episodes} test episodes a run, the checkpoint that was best on the validation split."
    return {"made": made_now(command), "how": how, "worlds": worlds, "left_out": gathered.left_out}


def _world(world: str, arms: Arms, options: CompareOptions, say: Say) -> WorldFigures:
    costs, curves = _costs(arms), _curves(arms)
    say("  scores")
    scores = {id(one): robustness.clean(one, options.episodes) for one in _everyone(arms)}
    equal = _equal(arms)
    say("  beyond training")
    shifted = _shifts(arms, max(200, options.episodes // 4))
    on_images = _on_images(arms, options, say)
    say("  gradients of hard attention")
    return {
        "world": world,
        "runs": _runs(arms, scores),
        "curves": curves,
        "robustness": shifted,
        "attack": on_images["attack"],
        "cost": costs,
        "equal": equal,
        "summary": _summary(arms, scores, equal),
        "looking": on_images["looking"],
        "pictures": on_images["pictures"],
        "verdict": on_images["verdict"],
        "attack_how": on_images["attack_how"],
        "estimators": measure_estimators(_everyone(arms)[0]),
    }


def _everyone(arms: Arms) -> list[Run]:
    return [run for runs in arms.values() for run in runs]


# ---- scores and costs ----


def _costs(arms: Arms) -> list[CostRow]:
    return [
        {
            "arm": arm,
            "side": c.side,
            "multiply_adds": c.multiply_adds,
            "milliseconds": c.milliseconds,
            "bytes": c.bytes,
            "pixels": c.pixels,
        }
        for arm, runs in arms.items()
        for c in cost.growth(runs[0])
    ]


def _curves(arms: Arms) -> list[CurveRow]:
    rows: list[CurveRow] = []
    for arm, runs in arms.items():
        own = cost.cost(runs[0], {}).multiply_adds
        for one in runs:
            for point in one.curve:
                episodes = point.steps / one.glimpses
                rows.append({
                    "arm": arm, "seed": one.seed, "steps": point.steps, "episodes": episodes,
                    "minutes": point.seconds / 60, "score": point.score, "macs": passes(one) * own * episodes,
                })  # fmt: skip
    return rows


def _runs(arms: Arms, scores: dict[int, tuple[float, float]]) -> list[RunRow]:
    return [
        {
            "arm": one.arm,
            "score": scores[id(one)][0],
            "minutes": one.seconds / 60,
            **one.origin,
        }
        for one in _everyone(arms)
    ]


def _equal(arms: Arms) -> Equal:
    """The minutes and episodes that every run had."""
    last = [(one.curve[-1], one.glimpses) for one in _everyone(arms)]
    return {
        "minutes": min(point.seconds for point, _ in last) / 60,
        "episodes": min(point.steps / glimpses for point, glimpses in last),
    }


def _summary(arms: Arms, scores: dict[int, tuple[float, float]], equal: Equal) -> list[SummaryRow]:
    """One row an arm, the best first."""
    rows: list[SummaryRow] = []
    for arm, runs in arms.items():
        all_of = estimate(*np.array([scores[id(one)] for one in runs]).T)
        within = [at([(p.seconds / 60, p.score) for p in one.curve], SLACK * equal["minutes"]) for one in runs]
        alike = [at([(p.steps / one.glimpses, p.score) for p in one.curve], equal["episodes"]) for one in runs]
        rows.append({
            "arm": arm, "seeds": all_of.seeds, "score": all_of.mean, "low": all_of.low, "high": all_of.high,
            "iqm": all_of.iqm, "equal_time": float(np.mean(within)), "equal_samples": float(np.mean(alike)),
            "minutes": float(np.mean([one.seconds for one in runs])) / 60,
            "parameters": sum(p.numel() for p in runs[0].policy.parameters()),
        })  # fmt: skip
    return sorted(rows, key=lambda row: -row["score"])


def _shifts(arms: Arms, episodes: int) -> list[ShiftRow]:
    """The mean over seeds in each changed world."""
    rows: list[ShiftRow] = []
    for arm, runs in arms.items():
        for each in zip(*(robustness.shifts(one, episodes) for one in runs), strict=True):
            scores = [s.score for s in each if s.score is not None]
            rows.append({
                "arm": arm, "change": each[0].change, "value": each[0].value,
                "score": float(np.mean(scores)) if scores else None, "reason": each[0].reason,
            })  # fmt: skip
    return rows


# ---- on the same whole images ----


class _OnImages(NamedTuple):
    """The networks that work on whole images, by arm, with their runs; and the images, labels and what is relevant."""

    networks: dict[str, list[tuple[Run, Policy]]]
    images: Tensor
    labels: Tensor
    relevant: Tensor


def _on_images(arms: Arms, options: CompareOptions, say: Say) -> OnImages:
    """Where the arms look, and what an adversary does to them."""
    count = max(options.images, options.attack_images)
    subject = _OnImages({}, *robustness.images_of(_everyone(arms)[0], count))
    say("  where they look")
    for arm, runs in arms.items():
        for one in runs:
            try:
                subject.networks.setdefault(arm, []).append((one, in_images(one)))
            except FoveateError as error:
                say(f"  {arm}: {error}")
    looks, pictures = _looks(subject, options.images)
    attacked: list[AttackRow] = []
    plain = next((arm for arm, networks in subject.networks.items() if networks[0][0].config["agent"] == "cnn"), None)
    if options.attack_images:
        say("  against an adversary")
        attacked = _attacks(subject, options)
    labels = subject.labels[: options.attack_images]
    chance = float(labels.unique(return_counts=True)[1].max() / len(labels)) if len(labels) else 0.0
    how = (
        f"Projected gradient descent within ε of each pixel (white is 1) on {options.attack_images} test images, "
        f"{options.gradients} gradients of single episodes an image for every arm. Arms that choose places are "
        f"attacked through {options.samples} sampled paths a step, with the score-function gradient of the choice; "
        "they are judged from a first place that the attack did not know. ε = 0 are the same images untouched."
    )
    return {
        "looking": looks,
        "attack": attacked,
        "pictures": pictures,
        "verdict": verdict(attacked, max(1, options.attack_images), chance, plain),
        "attack_how": how,
    }


def _looks(subject: _OnImages, count: int) -> tuple[list[LookRow], bytes]:
    """Where each arm looks, the mean over its runs, and the picture of its first run's."""
    rows: list[LookRow] = []
    shown: dict[str, Shown] = {}
    for arm, networks in subject.networks.items():
        scored = []
        for one, policy in networks:
            looked = looking.look(one, policy, subject.images[:count])
            scored.append(looking.scored(looked, subject.relevant[:count]))
            if arm not in shown:
                method = "attention" if "attention" in looked.maps else "jacobian"
                best = looked.maps[method][:SHOWN].numpy()
                path = None if looked.path is None else looked.path[:, :SHOWN].numpy()
                shown[arm] = Shown(method, best, path, looked.answer[:SHOWN].numpy())
        for method in scored[0]:
            pointing, auc = (mean([one[method][place] for one in scored]) for place in (0, 1))
            rows.append({"arm": arm, "method": method, "pointing": pointing, "auc": auc})
    n = min(SHOWN, count)
    images, relevant, labels = (part[:n].numpy() for part in (subject.images[:, 0], subject.relevant, subject.labels))
    return rows, draw_looks(images, relevant, shown, labels, rows)


def _attacks(subject: _OnImages, options: CompareOptions) -> list[AttackRow]:
    """Each arm's accuracy under attack, the mean over its runs."""
    images, labels = subject.images[: options.attack_images], subject.labels[: options.attack_images]
    rows: list[AttackRow] = []
    for arm, networks in subject.networks.items():
        left = [
            robustness.attack(one, policy, images, labels, options.gradients, options.samples)
            for one, policy in networks
        ]
        for epsilon in left[0]:
            score = mean([one[epsilon] for one in left])
            rows.append({"arm": arm, "epsilon": epsilon, "score": score})
    return rows


def passes(run: Run) -> int:
    """Forward passes that an episode of training costs: a backward one counts as two, playing it first as one."""
    learner = run.config["learner"]
    if learner.get("objective") == "backprop":
        return 3  # the teacher plays
    return 1 + 3 * (int(learner.get("epochs", 1)) if learner.get("objective") == "ppo" else 1)


def print_summary(report: Figures) -> None:
    """The main table of each world, and what was left out."""
    for world in report["worlds"]:
        print(f"\n{world['world']}")
        print(f"{'arm':<24}{'seeds':>6}{'score':>9}  {'95 % interval':<19}{'IQM':>7}{'equal time':>12}")
        for r in world["summary"]:
            interval = f"{number(r['low'], '.4f')} to {number(r['high'], '.4f')}"
            score, iqm, equal = (number(r[name], ".4f") for name in ("score", "iqm", "equal_time"))
            figures = f"{score:>9}  {interval:<19}{iqm:>7}{equal:>12}"
            print(f"{r['arm']:<24}{r['seeds']:>6}{figures}")
    for path, reason in report["left_out"]:
        print(f"left out: {path}: {reason}")
