"""Whole numbers that don't count from 0: targets, sets of them and parts mean the same wherever they begin."""

import itertools
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from stable_baselines3.common.vec_env import DummyVecEnv
from torch import Tensor

from foveate.agents import Algorithm, Backprop, BackpropOptions, LearnerOptions, PolicyGradient
from foveate.agents.learning.environments import environments_of
from foveate.agents.learning.evaluation import play_episodes
from foveate.agents.nn.heads import make_head
from foveate.envs.counter_rng import CounterRNG
from foveate.envs.gym_env import env_classes
from foveate.envs.memory.script import Script, SequenceWorld
from foveate.errors import FoveateError

SIZES, MOMENTS = (3, 4), 3
STARTS: dict[str, tuple[int, ...]] = {"Discrete": (-2,), "MultiDiscrete": (5, -3)}


def space_of(starts: tuple[int, ...], shifted: bool) -> spaces.Discrete | spaces.MultiDiscrete:
    if len(starts) == 1:
        return spaces.Discrete(4, start=starts[0] * shifted)
    return spaces.MultiDiscrete(SIZES, start=[start * shifted for start in starts])


class Asking(gym.Env):
    """Shows a number and asks for it; at odd steps nothing is due, and what it calls the target is no action."""

    observation_space = spaces.Box(0, 1, (4,))

    def __init__(self, starts: tuple[int, ...], shifted: bool, sets: bool, parts: bool):
        self.answer = space_of(starts, shifted)
        self.action_space = spaces.Dict(said=self.answer, other=spaces.Discrete(2)) if parts else self.answer
        self.starts, self.sets, self.parts = np.array(starts) * shifted, sets, parts

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.clock = 0
        return self._see()

    def _see(self) -> tuple[np.ndarray, dict]:
        self.shown = self.np_random.integers(3)
        due = self.clock % 2 == 0
        target = np.full(len(self.starts), self.shown) + self.starts if due else np.full(len(self.starts), 99)
        target_set = np.zeros((len(self.starts), 4), bool)
        target_set[:, [self.shown, (self.shown + 1) % 3]] = due
        said: dict[str, Any] = {"target": target, **({"target_set": target_set} if self.sets else {})}
        if isinstance(self.answer, spaces.Discrete):
            said = {name: value[0] for name, value in said.items()}
        if self.parts:
            said = {name: {"said": value} for name, value in said.items()}
        return np.eye(4, dtype=np.float32)[self.shown], {**said, "target_mask": due}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        assert self.action_space.contains(action), action
        chosen = np.atleast_1d(action["said"] if self.parts else action)
        right = (chosen - self.starts == self.shown).mean()
        self.clock += 1
        seen, info = self._see()
        return seen, float(right), self.clock >= MOMENTS, False, info


class Script4(SequenceWorld):
    """A script that asks for what it shows, or the value after it."""

    episode_length = MOMENTS

    def __init__(self, starts: tuple[int, ...] = (0,), shifted: bool = True, sets: bool = True):
        self.starts, self.sets = tuple(start * shifted for start in starts), sets
        self.set_reward("dense")
        self.set_spaces(4, space_of(starts, shifted), MOMENTS)

    def script(self, rng: CounterRNG) -> Script:
        shown = rng.integers("shown", 3, MOMENTS)  # (n, T)
        inputs = torch.nn.functional.one_hot(shown, 4).float()
        targets = torch.stack([shown + start for start in self.starts], -1)  # (n, T, K)
        one = inputs.bool()
        right = (one | one.roll(1, -1))[:, :, None].expand(-1, -1, len(self.starts), -1)
        due = torch.ones_like(shown, dtype=torch.bool)
        steps = torch.full((len(rng),), MOMENTS)
        return Script(inputs, targets, due, steps, {}, right.clone() if self.sets else None)

    def sources(self, state: dict[str, Tensor]) -> Tensor:
        return torch.zeros(self.num_worlds, MOMENTS, dtype=torch.bool)


ScriptVector = env_classes(Script4)[1]


def same_step(starts: tuple[int, ...], shifted: bool, sets: bool, parts: bool) -> object:
    return SyncVectorEnv([lambda: Asking(starts, shifted, sets, parts)] * 4, autoreset_mode=AutoresetMode.SAME_STEP)


def dummy(starts: tuple[int, ...], shifted: bool, sets: bool, parts: bool) -> object:
    return DummyVecEnv([lambda: Asking(starts, shifted, sets, parts)] * 4)


def script(starts: tuple[int, ...], shifted: bool, sets: bool, parts: bool) -> object:
    return ScriptVector(4, autoreset_mode="SameStep", output="torch", starts=starts, shifted=shifted, sets=sets)


DOORS = {"SyncVectorEnv": same_step, "DummyVecEnv": dummy, "script": script}
LEARNERS: dict[str, Any] = {
    "backprop": (Backprop, BackpropOptions(worlds=4, batch=4)),
    "reinforce": (PolicyGradient, LearnerOptions(worlds=4)),
    "likelihood": (PolicyGradient, LearnerOptions(worlds=4, likelihood_reward=True)),
    "teacher": (PolicyGradient, LearnerOptions(worlds=4, teacher_forcing=True)),
    "ppo": (PolicyGradient, LearnerOptions(objective="ppo", hybrid=True, horizon=4, worlds=4, minibatches=1)),
}
CASES = [
    (learner, *case)
    for learner in LEARNERS
    for case in itertools.product(STARTS, DOORS, (False, True), (False, True))
    if case[1:4:2] != ("script", True) and (learner in ("backprop", "reinforce") or case[1] == "SyncVectorEnv")
]


@pytest.mark.parametrize(("learner", "kind", "door", "sets", "parts"), CASES)
def test_it_is_learned_the_same_wherever_numbers_begin(
    learner: str, kind: str, door: str, sets: bool, parts: bool
) -> None:
    kind_of, options = LEARNERS[learner]
    results = []
    for shifted in (False, True):
        env = DOORS[door](STARTS[kind], shifted, sets, parts)
        made: Algorithm = kind_of("gru", env, options, policy_kwargs={"hidden": 6}, seed=3, device="cpu")
        made.learn(4 * MOMENTS * 2)
        recent = [(row["r"], row.get("score")) for row in made.learner.recent]
        fresh = environments_of(DOORS[door](STARTS[kind], shifted, sets, parts))
        results.append((made.policy.state_dict(), recent, play_episodes(made.policy, fresh, 2, 0)))
    (weights, recent, episodes), (others, others_recent, others_episodes) = results
    assert [name for name in weights if not torch.equal(weights[name], others[name])] == []
    assert repr(recent) == repr(others_recent)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(episodes, others_episodes, strict=True))
    assert np.isfinite(episodes.bits).all()


@pytest.mark.parametrize("space", [spaces.Discrete(3, start=2), spaces.MultiDiscrete([2, 3], start=[1, -1])])
def test_a_target_that_is_no_action_costs_infinitely_much(space: spaces.Space) -> None:
    head = make_head(3, space)
    parameters = head(torch.randn(5, 2, 3))
    for wrong in (-9, 9):
        target = torch.full((5, 2, *space.shape), wrong)
        assert bool(head.loss(parameters, target).isposinf().all())
    right = head.mode(parameters)
    right[0] = 9  # nothing is due there
    cost = head.loss(parameters, right)
    cost.masked_fill(cost.isposinf(), 0.0).sum().backward()
    assert all(bool(p.grad.isfinite().all()) for p in head.parameters())


def test_a_due_target_that_is_no_action_stops_the_training_in_one_sentence() -> None:
    class Wrong(Asking):
        def _see(self) -> tuple[np.ndarray, dict]:
            seen, info = super()._see()
            return seen, {**info, "target": 99, "target_mask": True}

    env = SyncVectorEnv([lambda: Wrong((5,), True, False, False)] * 4, autoreset_mode=AutoresetMode.SAME_STEP)
    for kind_of, options in (LEARNERS["backprop"], LEARNERS["reinforce"]):
        with pytest.raises(FoveateError, match="loss is not finite"):
            kind_of("gru", env, options, policy_kwargs={"hidden": 6}, device="cpu").learn(20)
