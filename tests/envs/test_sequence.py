"""Passages: what is due and aligned against a parser of the sentences, three views of one episode, edits, endings."""

import itertools
from typing import cast

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ids import SEQUENCE_IDS, world_class
from torch import Tensor

from foveate import tree
from foveate.envs.counter_rng import CounterRNG
from foveate.envs.gym_env import VectorEnv
from foveate.envs.sequence import NumberPassage, PenPassage, PicturePassage, Translation
from foveate.envs.sequence.blind import best_chain, best_text
from foveate.envs.sequence.dictionary import ADJECTIVES, ARTICLES, ENDINGS, NOUNS, PREPOSITIONS, VERBS
from foveate.envs.sequence.edits import edit_distance, similarity
from foveate.envs.sequence.passage import Passage
from foveate.errors import FoveateError

ID = "Sequence/Translation-v0"
NOUN = {noun.read: noun for noun in NOUNS}
ADJECTIVE, VERB, PREPOSITION = dict(ADJECTIVES), dict(VERBS), dict(PREPOSITIONS)
Said = list[tuple[str, set[int]]]  # words with the places in the sentence that say them


def worlds_of(count: int, seed: int = 0, **options: object) -> Translation:
    world = cast(VectorEnv, gym.make_vec(ID, num_envs=count, **options).unwrapped).world
    world.reset(keys=torch.arange(seed, seed + count))
    return cast(Translation, world)


def translated(words: list[str], agreement: bool) -> Said:
    """A sentence read word by word, as a person would translate it."""
    said: Said = []
    place = 0
    while place < len(words):
        if words[place] == ",":
            said.append((",", {place}))
            place += 1
        assert words[place] == "to"
        to, verb = place, place + 1
        place += 2
        while place < len(words) and words[place] != ",":
            if words[place] in PREPOSITION:
                said.append((PREPOSITION[words[place]], {place}))
                place += 1
            assert words[place] == "the"
            article = place
            while words[place + 1] in ADJECTIVE:
                place += 1
            noun = place + 1
            gender = NOUN[words[noun]].gender
            also = {noun} if agreement else set()
            said.append((ARTICLES[gender], {article, noun}) if agreement else ("das", set()))
            said.append((NOUN[words[noun]].written, {noun}))
            for i in range(noun - 1, article, -1):
                said.append((ADJECTIVE[words[i]] + (ENDINGS[gender] if agreement else ""), {i} | also))
            place = noun + 1
        comma = {place} if place < len(words) else set()
        said += [("zu", {to, noun} | comma), (VERB[words[verb]], {verb})]
    return [*said, (".", set())]


def sentence(world: Translation, index: int) -> list[str]:
    return [world.source_names[i] for i in world.state["items"][index, : world.state["length"][index]]]


@pytest.mark.parametrize("agreement", [False, True])
@pytest.mark.parametrize(
    "options", [{}, {"min_length": 4, "max_length": 6}, {"split": "test-60"}, {"split": "test-10"}]
)
def test_what_is_due_and_where_it_is_read_is_what_a_parser_says(agreement: bool, options: dict) -> None:
    world = worlds_of(60, agreement=agreement, **options)
    state = world.state
    for i in range(60):
        words = sentence(world, i)
        said = translated(words, agreement)
        assert world.length.low <= len(words) <= world.length.high
        assert int(state["due"][i]) == len(said) == len(words) + 1
        assert [world.written_names[t] for t in state["targets"][i, : len(said)]] == [word for word, _ in said]
        for place, (_, where) in enumerate(said):
            assert set(state["aligned"][i, place].nonzero()[:, 0].tolist()) == where
        assert not state["targets"][i, len(said) :].any()
        assert not state["items"][i, len(words) :].any()
        assert not state["aligned"][i, len(said) :].any()


@pytest.mark.parametrize("agreement", [False, True])
@pytest.mark.parametrize("sizes", [(4, 6), (4, 40), (60, 60)])
def test_a_kernel_writes_the_same_sentences(
    agreement: bool, sizes: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, many = Translation(agreement=agreement, min_length=sizes[0], max_length=sizes[1]), torch.arange(1000)
    with_it = world.passage(CounterRNG(many, 0 * many, 0 * many))
    monkeypatch.setattr("foveate.envs.sequence.translation.worth_it", lambda *_: False)
    without = world.passage(CounterRNG(many, 0 * many, 0 * many))
    for a, b in zip(tree.leaves(with_it), tree.leaves(without), strict=True):
        assert torch.equal(a, b)


def test_every_word_and_form_comes() -> None:
    world = worlds_of(2000, agreement=True)
    assert set(world.state["items"].flatten().tolist()) == set(range(len(world.source_names)))
    assert set(world.state["targets"].flatten().tolist()) == set(range(len(world.written_names)))
    assert len(set(world.source_names)) == len(world.source_names)
    commas = (world.state["items"] == world.source_names.index(",")).sum(1)
    assert 0.2 < float(commas.float().mean()) < 0.8
    lengths = world.state["length"].bincount()[10:]
    assert (lengths > 100).all()
    assert len(lengths) == 11


@pytest.mark.parametrize(
    "env_id", [i for i in SEQUENCE_IDS if not issubclass(world_class(i), (NumberPassage, PenPassage, PicturePassage))]
)
def test_three_views_show_one_episode(env_id: str) -> None:
    views = (gym.make(env_id, view=view, relevance=True) for view in ("stream", "whole", "glimpse"))
    stream, whole, glimpse = views
    world = cast(Passage, stream.unwrapped.world)
    for seed in range(5):
        streamed, told = stream.reset(seed=seed)
        seen, whole_told = whole.reset(seed=seed)
        looked, glimpse_told = glimpse.reset(seed=seed)
        source = seen["source"].reshape(world.room, world.words)
        query = seen.get("query", np.zeros(0, np.int64))
        asked = np.pad(query, (0, -len(query) % world.words)).reshape(-1, world.words)
        length = int((source[:, 0] > 0).sum())
        assert np.array_equal(looked["glimpse"], seen["source"][0])
        assert (looked["place"], looked["written"]) == (0, 0)
        assert np.array_equal(looked.get("query", []), query)
        marker = np.zeros((1, world.words))
        for item in np.concatenate([source[:length], asked, marker]):  # nothing is asked for yet
            shown = streamed[: world.words * world.symbols].reshape(world.words, world.symbols)
            assert np.array_equal(shown.argmax(1), item)
            assert streamed.sum() == shown.sum() == world.words
            assert not told["target_mask"]
            streamed, reward, over, _, told = stream.step(5)
            assert (reward, over) == (0.0, False)
        over, place = False, 0
        while not over:
            assert told["target"] == whole_told["target"] == glimpse_told["target"]
            assert told["target_mask"] == whole_told["target_mask"] == glimpse_told["target_mask"]
            relevant = told["relevance"]
            assert len(relevant) == world.most_items + len(asked) + 1 + world.most_written
            assert np.array_equal(relevant[:length], whole_told["relevance"][:length])
            assert not relevant[length:].any()
            assert not whole_told["relevance"][length:].any()
            assert np.array_equal(glimpse_told["relevance"], whole_told["relevance"])
            assert streamed.argmax() == world.words * world.symbols + seen["written"]
            assert streamed.sum() == 1
            assert seen["written"] == looked["written"]
            assert np.array_equal(looked["glimpse"], seen["source"][looked["place"]])
            word = told["target"] if place % 3 else 5  # one of three is wrong
            streamed, reward, over, _, told = stream.step(word)
            seen, other, also, _, whole_told = whole.step(word)
            looked, third, too, _, glimpse_told = glimpse.step({"location": place % length, "write": word})
            assert reward == other == third
            assert over == also == too
            assert told["score"] == whole_told["score"] == glimpse_told["score"]
            place += 1


@pytest.mark.parametrize("view", ["stream", "whole", "glimpse"])
@pytest.mark.parametrize("env_id", SEQUENCE_IDS)
def test_who_learned_in_one_split_can_play_in_all(env_id: str, view: str) -> None:
    splits = cast(Passage, gym.make(env_id).unwrapped.world).splits
    spaces = [
        (env.observation_space, env.action_space)
        for env in (gym.make(env_id, view=view, split=split).unwrapped for split in ("train", *splits))
    ]
    assert all(pair == spaces[0] for pair in spaces)


def test_several_looks_come_before_each_word() -> None:
    env = gym.make(ID, view="glimpse", looks=3, min_length=4, max_length=4)
    _, told = env.reset(seed=0)
    for step in itertools.count():
        writes = step % 3 == 2
        assert told["target_mask"] == writes
        _, reward, over, _, told = env.step({"location": 1, "write": told["target"]})
        assert (reward > 0) == writes
        if over:
            break
    assert step == 3 * 5 - 1
    assert told["score"] == 1.0
    with pytest.raises(FoveateError, match="looks=2"):
        gym.make(ID, looks=2)


def test_who_ends_early_loses_the_rest_and_who_never_ends_is_ended() -> None:
    env = gym.make(ID, view="whole", split="test-20")
    _, told = env.reset(seed=0)
    _, reward, *_ = env.step(told["target"])
    assert reward == pytest.approx(1 / 21)
    _, reward, over, _, told = env.step(0)
    assert (reward, over, told["score"]) == (0.0, True, 0.0)
    env.reset(seed=0)
    ends = [env.step(9)[2] for _ in range(21)]
    assert ends == [False] * 20 + [True]


@pytest.mark.parametrize("reward", ["dense", "edit", "whole"])
def test_rewards_of_right_and_of_shifted_texts(reward: str) -> None:
    world = worlds_of(8, view="whole", reward=reward)
    due = [row[:count].tolist() for row, count in zip(world.state["targets"], world.state["due"], strict=True)]
    for change, wanted in (
        (lambda text: text, {"dense": 1.0, "edit": 1.0, "whole": 1.0}),
        (lambda text: text[1:], {"edit": None, "whole": 0.0}),
        (lambda text: [*text[:-2], 0], {"edit": None, "whole": 0.0}),
    ):
        world.reset(keys=torch.arange(8))
        texts = [change(text) for text in due]
        total, alive = torch.zeros(8), torch.ones(8, dtype=torch.bool)
        for step in range(max(map(len, texts))):
            write = torch.tensor([text[min(step, len(text) - 1)] for text in texts])
            gained, over, _ = world.step(write)
            total, alive = total + gained * alive, alive & ~over
        assert not alive.any()
        if reward in wanted:  # all but one word of the longer text
            shares = [1 - 1 / (len(text) - 1) for text in due]
            expected = torch.tensor(shares) if wanted[reward] is None else torch.full((8,), float(wanted[reward]))
            assert torch.allclose(total, expected, atol=1e-5)


def slow_distance(a: list[int], b: list[int]) -> int:
    table = [[i + j if not i * j else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i, j in itertools.product(range(1, len(a) + 1), range(1, len(b) + 1)):
        replaced = table[i - 1][j - 1] + (a[i - 1] != b[j - 1])
        table[i][j] = min(replaced, table[i - 1][j] + 1, table[i][j - 1] + 1)
    return table[-1][-1]


TEXTS = st.lists(st.integers(1, 3), max_size=7)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4))
def test_edits_are_those_of_the_table(pairs: list[tuple[list[int], list[int]]]) -> None:
    def padded(texts: list[list[int]]) -> tuple[Tensor, Tensor]:
        width = max(1, *map(len, texts)) if len(texts) > 1 else max(1, len(texts[0]))
        return torch.tensor([text + [9] * (width - len(text)) for text in texts]), torch.tensor([*map(len, texts)])

    (a, m), (b, n) = (padded([pair[i] for pair in pairs]) for i in (0, 1))
    found = edit_distance(a, m, b, n)
    assert found.tolist() == [slow_distance(*pair) for pair in pairs]
    assert torch.equal(edit_distance(b, n, a, m), found)
    near = similarity(a, m, b, n)
    assert ((near >= 0) & (near <= 1)).all()
    assert torch.equal(near == 1, torch.tensor([x == y for x, y in pairs]))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_texts_of_the_blind_are_the_best_of_all_texts(seed: int) -> None:
    value = torch.rand(4, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)

    def worth(text: tuple[int, ...]) -> float:
        total = 0.0
        for place, symbol in enumerate(text):
            total += float(value[place, symbol])
            if symbol == 0:
                break
        return total

    texts = list(itertools.product(range(4), repeat=4))
    assert worth(tuple(best_text(value).tolist())) == pytest.approx(max(map(worth, texts)))
    chain = best_chain(value).tolist()
    follows = {(a, b) for a, b in itertools.pairwise(chain)}
    assert len({a for a, _ in follows}) == len(follows)  # each word says which one comes next
    assert worth(tuple(chain)) >= max(worth((word,) * 4) for word in (1, 2, 3)) - 1e-9


@pytest.mark.parametrize("view", ["stream", "whole"])
def test_who_reads_and_parses_what_is_shown_gets_all(view: str) -> None:
    env = gym.make(ID, view=view, agreement=True)
    world = env.unwrapped.world
    names, written = list(world.source_names), list(world.written_names)
    for seed in range(4):
        seen, _ = env.reset(seed=seed)
        if view == "whole":
            words = [names[i] for i in seen["source"] if i]
        else:
            words = []
            while seen.argmax() > 0:
                words.append(names[seen.argmax()])
                seen, *_ = env.step(0)
            env.step(0)
        steps = [env.step(written.index(word)) for word, _ in translated(words, agreement=True)]
        assert sum(step[1] for step in steps) == pytest.approx(1.0)
        assert steps[-1][4]["score"] == 1.0


@pytest.mark.parametrize("env_id", SEQUENCE_IDS)
def test_a_picture_shows_what_is_read_written_and_due(env_id: str) -> None:
    for view in ("stream", "whole", "glimpse"):
        env = gym.make(env_id, view=view, render_mode="rgb_array")
        frames = []
        for seed in range(3):
            env.reset(seed=seed)
            frames.append(env.render())
            env.step(env.action_space.sample())
            frames.append(env.render())
        assert len({frame.shape for frame in frames}) == 1
        assert any((a != b).any() for a, b in itertools.pairwise(frames))
