"""Two agents side by side: what their runs say of them, how they learned, and the same episode played by both."""

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ...agents import Algorithm
from ...analysis.comparison.gather import Point, curve_of
from ...envs.registry import make_one, world_class
from ...viz.canvas import scaled
from ...viz.pages import NONE, number
from ...viz.pictures import as_png
from ...viz.plots import in_both_lights, subplots
from ...wrappers.record import film_play
from .looking import MOST_SEED
from .shelf import Agent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_FRAMES = 120  # of an episode that is kept for the page
WIDEST = 900  # pixels of a frame


class Film(NamedTuple):
    """An episode's frames.

    Attributes:
        frames: each the content of a PNG.
        whole: whether the episode ended within them.
    """

    frames: list[bytes]
    whole: bool


def facts(agents: Sequence[Agent]) -> tuple[list[str], list[list[str]]]:
    """A table of what the agents' run.json say: its head, and its rows."""
    rows = [
        ["world", *(agent.env_id for agent in agents)],
        ["agent", *(str(agent.run["agent"]) for agent in agents)],
        ["seed", *(str(agent.run.get("seed", NONE)) for agent in agents)],
        ["steps of training", *(_count(agent.run.get("steps")) for agent in agents)],
        ["minutes of training", *(_minutes(agent) for agent in agents)],
        ["best figure while training", *(number(_progress(agent, "best"), ".4g") for agent in agents)],
        ["… which is", *(_kind(agent) for agent in agents)],
        ["… after so many steps", *(_count(_progress(agent, "best_step")) for agent in agents)],
    ]
    different = sorted(
        {
            name
            for one, other in itertools.combinations(agents, 2)
            if one.env_id == other.env_id
            for name in one.env.keys() | other.env.keys()
            if one.env.get(name) != other.env.get(name)
        }
    )
    rows += [[f"its world's {name}", *(str(agent.env.get(name, NONE)) for agent in agents)] for name in different]
    return ["", *(agent.name for agent in agents)], rows


def _progress(agent: Agent, name: str) -> float | None:
    found = agent.run.get("progress", {}).get(name)
    return float(found) if isinstance(found, (int, float)) else None


def _count(steps: object) -> str:
    return f"{int(steps):,}" if isinstance(steps, (int, float)) else NONE


def _minutes(agent: Agent) -> str:
    seconds = _progress(agent, "seconds")
    return NONE if seconds is None else f"{seconds / 60:.0f}"


def _kind(agent: Agent) -> str:
    world = world_class(agent.env_id)
    if world is None:
        return "the return"
    if getattr(world, "scale", None) is None and world.score_name == "score":
        return "score (more is better)"
    return f"{world.score_name} ({'less' if world.lower_is_better else 'more'} is better)"


def curves(agents: Sequence[Agent]) -> tuple[bytes, bytes] | None:
    """How the agents learned, as PNGs for a bright and a dark page; None where no run keeps a log (metrics.csv)."""
    known = {agent.name: curve for agent in agents if (curve := curve_of(agent.path))}
    if not known:
        return None
    return in_both_lights(lambda colours: _figure(known, colours))


def _figure(known: dict[str, list[Point]], colours: Sequence[str]) -> "Figure":
    figure, ((axis,),) = subplots(1, 1, (7, 3.4))
    for colour, (name, curve) in zip(colours, known.items(), strict=False):
        axis.plot([p.steps for p in curve], [p.score for p in curve], color=colour, label=name, linewidth=1.8)
    axis.set_xlabel("steps of training")
    axis.set_ylabel("score on the validation split")
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    return figure


def film(agent: Agent, learner: Algorithm, seed: int) -> Film:
    """An episode as an agent plays it; agents of one world and one seed get the same episode.

    Args:
        agent: who plays.
        learner: the same, loaded.
        seed: of the episode.

    Raises:
        FoveateError: the world can't be made here, or draws nothing.
    """
    arguments = {**agent.env, "split": "test"} if "split" in agent.env else agent.env
    env = make_one(agent.env_id, arguments, "rgb_array")
    frames: list[bytes] = []
    whole = False
    for frame in itertools.islice(film_play(env, learner, seed % MOST_SEED), MOST_FRAMES):
        picture = frame.picture
        if picture.shape[1] > WIDEST:
            picture = scaled(picture, WIDEST / picture.shape[1])
        frames.append(as_png(picture))
        if frame.last:
            whole = True
            break
    env.close()
    return Film(frames, whole)
