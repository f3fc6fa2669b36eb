"""Environments on their way to workers: pickled, copied, forked, spawned; and worlds begun in inference mode."""

import copy
import pickle
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import data_equivalence
from ids import ALL_IDS, parallel, short

from foveate.envs import MULTI_IDS

LONG = 600.0  # seconds: the last resort against a child that hangs


def _lives(env: gym.vector.VectorEnv, steps: int = 6) -> list[tuple]:
    env.action_space.seed(0)
    return [env.reset(seed=0), *(env.step(env.action_space.sample()) for _ in range(steps))]


@pytest.mark.parametrize("env_id", [*ALL_IDS, *MULTI_IDS])
@pytest.mark.parametrize(
    "through", [lambda env: pickle.loads(pickle.dumps(env)), copy.deepcopy], ids=["pickle", "copy"]
)
def test_a_copy_goes_on_like_the_original(env_id: str, through) -> None:
    env = gym.make_vec(env_id, num_envs=2, autoreset_mode="SameStep", **short(env_id))
    _lives(env, 2)
    other = through(env)
    for _ in range(4):
        action = env.action_space.sample()
        first, second = env.step(action), other.step(action)
        assert data_equivalence(first[:4], second[:4], exact=True)
    if env_id in MULTI_IDS:
        team = parallel(env_id)
        before, after = team.reset(seed=0), through(team).reset(seed=0)
    else:
        single = gym.make(env_id)
        single.reset(seed=0)
        before, after = single.reset(), through(single).reset(seed=0)
        before = single.reset(seed=0)
    assert data_equivalence(before, after, exact=True)


@pytest.mark.parametrize("context", ["fork", "spawn", "forkserver"])
def test_workers_live_as_the_synchronous_environments_do(context: str) -> None:
    """The parent has used PyTorch's threads: a forked child has none of them, and must not wait for them."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        torch.randn(4_000_000).exp_()
        makers = [partial(gym.make, "foveate:Probe/Driving-v0", disable_env_checker=True)] * 2
        asynchronous = gym.vector.AsyncVectorEnv(makers, context=context)
        expected = _lives(gym.vector.SyncVectorEnv(makers), 3)
        asynchronous.action_space.seed(0)
        asynchronous.reset_async(seed=0)
        lived = [asynchronous.reset_wait(timeout=LONG)]
        for _ in range(3):
            asynchronous.step_async(asynchronous.action_space.sample())
            lived.append(asynchronous.step_wait(timeout=LONG))
        assert data_equivalence([step[0] for step in lived], [step[0] for step in expected], exact=True)
        asynchronous.close(terminate=True)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("env_id", [*ALL_IDS, *MULTI_IDS])
def test_what_is_born_in_inference_mode_lives_on_outside(env_id: str) -> None:
    """Create, reset and step there; then reset some worlds, step, and send gradients back, without."""
    with torch.inference_mode():
        env = gym.make_vec(env_id, num_envs=2, autoreset_mode="Disabled", output="torch", **short(env_id))
        env.action_space.seed(0)
        env.reset(seed=0)
        *_, ended, cut, _ = env.step(env.action_space.sample())
        env.observe()
    world = env.unwrapped.world
    assert not any(value.is_inference() for value in world.state.values())
    rows = (ended | cut).numpy()
    rows[: env.num_envs // 2] = True
    env.reset(options={"reset_mask": rows})
    observation, *_ = env.step(env.action_space.sample())
    parts = list(observation.values()) if isinstance(observation, dict) else [observation]
    for part in parts:
        part = part.float().reshape(len(part), -1)
        weight = torch.ones(part.shape[1], requires_grad=True)
        (part @ weight).sum().backward()
        assert torch.equal(weight.grad, part.sum(0))


def test_constants_that_inference_mode_needed_first_are_plain() -> None:
    from foveate.envs.glimpse import retina

    image, place = torch.rand(1, 1, 33, 31), torch.zeros(1, 2)
    with torch.inference_mode():
        retina.look(retina.pool(image, 2), place, 5)
    leaf = image.clone().requires_grad_()
    moved = place.clone().requires_grad_()
    (retina.look(retina.pool(leaf, 2), place, 5).sum() + retina.boxes(moved, 5, 2, (33, 31)).sum()).backward()
    assert leaf.grad is not None


@pytest.mark.parametrize("seed", [[None, 3], [3, None], [None, None]])
@pytest.mark.parametrize("begun", [False, True])
def test_seeds_may_be_given_to_some_worlds(seed: list[int | None], begun: bool) -> None:
    """Where there is none a world goes on, or begins by chance, as Gymnasium's own vector environments do."""
    env = gym.make_vec("Memory/Copy-v0", num_envs=2)
    single = gym.make("Memory/Copy-v0")
    if begun:
        env.reset(seed=7)
    world = env.unwrapped.world
    episodes = world.episode.clone()
    env.reset(seed=seed)
    for i, each in enumerate(seed):
        if each is not None:
            single.reset(seed=each)
            assert torch.equal(world.state["inputs"][i], single.unwrapped.world.state["inputs"][0])
        elif begun:
            assert (int(world.key[i]), int(world.episode[i])) == (7 + i, int(episodes[i]) + 1)


@pytest.mark.parametrize("env_id", ["Memory/Copy-v0", "Memory/Tape-v0", "Glimpse/Digits-v0", "Multi/CocktailParty-v0"])
@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_a_time_limit_cuts_vector_environments_too(env_id: str, mode: str) -> None:
    env = gym.make_vec(env_id, num_envs=2, autoreset_mode=mode, max_episode_steps=3)
    env.action_space.seed(0)
    env.reset(seed=0)
    clock = np.zeros(env.num_envs, dtype=int)
    over = np.zeros(env.num_envs, dtype=bool)
    cuts = 0
    for _ in range(20):
        *_, terminated, truncated, _ = env.step(env.action_space.sample())
        clock = np.where(over & (mode == "NextStep"), 0, clock + 1)
        assert (clock <= 3).all()
        assert ((clock == 3) <= (terminated | truncated)).all()
        cuts += int(truncated.sum())
        over = terminated | truncated
        clock[over & (mode == "SameStep")] = 0
    assert cuts


def test_whole_episodes_of_a_script_end_at_the_time_limit() -> None:
    env = gym.make_vec("Memory/Copy-v0", num_envs=4, output="torch", max_episode_steps=5, max_length=3)
    env.reset(seed=0)
    world = env.unwrapped.world
    episodes = world.episodes()
    assert int(episodes.length.max()) == 5 == len(episodes.observation)
    judged = world.judge(episodes, episodes.target)
    env.reset(seed=0)
    total = torch.zeros(4)
    for t in range(5):
        _, reward, *_ = env.step(episodes.target[t])
        total += reward * (t < episodes.length)
    assert torch.allclose(judged.returns, total)
