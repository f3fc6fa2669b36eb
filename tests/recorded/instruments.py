"""The shipped agents, what looks at agents, pictures, data sets, wrappers and the commands."""

import contextlib
import csv
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm

from foveate import evaluate, sb3, train, wrappers
from foveate.agents import load
from foveate.envs import TaskDataset
from foveate.tree import Tree

from .agents import predicted
from .digest import Entries, Record
from .worlds import STEPS, WORLDS, play

ZOO = Path(__file__).resolve().parents[2] / "zoo"
MAPS = ("jacobian", "jacobian-outputs", "integrated-gradients", "smoothgrad", "occlusion", "perturbation", "attention")
SHORT = {"Memory/Copy-v0": {"min_length": 4, "max_length": 6}}  # shorter episodes than the shipped agents know
ELSEWHERE = ("ALE/", "Glimpse/Fashion")  # what not every machine has


def shipped(name: str) -> tuple[BaseAlgorithm, str, dict]:
    """A shipped agent, and the world that it was trained in."""
    run = json.loads((ZOO / name / "run.json").read_text())
    return load(ZOO / name, device="cpu"), run["env_id"], {**run["env"], **SHORT.get(run["env_id"], {})}


def zoo(name: str) -> Entries:
    """A shipped agent on noise, and in its own world for an episode or two."""
    agent, env_id, arguments = shipped(name)
    record = Record()
    agent.observation_space.seed(2)
    torch.manual_seed(2)
    state = None
    for _ in range(4):
        action, state = agent.predict(agent.observation_space.sample(), state, deterministic=False)
        record.add_moment(noise=dict(action) if isinstance(action, dict) else action)
    if not env_id.startswith(ELSEWHERE):
        count = 2 if env_id.startswith("Multi/") else 3
        env = gym.make_vec(env_id, num_envs=count, autoreset_mode="SameStep", **arguments)
        predicted(record, agent, env, 14, "world ", heed=True)
    return record.entries()


def saliency(name: str, methods: tuple[str, ...], steps: int) -> Entries:
    """Maps of a shipped agent at some moments, and the picture of them."""
    agent, env_id, arguments = shipped(name)
    env = wrappers.Saliency(gym.make(env_id, render_mode="rgb_array", **arguments), agent, methods)
    record = Record()
    torch.manual_seed(0)
    seen, _ = env.reset(seed=3)
    state = None
    for _ in range(steps):
        action, state = agent.predict(seen, state, deterministic=True)
        seen, *_ = env.step(action)
    for (method, target), found in env.maps().items():
        record.add(f"{method} of {target}", found)
    record.add("picture", env.render())
    return record.entries()


def memory() -> Entries:
    """What the shipped Turing machine does with its memory in an episode, and what it owes to the past."""
    agent, env_id, arguments = shipped("Copy-ntm")
    env = wrappers.MemoryTrace(gym.make(env_id, **arguments), agent, of="logits")
    watched = wrappers.SequentialJacobian(env, agent, "logits")
    frames = wrappers.record_episodes(watched, agent, 1, seed=4)
    record = Record()
    record.add("trace", env.trace())
    record.add("picture", env.render())
    record.add("owed", watched.matrix((3, -1)))
    record.add("last frame", frames[0][-1])
    return record.entries()


def sheet(name: str) -> Entries:
    """The contact sheet of a shipped agent's episode."""
    agent, env_id, arguments = shipped(name)
    frames = wrappers.record_episodes(gym.make(env_id, render_mode="rgb_array", **arguments), agent, 1, seed=5)
    record = Record()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sheet.png"
        wrappers.contact_sheet(path, frames[0][-4:], columns=2)
        record.add("sheet", cv2.imread(str(path)))
    return record.entries()


def dataset(env_id: str, **options: object) -> Entries:
    """The first batches of a task as a data set."""
    record = Record()
    for observations, targets, mask in TaskDataset(env_id, batch=3, batches=2, seed=9, **options):
        record.add_moment(observation=observations, target=targets, mask=mask)
    return record.entries()


# ---- wrappers ----


def _vector(env_id: str, mode: str = "SameStep", **options: object) -> gym.vector.VectorEnv:
    return gym.make_vec(env_id, num_envs=WORLDS, autoreset_mode=mode, **options)


def _maze() -> gym.Env:
    return gym.make("Memory/TMaze-v0", corridor=2)


def _digits(**options: object) -> gym.Env:
    return gym.make("Glimpse/Digits-v0", glimpses=3, **options)


WRAPPED: dict[str, Callable[[], object]] = {
    "Foveate": lambda: wrappers.Foveate(gym.make("Probe/Catch-v0", balls=1), patch=8, scales=2),
    "FlattenAction discrete": lambda: wrappers.FlattenAction(_digits(), to="discrete", bins=3),
    "FlattenAction box": lambda: wrappers.FlattenAction(_digits(), to="box"),
    "FlattenVectorAction": lambda: wrappers.FlattenVectorAction(_vector("Glimpse/Digits-v0", glimpses=3), bins=5),
    "PreviousActionReward": lambda: wrappers.PreviousActionReward(_maze()),
    "PreviousActionRewardVector": lambda: wrappers.PreviousActionRewardVector(_vector("Memory/TMaze-v0", corridor=2)),
    "Markovian": lambda: wrappers.Markovian(_maze()),
    "MarkovianVector": lambda: wrappers.MarkovianVector(_vector("Memory/TMaze-v0", "NextStep", corridor=2)),
    "PriceOfLooking": lambda: wrappers.PriceOfLooking(_digits(), price=0.1),
    "PriceOfLookingVector": lambda: wrappers.PriceOfLookingVector(_vector("Glimpse/Digits-v0", glimpses=3), of="moves"),
}


def wrapped(name: str) -> Entries:
    """Random play in a wrapped environment."""
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002  # whatever a wrapper may draw from
    return play(WRAPPED[name](), STEPS // 2, heed=False)  # what it advises is for the bare world


# ---- in Stable-Baselines3's company ----


def company(algorithm: type, policy: str | type, env_id: str, **policy_kwargs: object) -> Entries:
    """One of Stable-Baselines3's algorithms with a network of ours."""
    worlds = sb3.make_vec_env(env_id, 4)
    sizes = {"n_steps": 8, "batch_size": 16, "n_epochs": 1, "seed": 0, "device": "cpu"}
    model = algorithm(policy, worlds, policy_kwargs=policy_kwargs, **sizes).learn(32)
    record = Record()
    weights = [value.double().ravel() for _, value in sorted(model.policy.state_dict().items())]
    record.add("weights", torch.cat(weights))
    worlds.seed(1)
    seen, state = worlds.reset(), None
    for _ in range(4):
        action, state = model.predict(seen, state, deterministic=True)
        seen, reward, done, _ = worlds.step(action)
        record.add_moment(action=action, observation=seen, reward=reward, done=done)
    return record.entries()


def extractor() -> Entries:
    """PPO with our glimpse network."""
    own = {"features_extractor_class": sb3.EncoderExtractor, "net_arch": [8]}
    return company(PPO, "MultiInputPolicy", "Glimpse/Digits-v0", **own)


def recurrent(core: str) -> Entries:
    """RecurrentPPO with a core of ours."""
    return company(
        pytest.importorskip("sb3_contrib").RecurrentPPO, sb3.CorePolicy, "Memory/TMaze-v0", core=core, hidden=8
    )


# ---- commands ----


@contextlib.contextmanager
def quiet_folder() -> Iterator[Path]:
    """A folder for what commands write; what they print is kept from the screen."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        yield Path(folder)


def logged(record: Record, file: Path) -> None:
    """The rows of a metrics.csv, but for times."""
    with file.open(newline="") as handle:
        for row in csv.DictReader(handle):
            found = {name: np.float64(value) for name, value in row.items() if value and timeless(name)}
            record.add_moment(**found)


def timeless(name: str) -> bool:
    """Whether a column doesn't depend on the clock."""
    return name.endswith("timesteps") or not ("time" in name or "second" in name)


def trained(words: str, measured: str = "") -> Entries:
    """A small run of the train command, and what the evaluate command says of it."""
    record = Record()
    with quiet_folder() as folder:
        told = [*words.split(), "--no-tensorboard", "--no-progress", "--log-every", "1", "--log-dir", str(folder)]
        assert train.main(told) == 0
        (run,) = folder.iterdir()
        logged(record, run / "metrics.csv")
        file = folder / "figures.json"
        told = [
            str(run),
            "--episodes",
            "12",
            "--no-progress",
            "--device",
            "cpu",
            "--json",
            str(file),
            *measured.split(),
        ]
        assert evaluate.main(told) == 0
        record.add("evaluated", numbers(json.loads(file.read_text())[0]))
    return record.entries()


def numbers(tree: Tree) -> Tree:
    """A tree's numbers, without names of files and times."""
    if isinstance(tree, dict):
        kept = {key: numbers(value) for key, value in tree.items() if timeless(key)}
        return {key: value for key, value in kept.items() if value is not None}
    if isinstance(tree, list):
        return tuple(value for value in map(numbers, tree) if value is not None)
    return np.float64(tree) if isinstance(tree, (int, float)) else None


def drawn() -> Entries:
    """A few updates of the generator."""
    record = Record()
    words = "--updates 3 --batch 8 --steps 3 --hidden 16 --latent 4 --no-progress --device cpu"
    with quiet_folder() as folder:
        assert train.main(["draw", *words.split(), "--out", str(folder)]) == 0
        logged(record, folder / "metrics.csv")
        record.add("picture", cv2.imread(str(folder / "drawing.png")))
    return record.entries()


_TINY = "--learner.worlds 8 --eval-every 300 --eval-episodes 12 --agent.hidden 16 --seed 2 --device cpu"
COMMANDS = {
    "a curriculum": partial(
        trained,
        f"Memory/GraphTraversal-v0 gru --steps 900 --env.lesson 3 --pass-score 0 --learner.batch 4 {_TINY}",
        "--split test",
    ),
    "a look": partial(trained, f"Glimpse/Digits-v0 ram --steps 400 {_TINY}", "--split validation"),
    "a team": partial(trained, f"multi/SharedGaze ram --steps 300 {_TINY}"),
    "a sweep": partial(
        trained, f"Memory/Copy-v0 ntm --steps 400 --learner.batch 4 --env.max-length 3 {_TINY}", "--sweep test-10"
    ),
    "draw": drawn,
}
CASES: dict[str, Callable[[], Entries]] = {
    **{f"zoo {path.name}": partial(zoo, path.name) for path in sorted(ZOO.iterdir())},
    "saliency of Digits-ram": partial(saliency, "Digits-ram", MAPS, 3),
    "saliency of Driving-dueling": partial(saliency, "Driving-dueling", ("jacobian", "occlusion", "random"), 4),
    "memory of Copy-ntm": memory,
    "sheet of ClutteredDigits-ram": partial(sheet, "ClutteredDigits-ram"),
    "sheet of Copy-ntm": partial(sheet, "Copy-ntm"),
    "data Memory/Copy-v0": partial(dataset, "Memory/Copy-v0", max_length=4),
    "data Memory/Tape-v0 at random": partial(dataset, "Memory/Tape-v0", play="random"),
    "data Glimpse/Digits-v0": partial(dataset, "Glimpse/Digits-v0", split="test"),
    "data Glimpse/HouseNumbers-v0": partial(dataset, "Glimpse/HouseNumbers-v0", max_digits=2, view="image", glimpses=1),
    **{f"wrapper {name}": partial(wrapped, name) for name in WRAPPED},
    "company of an extractor": extractor,
    **{f"company of {core}": partial(recurrent, core) for core in ("gru", "dnc")},
    **{f"command {name}": run for name, run in COMMANDS.items()},
}
