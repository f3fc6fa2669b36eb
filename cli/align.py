"""``evaluate.py RUN --align`` and ``--score-alignment``: what is read for each word that is written."""

from pathlib import Path

import gymnasium as gym

from ..analysis.alignment import agreement
from ..analysis.comparison.statistics import Share
from ..analysis.explanation import Explanation, explanation
from ..analysis.late_dots import late_dots
from ..envs.protocols import world_of
from ..envs.registry import check_one_agent, make_one, world_class
from ..envs.sequence.pen_reading import PenReading
from ..envs.sequence.transcript import Transcript
from ..errors import FoveateError
from ..viz.pages import number
from ..viz.video import write_video
from ..wrappers import Alignment, TranscriptJacobian, record_episodes
from .film import Shot

TITLES = {"weights": "weights of attention", "jacobian": "|d logit / d item|", "uniform": "the same everywhere"}
TITLES["ponder"] = "steps of thought"
ORDERS = {"weight": "weight", "jacobian": "|d logit / d item|", "random": "chance"}
TITLES |= {f"{name} by word": f"{title}, by word" for name, title in TITLES.items()}


Figures = dict[str, object]
TRIED = 300  # words among which one with a letter is looked for


def save_alignment(shot: Shot, path: Path, letter: str = "") -> None:
    """Play an episode and draw its alignments: a .png of the whole episode, or an .mp4 that unfolds.

    Where whole words are read at once it draws the strips of a letter, or of one letter after the other.

    Args:
        shot: who plays where.
        path: a .png or an .mp4 file.
        letter: that the strips are of; the first word is shown that has it and is read right, or else has it at all.
            Without one it is an i that a pen wrote, or the first letter.

    Raises:
        FoveateError: the environment, or the agent, has no alignment.
    """
    check_one_agent(shot.env_id, "an alignment")
    inner = make_one(shot.env_id, shot.env)
    world = world_of(inner)
    if isinstance(world, Transcript) and world.answer == "string":
        _save_strips(shot, inner, path, letter or ("i" if isinstance(world, PenReading) else None))
        return
    if letter:
        raise FoveateError(
            f'--letter is of whole words that are read at once, as with answer="string", not {shot.env}.'
        )
    env = Alignment(inner, shot.learner)
    frames = record_episodes(env, shot.learner, 1, shot.seed)[0]
    if Path(path).suffix.lower() == ".mp4":
        write_video(path, [*frames, *[frames[-1]] * 8])
    else:
        env.save(path)
    env.close()


def _save_strips(shot: Shot, inner: gym.Env, path: Path, letter: str | None) -> None:
    env = TranscriptJacobian(inner, shot.learner, letter)
    having = None  # the seed of the first word in which the letter is read, right or not
    for seed in range(shot.seed, shot.seed + TRIED):
        env.reset(seed=seed)
        if env.chosen is not None:
            having = seed if having is None else having
            if env.read == env.due:
                break
    else:
        if having is None:
            raise FoveateError(f"in none of {TRIED} words {letter or 'a letter'!r} is read: is this agent trained?")
        env.reset(seed=having)
    if Path(path).suffix.lower() == ".mp4":
        write_video(path, [frame for place in range(len(env.read)) for frame in [env.strips(place)] * 8])
    else:
        env.save(path)
    env.close()


def score_alignment(shot: Shot, episodes: int) -> dict[str, Figures]:
    """Measure how well a run's alignments agree with the gold one, print the table and return it.

    Args:
        shot: who is measured where.
        episodes: how many.

    Raises:
        FoveateError: the environment, or the agent, has no alignment.
    """
    check_one_agent(shot.env_id, "an alignment")
    found = agreement(shot.learner, shot.env_id, shot.env, episodes, shot.seed)
    strings = shot.env.get("answer") == "string"
    when = "of the letters of words that are read right" if strings else "while the right text is written"
    print(f"alignment in {shot.env_id}, {episodes} episodes, {when}")
    print(f"{'':<31}{'pointing':>10}{'mass':>10}{'ROC area':>10}{'entropy':>10}{'opening':>10}")
    for name, row in found.items():
        cells = "".join(f"{number(x, '.3f'):>10}" for x in row[:5])
        print(f"{TITLES[name]:<31}{cells}")
    print("  pointing: how often the greatest amount is on a gold item; mass: the share of all that is there;")
    print("  ROC area: chance that a gold item has more than another; entropy in bits: 0 if all is on one item;")
    print("  opening: the share of all that is before the first item that decides anything, a pause, say")
    explained = None if strings else explanation(shot.learner, shot.env_id, shot.env, episodes, shot.seed)
    figures: dict[str, Figures] = {name: row._asdict() for name, row in found.items()}
    if explained is not None:
        _print_explanation(explained)
        erased = {order: row._asdict() for order, row in explained.erased.items()}
        figures["explanation"] = {**explained._asdict(), "erased": erased}
    world = world_class(shot.env_id)
    if isinstance(world, type) and issubclass(world, PenReading) and strings:
        figures["late dots"] = _score_late_dots(shot, episodes)
    return figures


def _print_explanation(found: Explanation) -> None:
    print(f"is attention explanation? weights shuffled, and erased, at {found.writings} writings")
    moved, flips = number(found.moved, ".3f"), number(found.flips, ".3f")
    print(f"  shuffled: what is written moves by {moved} (total variation), and is another word in {flips}")
    print("  erased, the greatest first, until it is another word (share of the annotations; never, with one left)")
    for order, row in found.erased.items():
        print(f"    by {ORDERS[order]:<22}{number(row.share, '.3f'):>8}   never {number(row.never, '.3f')}")
    print("  little movement: the weights aren't why. They rank what counts if less must go by weight than otherwise.")


def _score_late_dots(shot: Shot, words: int) -> Figures:
    found = late_dots(shot.learner, shot.env_id, shot.env, words, shot.seed)
    print(f"late dots: {found.cases} i's in words that are read right, each without its dot:")
    print(f"  read as l in {_share(found.as_l)}, still as i in {_share(found.as_i)}, nothing else being changed")
    means = " ".join(f"{name} {number(x, '.3g')}," for name, x in (("body", found.body), ("dot", found.dot)))
    print(f"  |d log p(i) / d point|: {means} other letters {number(found.elsewhere, '.3g')};", end=" ")
    print(f"the dot's is above the others' in {_share(found.above)}")
    return {name: x._asdict() if isinstance(x, Share) else x for name, x in found._asdict().items()}


def _share(of: Share) -> str:
    return f"{number(of.share, '.3f')} ({number(of.low, '.3f')} to {number(of.high, '.3f')})"
