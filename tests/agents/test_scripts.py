"""Worlds that know whole episodes at their reset: what is learned from and measured at once is what stepping gives."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback, StopTrainingOnMaxEpisodes

from foveate import tree
from foveate.agents import Backprop, BackpropOptions, agent_class
from foveate.agents.learning.actor import Actor, play
from foveate.agents.learning.backprop import Lessons, ScriptCollector, TeacherCollector, wrong_numbers
from foveate.agents.learning.environments import VectorEnvironments, environments_of
from foveate.agents.learning.evaluation import _at_once, _Figures, play_episodes
from foveate.agents.policies.policy import Policy

ONE_LENGTH = {"min_length": 3, "max_length": 3}
ANY_LENGTH = {"min_length": 1, "max_length": 5}
ENVS = [
    ("Memory/Copy-v0", {"width": 3, **ONE_LENGTH}),
    ("Memory/Copy-v0", {"width": 3, **ANY_LENGTH}),
    ("Memory/DynamicNGrams-v0", {"context": 2, "bits": 8}),
]


def environments(env_id: str = "Memory/Copy-v0", rows: int = 6, **arguments: object) -> VectorEnvironments:
    env = gym.make_vec(env_id, rows, autoreset_mode="SameStep", output="torch", **arguments)
    found = environments_of(env)
    assert isinstance(found, VectorEnvironments)
    assert found.script is not None
    return found


def agent(at: VectorEnvironments) -> Policy:
    torch.manual_seed(0)
    policy = agent_class("gru")(at.env.single_observation_space, at.env.single_action_space, hidden=8)
    return policy.eval()


def backprop(**arguments: object) -> Backprop:
    env = gym.make_vec("Memory/Copy-v0", 8, autoreset_mode="SameStep", output="torch", width=2, **arguments)
    options = BackpropOptions(worlds=8, batch=4)
    return Backprop("gru", env, options, policy_kwargs={"hidden": 8}, seed=0, device="cpu")


def test_episodes_of_one_length_are_those_of_stepping_bit_for_bit() -> None:
    stepped, scripted = environments(**ONE_LENGTH), environments(**ONE_LENGTH)
    policy = agent(stepped)
    teacher, script = TeacherCollector(stepped, policy), ScriptCollector(scripted, policy)
    teacher.begin(3)
    script.begin(3)
    for _ in range(3):
        a, b = teacher.collect(), script.collect()
        assert isinstance(a, Lessons)
        assert isinstance(b, Lessons)
        for one, other in zip(tree.leaves(a), tree.leaves(b), strict=True):
            assert torch.equal(one, other)


def test_of_many_lengths_none_is_skipped() -> None:
    scripted = environments(**ANY_LENGTH)
    script = ScriptCollector(scripted, agent(scripted))
    script.begin(3)
    rounds = [script.collect() for _ in range(4)]
    for row in range(6):
        env = gym.make("Memory/Copy-v0", **ANY_LENGTH)
        observation, info = env.reset(seed=3 + row)
        for lessons in rounds:
            assert lessons is not None
            for t in range(int(lessons.length[row])):
                assert np.array_equal(lessons.observation[t, row], observation)
                assert np.array_equal(lessons.target["action"][t, row], info["target"])
                observation, _, over, _, info = env.step(info["target"])
            assert over
            observation, info = env.reset()


@pytest.mark.parametrize(("env_id", "arguments"), ENVS)
def test_measuring_at_once_is_measuring_step_by_step(env_id: str, arguments: dict) -> None:
    at_once, stepped = environments(env_id, **arguments), environments(env_id, **arguments)
    policy = agent(at_once)
    got = play_episodes(policy, at_once, 3, seed=5)
    with torch.no_grad():
        figures = _Figures(policy, stepped, 3, None)
        actor = Actor(policy, stepped, deterministic=True)
        actor.reset(5)
        play(actor, episodes=3, observers=[figures])
    expected = figures.episodes()
    for name in ("returns", "lengths", "scores", "index"):
        assert np.array_equal(getattr(got, name), getattr(expected, name)), name
    for name in ("bits", "optimum"):
        assert np.allclose(getattr(got, name), getattr(expected, name), equal_nan=True, rtol=1e-5), name


def test_measuring_a_scripted_world_asks_the_policy_once_a_round() -> None:
    at = environments(**ANY_LENGTH)
    calls: list[int] = []
    policy = agent(at)
    policy.register_forward_hook(lambda *_: calls.append(1))
    assert at.script is not None
    at.reset(0)
    with torch.no_grad():
        _at_once(policy, at, at.script, 2, None)
    assert len(calls) == 2


class Ends(BaseCallback):
    """Adds up what the callbacks are shown."""

    def __init__(self) -> None:
        super().__init__()
        self.episodes, self.returns, self.shown = 0, 0.0, 0

    def _on_step(self) -> bool:
        self.shown += 1
        self.episodes += int(self.locals["dones"].sum())
        self.returns += float(self.locals["rewards"].sum())
        return True


def test_callbacks_see_the_teacher_s_episodes() -> None:
    made, ends = backprop(**ANY_LENGTH), Ends()
    made.learn(100, ends)
    assert ends.episodes == made.learner.counts.episodes
    assert ends.returns == pytest.approx(ends.episodes)  # whoever does what is right gets 1 an episode
    assert ends.shown > ends.episodes / 8
    other = backprop(**ANY_LENGTH)
    other.learn(10**6, StopTrainingOnMaxEpisodes(3))
    assert other.num_timesteps < 10**4


def test_any_member_of_a_set_is_right() -> None:
    policy = agent(environments(width=1, **ONE_LENGTH))
    said = policy.head("action").mode(torch.tensor([[[-1.0]], [[1.0]]]))  # (T 2, B 1, 1): 0, then 1
    assert said.flatten().tolist() == [0, 1]
    target, mask = torch.tensor([[[1]], [[1]]]), torch.ones(2, 1, dtype=torch.bool)
    both = torch.tensor([[[[True, True]]], [[[True, True]]]])  # (T, B, 1, N 2)
    first = torch.tensor([[[[True, False]]], [[[True, False]]]])
    logits = {"action": torch.tensor([[[-1.0]], [[1.0]]])}
    for sets, wrong in ((None, [[1], [0]]), (both, [[0], [0]]), (first, [[0], [1]])):
        lessons = Lessons(None, {"action": target}, None if sets is None else {"action": sets}, mask, torch.tensor([2]))
        assert wrong_numbers(policy, logits, lessons).tolist() == wrong
