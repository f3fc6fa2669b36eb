"""The policy gradient against the exact gradient, on a glimpse problem small enough to enumerate."""

import gymnasium as gym
import numpy as np
import pytest
import torch

from foveate.agents import LearnerOptions, PolicyGradient
from foveate.agents.learning.algorithm import learner_class
from foveate.agents.policies.ram import RAM
from foveate.envs.registry import make_worlds

TILES, RIGHT = 4, 1
SEED = 4


def make_learner(worlds: int, baseline: bool, likelihood: bool = False) -> PolicyGradient:
    """One image of four shades; look once more, at one of four tiles, and say which of two classes it is."""
    image = np.zeros((8, 8), np.uint8)
    image[:4, :4], image[:4, 4:], image[4:, :4], image[4:, 4:] = 250, 120, 60, 10
    images = np.stack([image] * 40)
    env = gym.make_vec(
        "Glimpse/Digits-v0",
        num_envs=worlds,
        autoreset_mode="SameStep",
        output="torch",
        images=images,
        labels=np.full(40, RIGHT),
        size=8,
        patch=4,
        location="tiles",
        tiles=2,
        first="centre",
        glimpses=2,
    )
    options = LearnerOptions(
        worlds=worlds,
        hybrid=likelihood,
        likelihood_reward=likelihood,
        normalize_advantage=False,
        value_coef=0.0,
        max_grad_norm=float("inf"),
        lr=0.0,
    )
    torch.manual_seed(SEED)
    sizes = {"hidden": 8, "what": 6, "where": 4, "location_hidden": 0}
    policy = RAM(env.single_observation_space, env.single_action_space, **sizes, isolate_location=likelihood)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.normal_(0, 0.5)
        for head in policy.heads.values():  # no choice so rare that the samples may miss it
            for parameter in head.parameters():
                parameter.mul_(0.3)
        if not baseline:
            policy.critic.weight.zero_()
            policy.critic.bias.zero_()
    return PolicyGradient(policy, env, options, seed=0, device="cpu")


def exact_gradient(learner: PolicyGradient) -> torch.Tensor:
    """∇ Σ_place π(place) π(right label | place): every path, weighted by its probability."""
    policy, env = learner.policy, learner.env.vector_env
    first = {name: value[None, :1] for name, value in env.reset(seed=0)[0].items()}
    parameters, _, state, *_ = policy(first, policy.initial_state(1), torch.ones(1, 1, dtype=torch.bool))
    places = parameters["location"][0, 0].softmax(-1)  # (4,)
    expected = torch.zeros(())
    for place in range(TILES):
        env.reset(seed=0)
        nothing = torch.zeros(env.num_envs, dtype=torch.int64)
        seen = env.step({"label": nothing, "location": nothing + place})[0]
        second = {name: value[None, :1] for name, value in seen.items()}
        parameters, *_ = policy(second, state, torch.zeros(1, 1, dtype=torch.bool))
        expected = expected + places[place] * parameters["label"][0, 0].softmax(-1)[RIGHT]
    gradients = torch.autograd.grad(expected, list(policy.parameters()), allow_unused=True)
    return _flat(policy, gradients)


def _flat(policy: RAM, gradients: tuple) -> torch.Tensor:
    parts = [torch.zeros_like(p) if g is None else g for p, g in zip(policy.parameters(), gradients, strict=True)]
    return torch.cat([part.flatten() for part in parts])


@pytest.mark.parametrize("baseline", [False, True])
def test_the_estimate_is_unbiased_and_a_baseline_keeps_it_so(baseline: bool) -> None:
    batches = 150
    learner = make_learner(400, baseline)
    exact = exact_gradient(learner)
    assert learner.env is not None
    learner.learn(1)  # sets up the logger; the learning rate is 0
    samples = []
    for _ in range(batches):
        played = learner.learner.collector.collect()
        assert played is not None
        learner.learner.update(played[0])
        gradients = tuple(p.grad for p in learner.policy.parameters())
        # the loss is minus the mean over both steps, the objective their sum
        samples.append(-2 * _flat(learner.policy, gradients))
    table = torch.stack(samples)  # (batches, parameters)
    mean, error = table.mean(0), table.std(0) / batches**0.5
    moving = error > 1e-9
    assert torch.allclose(mean[~moving], exact[~moving], atol=1e-6)
    z = (mean - exact)[moving] / error[moving]
    assert z.abs().max() < 4.5  # some 200 parameters: a fair estimate passes 4.5 once in a thousand such tests
    assert (z**2).mean() < 2.0
    # and the test can tell: the exact gradient is far larger than the error of its estimate
    assert exact.norm() > 10 * error.norm()


def test_the_baseline_lowers_the_variance() -> None:
    """With a critic near the mean return the same gradient is estimated with less noise."""
    spreads = []
    for value in (0.0, 0.5):
        learner = make_learner(400, baseline=False)
        with torch.no_grad():
            learner.policy.critic.bias.fill_(value)
        learner.learn(1)
        samples = []
        for _ in range(60):
            played = learner.learner.collector.collect()
            assert played is not None
            learner.learner.update(played[0])
            samples.append(_flat(learner.policy, tuple(p.grad for p in learner.policy.parameters())))
        spreads.append(float(torch.stack(samples).var(0).sum()))
    assert spreads[1] < spreads[0]


def test_the_gain_in_likelihood_is_an_unbiased_signal_for_where_to_look() -> None:
    """The baseline that knows the target changes no mean: against ∇ ½ Σ_place π(place) log π(right label | place)."""
    batches = 150
    learner = make_learner(400, baseline=False, likelihood=True)
    with torch.no_grad():  # places that tell the classes apart, and a critic that is off by a little
        for parameter in learner.policy.head("label").parameters():
            parameter.mul_(10)
        learner.policy.critic.bias.fill_(0.1)
    policy, env = learner.policy, learner.env.vector_env
    head = list(policy.head("location").parameters())
    first = {name: value[None, :1] for name, value in env.reset(seed=0)[0].items()}
    parameters, _, state, *_ = policy(first, policy.initial_state(1), torch.ones(1, 1, dtype=torch.bool))
    places = parameters["location"][0, 0].softmax(-1)
    expected = torch.zeros(())
    for place in range(TILES):
        env.reset(seed=0)
        nothing = torch.zeros(env.num_envs, dtype=torch.int64)
        seen = env.step({"label": nothing, "location": nothing + place})[0]
        second = {name: value[None, :1] for name, value in seen.items()}
        parameters, *_ = policy(second, state, torch.zeros(1, 1, dtype=torch.bool))
        expected = expected + places[place] * parameters["label"][0, 0].log_softmax(-1)[RIGHT].detach() / 2
    exact = torch.cat([g.flatten() for g in torch.autograd.grad(expected, head)])
    learner.learn(1)
    samples = []
    for _ in range(batches):
        played = learner.learner.collector.collect()
        assert played is not None
        learner.learner.update(played[0])
        samples.append(torch.cat([-2 * p.grad.flatten() for p in head]))
    table = torch.stack(samples)
    mean, error = table.mean(0), table.std(0) / batches**0.5
    assert ((mean - exact).abs() < 4.5 * error + 1e-7).all()
    assert exact.norm() > 10 * error.norm()


def test_a_glance_is_paid_by_the_answers_to_its_own_question() -> None:
    """Where digits are asked for one by one, two glimpses each: by the clock, also where the next digit is the same."""
    glimpses, worlds = 2, 40
    env = make_worlds("Glimpse/HouseNumbers-v0", worlds, "cpu", {"max_digits": 2, "glimpses": glimpses, "clutter": 0})
    options = LearnerOptions(worlds=worlds, likelihood_reward=True, likelihood_mean=True, teacher_forcing=True)
    learner = learner_class("reinforce")(
        "ram", env, options, policy_kwargs={"hidden": 8, "what": 6, "where": 4}, seed=0
    )
    learner.learn(1)
    rollout = learner.learner.collector.collect()[0]
    _, gains = learner.learner._advantage(rollout)
    told, target = rollout.target_log_prob, rollout.target["label"]
    alike = 0
    for b in range(worlds):
        played = 1 + int(rollout.ended[:, b].int().argmax())  # a whole episode
        for t in range(played):
            alike += t % glimpses == glimpses - 1 and t + 1 < played and bool(target[t, b] == target[t + 1, b])
            after = [k for k in range(t + 1, played) if k // glimpses == t // glimpses]
            expected = sum(float(told[k, b] - told[t, b]) for k in after) / max(len(after), 1)
            assert float(gains[t, b]) == pytest.approx(expected, abs=1e-5)
    assert alike > 0
