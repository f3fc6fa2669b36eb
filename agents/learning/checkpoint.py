"""Checkpoints: a folder of safetensors and JSON, written whole or not at all, from which nothing is executed.

    run.json                what was trained: agent, options, spaces, environment, step, versions
    weights.safetensors     the policy's parameters
    optimizer.safetensors   the optimiser's and the random generators' state
    worlds.safetensors      the worlds' and the collector's state

A folder is written under another name and renamed, so a run that is killed while it writes leaves the
checkpoint before it untouched.
"""

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
import stable_baselines3
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ...envs.spaces import from_json, to_json
from ...errors import FoveateError
from ...introspect import check_options
from .learner import Learner
from .options import options_class

if TYPE_CHECKING:
    from ..policies.policy import Policy

FORMAT = 1
RUN, WEIGHTS, OPTIMIZER, WORLDS = (
    "run.json",
    "weights.safetensors",
    "optimizer.safetensors",
    "worlds.safetensors",
)


# ---- writing ----


def save(learner: Learner, path: Path, extra: dict[str, Any] | None = None) -> None:
    """Write a checkpoint of a learner to a folder, in place of what may be there.

    Args:
        learner: what to save.
        path: the folder.
        extra: plain data to keep in run.json beside the learner's own (the environment's id and arguments, …).
    """
    from ... import __version__

    path = Path(path)
    run = {
        "format": FORMAT,
        "agent": agent_name(type(learner.policy)),
        "agent_options": learner.policy_kwargs,
        "learner": learner.options_dict(),
        "seed": learner.seed,
        "observation_space": to_json(learner.observation_space),
        "action_space": to_json(learner.action_space),
        "steps": learner.num_timesteps,
        "iterations": learner.iterations,
        "updates": learner._n_updates,
        "episodes": learner._episode_num,
        "recent_episodes": list(learner.ep_info_buffer or []),
        "versions": {
            "foveate": __version__,
            "torch": torch.__version__,
            "gymnasium": gymnasium.__version__,
            "stable_baselines3": stable_baselines3.__version__,
            "numpy": np.__version__,
        },
        **(extra or {}),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.parent / f".{path.name}.new-{os.getpid()}"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    _write_tensors(fresh / WEIGHTS, learner.policy.state_dict())
    _write_tensors(fresh / OPTIMIZER, _optimizer_tensors(learner))
    _write_tensors(fresh / WORLDS, _world_tensors(learner))
    (fresh / RUN).write_text(json.dumps(run, indent=1))
    for file in fresh.iterdir():
        _flush(file)
    if path.exists():  # a folder can't be replaced in one stroke: step aside, step in
        aside = path.parent / f".{path.name}.old-{os.getpid()}"
        shutil.rmtree(aside, ignore_errors=True)
        path.rename(aside)
        fresh.rename(path)
        shutil.rmtree(aside)
    else:
        fresh.rename(path)
    _flush(path.parent)


def agent_name(policy_class: "type[Policy]") -> str:
    """The registered name of an agent's class, or the class's own name (which can't be loaded by name)."""
    from .. import AGENTS

    return next((name for name, known in AGENTS.items() if known is policy_class), policy_class.__name__)


def _write_tensors(file: Path, tensors: dict[str, Tensor]) -> None:
    save_file({name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}, file)


def _flush(path: Path) -> None:
    """Make sure that a file's (or a folder's) content is on the disk before something relies on it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _optimizer_tensors(learner: Learner) -> dict[str, Tensor]:
    tensors = {"random.cpu": torch.get_rng_state()}
    if learner.device.type == "cuda":
        tensors["random.cuda"] = torch.cuda.get_rng_state(learner.device)
    for number, entries in learner.optimizer.state_dict()["state"].items():
        tensors |= {f"{number}.{name}": torch.as_tensor(value) for name, value in entries.items()}
    return tensors


def _world_tensors(learner: Learner) -> dict[str, Tensor]:
    if learner.collector is None or not learner.collector.begun:
        return {}
    worlds = learner.collector.environments.state_dict()  # of foreign environments nothing: they begin anew
    tensors = {f"worlds.{name}": value for name, value in worlds.items()}
    return tensors | {f"player.{name}": value for name, value in learner.collector.state_dict().items()}


# ---- reading ----


def find(path: Path, prefer: str = "best") -> Path:
    """The checkpoint folder that a path means: itself, or a run folder's best (or last) one.

    Raises:
        FoveateError: there is none, or it is something else (such as a Stable-Baselines3 zip).
    """
    path = Path(path)
    if (path / RUN).is_file():
        return path
    if path.suffix == ".zip" or (not path.exists() and path.with_name(path.name + ".zip").exists()):
        raise FoveateError(
            f"{path} is a zip of Stable-Baselines3, which holds pickles; only checkpoint folders are read."
        )
    order = ("best", "last") if prefer == "best" else ("last", "best")
    for kind in order:
        found = sorted((path / "checkpoints").glob(f"{kind}-*"))
        found = [folder for folder in found if (folder / RUN).is_file()]
        if found:
            return found[-1]
    raise FoveateError(
        f"no checkpoint in {path}: looked for {RUN} in it, and in checkpoints/best-* and checkpoints/last-*."
    )


def read_run(folder: Path) -> dict[str, Any]:
    """The checked content of a checkpoint's run.json."""
    try:
        run = json.loads((folder / RUN).read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise FoveateError(f"{folder / RUN} can't be read: {error}.") from error
    needed = {
        "format": int,
        "agent": str,
        "agent_options": dict,
        "learner": dict,
        "steps": int,
        "iterations": int,
    }
    for name, kind in needed.items():
        if not isinstance(run, dict) or not isinstance(run.get(name), kind):
            raise FoveateError(f"{folder / RUN} is damaged or no checkpoint of foveate: {name!r} is missing or wrong.")
    optional = {"updates": int, "episodes": int, "recent_episodes": list, "env_id": str, "env": dict, "progress": dict}
    for name, kind in optional.items():
        if name in run and not isinstance(run[name], kind):
            raise FoveateError(f"{folder / RUN} is damaged: {name!r} is {str(run[name])[:60]!r}, no {kind.__name__}.")
    if run["format"] != FORMAT:
        raise FoveateError(f"{folder} has format {run['format']}, this version reads format {FORMAT}.")
    return run


def load(path: Path, env: Any = None, device: Any = "auto", prefer: str = "best") -> Learner:
    """A learner from a checkpoint; with an env it goes on exactly where it was (if that env can be put back).

    Args:
        path: a run folder or a checkpoint folder.
        env: where to go on learning; None to predict only.
        device: "auto", "cpu", "cuda", …
        prefer: "best" or "last", where a run folder has both.
    """
    from .. import agent_class, learner_class

    folder = find(path, prefer)
    run = read_run(folder)
    policy = agent_class(run["agent"])
    check_options(policy, run["agent_options"], run["agent"])
    objective = run["learner"].get("objective", "reinforce")
    kind = options_class(objective)
    check_options(kind, run["learner"], "learner")
    try:
        learner = learner_class(objective)(
            policy,
            env,
            kind(**run["learner"]),
            policy_kwargs=run["agent_options"],
            seed=run.get("seed"),
            device=device,
            observation_space=from_json(run.get("observation_space")),
            action_space=from_json(run.get("action_space")),
        )
    except FoveateError:
        raise
    except (TypeError, ValueError, RuntimeError, AttributeError, OverflowError) as error:
        raise FoveateError(f"{folder / RUN} describes no agent that can be built: {error}.") from error
    weights = _read_tensors(folder / WEIGHTS)
    try:
        learner.policy.load_state_dict(weights)
    except RuntimeError as error:
        raise FoveateError(f"{folder / WEIGHTS} doesn't fit the agent that {RUN} describes: {error}") from error
    learner.num_timesteps, learner.iterations = run["steps"], run["iterations"]
    learner._n_updates, learner._episode_num = run.get("updates", 0), run.get("episodes", 0)
    if env is not None:
        _restore_training(learner, folder, run)
    return learner


def _read_tensors(file: Path) -> dict[str, Tensor]:
    try:
        return load_file(file)
    except (OSError, SafetensorError, ValueError) as error:
        raise FoveateError(f"{file} can't be read as safetensors: {error}.") from error


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with the prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _restore_training(learner: Learner, folder: Path, run: dict[str, Any]) -> None:
    from collections import deque

    tensors = _read_tensors(folder / OPTIMIZER)
    saved = _read_tensors(folder / WORLDS)
    try:
        random = {name: tensors.pop(name) for name in list(tensors) if name.startswith("random.")}
        entries: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            number, key = name.split(".", 1)
            entries.setdefault(int(number), {})[key] = value
        state = learner.optimizer.state_dict()
        learner.optimizer.load_state_dict({**state, "state": entries})
        torch.set_rng_state(random["random.cpu"])
        if learner.device.type == "cuda" and "random.cuda" in random:
            torch.cuda.set_rng_state(random["random.cuda"], learner.device)
        assert learner.collector is not None
        worlds = _below("worlds.", saved)
        if worlds and learner.collector.environments.resumes:
            learner.collector.environments.load_state_dict(worlds)
            collector = {name: value.to(learner.device) for name, value in _below("player.", saved).items()}
            learner.collector.load_state_dict(collector)
    except (KeyError, ValueError, RuntimeError, TypeError, IndexError) as error:
        raise FoveateError(f"{folder}: the training state is damaged or of another run: {error}") from error
    recent = [row for row in run.get("recent_episodes", []) if isinstance(row, dict)]
    learner.ep_info_buffer = deque(recent, maxlen=learner._stats_window_size)
    learner.ep_success_buffer = deque(maxlen=learner._stats_window_size)
    learner._resumed = True
