"""What the memory worlds show and ask, each against a slow and obvious reading of its episode."""

import math
from collections import Counter

import gymnasium as gym
import numpy as np
import pytest
from episodes import Episode
from hypothesis import given, settings
from hypothesis import strategies as st
from ids import MEMORY_IDS

from foveate.envs.memory.logic import TRUTH
from foveate.errors import FoveateError

SEEDS = range(4)


def bits(rows: list) -> list[list[int]]:
    return [row.astype(int).tolist() for row in rows]


@pytest.mark.parametrize("seed", SEEDS)
def test_copies(seed: int) -> None:
    for env_id in ("Copy", "ReverseCopy"):
        e = Episode(env_id, seed)
        marker = next(t for t, row in enumerate(e.seen) if row[-1])
        shown, order = bits([row[:-1] for row in e.seen[:marker]]), list(range(marker))
        order = order[::-1] if env_id == "ReverseCopy" else order
        assert e.answers == [shown[i] for i in order]
        assert e.sources == [[i] for i in order]
        assert len(e.seen) == 2 * marker + 1
        assert not np.any(e.seen[marker + 1 :])  # no input while answering
        assert sum(e.rewards) == pytest.approx(1)
        assert e.score == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_repeat_copy(seed: int) -> None:
    e = Episode("RepeatCopy", seed, max_length=4, max_repeats=5)
    length = next(t for t, row in enumerate(e.seen) if row[-1] != 0)
    repeats = round(e.seen[length][-1] * 8.25**0.5 + 5.5)
    shown = bits([row[:-1] for row in e.seen[:length]])
    assert e.answers == [[*row, 0] for row in shown] * repeats + [[0] * 8 + [1]]
    assert e.sources == [[i] for i in range(length)] * repeats + [[length]]


def test_zeros_are_more_in_training_alone() -> None:
    """A share of the vectors is empty, and what is to be written still is what was shown."""
    for split, share, wide in [("train", 0.25, 0.06), ("validation", 1 / 256, 0.01)]:
        vectors = []
        for seed in range(60):
            e = Episode("RepeatCopy", seed, split=split, min_length=10, max_repeats=2, zeros=0.25)
            length = next(t for t, row in enumerate(e.seen) if row[-1] != 0)
            shown = bits([row[:-1] for row in e.seen[:length]])
            assert e.answers[:length] == [[*row, 0] for row in shown]
            vectors += shown
        assert np.mean([not any(vector) for vector in vectors]) == pytest.approx(share, abs=wide)


@pytest.mark.parametrize("seed", SEEDS)
def test_allocation(seed: int) -> None:
    e = Episode("Allocation", seed, sequences=3, length=2)
    for block in range(3):
        shown = bits([row[:-1] for row in e.seen[5 * block : 5 * block + 2]])
        assert e.answers[2 * block : 2 * block + 2] == shown
        assert e.sources[2 * block : 2 * block + 2] == [[5 * block], [5 * block + 1]]


@pytest.mark.parametrize("seed", SEEDS)
def test_repeat_previous(seed: int) -> None:
    e = Episode("RepeatPrevious", seed, k=3, steps=9)
    symbols = [int(row.argmax()) for row in e.seen]
    assert [a[0] for a in e.answers] == symbols[:-3]
    assert e.sources == [[t] for t in range(6)]


@pytest.mark.parametrize("seed", range(8))
def test_associative_recall(seed: int) -> None:
    e = Episode("AssociativeRecall", seed)
    markers = [t for t, row in enumerate(e.seen) if row[-2]]
    first, second = (t for t, row in enumerate(e.seen) if row[-1])
    items = [bits([row[:-2] for row in e.seen[t + 1 : t + 4]]) for t in markers]
    query = bits([row[:-2] for row in e.seen[first + 1 : second]])
    asked = items.index(query)
    assert e.answers == items[asked + 1]
    for i, source in enumerate(e.sources):
        assert source == [markers[asked + 1] + 1 + i, first + 1, first + 2, first + 3]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("options", "known", "wrong"),
    [
        ({"width": 30}, 30, 3),
        ({"width": 30, "damage": 0.2, "patterns": 7}, 30, 6),
        ({"mode": "erase", "width": 21}, 11, 0),
        ({"mode": "hetero", "width": 12, "min_load": 30, "max_load": 30}, 12, 0),
        ({"mode": "hetero", "width": 20, "damage": 0.1}, 20, 2),
        ({"data": "mnist", "mode": "erase", "patterns": 6}, 392, 0),
        ({"data": "mnist", "mode": "hetero", "patterns": 3, "split": "test"}, 784, 0),
    ],
)
def test_completion(seed: int, options: dict, known: int, wrong: int) -> None:
    e = Episode("Completion", seed, **options)
    *shown, cue = e.seen
    width = e.world.width
    assert not np.any([row[0] for row in shown])
    assert cue[0] == 1
    assert {float(bit) for row in shown for bit in np.unique(row[1:])} <= {-1.0, 1.0}
    (source,) = e.sources[0]
    whole = shown[source][1:]
    assert e.answers == [(whole[-width:] > 0).astype(int).tolist()]
    assert np.count_nonzero(cue[1 : known + 1] != whole[:known]) == wrong
    assert not np.any(cue[known + 1 :])  # what is missing
    assert len({row.tobytes() for row in shown}) == len(shown)
    if "patterns" in options:
        assert len(shown) == options["patterns"]
    elif "min_load" in options:
        assert len(shown) == round(0.3 * 12)
    else:
        assert 0.04 <= len(shown) / width <= 0.11
    assert e.score == 1


def test_a_pattern_with_a_few_wrong_bits_counts_as_retrieved() -> None:
    for wrong, score in ((0, 1), (2, 1), (3, 0)):
        env = gym.make("Memory/Completion-v0", patterns=1).unwrapped
        env.reset(seed=0)
        _, _, _, _, info = env.step(np.zeros(100))
        target = info["target"].copy()
        target[:wrong] ^= 1
        _, reward, over, _, info = env.step(target)
        assert over
        assert info["score"] == score
        assert reward == pytest.approx(1 - wrong / 100)


@pytest.mark.parametrize("seed", SEEDS)
def test_n_grams_and_their_bayes_optimal_predictor(seed: int) -> None:
    env = gym.make("Memory/DynamicNGrams-v0", bits=60, context=2, relevance=True).unwrapped
    seen, info = env.reset(seed=seed)
    shown, counts, moments = [], Counter(), {}
    regret = 0.0
    for t in range(59):
        shown.append(int(seen[0]))
        history = tuple(shown[-2:])
        assert info["target_mask"] == (t >= 1)
        if t >= 1:
            one, zero = counts[history, 1], counts[history, 0]
            p = (one + 0.5) / (one + zero + 1)  # the paper's equation
            told = info["target"]
            assert info["optimum"] == pytest.approx(-math.log2(p if told else 1 - p), rel=1e-5)
            assert np.flatnonzero(info["relevance"]).tolist() == moments.get(history, [])
            moments.setdefault(history, []).append(t)
            counts[history, told] += 1
            regret += max(p, 1 - p) - (p if seed % 2 else 1 - p)
        seen, _, over, _, info = env.step(seed % 2)
    assert over
    assert info["score"] == pytest.approx(regret, abs=1e-4)


@pytest.mark.parametrize("seed", SEEDS)
def test_sorting(seed: int) -> None:
    e = Episode("PrioritySort", seed)
    rows = sorted(range(20), key=lambda i: -e.seen[i][-2])[:16]
    assert e.answers == [bits([e.seen[i][:-2]])[0] for i in rows]
    assert e.sources == [[i] for i in rows]
    e = Episode("Sort", seed)
    count = 1 + next(t for t, row in enumerate(e.seen) if row[1])
    order = sorted(range(count), key=lambda i: e.seen[i][0])
    assert [a[0] for a in e.answers] == order
    assert e.sources == [[i] for i in order]
    assert e.score == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_parity_and_logic(seed: int) -> None:
    e = Episode("Parity", seed)
    vector = np.concatenate(e.seen)
    assert e.answers == [[int((vector == 1).sum() % 2)]]
    assert set(np.unique(vector)) <= {-1, 0, 1}
    e = Episode("Logic", seed, min_length=4, gates=3)
    before = None
    for row, answer in zip(e.seen, e.answers, strict=True):
        b0, b1 = (int(row[0]) if before is None else before), int(row[1])
        for chunk in row[2:].reshape(3, 10):
            if chunk.any():
                b0, b1 = b1, int(TRUTH[chunk.argmax(), 2 * b1 + b0])
        assert answer == [b1]
        before = b1


def test_the_gates_are_what_their_names_say() -> None:
    functions = [
        lambda p, q: not (p or q),
        lambda p, q: q and not p,
        lambda p, q: p and not q,
        lambda p, q: p != q,
        lambda p, q: not (p and q),
        lambda p, q: p and q,
        lambda p, q: p == q,
        lambda p, q: not p or q,
        lambda p, q: p or not q,
        lambda p, q: p or q,
    ]
    for gate, function in enumerate(functions):
        assert TRUTH[gate].tolist() == [int(function(p, q)) for p in (False, True) for q in (False, True)]


@pytest.mark.parametrize("seed", SEEDS)
def test_arithmetic(seed: int) -> None:
    e = Episode("Arithmetic", seed)
    plus = next(t for t, row in enumerate(e.seen) if row[11])
    equals = next(t for t, row in enumerate(e.seen) if row[12])
    first, second = (
        int("".join(str(row[:10].argmax()) for row in rows)) for rows in (e.seen[:plus], e.seen[plus + 1 : equals])
    )
    digits = [a[0] for a in e.answers]
    assert int("".join(map(str, reversed(digits)))) == first + second
    for t, (digit, carry) in enumerate(e.answers[:-1]):  # the pad shows what was written last
        row = e.seen[equals + 2 + t]
        assert (row[14:24].argmax(), row[24]) == (digit, carry)
    for column, source in enumerate(e.sources[:-1]):
        assert source == [plus - 1 - column, equals - 1 - column]


# ---- all of them ----


@pytest.mark.parametrize("env_id", [i for i in MEMORY_IDS if "NGrams" not in i and i.startswith("Memory/")])
def test_a_right_answer_scores_as_right(env_id: str) -> None:
    e = Episode(env_id[7:-3], 3)
    assert e.score == (0 if e.world.lower_is_better else 1)
    assert sum(e.rewards) == pytest.approx(1, abs=1e-4)


def test_the_reward_for_a_whole_answer() -> None:
    e = Episode("Copy", 0, reward="whole")
    assert e.rewards == [0.0] * (len(e.rewards) - 1) + [1.0]
    assert sum(Episode("Copy", 0, reward="whole", action=np.ones(8)).rewards) == 0


@settings(max_examples=10, deadline=None)
@given(low=st.integers(1, 6), more=st.integers(0, 6), seed=st.integers(0, 1000))
def test_lengths_are_within_their_bounds(low: int, more: int, seed: int) -> None:
    e = Episode("Copy", seed, min_length=low, max_length=low + more)
    assert low <= len(e.answers) <= low + more


@pytest.mark.parametrize(("split", "length"), [("test-40", 40), ("test-120", 120)])
def test_splits_set_the_size(split: str, length: int) -> None:
    assert len(Episode("Copy", 0, split=split).answers) == length
    assert len(Episode("Copy", 0, split=split, min_length=3, max_length=3).answers) == 3  # what is given counts more


@pytest.mark.parametrize(
    ("env_id", "options", "message"),
    [
        ("Copy", {"max_length": 0}, "max_length=0"),
        ("Copy", {"min_length": 5, "max_length": 4}, "min_length=5.*max_length=4"),
        ("Copy", {"split": "test-41"}, "split 'test-41'.*test-40"),
        ("Copy", {"width": 0}, "width=0"),
        ("Copy", {"reward": "sparse"}, "reward 'sparse'"),
        ("AssociativeRecall", {"min_items": 1}, "min_items=1"),
        ("PrioritySort", {"answers": 21}, "answers=21"),
        ("Sort", {"max_length": 16}, "max_length=16.*15 symbols"),
        ("DynamicNGrams", {"bits": 5}, "bits=5"),
        ("Parity", {"per_step": 7}, "per_step=7"),
        ("RepeatPrevious", {"steps": 4}, "steps=4"),
        ("GraphTraversal", {"lesson": 15}, "lesson=15"),
        ("GraphTraversal", {"min_nodes": 0}, "min_nodes=0"),
        ("GraphInference", {"max_degree": 6}, "degree"),
        ("FamilyTree", {"path": 6}, "path=6"),
        ("Tape", {"task": "revers"}, "Did you mean 'reverse'"),
        ("Completion", {"mode": "erased"}, "Did you mean 'erase'"),
        ("Completion", {"damage": 1.5}, "damage=1.5"),
        ("Completion", {"patterns": 0}, "patterns=0"),
        ("Completion", {"width": 4000, "split": "test-30"}, "patterns=1200"),
        ("Completion", {"width": 1}, "width=1 "),
        ("Completion", {"width": 10, "data": "mnist"}, "width=10.*784 pixels"),
        ("TMaze", {"corridor": 0}, "corridor=0"),
        ("TMaze", {"corridor": 1.5}, "corridor=1.5.*whole number"),
        ("Copy", {"width": "8"}, "width=.8.*whole number"),
    ],
)
def test_impossible_arguments_get_one_clear_error(env_id: str, options: dict, message: str) -> None:
    with pytest.raises(FoveateError, match=message):
        gym.make(f"Memory/{env_id}-v0", **options)


def test_a_reversal_can_be_imitated_since_the_end_is_seen_first() -> None:
    env = gym.make("Memory/Tape-v0", task="reverse").unwrapped
    for seed in range(5):
        seen, info = env.reset(seed=seed)
        blank_seen, over = False, False
        while not over:
            blank_seen |= bool(seen[-1])
            assert blank_seen or info["target"][1] == 0  # nothing is written before the end is known
            seen, _, over, _, info = env.step(info["target"])


def test_worlds_that_are_over_may_be_stepped_while_others_play() -> None:
    env = gym.make_vec("Memory/Copy-v0", num_envs=6, render_mode="rgb_array")  # next-step autoreset, pictures kept
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(150):
        env.step(env.action_space.sample())
    assert len(env.render()) == 6
