"""The gates in a vector as slices of it.

A loop over a part of a vector must be one over a slice: of ``for i in range(size, 2 * size)`` numba looks whether i
counts from the end, and the loop doesn't vectorise.
"""

from numba import njit

from .arithmetic import PART


@njit(**PART)
def four(row, size):
    """Four parts of a vector; the last may be empty."""
    return row[:size], row[size : 2 * size], row[2 * size : 3 * size], row[3 * size :]
