"""A neural Turing machine over a whole sequence, forwards (Graves, Wayne & Danihelka 2014), in Triton.

The same numbers as `cores/ntm.py`, step by step and equation by equation; that file is the one to read first. Arrays
are as in the trace of `kernels/ntm_forward.py`, but for the memory, whose rows lie one behind the other, (N, W).
"""

import triton
from triton import language as tl

from .content import address_by_content
from .controller import control
from .parts import TINY, bounded, product, sigmoid, softmax, softplus, tanh


@triton.jit
def shift_kernel(interface, at, SHIFTS: tl.constexpr, SHIFTS_P: tl.constexpr):
    """The distribution over shifts that a head emits."""
    m = tl.arange(0, SHIFTS_P)
    return softmax(bounded(tl.load(interface + at + m, mask=m < SHIFTS, other=0.0)), m < SHIFTS)


@triton.jit
def entry(vector, index, SIZE: tl.constexpr):
    """vector[index] of a vector in registers."""
    return tl.sum(tl.where(tl.arange(0, SIZE) == index, vector, 0 * vector), 0)


@triton.jit(do_not_specialize=["steps", "batch"])  # pieces are of any length
def forward(
    drive, past_weight, interface_weight, bias,
    memory, weighting, past, cell, gates, hidden, interface, content, placed, shifted, row_norm,
    steps, batch,
    ROWS: tl.constexpr, ROWS_P: tl.constexpr, WIDTH: tl.constexpr, WIDTH_P: tl.constexpr,
    READS: tl.constexpr, WRITES: tl.constexpr, SHIFTS: tl.constexpr, SHIFTS_P: tl.constexpr,
    HIDDEN: tl.constexpr, HIDDEN_P: tl.constexpr, INTERFACE: tl.constexpr, INTERFACE_P: tl.constexpr,
    KERNEL_AT: tl.constexpr, ADD_AT: tl.constexpr, GATE_AT: tl.constexpr, ERASE_AT: tl.constexpr,
    STRENGTH_AT: tl.constexpr, SHARPNESS_AT: tl.constexpr,
    LSTM: tl.constexpr, CONTENT: tl.constexpr, LOCATION: tl.constexpr, KEEP: tl.constexpr,
):  # fmt: skip
    """Run a world through the sequence, writing into the trace.

    X_P is the power of two that X fits into, X_AT where X begins in the interface, whose first part is the keys.

    Args:
        drive: what the controller gets from the inputs, (T, B, G).
        past_weight: of the controller for the last reads and hidden, (R W + hidden, G).
        interface_weight: (hidden, I).
        bias: of the interface, (I,).
        memory: (T + 1, B, N, W); entry 0, here as below, is the state before the sequence.
        weighting: (T + 1, B, R + H, N).
        past: (T + 1, B, R W + hidden), or (T + 1, B, R W) where the controller has no cell.
        cell: (T + 1, B, hidden).
        gates: of the controller after their sigmoids and tanh, (T, B, G).
        hidden: (T, B, hidden).
        interface: before it is clipped, (T, B, I).
        content: w_c, (T, B, R + H, N).
        placed: w_g, (T, B, R + H, N).
        shifted: log w̃, (T, B, R + H, N).
        row_norm: ‖M(i)‖, (T, B, N).
        steps: T.
        batch: B.
        KEEP: 1, or 0 where no gradient is wanted: the trace but for `hidden` and `past` then holds one step, and each
            step is written over the one before.
    """
    heads: tl.constexpr = READS + WRITES
    reads: tl.constexpr = READS * WIDTH
    past_size: tl.constexpr = reads + HIDDEN * LSTM
    gate_count: tl.constexpr = HIDDEN * (1 + 3 * LSTM)
    b = tl.program_id(0).to(tl.int64)
    i, j, p = tl.arange(0, ROWS_P), tl.arange(0, WIDTH_P), tl.arange(0, INTERFACE_P)
    real, number = i < ROWS, j < WIDTH
    cells, inside = i[:, None] * WIDTH + j[None, :], real[:, None] & number[None, :]
    m = tl.load(memory + b * ROWS * WIDTH + cells, inside, 0.0)  # (N, W)
    for t in range(steps):
        at, after = t * KEEP * batch + b, (t + 1) * KEEP * batch + b
        moment = t * batch + b
        said = interface + at * INTERFACE
        control(
            drive + moment * gate_count, past_weight, past + moment * past_size, past + (moment + batch) * past_size,
            cell + at * HIDDEN, cell + after * HIDDEN, gates + at * gate_count, hidden + moment * HIDDEN,
            reads, HIDDEN, HIDDEN_P, LSTM,
        )  # fmt: skip
        tl.debug_barrier()
        raw = product(hidden + moment * HIDDEN, interface_weight, INTERFACE, HIDDEN, INTERFACE, INTERFACE_P)
        tl.store(said + p, raw + tl.load(bias + p, p < INTERFACE, 0.0), p < INTERFACE)
        tl.debug_barrier()
        norm = tl.sqrt(tl.sum(m * m, 1))  # (N,)
        tl.store(row_norm + at * ROWS + i, norm, real)
        for h in tl.static_range(heads):
            row = (at * heads + h) * ROWS
            w = tl.load(weighting + row + i, real, 0.0)
            if CONTENT:
                key = bounded(tl.load(said + h * WIDTH + j, number, 0.0))
                strength = softplus(bounded(tl.load(said + STRENGTH_AT + h)))
                found = address_by_content(key, strength, m, norm, real)
                tl.store(content + row + i, found, real)
                if LOCATION:
                    w += sigmoid(bounded(tl.load(said + GATE_AT + h))) * (found - w)  # eq. 7
                else:
                    w = found
            if LOCATION:
                tl.store(placed + row + i, w, real)
                tl.debug_barrier()
                s = shift_kernel(said, KERNEL_AT + h * SHIFTS, SHIFTS, SHIFTS_P)
                w = 0 * w
                for k in tl.static_range(SHIFTS):  # w̃(i) = Σ_j w_g(j) s(i - j) (eq. 8)
                    moved = tl.load(placed + row + (i + k + ROWS - SHIFTS // 2) % ROWS, real, 0.0)
                    w += entry(s, k, SHIFTS_P) * moved
                logs = tl.log(w + TINY)
                tl.store(shifted + row + i, logs, real)
                gamma = 1 + softplus(bounded(tl.load(said + SHARPNESS_AT + h)))
                w = softmax(gamma * logs, real)  # w = w̃^γ / Σ w̃^γ (eq. 9)
            tl.store(weighting + (after * heads + h) * ROWS + i, w, real)
        tl.debug_barrier()
        kept, added = 0 * m + 1, 0 * m
        for h in tl.static_range(WRITES):  # M_t(i) = M_{t-1}(i) Π_h [1 - w_h(i) e_h] + Σ_h w_h(i) a_h (eq. 3 and 4)
            w = tl.load(weighting + (after * heads + READS + h) * ROWS + i, real, 0.0)
            erase = sigmoid(bounded(tl.load(said + ERASE_AT + h * WIDTH + j, number, 0.0)))
            add = tanh(bounded(tl.load(said + ADD_AT + h * WIDTH + j, number, 0.0)))
            kept *= 1 - w[:, None] * erase[None, :]
            added += w[:, None] * add[None, :]
        m = m * kept + added
        tl.store(memory + after * ROWS * WIDTH + cells, m, inside)
        for h in tl.static_range(READS):  # r = Σ_i w(i) M(i) (eq. 2)
            w = tl.load(weighting + (after * heads + h) * ROWS + i, real, 0.0)
            tl.store(past + (moment + batch) * past_size + h * WIDTH + j, tl.sum(w[:, None] * m, 0), number)
        tl.debug_barrier()
