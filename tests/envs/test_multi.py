"""Worlds of several agents: PettingZoo's own checks, one seed one episode through both faces, certified scores."""

import itertools
import subprocess
import sys
import warnings

import gymnasium as gym
import numpy as np
import pettingzoo
import pytest
import torch
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, render_test, seed_test

from foveate.envs import MULTI_IDS, multi
from foveate.envs.multi import (
    GAMES,
    parallel,
)
from foveate.envs.multi.agent_rows import AgentRowsEnv
from foveate.errors import FoveateError

OPTIONS = {
    "Multi/SharedGaze-v0": {"agents": 3, "location": "tiles", "zoom": True, "reward": "every", "price": 0.01},
    "Multi/CocktailParty-v0": {"listeners": 3, "questions": 2, "choose": False},
    "Multi/SpeakerListener-v0": {"pictures": 2, "clutter": 1, "size": 32, "noise": 0.1},
    "Multi/HideAndSeek-v0": {"budget": 2, "zoom": True},
}
CASES = [(i, options) for i in MULTI_IDS for options in ({}, OPTIONS[i])]


def rows(env: gym.vector.VectorEnv, acts: dict[str, dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Actions by agent as the rows of the seats face; what an agent lacks is zero."""
    joined = {}
    for name, space in env.single_action_space.spaces.items():
        blank = torch.zeros(env.world.num_worlds, *space.shape).to(
            torch.float32 if space.dtype.kind == "f" else torch.int64
        )
        joined[name] = torch.stack([acts[agent].get(name, blank) for agent in env.world.agents], 1).flatten(0, 1)
    return joined


def play(env_id: str, policy: str, worlds: int = 1000, **options: object) -> tuple[np.ndarray, np.ndarray]:
    """Returns and scores of one episode in each world, (B, A)."""
    env = gym.make_vec(env_id, num_envs=worlds, autoreset_mode="SameStep", output="torch", **options)
    env.action_space.seed(1)
    env.reset(seed=1)
    total, over = torch.zeros(env.num_envs), False
    while not over:
        if policy == "random":
            action = {name: torch.as_tensor(part) for name, part in env.action_space.sample().items()}
        else:
            action = rows(env, getattr(env.world, policy)())
        _, reward, terminated, _, info = env.step(action)
        total, over = total + reward, bool(terminated.all())
    score = info["final_info"]["score"]
    return total.view(worlds, -1).numpy(), score.view(worlds, -1).numpy()


@pytest.mark.parametrize("env_id", MULTI_IDS)
def test_pettingzoo_has_no_complaint(env_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    game = GAMES[env_id]
    monkeypatch.setattr(parallel, "RENDER_MODES", ["rgb_array"])  # "human" needs a display and has a test of its own
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they warn that observations are dicts
        parallel_api_test(game.parallel_env(), 40)
        api_test(game.env(), 40)
        parallel_seed_test(game.parallel_env, 12)
        seed_test(game.env, 12)
        render_test(lambda render_mode=None: game.env(render_mode="rgb_array"))
    env = game.parallel_env(render_mode="rgb_array")
    env.reset(seed=0)
    frame = env.render()
    assert frame.dtype == np.uint8
    assert frame.shape[0] % 2 == frame.shape[1] % 2 == 0
    assert env.state().dtype == np.float32
    if hasattr(pettingzoo, "make"):  # the registry of 1.27
        multi.register_with_pettingzoo()
        assert pettingzoo.make("parallel", env_id).metadata["name"] == game.env().metadata["name"]


@pytest.mark.parametrize(("env_id", "options"), CASES)
@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
def test_world_b_of_the_seats_is_the_parallel_face_at_seed_plus_b(env_id: str, options: dict, mode: str) -> None:
    worlds = 3
    seats = gym.make_vec(env_id, num_envs=worlds, autoreset_mode=mode, relevance=env_id.endswith("Gaze-v0"), **options)
    singles = [GAMES[env_id].parallel_env(**options) for _ in range(worlds)]
    agents, count = seats.world.agents, len(seats.world.agents)
    seats.action_space.seed(3)
    seen, _ = seats.reset(seed=7)
    expected = [env.reset(seed=7 + b) for b, env in enumerate(singles)]
    fresh = False
    for _ in range(32):
        for b, a in itertools.product(range(worlds), range(count)):
            for name, part in expected[b][0][agents[a]].items():
                np.testing.assert_array_equal(seen[name][b * count + a], part)
            assert seen["seat"][b * count + a].argmax() == a
        action = seats.action_space.sample()
        if fresh and mode == "NextStep":
            seen, reward, *_ = seats.step(action)
            assert (reward == 0).all()
            expected, fresh = [env.reset() for env in singles], False
            continue
        if fresh and mode == "Disabled":
            seen, _ = seats.reset(options={"reset_mask": np.ones(seats.num_envs, dtype=bool)})
            expected, fresh = [env.reset() for env in singles], False
            continue
        seen, reward, terminated, _, info = seats.step(action)
        expected = []
        for b, env in enumerate(singles):
            own = {
                agent: {name: action[name][b * count + a] for name in env.action_space(agent).spaces}
                for a, agent in enumerate(agents)
            }
            made, rewards, ended, _, infos = env.step(own)
            expected.append((made, infos))
            for a, agent in enumerate(agents):
                row = b * count + a
                assert reward[row] == pytest.approx(rewards[agent], abs=1e-6)
                assert terminated[row] == ended[agent]
                told = info["final_info"] if mode == "SameStep" and ended[agent] else info
                assert told["score"][row] == pytest.approx(infos[agent]["score"])
        fresh = bool(terminated.all())
        if fresh and mode == "SameStep":
            for b, a in itertools.product(range(worlds), range(count)):
                for name, part in expected[b][0][agents[a]].items():
                    np.testing.assert_array_equal(info["final_obs"][b * count + a][name], part)
            expected, fresh = [env.reset() for env in singles], False


@pytest.mark.parametrize("env_id", MULTI_IDS)
@pytest.mark.parametrize("policy", ["oracle", "alone", "silent", "random"])
def test_certified_scores(env_id: str, policy: str) -> None:
    scale = gym.make_vec(env_id).world.scale
    declared = getattr(scale, policy)
    if declared is None:
        with pytest.raises(FoveateError, match="no channel"):
            play(env_id, policy, 2)
        return
    nearest = env_id == "Multi/SharedGaze-v0" and policy in ("alone", "silent")
    returns, scores = play(
        env_id, policy, **({"glimpses": 1} if nearest else {})
    )  # its nearest image stays the nearest
    assert abs(scores[:, 0].mean() - declared.mean) <= declared.tolerance + 1e-6
    assert ((returns >= -1e-6) & (returns <= 1 + 1e-6)).all()
    if env_id == "Multi/HideAndSeek-v0":
        np.testing.assert_allclose(returns.sum(1), 1.0)  # what one wins the other loses
    else:
        np.testing.assert_allclose(returns.mean(), scores.mean(), atol=1e-5)


@pytest.mark.parametrize("env_id", MULTI_IDS)
def test_a_saved_state_goes_on_exactly(env_id: str) -> None:
    one, other = (gym.make_vec(env_id, num_envs=3, autoreset_mode="SameStep") for _ in range(2))
    one.action_space.seed(0)
    one.reset(seed=5)
    for _ in range(4):
        one.step(one.action_space.sample())
    other.reset(seed=0)
    other.load_state_dict(one.state_dict())
    for _ in range(20):
        action = one.action_space.sample()
        for a, b in zip(one.step(action)[:3], other.step(action)[:3], strict=True):
            for name in a if isinstance(a, dict) else [...]:
                np.testing.assert_array_equal(a[name], b[name])


@pytest.mark.parametrize(
    ("env_id", "options", "words"),
    [
        ("Multi/SharedGaze-v0", {"view": "image"}, "unknown SharedGaze option 'view'"),
        ("Multi/SharedGaze-v0", {"parst": 2}, "Did you mean 'parts'"),
        ("Multi/CocktailParty-v0", {"questions": 9}, "questions=9 is not allowed"),
        ("Multi/CocktailParty-v0", {"call": 0.5}, "call=0.5 is not allowed with questions=4"),
        ("Multi/CocktailParty-v0", {"call": 2.0}, "call=2.0 is not allowed"),
        ("Multi/SpeakerListener-v0", {"reward": "every"}, "unknown SpeakerListener option 'reward'"),
        ("Multi/HideAndSeek-v0", {"clutter": 3}, "unknown HideAndSeek option 'clutter'"),
    ],
)
def test_wrong_arguments_are_named(env_id: str, options: dict, words: str) -> None:
    with pytest.raises(FoveateError, match=words):
        gym.make_vec(env_id, **options)


def test_there_is_no_single_face_and_the_error_says_what_there_is() -> None:
    with pytest.raises(FoveateError, match="make_vec"):
        gym.make("Multi/SharedGaze-v0")


def test_rows_of_a_world_are_reset_together() -> None:
    env = gym.make_vec("Multi/SharedGaze-v0", num_envs=2, autoreset_mode="Disabled")
    env.reset(seed=0)
    with pytest.raises(FoveateError, match="must be bool of shape"):
        env.reset(options={"reset_mask": np.array([True])})
    with pytest.raises(FoveateError, match="agree for all agents"):
        env.reset(options={"reset_mask": np.array([True, False, False, False])})


def test_many_agents_are_drawn() -> None:
    env = multi.shared_gaze_v0.parallel_env(render_mode="rgb_array", agents=5)
    env.reset(seed=0)
    assert env.render().shape[0] > 600


def test_rows_of_agents_need_no_pettingzoo_and_its_registry_is_filled_on_request() -> None:
    script = """
import sys, gymnasium as gym, foveate
env = gym.make_vec("Multi/SharedGaze-v0", num_envs=2)
env.reset(seed=0)
env.step(env.action_space.sample())
assert "pettingzoo" not in sys.modules
import pettingzoo
from foveate.envs import multi
multi.register_with_pettingzoo()
multi.register_with_pettingzoo()  # twice is once
if hasattr(pettingzoo, "make"):
    assert pettingzoo.make("aec", "Multi/SharedGaze-v0").metadata["name"] == "shared_gaze_v0"
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_vector_environments_of_a_world_are_of_one_class() -> None:
    one, other = (gym.make_vec("Multi/CocktailParty-v0", num_envs=n) for n in (1, 2))
    assert type(one) is type(other)
    assert issubclass(type(one), AgentRowsEnv)
