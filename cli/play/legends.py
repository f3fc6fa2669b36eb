"""What the numbers of observations and actions mean, for people: by world, where the spaces don't say it."""

from collections.abc import Sequence
from typing import NamedTuple

import gymnasium as gym
from gymnasium import spaces

from ...envs.batch import BatchWorld
from ...envs.glimpse.catch import Catch
from ...envs.glimpse.classification import Classification
from ...envs.glimpse.house_numbers import HouseNumbers
from ...envs.glimpse.tasks import Fashion
from ...envs.memory.arithmetic import Arithmetic
from ...envs.memory.completion import Completion
from ...envs.memory.copying import Allocation, Copy, RepeatCopy
from ...envs.memory.graph_world import GraphWorld
from ...envs.memory.logic import GATES, Logic
from ...envs.memory.mini_shrdlu import COLUMNS, HEIGHT, LETTERS, MOST_BLOCKS, MOVES, RELATIONS, MiniShrdlu
from ...envs.memory.ngrams import DynamicNGrams
from ...envs.memory.previous import RepeatPrevious
from ...envs.memory.programs import DEEDS, PROGRAMS, ROWS
from ...envs.memory.recall import AssociativeRecall
from ...envs.memory.scratch_pad import ScratchPad
from ...envs.memory.sorting import PrioritySort, Sort
from ...envs.memory.tape import Tape
from ...envs.memory.tmaze import TMaze
from ...envs.sequence.convex_hull import ConvexHull
from ...envs.sequence.numbers import NumberPassage
from ...envs.sequence.passage import Passage
from ...envs.sequence.pen_passage import PenPassage
from ...envs.sequence.pen_reading import PenReading
from ...envs.sequence.picture_passage import PicturePassage
from ...envs.sequence.text import ALPHABET, Text
from ...envs.sequence.things import CLOTHES
from ...wrappers.saliency.pictures import names_of_actions

DIGITS = tuple("0123456789")


class Group(NamedTuple):
    """Neighbouring numbers of an observation.

    Attributes:
        title: what they are.
        size: how many.
        names: where each block of as many numbers says one thing by a 1: what its numbers stand for. Where there are
            none the numbers are drawn.
        columns: of the drawing; 0 draws them side by side.
        plane: whether the first two are a place in the unit square.
    """

    title: str
    size: int
    names: Sequence[str] = ()
    columns: int = 0
    plane: bool = False


def groups_of(world: BatchWorld | None, size: int) -> list[Group]:
    """The groups that a world's observation vector is made of.

    Args:
        world: None for an environment that isn't ours.
        size: of the vector.
    """
    found = _groups(world, size)
    return found if sum(group.size for group in found) == size else [Group("what is seen", size)]


def _groups(world: BatchWorld | None, size: int) -> list[Group]:
    match world:
        case PenPassage():
            return [_named("reading", world.source_names), Group("last point: right, up, pen lifted", 3)]
        case PicturePassage():
            cell = Group("a cell of the picture", world.cell**2, columns=world.cell)
            return [cell, _flag("all was read: write now"), _last(world)]
        case NumberPassage():
            read = Group("reading", world.numbers, plane=isinstance(world, ConvexHull | PenReading))
            return [read, _flag("all was read: write now"), _last(world)]
        case Passage():
            read = Group("reading", world.words * world.symbols, world.source_names)
            return [read, _last(world)]
        case Text():
            return [_named("character", [_visible(letter) for letter in ALPHABET])]
        case GraphWorld():
            asked = [_flag("a question is asked"), _flag("an answer is due")]
            return [Group("a triple: from, edge, to", size - 2, DIGITS), *asked]
        case MiniShrdlu():
            blocks = [str(number + 1) for number in range(MOST_BLOCKS)]
            return [
                _named("goal", [chr(65 + i) for i in range(LETTERS)]),
                _flag("this goal is asked for: move now"),
                _named("block", blocks),
                _named("is", RELATIONS),
                _named("block", blocks),
                Group("columns 0, 1, 2, each from the ground", COLUMNS * HEIGHT * MOST_BLOCKS, blocks),
            ]
        case Arithmetic():
            kinds = ["a digit", "plus", "equals", "write: lowest digit first"]
            pad = [_named("digit on the pad", DIGITS), Group("carry on the pad", 1)]
            return [_named("digit", DIGITS), _named("moment", kinds), *pad]
        case Logic():
            return [Group("bits b0, b1", 2), Group("gates, by number", size - 2, [str(i) for i in range(GATES)])]
        case Completion():
            pairs = size // world.width
            grids = [Group("pattern", world.width, columns=world.shape[-1]) for _ in range(pairs)]
            return [_flag("damaged: write it as it was"), *grids]
        case TMaze():
            return [_named("here", ["cue: left", "cue: right", "corridor", "junction"])]
        case Tape():
            return [_named("under the head", [*map(str, range(size - 1)), "blank"])]
        case RepeatPrevious():
            return [_named("symbol", [str(i) for i in range(size)])]
        case DynamicNGrams():
            return [Group("bit", 1)]
        case Sort():
            return [Group("number", 1), _flag("the last one: write their places now, the smallest first")]
        case PrioritySort():
            return [Group("bits", size - 2), Group("priority", 1), _flag("write now, the highest priority first")]
        case AssociativeRecall():
            return [Group("bits", size - 2), _flag("an item begins"), _flag("asked with the next item")]
        case RepeatCopy():
            return [Group("bits", size - 1), Group("how often (0 is the mean of training)", 1)]
        case Copy() | Allocation():
            return [Group("bits", size - 1), _flag("marker: write now")]
        case _:
            return []


def _named(title: str, names: Sequence[str]) -> Group:
    return Group(title, len(names), names)


def _last(world: Passage) -> Group:
    return _named("written last", ["-", *world.written_names[1:]])  # the first stands for nothing, too


def _flag(what: str) -> Group:
    return Group("", 1, [what])


def _visible(letter: str) -> str:
    return {" ": "space", "\n": "new line"}.get(letter, letter)


def action_names(
    env: gym.Env, world: BatchWorld | None, part: str, space: spaces.Discrete | spaces.MultiDiscrete
) -> tuple[list[str], list[Sequence[str]]]:
    """What the numbers of a part of an action are called, and the values of each.

    Args:
        env: the environment.
        world: below it, if it is ours.
        part: name of the part; "" where the action is one.
        space: of the part.
    """
    counts = [int(space.n)] if isinstance(space, spaces.Discrete) else space.nvec.flatten().tolist()
    titles, names = _action_names(env, world, part, len(counts))
    fits = len(names) == len(counts) and all(len(n) == count for n, count in zip(names, counts, strict=True))
    if not fits:
        titles = [f"number {i + 1}" for i in range(len(counts))]
        names = [list(map(str, range(count))) for count in counts]
    return titles if len(counts) > 1 else [], list(names)


def _action_names(
    env: gym.Env, world: BatchWorld | None, part: str, count: int
) -> tuple[list[str], list[Sequence[str]]]:
    known = names_of_actions(env)
    if known is not None:
        return [""], [known]
    match world:
        case Catch():
            return [""], [("left", "stay", "right")]
        case HouseNumbers():
            return [f"digit {i + 1}" for i in range(count)], [(*DIGITS, "end")] * count
        case Classification():
            if part != "label":
                return [""], [("no", "yes")]
            if isinstance(world, Fashion):
                return [""], [CLOTHES]
            return [""], [[world.scene.name(label) for label in range(world.scene.classes)]]
        case Text():
            return [""], [list(ALPHABET)]
        case Passage() if part in ("", "write"):
            first = "end" if world.ends else world.written_names[0]
            return [f"letter {i + 1}" for i in range(count)], [[first, *world.written_names[1:]]] * count
        case GraphWorld():
            return [f"digit {i + 1} of the triple" for i in range(count)], [DIGITS] * count
        case TMaze():
            return [""], [("go on", "turn left", "turn right")]
        case MiniShrdlu():
            return [""], [("nothing", *(f"{i} to {j}" for i, j in MOVES))]
        case Tape():
            symbols = [str(i) for i in range(world.symbols)]
            return ["move the head", "write?", "which symbol"], [("left", "stay", "right"), ("no", "yes"), symbols]
        case ScratchPad():
            titles = ["call", "ACT: row", "ACT: what", "ACT: symbol", "stop?"]
            names = [PROGRAMS, ROWS, DEEDS, (*DIGITS, "empty"), ("no", "yes")]
            return titles[-count:], names[-count:]
        case Arithmetic():
            return ["digit", "carry"], [DIGITS, ("0", "1")]
        case _:
            return [], []
