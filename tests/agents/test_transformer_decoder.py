"""The transformer that reads and writes: encoder and decoder against the paper's loops, what each may see, and codes
of places that begin anywhere."""

import math
from typing import Any

import gymnasium as gym
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ragged import sources
from torch import Tensor, nn

from foveate import tree
from foveate.agents import AGENTS
from foveate.agents.nn.cores.base import Source
from foveate.agents.nn.cores.decoder import TransformerDecoder
from foveate.agents.nn.encoders import make_item_encoder
from foveate.agents.nn.noise import keyed
from foveate.agents.nn.places import place_code
from foveate.agents.policies.attend import Attend
from foveate.errors import FoveateError

DOUBLE: dict[str, Any] = {"dtype": torch.float64}
ID = "Sequence/Translation-v0"


def attended(q: Tensor, keys: list[Tensor], values: list[Tensor], heads: int) -> Tensor:
    """What one query reads, head by head: softmax(q kᵀ / √d) v (eq. 1)."""
    size = len(q) // heads
    read = []
    for part in (slice(h * size, (h + 1) * size) for h in range(heads)):
        fits = torch.stack([q[part] @ k[part] / math.sqrt(size) for k in keys]).exp()
        read.append(sum(fit * v[part] for fit, v in zip(fits / fits.sum(), values, strict=True)))
    return torch.cat(read)


def slow_encoder(encoder: nn.Module, items: Tensor, first: int, heads: int) -> Tensor:
    """Annotations of the items of one source, (L, D)."""
    units = encoder.annotation_size
    x = [math.sqrt(units) * (encoder.embed(item) + place_code(torch.tensor(first + place), units, torch.float64))
         for place, item in enumerate(items)]  # fmt: skip
    for block in encoder.blocks:
        w, b = block.self_attn.in_proj_weight, block.self_attn.in_proj_bias
        q, k, v = zip(*((w @ block.norm1(h) + b).chunk(3) for h in x), strict=True)
        x = [h + block.self_attn.out_proj(attended(q[i], k, v, heads)) for i, h in enumerate(x)]
        x = [h + block.linear2(block.linear1(block.norm2(h)).relu()) for h in x]
    return torch.stack([encoder.norm(h) for h in x])


def slow_decoder(core: TransformerDecoder, x: Tensor, items: Tensor, heads: int) -> Tensor:
    """What is said at each moment of one text, (T, D)."""
    size = core.output_size
    h = [core.embed(now) * math.sqrt(size) + place_code(torch.tensor(t), size, torch.float64)
         for t, now in enumerate(x)]  # fmt: skip
    for block, reading in zip(core.blocks, core.readings, strict=True):
        q, k, v = zip(*(block.project(block.norm_1(now)).chunk(3) for now in h), strict=True)
        h = [now + block.mix(attended(q[t], k[: t + 1], v[: t + 1], heads)) for t, now in enumerate(h)]
        keys, values = zip(*(reading.tell(item).chunk(2) for item in items), strict=True)
        h = [now + reading.mix(attended(reading.ask(reading.norm(now)), keys, values, heads)) for now in h]
        h = [now + block.widen_2(nn.functional.gelu(block.widen_1(block.norm_2(now)))) for now in h]
    return torch.stack([core.norm(now) for now in h])


def decoder(**options: int) -> TransformerDecoder:
    return TransformerDecoder(3, 6, 8, **{"attention_heads": 2, **options}).double()


def begun(steps: int, batch: int) -> Tensor:
    starts = torch.zeros(steps, batch, dtype=torch.bool)
    starts[0] = True
    return starts


def test_the_encoder_is_the_paper_s_loop() -> None:
    torch.manual_seed(0)
    encoder = make_item_encoder("transformer", 3, units=8, attention_heads=2).double()
    items, length = torch.randn(2, 6, 3, **DOUBLE), [6, 4]
    found = encoder(items, torch.tensor(length))
    for row, count in enumerate(length):
        torch.testing.assert_close(found[row, :count], slow_encoder(encoder, items[row, :count], 0, 2))


def test_the_decoder_is_the_paper_s_loop() -> None:
    source = sources(3, 1)
    core, x = decoder(), torch.randn(7, 3, 3, **DOUBLE)
    told = core(x, core.initial_state(3), begun(7, 3), record=True, source=source)
    weights = told.records["source_weights"]  # (T, B, layers · heads, L)
    assert weights.shape == (7, 3, 4, 5)
    torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))
    for row in range(3):
        items = source.items[row, : source.length[row]]
        torch.testing.assert_close(told.y[:, row], slow_decoder(core, x[:, row], items, 2))
        assert not weights[:, row, :, source.length[row] :].any()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), steps=st.integers(1, 9), room=st.integers(0, 3), context=st.integers(1, 12))
def test_a_text_equals_its_words_whoever_is_beside_it(seed: int, steps: int, room: int, context: int) -> None:
    """Step by step as at once, across episode starts, and alone as among longer sources with more room."""
    source = sources(3, seed)
    core, x = decoder(context=context), torch.randn(steps, 3, 3, **DOUBLE)
    starts = begun(steps, 3) | (torch.rand(steps, 3) < 0.2)
    whole = core(x, core.initial_state(3), starts, source=source)
    state, rows = core.initial_state(3), []
    for t in range(steps):
        y, state, *_ = core(x[t : t + 1], state, starts[t : t + 1], source=source)
        rows.append(y[0])
    torch.testing.assert_close(whole.y, torch.stack(rows))
    for a, b in zip(tree.leaves(whole.state), tree.leaves(state), strict=True):
        torch.testing.assert_close(a, b)
    for row in range(3):
        own = source.items[row : row + 1, : source.length[row]]
        alone = Source(torch.cat([own, torch.full((1, room, 6), torch.nan, **DOUBLE)], 1), source.length[row : row + 1])
        some = slice(row, row + 1)
        said = core(x[:, some], core.initial_state(1), starts[:, some], source=alone).y
        torch.testing.assert_close(said, whole.y[:, some])


def test_a_word_sees_those_before_and_the_whole_source() -> None:
    source, core = sources(1, 3), decoder()
    source = source._replace(items=source.items.nan_to_num(1.0).requires_grad_(), length=torch.tensor([5]))
    x = torch.randn(6, 1, 3, **DOUBLE, requires_grad=True)
    y = core(x, core.initial_state(1), begun(6, 1), source=source).y[3, 0]
    (y @ torch.randn_like(y)).backward()
    assert (x.grad[:, 0].abs().sum(-1) > 0).tolist() == [True] * 4 + [False] * 2
    assert (source.items.grad[0].abs().sum(-1) > 0).all()


def test_the_gradients_of_encoder_and_decoder() -> None:
    torch.manual_seed(2)
    encoder = make_item_encoder("transformer", 3, units=6, layers=1, attention_heads=2).double()
    core, length = decoder(layers=1), torch.tensor([4, 2])
    items = torch.randn(2, 4, 3, **DOUBLE, requires_grad=True)
    x = torch.randn(3, 2, 3, **DOUBLE, requires_grad=True)

    def said(items: Tensor, x: Tensor) -> Tensor:
        return core(x, core.initial_state(2), begun(3, 2), source=Source(encoder(items, length), length)).y

    assert torch.autograd.gradcheck(said, (items, x))


# ---- codes of places that begin anywhere ----


def shifted(offset: int = 20) -> nn.Module:
    torch.manual_seed(0)
    return make_item_encoder("transformer", 3, units=8, attention_heads=2, offset=offset).double()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_while_learning_the_codes_of_a_source_begin_anywhere_up_to_the_offset(seed: int) -> None:
    encoder = shifted(3)
    items, length = torch.randn(1, 4, 3, **DOUBLE), torch.tensor([4])
    every = torch.stack([slow_encoder(encoder, items[0], first, 2) for first in range(4)])
    torch.manual_seed(seed)
    found = encoder(items.expand(200, -1, -1), length.expand(200))
    nearest = (found[:, None] - every).abs().amax((-1, -2)).min(1)
    assert nearest.values.max() < 1e-9
    assert nearest.indices.unique().tolist() == [0, 1, 2, 3]
    torch.testing.assert_close(encoder.eval()(items, length)[0], every[0])


def test_by_the_same_keys_codes_begin_at_the_same_place() -> None:
    encoder, keys = shifted().eval(), torch.randint(2**62, (1, 5))
    items, length = torch.randn(1, 4, 3, **DOUBLE).expand(5, -1, -1), torch.full((5,), 4)
    with keyed(keys):
        first = encoder(items, length)
        torch.testing.assert_close(encoder(items, length), first)
    with keyed(keys[:, [2]]):
        torch.testing.assert_close(encoder(items[:1], length[:1])[0], first[2])
    assert not torch.allclose(first[0], first[1])


def test_what_cannot_be_is_refused_in_a_sentence() -> None:
    with pytest.raises(FoveateError, match="offset=3"):
        make_item_encoder("transformer", 3, units=8, places=False, offset=3)
    with pytest.raises(FoveateError, match="decoder 'recurrent'"):
        policy_of(decoder="recurrent")
    with pytest.raises(FoveateError, match="hidden=9"):
        policy_of(hidden=9)


# ---- agents ----


def policy_of(env_id: str = ID, **options: Any) -> Attend:
    env = gym.make(env_id, view="whole")
    torch.manual_seed(0)
    small = {"encoder": "transformer", "decoder": "transformer", "units": 8, "hidden": 8, "embedding": 6}
    policy = AGENTS["attend"](env.observation_space, env.action_space, **{**small, "attention_heads": 2, **options})
    assert isinstance(policy, Attend)
    return policy


@pytest.mark.parametrize("env_id", [ID, "Sequence/Cloze-v0"])
@pytest.mark.parametrize("encoder", ["gru", "transformer"])
def test_every_parameter_learns_and_queries_count(env_id: str, encoder: str) -> None:
    policy = policy_of(env_id, encoder=encoder)
    env = gym.make_vec(env_id, num_envs=3, view="whole", output="torch")
    seen = tree.map(lambda part: part.expand(4, *part.shape), env.reset(seed=3)[0])
    said = policy(seen, policy.initial_state(3), begun(4, 3))
    (said.parameters["action"].square().sum() + said.value.sum()).backward()
    lame = {name for name, value in policy.named_parameters() if value.grad is None or not value.grad.abs().sum() > 0}
    assert not lame
    if "query" in seen:
        other = {**seen, "query": seen["query"] % 10 + 1}
        assert not torch.allclose(policy(other, policy.initial_state(3), begun(4, 3)).value, said.value)


def test_its_weights_are_an_alignment() -> None:
    from foveate.wrappers import Alignment

    env = Alignment(gym.make(ID, view="whole", min_length=4, max_length=6, render_mode="rgb_array"), policy_of())
    env.reset(seed=0)
    over = False
    while not over:
        *_, over, _, _ = env.step(3)
    matrix = env.matrix("weights")
    assert matrix.shape[1] >= 4
    assert matrix.sum(1) == pytest.approx(1.0, abs=1e-5)
