"""The learner as a Stable-Baselines3 algorithm, on our worlds, on Gymnasium's and on Stable-Baselines3's own."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from small_learners import ours, small

from foveate.agents import LearnerOptions, PolicyGradient
from foveate.agents.learning.environments import environments_of
from foveate.agents.learning.evaluation import clustered_interval, play_episodes
from foveate.agents.learning.vec_env import GymVecEnv
from foveate.agents.policies.ram import RAM
from foveate.errors import FoveateError

CPU = torch.device("cpu")


def test_it_learns_where_to_look() -> None:
    """The class is written in one corner only: without learning to look there, half of all answers are wrong."""
    generator = np.random.default_rng(0)
    images = np.zeros((200, 20, 20), np.uint8)
    labels = np.arange(200) % 2
    images[:, 16:, 16:] = np.where(labels == 1, 250, 60)[:, None, None]
    images[:, :4, :4] = generator.integers(0, 255, (200, 1, 1))
    arguments = {"images": images, "labels": labels, "size": 20, "patch": 4, "glimpses": 2, "reward": "end"}
    worlds = ours(worlds=64, **arguments)
    options = LearnerOptions(worlds=64, lr=3e-3, likelihood_reward=True)
    learner = PolicyGradient("ram", worlds, options, policy_kwargs={"hidden": 32, "std": 0.4}, seed=0, device="cpu")
    learner.learn(120_000)
    test = environments_of(ours(worlds=40, split="test", order="each", **arguments), CPU)
    assert play_episodes(learner.policy, test, 5, seed=0).scores.mean() > 0.9


@pytest.mark.parametrize("objective", ["reinforce", "a2c", "ppo"])
def test_every_objective_learns_a_small_game(objective: str) -> None:
    arguments = {"size": 6, "drift": 0, "view": "image"}
    horizon = {"reinforce": None, "a2c": 10, "ppo": 20}[objective]
    options = LearnerOptions(
        objective=objective,
        worlds=32, horizon=horizon, lr=3e-3, gae_lambda=0.95, entropy_coef=0.01, minibatches=4, epochs=3,
    )  # fmt: skip
    learner = PolicyGradient("mlp", ours("Glimpse/Catch-v0", 32, **arguments), options, seed=0, device="cpu")
    learner.learn(60_000)
    worlds = environments_of(ours("Glimpse/Catch-v0", 100, **arguments), CPU)
    assert play_episodes(learner.policy, worlds, 3, seed=1).returns.mean() > 0.9


@pytest.mark.parametrize("objective", ["reinforce", "a2c", "ppo"])
@pytest.mark.parametrize(
    ("env_id", "arguments"),
    [
        ("Glimpse/Digits-v0", {"glimpses": 3}),
        ("Glimpse/Digits-v0", {"glimpses": 3, "location": "tiles", "zoom": True, "ready": True}),
        ("Glimpse/Catch-v0", {"size": 5, "patch": 3, "scales": 1}),
    ],
)
@pytest.mark.parametrize("core", ["rnn", "elman", "lstm", "gru"])
def test_any_core_and_any_mix_of_action_parts(objective: str, env_id: str, arguments: dict, core: str) -> None:
    options = small(objective=objective, horizon=None if objective == "reinforce" else 5)
    kwargs = {"core": core, "hidden": 16}
    learner = PolicyGradient("ram", ours(env_id, **arguments), options, policy_kwargs=kwargs, seed=0, device="cpu")
    before = [parameter.clone() for parameter in learner.policy.parameters()]
    learner.learn(300)
    assert all(parameter.isfinite().all() for parameter in learner.policy.parameters())
    assert any((a != b).any() for a, b in zip(before, learner.policy.parameters(), strict=True))


def test_pure_reinforce_uses_no_target() -> None:
    learner = PolicyGradient("ram", ours(), small(hybrid=False), seed=0, device="cpu")
    played = learner.learner.collector.collect()
    assert learner.learner.collector.actor.greedy == frozenset()
    learner.learn(1)
    assert played is not None
    assert "cross_entropy" not in learner.learner.update(played[0])
    hybrid = PolicyGradient("ram", ours(), small(), seed=0, device="cpu")
    hybrid.learn(1)
    played = hybrid.learner.collector.collect()
    assert hybrid.learner.collector.actor.greedy == {"label"}
    assert played is not None
    assert "cross_entropy" in hybrid.learner.update(played[0])


def test_the_evaluated_log_prob_is_the_one_that_was_played() -> None:
    learner = PolicyGradient("ram", ours(ready=True, location="tiles"), small(horizon=12), seed=0, device="cpu")
    collector = learner.learner.collector
    assert collector is not None
    for _ in range(3):  # the later rollouts begin in the middle of episodes
        played = collector.collect()
        assert played is not None
        rollout = played[0]
        judged = learner.policy.evaluate(rollout.observation, rollout.choices, rollout.state, rollout.starts)
        for name, value in judged.log_prob.items():
            assert torch.allclose(value, rollout.log_prob[name], atol=1e-5)
        assert torch.allclose(judged.value, rollout.value, atol=1e-5)


class _Old(RAM):
    """An agent of a user's own, written before a step could leave out log-probabilities."""

    def step(self, observation, state, starts, deterministic=False, greedy=frozenset(), record=False):
        return super().step(observation, state, starts, deterministic, greedy, record)


@pytest.mark.parametrize("kind", [RAM, _Old])
def test_a_rollout_says_at_once_what_each_step_would_have_said(
    kind: type[RAM], monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = PolicyGradient(kind, ours(reward="every"), small(likelihood_reward=True), seed=0, device="cpu")
    collector, said = learner.learner.collector, []
    assert collector is not None
    choose = collector.actor.choose
    monkeypatch.setattr(collector.actor, "choose", lambda now: said.append(choose(now)) or said[-1])
    played = collector.collect()
    assert played is not None
    rollout = played[0]
    assert rollout.log_prob.keys() == {"label", "location"}
    for t, output in enumerate(said):
        assert bool(output.log_prob) == (kind is _Old)
        for name, value in rollout.log_prob.items():
            assert torch.equal(
                learner.policy.head(name).log_prob(output.parameters[name], output.choices[name]), value[t]
            )
        label = learner.policy.head("label").log_prob(output.parameters["label"], rollout.target["label"][t])
        torch.testing.assert_close(rollout.target_log_prob[t], label)


@pytest.mark.parametrize("mode", ["NextStep", "Disabled"])
def test_our_learner_refuses_other_autoresets_with_what_to_do(mode: str) -> None:
    env = gym.make_vec("Glimpse/Digits-v0", num_envs=2, autoreset_mode=mode)
    with pytest.raises(FoveateError, match="SameStep"):
        environments_of(GymVecEnv(env), CPU)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PolicyGradient("rma", ours()), "Did you mean 'ram'"),
        (lambda: PolicyGradient("ram", gym.make("CartPole-v1")), 'view="glimpse"'),
        (lambda: PolicyGradient("cnn", ours()), 'view="image"'),
        (lambda: LearnerOptions(objective="pop"), "Did you mean 'ppo'"),
        (lambda: LearnerOptions(lr=-1.0), "lr=-1.0"),
        (lambda: LearnerOptions(objective="ppo", worlds=2, minibatches=4), "minibatches=4"),
        (lambda: PolicyGradient("ram", None), "observation_space"),
    ],
)
def test_mistakes_get_one_clear_error(make: object, message: str) -> None:
    with pytest.raises(FoveateError, match=message):
        make()


def test_intervals_are_clustered_by_item() -> None:
    index = np.repeat(np.arange(50), 10)
    per_item = np.repeat(np.arange(50) % 2, 10).astype(float)  # all ten of an item alike: fifty figures, not 500
    _, low, high = clustered_interval(per_item, index)
    alone = clustered_interval(per_item, np.full(500, -1))
    assert (high - low) > 2 * (alone[2] - alone[1])
    assert low < 0.5 < high


def test_measuring_leaves_the_random_state_alone() -> None:
    learner = PolicyGradient("random-glimpse", ours(), small(), seed=0, device="cpu")
    before = torch.get_rng_state()
    a = play_episodes(learner.policy, environments_of(ours(worlds=5), CPU), 2, seed=3)
    assert torch.equal(before, torch.get_rng_state())
    b = play_episodes(learner.policy, environments_of(ours(worlds=5), CPU), 2, seed=3)
    assert all(np.array_equal(x, y, equal_nan=True) for x, y in zip(a, b, strict=True))
    assert len(a.returns) == 10


@pytest.mark.gpu
def test_everything_stays_on_the_gpu() -> None:
    env = ours(worlds=16, device="cuda")
    learner = PolicyGradient("ram", env, small(16), seed=0, device="cuda")
    learner.learn(16 * 6 * 3)
    assert learner.learner.collector is not None
    played = learner.learner.collector.collect()
    assert played is not None
    assert all(value.device.type == "cuda" for value in played[0].observation.values())
    assert all(value.device.type == "cuda" for value in env.unwrapped.world.state.values())
    assert all(parameter.isfinite().all() for parameter in learner.policy.parameters())


@pytest.mark.parametrize("core", ["gru", "ntm", "dnc", "transformer"])
def test_hard_attention_with_any_core(core: str) -> None:
    """RAM with an external memory: gradients reach the memory's interface from the answer and from where it looked."""
    kwargs = {"core": core, "hidden": 16, "rows": 4}
    learner = PolicyGradient("ram", ours(), small(likelihood_reward=True), policy_kwargs=kwargs, seed=0, device="cpu")
    before = {name: value.clone() for name, value in learner.policy.core.named_parameters()}
    learner.learn(8 * 6 * 2)
    moved = {n for n, value in learner.policy.core.named_parameters() if not torch.equal(value, before[n])}
    assert {n for n, value in before.items() if value.numel()} == moved
