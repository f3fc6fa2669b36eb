"""Reading to answer a query: the attentive reader against the paper's loop, sentences as bags of words, and what is
asked of a source at each moment."""

from typing import Any

import gymnasium as gym
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from ids import SEQUENCE_IDS, short
from torch import Tensor

from foveate import tree
from foveate.agents import AGENTS, BackpropOptions, LearnerOptions
from foveate.agents.learning.algorithm import learner_class
from foveate.agents.nn.attention import ITEM_ATTENTIONS, make_item_attention
from foveate.agents.nn.cores import GRU, RNN
from foveate.agents.nn.cores.base import Source
from foveate.agents.nn.encoders import ITEM_ENCODERS
from foveate.agents.nn.encoders.sentences import BagQuery, DirectedQuery, sentence_codes
from foveate.agents.policies.attend import Attend, ReadingCore
from foveate.errors import FoveateError

SMALL = {"hidden": 8, "units": 8, "embedding": 6, "key": 4, "attention_heads": 2}
ASKING = [i for i in SEQUENCE_IDS if gym.make(i).unwrapped.world.query_size]
SENTENCES = [i for i in ASKING if gym.make(i).unwrapped.world.words > 1]
READABLE = [(name, i) for name, e in ITEM_ENCODERS.items() for i in (SENTENCES if e.reads_words else ASKING)]


def policy_of(env_id: str, **options: Any) -> Attend:
    env = gym.make(env_id, view="whole", **short(env_id))
    torch.manual_seed(0)
    policy = AGENTS["attend"](env.observation_space, env.action_space, **{**SMALL, **options})
    assert isinstance(policy, Attend)
    return policy


def observations(env_id: str, steps: int, batch: int) -> dict[str, Tensor]:
    """A passage and its query for all steps, and words that were written."""
    env = gym.make_vec(env_id, num_envs=batch, view="whole", output="torch", **short(env_id))
    seen, _ = env.reset(seed=3)
    kept = {name: value.expand(steps, *value.shape) for name, value in seen.items() if name != "written"}
    return {**kept, "written": torch.randint(0, int(env.single_action_space.n), (steps, batch))}


# ---- the attentive reader ----


def test_one_answer_is_the_attentive_reader_s_loop() -> None:
    torch.manual_seed(0)
    double: dict[str, Any] = {"dtype": torch.float64}
    source = Source(torch.randn(3, 5, 6, **double), torch.tensor([5, 2, 4]), torch.randn(3, 7, **double))
    attention = make_item_attention("content", 6, 4 + 7, score="additive", key=0)
    core = ReadingCore(attention, RNN(2 + 6 + 7, 4), 7).double()
    x, starts = torch.randn(1, 3, 2, **double), torch.ones(1, 3, dtype=torch.bool)
    found = core(x, core.initial_state(3), starts, record=True, source=source)
    w_um, w_ym = attention.score.from_query.weight[:, 4:], attention.score.from_key.weight
    bias, w = attention.score.from_query.bias, attention.score.v.weight[0]
    cell = core.inner.module
    for i in range(3):
        y, u = source.items[i, : source.length[i]], source.query[i]
        m = [torch.tanh(w_ym @ y_t + w_um @ u + bias) for y_t in y]
        s = torch.stack([w @ m_t for m_t in m]).exp()
        s = s / s.sum()
        r = sum(s_t * y_t for s_t, y_t in zip(s, y, strict=True))
        g = torch.relu(cell.weight_ih_l0 @ torch.cat([x[0, i], r, u]) + cell.bias_ih_l0 + cell.bias_hh_l0)
        torch.testing.assert_close(found.y[0, i], torch.cat([g, r]))
        torch.testing.assert_close(found.records["source_weights"][0, i, 0, : len(y)], s)


@pytest.mark.parametrize("attention", ITEM_ATTENTIONS)
def test_the_gradients_of_what_is_asked(attention: str) -> None:
    torch.manual_seed(0)
    model = make_item_attention(attention, 6, 4 + 6, key=3, hops=2)
    core = ReadingCore(model, GRU(2 + model.reading_size + 6, 4), 6).double()  # a ReLU has a kink
    x, starts = torch.randn(3, 2, 2, dtype=torch.float64), torch.zeros(3, 2, dtype=torch.bool)
    starts[0], starts[2, 1] = True, True

    def said(items: Tensor, query: Tensor) -> Tensor:
        return core(x, core.initial_state(2), starts, source=Source(items, torch.tensor([3, 2]), query)).y

    items, query = (torch.randn(2, *size, dtype=torch.float64, requires_grad=True) for size in ((3, 6), (6,)))
    assert torch.autograd.gradcheck(said, (items, query))


@pytest.mark.parametrize("env_id", ASKING)
@pytest.mark.parametrize("key", [0, 4])
@pytest.mark.parametrize("attention", ITEM_ATTENTIONS)
def test_answers_equal_their_words_across_episode_starts(env_id: str, attention: str, key: int) -> None:
    policy = policy_of(env_id, attention=attention, key=key)
    seen, starts = observations(env_id, 5, 3), torch.zeros(5, 3, dtype=torch.bool)
    starts[0], starts[3, 1] = True, True
    with torch.no_grad():
        whole = policy(seen, policy.initial_state(3), starts)
        state, rows = policy.initial_state(3), []
        for t in range(5):
            one = policy(tree.index(seen, slice(t, t + 1)), state, starts[t : t + 1])
            state = one.state
            rows.append(one.parameters["action"][0])
    torch.testing.assert_close(whole.parameters["action"], torch.stack(rows))


@pytest.mark.parametrize(("encoder", "env_id"), READABLE)
def test_every_parameter_learns_what_is_asked(env_id: str, encoder: str) -> None:
    policy = policy_of(env_id, encoder=encoder, halvings=0)  # a pyramid leaves one annotation of a few items
    seen, starts = observations(env_id, 3, 4), torch.zeros(3, 4, dtype=torch.bool)
    starts[0] = True
    said = policy(seen, policy.initial_state(4), starts)
    (said.parameters["action"].square().sum() + said.value.sum()).backward()
    lame = {name for name, value in policy.named_parameters() if value.grad is None or not value.grad.abs().sum() > 0}
    # behind a softmax a bias that all keys share is no difference; a query of one word has no word before it
    idle = {"core.attention.to_key.bias"}
    idle |= {name for name in lame if "asked.network.weight_hh" in name and seen["query"].shape[-1] == 1}
    assert lame <= idle


@pytest.mark.parametrize("env_id", ASKING)
@pytest.mark.parametrize("attention", ["content", "uniform"])
def test_another_query_has_another_answer_and_the_passage_is_read_once(env_id: str, attention: str) -> None:
    policy = policy_of(env_id, attention=attention)
    calls: list[int] = []
    policy.source_encoder.encoder.register_forward_hook(lambda *_: calls.append(1))
    seen = observations(env_id, 1, 1)
    other = {**seen, "query": 1 + seen["query"] % 5}
    starts = torch.ones(1, 1, dtype=torch.bool)
    one, two = (policy(each, policy.initial_state(1), starts).parameters["action"] for each in (seen, other))
    assert (one - two).abs().max() > 1e-6
    assert len(calls) == 2


# ---- hops ----


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("tying", ["adjacent", "layer-wise"])
def test_hops_are_the_paper_s_loop(tying: str, linear: bool) -> None:
    torch.manual_seed(0)
    codes, size, lengths = (4 if tying == "adjacent" else 2), 3, [5, 1, 4]
    items = torch.randn(3, 5, codes * size, dtype=torch.float64)
    attention = make_item_attention("hops", codes * size, 9, hops=3, tying=tying, linear_start=int(linear) * 9).double()
    asked = torch.randn(3, size, dtype=torch.float64)
    what, weights, *_ = attention.look(attention.prepare(Source(items, torch.tensor(lengths))), asked)
    for i, length in enumerate(lengths):
        u = asked[i]
        for k in range(3):
            part = k if tying == "adjacent" else 0
            m, c = (items[i, :length, size * p : size * (p + 1)] for p in (part, part + 1))
            p = torch.stack([u @ m_i for m_i in m])
            if not linear:
                p = p.exp() / p.exp().sum()  # eq. 1
            o = sum(p_i * c_i for p_i, c_i in zip(p, c, strict=True))  # eq. 2
            torch.testing.assert_close(weights[i, k, :length], p)
            assert not weights[i, k, length:].any()
            u = (u if tying == "adjacent" else attention.turn.weight @ u) + o  # eq. 4
        torch.testing.assert_close(what[i], u)


def test_the_start_is_linear_for_so_many_updates() -> None:
    source, asked = Source(torch.randn(2, 4, 6), torch.tensor([4, 3])), torch.randn(2, 3)
    attention = make_item_attention("hops", 6, 9, hops=1, linear_start=2)

    def shares() -> bool:
        total = attention.look(attention.prepare(source), asked).weights.sum(-1)
        return bool(((total - 1).abs() < 1e-5).all())

    for softly in (False, False, True, True):
        for _ in range(2):
            assert shares() == softly  # however often it is asked
        attention.count_update()


@pytest.mark.parametrize("objective", ["backprop", "ppo"])
@pytest.mark.parametrize("recompute_every", [0, 2])
def test_learners_count_their_updates(objective: str, recompute_every: int) -> None:
    env = gym.make_vec("Sequence/Stories-v0", num_envs=4, view="whole", autoreset_mode="SameStep", output="torch")
    if objective == "backprop":
        options: Any = BackpropOptions(worlds=4, batch=4, recompute_every=recompute_every)
    else:
        options = LearnerOptions(objective="ppo", worlds=4, minibatches=2, epochs=2)
    small = {"encoder": "words", "attention": "hops", "core": "none", "embedding": 8, "linear_start": 100}
    learner = learner_class(objective)("attend", env, options, policy_kwargs=small, device="cpu").learn(12)
    updates = learner.learner.counts.updates
    assert updates > 0
    assert int(learner.policy.core.attention.updates) == updates


def test_the_question_is_asked_as_it_is_where_it_fits() -> None:
    policy = policy_of("Sequence/Stories-v0", encoder="words", attention="hops", core="none")
    assert policy.core.ask is None
    seen = tree.index(observations("Sequence/Stories-v0", 1, 3), 0)
    source = policy.prepare(seen)
    embedded = policy.source_encoder.embedding(seen["query"])[..., :6]
    torch.testing.assert_close(source.query, sentence_codes(embedded, torch.full((3,), 3)))
    core = policy.core
    state = core._begin(core._asked(source.query), core.initial_state(3), source.query, torch.ones(3, dtype=torch.bool))
    torch.testing.assert_close(state.emitted, source.query)  # and nothing is added before the first hop
    with pytest.raises(FoveateError, match="multiple of 4"):
        policy_of("Sequence/Stories-v0", encoder="gru", units=5, attention="hops")


def test_the_newest_item_has_the_first_code() -> None:
    encoder = ITEM_ENCODERS["words"](4, ages=3)
    codes = encoder(torch.zeros(2, 5, 4), torch.tensor([5, 2]))
    for row, length in enumerate((5, 2)):
        for place in range(length):
            torch.testing.assert_close(codes[row, place], encoder.code.weight[min(length - 1 - place, 2)])


# ---- sentences ----


def test_a_sentence_is_the_paper_s_sum() -> None:
    words = torch.randn(4, 6, dtype=torch.float64)  # J = 4 words, d = 6
    m = torch.zeros(6, dtype=torch.float64)
    for j in range(1, 5):
        for k in range(1, 7):
            m[k - 1] += ((1 - j / 4) - (k / 6) * (1 - 2 * j / 4)) * words[j - 1, k - 1]
    torch.testing.assert_close(sentence_codes(words, torch.tensor(4)), m)
    both = torch.cat([words, 2 * words], -1)
    torch.testing.assert_close(sentence_codes(both, torch.tensor(4), codes=2), torch.cat([m, 2 * m]))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 5), st.integers(0, 3), st.integers(0, 10**6))
def test_room_behind_a_sentence_changes_nothing_and_the_order_of_words_does(words: int, room: int, seed: int) -> None:
    torch.manual_seed(seed)
    embedded = torch.randn(2, words, 4, dtype=torch.float64)
    count = torch.full((2,), words)
    code = sentence_codes(embedded, count)
    roomy = torch.cat([embedded, torch.zeros(2, room, 4, dtype=torch.float64)], 1)
    torch.testing.assert_close(sentence_codes(roomy, count), code)
    torch.testing.assert_close(BagQuery(4)(embedded), code)
    if words > 1:
        assert (sentence_codes(embedded.roll(1, 1), count) - code).abs().max() > 1e-6


def test_a_query_ends_in_both_directions() -> None:
    torch.manual_seed(0)
    for network in (torch.nn.GRU, torch.nn.LSTM):
        encoder, words = DirectedQuery(4, 3, network), torch.randn(2, 5, 4)
        _, last = encoder.network(words)
        torch.testing.assert_close(encoder(words), torch.cat(list(last if network is torch.nn.GRU else last[0]), -1))


def test_a_query_of_another_kind_is_refused() -> None:
    source, written = spaces.MultiDiscrete([9] * 5), spaces.Discrete(3)
    for query in (spaces.Discrete(9), spaces.MultiDiscrete([9] * 2, start=[1, 1])):
        space = spaces.Dict({"source": source, "query": query, "written": written})
        with pytest.raises(FoveateError, match="'query'"):
            AGENTS["attend"](space, written, **SMALL)


@pytest.mark.parametrize("starting", [(), (0, 2), (0, 1, 2)])
def test_what_was_read_before_stays_where_no_episode_starts_and_only_there(starting: tuple[int, ...]) -> None:
    policy, env_id = policy_of("Sequence/Cloze-v0"), "Sequence/Cloze-v0"
    seen, other, starts = observations(env_id, 1, 3), observations(env_id, 1, 3), torch.zeros(1, 3, dtype=torch.bool)
    other = {**other, "query": other["query"].flip(1), "source": other["source"].flip(1)}
    before = policy(other, policy.initial_state(3), ~starts).state
    starts[0, list(starting)] = True
    with torch.no_grad():
        after = policy(seen, before, starts).state
        old, new = (policy.prepare(tree.index(each, 0)) for each in (other, seen))
    assert old is not None
    assert new is not None
    assert after.source.items.shape == before.source.items.shape
    for row in range(3):
        expected = tree.index(new if row in starting else old, row)
        for name, value in tree.flatten_names(expected).items():
            torch.testing.assert_close(tree.flatten_names(tree.index(after.source, row))[name], value)
