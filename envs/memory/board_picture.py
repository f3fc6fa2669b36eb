"""Pictures of Mini-SHRDLU: the board, and what was said so far."""

from typing import TYPE_CHECKING

import numpy as np
import torch

from ...viz.canvas import FILLED, blank, box, even, line
from ...viz.palette import DIM, INK, NOW, OKABE_ITO, RIGHT, SOFT
from ...viz.text import write

if TYPE_CHECKING:
    from .mini_shrdlu import MiniShrdlu

CELL, LEFT, TOP, LINE = 56, 20, 44, 18
ABREAST, WIDE, GAP = 4, 128, 14  # goals beside each other, how wide each is, and what is between those below each other
WORDS = ("above", "below", "left of", "right of")


def draw_board(world: "MiniShrdlu", index: int) -> np.ndarray:
    """One world's board, and the goals as far as they were described, uint8 (H, W, 3).

    Args:
        world: that is drawn.
        index: of the world among its copies.
    """
    state = {name: value[index] for name, value in world.state.items()}
    clock, board = int(state["clock"]), state["board"]
    columns, height = board.shape
    abreast = min(ABREAST, world.goals)
    listed = -(-world.goals // abreast) * (LINE * world.constraints + GAP)
    canvas = blank(even(TOP + max(height * CELL + 40, listed) + 30), even(LEFT + columns * CELL + 40 + abreast * WIDE))
    ground = TOP + height * CELL
    line(canvas, (LEFT - 6, ground), (LEFT + columns * CELL + 4, ground), INK, 2)
    for column in range(columns):
        for row in range(height):
            block = int(board[column, row])
            if block:
                corner = (LEFT + column * CELL + 2, ground - (row + 1) * CELL + 2)
                far = (corner[0] + CELL - 6, corner[1] + CELL - 4)
                box(canvas, corner, far, OKABE_ITO[block % len(OKABE_ITO)], FILLED)
                write(canvas, str(block), (corner[0] + 18, corner[1] + 34), 0.8, INK)
    asked = int(state["asked"])
    _goals(canvas, world, state, clock, LEFT + columns * CELL + 30)
    letter = chr(65 + int(state["letter"][asked]))
    said = f"asked for: {letter}" if clock >= world.described else "goals are described"
    write(canvas, said, (LEFT, 24), 0.6, NOW if clock >= world.described else DIM)
    met = "   met" if int(state["met"]) else ""
    write(canvas, f"moment {clock}{met}", (LEFT, canvas.shape[0] - 10), 0.45, RIGHT if met else DIM)
    return canvas


def _goals(canvas: np.ndarray, world: "MiniShrdlu", state: dict[str, torch.Tensor], clock: int, left: int) -> None:
    """A line for each constraint that was described: what is asked for is bright, and green where it holds."""
    holds = world.holding(state["board"])
    asks = clock >= world.described
    for number in range(min(clock + (not asks), world.described)):
        goal, place = divmod(number, world.constraints)
        first, relation, second = (int(part) for part in world.parts(state["constraint"][goal, place]))
        letter = chr(65 + int(state["letter"][goal]))
        text = f"{letter}: {1 + first} {WORDS[relation]} {1 + second}"
        now = goal == int(state["asked"]) if asks else number == clock
        colour = (RIGHT if bool(holds[state["constraint"][goal, place]]) and asks else NOW) if now else SOFT
        down, across = divmod(goal, ABREAST)
        corner = (left + across * WIDE, TOP + down * (LINE * world.constraints + GAP) + LINE * place + 12)
        write(canvas, text, corner, 0.45, colour if now else DIM)
