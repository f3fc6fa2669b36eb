"""The T-maze, a step of many worlds in one pass: number by number what `foveate.envs.memory.tmaze` computes."""

from typing import Any

import numpy as np
from numba import njit

OPTIONS: Any = {"error_model": "numpy", "nogil": True, "cache": True}
ON, LEFT = 0, 1
f32 = np.float32


@njit(**OPTIONS)
def mazes(action, clock, cue, place, won, corridor, most, reward, flags):
    """As `TMaze.advance`, and the end of episodes.

    Args:
        action: int64, (B,).
        clock: int64, (B,), written to.
        cue: int64, (B,).
        place: int64, (B,), written to.
        won: int64, (B,), written to.
        corridor: its length.
        most: steps after which an episode is truncated; 0 for none.
        reward: float32, (B,), written to.
        flags: bool, (3, B), which episodes terminate, are truncated, are over, written to.

    Returns:
        How many episodes are over.
    """
    over = 0
    for b in range(len(action)):
        turned = place[b] == corridor and action[b] != ON
        won[b] = turned and action[b] == LEFT + cue[b]
        place[b] = min(place[b] + (action[b] == ON), corridor)
        clock[b] += 1
        reward[b] = f32(won[b])
        flags[0, b] = turned
        flags[1, b] = not turned and 0 < most <= clock[b]
        flags[2, b] = flags[0, b] or flags[1, b]
        over += flags[2, b]
    return over


@njit(**OPTIONS)
def maze_views(clock, cue, place, corridor, seen):
    """As `TMaze.observe`.

    Args:
        clock: int64, (B,).
        cue: int64, (B,).
        place: int64, (B,).
        corridor: its length.
        seen: float32, (B, 4), written to.
    """
    for b in range(len(clock)):
        first, junction = clock[b] == 0, place[b] == corridor
        seen[b, 0] = f32(first and cue[b] == 0)
        seen[b, 1] = f32(first and cue[b] == 1)
        seen[b, 2] = f32(not junction)
        seen[b, 3] = f32(junction)
