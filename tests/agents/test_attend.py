"""Reading a source: attention against the papers' loops, and agents that read and write."""

from typing import Any

import gymnasium as gym
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from ragged import sources
from torch import Tensor

from foveate import tree
from foveate.agents import AGENTS, Backprop, BackpropOptions
from foveate.agents.nn.attention import ITEM_ATTENTIONS, make_item_attention
from foveate.agents.nn.attention.content import SCORES
from foveate.agents.nn.cores import GRU, make_core
from foveate.agents.nn.cores.base import reset_where
from foveate.agents.nn.encoders import ITEM_ENCODERS
from foveate.agents.policies.attend import Attend, ReadingCore
from foveate.errors import FoveateError

ID = "Sequence/Translation-v0"
SMALL = {"hidden": 8, "units": 8, "embedding": 6, "key": 4, "attention_heads": 2}
OF_ITEMS = [name for name, e in ITEM_ENCODERS.items() if not (e.reads_words or e.reads_query)]
# every way to score, with projections and, where sizes allow it, without
CONTENT = [{"score": score, "key": 4, "heads": 2} for score in SCORES]
CONTENT += [{"score": score, "key": 0} for score in ("additive", "bilinear")]
MODELS = [("content", options) for options in CONTENT] + [("last", {}), ("uniform", {})]
MODELS += [("graph", {"dynamic": dynamic, "graph_units": 4, "heads": 2}) for dynamic in (True, False)]
MODELS += [("keyed", {"masked": masked, "split": masked, "key": 4, "heads": 2}) for masked in (True, False)]
MODELS += [("keyed", {"key": 0})]
IDS = [" ".join([name, *map(str, options.values())]) for name, options in MODELS]


def policy_of(**options: Any) -> Attend:
    env = gym.make(ID, view="whole", min_length=4, max_length=7)
    torch.manual_seed(0)
    policy = AGENTS["attend"](env.observation_space, env.action_space, **{**SMALL, **options})
    assert isinstance(policy, Attend)
    return policy


# ---- attention ----


def test_the_additive_score_without_projections_is_the_paper_s_loop() -> None:
    source = sources(3, 1)
    attention = make_item_attention("content", 6, 4, score="additive", key=0).double()
    state = torch.randn(3, 4, dtype=torch.float64)
    what, weights, *_ = attention.look(attention.prepare(source), state)
    w, b = attention.score.from_query.weight, attention.score.from_query.bias
    u, v = attention.score.from_key.weight, attention.score.v.weight[0]
    for i in range(3):
        annotations = [source.items[i, j] for j in range(int(source.length[i]))]
        e = torch.stack([v @ torch.tanh(w @ state[i] + b + u @ h) for h in annotations])  # A.1.2
        alpha = e.exp() / e.exp().sum()  # eq. 6
        context = sum(a * h for a, h in zip(alpha, annotations, strict=True))  # eq. 5
        torch.testing.assert_close(weights[i, 0, : len(annotations)], alpha)
        torch.testing.assert_close(what[i], context)


def test_the_decoder_is_the_paper_s_loop() -> None:
    source = sources(2, 2)
    attention = make_item_attention("content", 6, 4, score="additive", key=0)
    core = ReadingCore(attention, GRU(3 + 6, 4)).double()
    x, starts = torch.randn(5, 2, 3, dtype=torch.float64), torch.zeros(5, 2, dtype=torch.bool)
    starts[0] = True
    found = core(x, core.initial_state(2), starts, source=source).y
    cell = torch.nn.GRUCell(9, 4).double()
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in core.inner.module.state_dict().items()})
    state = torch.zeros(2, 4, dtype=torch.float64)
    for t in range(5):
        context = attention.look(attention.prepare(source), state).what  # of s_{t-1}
        state = cell(torch.cat([x[t], context], -1), state)
        torch.testing.assert_close(found[t], torch.cat([state, context], -1))


@pytest.mark.parametrize(("name", "options"), MODELS, ids=IDS)
@given(seed=st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_weights_are_shares_of_what_is_there(name: str, options: dict, seed: int) -> None:
    source = sources(4, seed)
    attention = make_item_attention(name, 6, 4, **options).double()
    what, weights, *_ = attention.look(attention.prepare(source), torch.randn(4, attention.emitted_size).double())
    assert what.shape == (4, attention.reading_size)
    assert what.isfinite().all()
    torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))
    assert (weights >= 0).all()
    assert not weights[~source.mask()[:, None].expand_as(weights)].any()
    if name == "content" and not options["key"]:
        known = torch.where(source.mask()[..., None], source.items, 0.0)
        torch.testing.assert_close(what, (weights @ known).flatten(1))


@pytest.mark.parametrize(("name", "options"), MODELS, ids=IDS)
def test_the_gradients_of_reading(name: str, options: dict) -> None:
    source = sources(2, 3, items=3)
    attention = make_item_attention(name, 6, 4, **options).double()
    items = torch.where(source.mask()[..., None], source.items, 0.0).requires_grad_()
    emitted = torch.randn(2, attention.emitted_size, dtype=torch.float64, requires_grad=True)

    def read(items: Tensor, emitted: Tensor) -> Tensor:
        return attention.look(attention.prepare(source._replace(items=items)), emitted).what

    assert torch.autograd.gradcheck(read, (items, emitted))


@pytest.mark.parametrize("key", [0, 3])
def test_weights_that_are_no_shares_are_a_sigmoid_each(key: int) -> None:
    source = sources(3, 5)
    attention = make_item_attention("content", 6, 4, score="bilinear", key=key, weighting="sigmoid").double()
    emitted = torch.randn(3, attention.emitted_size, dtype=torch.float64, requires_grad=True)
    items = torch.where(source.mask()[..., None], source.items, 0.0).requires_grad_()

    def look(items: Tensor, emitted: Tensor) -> tuple[Tensor, Tensor]:
        what, weights, *_ = attention.look(attention.prepare(source._replace(items=items)), emitted)
        return what, weights

    what, weights = look(items, emitted)
    for i in range(3):
        total = torch.zeros_like(what[i])
        for j in range(5):
            known = items[i, j]
            if j >= source.length[i]:
                assert weights[i, 0, j] == 0
                continue
            fit = attention.score(emitted[i, None], (attention.to_key(known) if key else known)[None])[0, 0]
            torch.testing.assert_close(weights[i, 0, j], 1 / (1 + (-fit).exp()))
            total = total + weights[i, 0, j] * (attention.to_value(known) if key else known)
        torch.testing.assert_close(what[i], total)
    assert torch.autograd.gradcheck(look, (items, emitted))
    for chosen in ("hard", "gumbel"):
        with pytest.raises(FoveateError, match="weighting='sigmoid' is not allowed"):
            make_item_attention("content", 6, 4, weighting="sigmoid", **{chosen: True})


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("split", [True, False])
def test_a_masked_key_is_the_paper_s_loop(masked: bool, split: bool) -> None:
    source = sources(3, 6)
    attention = make_item_attention("keyed", 6, 4, key=3, heads=2, masked=masked, split=split).double()
    emitted = torch.randn(3, attention.emitted_size, dtype=torch.float64)
    what, weights, *_ = attention.look(attention.prepare(source), emitted)
    for i in range(3):
        items = [source.items[i, j] for j in range(int(source.length[i]))]
        for head, numbers in enumerate(emitted[i].chunk(2)):
            key, beta = numbers[:3], 1 + torch.nn.functional.softplus(numbers[-1])
            mask = numbers[3:6].sigmoid() if masked else torch.ones(3).double()
            rows = [attention.to_key(item) for item in items]
            fits = [(key * mask) @ (row * mask) / ((key * mask).norm() * (row * mask).norm()) for row in rows]  # eq. 9
            alpha = torch.stack(fits).mul(beta).softmax(0)
            torch.testing.assert_close(weights[i, head, : len(items)], alpha, atol=1e-4, rtol=0)
            said = [attention.to_value(item) for item in items] if split else rows
            read = sum(a * value for a, value in zip(alpha, said, strict=True))
            torch.testing.assert_close(what[i].chunk(2)[head], read, atol=1e-4, rtol=0)


def test_the_last_is_the_last_and_the_uniform_is_the_mean() -> None:
    source = sources(3, 4)
    for i, length in enumerate(source.length.tolist()):
        last, uniform = (make_item_attention(name, 6, 4) for name in ("last", "uniform"))
        emitted = torch.zeros(3, 0)
        assert torch.equal(last.look(last.prepare(source), emitted).what[i], source.items[i, length - 1])
        mean = uniform.look(uniform.prepare(source), emitted).what[i]
        torch.testing.assert_close(mean, source.items[i, :length].mean(0))


def test_what_cannot_be_is_refused_in_a_sentence() -> None:
    with pytest.raises(FoveateError, match="heads=2"):
        policy_of(heads=2, key=0)
    with pytest.raises(FoveateError, match="queries and keys of one size"):
        policy_of(score="dot", key=0)
    with pytest.raises(FoveateError, match='view="whole"'):
        AGENTS["attend"](gym.make(ID).observation_space, spaces.Discrete(3))
    with pytest.raises(FoveateError, match="kernel=4"):
        policy_of(encoder="bytenet", kernel=4)
    with pytest.raises(FoveateError, match="units=9"):
        policy_of(encoder="transformer", units=9)


# ---- agents ----


def observations(policy: Attend, steps: int, batch: int) -> dict[str, Tensor]:
    """Passages that stay for all steps, and words that were written."""
    env = gym.make_vec(ID, num_envs=batch, view="whole", min_length=4, max_length=7, output="torch")
    seen, _ = env.reset(seed=3)
    written = torch.randint(1, 50, (steps, batch))
    return {"source": seen["source"].expand(steps, -1, -1), "written": written}


@pytest.mark.parametrize("core", ["gru", "lstm", "ntm", "none"])
@pytest.mark.parametrize("attention", ITEM_ATTENTIONS)
def test_a_text_equals_its_words_across_episode_starts(core: str, attention: str) -> None:
    policy = policy_of(core=core, attention=attention)
    seen, starts = observations(policy, 6, 3), torch.zeros(6, 3, dtype=torch.bool)
    starts[0], starts[3, 1] = True, True
    with torch.no_grad():
        whole = policy(seen, policy.initial_state(3), starts, record=True)
        state, rows = policy.initial_state(3), []
        for t in range(6):
            one = policy(tree.index(seen, slice(t, t + 1)), state, starts[t : t + 1], record=True)
            state = one.state
            rows.append((one.parameters["action"][0], one.records["source_weights"][0]))
    # a window's weights are unbounded: numbers of a thousand and more, which rounding moves by a ten-thousandth
    torch.testing.assert_close(whole.parameters["action"], torch.stack([row[0] for row in rows]), rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(whole.records["source_weights"], torch.stack([row[1] for row in rows]))


@pytest.mark.parametrize("attention", ITEM_ATTENTIONS)
def test_a_state_between_two_predictions_is_plain_numbers(attention: str) -> None:
    policy = policy_of(attention=attention)
    seen, state = tree.index(observations(policy, 1, 3), 0), None
    for _ in range(2):
        _, state = policy.predict(tree.to_numpy(seen), state)
        assert not any(part.requires_grad for part in tree.leaves(state))


@pytest.mark.parametrize("encoder", OF_ITEMS)
def test_every_parameter_learns(encoder: str) -> None:
    policy = policy_of(encoder=encoder, readout=5, heads=2)
    seen, starts = observations(policy, 4, 3), torch.zeros(4, 3, dtype=torch.bool)
    starts[0] = True
    said = policy(seen, policy.initial_state(3), starts)
    (said.parameters["action"].square().sum() + said.value.sum()).backward()
    # behind a softmax a bias that all keys share is no difference
    idle = {"core.attention.to_key.bias"}
    lame = {name for name, value in policy.named_parameters() if value.grad is None or not value.grad.abs().sum() > 0}
    assert lame <= idle


def test_a_source_is_read_once_an_episode() -> None:
    policy = policy_of()
    seen, starts = observations(policy, 5, 3), torch.zeros(5, 3, dtype=torch.bool)
    starts[0] = True
    calls: list[int] = []
    policy.source_encoder.encoder.register_forward_hook(lambda *_: calls.append(1))
    state = policy.initial_state(3)
    for t in range(5):
        state = policy.step(tree.index(seen, t), state, starts[t]).state
    assert len(calls) == 1


def test_a_core_of_another_size_may_be_what_is_asked_by() -> None:
    for core in ("none", "ntm"):
        policy = policy_of(core=core, key=0, score="bilinear")
        assert policy.core.attention.query_size == policy.core.inner.output_size
    assert make_core("none", 3, 8).output_size == 3


def test_short_sentences_are_learned_in_seconds() -> None:
    options: dict[str, Any] = {"view": "whole", "min_length": 4, "max_length": 5}
    env = gym.make_vec(ID, num_envs=64, autoreset_mode="SameStep", output="torch", **options)
    learner = Backprop(
        "attend",
        env,
        BackpropOptions(worlds=64, batch=64, lr=1e-2, lr_end=0.1, max_grad_norm=10.0),
        policy_kwargs={"hidden": 32, "units": 32, "embedding": 32, "key": 32},
        seed=0,
        device="cpu",
    )
    learner.learn(64 * 6 * 90)
    measured = gym.make_vec(ID, num_envs=200, autoreset_mode="Disabled", output="torch", **options)
    world = measured.unwrapped.world
    seen, _ = measured.reset(seed=10**6)
    state, starts = learner.policy.initial_state(200), torch.ones(200, dtype=torch.bool)
    with torch.no_grad():
        for _ in range(6):
            said = learner.policy.step(seen, state, starts, deterministic=True)
            world.step(said.action)
            seen, state, starts = world.observe(world.state), said.state, torch.zeros_like(starts)
    right = float(world.score(world.state).mean())
    assert right > 0.5, right


@pytest.mark.parametrize(
    "encoder", [name for name in ITEM_ENCODERS if name not in ("convolution", "hierarchical", "flow")]
)
@pytest.mark.parametrize("noisy", [False, True])
def test_only_sources_of_episodes_that_start_are_read(
    encoder: str, noisy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless noise is drawn for all of them together; what is kept is the same as if all were."""
    options = {"offset": 3} if noisy else {}
    policy = policy_of(encoder=encoder, **({"attention_heads": 2} | options))
    noisy &= encoder in ("transformer", "universal")
    seen, starts = tree.index(observations(policy, 1, 5), 0), torch.tensor([False, True, False, True, True])
    other = {"source": seen["source"].flip(0), "written": seen["written"]}
    counts = []
    prepare = policy.prepare
    monkeypatch.setattr(
        policy, "prepare", lambda observation: counts.append(len(observation["source"])) or prepare(observation)
    )
    with torch.no_grad():
        state = policy.step(seen, policy.initial_state(5), torch.ones(5, dtype=torch.bool)).state
        after = policy.step(other, state, starts).state.source
        policy.step(other, state, torch.zeros(5, dtype=torch.bool))
        assert counts == [5, 5 if noisy else 3]
        if not noisy:
            whole = reset_where(state.source, prepare(other), starts)
            assert [leaf.shape for leaf in tree.leaves(after)] == [leaf.shape for leaf in tree.leaves(whole)]
            tree.map(lambda found, right: torch.testing.assert_close(found, right), after, whole)
