"""The rules of catch: a ball falls one row a step, perhaps drifting sideways and bouncing off the walls."""

import torch
from torch import Tensor

from .batch import State
from .counter_rng import CounterRNG


def throw(rng: CounterRNG, columns: int, drift: int, stream: str = "") -> State:
    """A ball in the top row at a random column with a random drift: `row`, `column`, `drift`, int64 (n,).

    Args:
        rng: random numbers.
        columns: of the screen.
        drift: the largest sideways speed.
        stream: what the names of the streams begin with, for a second ball.
    """
    column = rng.integers(f"{stream}column", columns)
    return {
        "row": torch.zeros_like(column),
        "column": column,
        "drift": rng.integers(f"{stream}drift", 2 * drift + 1) - drift,
    }


def fall(ball: State, columns: int) -> State:
    """The ball one row lower; at a wall its drift turns."""
    high = columns - 1
    moved = ball["column"] + ball["drift"]
    column = torch.where(moved < 0, -moved, torch.where(moved > high, 2 * high - moved, moved))
    drift = torch.where(column == moved, ball["drift"], -ball["drift"])
    return {"row": ball["row"] + 1, "column": column, "drift": drift}


def landing_column(ball: State, columns: int, rows: int) -> Tensor:
    """Where the ball will reach the bottom row, int64 (n,)."""
    period = 2 * (columns - 1)  # unfold the bounces: a straight line on a mirrored screen
    straight = ball["column"] + ball["drift"] * (rows - 1 - ball["row"])
    folded = straight % period
    return torch.where(folded >= columns, period - folded, folded)
