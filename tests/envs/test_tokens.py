"""Tokens: what is due and aligned against Python's own numbers and strings, and who knows the symbols alone."""

from typing import cast

import gymnasium as gym
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.envs.counter_rng import CounterRNG
from foveate.envs.sequence import Passages, Tokens
from foveate.envs.sequence.tokens import TASKS
from foveate.errors import FoveateError

ID = "Sequence/Tokens-v0"
Said = list[tuple[str, set[int]]]  # digits, with the places of the symbols that decide them
NUMBER = st.integers(0, 10**6)


def episodes(count: int, seed: int = 0, **options: object) -> tuple[Tokens, Passages]:
    world, many = Tokens(**options), torch.arange(seed, seed + count)
    return world, world.passage(CounterRNG(many, 0 * many, 0 * many))


def text_of(world: Tokens, passages: Passages, row: int) -> str:
    return "".join(world.source_names[i] for i in passages.items[row, : passages.length[row]])


def answer(text: str, task: str) -> Said:
    """What is due, as a person would work it out on paper."""
    places = range(len(text))
    if task == "copy":
        return [(text[i], {i}) for i in places]
    if task == "reverse":
        return [(text[i], {i}) for i in reversed(places)]
    if task == "sort":
        return [(digit, {i for i in places if text[i] == digit}) for digit in sorted(text)]
    plus = text.index("+")
    numbers = text[:plus], text[plus + 1 :]
    columns = [{i for i in (k, plus + 1 + k) if (i < plus) == (i == k) and i < len(text)} for k in range(len(text))]
    total = str(sum(int(number[::-1]) for number in numbers))[::-1]
    said: Said = []
    for k, digit in enumerate(total):
        where = set(columns[k])
        for below in reversed(range(k)):  # what is carried
            where |= columns[below]
            if sum(int(text[i]) for i in columns[below]) != 9:
                break
        said.append((digit, where))
    return said


def check(world: Tokens, passages: Passages, row: int, text: str) -> None:
    said = answer(text, world.task)
    assert int(passages.due[row]) == len(said) + 1
    digits = [world.written_names[i] for i in passages.targets[row, : len(said)]]
    assert digits == [digit for digit, _ in said]
    assert not passages.targets[row, len(said) :].any()
    assert not passages.aligned[row, len(said) :].any()
    for place, (_, where) in enumerate(said):
        assert set(passages.aligned[row, place].nonzero()[:, 0].tolist()) == where


@pytest.mark.parametrize("options", [{}, {"min_length": 3, "max_length": 4}, {"split": "test-96"}])
@pytest.mark.parametrize("task", TASKS)
def test_what_is_due_and_where_it_is_read_is_what_a_person_works_out(task: str, options: dict) -> None:
    world, passages = episodes(80, task=task, **options)
    for row in range(80):
        text = text_of(world, passages, row)
        assert world.length.low <= len(text) <= world.length.high
        assert not passages.items[row, len(text) :].any()
        if task == "add":
            first, second = text.split("+")
            assert all(number == str(int(number[::-1]))[::-1] for number in (first, second))  # no leading zeros
        check(world, passages, row, text)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(NUMBER, NUMBER), min_size=1, max_size=4))
def test_sums_are_python_s(pairs: list[tuple[int, int]]) -> None:
    world = Tokens(task="add")
    texts = [f"{str(a)[::-1]}+{str(b)[::-1]}" for a, b in pairs]
    most = max(map(len, texts))
    names = list(world.source_names)
    items = torch.tensor([[names.index(letter) for letter in text] + [0] * (most - len(text)) for text in texts])
    passages = world.answered(items, torch.tensor([*map(len, texts)]))
    for row, text in enumerate(texts):
        check(world, passages, row, text)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), task=st.sampled_from(TASKS))
def test_symbols_that_are_not_aligned_decide_nothing(seed: int, task: str) -> None:
    world, passages = episodes(1, seed, task=task)
    other = episodes(1, seed + 1, task=task, min_length=12)[1].items[0]
    other = torch.where((other > 0) & (other < 11), other, 5)
    for place in range(int(passages.due[0]) - 1):
        keep = passages.aligned[0, place] | (passages.items[0] == 11) | (passages.items[0] == 0)
        if task == "sort":  # there, who else is smaller says at which place a digit comes
            keep |= passages.items[0] < passages.targets[0, place]
            other = other.clamp(min=int(passages.targets[0, place]))
        changed = world.answered(torch.where(keep, passages.items[0], other)[None], passages.length)
        assert int(changed.targets[0, place]) == int(passages.targets[0, place])


def test_every_length_symbol_and_carry_comes() -> None:
    world, passages = episodes(4000, task="add")
    assert passages.length.unique().tolist() == list(range(3, 13))
    assert set(passages.items.flatten().tolist()) == set(range(12))
    assert set(passages.targets.flatten().tolist()) == set(range(11))
    pluses = {text_of(world, passages, row).index("+") for row in range(4000)}
    assert pluses == set(range(1, 11))
    assert (passages.due - 1 > passages.length // 2).any()
    carried = (passages.aligned.sum(2) > 4).any(1)  # over more than one column
    assert 0.05 < float(carried.float().mean()) < 0.5


@pytest.mark.parametrize("task", TASKS)
def test_who_knows_the_symbols_gets_more_than_the_blind_and_less_than_all(task: str) -> None:
    env = gym.make_vec(ID, num_envs=200, view="whole", task=task, autoreset_mode="Disabled", output="torch")
    world, got = env.unwrapped.world, {}
    for name in ("blind", "unaligned", "oracle"):
        env.reset(seed=0)
        total, alive = torch.zeros(200), torch.ones(200, dtype=torch.bool)
        while alive.any():
            reward, over, _ = world.step(getattr(world, name)())
            total, alive = total + reward * alive, alive & ~over
        got[name] = float(total.mean())
    assert got["oracle"] == pytest.approx(1.0)
    if task == "sort":
        assert got["unaligned"] == pytest.approx(1.0)
    else:
        assert got["blind"] + 0.2 < got["unaligned"] < 0.6


def test_the_sum_of_two_digits_is_known_without_their_places() -> None:
    world = cast(Tokens, gym.make(ID, task="add", max_length=3, view="whole").unwrapped.world)
    for seed in range(20):
        world.reset(keys=torch.tensor([seed]))
        over = torch.tensor([False])
        while not over.all():
            _, over, _ = world.step(world.unaligned())
        assert world.score(world.state).item() == 1.0


def test_a_sum_needs_three_symbols() -> None:
    with pytest.raises(FoveateError, match=r"min_length=2.*3"):
        gym.make(ID, task="add", min_length=2)
    with pytest.raises(FoveateError, match="max_length=2"):
        gym.make(ID, task="add", max_length=2)
    with pytest.raises(FoveateError, match="task 'subtract'"):
        gym.make(ID, task="subtract")
