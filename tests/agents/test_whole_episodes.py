"""A head whose cost is of whole episodes, by every learner and evaluation: it works, or is refused before a step."""

import itertools
import math

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from foveate.agents import AGENTS, Algorithm, Backprop, BackpropOptions, LearnerOptions, Policy, PolicyGradient
from foveate.agents.learning.environments import environments_of
from foveate.agents.learning.evaluation import play_episodes
from foveate.agents.nn.heads import CTCHead
from foveate.errors import FoveateError


class Spelling(gym.Env):
    """Shows a word letter by letter, twice each; at the last letter it asks for all of it, at no step before."""

    observation_space, action_space = spaces.Box(0, 1, (3,)), spaces.Discrete(4)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.word, self.clock = self.np_random.integers(3, size=self.np_random.integers(1, 4)), 0
        return self._see()

    def _see(self) -> tuple[np.ndarray, dict]:
        letter = self.word[min(self.clock // 2, len(self.word) - 1)]
        return np.eye(3, dtype=np.float32)[letter], {"target": int(letter) + 1 if self.clock % 2 else -1}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        assert self.action_space.contains(action), action
        self.clock += 1
        seen, info = self._see()
        return seen, 1.0, self.clock == 2 * len(self.word), False, info


def policy(env: gym.vector.VectorEnv) -> Policy:
    torch.manual_seed(0)
    made = AGENTS["gru"](env.single_observation_space, env.single_action_space, hidden=12)
    made.heads["action"] = CTCHead(12, env.single_action_space)
    return made


def foreign() -> gym.vector.VectorEnv:
    return SyncVectorEnv([Spelling] * 8, autoreset_mode=AutoresetMode.SAME_STEP)


def native() -> gym.vector.VectorEnv:
    return gym.make_vec(
        "Memory/Sort-v0", num_envs=8, max_length=3, symbols=4, autoreset_mode="SameStep", output="torch"
    )


WORLDS = {"played": foreign, "scripted": native}
GRADIENT = [
    {"objective": objective, "hybrid": hybrid, "likelihood_reward": likelihood, "teacher_forcing": forcing}
    for objective, hybrid, likelihood, forcing in itertools.product(
        ("reinforce", "ppo"), (True, False), (True, False), (True, False)
    )
    if hybrid or not (likelihood or forcing)
]


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize(
    "options", [None, *GRADIENT], ids=lambda o: "-".join(str(v) for v in (o or {"": "bp"}).values())
)
def test_every_learner_takes_it_or_refuses_it_before_a_step(world: str, options: dict | None) -> None:
    env = WORLDS[world]()
    made: Algorithm
    if options is None:
        made = Backprop(policy(env), env, BackpropOptions(worlds=8, batch=8, lr=0.01), seed=0, device="cpu")
    else:
        kind = LearnerOptions(worlds=8, minibatches=2, lr=0.01, **options)
        made = PolicyGradient(policy(env), env, kind, seed=0, device="cpu")
    before = {name: value.clone() for name, value in made.policy.state_dict().items()}
    if options is not None and options["hybrid"] and options["likelihood_reward"]:
        with pytest.raises(FoveateError, match="CTCHead, the head of 'action', says what whole episodes cost"):
            made.learn(60)
        assert made.num_timesteps == 0
        return
    made.learn(60)
    assert any(not torch.equal(value, before[name]) for name, value in made.policy.state_dict().items())
    for deterministic in (True, False):
        episodes = play_episodes(made.policy, environments_of(WORLDS[world]()), 1, 0, deterministic)
        assert np.isfinite(episodes.returns).all()
        assert np.isnan(episodes.bits).all() == (world == "played" or not deterministic)  # no step can say them


@pytest.mark.parametrize("name", ["likelihood_reward", "teacher_forcing"])
@pytest.mark.parametrize("objective", ["reinforce", "ppo"])
def test_what_needs_targets_is_refused_where_nobody_asks_for_them(objective: str, name: str) -> None:
    with pytest.raises(FoveateError, match=f"{name}=True requires hybrid=True"):
        LearnerOptions(objective=objective, hybrid=False, **{name: True})


def test_pieces_of_a_fixed_length_are_refused() -> None:
    env = foreign()
    for objective in ("a2c", "ppo"):
        options = LearnerOptions(objective=objective, horizon=3, hybrid=True, worlds=8, minibatches=2)
        made = PolicyGradient(policy(env), env, options, device="cpu")
        with pytest.raises(FoveateError, match=r"whole episodes.*horizon=3"):
            made.learn(60)
        assert made.num_timesteps == 0


@pytest.mark.parametrize("options", [None, LearnerOptions(worlds=8, lr=0.02)])
def test_it_learns_to_spell(options: LearnerOptions | None) -> None:
    env = foreign()
    made: Algorithm
    if options is None:
        made = Backprop(policy(env), env, BackpropOptions(worlds=8, batch=8, lr=0.02), seed=0, device="cpu")
    else:
        made = PolicyGradient(policy(env), env, options, seed=0, device="cpu")
    figures: dict[str, list[float]] = {}
    update = made.learner.update

    def watched(collected: object) -> dict:
        row = update(collected)
        for name, value in row.items():
            figures.setdefault(name, []).append(float(value))
        return row

    made.learner.update = watched
    made.learn(4000)
    cost = figures["bits_per_episode" if options is None else "cross_entropy"]
    assert math.isfinite(cost[0])
    assert np.mean(cost[-3:]) < 0.7 * cost[0]
