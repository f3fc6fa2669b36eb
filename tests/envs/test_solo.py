"""A world alone in NumPy does what its tensors do: rewards, observations, `info` and the state that is left."""

import copy
import pickle
from typing import Any
from unittest import mock

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ids import MEMORY_IDS, known_to, short, world_class

from foveate import tree
from foveate.envs.batch import BatchWorld
from foveate.envs.gym_env import GymEnv

SOLO = [i for i in MEMORY_IDS if world_class(i).solo is not BatchWorld.solo]


def same(a: object, b: object) -> None:
    """Equal in structure, type and every number."""
    if isinstance(a, dict):
        assert isinstance(b, dict)
        assert list(a) == list(b)
        for key in a:
            same(a[key], b[key])
        return
    assert type(a) is type(b)
    if isinstance(a, tuple):
        assert isinstance(b, tuple)
        for one, two in zip(a, b, strict=True):
            same(one, two)
        return
    if isinstance(a, np.ndarray):
        assert isinstance(b, np.ndarray)
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
    np.testing.assert_array_equal(a, b)


def both(env_id: str, **options: Any) -> tuple[GymEnv, GymEnv]:
    """The same environment, the second one always by tensors."""
    pair = tuple(gym.make(env_id, **options).unwrapped for _ in range(2))
    assert isinstance(pair[0], GymEnv)
    assert isinstance(pair[1], GymEnv)
    pair[1].world.solo = lambda: None
    return pair[0], pair[1]


@pytest.mark.parametrize("env_id", SOLO)
@given(seed=st.integers(0, 2**31), wise=st.floats(0, 1), whole=st.booleans(), relevance=st.booleans())
@settings(max_examples=3, deadline=None)
def test_a_world_alone_does_what_its_tensors_do(
    env_id: str, seed: int, wise: float, whole: bool, relevance: bool
) -> None:
    options = short(env_id) | known_to(env_id, {"reward": "whole"} if whole else {})
    alone, plain = both(env_id, relevance=relevance, **options)
    numbers = np.random.default_rng(seed)
    alone.action_space.seed(seed % 2**31)
    same(alone.reset(seed=seed), plain.reset(seed=seed))
    for _ in range(30):
        action = alone.action_space.sample()
        if numbers.random() < wise:
            action = tree.to_numpy(plain.world.oracle())[0]
        one = alone.step(action)
        same(one, plain.step(action))
        same(tree.to_numpy(alone.world.state_dict()), tree.to_numpy(plain.world.state_dict()))
        assert alone.world.ended() == plain.world.ended()
        if one[2] or one[3]:
            same(alone.reset(), plain.reset())


@pytest.mark.parametrize("env_id", ["Memory/Copy-v0", "Memory/TMaze-v0"])
def test_what_was_taken_out_of_a_world_alone_stays_and_what_is_put_in_counts(env_id: str) -> None:
    alone, plain = both(env_id)
    for env in (alone, plain):
        env.action_space.seed(1)
        env.reset(seed=3)
        env.step(env.action_space.sample())
    kept = alone.get_state()
    action = alone.action_space.sample()
    first = alone.step(action)
    alone.set_state(kept)
    same(first, alone.step(action))
    same(first, plain.step(action))
    again = copy.deepcopy(alone), pickle.loads(pickle.dumps(alone))
    follows = alone.step(action)
    for env in again:
        same(follows, env.step(action))
        same(tree.to_numpy(env.get_state()), tree.to_numpy(alone.get_state()))


def test_solo_is_what_single_environments_play() -> None:
    env = gym.make("Memory/Copy-v0").unwrapped
    env.reset(seed=0)
    with mock.patch.object(BatchWorld, "step", side_effect=AssertionError("tensors were used")):
        env.step(env.action_space.sample())
