"""Reading that is sampled: choices against distributions, and what they cost in a slow loop; reading all evenly."""

from typing import Any

import gymnasium as gym
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch import distributions as td

from foveate.agents import AGENTS, Backprop, BackpropOptions, LearnerOptions, PolicyGradient
from foveate.agents.learning.distributed import Processes, Share
from foveate.agents.learning.inner_choices import choice_loss, choosing_core
from foveate.agents.nn.attention.choice import sampled_choice
from foveate.agents.policies.attend import Attend
from foveate.errors import FoveateError

ID = "Sequence/Translation-v0"
SHORT: dict[str, Any] = {"min_length": 4, "max_length": 7}
STEPS, BATCH = 6, 4


def policy_of(**options: Any) -> Attend:
    env = gym.make(ID, view="whole", **SHORT)
    torch.manual_seed(0)
    small = {"hidden": 8, "units": 8, "embedding": 6, "key": 4}
    policy = AGENTS["attend"](env.observation_space, env.action_space, **{**small, **options})
    assert isinstance(policy, Attend)
    return policy


def inputs(policy: Attend) -> tuple[dict[str, Tensor], Any, Tensor]:
    """Passages that stay for all steps, a first state, and where episodes start."""
    env = gym.make_vec(ID, num_envs=BATCH, view="whole", output="torch", **SHORT)
    seen, _ = env.reset(seed=3)
    starts = torch.zeros(STEPS, BATCH, dtype=torch.bool)
    starts[0] = True
    written = torch.randint(1, 50, (STEPS, BATCH), generator=torch.Generator().manual_seed(0))
    whole = {"source": seen["source"].expand(STEPS, -1, -1), "written": written}
    return whole, policy.initial_state(BATCH), starts


def test_choices_come_as_often_as_their_probabilities_say_and_know_them() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 5, dtype=torch.float64)
    logits[0, :, 4] = -torch.inf
    every = sampled_choice(logits.expand(20_000, -1, -1, -1))
    assert (every.weights.sum(-1) == 1).all()
    assert (every.weights.mean(0) - logits.softmax(-1)).abs().max() < 0.015
    assert not every.weights[:, 0, :, 4].any()
    known = td.Categorical(logits=logits[:, :, :4])  # of the second row, whose fifth place counts, apart
    place = every.weights[0].argmax(-1)
    torch.testing.assert_close(every.log_prob[0], td.Categorical(logits=logits).log_prob(place).sum(-1))
    torch.testing.assert_close(every.entropy[0, 0], known.entropy()[0].sum())
    torch.testing.assert_close(every.entropy[0, 1], td.Categorical(logits=logits[1]).entropy().sum())


def test_the_gradients_of_a_choice_are_finite_where_there_is_no_place() -> None:
    logits = torch.zeros(1, 1, 3, requires_grad=True)
    made = sampled_choice(logits.masked_fill(torch.tensor([False, True, False]), -torch.inf))
    (made.log_prob.sum() + made.entropy.sum()).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_one_item_is_read_in_learning_and_the_likeliest_in_play() -> None:
    policy = policy_of(hard=True, soft_share=0.0)
    soft = policy_of()
    soft.load_state_dict(policy.state_dict(), strict=False)
    seen, state, starts = inputs(policy)
    learning = policy(seen, state, starts, record=True).records
    assert set(learning["source_weights"].unique().tolist()) == {0.0, 1.0}
    assert (learning["choice_log_prob"] < 0).all()
    assert not torch.equal(
        policy(seen, state, starts, record=True).records["source_weights"], learning["source_weights"]
    )
    policy.eval()
    playing = policy(seen, state, starts, record=True).records
    assert "choice_log_prob" not in playing
    assert (playing["source_weights"].sum(-1) == 1).all()
    first = soft(seen, soft.initial_state(BATCH), starts, record=True).records["source_weights"][0]
    assert torch.equal(playing["source_weights"][0].argmax(-1), first.argmax(-1))


def test_where_the_expectation_is_always_read_hard_is_soft() -> None:
    policy, soft = policy_of(hard=True, soft_share=1.0), policy_of()
    soft.load_state_dict(policy.state_dict(), strict=False)
    seen, state, starts = inputs(policy)
    hard = policy(seen, state, starts, record=True)
    torch.testing.assert_close(
        hard.parameters["action"], soft(seen, soft.initial_state(BATCH), starts).parameters["action"]
    )
    assert not hard.records["choice_log_prob"].any()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_what_choices_cost_is_the_paper_s_sum(seed: int) -> None:
    torch.manual_seed(seed)
    core = choosing_core(policy_of(hard=True))
    assert core is not None
    assert core.baseline is not None
    before = torch.randn(len(core.baseline))
    core.baseline.copy_(before)
    length = torch.randint(1, STEPS + 1, (BATCH,))
    alive = torch.arange(STEPS)[:, None] < length
    cost, log_prob = torch.rand(STEPS, BATCH), torch.randn(STEPS, BATCH, requires_grad=True)
    found = choice_loss(core, log_prob, cost, alive, Processes(), Share(None, BATCH, 1))
    for b in range(BATCH):
        total = torch.zeros(())
        for t in range(int(length[b])):
            follows = -sum(float(cost[k, b]) for k in range(t, int(length[b])))
            total = total - (follows - before[t]) * log_prob[t, b]
        torch.testing.assert_close(found[b], total)
    for t in range(STEPS):
        following = [-float(cost[t : int(n), b].sum()) for b, n in enumerate(length) if t < n]
        mean = sum(following) / len(following) if following else float(before[t])
        torch.testing.assert_close(core.baseline[t], 0.9 * before[t] + 0.1 * mean)
    assert torch.equal(core.baseline[STEPS:], before[STEPS:])


def test_every_parameter_of_a_hard_reader_learns_and_its_baseline_moves() -> None:
    env = gym.make_vec(ID, num_envs=16, view="whole", autoreset_mode="SameStep", output="torch", **SHORT)
    options = BackpropOptions(worlds=16, batch=16)
    small = {"hidden": 8, "units": 8, "embedding": 6, "key": 4, "hard": True, "soft_share": 0.0}
    learner = Backprop("attend", env, options, policy_kwargs=small, seed=0, device="cpu")
    before = {name: value.clone() for name, value in learner.policy.state_dict().items()}
    learner.learn(16 * 8 * 3)
    after = learner.policy.state_dict()
    lame = {name for name, value in after.items() if torch.equal(value, before[name])}
    # the critic has nothing to learn from targets; behind a softmax a bias that all keys share is no difference
    assert lame <= {"critic.weight", "critic.bias", "core.attention.to_key.bias", "heads.action.embed.weight"}
    baseline = after["core.baseline"]
    assert (baseline[:5] < 0).all()
    assert not baseline[8:].any()


@pytest.mark.parametrize("heads", [1, 2])
def test_reading_unevenly_costs_what_the_paper_says(heads: int) -> None:
    policy = policy_of(evenly=0.7, heads=heads)
    seen, state, starts = inputs(policy)
    starts[3, 1] = True  # another text of the same passage
    said = policy(seen, state, starts, record=True)
    weights = said.records["source_weights"].detach().mean(2)  # (T, B, L)
    found = said.losses["uneven_reading"].detach()
    for b in range(BATCH):
        length = int((seen["source"][0, b] > 0).sum())
        for first, end in [(0, 3), (3, STEPS)] if b == 1 else [(0, STEPS)]:
            read = [sum(float(weights[t, b, i]) for t in range(first, end)) for i in range(length)]
            wanted = 0.7 * (sum((1 - each) ** 2 for each in read) - length)  # eq. 14, less one for each item
            assert float(found[first:end, b].sum()) == pytest.approx(wanted, abs=1e-4)
    assert "uneven_reading" not in policy_of()(*inputs(policy_of())).losses


def test_what_cannot_be_is_refused_in_a_sentence() -> None:
    with pytest.raises(FoveateError, match="gumbel=True is not allowed with hard=True"):
        policy_of(hard=True, gumbel=True)
    with pytest.raises(FoveateError, match="evenly"):
        policy_of(evenly=-1.0)
    env = gym.make_vec(ID, num_envs=4, view="whole", autoreset_mode="SameStep", output="torch", **SHORT)
    learner = PolicyGradient("attend", env, LearnerOptions(worlds=4), policy_kwargs={"hard": True}, device="cpu")
    with pytest.raises(FoveateError, match="objective=backprop"):
        learner.learn(40)
