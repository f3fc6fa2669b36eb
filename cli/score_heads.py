"""``evaluate.py RUN --score-heads``: what each head of a transformer looks at, and a picture of arcs."""

from pathlib import Path

from ..analysis.heads import Heads, heads_of
from ..envs.registry import check_one_agent
from ..viz.arcs import Head, draw_arcs
from .film import Shot

SHOWN = 70  # symbols of a picture


def score_heads(shot: Shot, episodes: int, plot: Path | None) -> dict[str, object]:
    """Let a run read; print what its heads look at, draw those that do so the most, and return the figures.

    Args:
        shot: who reads where.
        episodes: how many.
        plot: where the picture goes; None for none.

    Raises:
        FoveateError: it has no heads, or reads nothing that is known before.
    """
    check_one_agent(shot.env_id, "score-heads")
    found = heads_of(shot.learner.policy, shot.env_id, shot.env, episodes, shot.seed)
    print(f"what heads look at in {shot.env_id}: {episodes} episodes")
    print(f"  {'':<26}{'moments':>9}{'its share':>11}{'most, of the heads':>20}   by")
    for role in found.roles:
        layer, head = role.best
        most = f"{role.mass.max():.3f}"
        print(f"  {role.name:<26}{role.moments:>9,}{role.chance:>11.3f}{most:>20}   layer {layer + 1}, head {head + 1}")
    if plot is not None:
        plot.write_bytes(_picture(found))
        print(f"plot: {plot}")
    return {
        "episodes": episodes,
        "roles": [{**role._asdict(), "mass": role.mass.tolist()} for role in found.roles],
    }


def _picture(found: Heads) -> bytes:
    """The end of a text, with a line for each head that gives some role more than any other head does."""
    titles: dict[tuple[int, int], list[str]] = {}
    for role in found.roles:
        if role.mass.max() > 2 * role.chance:  # else nobody looks for it
            titles.setdefault(role.best, []).append(
                f"{role.mass.max():.0%} on {role.name} ({role.chance:.0%} by chance)"
            )
    heads = [
        Head(
            f"layer {layer + 1}, head {head + 1}: of its attention {', '.join(names)}",
            found.example.weights[layer, head],
        )
        for (layer, head), names in sorted(titles.items())
    ]
    symbols = found.example.symbols
    return draw_arcs(symbols, heads, max(0, len(symbols) - SHOWN), SHOWN)
