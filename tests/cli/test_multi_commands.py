"""Worlds of several agents through the commands: trained, measured, filmed, gone on with."""

from pathlib import Path

import gymnasium as gym
import pytest
import torch
from commands import run_folder

from foveate import evaluate, train
from foveate.agents import LearnerOptions, PolicyGradient, load
from foveate.envs import MULTI_IDS
from foveate.envs.registry import full_id

TINY = ["--steps", "300", "--learner.worlds", "4", "--eval-episodes", "4", "--no-tensorboard", "--no-progress"]
AGENTS = {"CocktailParty": "gru"}


@pytest.mark.parametrize("env_id", MULTI_IDS)
def test_train_measure_and_film(env_id: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    name = env_id.removeprefix("Multi/").removesuffix("-v0")
    assert train.main([f"multi/{name}", AGENTS.get(name, "ram"), *TINY, "--log-dir", str(tmp_path)]) == 0
    run = run_folder(tmp_path)
    sheet = tmp_path / "sheet.png"
    assert (
        evaluate.main([str(run), "--episodes", "8", "--no-progress", "--contact-sheet", str(sheet), "--shown", "2"])
        == 0
    )
    told = capsys.readouterr().out
    assert "without the others" in told
    assert sheet.stat().st_size > 1000


@pytest.mark.parametrize(
    "words", [["--trace", "memory.png"], ["--score-saliency"], ["--saliency", "jacobian", "--video", "a.mp4"]]
)
def test_instruments_that_look_into_one_agent_say_so(
    root: Path, words: list[str], capsys: pytest.CaptureFixture
) -> None:
    assert evaluate.main([str(root / "zoo" / "SharedGaze-ram"), "--episodes", "0", *words]) == 2
    assert "has several" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("multi/SharedGaze", "Multi/SharedGaze-v0"),
        ("Multi/SharedGaze-v0", "Multi/SharedGaze-v0"),
        ("glimpse/digits", "Glimpse/Digits-v0"),
        ("cartpole", "cartpole"),  # two versions: the user must say which
        ("ALE/Boxing-v5", "ALE/Boxing-v5"),
    ],
)
def test_a_name_is_enough_where_it_means_one_id(name: str, known: str) -> None:
    assert full_id(name) == known


def learner(agent: str = "gru", **arguments: object) -> PolicyGradient:
    env = gym.make_vec("Multi/SharedGaze-v0", num_envs=4, autoreset_mode="SameStep", output="torch", **arguments)
    options = LearnerOptions(worlds=4, likelihood_reward=True, hybrid=True, lr_end=1.0)
    return PolicyGradient(agent, env, options, seed=0, device="cpu")


def test_a_run_goes_on_exactly(tmp_path: Path) -> None:
    whole = learner()
    whole.learn(192)
    first = learner()  # only now: both draw from torch's own generator, which this seeds anew
    first.learn(96)
    first.save(tmp_path / "half")
    env = gym.make_vec("Multi/SharedGaze-v0", num_envs=4, autoreset_mode="SameStep", output="torch")
    second = load(tmp_path / "half", env, "cpu")
    second.learn(96, reset_num_timesteps=False)
    for a, b in zip(whole.policy.parameters(), second.policy.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_a_team_shares_the_credit_and_rivals_don_t() -> None:
    collector = learner().learner.collector
    assert collector.environments.team == 2
    rollout, _ = collector.collect()
    pairs = rollout.target_log_prob.unflatten(1, (-1, 2))
    torch.testing.assert_close(pairs[..., 0], pairs[..., 1])
    rivals = gym.make_vec("Multi/HideAndSeek-v0", num_envs=2, autoreset_mode="SameStep", output="torch")
    assert rivals.team == 1
