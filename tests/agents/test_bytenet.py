"""ByteNet: convolutions against the loops of the paper, the decoder on top of its encoder, and what each may see."""

import gymnasium as gym
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from foveate.agents import AGENTS, presets
from foveate.agents.nn.attention import make_item_attention
from foveate.agents.nn.cores import GRU, make_core
from foveate.agents.nn.cores.base import Source
from foveate.agents.nn.encoders import make_item_encoder
from foveate.agents.policies.attend import Attend, ReadingCore


def slow_block(block: nn.Module, x: list[Tensor], places: list[int]) -> list[Tensor]:
    """A residual block on vectors, which sees the items so many places away; there are zeros outside."""
    inside = [block.norms[1](block.narrow(block.norms[0](h).relu())).relu() for h in x]
    out = []
    for t, h in enumerate(x):
        total = block.across.bias
        for tap, away in enumerate(places):
            if 0 <= t + away < len(x):
                total = total + block.across.weight[:, :, tap] @ inside[t + away]
        out.append(h + block.widen(block.norms[2](total).relu()))
    return out


@pytest.mark.parametrize("kernel", [1, 2, 3])
def test_the_decoder_is_the_paper_s_loop(kernel: int) -> None:
    torch.manual_seed(0)
    core = make_core("bytenet", 3, 6, layers=6, kernel=kernel).double()
    x = torch.randn(40, 2, 3, dtype=torch.float64)
    y = core(x, core.initial_state(2), torch.zeros(40, 2, dtype=torch.bool)).y
    for row in range(2):
        h = [core.embed(now) for now in x[:, row]]
        for block, dilation in zip(core.blocks, [1, 2, 4, 8, 16, 1], strict=True):
            h = slow_block(block, h, [-dilation * age for age in reversed(range(kernel))])
        torch.testing.assert_close(y[:, row], torch.stack([core.norm(now).relu() for now in h]))


def test_the_encoder_is_the_paper_s_loop_on_both_sides() -> None:
    torch.manual_seed(0)
    encoder = make_item_encoder("bytenet", 3, units=6, layers=6).double()
    items, length = torch.randn(2, 40, 3, dtype=torch.float64), [40, 23]
    found = encoder(items, torch.tensor(length))
    for row, count in enumerate(length):
        x = [encoder.embed(item) for item in items[row, :count]]
        for block, dilation in zip(encoder.blocks, [1, 2, 4, 8, 16, 1], strict=True):
            x = slow_block(block, x, [-dilation, 0, dilation])
        torch.testing.assert_close(found[row, :count], torch.stack(x))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), moment=st.integers(0, 19), layers=st.integers(1, 5))
def test_the_decoder_sees_itself_and_what_was_before_as_far_as_it_reaches(seed: int, moment: int, layers: int) -> None:
    torch.manual_seed(seed)
    core = make_core("bytenet", 2, 8, layers=layers).double()
    x = torch.randn(20, 1, 2, dtype=torch.float64, requires_grad=True)
    y = core(x, core.initial_state(1), torch.zeros(20, 1, dtype=torch.bool)).y[moment, 0]
    (y @ torch.randn_like(y)).backward()
    reach = 2 * sum([1, 2, 4, 8, 16][:layers])
    touched = x.grad[:, 0].abs().sum(-1).nonzero()[:, 0].tolist()
    assert set(touched) <= set(range(max(0, moment - reach), moment + 1))
    assert not touched or moment in touched


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), steps=st.integers(1, 8))
def test_each_moment_reads_its_own_annotation_and_nothing_behind_the_last(seed: int, steps: int) -> None:
    torch.manual_seed(seed)
    source = Source(torch.randn(3, 5, 6, dtype=torch.float64), torch.randint(1, 6, (3,)))
    source = source._replace(items=torch.where(source.mask()[..., None], source.items, torch.nan))
    core = ReadingCore(make_item_attention("diagonal", 6, 4), GRU(2 + 6, 4)).double()
    starts = torch.zeros(steps, 3, dtype=torch.bool)
    starts[0] = True
    starts[steps // 2, 1] = True  # a text begins anew, and so does its place
    x = torch.randn(steps, 3, 2, dtype=torch.float64)
    told = core(x, core.initial_state(3), starts, record=True, source=source)
    for row in range(3):
        place = 0
        for t in range(steps):
            place = 0 if starts[t, row] else place + 1
            there = place < source.length[row]
            wanted = source.items[row, place] if there else torch.zeros(6, dtype=torch.float64)
            torch.testing.assert_close(told.y[t, row, 4:], wanted)
            weights = told.records["source_weights"][t, row, 0]
            assert weights.nonzero()[:, 0].tolist() == ([place] if there else [])


def bytenet(**options: int) -> Attend:
    env = gym.make("Sequence/Tokens-v0", view="whole")
    chosen = presets.load("bytenet")["agent_options"]
    torch.manual_seed(0)
    policy = AGENTS["attend"](env.observation_space, env.action_space, **{**chosen, "embedding": 8, **options})
    assert isinstance(policy, Attend)
    return policy


def test_a_word_depends_on_the_source_on_both_sides_and_on_words_before() -> None:
    policy = bytenet(units=16, hidden=16)
    source, written = torch.randint(1, 11, (1, 96)), torch.randint(1, 11, (12, 1))
    source[:, 12:] = 0
    starts = torch.zeros(12, 1, dtype=torch.bool)
    starts[0] = True

    def said(source: Tensor, written: Tensor) -> Tensor:
        seen = {"source": source.expand(12, 1, 96), "written": written}
        return policy(seen, policy.initial_state(1), starts).parameters["action"][:, 0]

    before = said(source, written)
    for place in (0, 6, 11):
        other = source.clone()
        other[0, place] = other[0, place] % 10 + 1
        assert (said(other, written) - before).abs().amax(-1).gt(0).all()
    later = written.clone()
    later[7] = later[7] % 10 + 1
    changed = (said(source, later) - before).abs().amax(-1).gt(0)
    assert changed.tolist() == [False] * 7 + [True] * 5


def test_the_gradients_of_encoder_and_decoder() -> None:
    torch.manual_seed(1)
    encoder = make_item_encoder("bytenet", 3, units=4, layers=2).double()
    core = ReadingCore(make_item_attention("diagonal", 4, 4), make_core("bytenet", 2 + 4, 4, layers=2)).double()
    length = torch.tensor([4, 2])
    items = torch.randn(2, 4, 3, dtype=torch.float64, requires_grad=True)
    x = torch.randn(5, 2, 2, dtype=torch.float64, requires_grad=True)
    starts = torch.zeros(5, 2, dtype=torch.bool)
    starts[0] = True

    def said(items: Tensor, x: Tensor) -> Tensor:
        return core(x, core.initial_state(2), starts, source=Source(encoder(items, length), length)).y

    assert torch.autograd.gradcheck(said, (items, x))
