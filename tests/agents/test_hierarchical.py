"""Hierarchical attention: the paper's loop, what is padded, derivatives, and a review that is read."""

from pathlib import Path
from typing import Any

import cv2
import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.agents import AGENTS, Backprop, BackpropOptions, Policy
from foveate.agents.nn.encoders import HierarchicalItems
from foveate.agents.nn.encoders.hierarchical import WordAttention
from foveate.analysis.alignment import agreement
from foveate.envs.counter_rng import CounterRNG
from foveate.envs.sequence import Document
from foveate.envs.sequence.document import FILM, SIGN
from foveate.errors import FoveateError
from foveate.viz.alignment import GOLD
from foveate.wrappers import Alignment

ID = "Sequence/Document-v0"


def encoder_of(seed: int) -> HierarchicalItems:
    torch.manual_seed(seed)
    return HierarchicalItems(4, units=3).double()


def document(seed: int, sentences: list[int], room: int = 5) -> torch.Tensor:
    """One document, (1, sentences, room, 4), with so many words in each sentence."""
    torch.manual_seed(seed)
    items = torch.randn(1, len(sentences), room, 4).double()
    return items * (torch.arange(room) < torch.tensor(sentences)[:, None])[..., None]


def test_words_are_weighed_as_in_the_paper() -> None:
    torch.manual_seed(0)
    attention = WordAttention(3).double()
    h, count = torch.randn(4, 5, 3).double(), [5, 2, 1, 0]
    what, weights = attention(h, torch.arange(5) < torch.tensor(count)[:, None])
    for i, words in enumerate(count):
        u = [(attention.hidden.weight @ h[i, t] + attention.hidden.bias).tanh() for t in range(words)]  # (5)
        fit = [(attention.context.weight[0] @ u_t).item() for u_t in u]
        alpha = np.exp(fit) / np.exp(fit).sum()  # (6)
        np.testing.assert_allclose(weights[i].detach(), [*alpha, *[0] * (5 - words)])
        s = sum((a * h[i, t] for t, a in enumerate(alpha)), torch.zeros(3).double())  # (7)
        torch.testing.assert_close(what[i], s)
    mean, same = WordAttention(3, uniform=True).double()(h, torch.ones(4, 5, dtype=torch.bool))
    torch.testing.assert_close(mean, h.mean(1))
    torch.testing.assert_close(same, torch.full_like(same, 0.2))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_room_behind_words_and_sentences_changes_nothing(seed: int, sentences: list[int]) -> None:
    encoder, length = encoder_of(seed), torch.tensor([len(sentences)])
    alone = encoder(document(seed, sentences), length)
    more = torch.nn.functional.pad(document(seed, sentences), (0, 0, 0, 3, 0, 2))
    torch.testing.assert_close(encoder(more, length)[:, : len(sentences)], alone)


def test_a_sentence_is_known_by_its_words_and_by_its_neighbours() -> None:
    items = document(0, [3, 2, 4]).requires_grad_(True)
    encoder_of(0)(items, torch.tensor([3]))[0, 1].sum().backward()
    assert items.grad is not None
    touched = items.grad[0].abs().sum(-1) > 0
    assert touched.tolist() == [[t < n for t in range(5)] for n in (3, 2, 4)]


def test_derivatives() -> None:
    encoder, length = encoder_of(1), torch.tensor([2])
    there = document(1, [3, 2]) != 0
    some = document(1, [3, 2]).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: encoder(torch.where(there, x, 0.0), length), some)


def attend(env_id: str, **options: Any) -> Policy:
    env = gym.make(env_id, view="whole")
    return AGENTS["attend"](env.observation_space, env.action_space, **options)


def test_a_passage_of_single_symbols_is_refused() -> None:
    with pytest.raises(FoveateError, match="reads sentences word by word"):
        attend("Sequence/Translation-v0", encoder="hierarchical")


def test_a_review_has_one_sentence_about_the_film_and_asks_for_its_judgement() -> None:
    for options in ({}, {"split": "test-20"}, {"min_length": 1, "max_length": 3}):
        world, many = Document(**options), torch.arange(300)
        known = world.passage(CounterRNG(many, 0 * many, 0 * many))
        words = world.aligned_words({"items": known.items, "aligned": known.aligned})
        for row, length in enumerate(known.length.tolist()):
            sentences = [[word for word in sentence if word] for sentence in known.items[row].tolist()]
            assert all(6 <= len(sentence) <= 12 for sentence in sentences[:length])
            assert not any(sentences[length:])
            (central,) = [s for s, sentence in enumerate(sentences) if FILM in sentence]
            assert known.aligned[row, 0].nonzero()[:, 0].tolist() == [central]
            for s, sentence in enumerate(sentences[:length]):
                (sign,) = [word for word in sentence if SIGN <= word < FILM]
                assert sum(word >= FILM for word in sentence) == 1
                if s == central:
                    assert sign - SIGN + 1 == int(known.targets[row, 0])
                    decide = {sentence.index(FILM), sentence.index(sign)}
                    assert set(words[row, 0, s].nonzero()[:, 0].tolist()) == decide
            assert int(words[row].sum()) == 2
        assert set(known.targets[:, 0].tolist()) == {1, 2, 3, 4, 5}


def test_it_learns_which_sentence_and_which_word_count(tmp_path: Path) -> None:
    env = gym.make_vec(ID, num_envs=512, autoreset_mode="SameStep", output="torch", view="whole")
    sizes = {"encoder": "hierarchical", "units": 24, "embedding": 32, "key": 0, "core": "none"}
    options = BackpropOptions(worlds=512, batch=64, lr=5e-3)
    learner = Backprop("attend", env, options, policy_kwargs=sizes, seed=0, device="cpu")
    learner.learn(12 * 512)
    found = agreement(learner, ID, {"view": "whole"}, 64, seed=5)
    assert found["weights"].pointing >= 0.7, found  # chance is 0.13
    assert found["weights by word"].pointing >= 0.7, found  # chance is 0.03
    assert found["weights by word"].mass > 8 * found["uniform by word"].mass, found

    shown = Alignment(gym.make(ID, view="whole"), learner)
    _, info = shown.reset(seed=1)
    assert shown.word_matrix().shape[0] == 0
    shown.step(info["target"])
    words = sum(len(sentence.split()) for sentence in shown.source)
    for of in ("weights", "jacobian"):
        amounts = shown.word_matrix(of)
        assert amounts.shape == shown.word_gold().shape == (1, words)
        # what a sentence has is what its words have
        ends = np.cumsum([len(sentence.split()) for sentence in shown.source])[:-1]
        parts = np.split(amounts[0] if of == "weights" else amounts[0] ** 2, ends)
        sentences = shown.matrix(of)[0] if of == "weights" else shown.matrix(of)[0] ** 2
        np.testing.assert_allclose([part.sum() for part in parts], sentences, rtol=1e-4, atol=1e-8)
    shown.save(tmp_path / "review.png")
    picture = cv2.imread(str(tmp_path / "review.png"))
    assert (picture == GOLD[::-1]).all(-1).any()  # the words that decide are outlined


def test_a_policy_that_reads_whole_sentences_has_no_words() -> None:
    shown = Alignment(gym.make(ID, view="whole"), attend(ID, encoder="words"))
    shown.reset(seed=1)
    with pytest.raises(FoveateError, match="word by word"):
        shown.word_matrix()
