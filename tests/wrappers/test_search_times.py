"""Glimpses against the number of characters: from which glimpse on an agent knew, and the line through the means."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.agents import AGENTS, Policy
from foveate.agents.learning.actor import Observer, Transition
from foveate.analysis import search
from foveate.analysis.search import _Settling, plot_search, search_times
from foveate.cli.evaluate import EvaluateOptions
from foveate.errors import FoveateError

ID = "Glimpse/FindEight-v0"


def shown(observer: Observer, episodes: list[list[list[bool]]]) -> None:
    """Let an observer see episodes: of each row one after the other, each a list of whether its answers were right."""
    rows = [[(right, i + 1 == len(one)) for one in row for i, right in enumerate(one)] for row in episodes]
    for step in range(max(map(len, rows))):
        now = [row[step] if step < len(row) else (False, False) for row in rows]
        right, ended = torch.tensor(now).unbind(1)
        before = SimpleNamespace(target={"label": torch.full((len(rows),), 2)})
        output = SimpleNamespace(choices={"label": 1 + right.long()})
        observer.on_step(cast(Transition, SimpleNamespace(before=before, output=output, ended=ended)))


EPISODES = st.lists(st.lists(st.lists(st.booleans(), min_size=1, max_size=6), min_size=2, max_size=2), min_size=1)


@given(EPISODES)
@settings(max_examples=50, deadline=None)
def test_an_episode_is_settled_by_the_first_answer_from_which_on_all_are_right(episodes: list) -> None:
    observer = _Settling(rounds=2)
    shown(observer, episodes)
    expected = []
    for row in episodes:
        for one in row:
            settled = [i + 1 for i in range(len(one)) if all(one[i:])]
            expected.append((settled[0] if settled else 0, len(one)))
    assert sorted(zip(*(part.tolist() for part in observer.episodes()), strict=True)) == sorted(expected)


@pytest.mark.parametrize("ready", [False, True])
def test_the_slope_is_that_of_the_glimpses_of_right_searches(monkeypatch: pytest.MonkeyPatch, ready: bool) -> None:
    def play(_: object, __: str, env: Mapping[str, Any], *rest: object, watch: Callable[..., Observer]) -> None:
        count = env["min_characters"]
        wrong, late = [True, False], [False] * (1 + count // 4) + [True] * 3
        shown(watch(None, 1), [[late], [late], [late], [wrong]])

    monkeypatch.setattr(search, "measure", play)
    found = search_times(cast(Policy, None), ID, {"ready": ready, "search": "feature"}, "test", 4, 0)
    assert found.search == "feature"
    for one in found.found:
        assert (one.episodes, one.score.share) == (4, 0.75)
        assert one.glimpses.mean == 2 + one.characters // 4 + 2 * ready
        assert one.glimpses.low == one.glimpses.high == one.glimpses.mean
    x, y = (np.array(column) for column in zip(*[(f.characters, f.glimpses.mean) for f in found.found], strict=True))
    assert found.slope.mean == pytest.approx(np.polyfit(x, y, 1)[0])


def test_an_agent_searches_and_is_drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(search, "COUNTS", (4, 9))
    env = gym.make(ID, glimpses=3)
    torch.manual_seed(0)
    policy = AGENTS["ram"](env.observation_space, env.action_space, hidden=8, what=8, where=8)
    found = search_times(policy, ID, {"glimpses": 3}, "validation", 12, 0)
    assert found.ready
    assert [(one.characters, one.episodes) for one in found.found] == [(4, 12), (9, 12)]
    assert all(1 <= one.glimpses.mean <= 3 for one in found.found if one.score.share)
    assert found == search_times(policy, ID, {"glimpses": 3}, "validation", 12, 0)
    plot_search([("ram", found)], tmp_path / "search.png")
    assert (tmp_path / "search.png").stat().st_size > 5000


def test_what_is_no_search_is_refused() -> None:
    policy = cast(Policy, None)
    with pytest.raises(FoveateError, match=r"FindEight-v0, not of Glimpse/Fur-v0"):
        search_times(policy, "Glimpse/Fur-v0", {}, "test", 4, 0)
    with pytest.raises(FoveateError, match="split='test-9' has a number of characters of its own"):
        search_times(policy, ID, {}, "test-9", 4, 0)
    with pytest.raises(FoveateError, match="give one of --sweep"):
        EvaluateOptions(plot=Path("a.png"))
    with pytest.raises(FoveateError, match="give one of --sweep"):
        EvaluateOptions(plot=Path("a.png"), sweep=("test-9",), score_search=True)
    assert EvaluateOptions(plot=Path("a.png"), score_search=True).plot is not None
