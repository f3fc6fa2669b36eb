"""Steps with every kind of action, legal and not: a world goes on, or refuses with one FoveateError and stays whole."""

import copy
import gc
import resource
from collections.abc import Callable, Iterator

import gymnasium as gym
import numpy as np
import pytest
import torch
from fuzz_size import FULL, size
from gymnasium import spaces
from ids import ALL_IDS, parallel, short

from foveate.envs import MULTI_IDS
from foveate.errors import FoveateError

MODES = ["NextStep", "SameStep", "Disabled"] if FULL else ["NextStep"]
ROWS = 3


def _leaves(
    space: spaces.Space, action: object, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], object]]:
    if isinstance(space, spaces.Dict):
        for name, part in space.spaces.items():
            yield from _leaves(part, action[name], (*path, name))
    else:
        yield path, np.asarray(action)


def _with(action: object, path: tuple[str, ...], value: object) -> object:
    """The action with another value of one part."""
    if not path:
        return value
    changed = dict(action)
    changed[path[0]] = _with(changed[path[0]], path[1:], value)
    return changed


def _wrong(space: spaces.Space, right: np.ndarray) -> dict[str, object]:
    """Values that no reader may take for a part of an action."""
    wrong: dict[str, object] = {
        "None": None,
        "text": "left",
        "bytes": b"1",
        "an object": object(),
        "objects": np.full(right.shape, None, dtype=object),
        "texts": np.full(right.shape, "1"),
        "complex": right.astype(np.complex64),
        "a complex tensor": torch.as_tensor(right.astype(np.complex64)),
        "a sparse tensor": torch.as_tensor(right.astype(np.float32)).to_sparse(),
        "dates": np.zeros(right.shape, "datetime64[s]"),
        "rows of different lengths": [[1], [1, 2], 3],
        "one more dimension": right[None],
        "one more number": np.concatenate([right.ravel(), right.ravel()[:1]]),
        "nothing": np.zeros((0,)),
        "a mapping": {"": right},
        "a function": len,
    }
    floats = right.astype(np.float64)
    hurt = floats.copy()
    hurt.flat[-1] = np.nan
    wrong |= {"NaN": hurt, "a NaN tensor": torch.as_tensor(hurt)}
    if not isinstance(space, spaces.Box):
        for name, number in {"-1": -1, "10**9": 10**9, "a half": 0.5, "infinity": np.inf, "1e300": 1e300}.items():
            changed = floats.copy()
            changed.flat[0] = number
            wrong[name] = changed
        changed = np.zeros(right.shape, np.uint64)
        changed.flat[0] = 2**64 - 1
        wrong["2**64 - 1"] = changed
    return wrong


def _space_of_part(space: spaces.Space, path: tuple[str, ...]) -> spaces.Space:
    for name in path:
        space = space[name]
    return space


def wrong_actions(space: spaces.Space, right: object) -> dict[str, object]:
    """A right action with each part in turn replaced by everything that is wrong for it, and wholly wrong ones."""
    wrong: dict[str, object] = {"no action": None, "a word": "left", "an empty mapping": {}}
    if isinstance(space, spaces.Dict):
        name = next(iter(right))
        wrong |= {
            "a part too many": {**right, "more": 0},
            "a part too few": {k: v for k, v in right.items() if k != name},
        }
        wrong["keys of two types"] = {**right, 1: 0}
    for path, leaf in _leaves(space, right):
        for name, value in _wrong(_space_of_part(space, path), leaf).items():
            wrong[f"{name} as {'/'.join(path) or 'the action'}"] = _with(right, path, value)
    return wrong


def _accepts(step: Callable[[object], object], wrong: dict[str, object]) -> list[str]:
    """Which of these actions were not refused by a FoveateError."""
    accepted = []
    for name, action in wrong.items():
        try:
            step(action)
            accepted.append(name)
        except FoveateError:
            pass
        except Exception as error:  # any other is a fault, and its name belongs into the report
            accepted.append(f"{name}: {error!r}")
    return accepted


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("env_id", [*ALL_IDS, *MULTI_IDS])
def test_no_vector_environment_takes_a_wrong_action_at_any_step(env_id: str, mode: str) -> None:
    env = gym.make_vec(env_id, num_envs=ROWS, autoreset_mode=mode, **short(env_id))
    env.action_space.seed(0)
    env.reset(seed=0)
    faults = _accepts(env.step, wrong_actions(env.action_space, env.action_space.sample()))
    over = np.zeros(env.num_envs, dtype=bool)
    for _ in range(1000):
        if mode == "Disabled" and over.any():
            break
        *_, terminated, truncated, _ = env.step(env.action_space.sample())
        over = terminated | truncated
        if over.all() and mode != "Disabled":  # the step to come is, with NextStep, the one that only resets
            faults += _accepts(env.step, wrong_actions(env.action_space, env.action_space.sample()))
            break
    assert not faults


@pytest.mark.parametrize("env_id", ALL_IDS)
def test_no_single_environment_takes_a_wrong_action(env_id: str) -> None:
    env = gym.make(env_id, disable_env_checker=True, **short(env_id))
    env.action_space.seed(0)
    env.reset(seed=0)
    assert not _accepts(env.step, wrong_actions(env.action_space, env.action_space.sample()))


@pytest.mark.parametrize("env_id", MULTI_IDS)
def test_no_parallel_environment_takes_a_wrong_action(env_id: str) -> None:
    env = parallel(env_id)
    env.reset(seed=0)
    space = spaces.Dict(env.action_spaces)
    space.seed(0)
    assert not _accepts(env.step, wrong_actions(space, space.sample()))


@pytest.mark.parametrize("env_id", [*ALL_IDS, *MULTI_IDS])
def test_legal_and_illegal_steps_go_on_and_take_no_memory(env_id: str) -> None:
    """What was refused leaves no trace: beside it a twin that was shown legal actions only lives the same life."""
    arguments = dict(num_envs=ROWS, autoreset_mode="NextStep", **short(env_id))
    env, twin = (gym.make_vec(env_id, **arguments) for _ in range(2))
    env.action_space.seed(1)
    env.reset(seed=1)
    twin.reset(seed=1)
    chance = np.random.default_rng(1)
    steps = size(40, 100_000 // ROWS)
    early = 0
    for step in range(steps):
        right = env.action_space.sample()
        if chance.random() < 0.05:
            wrong = wrong_actions(env.action_space, right)
            name = list(wrong)[chance.integers(len(wrong))]
            with pytest.raises(FoveateError):
                env.step(copy.copy(wrong[name]))
        observation, reward, *ends, _ = env.step(right)
        expected, expected_reward, *expected_ends, _ = twin.step(right)
        assert observation in env.observation_space
        assert np.isfinite(reward).all()
        assert np.array_equal(reward, expected_reward)
        assert all(np.array_equal(a, b) for a, b in zip(ends, expected_ends, strict=True))
        for (_, a), (_, b) in zip(
            _leaves(env.observation_space, observation), _leaves(env.observation_space, expected), strict=True
        ):
            assert np.array_equal(a, b)
        if step == steps // 4:
            gc.collect()
            early = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - early  # kilobytes
    assert grown < 50_000
