"""Where a training ends: at its steps, at a stop within a rollout, at the memory there is; and nothing is lost."""

import signal
from pathlib import Path

import gymnasium as gym
import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from scripted import LEARNERS, Scripted

from foveate import train
from foveate.agents import (
    Algorithm,
    Backprop,
    BackpropOptions,
    LearnerOptions,
    PolicyGradient,
    QLearning,
    QOptions,
    load,
)
from foveate.agents.learning import room
from foveate.agents.learning.hooks import Hooks
from foveate.cli.loop import RunCallback
from foveate.errors import FoveateError


def endless(worlds: int = 2) -> SyncVectorEnv:
    """Episodes that nobody knows the length of, and that never end."""
    return SyncVectorEnv([Scripted] * worlds, autoreset_mode=AutoresetMode.SAME_STEP)


class StopAt(Hooks):
    """Stops once, in the middle of a rollout."""

    def __init__(self, step: int):
        self.left = step

    def on_step(self, reward: torch.Tensor, ended: torch.Tensor, infos: object = None) -> bool:
        self.left -= 1
        return self.left != 0


def native(objective: str) -> Algorithm:
    env = gym.make_vec("Memory/TMaze-v0", num_envs=4, autoreset_mode="SameStep", output="torch", corridor=2)
    if objective == "backprop":
        return Backprop("gru", copies(), BackpropOptions(worlds=4, batch=2), seed=1, device="cpu")
    horizon = 5 if objective == "ppo" else None
    options = LearnerOptions(objective=objective, horizon=horizon, worlds=4, minibatches=2)
    return PolicyGradient("gru", env, options, policy_kwargs={"hidden": 8}, seed=1, device="cpu")


def copies() -> gym.vector.VectorEnv:
    return gym.make_vec("Memory/Copy-v0", num_envs=4, autoreset_mode="SameStep", output="torch", max_length=2)


@pytest.mark.parametrize("objective", ["reinforce", "ppo", "backprop"])
def test_a_rollout_that_is_stopped_in_its_middle_is_collected_anew(tmp_path: Path, objective: str) -> None:
    whole = native(objective)
    whole.learn(160)
    half = native(objective)
    assert half.learner.collector is not None
    half.learner.collector.begin(1)
    half.learner.learn(160, StopAt(8))
    assert half.learner.counts.steps < 160
    half.learner.rewind()
    half.save(tmp_path / "half")
    torch.manual_seed(99)
    env = copies() if objective == "backprop" else native(objective).env
    resumed = load(tmp_path / "half", env, "cpu")
    resumed.learn(160 - resumed.num_timesteps, reset_num_timesteps=False)
    assert resumed.num_timesteps == whole.num_timesteps
    for a, b in zip(whole.policy.state_dict().values(), resumed.policy.state_dict().values(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_a_command_between_two_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, number: int
) -> None:
    words = ["Memory/TMaze-v0", "gru", "--learner", "ppo", "--learner.worlds", "8", "--learner.horizon", "50"]
    words += ["--steps", "800", "--eval-episodes", "4", "--device", "cpu", "--no-tensorboard", "--log-dir"]
    assert train.main([*words, str(tmp_path / "whole")]) == 0
    seen = []
    step = RunCallback._on_step

    def signalled(self: RunCallback) -> bool:
        seen.append(self.num_timesteps)
        if len(seen) == 70:
            signal.raise_signal(number)
        return step(self)

    monkeypatch.setattr(RunCallback, "_on_step", signalled)
    assert train.main([*words, str(tmp_path / "stopped")]) == 130
    assert len(seen) == 70  # at once, not when the rollout was full
    run = next((tmp_path / "stopped").iterdir())
    assert train.main(["--resume", str(run)]) == 0
    a, b = (load(next(path.iterdir()), prefer="last").policy for path in (tmp_path / "whole", tmp_path / "stopped"))
    assert all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


@pytest.mark.parametrize("objective", ["reinforce", "ppo", "dqn"])
@pytest.mark.parametrize("steps", [1, 7, 30])
def test_steps_are_a_limit(objective: str, steps: int) -> None:
    learner = LEARNERS[objective](endless())
    learner.learn(steps)
    assert steps <= learner.num_timesteps < steps + 2


def test_a_rollout_that_does_not_fit_is_refused_before_it_is_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "free_memory", lambda device: 1000)
    for horizon, taken in ((500, 0), (None, 2 * (1000 // (2 * 3 * (2 * 4 + 4))))):
        env = endless()
        options = LearnerOptions(objective="a2c", horizon=horizon, worlds=2)
        learner = PolicyGradient("gru", env, options, device="cpu")
        with pytest.raises(FoveateError, match=r"memory.*--learner\.worlds.*--learner\.horizon"):
            learner.learn(10_000)
        assert learner.learner.counts.steps == taken
    PolicyGradient("gru", endless(), LearnerOptions(worlds=2), device="cpu").learn(6)  # that much fits


gym.register("StopAndGo/Known-v0", Scripted, max_episode_steps=500)


@pytest.mark.parametrize("length", ["unknown", "known"])
def test_episodes_of_a_teacher_that_do_not_fit_are_refused_too(monkeypatch: pytest.MonkeyPatch, length: str) -> None:
    monkeypatch.setattr(room, "free_memory", lambda device: 1000)
    env = endless() if length == "unknown" else gym.make("StopAndGo/Known-v0")
    learner = Backprop("gru", env, BackpropOptions(worlds=2, batch=2), device="cpu")
    made: list[int] = []
    step = Scripted.step
    monkeypatch.setattr(Scripted, "step", lambda self, action: made.append(1) or step(self, action))
    with pytest.raises(FoveateError, match=r"memory.*--learner\.worlds"):
        learner.learn(10_000)
    assert len(made) <= (60 if length == "unknown" else 0)
    ending = SyncVectorEnv(
        [lambda: Scripted([(False, False), (True, False)])] * 2, autoreset_mode=AutoresetMode.SAME_STEP
    )
    Backprop("gru", ending, BackpropOptions(worlds=2, batch=2), device="cpu").learn(6)  # that much fits


def test_a_replay_memory_that_does_not_fit_is_refused() -> None:
    options = QOptions(worlds=2, memory=10**13)
    with pytest.raises(FoveateError, match=r"--learner\.memory"):
        QLearning("mlp", endless(), options, device="cpu")
