"""Q-learning goes on from a checkpoint with its replay memory bit for bit, and takes no float64 to its device."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from safetensors.torch import load_file, save_file
from saliency_worlds import Planted, PlantedVectorEnv
from scripted import LEARNERS, same_step
from stable_baselines3.common.vec_env import DummyVecEnv
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from foveate.agents import QLearning, QOptions, load
from foveate.agents.learning.checkpoint import REPLAY, RUN
from foveate.agents.learning.hooks import Hooks
from foveate.envs.batch import State
from foveate.envs.gym_env import env_classes
from foveate.errors import FoveateError, FoveateWarning


class Named(Planted):
    """Planted, with a Dict to see: the screen, and a number."""

    def __init__(self) -> None:
        super().__init__()
        seen = {"screen": self.observation_space, "count": spaces.Discrete(5, start=1)}
        self.observation_space = spaces.Dict(seen)

    def observe(self, state: State) -> dict[str, Tensor]:
        return {"screen": super().observe(state), "count": 1 + state["clock"].clamp(max=4)}


class Count(Planted):
    """Planted, with only a number to see."""

    def __init__(self) -> None:
        super().__init__()
        self.observation_space = spaces.Discrete(5, start=1)

    def observe(self, state: State) -> Tensor:
        return 1 + state["clock"].clamp(max=4)


WORLDS = {"Dict": env_classes(Named)[1], "Box": PlantedVectorEnv, "Discrete": env_classes(Count)[1]}
OPTIONS: dict[str, Any] = {"worlds": 4, "warm_up": 8, "batch": 8, "memory": 60, "target_every": 20, "updates": 1}
OPTIONS |= {"exploration": 0.9}  # so that it still explores wherever it is stopped


def worlds(kind: str, count: int = 4) -> gym.vector.VectorEnv:
    return WORLDS[kind](count, autoreset_mode="SameStep", output="torch")


def learner(kind: str, save_replay: bool = True) -> QLearning:
    options = QOptions(**OPTIONS, save_replay=save_replay)
    return QLearning("mlp", worlds(kind), options, policy_kwargs={"layers": (4,), "hidden": 4}, seed=1, device="cpu")


class StopAt(Hooks):
    """Stops a training at a step."""

    def __init__(self, step: int):
        self.left = step

    def on_step(self, *_: object) -> bool:
        self.left -= 1
        return self.left != 0


@pytest.mark.parametrize("kind", WORLDS)
@pytest.mark.parametrize("at", [1, 5, 30])  # while it warms up, before the memory is full, and after it
def test_a_resume_with_the_replay_memory_is_the_training_that_was_not_stopped(
    tmp_path: Path, kind: str, at: int
) -> None:
    whole = learner(kind)
    whole.learn(160)
    half = learner(kind)
    assert half.learner.collector is not None
    half.learner.learn(160, StopAt(at))
    half.learner.rewind()
    half.save(tmp_path / "half")
    np.random.seed(7)  # noqa: NPY002
    torch.manual_seed(7)
    with warnings.catch_warnings():
        warnings.simplefilter("error", FoveateWarning)
        resumed = load(tmp_path / "half", worlds(kind), "cpu")
    resumed.learn(160 - resumed.num_timesteps, reset_num_timesteps=False)
    whole.save(tmp_path / "a")
    resumed.save(tmp_path / "b")
    for file in sorted(path.name for path in (tmp_path / "a").glob("*.safetensors")):
        a, b = (load_file(tmp_path / name / file) for name in "ab")
        assert a.keys() == b.keys()
        assert [name for name in a if not torch.equal(a[name], b[name])] == [], file
    a, b = (json.loads((tmp_path / name / RUN).read_text()) for name in "ab")
    times = [row.pop("t") for run in (a, b) for row in run["recent_episodes"]]
    assert a == b
    assert times


def test_without_the_replay_memory_a_resume_says_that_it_begins_anew(tmp_path: Path) -> None:
    made = learner("Box", save_replay=False)
    made.learn(40)
    made.save(tmp_path / "run")
    assert not (tmp_path / "run" / REPLAY).exists()
    with pytest.warns(FoveateWarning, match="replay memory begins anew.*--learner.save-replay") as caught:
        load(tmp_path / "run", worlds("Box"), "cpu").learn(40, reset_num_timesteps=False)
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error", FoveateWarning)
        load(tmp_path / "run", device="cpu")  # who only plays needs none


def test_a_replay_memory_of_another_number_of_worlds_begins_anew(tmp_path: Path) -> None:
    made = learner("Box")
    made.learn(40)
    made.save(tmp_path / "run")
    with pytest.warns(FoveateWarning, match="replay memory begins anew"):
        again = load(tmp_path / "run", worlds("Box", 3), "cpu")
    again.learn(30, reset_num_timesteps=False)
    assert again.num_timesteps == 70


def _cut(tensors: dict[str, Tensor]) -> None:
    tensors["rewards"] = tensors["rewards"][:-1]


def _typed(tensors: dict[str, Tensor]) -> None:
    tensors["observations"] = tensors["observations"].float()


def _shaped(tensors: dict[str, Tensor]) -> None:
    tensors["observations"] = tensors["observations"].flatten(2)


def _misplaced(tensors: dict[str, Tensor]) -> None:
    tensors["place"] = torch.tensor([10**6, 1])


def _lacking(tensors: dict[str, Tensor]) -> None:
    del tensors["dones"]


def _renamed(tensors: dict[str, Tensor]) -> None:
    tensors["x"] = tensors.pop("counts")


@pytest.mark.parametrize("damage", [_cut, _typed, _shaped, _misplaced, _lacking, _renamed])
def test_a_damaged_replay_memory_is_one_sentence(tmp_path: Path, damage: Callable[[dict[str, Tensor]], None]) -> None:
    made = learner("Box")
    made.learn(40)
    made.save(tmp_path / "run")
    tensors = load_file(tmp_path / "run" / REPLAY)
    damage(tensors)
    save_file(tensors, tmp_path / "run" / REPLAY)
    with pytest.raises(FoveateError, match="run"):
        load(tmp_path / "run", worlds("Box"), "cpu")
    (tmp_path / "run" / REPLAY).write_bytes(b"\x10" * 50)
    with pytest.raises(FoveateError, match=REPLAY):
        load(tmp_path / "run", worlds("Box"), "cpu")
    (tmp_path / "run" / REPLAY).unlink()
    with pytest.raises(FoveateError, match=REPLAY):
        load(tmp_path / "run", worlds("Box"), "cpu")


# ---- types on the device ----


class Doubles(gym.Env):
    """Shows and pays float64, as MuJoCo's worlds do."""

    action_space = spaces.Discrete(2)

    def __init__(self, space: spaces.Space):
        self.observation_space = space

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[object, dict]:
        super().reset(seed=seed)
        return self.observation_space.sample(), {"target": 1}

    def step(self, action: int) -> tuple[object, np.float64, bool, bool, dict]:
        return self.observation_space.sample(), np.float64(0.5), self.np_random.random() < 0.3, False, {"target": 1}


class NoDoubles(TorchDispatchMode):
    """A device without float64: the copy to it is refused, as an Apple GPU refuses it."""

    def __torch_dispatch__(self, func: Callable, types: object, args: tuple = (), kwargs: dict | None = None) -> object:
        result = func(*args, **kwargs or {})
        for leaf in result if isinstance(result, (tuple, list)) else [result]:
            assert not isinstance(leaf, Tensor) or leaf.dtype is not torch.float64, func
        return result


NUMBERS = spaces.Box(-1, 1, (3,), np.float64)
DOUBLES = {"Box": NUMBERS, "Dict": spaces.Dict({"a": NUMBERS, "b": spaces.Box(0, 9, (), np.float64)})}


@pytest.mark.parametrize("objective", LEARNERS)
@pytest.mark.parametrize("space", DOUBLES)
@pytest.mark.parametrize("door", ["SyncVectorEnv", "DummyVecEnv"])
def test_no_float64_is_made_where_a_device_may_have_none(objective: str, space: str, door: str) -> None:
    makers: list[Callable[[], gym.Env]] = [lambda: Doubles(DOUBLES[space])] * 2
    env = DummyVecEnv(makers) if door == "DummyVecEnv" else same_step(makers)
    made = LEARNERS[objective](env)
    with NoDoubles():
        made.learn(16)
    made.predict(made.observation_space.sample())
