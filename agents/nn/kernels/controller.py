"""The controller of a core with an external memory, forwards and backwards, in numba: as `cores/controllers.py`."""

from typing import NamedTuple

import numpy as np
from numba import njit

from .arithmetic import PART, copy, sigmoid, tanh
from .products import product


class Weights(NamedTuple):
    """The core's parameters, each laid out as the loops of one direction want it.

    Attributes:
        past: of the controller for the last reads and hidden; forwards (R W + hidden, G), backwards (G, R W + hidden).
        interface: forwards (hidden, I), backwards (I, hidden).
        bias: of the interface, (I,).
    """

    past: np.ndarray
    interface: np.ndarray
    bias: np.ndarray


@njit(**PART)
def control(gates, drive, cell_before, cell, hidden, lstm, one):
    """The controller of one world: `gates` hold U [r; h] and become the gates themselves."""
    size = len(hidden)
    if not lstm:
        for i in range(size):
            hidden[i] = gates[i] = tanh(gates[i] + drive[i], one)
        return
    for i in range(3 * size):
        gates[i] = sigmoid(gates[i] + drive[i], one)
    for i in range(3 * size, 4 * size):
        gates[i] = tanh(gates[i] + drive[i], one)
    for i in range(size):
        cell[i] = gates[size + i] * cell_before[i] + gates[i] * gates[3 * size + i]
        hidden[i] = gates[2 * size + i] * tanh(cell[i], one)


@njit(**PART)
def control_back(gates, cell_before, cell, hidden, d_hidden, d_cell, d_gates, lstm, one):
    """Of the controller; `d_cell` goes from this step to the step before."""
    size = len(hidden)
    if not lstm:
        for i in range(size):
            d_gates[i] = d_hidden[i] * (one - hidden[i] * hidden[i])
        return
    for i in range(size):
        d, squashed = d_hidden[i], tanh(cell[i], one)
        opening, forget, output, candidate = gates[i], gates[size + i], gates[2 * size + i], gates[3 * size + i]
        d_c = d_cell[i] + d * output * (one - squashed * squashed)
        d_gates[i] = d_c * candidate * opening * (one - opening)
        d_gates[size + i] = d_c * cell_before[i] * forget * (one - forget)
        d_gates[2 * size + i] = d * squashed * output * (one - output)
        d_gates[3 * size + i] = d_c * opening * (one - candidate * candidate)
        d_cell[i] = d_c * forget


@njit(**PART)
def control_all(drive, weights, trace, t, reads, lstm, first, end):
    """Step t of the controllers of the worlds `first` to `end`, and their interfaces to the memory.

    Args:
        drive: what the controller gets from the inputs, (T, B, G).
        weights: `Weights`, laid out forwards.
        trace: of the core; its past, gates, cell, hidden and interface.
        t: the step.
        reads: R W.
        lstm: whether the controller has a cell.
        first: the first world.
        end: the one behind the last.
    """
    one = drive.dtype.type(1)
    product(trace.past[t], weights.past, trace.gates[t], first, end)
    for b in range(first, end):
        hidden = trace.hidden[t, b]
        control(trace.gates[t, b], drive[t, b], trace.cell[t, b], trace.cell[t + 1, b], hidden, lstm, one)
        if lstm:
            copy(hidden, trace.past[t + 1, b, reads:])
    product(trace.hidden[t], weights.interface, trace.interface[t], first, end)
    for b in range(first, end):
        raw = trace.interface[t, b]
        for i in range(len(raw)):
            raw[i] += weights.bias[i]


@njit(**PART)
def control_all_back(weights, trace, carried, d_y, d_gates, d_interface, d_hidden, t, reads, lstm, first, end):
    """Of `control_all`: from `d_interface` and the step's part of d_y to `carried.past` of the step before.

    Args:
        weights: `Weights`, laid out backwards.
        trace: of the core.
        carried: of the core; its past and cell.
        d_y: (T, B, hidden + R W).
        d_gates: of the controller before its sigmoids and tanh, (T, B, G), written.
        d_interface: before it is clipped, (T, B, I).
        d_hidden: room for (B, hidden).
        t: the step.
        reads: R W.
        lstm: whether the controller has a cell.
        first: the first world.
        end: the one behind the last.
    """
    one, size = d_y.dtype.type(1), trace.hidden.shape[2]
    product(d_interface[t], weights.interface, d_hidden, first, end)
    for b in range(first, end):
        for i in range(size):
            d_hidden[b, i] += d_y[t, b, i]
        if lstm:
            for i in range(size):
                d_hidden[b, i] += carried.past[b, reads + i]
        before, after = trace.cell[t, b], trace.cell[t + 1, b]
        control_back(
            trace.gates[t, b], before, after, trace.hidden[t, b], d_hidden[b], carried.cell[b], d_gates[t, b], lstm, one
        )
    product(d_gates[t], weights.past, carried.past, first, end)
