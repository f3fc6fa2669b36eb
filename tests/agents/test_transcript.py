"""Transcripts: all paths by enumeration, torch's own loss, gradients, best path and beam search."""

import itertools
import math
from collections import defaultdict

import gymnasium as gym
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from foveate.agents import AGENTS, Backprop, BackpropOptions, LearnerOptions, PolicyGradient
from foveate.agents.nn.cores.base import Source
from foveate.agents.nn.heads import TranscriptHead
from foveate.agents.nn.heads.ctc_paths import (
    best_path,
    best_paths,
    ctc_loss,
    forced_paths,
    log_labelling,
    prefix_beam,
    until,
)
from foveate.errors import FoveateError

SEEDS = st.integers(0, 10**6)


def strings_of(log_probs: Tensor, blank: int = 0) -> dict[tuple[int, ...], float]:
    """The probability of every string, over all paths, of (T, n)."""
    log_probs = log_probs.detach()
    found: dict[tuple[int, ...], float] = defaultdict(float)
    steps, symbols = log_probs.shape
    for path in itertools.product(range(symbols), repeat=steps):
        text = tuple(best_path(torch.tensor(path), blank))
        found[text] += math.exp(sum(float(log_probs[t, s]) for t, s in enumerate(path)))
    return found


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(1, 5), st.integers(2, 3), st.integers(0, 1))
def test_a_string_is_as_likely_as_all_its_paths(seed: int, steps: int, symbols: int, blank: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    log_probs = (2 * torch.randn(steps, 1, symbols, generator=generator, dtype=torch.float64)).log_softmax(-1)
    every = strings_of(log_probs[:, 0], blank)
    assert sum(every.values()) == pytest.approx(1)
    for text, p in every.items():
        row = torch.tensor([[*text, blank]])
        found = log_labelling(log_probs, row, torch.tensor([len(text)]), blank)
        assert float(found) == pytest.approx(math.log(p), rel=1e-9)
    longer = torch.full((1, steps + 1), 1 - blank)
    assert float(log_labelling(log_probs, longer, torch.tensor([steps + 1]), blank)) == -math.inf


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(1, 2))
def test_a_forced_path_is_the_likeliest_of_those_that_spell_it(seed: int, blank_at: int) -> None:
    torch.manual_seed(seed)
    blank = 0 if blank_at == 1 else 2
    length, others = torch.tensor([5, 3, 1]), [symbol for symbol in range(3) if symbol != blank]
    log_probs = (2 * torch.randn(5, 3, 3, dtype=torch.float64)).log_softmax(-1)
    text = torch.tensor(others)[torch.randint(2, (3, 2))]
    count = torch.tensor([2, 1, 2])
    found = forced_paths(log_probs, text, count, length, blank)
    for b, (steps, many) in enumerate(zip(length.tolist(), count.tolist(), strict=True)):
        spelt = [path for path in itertools.product(range(3), repeat=steps)
                 if best_path(torch.tensor(path), blank) == text[b, :many].tolist()]  # fmt: skip
        if not spelt:
            assert (found[:, b] == -1).all()
            continue
        best = max(spelt, key=lambda path: sum(float(log_probs[t, b, s]) for t, s in enumerate(path)))
        place = found[:steps, b].tolist()
        assert tuple(blank if s % 2 == 0 else int(text[b, s // 2]) for s in place) == best
        assert [s // 2 for s, _ in itertools.groupby(place) if s % 2] == list(range(many))
        assert (found[steps:, b] == place[-1]).all()


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_loss_and_gradient_are_torch_s(seed: int) -> None:
    torch.manual_seed(seed)
    logits = torch.randn(30, 6, 5, dtype=torch.float64, requires_grad=True)
    symbols, count = torch.randint(1, 5, (6, 12)), torch.randint(0, 13, (6,))
    length = torch.randint(1, 31, (6,))  # some have too few steps
    found = ctc_loss(logits.log_softmax(-1), symbols, count, length)
    wanted = F.ctc_loss(logits.log_softmax(-1), symbols, length, count, reduction="none", zero_infinity=True)
    torch.testing.assert_close(found, wanted)
    weights = torch.rand(6, dtype=torch.float64)
    (ours,), (theirs,) = (torch.autograd.grad((cost * weights).sum(), logits) for cost in (found, wanted))
    torch.testing.assert_close(ours, theirs)


def test_gradients_of_any_numbers_not_only_of_probabilities() -> None:
    torch.manual_seed(0)
    log_y = torch.randn(7, 3, 4, dtype=torch.float64, requires_grad=True)
    symbols, count = torch.tensor([[1, 1, 2], [3, 0, 0], [0, 0, 0]]), torch.tensor([3, 1, 0])
    assert torch.autograd.gradcheck(lambda x: log_labelling(x, symbols, count), (log_y,))
    length = torch.tensor([7, 4, 2])
    assert torch.autograd.gradcheck(lambda x: ctc_loss(x, symbols, count, length), (log_y,))


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(1, 5))
def test_a_wide_beam_finds_the_likeliest_string(seed: int, steps: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    log_probs = (2 * torch.randn(steps, 3, generator=generator, dtype=torch.float64)).log_softmax(-1)
    every = strings_of(log_probs)
    assert every[tuple(prefix_beam(log_probs, 1000, least=0.0))] == pytest.approx(max(every.values()))
    narrow = every[tuple(prefix_beam(log_probs, 2, least=0.0))]
    assert 0 < narrow <= max(every.values()) + 1e-12


def test_the_likeliest_path_need_not_spell_the_likeliest_string() -> None:
    log_probs = torch.tensor([[0.6, 0.4], [0.6, 0.4]]).log()  # the paper's figure 2
    assert best_path(log_probs.argmax(1)) == []  # 0.36
    assert prefix_beam(log_probs, 8) == [1]  # 0.64


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 2), min_size=6, max_size=6), min_size=1, max_size=4), st.integers(0, 2))
def test_paths_of_a_batch_spell_what_each_does(paths: list[list[int]], blank: int) -> None:
    path = torch.tensor(paths)
    found = best_paths(path.T, 4, blank)
    for row, one in zip(found.tolist(), path, strict=True):
        text = best_path(one, blank)[:4]
        assert row == text + [0] * (4 - len(text))


def test_behind_the_end_only_blanks_are_said() -> None:
    torch.manual_seed(0)
    log_probs = torch.randn(5, 2, 3).log_softmax(-1)
    found = until(log_probs, torch.tensor([3, 5]))
    assert torch.equal(found[:3], log_probs[:3])
    assert torch.equal(found[:, 1], log_probs[:, 1])
    assert torch.equal(found[3:, 0].exp(), torch.tensor([[1.0, 0, 0]] * 2))


def test_the_head_s_strings_are_those_of_its_source_s_items() -> None:
    torch.manual_seed(0)
    head = TranscriptHead(2, spaces.MultiDiscrete([3] * 4), item=3).double()
    torch.nn.init.normal_(head.layers.weight)
    torch.nn.init.normal_(head.shared.weight)
    items = torch.randn(2, 5, 3, dtype=torch.float64)
    items[1, 3:] = torch.nan  # behind the end
    source = Source(items, torch.tensor([4, 3]))
    features = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    parameters = head(features, source)
    for t in range(3):
        torch.testing.assert_close(head(features[t], source), parameters[t])
        for b in range(2):
            count = int(source.length[b])
            logits = items[b, :count] @ head.layers.weight.T + head.layers.bias + features[t, b] @ head.shared.weight.T
            every = strings_of(logits.log_softmax(-1))
            for text, p in every.items():
                action = torch.tensor([*text, *[0] * (4 - len(text))])
                found = float(head.log_prob(parameters[t, b], action))
                assert found == pytest.approx(math.log(p), rel=1e-9)
            assert head.mode(parameters)[t, b].tolist() == head.mode(parameters[t, b]).tolist()
    head.beam = 50
    likeliest = max(strings_of(logits.log_softmax(-1)).items(), key=lambda pair: pair[1])[0]
    assert head.eval().mode(parameters)[2, 1].tolist() == [*likeliest, *[0] * (4 - len(likeliest))]
    assert head.train().mode(parameters).shape == (3, 2, 4)  # by the path: a search takes too long at each update
    head.loss(parameters, head.mode(parameters)).sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in head.parameters())


def test_samples_come_as_often_as_they_are_likely() -> None:
    torch.manual_seed(0)
    head = TranscriptHead(1, spaces.MultiDiscrete([3] * 3), item=2)
    parameters = torch.randn(1, 3, 3).log_softmax(-1).flatten(1)
    every = strings_of(parameters.view(3, 3))
    drawn = head.sample(parameters.expand(20000, -1))
    for text, p in every.items():
        wanted = torch.tensor([*text, *[0] * (3 - len(text))])
        share = float((drawn == wanted).all(1).float().mean())
        assert share == pytest.approx(p, abs=0.02)
    surprise = -head.log_prob(parameters.expand(20000, -1), drawn).mean()
    assert float(head.distribution(parameters).entropy()) >= float(surprise) - 0.02


def test_a_head_of_other_actions_is_refused() -> None:
    for space in (spaces.MultiDiscrete([3, 2]), spaces.MultiDiscrete([[2, 2]])):
        with pytest.raises(FoveateError, match="this head writes a whole string"):
            TranscriptHead(2, space, 3)
    env = gym.make("Sequence/Speech-v0", view="whole")
    with pytest.raises(FoveateError, match='answer="string"'):
        AGENTS["transcriber"](env.observation_space, env.action_space)


def test_a_transcriber_learns_two_letters_of_a_pen() -> None:
    torch.manual_seed(0)
    options = {"view": "whole", "answer": "string", "min_length": 1, "max_length": 1, "dots": "at once"}
    env = gym.make_vec("Sequence/PenReading-v0", 64, output="torch", autoreset_mode="SameStep", **options)
    small = {"units": 16, "embedding": 16}
    agent = Backprop("transcriber", env, BackpropOptions(lr=0.02, batch=16), policy_kwargs=small, seed=0, device="cpu")
    agent.learn(64 * 2)
    first = agent.learner.recent[-1]["r"]
    agent.learn(64 * 12)
    assert agent.learner.recent[-1]["r"] >= first


def test_pieces_of_episodes_are_refused() -> None:
    options = {"view": "whole", "answer": "string", "min_length": 1, "max_length": 2}
    env = gym.make_vec("Sequence/PenReading-v0", 2, output="torch", autoreset_mode="SameStep", **options)
    learner = PolicyGradient(
        "transcriber", env, LearnerOptions(objective="ppo", horizon=4, worlds=2, minibatches=1), seed=0
    )
    with pytest.raises(FoveateError, match="horizon=4"):
        learner.learn(8)
