"""The policies without a look, and without memory, behind the certified scale of the scratch pad."""

import torch
from torch import Tensor

from .programs import (
    ACT,
    ADD,
    BASE,
    BLANK,
    CARRIES,
    FIRST,
    LEFT,
    LSHIFT,
    OUT,
    RETURN,
    RSHIFT,
    SECOND,
    WRITE,
    column_sum,
)

_FULL, _FREE = 9, 8  # marks of the policy without memory: one is carried, or nothing
Number = Tensor | int


def blind(clock: Tensor, digits: int) -> Tensor:
    """A 1 into every column, as commands (B, 5): a sum that has a digit more than its numbers begins with one.

    Args:
        clock: moments of each world's episode, (B,).
        digits: of the longest numbers.
    """
    writes, left = _command(clock, ACT, OUT, WRITE, 1), _command(clock, ACT, OUT, LEFT)
    act = torch.where(clock[:, None] % 2 == 0, writes, left)
    return torch.where(clock[:, None] > 2 * digits + 1, _command(clock, *RETURN), act)


def memoryless(under: Tensor, top: Tensor, calls: bool) -> Tensor:
    """What was done is to be seen: in marks on the row of carries, in arguments, in digits that changed.

    Whether a pointer is yet to be moved is seen by a digit that the call was made with, unless the next is alike.
    Without calls: the digit, and only the row of the sum moved on.

    Args:
        under: the symbols under the pointers, (B, 4).
        top: what the program on top was called with, and its line, (B, 5).
        calls: whether programs are called.

    Returns:
        Commands, (B, 5).
    """
    first, second, carry, out = under.unbind(1)
    program, row, _, symbol, _ = top.unbind(1)
    total, written, marked = column_sum(under), out != BLANK, (carry == _FULL) | (carry == _FREE)
    over = (first == BLANK) & (second == BLANK)
    stop, left = _command(first, *RETURN), _command(first, ACT, OUT, LEFT)
    digit = _command(first, ACT, OUT, WRITE, total % BASE)
    if not calls:
        return _either(written, left, digit)
    mark = _command(first, ACT, CARRIES, WRITE, torch.where(total >= BASE, _FULL, _FREE))
    shift = _command(first, LSHIFT, (carry == _FULL).long(), 0, first)
    add = _either(over & (written | (carry != 1)), stop, _either(~written, digit, _either(marked, shift, mark)))
    again = (first == symbol) & (first != BLANK)
    lshift = _either(again, _command(first, ACT, FIRST, LEFT), _command(first, RSHIFT, row, 0, second))
    again = (second == symbol) & (second != BLANK)
    carries = _either(marked, _command(first, ACT, CARRIES, LEFT), _command(first, ACT, CARRIES, WRITE, 1))
    rshift = _either(marked | ((row == 1) & (carry != 1)), carries, left)
    rshift = _either(again, _command(first, ACT, SECOND, LEFT), rshift)
    below = _either(~written, stop, _either(program == LSHIFT, lshift, rshift))
    return _either(program == ADD, add, below)


def _command(
    like: Tensor, program: Number, row: Number = 0, deed: int = 0, symbol: Number = 0, stop: int = 0
) -> Tensor:
    """One command in all worlds, (B, 5), beside `like`, (B,)."""
    return torch.stack(
        [torch.as_tensor(x, device=like.device).expand_as(like) for x in (program, row, deed, symbol, stop)], 1
    )


def _either(which: Tensor, one: Tensor, other: Tensor) -> Tensor:
    """One command where `which`, (B,), says so, else the other; each (B, 5)."""
    return torch.where(which[:, None], one, other)
