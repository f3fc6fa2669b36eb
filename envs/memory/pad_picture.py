"""Pictures of the scratch pad: the pad, where its pointers are, and the commands as an indented list."""

import numpy as np
import torch
from torch import Tensor

from ...viz.canvas import FILLED, blank, box, line
from ...viz.palette import INK, NOW, RIGHT, SOFT, WRONG
from ...viz.text import write
from ..batch import State
from .programs import ACT, ADD, BLANK, DEEDS, OUT, PROGRAMS, ROWS, STOP, WRITE

HEIGHT, WIDTH = 420, 760
LEFT_SIDE, MIDDLE = 12, 456  # where the panels on the left and the list on the right begin
COLUMNS, CELL, LABEL = 12, 30, 56  # cells of the pad that are shown, their size, and the room for a row's name
LISTED, LINE, INDENT = 20, 18, 22  # commands of the list, from one to the next, and for each program below


def beginning(like: Tensor, calls: bool) -> Tensor:
    """The list of commands before the first, int64 (B, LISTED, 6): depth (-1 for no command), call, whether it is due.

    Args:
        like: of each world, (B,).
        calls: whether programs are called: then the first, ADD, was.
    """
    listed = torch.full((len(like), LISTED, 6), -1, dtype=torch.int64, device=like.device)
    if calls:
        listed[:, -1] = torch.tensor([0, ADD, 0, 0, 0, 1], device=like.device)
    return listed


def noted(listed: Tensor, depth: Tensor, command: Tensor, right: Tensor) -> Tensor:
    """The list with a command at its end; a stop leaves it as it is, unless it is wrong.

    Args:
        listed: (B, LISTED, 6).
        depth: of the program that commands, (B,).
        command: (B, 5).
        right: bool, (B,), whether it is due.
    """
    calls = command[:, STOP] == 0
    new = torch.cat([depth[:, None] + 1, command[:, :STOP], right.long()[:, None]], 1)  # (B, 6)
    new[:, 1] = torch.where(calls, new[:, 1], len(PROGRAMS))  # a stop
    longer = torch.cat([listed[:, 1:], new[:, None]], 1)
    return torch.where((calls | ~right)[:, None, None], longer, listed)


def draw(state: State, index: int, calls: bool) -> np.ndarray:
    """One world, uint8 (H, W, 3).

    Args:
        state: of all.
        index: which.
        calls: whether programs are called.
    """
    canvas = blank(HEIGHT, WIDTH)
    pad, pointers = state["pad"][index].tolist(), state["pointers"][index].tolist()
    _pad(canvas, pad, pointers, state["sum"][index].tolist())
    _pointers(canvas, pad, pointers)
    trail = state["trail"][index].tolist() if "trail" in state else []
    earlier = (
        bool(trail) and trail[0][0] >= 0 and (trail[0][1] != ADD if calls else int(state["clock"][index]) > LISTED)
    )
    _commands(canvas, trail, 0 if calls else -1, earlier)
    top = PROGRAMS[int(state["stack"][index, int(state["depth"][index]), 0])] if calls else "ACT"
    said = f"step {int(state['clock'][index])}   on top: {top}"
    if bool(state["returned"][index]):
        right = pad[OUT] == state["sum"][index].tolist()
        said = f"step {int(state['clock'][index])}   the sum is {'right' if right else 'wrong'}"
    write(canvas, said, (LEFT_SIDE, HEIGHT - 12))
    return canvas


def _pad(canvas: np.ndarray, pad: list[list[int]], pointers: list[int], right: list[int]) -> None:
    """The columns around the pointer of the sum; what it has written in green where right and in red where wrong."""
    write(canvas, "scratch pad (blue: pointers; green: right, red: wrong)", (LEFT_SIDE, 20))
    columns = min(COLUMNS, len(right))
    first = min(max(0, pointers[OUT] - columns // 2), len(right) - columns)  # of those shown, counted from the right
    for row, name in enumerate(ROWS):
        y = 34 + row * (CELL + 4)
        write(canvas, name, (LEFT_SIDE, y + 20))
        for i in range(columns):
            column = first + columns - 1 - i
            corner = (LEFT_SIDE + LABEL + i * CELL, y)
            far = (corner[0] + CELL - 3, y + CELL - 1)
            box(canvas, corner, far, SOFT, FILLED)
            symbol = pad[row][column]
            if symbol != BLANK:
                colour = INK if row != OUT else RIGHT if symbol == right[column] else WRONG
                write(canvas, str(symbol), (corner[0] + 9, y + 21), 0.55, colour)
            if pointers[row] == column:
                box(canvas, corner, far, NOW, 2)


def _pointers(canvas: np.ndarray, pad: list[list[int]], pointers: list[int]) -> None:
    """Where each pointer is on the whole of its row, and what it reads there."""
    top, long, width = 204, 220, len(pad[0])
    write(canvas, "pointers (columns count from the right)", (LEFT_SIDE, top))
    for row, name in enumerate(ROWS):
        y, place = top + 26 + row * 38, pointers[row]
        write(canvas, name, (LEFT_SIDE, y + 5))
        start = LEFT_SIDE + LABEL
        line(canvas, (start, y), (start + long, y), SOFT, 3)
        x = start + long - round((place + 0.5) / width * long)
        box(canvas, (x - 3, y - 8), (x + 3, y + 8), NOW, FILLED)
        symbol = pad[row][place]
        reads = "empty" if symbol == BLANK else str(symbol)
        write(canvas, f"column {place + 1}: {reads}", (start + long + 14, y + 5), 0.4)


def _commands(canvas: np.ndarray, listed: list[list[int]], shift: int, earlier: bool) -> None:
    """The latest commands, each below the one that it was called by; those that are not due in red."""
    write(canvas, f"commands{': ... the latest ' + str(LISTED) if earlier else ''}", (MIDDLE, 20))
    shown = [entry for entry in listed if entry[0] >= 0]
    for i, (depth, program, row, deed, symbol, right) in enumerate(shown):
        latest = i == len(shown) - 1
        words = "stop" if program == len(PROGRAMS) else PROGRAMS[program]
        if program == ACT:
            words += f" {ROWS[row]} {DEEDS[deed]}" + (
                f" {'empty' if symbol == BLANK else symbol}" if deed == WRITE else ""
            )
        colour = NOW if latest and right else INK if right else WRONG
        write(canvas, words, (MIDDLE + INDENT * (depth + shift), 44 + i * LINE), 0.42, colour)
