"""The dueling network: its streams, its two ways of learning, and what its checkpoints keep."""

import copy
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from foveate.agents import LearnerOptions, PolicyGradient, QLearning, QOptions, agent_class, load
from foveate.agents.learning.double_dqn import DoubleDQN
from foveate.agents.learning.q_learning import QNetwork
from foveate.agents.nn.encoders import ConvNet, shrunk
from foveate.agents.nn.heads import AdvantageHead
from foveate.cli.configuration import configure
from foveate.errors import FoveateError

SMALL = {"stream": 16, "shrink": 2}


def worlds(count: int = 4, env_id: str = "Probe/Catch-v0") -> gym.vector.VectorEnv:
    return gym.make_vec(env_id, num_envs=count, autoreset_mode="SameStep", output="torch")


def q_learner(**options: object) -> QLearning:
    kind = QOptions(**{"worlds": 4, "memory": 200, "warm_up": 16, "batch": 8, "target_every": 16, **options})
    return QLearning("dueling", worlds(), kind, policy_kwargs=SMALL, seed=0, device="cpu")


def test_the_streams_are_put_together_as_in_the_paper() -> None:
    """Q(s, a) = V(s) + A(s, a) - mean A (Wang et al. 2016, eq. 9), by a loop."""
    env = gym.make("Probe/Driving-v0")
    policy = agent_class("dueling")(env.observation_space, env.action_space, **SMALL)
    seen = torch.as_tensor(env.reset(seed=0)[0])[None]
    features = policy.encoder(seen)
    raw, value = policy.head("action").layers(features)[0], policy.critic(features)[0, 0]
    q = QNetwork(policy)(seen)[0]
    for action in range(5):
        assert float(q[action]) == pytest.approx(float(value + raw[action] - raw.mean()), abs=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 9), st.integers(0, 100))
def test_advantages_sum_to_zero(actions: int, seed: int) -> None:
    torch.manual_seed(seed)
    head = AdvantageHead(6, gym.spaces.Discrete(actions), 4)
    torch.nn.init.normal_(head.layers[-1].weight)
    assert torch.allclose(head(torch.randn(3, 6)).sum(-1), torch.zeros(3), atol=1e-5)


def test_shrinking_is_average_pooling() -> None:
    image = torch.rand(2, 3, 13, 9)
    for by in (2, 3, 4):
        assert torch.allclose(shrunk(image, by), F.avg_pool2d(image, by), atol=1e-6)


def test_the_nature_network_has_the_paper_s_sizes() -> None:
    net = ConvNet(gym.spaces.Box(0, 255, (4, 84, 84), np.uint8), "nature")
    assert [tuple(p.shape) for p in net.parameters() if p.ndim > 1] == [
        (32, 4, 8, 8), (64, 32, 4, 4), (64, 64, 3, 3), (512, 3136),
    ]  # fmt: skip
    with pytest.raises(FoveateError, match="at least 36x36, got 28x28"):
        ConvNet(gym.spaces.Box(0, 255, (4, 84, 84), np.uint8), "nature", shrink=3)


def test_it_needs_a_discrete_space_and_no_memory_for_q_learning() -> None:
    env = gym.make("Glimpse/Digits-v0", view="image")
    with pytest.raises(FoveateError, match="Discrete"):
        agent_class("dueling")(env.observation_space, gym.spaces.Box(-1, 1, (2,)))
    with pytest.raises(FoveateError, match=r"--agent\.core none"):
        QLearning("dueling", worlds(), QOptions(worlds=4, memory=50), policy_kwargs={**SMALL, "core": "lstm"})


def test_q_learning_learns_saves_and_goes_on(tmp_path: Path) -> None:
    learner = q_learner()
    before = {name: value.clone() for name, value in learner.policy.named_parameters()}
    learner.learn(200)
    assert learner.num_timesteps >= 200
    assert any(not torch.equal(value, before[name]) for name, value in learner.policy.named_parameters())
    # the network that learns is the policy itself
    assert learner.learner.collector.dqn.q_net.policy is learner.policy
    learner.save(tmp_path / "q")
    again = load(tmp_path / "q", worlds(), "cpu")
    assert isinstance(again, QLearning)
    for (_, a), (_, b) in zip(learner.policy.named_parameters(), again.policy.named_parameters(), strict=True):
        assert torch.equal(a, b)
    assert len(again.optimizer.state_dict()["state"]) == len(learner.optimizer.state_dict()["state"]) > 0
    again.learn(260, reset_num_timesteps=False)
    q_net, target = again.learner.collector.dqn.q_net, again.learner.collector.dqn.q_net_target
    assert abs(float(q_net.policy.critic[0].weight.std() / target.policy.critic[0].weight.std()) - 1) < 0.05
    assert again.num_timesteps >= 460
    seen = worlds(1).reset(seed=0)[0].numpy()
    q = QNetwork(again.policy)(torch.as_tensor(seen))
    assert int(again.predict(seen, deterministic=True)[0][0]) == int(q.argmax())


def test_q_learning_is_stable_baselines3_s_update() -> None:
    """One update by hand: Huber loss to r + γ max Q' (Mnih et al. 2015)."""
    learner = q_learner(updates=1)
    learner.learn(64)
    dqn = learner.learner.collector.dqn
    data = dqn.replay_buffer.sample(8)
    with torch.no_grad():
        goal = data.rewards[:, 0] + 0.99 * (1 - data.dones[:, 0]) * dqn.q_net_target(data.next_observations).amax(1)
        q = dqn.q_net(data.observations).gather(1, data.actions)[:, 0]
        loss = float(F.smooth_l1_loss(q, goal))
    assert np.isfinite(loss)
    dqn.replay_buffer.sample = lambda *_, **__: data
    dqn.train(1, 8)
    assert dqn.logger.name_to_value["train/loss"] == pytest.approx(loss, rel=1e-4)


def filled(**options: object) -> DoubleDQN:
    """A learner with some transitions, whose target network isn't the online one."""
    learner = q_learner(updates=1, double=True, **options)
    learner.learn(64)
    dqn = learner.learner.collector.dqn
    assert isinstance(dqn, DoubleDQN)
    torch.manual_seed(1)
    for weight in dqn.q_net_target.parameters():
        weight.data += 0.1 * torch.randn_like(weight)
    return dqn


def test_double_dqn_judges_the_action_that_it_would_take() -> None:
    """van Hasselt et al. 2016, eq. 4, transition by transition."""
    dqn = filled()
    data = dqn.replay_buffer.sample(64)
    found, plain = dqn.targets(data)[:, 0], []
    for row in range(64):
        online = dqn.q_net(data.next_observations[row : row + 1])[0].tolist()
        target = dqn.q_net_target(data.next_observations[row : row + 1])[0].tolist()
        going = 1 - float(data.dones[row])
        worth = target[online.index(max(online))]
        assert float(found[row]) == pytest.approx(float(data.rewards[row]) + 0.99 * going * worth, abs=1e-5)
        plain.append(float(data.rewards[row]) + 0.99 * going * max(target))
    assert (found <= torch.tensor(plain) + 1e-5).all()  # never more than DQN's own
    assert (found < torch.tensor(plain) - 1e-3).any()


def test_with_one_network_for_both_the_update_is_that_of_dqn() -> None:
    weights = []
    for double in (False, True):
        learner = q_learner(updates=1, double=double, warm_up=60)
        learner.learn(60)
        dqn = learner.learner.collector.dqn
        dqn.q_net_target.load_state_dict(dqn.q_net.state_dict())
        data = dqn.replay_buffer.sample(8)
        dqn.replay_buffer.sample = lambda *_, data=data, **__: data
        dqn.train(1, 8)
        weights.append(torch.cat([weight.flatten() for weight in dqn.q_net.parameters()]))
    assert torch.equal(*weights)


@pytest.mark.parametrize("scale", [0.0, 0.7071, 1.0])
def test_the_trunk_s_gradients_are_scaled_and_those_of_the_streams_are_not(scale: float) -> None:
    dqn = filled(max_grad_norm=1e9)
    network, gradients = dqn.q_net.policy, []
    data, weights = dqn.replay_buffer.sample(8), copy.deepcopy(network.state_dict())
    dqn.replay_buffer.sample = lambda *_, **__: data
    for dqn.trunk_gradient in (1.0, scale):
        network.load_state_dict(weights)
        dqn.train(1, 8)
        gradients.append({name: weight.grad.clone() for name, weight in network.named_parameters()})
    whole, scaled = gradients
    trunk = {name for name in whole if name.startswith("encoder.")}
    assert 0 < len(trunk) < len(whole)
    for name, gradient in scaled.items():
        factor = scale if name in trunk else 1.0
        assert torch.allclose(gradient, factor * whole[name], atol=1e-7)


def test_a_scale_without_double_dqn_is_refused() -> None:
    with pytest.raises(FoveateError, match="double=True"):
        QOptions(trunk_gradient=0.5)


def test_the_preset_learns_as_the_paper_does() -> None:
    options = configure(["Probe/Catch-v0", "dueling", "--learner", "dqn"], []).learner
    assert (options["double"], options["trunk_gradient"]) == (True, 0.7071)


@pytest.mark.nightly
def test_a_small_game_of_catch_is_learned() -> None:
    made = PolicyGradient(
        "dueling",
        gym.make_vec("Probe/Catch-v0", num_envs=32, autoreset_mode="SameStep", output="torch", balls=1, drift=0),
        LearnerOptions(
            objective="ppo", worlds=32, horizon=20, minibatches=8, epochs=3, lr=1e-3, entropy_coef=0.01, gae_lambda=0.9,
            gamma=0.99, max_grad_norm=0.5,
        ),
        policy_kwargs={"shrink": 2, "stream": 64},
        seed=0,
        device="cpu",
    )  # fmt: skip
    made.learn(30_000)
    recent = [row["r"] for row in made.ep_info_buffer]
    assert np.mean(recent) > 0.4  # staying in the middle catches a seventh


@pytest.mark.parametrize("double", [False, True])
def test_a_mean_of_the_weights_is_kept_over_all_updates(double: bool) -> None:
    learner = q_learner(average=0.7, double=double, updates=3)
    average = learner.learner.average
    assert average is not None
    expected = [weight.detach().clone() for weight in learner.policy.parameters()]
    dqn, taken = learner.learner.collector.dqn, []
    train = dqn.train

    def noted(gradient_steps: int, batch_size: int = 100) -> None:
        train(gradient_steps, batch_size)
        taken.append(gradient_steps)
        for i, weight in enumerate(learner.policy.parameters()):
            decay = min(0.7, (1 + len(taken)) / (10 + len(taken)))
            expected[i] = decay * expected[i] + (1 - decay) * weight.detach()

    dqn.train = noted
    learner.learn(64)
    assert taken == [1] * learner.learner.counts.updates
    assert len(taken) > 3
    for mean, wanted in zip(average.mean, expected, strict=True):
        torch.testing.assert_close(mean, wanted)
