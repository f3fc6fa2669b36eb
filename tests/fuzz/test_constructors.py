"""Constructors told everything that anybody might tell them: a world is made, or refused by one FoveateError.

NumPy's numbers are numbers: a world told ``np.int64(6)`` is the world told 6.
"""

import resource
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, get_args

import gymnasium as gym
import numpy as np
import psutil
import pytest
from fuzz_size import size
from gymnasium.envs.registration import load_env_creator
from gymnasium.utils.env_checker import data_equivalence
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ids import ALL_IDS, known_to, parallel, short, world_class

from foveate.envs import MULTI_IDS
from foveate.errors import FoveateError
from foveate.introspect import Option, constructor_options
from foveate.wrappers import FlattenAction, Foveate, PriceOfLooking

LONG = 600.0  # seconds: a loaded machine is slow, and what counts to 10**30 is slower
MOST_MEMORY = 6 << 30
HOSTILE: list[Any] = [
    *(None, True, False, [], [1], [None], (2, 3), {}, {"a": 1}, object(), len, b"6", "", "6", "train", "é\n"),
    *(0, 1, 2, 3, 7, -1, 63, 65, 1000, 4096, 10**5, 10**9, 2**31, 2**63, 10**30, -(10**30), 10**400),
    *(0.0, 0.5, 1.0, 1.5, 6.0, -0.5, 1e30, float("nan"), float("inf"), float("-inf"), 1j),
    *(np.int64(6), np.int32(2), np.uint8(3), np.int64(-1), np.uint64(2**63), np.float32(0.5), np.float64("nan")),
    *(np.bool_(True), np.str_("train"), np.array(3), np.array([1, 2]), np.zeros((3, 3))),
    np.array([[1], [2]], dtype=object),
]
SHARED = {
    "render_mode": Option("render_mode", str | None, None, ""),
    "relevance": Option("relevance", bool, False, ""),
    "device": Option("device", str, "cpu", ""),
}
VECTOR = {
    "num_envs": Option("num_envs", int, 1, ""),
    "autoreset_mode": Option("autoreset_mode", str, "NextStep", ""),
    "output": Option("output", str, "numpy", ""),
}


def options_of(env_id: str) -> dict[str, Option]:
    """The arguments of a world's constructor."""
    return dict(constructor_options(world_class(env_id)))


def values(option: Option) -> st.SearchStrategy:
    """What an argument may be, within its range and far beyond it."""
    return st.one_of(
        st.sampled_from(HOSTILE),
        st.integers(-3, 70),
        st.floats(width=32),
        st.sampled_from([*get_args(option.type), option.default]),
    )


def arguments(options: dict[str, Option]) -> st.SearchStrategy[dict[str, Any]]:
    """One to three arguments of a constructor."""
    names = st.lists(st.sampled_from(sorted(options)), min_size=1, max_size=3, unique=True)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: values(options[name]) for name in chosen}))


@contextmanager
def bounded_memory() -> Iterator[None]:
    """What takes all memory fails, instead of the machine."""
    used = psutil.Process().memory_info().vms
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + MOST_MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def tried(make: Callable[[], Any], play: Callable[[Any], None]) -> None:
    """Make something and use it; nothing but success or a FoveateError, and that before long."""
    begin = time.monotonic()
    with bounded_memory(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            env = make()
        except FoveateError:
            pass
        else:
            play(env)
            env.close()
    assert time.monotonic() - begin < LONG


def single(env_id: str, **told: Any) -> gym.Env:
    """As ``gym.make``, which itself stumbles over a render_mode that is no string."""
    return load_env_creator(gym.spec(env_id).entry_point)(**told)


def play_one(env: gym.Env) -> None:
    env.reset(seed=0)
    env.step(env.action_space.sample())


def play_rows(env: gym.vector.VectorEnv) -> None:
    env.reset(seed=0)
    for _ in range(2):
        env.step(env.action_space.sample())


def play_agents(env: Any) -> None:
    env.reset(seed=0)
    env.step({agent: env.action_space(agent).sample() for agent in env.agents})


def try_rows(env_id: str, data: st.DataObject) -> None:
    """The vector environment, with arguments drawn for it."""
    told = data.draw(arguments(options_of(env_id) | SHARED | VECTOR))
    tried(lambda: gym.make_vec(env_id, **{"num_envs": 2, **told}), play_rows)


FUZZ = settings(
    max_examples=size(12, 2000), deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.parametrize("env_id", ALL_IDS)
@FUZZ
@given(data=st.data())
def test_single_and_vector_worlds_are_made_or_refused(env_id: str, data: st.DataObject) -> None:
    told = data.draw(arguments(options_of(env_id) | SHARED))
    tried(lambda: single(env_id, **told), play_one)
    try_rows(env_id, data)


@pytest.mark.parametrize("env_id", MULTI_IDS)
@FUZZ
@given(data=st.data())
def test_worlds_of_several_agents_are_made_or_refused(env_id: str, data: st.DataObject) -> None:
    told = data.draw(arguments(options_of(env_id) | SHARED))
    tried(lambda: parallel(env_id, **told), play_agents)
    try_rows(env_id, data)


def numpy_twin(value: Any) -> Any:
    """The same number as NumPy has it."""
    if isinstance(value, bool):
        return np.bool_(value)
    if isinstance(value, int):
        return np.int64(value)
    return np.float64(value) if isinstance(value, float) else value


@pytest.mark.parametrize("env_id", [*ALL_IDS, *MULTI_IDS])
def test_numpy_numbers_are_numbers(env_id: str) -> None:
    """Every number that an id takes, given as NumPy's: the same worlds, episode ends and resets included."""
    plain = {name: option.default for name, option in options_of(env_id).items()}
    plain |= short(env_id) | known_to(env_id, {"glimpses": 3, "price": 0.25, "augment": 0.5})
    plain = {name: value for name, value in plain.items() if isinstance(value, (bool, int, float))}
    envs = [
        gym.make_vec(
            env_id, num_envs=convert(2), autoreset_mode="NextStep", **{k: convert(v) for k, v in plain.items()}
        )
        for convert in (lambda value: value, numpy_twin)
    ]
    assert envs[0].observation_space == envs[1].observation_space
    envs[0].action_space.seed(0)
    first, second = (env.reset(seed=0) for env in envs)
    for _ in range(30):
        assert data_equivalence(first, second, exact=True)
        action = envs[0].action_space.sample()
        first, second = (env.step(action) for env in envs)
    assert type(envs[1].num_envs) is int


ROOM = gym.spaces.Box(0, 255, (12, 10), np.uint8)


class Room(gym.Env):
    """A picture and two actions."""

    observation_space, action_space = ROOM, gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        return np.zeros((12, 10), np.uint8), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        return np.zeros((12, 10), np.uint8), 0.0, False, False, {}


WRAPPERS = {
    Foveate: Room,
    FlattenAction: lambda: gym.make("Glimpse/Digits-v0"),
    PriceOfLooking: lambda: gym.make("Glimpse/Digits-v0"),
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_wrappers_are_made_or_refused(wrapper: type[gym.Wrapper]) -> None:
    options = {name: option for name, option in constructor_options(wrapper).items() if name != "env"}
    for name in options:
        for value in HOSTILE:
            tried(lambda told={name: value}: wrapper(WRAPPERS[wrapper](), **told), play_one)
