"""The controller of a core with an external memory, forwards and backwards, in Triton: as `cores/controllers.py`."""

import triton
from triton import language as tl

from .parts import product, sigmoid, tanh


@triton.jit
def gate(drive, weight, past, NUMBER: tl.constexpr, PAST: tl.constexpr, HIDDEN: tl.constexpr, HIDDEN_P: tl.constexpr):
    """What one of an LSTM's four gates gets, before its sigmoid or tanh, (hidden,)."""
    u, first = tl.arange(0, HIDDEN_P), NUMBER * HIDDEN
    recurrent = product(past, weight + first, 4 * HIDDEN, PAST, HIDDEN, HIDDEN_P)
    return recurrent + tl.load(drive + first + u, u < HIDDEN, 0.0)


@triton.jit
def control(
    drive, weight, past, past_after, cell, cell_after, gates, hidden,
    READ: tl.constexpr, HIDDEN: tl.constexpr, HIDDEN_P: tl.constexpr, LSTM: tl.constexpr,
):  # fmt: skip
    """The controller of one world, each argument where the world's part of this step begins; READ is R W."""
    u = tl.arange(0, HIDDEN_P)
    real = u < HIDDEN
    if LSTM:
        i = sigmoid(gate(drive, weight, past, 0, READ + HIDDEN, HIDDEN, HIDDEN_P))
        f = sigmoid(gate(drive, weight, past, 1, READ + HIDDEN, HIDDEN, HIDDEN_P))
        o = sigmoid(gate(drive, weight, past, 2, READ + HIDDEN, HIDDEN, HIDDEN_P))
        c = tanh(gate(drive, weight, past, 3, READ + HIDDEN, HIDDEN, HIDDEN_P))
        tl.store(gates + u, i, real)
        tl.store(gates + HIDDEN + u, f, real)
        tl.store(gates + 2 * HIDDEN + u, o, real)
        tl.store(gates + 3 * HIDDEN + u, c, real)
        new_cell = f * tl.load(cell + u, real, 0.0) + i * c
        h = o * tanh(new_cell)
        tl.store(cell_after + u, new_cell, real)
        tl.store(past_after + READ + u, h, real)
    else:
        h = tanh(product(past, weight, HIDDEN, READ, HIDDEN, HIDDEN_P) + tl.load(drive + u, real, 0.0))
    tl.store(hidden + u, h, real)


@triton.jit
def control_back(
    weight, cell, cell_after, gates, hidden, d_hidden, d_past, d_cell, d_gates,
    READ: tl.constexpr, HIDDEN: tl.constexpr, HIDDEN_P: tl.constexpr, PAST_P: tl.constexpr, LSTM: tl.constexpr,
):  # fmt: skip
    """Of `control`; `d_past` and `d_cell` go from this step to the step before."""
    u, k = tl.arange(0, HIDDEN_P), tl.arange(0, PAST_P)
    real = u < HIDDEN
    past_size: tl.constexpr = READ + HIDDEN * LSTM
    if LSTM:
        d = d_hidden + tl.load(d_past + READ + u, real, 0.0)
        i, f = tl.load(gates + u, real, 0.0), tl.load(gates + HIDDEN + u, real, 0.0)
        o, c = tl.load(gates + 2 * HIDDEN + u, real, 0.0), tl.load(gates + 3 * HIDDEN + u, real, 0.0)
        squashed = tanh(tl.load(cell_after + u, real, 0.0))
        d_c = tl.load(d_cell + u, real, 0.0) + d * o * (1 - squashed * squashed)
        tl.store(d_gates + u, d_c * c * i * (1 - i), real)
        tl.store(d_gates + HIDDEN + u, d_c * tl.load(cell + u, real, 0.0) * f * (1 - f), real)
        tl.store(d_gates + 2 * HIDDEN + u, d * squashed * o * (1 - o), real)
        tl.store(d_gates + 3 * HIDDEN + u, d_c * i * (1 - c * c), real)
        tl.store(d_cell + u, d_c * f, real)
    else:
        h = tl.load(hidden + u, real, 0.0)
        tl.store(d_gates + u, d_hidden * (1 - h * h), real)
    tl.debug_barrier()
    gate_count: tl.constexpr = HIDDEN * (1 + 3 * LSTM)
    tl.store(d_past + k, product(d_gates, weight, past_size, gate_count, past_size, PAST_P), k < past_size)
