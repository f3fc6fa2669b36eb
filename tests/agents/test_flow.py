"""Bidirectional attention flow: against the paper's loop, its gradients, and what it may not see."""

import gymnasium as gym
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from foveate.agents import AGENTS, Backprop, BackpropOptions
from foveate.agents.nn.encoders import make_item_encoder, make_passage_encoder
from foveate.agents.nn.encoders.flow import FlowItems
from foveate.analysis.alignment import agreement
from foveate.errors import FoveateError

ID = "Sequence/Cloze-v0"


def flow_of(size: int = 4, units: int = 3) -> FlowItems:
    torch.manual_seed(0)
    made = make_item_encoder("flow", size, units=units).double()
    assert isinstance(made, FlowItems)
    return made


def test_annotations_are_the_paper_s_loop() -> None:
    flow = flow_of()
    items, query, length = torch.randn(3, 6, 4).double(), torch.randn(3, 2, 4).double(), torch.tensor([6, 1, 4])
    found = flow(items, length, query)
    w = torch.cat([flow.of_item.weight[0], flow.of_word.weight[0], flow.of_both])
    for row in range(3):
        count = int(length[row])
        h = flow.context(items[row : row + 1, :count], length[row : row + 1])[0]
        u = flow.context(query[row : row + 1], torch.tensor([2]))[0]
        s = torch.stack([torch.stack([w @ torch.cat([h_t, u_j, h_t * u_j]) for u_j in u]) for h_t in h])  # eq. 1
        asked = [sum(a * u_j for a, u_j in zip(s_t.softmax(0), u, strict=True)) for s_t in s]
        b = torch.stack([s_t.max() for s_t in s]).softmax(0)
        told = sum(b_t * h_t for b_t, h_t in zip(b, h, strict=True))
        g = torch.stack([torch.cat([h_t, a_t, h_t * a_t, h_t * told]) for h_t, a_t in zip(h, asked, strict=True)])
        m = flow.model(g[None], length[row : row + 1])[0]
        torch.testing.assert_close(found[row, :count], torch.cat([g, m], 1))


def test_its_gradients() -> None:
    flow, length = flow_of(), torch.tensor([3, 2])
    items, query = (torch.randn(2, n, 4, dtype=torch.float64, requires_grad=True) for n in (3, 2))

    def said(items: Tensor, query: Tensor) -> Tensor:
        there = torch.arange(3)[:, None] < length[:, None, None]
        return torch.where(there, flow(items, length, query), 0.0)

    assert torch.autograd.gradcheck(said, (items, query))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), behind=st.sampled_from([0.0, 1e6, -1e6]))
def test_what_stands_behind_the_end_is_never_read(seed: int, behind: float) -> None:
    flow = flow_of()
    torch.manual_seed(seed)
    length = torch.randint(1, 6, (4,))
    items, query = torch.randn(4, 7, 4).double(), torch.randn(4, 3, 4).double()
    there = torch.arange(7) < length[:, None]
    other = torch.where(there[..., None], items, behind)
    torch.testing.assert_close(flow(other, length, query)[there], flow(items, length, query)[there])


def test_without_a_question_it_is_refused_in_a_sentence() -> None:
    for env_id in ("Sequence/Translation-v0", "Sequence/ConvexHull-v0", "Sequence/Caption-v0"):
        space = gym.make(env_id, view="whole").observation_space
        with pytest.raises(FoveateError, match="together with a question"):
            make_passage_encoder(space, 6, "flow")


def test_annotations_know_the_question_so_that_nothing_else_is_asked() -> None:
    space = gym.make(ID, view="whole", answer="span").observation_space
    assert isinstance(space, spaces.Dict)
    made = make_passage_encoder(space, 6, "flow", units=4)
    assert made.query_size == 0
    seen = {name: torch.as_tensor(part)[None] for name, part in space.sample().items()}
    seen["source"][:, 5:] = 0
    one = made(seen)
    other = made({**seen, "query": (seen["query"] + 1) % 100})
    assert one.query is None
    assert not torch.allclose(one.items[:, :5], other.items[:, :5])


def test_spans_are_found_in_other_stories_than_those_that_were_learned_from() -> None:
    options = {"view": "whole", "answer": "span", "min_length": 8, "max_length": 20, "min_facts": 1, "max_facts": 3}
    env = gym.make_vec(ID, num_envs=128, autoreset_mode="SameStep", output="torch", **options)
    sizes = {"encoder": "flow", "units": 32, "embedding": 32, "hidden": 32, "pointer_units": 32}
    learner = Backprop(
        "pointer", env, BackpropOptions(worlds=128, batch=32, lr=5e-3), policy_kwargs=sizes, seed=0, device="cpu"
    )
    learner.learn(128 * 2 * 30)
    other = gym.make_vec(ID, num_envs=200, output="torch", **options)
    seen, _ = other.reset(seed=10**6)
    state, starts = learner.policy.initial_state(200), torch.ones(200, dtype=torch.bool)
    for _ in range(2):
        said = learner.policy.step(seen, state, starts, deterministic=True)
        seen, _, _, _, told = other.step(said.action)
        state, starts = said.state, torch.zeros_like(starts)
    right = float(torch.as_tensor(told["final_info"]["score"] if "final_info" in told else told["score"]).mean())
    assert right > 0.6, right  # untrained it is 0


def test_derivatives_by_items_are_taken_of_an_encoder_that_reads_a_question_too() -> None:
    env = gym.make_vec(ID, num_envs=2, output="torch", view="whole")
    sizes = {"encoder": "flow", "units": 4, "embedding": 6, "hidden": 8, "core": "none"}
    policy = AGENTS["attend"](env.single_observation_space, env.single_action_space, **sizes)
    found = agreement(policy, ID, {"view": "whole"}, 4, seed=1)
    assert found["jacobian"].writings > 0
    assert 0 < found["jacobian"].mass < 1
