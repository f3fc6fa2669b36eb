"""``evaluate.py RUN --score-memory``: what rows of an external memory are used for."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from ..analysis.graph_reading import GraphReading
from ..analysis.memory_use import Counters, Sorted, memory_use
from ..envs.registry import check_one_agent
from ..viz.graph_reading import MODES, draw_graph_page
from ..viz.memory_use import draw_counters, draw_places
from .film import Shot

LABELS = ("source", "edge", "destination")


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
    if isinstance(found, GraphReading):
        figures = _of_graphs(found)
        draw = partial(draw_graph_page, found.page, shot.env_id)
    elif isinstance(found, Counters):
        figures = _of_counters(found)
        draw = partial(draw_counters, found.rows, found.counted, found.told, found.correlation)
    else:
        figures, draw = _of_places(found)
    if plot is not None:
        plot.write_bytes(draw())
        print(f"plot: {plot}")
    return {"episodes": episodes, **figures}


def _of_counters(found: Counters) -> dict[str, object]:
    print(f"  histories, and rows of which each is one's most read: {len(found.rows)}, {found.distinct}")
    print(f"  share of a reading that is on its history's row:      {found.own:.3f}")
    print(f"  ones less zeros so far, and a linear fit to readings: r = {found.correlation:.3f}")
    return {
        "histories": len(found.rows),
        "distinct": found.distinct,
        "own": found.own,
        "correlation": found.correlation,
    }


def _of_places(found: Sorted) -> tuple[dict[str, object], Callable[[], bytes]]:
    for name, each in (("priority, and row written", found.by_priority), ("answer, and row read", found.in_order)):
        print(f"  {name:<28} rank correlation by head: {', '.join(f'{value:.3f}' for value in each)}")
    writes, reads = (int(np.nanargmax(np.abs(each))) for each in (found.by_priority, found.in_order))
    titles = (
        f"write head {writes + 1}: rank correlation {found.by_priority[writes]:.2f}",
        f"read head {reads + 1}: rank correlation {found.in_order[reads]:.2f}",
    )
    figures = {"by_priority": found.by_priority.tolist(), "in_order": found.in_order.tolist()}
    return figures, partial(draw_places, found.priority, found.written[writes], found.read[reads], titles)


def _of_graphs(found: GraphReading) -> dict[str, object]:
    wanted = ", ".join(f"{share:.3f} {name}" for name, share in zip(LABELS, found.wanted, strict=True))
    for words, figure in (
        ("answers that are right, as whole triples", f"{found.right:.3f}"),
        ("some head reads the row of the due edge most", f"{found.found:.3f} (of any edge: {found.by_chance:.3f})"),
        ("digits told right from what is read", f"{found.told:.3f} (by chance: 0.1), head {found.head + 1}"),
        ("digits that its key looks for and that are due", f"{wanted} (by chance: 0.1)"),
    ):
        print(f"  {words + ':':<48} {figure}")
    print("  at answers, the row read most is that of:  the due edge   its instruction   the next instruction")
    for head, shares in enumerate(zip(found.heads, found.instruction, found.next_instruction, strict=True), 1):
        print(f"    head {head:<37}{shares[0]:>12.3f}{shares[1]:>18.3f}{shares[2]:>23.3f}")
    print(f"  {'modes of reading:':<40}" + "".join(f"{name:>12}" for name in MODES))
    for when, modes in (("questions", found.asking), ("answers", found.answering)):
        for head, each in enumerate(modes, 1):
            print(f"    head {head} at {when:<28}" + "".join(f"{share:>12.3f}" for share in each))
    figures = {name: value for name, value in found._asdict().items() if name != "page"}
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in figures.items()}
