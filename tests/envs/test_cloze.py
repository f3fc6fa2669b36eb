"""Cloze: facts and answers against a reader of words, entities anew in every story, and no end to write."""

from typing import Any, cast

import gymnasium as gym
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.envs.gym_env import VectorEnv
from foveate.envs.sequence import Cloze
from foveate.envs.sequence.cloze import VERBS
from foveate.envs.sequence.render import spelt
from foveate.errors import FoveateError

ID = "Sequence/Cloze-v0"
SENSE = {verb: sense for sense, pair in enumerate(VERBS) for verb in pair}
Fact = tuple[str, str, str]


def worlds_of(count: int, seed: int = 0, **options: Any) -> Cloze:
    world = cast(VectorEnv, gym.make_vec(ID, num_envs=count, **options).unwrapped).world
    world.reset(keys=torch.arange(seed, seed + count))
    return cast(Cloze, world)


def facts_of(words: list[str]) -> list[tuple[Fact, list[int]]]:
    """The facts of a story, as a person reads them, each with the places of its words."""
    at = [i for i, word in enumerate(words) if word.startswith("ent") or word in SENSE]
    assert len(at) % 3 == 0
    found = []
    for i in range(0, len(at), 3):
        subject, verb, thing = (words[place] for place in at[i : i + 3])
        assert subject.startswith("ent")
        assert thing.startswith("ent")
        assert verb in SENSE
        found.append(((subject, verb, thing), at[i : i + 3]))
    return found


OPTIONS = [
    {},
    {"strewn": True},
    {"strewn": True, "split": "test-40"},
    {"split": "test-40"},
    {"split": "test-200"},
    {"renumber": False},
]
OPTIONS += [{"min_length": 3, "max_length": 4, "min_facts": 1, "max_facts": 1}]
OPTIONS += [{"lesson": 1}, {"lesson": 2}, {"min_facts": 18, "max_facts": 18, "min_length": 54}]


@pytest.mark.parametrize("options", OPTIONS)
def test_the_answer_is_what_a_reader_finds_and_nothing_else_fits(options: dict) -> None:
    world = worlds_of(100, **options)
    state = world.state
    for i in range(100):
        words = spelt(state["items"][i, : state["length"][i]].numpy(), world.source_names)
        assert world.length.low <= len(words) <= world.length.high
        assert "" not in words
        assert not state["items"][i, len(words) :].any()
        told = facts_of(words)
        assert world.facts.low <= len(told) <= world.facts.high
        pairs = [(SENSE[verb], who) for (subject, verb, thing), _ in told for who in (subject, thing)]
        assert len(set(pairs)) == len(pairs)
        query = spelt(state["query"][i].numpy(), world.source_names)
        missing = query.index("____")
        fits = [
            (fact[missing], at[missing])
            for fact, at in told
            if SENSE[fact[1]] == SENSE[query[1]] and fact[2 - missing] == query[2 - missing] and fact[1] != query[1]
        ]
        ((answer, place),) = fits
        assert world.written_names[state["targets"][i, 0]] == answer
        assert state["aligned"][i, 0].nonzero().tolist() == [[place]]
        assert len({who for _, who in pairs}) <= 12


def test_every_word_comes_and_each_as_often() -> None:
    world = worlds_of(4000)
    assert set(world.state["items"].flatten().tolist()) >= set(range(3, world.symbols)) | {0, 1}
    assert len(set(world.source_names)) == world.symbols
    answers = world.state["targets"].flatten().bincount(minlength=51)
    assert answers[0] == 0
    assert (answers[1:] > 40).all()  # 80 each
    assert (answers[1:] < 130).all()
    assert 0.45 < float((world.state["query"][:, 0] == 2).float().mean()) < 0.55


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**9))
def test_who_knows_the_world_needs_no_story_unless_entities_have_other_numbers(seed: int) -> None:
    def told_of(world: Cloze) -> dict[tuple[int, ...], set[int]]:
        answers: dict[tuple[int, ...], set[int]] = {}
        query = world.state["query"].clone()
        query[:, 1] = torch.tensor([SENSE[world.source_names[verb]] for verb in query[:, 1]])
        for asked, answer in zip(query.tolist(), world.state["targets"][:, 0].tolist(), strict=True):
            answers.setdefault(tuple(asked), set()).add(answer)
        return answers

    always = told_of(worlds_of(600, seed, renumber=False))
    assert all(len(answers) == 1 for answers in always.values())
    assert set().union(*always.values()) == set(range(1, 13))
    anew = told_of(worlds_of(600, seed))
    assert len(anew) > 300
    assert any(len(answers) > 1 for answers in anew.values())


@pytest.mark.parametrize(
    ("lesson", "facts", "length"), [(1, (2, 4), (18, 30)), (2, (6, 12), (36, 60)), (3, (6, 12), (40, 120))]
)
def test_lessons_have_more_facts_and_longer_stories(lesson: int, facts: tuple, length: tuple) -> None:
    world = worlds_of(300, lesson=lesson)
    names, count = world.source_names, world.state["length"].tolist()
    told = [
        len(facts_of(spelt(items[:size].numpy(), names)))
        for items, size in zip(world.state["items"], count, strict=True)
    ]
    assert (min(told), max(told)) == facts
    assert length[0] <= min(count) < length[0] + 3
    assert length[1] - 3 < max(count) <= length[1]
    assert gym.make(ID, lesson=lesson, view="whole").observation_space == gym.make(ID, view="whole").observation_space


def test_there_is_one_writing_and_no_end() -> None:
    for view in ("stream", "whole"):
        for wrong in (False, True):
            env = gym.make(ID, view=view)
            _, told = env.reset(seed=0)
            over, writings = False, 0
            while not over:
                writings += told["target_mask"]
                write = told["target"] if not wrong else 0
                _, reward, over, _, told = env.step(write)
            assert writings == 1
            assert (reward, told["score"]) == ((0.0, 0.0) if wrong else (1.0, 1.0))


@pytest.mark.parametrize("reward", ["dense", "edit", "whole"])
def test_all_rewards_are_of_the_one_answer(reward: str) -> None:
    world = worlds_of(20, view="whole", reward=reward)
    answer = world.state["targets"][:, 0].clone()
    answer[:5] = answer[:5] % 50 + 1
    answer[5:7] = 0
    gained, over, _ = world.step(answer)
    assert over.all()
    assert gained.tolist() == [0.0] * 7 + [1.0] * 13


def test_what_cannot_be_is_refused() -> None:
    for options, said in (({"max_facts": 19}, "max_facts=19"), ({"min_length": 35}, "min_length=35")):
        with pytest.raises(FoveateError, match=said):
            Cloze(**options)


# ---- answers that are spans ----


def spans_of(words: list[str]) -> list[tuple[tuple[str, ...], str, tuple[str, ...], int]]:
    """The facts of a story of names, as a person reads them: subject, verb, object and the place of the first word."""
    found = []
    for at, word in enumerate(words):
        if word not in SENSE:
            continue
        begin, end = at, at + 1
        while begin and words[begin - 1].startswith("ent"):
            begin -= 1
        while words[end].startswith("ent"):
            end += 1
        assert words[end] == "."
        found.append((tuple(words[begin:at]), word, tuple(words[at + 1 : end]), begin))
    return found


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"split": "test-40"},
        {"split": "test-200"},
        {"renumber": False},
        {"min_length": 8, "max_length": 9},
        {"min_facts": 18, "max_facts": 18},
    ],
)
def test_a_span_is_the_name_that_a_reader_finds_where_its_fact_is_told(options: dict) -> None:
    world = worlds_of(100, answer="span", **options)
    state, widths = world.state, set()
    for i in range(100):
        words = spelt(state["items"][i, : state["length"][i]].numpy(), world.source_names)
        assert world.length.low <= len(words) <= world.length.high
        assert "" not in words
        told = spans_of(words)
        assert 1 <= len(told) <= world.facts.high
        assert sum(len(one) + len(two) for one, _, two, _ in told) == sum(word.startswith("ent") for word in words)
        query = spelt(state["query"][i].numpy(), world.source_names)
        asked = tuple(query[: query.index(".")]) if "." in query else tuple(query)
        fits = []
        for subject, verb, thing, begin in told:
            for left, right, first, width in (
                (("____",), thing, begin, len(subject)),
                (subject, ("____",), begin + len(subject) + 1, len(thing)),
            ):
                others = [other for other in SENSE if SENSE[other] == SENSE[verb] and other != verb]
                if asked in [(*left, other, *right) for other in others]:
                    fits.append((first, first + width - 1))
        ((first, last),) = fits
        assert (state["targets"][i] - 1).tolist() == [first, last]
        assert state["aligned"][i].nonzero().tolist() == [[0, first], [1, last]]
        widths.add(last - first)
    assert widths == {0, 1, 2}


def test_both_ends_of_a_span_are_written_and_paid() -> None:
    for view in ("stream", "whole", "glimpse"):
        env = gym.make(ID, view=view, answer="span")
        _, told = env.reset(seed=0)
        over, gained, due = False, 0.0, []
        while not over:
            due.append(int(told["target"])) if told["target_mask"] else None
            write = told["target"] if len(due) < 2 else told["target"] + 1  # the last word is missed
            _, reward, over, _, told = env.step({"location": 0, "write": write} if view == "glimpse" else write)
            gained += reward
        assert len(due) == 2
        assert (gained, told["score"]) == (0.5, 0.0)


def test_pictures_say_which_words_a_span_is_of() -> None:
    world = worlds_of(1, answer="span")
    items = world.state["items"][0].numpy()
    first, last = world.state["targets"][0].tolist()
    said = world.written_words(world.state["targets"][0].numpy(), items)
    assert said == [f"{at}: {world.source_names[items[at - 1]]}" for at in (first, last)]
    assert world.written_words(world.state["targets"][0].numpy() * 0, items) == ["0", "0"]


def test_a_span_has_no_other_words_inside() -> None:
    with pytest.raises(FoveateError, match="strewn=True"):
        Cloze(answer="span", strewn=True)
    with pytest.raises(FoveateError, match="unknown answer 'page'"):
        Cloze(answer="page")  # type: ignore[arg-type]
