"""benchmarks/aims.py: what was aimed at, judged by what was measured."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

LEAST = {"family": "looking", "table": "T", "label": "L", "bound": 0.9, "least": True}


def row(seed: int, score: float, **more: Any) -> dict[str, Any]:
    return {"table": "T", "label": "L", "seed": seed, "score": score, "training_cpu_seconds": 120.0, **more}


@pytest.mark.parametrize(
    ("values", "more", "said"),
    [
        ([], {}, "not measured"),
        ([1.0, 0.8, 0.95], {}, "reached"),
        ([1.0, 0.8, 0.8], {}, "not reached"),
        ([1.0, 1.0], {}, "reached, seeds to come"),
        ([1.0, 1.0, 1.0], {"minutes": 2}, "reached"),
        ([1.0, 1.0, 1.0], {"minutes": 1}, "reached in more time"),
        ([0.1, 1.0, 1.0], {"each": 2}, "reached"),
        ([0.1, 0.1, 1.0], {"each": 2}, "not reached"),
        ([0.1, 1.0], {"each": 2}, "seeds to come"),
        ([0.1, 0.1], {"each": 2}, "not reached"),  # the third can't change it
    ],
)
def test_an_aim_is_judged_by_its_seeds(bench: SimpleNamespace, values: list[float], more: dict, said: str) -> None:
    aim = bench.aims.Aim(**LEAST, **more)
    assert bench.aims.verdict(aim, values, minutes=2.0) == said


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.booleans())
def test_at_most_is_at_least_upside_down(bench: SimpleNamespace, values: list[float], by_seed: bool) -> None:
    """For any figures, with the mean or a number of seeds."""
    least = bench.aims.Aim(**LEAST, each=2 * by_seed)
    most = least._replace(least=False, bound=-least.bound)
    negative = [-value for value in values]
    assert bench.aims.verdict(least, values, 1.0) == bench.aims.verdict(most, negative, 1.0)


def test_a_figure_is_a_split_or_a_number_of_the_run(bench: SimpleNamespace) -> None:
    measured = row(1, 0.5, lesson=3, sweep={"test-20": {"score": 0.25}})
    figures = {"score": 0.5, "test-20": 0.25, "lesson": 3, "test-40": None}
    for figure, value in figures.items():
        assert bench.aims.Aim(**LEAST, figure=figure).value(measured) == value


def test_every_aim_has_its_row_in_the_plan(bench: SimpleNamespace) -> None:
    planned = {(entry.job["table"], entry.job["label"]) for entry in bench.run_jobs.benchmarks().entries() if entry.job}
    aims = bench.aims.read_aims()
    assert {(aim.table, aim.label) for aim in aims} <= planned
    assert len({(aim.table, aim.label, aim.figure) for aim in aims}) == len(aims)


def test_the_page_counts_its_verdicts(bench: SimpleNamespace) -> None:
    """Its first sentences sum up what stands in the tables, one table a family."""
    label = {"table": "Translation", "label": "transformer"}
    page = "\n".join(bench.aims.pages([row(seed, 1.0) | label for seed in (1, 2, 3)]))
    verdicts = re.findall(r"\| (?:\*\*)?([a-z ,]+?)(?:\*\*)? \|$", page, re.MULTILINE)
    verdicts = [verdict for verdict in verdicts if verdict != "verdict"]
    assert (len(verdicts), verdicts.count("reached")) == (len(bench.aims.read_aims()), 1)
    assert f"Of {len(verdicts)} aims: {len(verdicts) - 1} not measured, 1 reached." in page
    assert "| [Translation](#translation): transformer | score | at least 0.9, 5 minutes | 1, 1, 1 | 2.0 |" in page
    assert len(re.findall("^### ", page, re.MULTILINE)) == len({aim.family for aim in bench.aims.read_aims()})
