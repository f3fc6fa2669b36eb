"""Which runs can be compared: the same world, trained to the end on its training split. The others are named."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch

from ...agents import Algorithm, load
from ...agents.learning import checkpoint
from ...agents.learning.run_folder import CPU_COLUMN, METRICS, STEP_COLUMN, read_config, read_metrics
from ...agents.policies.policy import Policy
from ...envs.glimpse.classification import Classification
from ...envs.outside import options_of_file
from ...envs.registry import check_id, env_options, world_class
from ...errors import FoveateError
from ..origin import Origin, origin_of

# how an agent looks at a world, or is taught in it; the world stays the same
_LOOKING = ("view", "location", "tiles", "reach", "zoom", "first", "patch", "scales", "overview", "glimpses")
NOT_THE_WORLD = frozenset([*_LOOKING, "price", "ready", "reward", "augment", "order", "split"])


class Point(NamedTuple):
    """A row of a learning curve: the score on the validation split after so much training."""

    steps: float
    seconds: float  # of processor time where the run logged it, else of the clock
    score: float


@dataclass
class Run:
    """A run that can be compared.

    Attributes:
        path: its folder.
        arm: what it is called in tables: as a plan calls it, or its preset and how it differs from other runs of that.
        env_id: its world.
        env: the world's arguments.
        seed: of the training.
        steps: environment steps of the training.
        seconds: processor time of the training.
        curve: scores on the validation split.
        learner: the best checkpoint.
        config: the run's configuration.
        origin: where its figures come from.
    """

    path: Path
    arm: str
    env_id: str
    env: dict[str, Any]
    seed: int
    steps: int
    seconds: float
    curve: list[Point]
    learner: Algorithm
    config: dict[str, Any]
    origin: Origin

    @property
    def policy(self) -> Policy:
        """The network of the best checkpoint."""
        return self.learner.policy

    @property
    def glimpses(self) -> int:
        """Steps of an episode."""
        return int(self.env["glimpses"])

    @property
    def answer(self) -> str:
        """The part of a Dict action that is the answer."""
        return world_class(self.env_id).target_part

    @property
    def world(self) -> str:
        """What must be the same for two runs to be compared, for people."""
        return world_of(self.env_id, self.env)


def world_of(env_id: str, env: Mapping[str, object]) -> str:
    """An environment's id with the arguments that make another world of it."""
    known = env_options(env_id)
    changed = {k: v for k, v in sorted(env.items()) if k not in NOT_THE_WORLD and k in known and v != known[k].default}
    words = ", ".join(f"{name}={value}" for name, value in changed.items())
    return f"{env_id} ({words})" if words else env_id


class Gathered(NamedTuple):
    """Runs by world and arm, and why others were left out."""

    worlds: dict[str, dict[str, list[Run]]]
    left_out: list[tuple[str, str]]


def gather(
    paths: Sequence[Path], device: torch.device, data: Sequence[str] = (), names: Mapping[Path, str] | None = None
) -> Gathered:
    """Read runs, and sort out those that can't be compared.

    Args:
        paths: run folders.
        device: where the networks go.
        data: sources of images outside that their worlds may use; none counts by what a run itself says.
        names: what a plan calls the arms, by run; the others are called by their presets.

    Raises:
        FoveateError: nothing is left to compare.
    """
    read, left_out, given = [], [], set()
    for path in paths:
        try:
            if path.resolve() in given:
                raise FoveateError("it is given twice")
            given.add(path.resolve())
            read.append(_read(path, device, data))
        except FoveateError as error:
            left_out.append((str(path), str(error)))
    names = names or {}
    for run in read:
        run.arm = names.get(run.path, run.arm)
    _name_arms([run for run in read if run.path not in names])
    worlds: dict[str, dict[str, list[Run]]] = {}
    for run in read:
        worlds.setdefault(run.world, {}).setdefault(run.arm, []).append(run)
    for world, arms in list(worlds.items()):
        for runs in arms.values():
            for run in _same_seed(runs):
                left_out.append((str(run.path), f"another run of {run.arm} has the seed {run.seed} already"))
                runs.remove(run)
        if len(arms) < 2:
            left_out += [(str(run.path), f"no other agent was trained in {world}") for run in arms.popitem()[1]]
            del worlds[world]
    if not worlds:
        reasons = "\n".join(f"  {path}: {reason}" for path, reason in left_out)
        raise FoveateError(f"nothing to compare: no two agents were trained to the end in one world.\n{reasons}")
    return Gathered(worlds, left_out)


def _read(path: Path, device: torch.device, data: Sequence[str]) -> Run:
    config = read_config(path)
    check_id(config["env_id"])
    total = config["options"].get("steps", 0)
    last = checkpoint.read_run(checkpoint.find(path, "last"))
    if last["steps"] < total:
        raise FoveateError(f"it is unfinished: {last['steps']:,} of {total:,} steps")
    check_comparable(config["env_id"], config["env"])
    curve = curve_of(path)
    if not curve:
        raise FoveateError(f"it has no evaluations in {METRICS}")
    progress = last.get("progress", {})
    seconds = progress.get("cpu_seconds") or progress.get("seconds") or 0.0
    learner = load(path, None, device, "best")
    kept, seed = checkpoint.read_run(checkpoint.find(path, "best")).get("env", {}), last.get("seed") or 0
    given = {name: value for name, value in kept.items() if isinstance(value, str) and value in data}
    try:
        env = options_of_file(config["env_id"], kept, given, "it")
    except FoveateError as error:
        raise FoveateError(f"{error} Here: compare RUN RUN … --data VALUE.") from error
    return Run(
        path,
        str(config.get("preset", config["agent"])),
        config["env_id"],
        env,
        seed,
        last["steps"],
        seconds,
        curve,
        learner,
        config,
        origin_of(path),
    )


def check_comparable(env_id: str, env: Mapping[str, object]) -> None:
    """Refuse a training whose runs no report can set beside others.

    Raises:
        FoveateError: it isn't on the training split, or in a world without a score of the kind.
    """
    split = env.get("split", "train")
    if split != "train":
        raise FoveateError(f"it is trained on the split {split!r}, not on 'train'")
    world = world_class(env_id)
    if world is None or not issubclass(world, Classification) or env.get("ready"):
        raise FoveateError("compare is for worlds that show one image an episode and ask one question about it")


def curve_of(path: Path) -> list[Point]:
    """The evaluations of a run, in order."""
    points = []
    for row in read_metrics(path / METRICS):
        try:
            seconds = row.get(CPU_COLUMN) or row["time/seconds"]
            points.append(Point(float(row[STEP_COLUMN]), float(seconds), float(row["eval/score"])))
        except (KeyError, ValueError):
            continue  # a row of the training, not of an evaluation
    return points


def _name_arms(runs: list[Run]) -> None:
    """Where runs of one preset were set up differently, say how, so that they aren't averaged together."""

    def settings(run: Run) -> dict[str, str]:
        config = run.config
        parts = {"agent": config["agent_options"], "learner": config["learner"], "env": config["env"]}
        flat = {f"{part}.{k}": json.dumps(v) for part, options in parts.items() for k, v in options.items()}
        return {k: v for k, v in flat.items() if k.partition(".")[2] != "split"}

    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.arm, run.world), []).append(run)
    for group in groups.values():
        each = [{**settings(run), "steps": f"{run.steps / 1e6:.2g}M"} for run in group]
        differ = [k for k in sorted({k for s in each for k in s}) if len({s.get(k) for s in each if k in s}) > 1]
        for run, own in zip(group, each, strict=True):
            words = [f"{k.rpartition('.')[2]}={own[k].strip(chr(34))}" for k in differ if k in own]
            run.arm = f"{run.arm} ({', '.join(words)})" if words else run.arm


def _same_seed(runs: list[Run]) -> list[Run]:
    first: dict[int, Run] = {}
    return [run for run in runs if first.setdefault(run.seed, run) is not run]
