"""Checkpoints: a folder of safetensors and JSON, written whole or not at all, from which nothing is executed.

    run.json                what was trained: agent, options, spaces, environment, step, versions
    weights.safetensors     the policy's parameters
    optimizer.safetensors   the optimiser's and the random generators' state
    worlds.safetensors      the environments' and the collector's state
    replay.safetensors      a replay memory, where there is one and the learner's options ask for it

A folder is written under another name and renamed, so a run that is killed while it writes leaves the
checkpoint before it untouched.
"""

import dataclasses
import glob
import importlib.metadata
import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from gymnasium import spaces
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ... import __version__
from ...envs.spaces import from_json, to_json
from ...errors import FoveateError, FoveateWarning, unknown
from ...files import conform, read_json, write_json
from ..nn.finite import check_weights
from ..policies.policy import Policy
from ..policies.registry import agent_class, agent_name
from . import hub
from .atomic import NEW, beside, put_in_place, stepped_aside
from .learner import Learner
from .options import Options, learner_kind
from .schema import RunFile, check_options
from .tensors import read_headers, write_tensors

Run = dict[str, Any]  # the content of run.json

FORMAT = 1
ZOO = Path(__file__).resolve().parents[2] / "zoo"  # the agents that come with foveate
RUN, WEIGHTS, OPTIMIZER, WORLDS = (
    "run.json",
    "weights.safetensors",
    "optimizer.safetensors",
    "worlds.safetensors",
)
FILES = (RUN, WEIGHTS, OPTIMIZER, WORLDS)
REPLAY = "replay.safetensors"  # not always there
AVERAGE = "average."  # before the number of a weight, in the optimiser's file
_PACKAGES = ("torch", "gymnasium", "stable_baselines3", "numpy")  # whose versions are kept


# ---- writing ----


def save(learner: Learner, path: Path, extra: Run | None = None) -> None:
    """Write a checkpoint of a learner to a folder, in place of what may be there.

    Args:
        learner: what to save; of several processes that train together all must call this.
        path: the folder.
        extra: plain data to keep in run.json beside the learner's own (the environment's id and arguments, …).

    Raises:
        FoveateError: the weights aren't finite, or something is there that is no checkpoint.
    """
    check_weights(learner.policy)
    worlds = _world_tensors(learner)
    if not learner.processes.first:  # what all processes hold is the first one's to write
        return
    path = Path(path)
    if path.exists() and not ((path / RUN).is_file() or (path.is_dir() and not any(path.iterdir()))):
        raise FoveateError(f"{path} is there and no checkpoint: it is not replaced.")
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = beside(path, NEW)
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    try:
        write_tensors(fresh / WEIGHTS, learner.policy.state_dict())
        write_tensors(fresh / OPTIMIZER, _optimizer_tensors(learner))
        write_tensors(fresh / WORLDS, worlds)
        replay = learner.replay()
        if replay:
            write_tensors(fresh / REPLAY, replay, apart=True)
        write_json(fresh / RUN, {**_run_of(learner, worlds), **(extra or {})})
        for file in fresh.iterdir():
            _flush(file)
    except OSError:  # the disk is full, say: half a checkpoint takes room and is of no use
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    put_in_place(fresh, path)
    _flush(path.parent)


def _run_of(learner: Learner, worlds: dict[str, Tensor]) -> Run:
    environments = None if learner.collector is None else learner.collector.environments
    source = "" if environments is None else environments.data_source
    return {
        "format": FORMAT,
        "agent": agent_name(type(learner.policy)),
        "agent_options": learner.agent_options,
        "learner": dataclasses.asdict(learner.options),
        "seed": learner.seed,
        "observation_space": to_json(learner.policy.observation_space),
        "action_space": to_json(learner.policy.action_space),
        "steps": learner.counts.steps,
        "iterations": learner.counts.iterations,
        "updates": learner.counts.updates,
        "episodes": learner.counts.episodes,
        "recent_episodes": list(learner.recent),
        "optimizer_entries": len(_optimizer_tensors(learner)),
        "world_entries": len(worlds),
        "replay_entries": len(learner.replay()),
        **({"data_source": source} if source else {}),
        "versions": {"foveate": __version__, **{name: importlib.metadata.version(name) for name in _PACKAGES}},
    }


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
    if learner.average is not None:
        tensors |= {f"{AVERAGE}{number}": value for number, value in enumerate(learner.average.mean)}
    return tensors


def _world_tensors(learner: Learner) -> dict[str, Tensor]:
    collector = learner.collector
    if collector is None or not collector.begun or collector.environments is None:
        return {}
    known = collector.environments.state_dict()  # of foreign environments nothing: they begin anew
    tensors = {f"worlds.{name}": value for name, value in known.items()}
    tensors |= {f"collector.{name}": value for name, value in collector.state_dict().items()}
    rows = collector.environments.rows
    return tensors if rows is None else rows.gather_state(tensors)


# ---- reading ----


def _shipped(path: Path) -> Path:
    """The place of ``zoo/NAME`` in the package, where the path leads nowhere from here; any other path as it is."""
    if path.is_absolute() or path.exists() or len(path.parts) != 2 or path.parts[0] != ZOO.name:
        return path
    if not (ZOO / path.name).is_dir():
        raise unknown("agent of the zoo", path.name, sorted(agent.name for agent in ZOO.glob("*/")))
    return ZOO / path.name


def find(path: Path, prefer: str = "best") -> Path:
    """The checkpoint folder that a path means: itself, or a run folder's best (or last) one.

    ``zoo/NAME`` is the agent of that name that comes with foveate, wherever one is, unless there is such a folder here;
    ``hf://OWNER/NAME[@REVISION]`` is one from the hub (see `hub.py`).

    Raises:
        FoveateError: there is none, or it is something else (such as a Stable-Baselines3 zip).
    """
    if hub.is_address(path):
        return hub.fetch(hub.address_of(path))
    path = _shipped(Path(path))
    if (path / RUN).is_file():
        return path
    zipped = path.with_name(f"{path.name}.zip")  # Stable-Baselines3's callbacks give folders such names, too
    if not path.exists():
        asides = stepped_aside(path.parent, glob.escape(path.name))
        plain = path.with_suffix("") if path.suffix == ".zip" else path
        for folder in (zipped, plain, *asides):
            if (folder / RUN).is_file():
                return folder
    if path.suffix == ".zip" or (not path.exists() and zipped.exists()):
        raise FoveateError(
            f"{path} is a zip of Stable-Baselines3, which holds pickles; only checkpoint folders are read."
        )
    order = ("best", "last") if prefer == "best" else ("last", "best")
    kept = path / "checkpoints"
    found = [f for kind in order for f in sorted(kept.glob(f"{kind}-*"), reverse=True)]
    found += [f for kind in order for f in stepped_aside(kept, f"{kind}-*")]
    found = [folder for folder in found if (folder / RUN).is_file()]
    if not found:
        raise FoveateError(
            f"no checkpoint in {path}: looked for {RUN} in it, and in checkpoints/best-* and checkpoints/last-*."
        )
    if len(found) == 1:
        return found[0]
    whole = next((folder for folder in found if _is_whole(folder)), found[0])
    if whole != found[0]:
        warnings.warn(f"{found[0]} is damaged; {whole} is taken in its place.", FoveateWarning, stacklevel=2)
    return whole


def _is_whole(folder: Path) -> bool:
    """Whether all files of a checkpoint can be read and are as long as they say."""
    try:
        run = read_run(folder)
        for name in (WEIGHTS, OPTIMIZER, WORLDS, *([REPLAY] if run.get("replay_entries") else [])):
            read_headers(folder / name)
    except (FoveateError, OSError):
        return False
    return True


def read_run(folder: Path) -> Run:
    """The checked content of a checkpoint's run.json.

    Raises:
        FoveateError: it can't be read, is damaged, or has another format.
    """
    run = read_json(folder / RUN)
    conform(run, RunFile, folder / RUN)
    assert isinstance(run, dict)
    if run["format"] != FORMAT:
        raise FoveateError(f"{folder} has format {run['format']}, this version reads format {FORMAT}.")
    return run


def objective_of(run: Run) -> str:
    """How a run was trained: "reinforce", "a2c", "ppo", "backprop" or "dqn"."""
    return str(run["learner"].get("objective", "reinforce"))


class Described(NamedTuple):
    """What run.json says of an agent, checked: nothing of it was built yet."""

    policy_class: type[Policy]
    agent_options: Run
    options: Options
    observation_space: spaces.Space
    action_space: spaces.Space
    seed: int | None


def described(run: Run) -> Described:
    """The agent and the learner that a checked run.json describes.

    Raises:
        FoveateError: it names something that isn't there.
    """
    kind = agent_class(run["agent"])
    check_options(kind, run["agent_options"], run["agent"])
    learner = learner_kind(objective_of(run))
    check_options(learner.options, run["learner"], "learner")
    chosen = conform(run["learner"], learner.options, "the learner")
    observation_space, action_space = (from_json(run.get(f"{name}_space")) for name in ("observation", "action"))
    return Described(kind, run["agent_options"], chosen, observation_space, action_space, run.get("seed"))


def note_version(folder: Path, run: Run) -> None:
    """Say so where another version of foveate wrote a checkpoint."""
    version = run.get("versions", {}).get("foveate", __version__)
    if version != __version__:
        message = f"{folder} was written by foveate {version}, and this is {__version__}: results may differ."
        warnings.warn(message, FoveateWarning, stacklevel=3)


class Undrawn(TorchFunctionMode):
    """Within this context modules are built without drawing their initial weights.

    On the device "meta", where there are no numbers to draw, PyTorch would import its compiler for it: three seconds.
    """

    def __torch_function__(self, func: Callable, types: object, args: tuple = (), kwargs: dict | None = None) -> object:
        if getattr(func, "__module__", "") == nn.init.__name__ or func is Tensor.normal_:
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))


def check_fit(folder: Path, known: Described) -> None:
    """Compare the agent that is described with the header of its weights, before memory is taken for either.

    Args:
        folder: the checkpoint.
        known: what its run.json describes.

    Raises:
        FoveateError: the weights are damaged, or of another agent.
    """
    headers = read_headers(folder / WEIGHTS)
    try:
        with torch.random.fork_rng([]), torch.device("meta"), Undrawn():
            spaces_ = known.observation_space, known.action_space
            policy = known.policy_class(*spaces_, **known.agent_options)
    except FoveateError:
        raise
    except Exception:  # an agent that needs numbers to be built: what it is is compared when it is there
        return
    expected = {name: list(value.shape) for name, value in policy.state_dict().items()}
    for name in dict.fromkeys([*expected, *headers]):
        shape = headers[name].shape if name in headers else None
        if shape != expected.get(name):
            what = f"{name!r} is {shape or 'missing'}, not {expected.get(name) or 'needed'}"
            raise FoveateError(f"{folder / WEIGHTS} doesn't fit the agent that {RUN} describes: {what}.")
