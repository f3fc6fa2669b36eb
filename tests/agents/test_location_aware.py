"""Attention that knows where was read before: the papers' loop, its gradients, and what it keeps of a text."""

from typing import Any

import gymnasium as gym
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ragged import sources
from torch import Tensor

from foveate.agents import AGENTS
from foveate.agents.nn.attention import make_item_attention
from foveate.agents.nn.attention.items import ContentItems
from foveate.agents.nn.attention.location_features import LocationFeatures
from foveate.agents.policies.attend import Attend
from foveate.errors import FoveateError

ID = "Sequence/Translation-v0"
STEPS, BATCH = 6, 3


def attention_of(**options: Any) -> ContentItems:
    options = {"key": 3, "location_filters": 2, "location_width": 3, **options}
    attention = make_item_attention("content", 6, 4, **options)
    assert isinstance(attention, ContentItems)
    return attention.double()


def policy_of(**options: Any) -> Attend:
    env = gym.make(ID, view="whole", min_length=4, max_length=7)
    torch.manual_seed(0)
    small = {"hidden": 8, "units": 8, "embedding": 6, "key": 4, "location_filters": 2, "location_width": 3}
    policy = AGENTS["attend"](env.observation_space, env.action_space, **{**small, **options})
    assert isinstance(policy, Attend)
    return policy


def texts(policy: Attend) -> tuple[dict[str, Tensor], Any, Tensor]:
    """Passages that stay, words that were written, and a second text of the second passage from moment 3 on."""
    env = gym.make_vec(ID, num_envs=BATCH, view="whole", min_length=4, max_length=7, output="torch")
    seen, _ = env.reset(seed=3)
    starts = torch.zeros(STEPS, BATCH, dtype=torch.bool)
    starts[0], starts[3, 1] = True, True
    seen = {"source": seen["source"].expand(STEPS, -1, -1), "written": torch.randint(1, 50, (STEPS, BATCH))}
    return seen, policy.initial_state(BATCH), starts


def test_scores_are_the_paper_s_loop() -> None:
    source, attention = sources(3, 1), attention_of()
    emitted, read = torch.randn(3, 3).double(), torch.rand(3, 5).double()
    weights = attention.look(attention.recall(attention.prepare(source), read), emitted).weights
    score, location = attention.score, attention.location
    assert location is not None
    w, b, u, v = score.from_query.weight, score.from_query.bias, score.from_key.weight, score.v.weight[0]
    for i in range(3):
        length, e = int(source.length[i]), []
        for j in range(length):
            f = torch.zeros(2).double()
            for k in range(2):  # eq. 8: a filter over what was read around j
                for offset in (-1, 0, 1):
                    if 0 <= j + offset < 5:
                        f[k] += location.filters.weight[k, 0, 1 + offset] * read[i, j + offset]
            assert attention.to_key is not None
            key = attention.to_key(source.items[i, j])
            e.append(v @ torch.tanh(w @ emitted[i] + u @ key + location.to_score.weight @ f + b))  # eq. 9
        torch.testing.assert_close(weights[i, 0, :length], torch.stack(e).softmax(0))


def test_the_gradients_of_what_was_read() -> None:
    features = LocationFeatures(2, 3, 4).double()
    assert torch.autograd.gradcheck(features, torch.rand(2, 5, dtype=torch.float64, requires_grad=True))


@given(seed=st.integers(0, 10**6), room=st.integers(0, 4))
@settings(max_examples=20, deadline=None)
def test_where_nothing_was_read_it_counts_for_nothing(seed: int, room: int) -> None:
    """And neither does room behind the last item."""
    source, attention = sources(3, seed), attention_of()
    prepared, emitted = attention.prepare(source), torch.randn(3, 3).double()
    same = attention.recall(prepared, torch.zeros(3, 5 + room).double())
    assert torch.equal(attention.look(same, emitted).weights, attention.look(prepared, emitted).weights)
    read = torch.rand(3, 5).double() * source.mask()
    wide = torch.nn.functional.pad(read, (0, room))
    assert torch.equal(attention.recall(prepared, wide).keys, attention.recall(prepared, read).keys)


@pytest.mark.parametrize("options", [{}, {"heads": 2}, {"gumbel": True}, {"hard": True}, {"evenly": 0.1}])
def test_what_was_read_adds_up_and_begins_anew_with_each_text(options: dict) -> None:
    policy = policy_of(**options)
    seen, state, starts = texts(policy)
    policy.eval()
    said = policy(seen, state, starts, record=True)
    each = said.records["source_weights"].mean(2)  # (T, B, L)
    wanted = each.sum(0)
    wanted[1] = each[3:, 1].sum(0)
    torch.testing.assert_close(said.state.core.read, wanted)


def test_moments_hang_on_what_was_read_before() -> None:
    """A text at once is its words one by one, and what was read long ago still moves what is read now."""
    policy = policy_of().eval()
    seen, state, starts = texts(policy)
    whole = policy(seen, state, starts, record=True).records["source_weights"]
    for t in range(STEPS):
        said = policy({name: value[t : t + 1] for name, value in seen.items()}, state, starts[t : t + 1], record=True)
        state = said.state
        torch.testing.assert_close(said.records["source_weights"][0], whole[t])
    read = state.core.read
    moved = state._replace(core=state.core._replace(read=read.roll(1, 1)))
    never = torch.zeros_like(starts[:1])
    last = {name: value[-1:] for name, value in seen.items()}
    before, after = (policy(last, each, never, record=True).records["source_weights"] for each in (state, moved))
    assert not torch.allclose(before, after)


def test_what_cannot_be_is_refused_in_a_sentence() -> None:
    with pytest.raises(FoveateError, match="location_filters=2 requires score='additive', got score='dot'"):
        attention_of(score="dot")
    with pytest.raises(FoveateError, match="location_filters=-1"):
        attention_of(location_filters=-1)
    with pytest.raises(FoveateError, match="location_width=4 is not allowed"):
        attention_of(location_width=4)
