"""``evaluate.py RUN --score-saliency``: how true every method is, as a table, curves and a page."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ..analysis.recall import recall
from ..analysis.saliency_benchmark import Moments, Row, collect, effects, examine, randomised
from ..envs.registry import check_one_agent, make_one, make_worlds, world_class
from ..errors import FoveateError
from ..wrappers.saliency import methods_of, targets_of, view_of
from ..wrappers.saliency.methods import check_method
from ..wrappers.saliency.pictures import names_of_actions
from ..wrappers.saliency.targets import Target, choose_targets
from ..wrappers.saliency.views import View
from ..wrappers.saliency.wrapper import usual_targets

COLUMNS = {
    "pointing": "greatest pixel is relevant",
    "auc": "ROC area against the relevance",
    "deletion": "how soon the output changes as the greatest pixels go (area; more is better)",
    "insertion": "how soon that is undone as they come back (area; more is better)",
    "anew": "rank correlation with random weights' maps, by size (near 0 passes the sanity check)",
    "anew_signed": "the same with signs",
    "first": "the brightest object is the one whose change matters most",
    "agreement": "rank correlation of brightness and effect over objects",
}


def score_saliency(
    learner: Any,
    env_id: str,
    arguments: dict[str, Any],
    methods: Sequence[str],
    targets: Sequence[str],
    count: int,
    seed: int,
    show: bool,
    folder: Path,
) -> dict[str, Any]:
    """Examine an agent's maps, print the table, and write saliency.json, curves.png and saliency.html to a folder."""
    from ..analysis.saliency_report import write_report

    try:
        folder.mkdir(parents=True, exist_ok=True)  # before anything is played
    except OSError as error:
        raise FoveateError(f"--report {folder} can't be made a folder: {error}.") from error
    view = view_of(learner)
    check_one_agent(env_id, "saliency")
    env = make_one(env_id, arguments)
    action_names = names_of_actions(env)
    world = world_class(env_id)
    names = list(targets) or usual_targets(targets_of(view, action_names))
    chosen = choose_targets(view, names, action_names)
    if getattr(env.unwrapped, "world", None) is not None and len(_relevance_shape(env)) == 1:
        if methods:
            raise FoveateError(
                "in a world whose truth is a moment only the sequential Jacobian is scored: no --saliency."
            )
        return _score_recall(view, env_id, arguments, list(targets) or ["logits"], count, seed, folder)
    for name in methods:  # before anything is played
        check_method(view, name, [target for target in chosen if target.action] or chosen)
    worlds = _worlds(env_id, min(8, count), str(view.device), arguments, world is not None)
    length = getattr(getattr(worlds, "world", None), "episode_length", None)
    every = 11 if length is None else max(1, min(11, length - 1))
    moments = collect(view, worlds, count, every, seed)
    worlds.close()
    known = [*methods] or methods_of(view)
    with tqdm(total=len(known), unit="method", desc="examining", disable=None if show else True) as bar:

        def on_method(name: str) -> None:
            bar.set_postfix_str(name)
            bar.update(known.index(name) - bar.n)

        rows = examine(view, moments, known, chosen, on_method)
        bar.update(len(known) - bar.n)
    found = {
        "env_id": env_id,
        "moments": count,
        "seed": seed,
        "rows": [_plain(row) for row in rows],
        "areas": _areas(moments),
        "effects": {target.name: _effects(view, moments, target) for target in chosen},
    }
    print_scores(found)
    write_report(folder, found, rows)
    print(f"report: {folder / 'saliency.html'}")
    return found


def _relevance_shape(env: Any) -> tuple[int, ...]:
    """The shape of the ground truth of one world, () where it tells none."""
    try:
        env.reset(seed=0)
        world = env.unwrapped.world
        return tuple(world.relevance(world.state).shape[1:])
    except FoveateError:
        return ()


def _worlds(env_id: str, count: int, device: str, arguments: dict[str, Any], ours: bool) -> Any:
    if not ours:
        return make_worlds(env_id, count, device, arguments)
    import gymnasium as gym

    return gym.make_vec(
        env_id, num_envs=count, autoreset_mode="SameStep", output="torch", device=device, relevance=True, **arguments
    )


def _plain(row: Row) -> dict[str, Any]:
    plain = row._asdict()
    curves = plain.pop("curves")
    numbers = {k: _or_none(v) if isinstance(v, float) else v for k, v in plain.items()}
    shares = {name: _or_none(share) for name, share in row.shares.items()}
    return {**numbers, "shares": shares, "curves": {k: [_or_none(x) for x in v] for k, v in curves._asdict().items()}}


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 6)


def _areas(moments: Moments) -> dict[str, float]:
    """The share of the picture that each object covers where it is there."""
    found = {}
    for name, mask in moments.objects.items():
        area = mask.flatten(1).float().mean(1)
        found[name] = float(area[area > 0].mean()) if bool((area > 0).any()) else 0.0
    return found


def _effects(view: View, moments: Moments, target: Target) -> dict[str, dict[str, float | None]]:
    """What is done to each object, and how far the output moves on average, with a bootstrap interval."""
    found = {}
    for name, moved in effects(view, moments, target).items():
        there = moved[~np.isnan(moved)]
        if len(there):
            draws = there[np.random.default_rng(0).integers(0, len(there), (1000, len(there)))].mean(1)
            low, high = np.quantile(draws, [0.025, 0.975])
            found[name] = {"mean": float(there.mean()), "low": float(low), "high": float(high), "moments": len(there)}
    return found


def print_scores(found: dict[str, Any]) -> None:
    """The table, and what each column means."""
    print(f"saliency of {found['env_id']} at {found['moments']} moments")
    print(f"{'method':<22}{'target':<16}" + "".join(f"{name:>{max(8, len(name) + 2)}}" for name in COLUMNS))
    for row in found["rows"]:
        cells = "".join(
            f"{'' if row[name] is None else format(row[name], '.3f'):>{max(8, len(name) + 2)}}" for name in COLUMNS
        )
        print(f"{row['method']:<22}{row['target']:<16}{cells}")
    for name, about in COLUMNS.items():
        print(f"  {name:<18}{about}")
    for target, moved in found["effects"].items():
        parts = [f"{name} {m['mean']:.3g} ({m['low']:.3g} to {m['high']:.3g})" for name, m in moved.items()]
        if parts:
            print(f"interventions move {target} by: {', '.join(parts)}")


def _score_recall(
    view: View, env_id: str, arguments: dict[str, Any], targets: list[str], count: int, seed: int, folder: Path
) -> dict[str, Any]:
    """Worlds whose truth is a moment: does the sequential Jacobian point at it?"""
    kept: dict[str, Any] = {}
    for target in choose_targets(view, targets):
        print(f"sequential Jacobian of {target.label}: does it point at the moment that holds what is due?")
        for name, seen in (("as trained", view), ("random weights", randomised(view))):
            worlds = _worlds(env_id, count, str(view.device), arguments, True)
            r = recall(seen, worlds, target, seed)
            print(f"  {name:<15} pointing {r.pointing:.4f}  ROC area {r.auc:.3f} of {r.outputs}, chance {r.chance:.2f}")
            plain = {key: _or_none(float(value)) for key, value in r._asdict().items()}
            kept.setdefault(target.name, {})[name] = plain
    found = {"env_id": env_id, "episodes": count, "seed": seed, "sequential": kept}
    (folder / "saliency.json").write_text(json.dumps(found, indent=1))
    print(f"figures: {folder / 'saliency.json'}")
    return found
