"""Wrappers by their spec and by pickle, all of them; one size of all frames; and the retina around vectors."""

import pickle
from collections.abc import Callable
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector.utils import iterate

from foveate import wrappers
from foveate.agents import AGENTS, Policy
from foveate.errors import FoveateError
from foveate.wrappers import Foveate, FoveateVector

MODES = ["NextStep", "SameStep", "Disabled"]
GLIMPSES = "Glimpse/Digits-v0"
PEN, STRING = "Sequence/PenReading-v0", {"view": "whole", "answer": "string"}
# how each wrapper of single environments is made, with arguments that are not the default ones
MADE: dict[str, Callable[[Path], gym.Env]] = {
    "Alignment": lambda tmp: wrappers.Alignment(
        _read(), _agent("attend", "Sequence/Translation-v0", view="whole"), "weights"
    ),
    "FlattenAction": lambda tmp: wrappers.FlattenAction(gym.make(GLIMPSES), to="multidiscrete", bins=5),
    "Foveate": lambda tmp: Foveate(gym.make("Probe/Catch-v0", stack=1), patch=5, scales=2, first="centre"),
    "Markovian": lambda tmp: wrappers.Markovian(gym.make("Memory/Copy-v0")),
    "MemoryTrace": lambda tmp: wrappers.MemoryTrace(_copy(), _agent("ntm", "Memory/Copy-v0"), width=500, of="logits"),
    "PreviousActionReward": lambda tmp: wrappers.PreviousActionReward(gym.make(GLIMPSES)),
    "PriceOfLooking": lambda tmp: wrappers.PriceOfLooking(gym.make(GLIMPSES), price=0.3, of="moves"),
    "RecordVideo": lambda tmp: wrappers.RecordVideo(_copy(), tmp / "film.mp4", fps=7, episodes=1),
    "Saliency": lambda tmp: wrappers.Saliency(gym.make("Memory/Copy-v0"), _agent("gru", "Memory/Copy-v0"), "random"),
    "TranscriptJacobian": lambda tmp: wrappers.TranscriptJacobian(
        gym.make(PEN, **STRING), _agent("transcriber", PEN, **STRING), "i"
    ),
}


def _copy() -> gym.Env:
    return gym.make("Memory/Copy-v0", render_mode="rgb_array", max_length=3)


def _read() -> gym.Env:
    return gym.make("Sequence/Translation-v0", view="whole")


def _agent(name: str, env_id: str, **options: object) -> Policy:
    env = gym.make(env_id, **options)
    return AGENTS[name](env.observation_space, env.action_space)


def test_every_wrapper_is_tried() -> None:
    single = {
        name
        for name in wrappers.__all__
        if isinstance(value := getattr(wrappers, name), type) and issubclass(value, gym.Wrapper)
    }
    assert single - {"SequentialJacobian"} == set(MADE)


@pytest.mark.parametrize("name", MADE)
def test_an_environment_is_rebuilt_from_its_spec(name: str, tmp_path: Path) -> None:
    env = MADE[name](tmp_path)
    again = gym.make(env.spec)
    assert type(again) is type(env)
    assert again.observation_space == env.observation_space
    assert again.action_space == env.action_space
    assert again.spec.additional_wrappers[-1].kwargs.keys() == env.spec.additional_wrappers[-1].kwargs.keys()
    assert data_equivalence(env.reset(seed=3), again.reset(seed=3), exact=True)
    env.action_space.seed(0)
    action = env.action_space.sample()
    assert data_equivalence(env.step(action)[:4], again.step(action)[:4], exact=True)
    again.close()
    env.close()


@pytest.mark.parametrize("name", [name for name in MADE if name != "RecordVideo"])  # a file can't be in two places
def test_a_wrapped_environment_is_pickled(name: str, tmp_path: Path) -> None:
    env = MADE[name](tmp_path)
    env.reset(seed=3)
    again = pickle.loads(pickle.dumps(env))
    env.action_space.seed(0)
    for _ in range(2):
        action = env.action_space.sample()
        stepped = env.step(action)
        assert data_equivalence(stepped[:4], again.step(action)[:4], exact=True)
        if stepped[2] or stepped[3]:
            break


@pytest.mark.parametrize("name", ["Alignment", "MemoryTrace", "Saliency"])
def test_frames_of_an_instrument_have_one_size(name: str, tmp_path: Path) -> None:
    env = MADE[name](tmp_path)
    env.action_space.seed(0)
    sizes = set()
    for seed in range(3):
        env.reset(seed=seed)
        over = False
        while not over:
            sizes.add(env.render().shape)
            *_, terminated, truncated, _ = env.step(env.action_space.sample())
            over = terminated or truncated
        sizes.add(env.render().shape)
    assert len(sizes) == 1


class Room(gym.Env):
    """Coloured noise, in episodes of chance lengths."""

    observation_space, action_space = gym.spaces.Box(0, 255, (9, 12, 3), np.uint8), gym.spaces.Discrete(3)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        return self._seen(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        ended = bool(self.np_random.random() < 0.3)
        return self._seen(), float(action), ended, False, {}

    def _seen(self) -> np.ndarray:
        return self.np_random.integers(0, 256, (9, 12, 3)).astype(np.uint8)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("first", ["random", "centre"])
def test_each_row_under_the_retina_is_the_single_one(mode: str, first: str) -> None:
    modes = {"autoreset_mode": gym.vector.AutoresetMode(mode)}
    vector = FoveateVector(gym.vector.SyncVectorEnv([Room] * 3, **modes), patch=4, scales=2, first=first)
    singles = [Foveate(Room(), patch=4, scales=2, first=first) for _ in range(3)]
    assert vector.single_observation_space == singles[0].observation_space
    assert vector.single_action_space == singles[0].action_space
    vector.action_space.seed(1)
    seen, _ = vector.reset(seed=5)
    expected = [env.reset(seed=5 + i)[0] for i, env in enumerate(singles)]
    over, ends = np.zeros(3, dtype=bool), 0
    for _ in range(40):
        for got, one in zip(iterate(vector.observation_space, seen), expected, strict=True):
            assert data_equivalence(got, one, exact=True)
        if mode == "Disabled" and over.any():
            seen, _ = vector.reset(options={"reset_mask": over.copy()})
            expected = [env.reset()[0] if over[i] else expected[i] for i, env in enumerate(singles)]
            over[:] = False
            continue
        actions = vector.action_space.sample()
        seen, reward, terminated, truncated, info = vector.step(actions)
        expected = []
        for i, (env, action) in enumerate(zip(singles, iterate(vector.action_space, actions), strict=True)):
            if mode == "NextStep" and over[i]:
                expected.append(env.reset()[0])
                continue
            one, gained, ended, *_ = env.step(action)
            assert (gained, ended) == (reward[i], terminated[i])
            if mode == "SameStep" and ended:
                assert data_equivalence(info["final_obs"][i], one, exact=True)
                one = env.reset()[0]
            expected.append(one)
        over = terminated | truncated
        ends += int(over.sum())
    assert ends > 5


def test_the_retina_refuses_actions_without_a_place() -> None:
    vector = FoveateVector(gym.vector.SyncVectorEnv([Room] * 2), patch=4)
    vector.reset(seed=0)
    right = vector.action_space.sample()
    nowhere = np.full((2, 2), np.nan)
    for wrong in (
        None,
        3,
        {},
        {"action": right["action"]},
        {**right, "location": nowhere},
        {**right, "location": "up"},
    ):
        with pytest.raises(FoveateError):
            vector.step(wrong)
