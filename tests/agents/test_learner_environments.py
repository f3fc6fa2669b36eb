"""Learners and whatever they play in: foreign environments, Stable-Baselines3's own tools, the adapter."""

import warnings
from pathlib import Path
from unittest import mock

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from small_learners import ours, small
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import CheckpointCallback, EvalCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor

from foveate.agents import LearnerOptions, PolicyGradient, load
from foveate.agents.learning.backprop import TeacherCollector
from foveate.agents.learning.environments import environments_of
from foveate.agents.learning.hooks import Hooks
from foveate.agents.learning.vec_env import GymVecEnv
from foveate.envs.memory.tmaze import TMaze
from foveate.wrappers import FlattenAction, FlattenVectorAction

CPU = torch.device("cpu")


@pytest.mark.parametrize("kind", ["sync", "dummy", "monitored"])
def test_foreign_environments(kind: str) -> None:
    if kind == "sync":
        same = {"autoreset_mode": AutoresetMode.SAME_STEP}
        env = gym.make_vec(
            "CartPole-v1", num_envs=4, vectorization_mode="sync", vector_kwargs=same, max_episode_steps=20
        )
    elif kind == "dummy":
        env = make_vec_env("CartPole-v1", 4)
    else:
        env = VecMonitor(DummyVecEnv([lambda: gym.make("CartPole-v1", max_episode_steps=20)] * 4))
    options = small(4, objective="ppo", horizon=32)
    learner = PolicyGradient(
        "mlp", env, options, policy_kwargs={"layers": (16,), "core": "gru", "hidden": 8}, seed=0, device="cpu"
    )
    learner.learn(600)
    assert learner.num_timesteps >= 600
    assert learner.ep_info_buffer
    assert np.mean([e["r"] for e in learner.ep_info_buffer]) == np.mean([e["l"] for e in learner.ep_info_buffer])


def test_targets_reach_the_learner_through_every_door() -> None:
    """Our worlds as tensors, as numpy, through Gymnasium's and through Stable-Baselines3's vector environments."""
    same = {"autoreset_mode": AutoresetMode.SAME_STEP}
    doors = [
        ours(worlds=4, glimpses=2),
        gym.make_vec("Glimpse/Digits-v0", num_envs=4, autoreset_mode="SameStep", glimpses=2),
        gym.make_vec("Glimpse/Digits-v0", num_envs=4, vectorization_mode="sync", vector_kwargs=same, glimpses=2),
        DummyVecEnv([lambda: gym.make("Glimpse/Digits-v0", glimpses=2)] * 4),
    ]
    seen = []
    for env in doors:
        worlds = environments_of(env, CPU)
        moments = [worlds.reset(seed=3)]
        for _ in range(5):
            action = {"label": torch.full((4,), 3), "location": torch.zeros(4, 2)}
            moments.append(worlds.step(action))
        seen.append(moments)
    for moments in seen[1:]:
        for a, b in zip(seen[0], moments, strict=True):
            assert torch.equal(a.target["label"], b.target["label"])
            assert torch.equal(a.target_mask, b.target_mask)
            assert torch.equal(a.reward, b.reward)
            assert torch.equal(a.terminated, b.terminated)
            assert (a.score is None) == (b.score is None)
            assert a.score is None or torch.equal(a.score[a.terminated], b.score[b.terminated])
            for name in a.observation:
                assert torch.equal(a.observation[name], b.observation[name])


def test_stable_baselines3_s_own_tools_work(tmp_path: Path) -> None:
    env = ours(worlds=6)
    learner = PolicyGradient("ram", env, small(6), seed=0, device="cpu", tensorboard_log=str(tmp_path / "tb"))
    evaluation = GymVecEnv(ours(worlds=3, split="validation"))
    callbacks = [
        EvalCallback(evaluation, best_model_save_path=str(tmp_path), eval_freq=20, n_eval_episodes=6, verbose=0),
        CheckpointCallback(save_freq=30, save_path=str(tmp_path / "checkpoints"), name_prefix="ram"),
    ]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Training and eval env are not of the same type")
        learner.learn(1200, callbacks, log_interval=5)
    assert list((tmp_path / "tb").rglob("events*"))
    assert (tmp_path / "best_model" / "weights.safetensors").exists()
    assert list((tmp_path / "checkpoints").glob("ram_*_steps*/run.json"))
    loaded = load(tmp_path / "best_model")
    mean, _ = evaluate_policy(loaded, evaluation, 12)
    assert 0 <= mean <= 1
    mean, _ = evaluate_policy(loaded, gym.make("Glimpse/Digits-v0"), 2, warn=False)  # in a DummyVecEnv of SB3's own
    assert 0 <= mean <= 1


def test_predict_in_batches_and_one_by_one_agree_and_starts_forget() -> None:
    learner = PolicyGradient("ram", ours(), small(), seed=0, device="cpu")
    env = gym.make_vec("Glimpse/Digits-v0", num_envs=3, autoreset_mode="SameStep")
    seen, _ = env.reset(seed=0)
    state, single = None, [None] * 3
    for t in range(9):
        starts = np.full(3, t % 6 == 0)
        actions, state = learner.predict(seen, state, starts, deterministic=True)
        for i in range(3):
            one = {name: value[i] for name, value in seen.items()}
            action, single[i] = learner.predict(one, single[i], starts[i : i + 1], deterministic=True)
            assert np.allclose(action["location"], actions["location"][i], atol=1e-5)
            assert action["label"] == actions["label"][i]
            assert env.single_action_space.contains(action)
            assert actions[i]["label"] == actions["label"][i]
        assert env.action_space.contains(dict(actions))
        seen, *_ = env.step(actions)


def test_stock_ppo_trains_through_the_adapter_and_the_flattening() -> None:
    vector = FlattenVectorAction(gym.make_vec("Glimpse/Digits-v0", num_envs=4, autoreset_mode="SameStep"), bins=5)
    assert vector.single_action_space.nvec.tolist() == [10, 5, 5]
    model = PPO("MultiInputPolicy", GymVecEnv(vector), n_steps=32, batch_size=32, n_epochs=1, seed=0, device="cpu")
    model.learn(256)
    assert 0 <= evaluate_policy(model, model.get_env(), 8)[0] <= 1
    single = PPO(
        "MultiInputPolicy",
        FlattenAction(gym.make("Glimpse/Catch-v0"), to="box"),
        n_steps=32,
        batch_size=32,
        device="cpu",
    )
    single.learn(64)
    image = PPO(
        "CnnPolicy",
        GymVecEnv(gym.make_vec("Glimpse/TranslatedDigits-v0", num_envs=2, view="image", autoreset_mode="SameStep")),
        n_steps=8,
        batch_size=8,
        device="cpu",
    )
    image.learn(16)


def test_the_adapter_s_infos() -> None:
    env = GymVecEnv(
        gym.make_vec("Glimpse/Digits-v0", num_envs=3, glimpses=2, reward="every", autoreset_mode="SameStep")
    )
    env.seed(4)
    seen = env.reset()
    targets = [info["target"] for info in env.reset_infos]
    action = {"label": np.array(targets), "location": np.zeros((3, 2), np.float32)}
    env.step(action)
    fresh, reward, done, infos = env.step(action)
    assert done.all()
    assert reward.tolist() == [0.5] * 3
    for i, info in enumerate(infos):
        assert info["episode"]["r"] == 1.0
        assert info["episode"]["l"] == 2
        assert info["TimeLimit.truncated"] is False
        assert info["score"] == 1.0
        assert info["terminal_observation"]["glimpse"].shape == seen["glimpse"][i].shape
        assert np.allclose(info["terminal_observation"]["location"], 0)  # where it looked last
        assert not np.allclose(fresh["location"][i], 0)  # and where the next episode began
    assert all("score" not in info for info in env.reset_infos)  # these are of the new episodes
    assert env.env_is_wrapped(Monitor) == [True] * 3


def test_truncation_is_told_apart_and_bootstrapped() -> None:
    same = {"autoreset_mode": AutoresetMode.SAME_STEP}
    env = gym.make_vec("CartPole-v1", num_envs=2, vectorization_mode="sync", vector_kwargs=same, max_episode_steps=4)
    learner = PolicyGradient("mlp", env, small(2, objective="a2c", horizon=6), seed=0, device="cpu")
    played = learner.learner.collector.collect()
    assert played is not None
    rollout = played[0]
    assert rollout.ended[3].all()
    assert (rollout.truncation_value[3] != 0).all()
    assert (rollout.truncation_value[[0, 1, 2, 4, 5]] == 0).all()
    adapter = GymVecEnv(
        gym.make_vec("CartPole-v1", num_envs=2, vectorization_mode="sync", vector_kwargs=same, max_episode_steps=4)
    )
    adapter.reset()
    infos = [adapter.step(np.array([i % 2] * 2))[3] for i in range(4)][-1]
    assert all(info["TimeLimit.truncated"] for info in infos)


@pytest.mark.parametrize("hybrid", [True, False])
def test_targets_are_asked_for_where_something_is_learned_from_them(hybrid: bool) -> None:
    env = gym.make_vec("Memory/TMaze-v0", num_envs=2, autoreset_mode="SameStep", output="torch")
    options = LearnerOptions(worlds=2, objective="a2c", horizon=3, hybrid=hybrid)
    learner = PolicyGradient("lstm", env, options, seed=0, device="cpu").learner
    with mock.patch.object(TMaze, "annotate", autospec=True, side_effect=TMaze.annotate) as asked:
        learner.learn(6, Hooks())
        assert asked.called == hybrid


@pytest.mark.parametrize("limit", [None, 4, 6, 9])
def test_episodes_of_a_fixed_length_that_are_cut_short_are_apart(limit: int | None) -> None:
    env = gym.make_vec(
        "Glimpse/Digits-v0",
        num_envs=3,
        glimpses=6,
        autoreset_mode="SameStep",
        output="torch",
        max_episode_steps=limit,
    )
    length = min(6, limit or 6)
    assert environments_of(env, CPU).episode_length == env.unwrapped.world.fixed_length == length
    learner = PolicyGradient("ram", env, small(3), policy_kwargs={"hidden": 8}, device="cpu").learn(3 * length)
    rollout, _ = learner.learner.collector.collect()
    assert len(rollout.reward) == length
    assert bool(rollout.ended[-1].all())
    assert not bool(rollout.ended[:-1].any())
    collector = TeacherCollector(environments_of(env, CPU), learner.policy)
    for _ in range(2):
        lessons = collector.collect()
        assert lessons.length.tolist() == [length] * 3
        for target in lessons.target.values():  # one digit an episode
            assert bool((target == target[:1]).all())


class SaysAtTheEnd(gym.Wrapper):
    """Says a score at an episode's end alone, as most environments do."""

    def step(self, action: object) -> tuple:
        *rest, info = self.env.step(action)
        return *rest, {name: value for name, value in info.items() if name != "score" or any(rest[2:])}


def test_what_a_vec_env_s_environments_say_of_their_episodes_is_passed_on() -> None:
    lengths = iter([2, 3, 3])  # of three environments: the first ends alone

    def make() -> gym.Env:
        return SaysAtTheEnd(gym.make("Glimpse/Digits-v0", glimpses=next(lengths)))

    adapter = environments_of(DummyVecEnv([make] * 3), CPU)
    assert type(adapter).__name__ == "VecEnvEnvironments"
    now = adapter.reset(seed=0)
    native = environments_of(ours(worlds=3), CPU).reset(seed=0)
    assert torch.equal(now.index, native.index)
    action = {"location": torch.zeros(3, 2), "label": torch.zeros(3, dtype=torch.int64)}
    middle = adapter.step(action)
    assert torch.equal(middle.index, native.index)  # still the same images
    last = adapter.step(action)
    assert last.terminated.tolist() == [True, False, False]
    assert last.score.isnan().tolist() == [False, True, True]
