"""A step of many worlds in which images are classified."""

from typing import Any

import numpy as np
from numba import njit

OPTIONS: Any = {"error_model": "numpy", "nogil": True, "cache": True}
f32 = np.float32


@njit(**OPTIONS)
def guesses(guess, wanted, label, answer, location, clock, glimpses, every, price, most, reward, flags):
    """A step of `foveate.envs.glimpse.classification.Classification`, but for what is seen then.

    Args:
        guess: int64, (B,), what is answered.
        wanted: float32, (B, 2), where to look next.
        label: int64, (B,), what is right.
        answer: int64, (B,), the answers, written to.
        location: float32, (B, 2), where the gaze is, written to.
        clock: int64, (B,), written to.
        glimpses: steps of an episode.
        every: whether each step pays; else the last one does.
        price: float32, of each glimpse after the first.
        most: steps after which an episode is truncated; 0 for none.
        reward: float32, (B,), written to.
        flags: bool, (3, B), which episodes terminate, are truncated, are over, written to.

    Returns:
        How many episodes are over.
    """
    over = 0
    for b in range(len(guess)):
        right, last = guess[b] == label[b], clock[b] + 1 >= glimpses
        reward[b] = f32(right) / f32(glimpses) if every else f32(right and last)
        if not last:
            location[b, 0], location[b, 1] = wanted[b, 0], wanted[b, 1]
            if price:
                reward[b] -= price
        answer[b] = guess[b]
        clock[b] += 1
        flags[0, b], flags[1, b] = last, not last and 0 < most <= clock[b]
        flags[2, b] = flags[0, b] or flags[1, b]
        over += flags[2, b]
    return over
