"""The universal transformer: the paper's loop, its gradients, its limits, and what a step costs whom."""

import math
from typing import Any

import gymnasium as gym
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from foveate.agents import AGENTS, Backprop, BackpropOptions, Policy
from foveate.agents.nn.encoders import make_item_encoder, make_passage_encoder
from foveate.agents.nn.encoders.universal import UniversalItems
from foveate.analysis.alignment import agreement
from foveate.errors import FoveateError

ID = "Sequence/Stories-v0"
SMALL = {"encoder": "universal", "units": 8, "attention_heads": 2, "embedding": 6, "key": 0, "core": "none"}
DOUBLE: dict[str, Any] = {"dtype": torch.float64}


def encoder_of(bias: float = 0.0, **options: Any) -> UniversalItems:
    torch.manual_seed(0)
    made = make_item_encoder("universal", 3, units=8, attention_heads=2, **options).double()
    assert isinstance(made, UniversalItems)
    if made.halt is not None:
        nn.init.constant_(made.halt.bias, bias)
        nn.init.normal_(made.halt.weight)
    return made


def code(i: int, t: int, size: int = 8) -> Tensor:
    """(6) and (7)."""
    wave = [(f(i / 10000 ** (2 * j / size)) + f(t / 10000 ** (2 * j / size))) for j in range(size // 2)
            for f in (math.sin, math.cos)]  # fmt: skip
    return torch.tensor(wave, **DOUBLE)


def attended(block: nn.TransformerEncoderLayer, x: list[Tensor], i: int, heads: int = 2) -> Tensor:
    """MultiHeadSelfAttention at place i, (1) to (3)."""
    attention = block.self_attn
    q, k, v = (
        [(w @ each + b).chunk(heads) for each in x]
        for w, b in zip(attention.in_proj_weight.chunk(3), attention.in_proj_bias.chunk(3), strict=True)
    )
    read = []
    for head in range(heads):
        fit = torch.stack([q[i][head] @ key[head] for key in k]) / math.sqrt(len(q[i][head]))
        read.append(
            sum((a * value[head] for a, value in zip(fit.softmax(0), v, strict=True)), torch.zeros(4, **DOUBLE))
        )
    return attention.out_proj(torch.cat(read))


def normed(norm: nn.LayerNorm, x: Tensor) -> Tensor:
    return norm.weight * (x - x.mean()) / (x.var(unbiased=False) + norm.eps).sqrt() + norm.bias


def stepped(encoder: UniversalItems, h: list[Tensor], t: int) -> list[Tensor]:
    """(4) and (5)."""
    block, found = encoder.block, []
    x = [each + code(i, t) for i, each in enumerate(h)]
    for i, each in enumerate(x):
        a = normed(block.norm1, each + attended(block, x, i))
        found.append(normed(block.norm2, a + block.linear2(block.linear1(a).clamp(min=0))))
    return found


def slow(encoder: UniversalItems, items: Tensor, query: Tensor | None = None) -> tuple[list[Tensor], list[float]]:
    """The annotations of one source, and ρ of each item."""
    asked = 0 if query is None else len(query)
    state = [encoder.embed(each) for each in (items if query is None else torch.cat([query, items]))]
    h: list[list[float]] = [[] for _ in items]
    states: list[list[Tensor]] = [[] for _ in items]
    done = [False] * len(items)
    for t in range(1, encoder.limit + 1):
        after = stepped(encoder, state, t)
        if all(done):
            break
        for i in range(len(after)):
            if i < asked or not done[i - asked]:
                state[i] = after[i]
        for i in range(len(items)):
            if not done[i]:
                states[i].append(state[asked + i])
                h[i].append(
                    float((encoder.halt.weight[0] @ state[asked + i] + encoder.halt.bias[0]).sigmoid().detach())
                )
                done[i] = sum(h[i]) >= 1 - 0.01
    rests = [1 - sum(each[:-1]) for each in h]
    means = [sum(p * s for p, s in zip([*each[:-1], rest], many, strict=True))
             for each, rest, many in zip(h, rests, states, strict=True)]  # fmt: skip
    return means, [len(each) + rest for each, rest in zip(h, rests, strict=True)]


@pytest.mark.parametrize("bias", [-2.0, 0.0, 1.0])
@pytest.mark.parametrize("asks", [False, True])
def test_reading_is_the_paper_s_loop(bias: float, asks: bool) -> None:
    encoder, length = encoder_of(bias, limit=5), torch.tensor([6, 1, 4])
    items, query = torch.randn(3, 6, 3, **DOUBLE), torch.randn(3, 2, 3, **DOUBLE) if asks else None
    what, ponder = encoder.annotated(items, length, query)
    assert ponder is not None
    steps = set()
    for row, count in enumerate(length.tolist()):
        means, rho = slow(encoder, items[row, :count], None if query is None else query[row])
        torch.testing.assert_close(what[row, :count], torch.stack(means))
        torch.testing.assert_close(ponder[row, :count], torch.tensor(rho, **DOUBLE))
        assert not ponder[row, count:].any()
        steps |= {int(each) for each in rho}
    assert steps == {5} if bias < 0 else len(steps) > 1  # some halt before others, which attend to them still
    torch.testing.assert_close(encoder(items, length, query), what)


def test_a_fixed_number_of_steps_is_so_many_and_says_nothing_of_them() -> None:
    encoder, items = encoder_of(fixed=3), torch.randn(1, 4, 3, **DOUBLE)
    what, ponder = encoder.annotated(items, torch.tensor([4]))
    state = [encoder.embed(each) for each in items[0]]
    for t in (1, 2, 3):
        state = stepped(encoder, state, t)
    torch.testing.assert_close(what[0], torch.stack(state))
    assert ponder is None
    assert encoder.halt is None


def test_its_gradients() -> None:
    encoder, length = encoder_of(-0.5), torch.tensor([3, 2])
    items, query = (torch.randn(2, n, 3, **DOUBLE, requires_grad=True) for n in (3, 2))

    def said(items: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:
        what, ponder = encoder.annotated(items, length, query)
        assert ponder is not None
        return what, ponder  # N is the same nearby

    assert torch.autograd.gradcheck(said, (items, query))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    bias=st.floats(-4, 4),
    limit=st.integers(1, 8),
    room=st.integers(0, 3),
    behind=st.sampled_from([0.0, 1e3, -1e3]),
    asks=st.booleans(),
)
def test_room_behind_the_end_changes_nothing_and_steps_keep_to_the_limit(
    seed: int, bias: float, limit: int, room: int, behind: float, asks: bool
) -> None:
    encoder = encoder_of(bias, limit=limit)
    torch.manual_seed(seed)
    length = torch.randint(1, 6, (3,))
    items, query = torch.randn(3, 5, 3, **DOUBLE), torch.randn(3, 2, 3, **DOUBLE) if asks else None
    there = torch.arange(5) < length[:, None]
    other = torch.where(there[..., None], items, behind)
    other = nn.functional.pad(other, (0, 0, 0, room), value=behind)
    with torch.no_grad():
        what, ponder = encoder.annotated(items, length, query)
        again, as_long = encoder.annotated(other, length, query)
    assert ponder is not None
    assert as_long is not None
    torch.testing.assert_close(again[:, :5][there], what[there])
    torch.testing.assert_close(as_long[:, :5], ponder)
    assert not as_long[:, 5:].any()
    assert bool((ponder[there] > 1).all())
    assert bool((ponder[there] <= limit + 1).all())


def worlds(count: int = 6, **options: Any) -> Any:
    sizes = {"view": "whole", "task": "two", "min_events": 3, "max_events": 5}
    return gym.make_vec(ID, num_envs=count, autoreset_mode="SameStep", output="torch", **sizes, **options)


def policy_of(env: Any, **options: Any) -> Policy:
    torch.manual_seed(0)
    return AGENTS["attend"](env.single_observation_space, env.single_action_space, **{**SMALL, **options})


@pytest.mark.parametrize("joint", [False, True])
def test_an_episode_pays_once_for_its_steps_and_says_how_many_they_were(joint: bool) -> None:
    env = worlds(3)
    policy = policy_of(env, penalty=0.25, joint=joint)
    first, _ = env.reset(seed=1)
    second, _ = env.reset(seed=2)
    seen = {name: torch.stack([first[name], second[name], second[name]]) for name in first}
    starts = torch.tensor([[True] * 3, [True, False, True], [False] * 3])
    said = policy(seen, policy.initial_state(3), starts, record=True)
    ponder, cost = said.records["source_ponder"], said.losses["source_ponder"]
    assert ponder.shape == (3, 3, policy.source_encoder.max_length)
    for row in range(3):
        for t, due in enumerate(starts[:, row].tolist()):
            reads = [at for at in range(t + 1) if starts[at, row]][-1]
            source = policy.prepare({name: part[reads] for name, part in seen.items()})
            torch.testing.assert_close(ponder[t, row], source.ponder[row])
            torch.testing.assert_close(cost[t, row], 0.25 * source.ponder[row].sum() * due)
    cost.sum().backward()
    assert policy.source_encoder.encoder.halt.weight.grad.abs().sum() > 0


def test_a_dear_step_is_soon_the_last() -> None:
    steps = []
    for penalty in (1.0, 0.0):
        env = worlds(64)
        options = BackpropOptions(worlds=64, batch=16, lr=0.01)
        learner = Backprop("attend", env, options, policy_kwargs={**SMALL, "penalty": penalty}, seed=0, device="cpu")
        learner.learn(64 * 12)
        seen, _ = worlds(64).reset(seed=5)
        ponder = learner.policy.prepare(seen).ponder.detach()
        steps.append(float(ponder.sum() / (ponder > 0).sum()))
    assert steps[1] > steps[0] + 1, steps


def test_steps_are_scored_against_the_sentences_that_decide() -> None:
    env = worlds(2)
    found = agreement(policy_of(env), ID, {"view": "whole", "task": "two"}, 20, seed=3)
    assert {"ponder", "weights", "uniform"} <= set(found)
    assert found["ponder"].writings == found["uniform"].writings > 0
    assert found["uniform"].auc == 0.5
    assert 0 < found["ponder"].auc < 1
    assert "ponder" not in agreement(policy_of(env, fixed=2), ID, {"view": "whole", "task": "two"}, 5, seed=3)


def test_impossible_options_are_refused_in_a_sentence() -> None:
    for options, words in (
        ({"penalty": -1.0}, "penalty"),
        ({"limit": 0}, "limit"),
        ({"fixed": -1}, "fixed"),
        ({"units": 7}, "multiple"),
        ({"offset": 2, "places": False}, "offset=2"),
    ):
        with pytest.raises(FoveateError, match=words):
            make_item_encoder("universal", 3, **{"units": 8, **options})
    space = gym.make("Sequence/Translation-v0", view="whole").observation_space
    with pytest.raises(FoveateError, match="together with a question"):
        make_passage_encoder(space, 6, "universal", joint=True)
