"""``evaluate.py RUN --score-memory``: what rows of an external memory are used for."""

from pathlib import Path

import numpy as np

from ..analysis.memory_use import Counters, Sorted, memory_use
from ..envs.registry import check_one_agent
from ..viz.memory_use import draw_counters, draw_places
from .film import Shot


def score_memory(shot: Shot, episodes: int, plot: Path | None) -> dict[str, object]:
    """Let a run play; print what its memory is used for, draw it, and return the figures.

    Args:
        shot: who plays where.
        episodes: how many.
        plot: where the picture goes; None for none.

    Raises:
        FoveateError: it has no memory, or nobody knows what for.
    """
    check_one_agent(shot.env_id, "score-memory")
    found = memory_use(shot.learner.policy, shot.env_id, shot.env, episodes, shot.seed)
    print(f"what memory is used for in {shot.env_id}: {episodes} episodes")
    figures, picture = _of_counters(found) if isinstance(found, Counters) else _of_places(found)
    if plot is not None:
        plot.write_bytes(picture)
        print(f"plot: {plot}")
    return {"episodes": episodes, **figures}


def _of_counters(found: Counters) -> tuple[dict[str, object], bytes]:
    print(f"  histories, and rows of which each is one's most read: {len(found.rows)}, {found.distinct}")
    print(f"  share of a reading that is on its history's row:      {found.own:.3f}")
    print(f"  ones less zeros so far, and a linear fit to readings: r = {found.correlation:.3f}")
    figures = {
        "histories": len(found.rows),
        "distinct": found.distinct,
        "own": found.own,
        "correlation": found.correlation,
    }
    return figures, draw_counters(found.rows, found.counted, found.told, found.correlation)


def _of_places(found: Sorted) -> tuple[dict[str, object], bytes]:
    for name, each in (("priority, and row written", found.by_priority), ("answer, and row read", found.in_order)):
        print(f"  {name:<28} rank correlation by head: {', '.join(f'{value:.3f}' for value in each)}")
    writes, reads = (int(np.nanargmax(np.abs(each))) for each in (found.by_priority, found.in_order))
    titles = (
        f"write head {writes + 1}: rank correlation {found.by_priority[writes]:.2f}",
        f"read head {reads + 1}: rank correlation {found.in_order[reads]:.2f}",
    )
    figures = {"by_priority": found.by_priority.tolist(), "in_order": found.in_order.tolist()}
    return figures, draw_places(found.priority, found.written[writes], found.read[reads], titles)
