"""The programs of the scratch pad: what each of them calls, line by line (Reed & de Freitas 2016, section 4.1.1)."""

import torch
from torch import Tensor

BASE, BLANK = 10, 10  # a cell holds a digit, or nothing
FIRST, SECOND, CARRIES, OUT = range(4)  # the rows of the pad
ROWS = ("in1", "in2", "carry", "out")
STAY, LEFT, RIGHT, WRITE = range(4)  # what ACT does with a row
DEEDS = ("stay", "left", "right", "write")
ACT, ADD, ADD1, CARRY, LSHIFT, RSHIFT = range(6)
PROGRAMS = ("ACT", "ADD", "ADD1", "CARRY", "LSHIFT", "RSHIFT")
SIZES = [len(PROGRAMS), len(ROWS), len(DEEDS), BASE + 1, 2]  # of a command's numbers
PROGRAM, ROW, DEED, SYMBOL, STOP = range(5)  # those numbers

# what a program calls, one command a line; then it stops. ADD repeats its lines until no column is left, ADD1 writes
# the digit that is due, and calls CARRY only where the column is full
_CALLS: dict[int, list[tuple[int, ...]]] = {
    ACT: [],
    ADD: [(ADD1, 0, 0, 0, 0), (LSHIFT, 0, 0, 0, 0)],
    ADD1: [(ACT, OUT, WRITE, 0, 0), (CARRY, 0, 0, 0, 0)],
    CARRY: [(ACT, CARRIES, LEFT, 0, 0), (ACT, CARRIES, WRITE, 1, 0), (ACT, CARRIES, RIGHT, 0, 0)],
    LSHIFT: [(ACT, row, LEFT, 0, 0) for row in range(4)],
    RSHIFT: [(ACT, row, RIGHT, 0, 0) for row in range(4)],
}
RETURN = (0, 0, 0, 0, 1)
_LINES = 1 + max(map(len, _CALLS.values()))


def listing(device: torch.device | str = "cpu") -> Tensor:
    """The commands of all programs, int64 (programs, lines, 5); behind its last line each one stops."""
    rows = [[*calls, *[RETURN] * (_LINES - len(calls))] for calls in _CALLS.values()]
    return torch.tensor(rows, device=device)


def due(listed: Tensor, program: Tensor, line: Tensor, under: Tensor) -> Tensor:
    """What a program that makes no mistake commands next, int64 (B, 5).

    Args:
        listed: from `listing`.
        program: which is on top, (B,).
        line: how many commands it has given, (B,).
        under: the symbols under the pointers, (B, 4).
    """
    line = torch.where(program == ADD, line % len(_CALLS[ADD]), line).clamp(max=_LINES - 1)
    command = listed[program, line]  # (B, 5)
    total = column_sum(under)
    symbol = torch.where((program == ADD1) & (line == 0), total % BASE, command[:, SYMBOL])
    nothing_left = (program == ADD) & (line == 0) & (under[:, :OUT] == BLANK).all(1)
    nothing_over = (program == ADD1) & (line == 1) & (total < BASE)
    command = torch.cat([command[:, :SYMBOL], symbol[:, None], command[:, STOP:]], 1)
    return torch.where((nothing_left | nothing_over)[:, None], listed[ACT, 0], command)


def reads(program: Tensor, line: Tensor, calls: bool) -> Tensor:
    """Where what is due depends on the cells under the pointers, bool (B,).

    Args:
        program: which is on top, (B,).
        line: how many commands it has given, (B,).
        calls: whether programs are called. If not, whether to carry is asked where the digit was written, and the
            program that is due then is already on top.
    """
    asks = ((program == ADD) & (line % 2 == 0)) | ((program == ADD1) & (line < 2))
    return asks if calls else asks | ((line == 0) & ((program == CARRY) | (program == LSHIFT)))


def column_sum(under: Tensor) -> Tensor:
    """What stands in a column and above it, (B,), an empty cell being 0: (B, 4) -> (B,)."""
    return torch.where(under[:, :OUT] == BLANK, 0, under[:, :OUT]).sum(1)
