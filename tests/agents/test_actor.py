"""The one loop of a policy in environments, against a slow loop over single environments, through every door."""

from collections.abc import Callable
from typing import NamedTuple

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor
from torch import Tensor

from foveate import tree
from foveate.agents import agent_class
from foveate.agents.learning.actor import Actor, GuidedActor, Observer, Transition, play
from foveate.agents.learning.environments import TimeStep, Unchanging, environments_of
from foveate.agents.learning.players import policy_of
from foveate.agents.learning.vec_env import GymVecEnv
from foveate.agents.policies.modes import at_play
from foveate.agents.policies.policy import Policy
from foveate.errors import FoveateError

ID, ROWS, STEPS = "Glimpse/Digits-v0", 3, 25
ARGUMENTS = {"glimpses": 4, "ready": True, "reward": "every"}  # `ready` ends episodes early: rows end at odd times
SAME = {"autoreset_mode": AutoresetMode.SAME_STEP}

DOORS: dict[str, Callable[[int], object]] = {
    "tensors": lambda n: gym.make_vec(ID, n, autoreset_mode="SameStep", output="torch", **ARGUMENTS),
    "numpy": lambda n: gym.make_vec(ID, n, autoreset_mode="SameStep", **ARGUMENTS),
    "sync": lambda n: gym.make_vec(ID, n, vectorization_mode="sync", vector_kwargs=SAME, **ARGUMENTS),
    "dummy": lambda n: DummyVecEnv([lambda: gym.make(ID, **ARGUMENTS)] * n),
    "monitored": lambda n: VecMonitor(DummyVecEnv([lambda: gym.make(ID, **ARGUMENTS)] * n)),
    "adapter": lambda n: GymVecEnv(gym.make_vec(ID, n, autoreset_mode="SameStep", **ARGUMENTS)),
    "single": lambda n: gym.make(ID, **ARGUMENTS),
}


def agent(seed: int = 0) -> Policy:
    torch.manual_seed(seed)
    env = gym.make(ID, **ARGUMENTS)
    return agent_class("ram")(env.observation_space, env.action_space, core="gru", hidden=8).eval()


class Slow(NamedTuple):
    """What a step brought, row by row."""

    observation: dict[str, np.ndarray]
    action: dict[str, np.ndarray]
    reward: list[float]
    ended: list[bool]
    starts: list[bool]
    target: list[int]
    final: list[dict[str, np.ndarray] | None]
    score: list[float | None]


def slow_loop(policy: Policy, rows: int, steps: int, seed: int) -> list[Slow]:
    """The same play by hand: single environments, reset where they end, and `policy.step` on their observations."""
    envs = [gym.make(ID, **ARGUMENTS) for _ in range(rows)]
    seen, infos = map(list, zip(*(env.reset(seed=seed + i) for i, env in enumerate(envs)), strict=True))
    state, starts, found = policy.initial_state(rows), [True] * rows, []
    for _ in range(steps):
        observation = {name: np.stack([one[name] for one in seen]) for name in seen[0]}
        with torch.no_grad():
            output = policy.step(tree.to_tensors(observation), state, torch.tensor(starts))
        action = {name: np.asarray(value) for name, value in output.action.items()}
        targets = [info["target"] for info in infos]
        reward, ended, final, score = [], [], [None] * rows, [None] * rows
        for i, env in enumerate(envs):
            one = {n: action[n][i].clip(-1, 1) if n == "location" else action[n][i] for n in action}
            seen[i], r, terminated, truncated, infos[i] = env.step(one)
            reward.append(float(r))
            ended.append(terminated or truncated)
            if ended[-1]:
                final[i], score[i] = seen[i], infos[i]["score"]
                seen[i], infos[i] = env.reset()
        found.append(Slow(observation, action, reward, ended, starts, targets, final, score))
        state, starts = output.state, ended
    return found


class Keep(Observer):
    """Keeps all that it sees."""

    def __init__(self) -> None:
        self.resets: list[TimeStep] = []
        self.steps: list[Transition] = []

    def on_reset(self, now: TimeStep) -> None:
        self.resets.append(now)

    def on_step(self, transition: Transition) -> None:
        self.steps.append(transition)


@pytest.mark.parametrize("door", DOORS)
def test_the_actor_is_a_loop_over_single_environments(door: str) -> None:
    policy, rows = agent(), 1 if door == "single" else ROWS
    torch.manual_seed(5)
    expected = slow_loop(policy, rows, STEPS, seed=3)
    torch.manual_seed(5)
    actor, keep = Actor(policy, environments_of(DOORS[door](rows))), Keep()
    with torch.no_grad():
        actor.reset(3)
        assert play(actor, steps=STEPS, observers=[keep])
    assert len(keep.resets) == 1
    assert sum(sum(step.ended) for step in expected) > 2 * rows  # several autoresets
    for got, slow in zip(keep.steps, expected, strict=True):
        for name, value in slow.observation.items():
            assert np.array_equal(got.before.observation[name], value)
        assert all(np.array_equal(got.output.action[name], value) for name, value in slow.action.items())
        assert got.after.reward.tolist() == pytest.approx(slow.reward)
        assert got.ended.tolist() == slow.ended
        assert got.starts.tolist() == slow.starts
        assert got.before.target is not None
        assert got.before.target["label"].tolist() == slow.target  # by part, whatever the world calls it
        assert (got.after.final_observation is None) == (not any(slow.ended))
        for i, final in enumerate(slow.final):
            if final is not None:
                assert all(np.array_equal(got.after.final_observation[name][i], final[name]) for name in final)
                assert got.after.score is not None
                assert float(got.after.score[i]) == pytest.approx(slow.score[i])


@pytest.mark.parametrize("door", ["tensors", "numpy"])
def test_an_actor_goes_on_exactly(door: str) -> None:
    policy = agent()
    whole, half = Actor(policy, environments_of(DOORS[door](ROWS))), Actor(policy, environments_of(DOORS[door](ROWS)))
    other = Actor(policy, environments_of(DOORS[door](ROWS)))
    torch.manual_seed(1)
    expected = Keep()
    whole.reset(2)
    play(whole, steps=11, observers=[expected])
    torch.manual_seed(1)
    half.reset(2)
    play(half, steps=5)
    other.environments.load_state_dict(half.environments.state_dict())
    other.load_state_dict({name: value.clone() for name, value in half.state_dict().items()})
    got = Keep()
    play(other, steps=6, observers=[got])
    assert not got.resets
    for a, b in zip(got.steps, expected.steps[5:], strict=True):
        assert torch.equal(a.starts, b.starts)
        assert all(torch.equal(a.output.log_prob[name], b.output.log_prob[name]) for name in b.output.log_prob)


def test_numbered_states_of_earlier_checkpoints_are_read() -> None:
    actor, other = (Actor(agent(), environments_of(DOORS["tensors"](ROWS))) for _ in range(2))
    actor.reset(0)
    play(actor, steps=2)
    kept = actor.state_dict()
    old = {f"core.{i}": value for i, value in enumerate(tree.leaves(actor.state))} | {"starts": kept["starts"]}
    other.environments.load_state_dict(actor.environments.state_dict())
    other.load_state_dict(old)
    assert all(torch.equal(a, b) for a, b in zip(tree.leaves(other.state), tree.leaves(actor.state), strict=True))


def test_without_autoreset_the_end_can_be_looked_at() -> None:
    env = gym.make(ID, render_mode="rgb_array", glimpses=3)
    actor = Actor(agent_class("ram")(env.observation_space, env.action_space), environments_of(env, autoreset=False))

    class Pictures(Observer):
        """One list of pictures an episode."""

        def __init__(self) -> None:
            self.episodes: list[list[np.ndarray]] = []

        def on_reset(self, now: TimeStep) -> None:
            self.episodes.append([np.asarray(env.render())])

        def on_step(self, transition: Transition) -> None:
            self.episodes[-1].append(np.asarray(env.render()))
            last = transition.after
            if bool(transition.ended):
                assert torch.equal(last.final_observation["glimpse"], last.observation["glimpse"])
                assert last.score is not None

    pictures = Pictures()
    with at_play(actor.policy):
        actor.reset(0)
        play(actor, episodes=2, observers=[pictures])
    assert [len(episode) for episode in pictures.episodes] == [4, 4]
    assert not np.array_equal(pictures.episodes[0][-1], pictures.episodes[1][0])


def test_rows_of_one_world_are_reset_together() -> None:
    env = gym.make_vec("Multi/SharedGaze-v0", num_envs=1, autoreset_mode="Disabled")
    policy = agent_class("ram")(env.single_observation_space, env.single_action_space)
    actor, keep = Actor(policy, environments_of(env, autoreset=False)), Keep()
    actor.reset(0)
    play(actor, episodes=2, observers=[keep])
    assert len(keep.resets) == 2
    assert [bool(step.starts.all()) for step in keep.steps].count(True) == 2


def test_counting_episodes_plays_every_row_to_its_end() -> None:
    for door in ("tensors", "sync"):
        actor, keep = Actor(agent(), environments_of(DOORS[door](ROWS))), Keep()
        actor.reset(0)
        play(actor, episodes=3, observers=[keep])
        ended = torch.stack([step.ended for step in keep.steps]).sum(0)
        assert int(ended.min()) == 3
        assert int(keep.steps[-1].ended[ended == 3].sum()) > 0  # and not a step more


def test_an_observer_stops_the_play() -> None:
    class Stop(Observer):
        """Three steps are enough."""

        count = 0

        def on_step(self, transition: Transition) -> bool:
            self.count += 1
            return self.count < 3

    actor, keep = Actor(agent(), environments_of(DOORS["tensors"](ROWS))), Keep()
    assert not play(actor, steps=9, observers=[Stop(), keep])
    assert len(keep.steps) == 3


def test_what_the_environment_says_is_handed_on() -> None:
    env = gym.make_vec(ID, 2, autoreset_mode="SameStep", output="torch", relevance=True)
    actor = Actor(agent_class("ram")(env.single_observation_space, env.single_action_space), environments_of(env))
    info = actor.reset(0).info
    assert isinstance(info, dict)
    assert info["relevance"].dtype == torch.bool
    assert isinstance(actor.step().after.info, dict)


def test_a_guided_actor_does_what_it_is_taught() -> None:
    policy = agent()
    actor, keep = GuidedActor(policy, environments_of(DOORS["tensors"](ROWS)), always_ask=True), Keep()
    actor.reset(0)
    play(actor, steps=6, observers=[keep])
    differs = 0
    for step in keep.steps:
        assert step.before.target is not None
        assert torch.equal(step.output.action["label"], step.before.target["label"])
        assert torch.equal(step.output.action["location"], step.output.choices["location"])
        differs += int((step.output.choices["label"] != step.before.target["label"]).sum())
    assert differs > 0  # its own choices are kept


def test_players_of_stable_baselines3_act_too() -> None:
    env = gym.make("CartPole-v1")
    model = PPO("MlpPolicy", env, device="cpu", seed=0)
    actor, keep = Actor(policy_of(model), environments_of(gym.make("CartPole-v1")), deterministic=True), Keep()
    actor.reset(4)
    play(actor, episodes=2, observers=[keep])
    seen, _ = env.reset(seed=4)
    for step in keep.steps:
        action, _ = model.predict(seen, deterministic=True)
        assert int(step.output.action) == int(action)
        seen, _, terminated, truncated, _ = env.step(action)
        if terminated or truncated:
            seen, _ = env.reset()


def test_a_policy_on_data_that_stay_is_differentiable() -> None:
    env = gym.make(ID, view="image")
    policy = agent_class("ram")(env.observation_space, env.action_space, hidden=8).eval()
    image = torch.rand(2, 1, 28, 28, requires_grad=True)
    actor = Actor(policy, Unchanging(image, env.action_space), deterministic=True)
    for _ in range(3):
        transition = actor.step()
    gradient: Tensor = torch.autograd.grad(transition.output.parameters["action"].sum(), image)[0]
    assert gradient.shape == image.shape
    assert bool((gradient != 0).any())
    assert not transition.starts.any()


def test_what_can_not_be_played_is_refused() -> None:
    with pytest.raises(FoveateError, match="Disabled"):
        environments_of(DOORS["tensors"](2), autoreset=False)
    with pytest.raises(FoveateError, match="autoreset=False"):
        environments_of(DOORS["dummy"](2), autoreset=False)
    with pytest.raises(FoveateError, match="no environment"):
        environments_of("Glimpse/Digits-v0")
