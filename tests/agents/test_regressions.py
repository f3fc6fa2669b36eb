"""Mistakes that were made once."""

from collections import OrderedDict
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.callbacks import BaseCallback, CheckpointCallback, StopTrainingOnMaxEpisodes
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor

from foveate.agents import LearnerOptions, PolicyGradient, load
from foveate.agents.learning.environments import environments_of
from foveate.agents.learning.run_folder import write_metrics
from foveate.envs.spaces import from_json, to_json


def make(output: str = "torch", **arguments: object) -> PolicyGradient:
    env = gym.make_vec("Glimpse/Digits-v0", num_envs=4, autoreset_mode="SameStep", output=output, **arguments)
    options = LearnerOptions(worlds=4, minibatches=2)
    return PolicyGradient("ram", env, options, policy_kwargs={"hidden": 8}, seed=0, device="cpu")


class StopInTheMiddle(BaseCallback):
    """Ends training three steps into a rollout."""

    def _on_step(self) -> bool:
        return self.n_calls < 3


def test_rollouts_begin_with_episodes_after_one_was_aborted(tmp_path: Path) -> None:
    learner = make()
    learner.learn(48, StopInTheMiddle())
    learner.save(tmp_path / "middle")
    env = gym.make_vec("Glimpse/Digits-v0", num_envs=4, autoreset_mode="SameStep", output="torch")
    for one in (learner, PolicyGradient.load(tmp_path / "middle", env, "cpu")):
        played = one.learner.collector.collect()
        assert played is not None
        assert played[0].starts[0].all()
        assert played[0].ended[-1].all()


def test_checkpoints_of_stable_baselines3_s_callback_can_be_loaded(tmp_path: Path) -> None:
    learner = make()
    learner.learn(48, [CheckpointCallback(6, str(tmp_path)), StopTrainingOnMaxEpisodes(8)])
    for path in tmp_path.iterdir():
        load(path)


def test_the_order_of_a_dict_space_survives() -> None:
    box = spaces.Box(-1.0, 1.0, (2,), np.float32)
    space = spaces.Dict(OrderedDict(b=box, a=spaces.MultiDiscrete([2, 3], start=[1, 0])))
    again = from_json(to_json(space))
    assert list(again.spaces) == ["b", "a"]
    assert again == space


def test_a_numpy_face_resumes_exactly_too(tmp_path: Path) -> None:
    whole, half = make("numpy"), make("numpy")
    whole.learn(96)
    half.learn(48)
    half.save(tmp_path / "half")
    env = gym.make_vec("Glimpse/Digits-v0", num_envs=4, autoreset_mode="SameStep")
    resumed = PolicyGradient.load(tmp_path / "half", env, "cpu")
    resumed.options.lr_end = whole.options.lr_end = 1.0
    (a, b) = (one.learner.collector.actor.now() for one in (half, resumed))
    assert torch.equal(a.target["label"], b.target["label"])
    for name, part in a.observation.items():
        assert torch.equal(part, b.observation[name])


def test_an_env_can_be_set_after_loading_and_an_unplayed_learner_can_be_saved(tmp_path: Path) -> None:
    make().save(tmp_path / "new")
    env = gym.make_vec("Glimpse/Digits-v0", num_envs=4, autoreset_mode="SameStep", output="torch")
    PolicyGradient.load(tmp_path / "new", env, "cpu").learn(24, reset_num_timesteps=False)
    learner = load(tmp_path / "new", device="cpu")
    learner.set_env(env)
    learner.learn(24)


def test_a_snapshot_of_worlds_stays_what_it_was() -> None:
    env = gym.make_vec("Glimpse/Digits-v0", num_envs=3, autoreset_mode="SameStep", ready=True).unwrapped
    env.reset(seed=0)
    snapshot = env.state_dict()
    before = {name: value.clone() for name, value in snapshot.items()}
    action = {"label": np.zeros(3, int), "ready": np.array([1, 0, 0]), "location": np.zeros((3, 2), np.float32)}
    env.step(action)
    assert all(torch.equal(snapshot[name], before[name]) for name in before)
    fresh = gym.make("Glimpse/Digits-v0").unwrapped
    other = gym.make("Glimpse/Digits-v0").unwrapped
    other.reset(seed=3)
    fresh.set_state(other.get_state())
    assert fresh.world.state["index"] == other.world.state["index"]


def test_targets_come_through_wrappers_of_vec_envs() -> None:
    env = VecMonitor(DummyVecEnv([lambda: gym.make("Glimpse/Digits-v0", glimpses=2)] * 3))
    worlds = environments_of(env, torch.device("cpu"))
    assert worlds.reset(seed=0).target is not None
    for _ in range(4):
        assert worlds.step({"label": torch.zeros(3).long(), "location": torch.zeros(3, 2)}).target is not None


def test_logs_are_never_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / ".metrics.csv.new").symlink_to(tmp_path / "victim")
    write_metrics(tmp_path / "metrics.csv", ["a"], [])
    assert (tmp_path / "victim").read_text() == "precious"


@pytest.mark.parametrize("option", [{"std": 0.0}, {"dropout": 5.0}])
def test_impossible_agent_options(option: dict) -> None:
    env = gym.make_vec("Glimpse/Digits-v0", num_envs=2, autoreset_mode="SameStep")
    with pytest.raises(ValueError, match=next(iter(option))):
        PolicyGradient("ram", env, policy_kwargs=option, device="cpu")
