"""Worlds stepped together by kernels, and episodes begun ahead, do what tensors do, whatever else is done with them."""

from typing import Any, cast
from unittest import mock

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import data_equivalence
from hypothesis import given, settings
from hypothesis import strategies as st
from ids import MEMORY_IDS, known_to, short, world_class

from foveate import compiled, tree
from foveate.envs import kernels
from foveate.envs.batch import BatchWorld
from foveate.envs.beginnings import MOST
from foveate.envs.gym_env import VectorEnv
from foveate.envs.memory import SequenceWorld

WORLDS = 3
GAZES: dict[str, list[dict[str, Any]]] = {  # by id, with options
    "Glimpse/TranslatedDigits-v0": [{}, {"reward": "every"}, {"location": "moves"}, {"augment": 1.0, "price": 0.1}],
    "Glimpse/ClutteredDigits-v0": [{}, {"glimpses": 1}, {"noise": 0.2}, {"location": "tiles", "scales": 1}],
    "Glimpse/DigitPairs-v0": [{}, {"reward": "every", "price": 0.1}, {"clutter": 3}, {"glimpses": 2}],
}


def made(env_id: str, plain: bool, **options: Any) -> VectorEnv:
    """An environment, its worlds by tensors alone or not."""
    with mock.patch.object(world_class(env_id), "ahead", 1 if plain else 4):
        env = cast(VectorEnv, gym.make_vec(env_id, num_envs=WORLDS, autoreset_mode="SameStep", **options).unwrapped)
    if plain:
        env.world.many_worlds = lambda: None
    env.action_space.seed(0)
    return env


def done(env: VectorEnv, what: str, number: int, kept: dict) -> object:
    """One thing that can be done with an environment, and what it answers."""
    mask = np.array([number >> i & 1 for i in range(WORLDS)], bool)
    if what == "step":
        return env.step(tree.where(mask, tree.to_numpy(env.world.oracle()), env.action_space.sample()))
    if what == "reset":
        return env.reset(options={"reset_mask": mask}) if mask.any() else env.reset()
    if what == "seed":
        return env.reset(seed=[number if one else None for one in mask.tolist()])
    if what == "episodes" and isinstance(env.world, SequenceWorld):
        found = env.world.episodes(1 + number % 5)
        return tree.to_numpy((found.observation, found.target, found.length)), env.reset()
    if what == "save":
        kept.update(env.state_dict())
    elif what == "load" and kept:
        env.load_state_dict(kept)
        return env.observe()
    return None


@pytest.mark.skipif(not compiled.find_numba(), reason="numba is missing")
@pytest.mark.parametrize("env_id", [*MEMORY_IDS, *GAZES])
@given(
    things=st.lists(
        st.tuples(st.sampled_from(["step"] * 6 + ["reset", "seed", "episodes", "save", "load"]), st.integers(0, 9)),
        max_size=25,
    ),
    which=st.integers(0, 3),
    ours=st.sampled_from([{}, {"max_episode_steps": 4}, {"output": "torch"}]),
)
@settings(max_examples=5, deadline=None)
def test_worlds_together_do_what_tensors_do(
    env_id: str, things: list[tuple[str, int]], which: int, ours: dict[str, Any]
) -> None:
    options = GAZES[env_id][which] if env_id in GAZES else known_to(env_id, {"reward": "whole"} if which % 2 else {})
    options = {**ours, **options}
    with mock.patch.object(kernels, "FEWEST", 0):
        pair = [made(env_id, plain, **{**short(env_id), **options}) for plain in (False, True)]
        kept: list[dict] = [{}, {}]
        for what, number in [("seed", 7), *things, *[("step", 1)] * 3]:
            with torch.no_grad():
                one, other = (done(env, what, number, own) for env, own in zip(pair, kept, strict=True))
            assert data_equivalence(*(tree.to_numpy(plainly(answer)) for answer in (one, other)), exact=True)
            states = [tree.to_numpy(env.state_dict()) for env in pair]
            assert data_equivalence(*states, exact=True)


def plainly(answer: object) -> object:
    """With `info` as the dict that it is to everyone."""
    return tuple(dict(x) if isinstance(x, dict) else x for x in answer) if isinstance(answer, tuple) else answer


def test_worlds_of_scripts_are_stepped_together() -> None:
    env = gym.make_vec("Memory/Copy-v0", num_envs=kernels.FEWEST, autoreset_mode="SameStep")
    env.reset(seed=0)
    with mock.patch.object(BatchWorld, "step", side_effect=AssertionError("tensors were used")):
        for _ in range(8):
            env.step(env.action_space.sample())


@pytest.mark.parametrize("worlds", [1, MOST // 2, MOST // 2 + 1, MOST, MOST + 1])
def test_any_number_of_worlds_begins_the_episodes_of_single_ones(worlds: int) -> None:
    env = gym.make_vec("Memory/TMaze-v0", num_envs=worlds, autoreset_mode="SameStep", corridor=1)
    seen = [env.reset(seed=5)[0], *(env.step(np.zeros(worlds, int))[0] for _ in range(7))]
    one = gym.make_vec("Memory/TMaze-v0", num_envs=1, autoreset_mode="SameStep", corridor=1)
    alone = [one.reset(seed=5 + worlds - 1)[0], *(one.step(np.zeros(1, int))[0] for _ in range(7))]
    np.testing.assert_array_equal(np.stack(seen)[:, -1:], np.stack(alone))
