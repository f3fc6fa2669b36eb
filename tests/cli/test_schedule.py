"""Evaluations that are left to the run: what they cost, how they are spread, and that a resume repeats them."""

import math
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.agents.learning.learner import Counts, Learner
from foveate.agents.learning.options import CALL, LEARNERS, BackpropOptions, LearnerOptions, Options, QOptions
from foveate.agents.learning.schema import Progress, plain_progress, progress_of
from foveate.cli.configuration import RunOptions
from foveate.cli.schedule import ROWS, SHARE, Schedule

OPTIONS: list[Options] = [
    LearnerOptions(worlds=128),
    LearnerOptions(objective="ppo", worlds=16, horizon=64),
    BackpropOptions(worlds=32),
    QOptions(),
]


def stub(options: Options) -> Any:
    """What a schedule asks of a learner."""
    learner = SimpleNamespace(options=options, counts=Counts(), recent=[])
    learner.longest_episode = lambda: Learner.longest_episode(learner)
    return learner


def train(
    run: RunOptions, options: Options, turn: int, lengths: list[int], slow: bool, stop: int = 0
) -> list[list[int]]:
    """Evaluations of a training as (steps, episodes, longest), which is resumed once where `stop` says so.

    Args:
        run: how it is run.
        options: how it learns.
        turn: steps of an update.
        lengths: of the episodes in each turn, over and over.
        slow: whether its episodes take long.
        stop: after how many turns.
    """
    progress, learner, found = Progress(), stub(options), []
    schedule = Schedule(run, progress, slow)

    def evaluate() -> None:
        count, steps = schedule.episodes(learner), learner.counts.steps
        longest = lengths[learner.counts.iterations % len(lengths)]
        progress.evaluated, progress.eval_episodes, progress.longest = steps, count, longest
        found.append([steps, count, longest])

    while learner.counts.steps < run.steps:
        if schedule.due(learner):
            evaluate()
        if learner.counts.iterations == stop:
            progress = progress_of({"progress": msgspec.json.decode(msgspec.json.encode(plain_progress(progress)))})
            schedule = Schedule(run, progress, slow)
        learner.recent = [{"l": lengths[learner.counts.iterations % len(lengths)]}]
        learner.counts.steps += turn
        learner.counts.iterations += 1
    if progress.evaluated < learner.counts.steps:
        evaluate()
    return found


def work(count: int, longest: int) -> float:
    rows = min(count, ROWS)
    return math.ceil(count / rows) * longest * (CALL + rows)


@settings(deadline=None, max_examples=150)
@given(
    steps=st.integers(1, 3_000_000),
    options=st.sampled_from(OPTIONS),
    turns=st.integers(1, 300),
    lengths=st.lists(st.integers(1, 500), min_size=1, max_size=5),
    slow=st.booleans(),
    stop=st.integers(0, 300),
)
def test_evaluations_are_paid_for_alike_and_repeated_by_a_resume(
    steps: int, options: Options, turns: int, lengths: list[int], slow: bool, stop: int
) -> None:
    run, turn = RunOptions(steps=steps), max(1, steps // turns)
    found = train(run, options, turn, lengths, slow)
    assert found == train(run, options, turn, lengths, slow, stop)
    assert found[-1][0] >= steps  # the last weights are always measured
    assert len({count for _, count, _ in found}) == 1
    assert len(found) <= 21
    longest = max(lengths)  # what is known beforehand is how long episodes were
    before = [work(count, longest) for _, count, _ in found[:-1]]
    allowed = SHARE * options.work() * steps
    if len(found) > 1 and len(set(lengths)) == 1:
        assert sum(before) + work(found[-1][1], found[-1][2]) <= allowed * (1 + 1e-9)


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: options.objective)
def test_more_steps_have_more_evaluations_then_more_episodes(options: Options) -> None:
    each = [train(RunOptions(steps=10**n), options, 10**n // 500 + 1, [12], False) for n in range(3, 9)]
    assert [rows[0][1] for rows in each] == sorted(rows[0][1] for rows in each)
    assert [len(rows) for rows in each] == sorted(len(rows) for rows in each)
    assert (len(each[0]), each[0][0][1]) == (1, 100)
    assert len(each[-1]) >= 19
    assert each[-1][0][1] == 3200


@pytest.mark.parametrize(
    ("said", "meant"), [((0, 0), (0, 0)), ((70, 0), (70, 800)), ((0, 7), (50, 7)), ((70, 7), (70, 7))]
)
def test_what_a_user_says_is_done(said: tuple[int, int], meant: tuple[int, int]) -> None:
    asked = RunOptions(steps=1000, eval_every=said[0], eval_episodes=said[1])
    run = asked.resolved(slow=False)
    every, episodes = meant
    assert (run.eval_every, run.eval_episodes) == meant
    if not every:
        return
    found = train(run, OPTIONS[0], 10, [10**6], False)
    assert [steps for steps, _, _ in found] == [*range(every, 1000, every), 1000]
    assert {count for _, count, _ in found} == {episodes}
    assert asked.resolved(slow=True).eval_episodes == (said[1] or 10)


def test_every_way_to_learn_says_its_work() -> None:
    assert {type(kind.make({"objective": name})).__name__: None for name, kind in LEARNERS.items()}.keys() == {
        type(options).__name__ for options in OPTIONS
    }
    assert all(options.work() >= 3 for options in OPTIONS)
