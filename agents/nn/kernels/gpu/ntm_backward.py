"""The gradient of `ntm_forward.forward`, in Triton: the same equations, each read from its end.

d_x stands for the loss's derivative with respect to x.
"""

import triton
from triton import language as tl

from .content import address_by_content_back
from .controller import control_back
from .ntm_forward import entry, shift_kernel
from .parts import bounded, product, sigmoid, softplus, tanh, within


@triton.jit(do_not_specialize=["steps", "batch"])  # pieces are of any length
def backward(
    past_weight, interface_weight,
    memory, weighting, cell, gates, hidden, interface, content, placed, shifted, row_norm,
    d_y, d_memory, d_weighting, d_past, d_cell, d_gates, d_interface, scratch,
    steps, batch,
    ROWS: tl.constexpr, ROWS_P: tl.constexpr, WIDTH: tl.constexpr, WIDTH_P: tl.constexpr,
    READS: tl.constexpr, WRITES: tl.constexpr, SHIFTS: tl.constexpr, SHIFTS_P: tl.constexpr,
    HIDDEN: tl.constexpr, HIDDEN_P: tl.constexpr, INTERFACE: tl.constexpr, PAST_P: tl.constexpr,
    KERNEL_AT: tl.constexpr, ADD_AT: tl.constexpr, GATE_AT: tl.constexpr, ERASE_AT: tl.constexpr,
    STRENGTH_AT: tl.constexpr, SHARPNESS_AT: tl.constexpr,
    LSTM: tl.constexpr, CONTENT: tl.constexpr, LOCATION: tl.constexpr,
):  # fmt: skip
    """Go through the sequence of a world from its end; the trace is as in `forward`.

    Args:
        past_weight: (G, R W + hidden).
        interface_weight: (I, hidden).
        memory: of the trace, as all that follow up to `row_norm`.
        d_y: (T, B, hidden + R W).
        d_memory: with respect to the state after the sequence, and then before it, (B, N, W), as the next three.
        d_weighting: (B, R + H, N).
        d_past: (B, R W + hidden), or (B, R W).
        d_cell: (B, hidden).
        d_gates: of the controller before its sigmoids and tanh, (T, B, G), written.
        d_interface: before it is clipped, (T, B, I), written.
        scratch: room for (B, N).
        steps: T.
        batch: B.
    """
    heads: tl.constexpr = READS + WRITES
    reads: tl.constexpr = READS * WIDTH
    past_size: tl.constexpr = reads + HIDDEN * LSTM
    gate_count: tl.constexpr = HIDDEN * (1 + 3 * LSTM)
    b = tl.program_id(0).to(tl.int64)
    i, j, u = tl.arange(0, ROWS_P), tl.arange(0, WIDTH_P), tl.arange(0, HIDDEN_P)
    real, number, units = i < ROWS, j < WIDTH, u < HIDDEN
    cells, inside = i[:, None] * WIDTH + j[None, :], real[:, None] & number[None, :]
    dm = tl.load(d_memory + b * ROWS * WIDTH + cells, inside, 0.0)  # (N, W)
    for back in range(steps):
        t = steps - 1 - back
        at, after = t * batch + b, (t + 1) * batch + b
        said, d_said = interface + at * INTERFACE, d_interface + at * INTERFACE
        m = tl.load(memory + after * ROWS * WIDTH + cells, inside, 0.0)
        for h in tl.static_range(READS):  # of eq. 2
            w = tl.load(weighting + (after * heads + h) * ROWS + i, real, 0.0)
            d = tl.load(d_past + b * past_size + h * WIDTH + j, number, 0.0)
            d += tl.load(d_y + at * (HIDDEN + reads) + HIDDEN + h * WIDTH + j, number, 0.0)
            d_w = d_weighting + (b * heads + h) * ROWS + i
            tl.store(d_w, tl.load(d_w, real, 0.0) + tl.sum(m * d[None, :], 1), real)
            dm += w[:, None] * d[None, :]
        m = tl.load(memory + at * ROWS * WIDTH + cells, inside, 0.0)
        kept = 0 * m + 1
        for h in tl.static_range(WRITES):  # of eq. 3 and 4
            w = tl.load(weighting + (after * heads + READS + h) * ROWS + i, real, 0.0)
            raw_erase = tl.load(said + ERASE_AT + h * WIDTH + j, number, 0.0)
            raw_add = tl.load(said + ADD_AT + h * WIDTH + j, number, 0.0)
            erase, add = sigmoid(bounded(raw_erase)), tanh(bounded(raw_add))
            left = m  # M_{t-1} as the other heads leave it
            for other in tl.static_range(WRITES):
                if other != h:
                    w_other = tl.load(weighting + (after * heads + READS + other) * ROWS + i, real, 0.0)
                    e_other = sigmoid(bounded(tl.load(said + ERASE_AT + other * WIDTH + j, number, 0.0)))
                    left *= 1 - w_other[:, None] * e_other[None, :]
            left *= dm
            d_add, d_erase = tl.sum(dm * w[:, None], 0), -tl.sum(left * w[:, None], 0)
            d_w = d_weighting + (b * heads + READS + h) * ROWS + i
            d = tl.sum(dm * add[None, :] - left * erase[None, :], 1)
            tl.store(d_w, tl.load(d_w, real, 0.0) + d, real)
            tl.store(d_said + ADD_AT + h * WIDTH + j, within(raw_add, d_add * (1 - add * add)), number)
            tl.store(d_said + ERASE_AT + h * WIDTH + j, within(raw_erase, d_erase * erase * (1 - erase)), number)
            kept *= 1 - w[:, None] * erase[None, :]
        dm *= kept
        tl.debug_barrier()
        norm = tl.load(row_norm + at * ROWS + i, real, 0.0)
        d_norm = 0 * norm
        for h in tl.static_range(heads):
            row = (at * heads + h) * ROWS
            w = tl.load(weighting + (after * heads + h) * ROWS + i, real, 0.0)
            before = tl.load(weighting + row + i, real, 0.0)
            found = before
            if CONTENT:
                found = tl.load(content + row + i, real, 0.0)
            d_w = d_weighting + (b * heads + h) * ROWS + i
            d = tl.load(d_w, real, 0.0)
            if LOCATION:
                raw = tl.load(said + SHARPNESS_AT + h)
                sharpness = softplus(bounded(raw))
                logs = tl.load(shifted + row + i, real, 0.0)
                d = w * (d - tl.sum(d * w, 0))  # of the softmax over γ log w̃ (eq. 9)
                tl.store(d_said + SHARPNESS_AT + h, within(raw, tl.sum(d * logs, 0) * (1 - tl.exp(-sharpness))))
                d = tl.where(real, (1 + sharpness) * d * tl.exp(-logs), 0 * d)
                tl.store(scratch + b * ROWS + i, d, real)
                tl.debug_barrier()
                s = shift_kernel(said, KERNEL_AT + h * SHIFTS, SHIFTS, SHIFTS_P)
                k = tl.arange(0, SHIFTS_P)
                raw_kernel = tl.load(said + KERNEL_AT + h * SHIFTS + k, k < SHIFTS, 0.0)
                d_placed, d_kernel = 0 * d, 0 * s
                for shift in tl.static_range(SHIFTS):  # of eq. 8
                    moved = tl.load(placed + row + (i + shift + ROWS - SHIFTS // 2) % ROWS, real, 0.0)
                    d_kernel += tl.where(k == shift, tl.sum(d * moved, 0), 0 * s)
                    back_from = tl.load(scratch + b * ROWS + (i + ROWS + SHIFTS // 2 - shift) % ROWS, real, 0.0)
                    d_placed += entry(s, shift, SHIFTS_P) * back_from
                d_kernel = s * (d_kernel - tl.sum(d_kernel * s, 0))
                tl.store(d_said + KERNEL_AT + h * SHIFTS + k, within(raw_kernel, d_kernel), k < SHIFTS)
                d = d_placed
                if CONTENT:
                    raw = tl.load(said + GATE_AT + h)
                    gate = sigmoid(bounded(raw))
                    d_gate = tl.sum(d * (found - before), 0)  # of eq. 7
                    tl.store(d_said + GATE_AT + h, within(raw, d_gate * gate * (1 - gate)))
                    tl.store(d_w, (1 - gate) * d, real)
                    d *= gate
                else:
                    tl.store(d_w, d, real)
                tl.debug_barrier()  # all have read `scratch`
            else:
                tl.debug_barrier()  # all have read `d_w`
                tl.store(d_w, 0 * d, real)
            if CONTENT:
                raw_key, raw = tl.load(said + h * WIDTH + j, number, 0.0), tl.load(said + STRENGTH_AT + h)
                strength = softplus(bounded(raw))
                d_key, d_strength, d_m, d_rows = address_by_content_back(bounded(raw_key), strength, m, norm, found, d)
                dm += d_m
                d_norm += d_rows
                tl.store(d_said + h * WIDTH + j, within(raw_key, d_key), number)
                tl.store(d_said + STRENGTH_AT + h, within(raw, d_strength * (1 - tl.exp(-strength))))
        dm += (d_norm / tl.where(norm > 0, norm, 1 + 0 * norm))[:, None] * m  # of ‖M(i)‖, zero at a row of zeros
        tl.debug_barrier()
        d_hidden = product(d_said, interface_weight, HIDDEN, INTERFACE, HIDDEN, HIDDEN_P)
        d_hidden += tl.load(d_y + at * (HIDDEN + reads) + u, units, 0.0)
        control_back(
            past_weight, cell + at * HIDDEN, cell + after * HIDDEN, gates + at * gate_count, hidden + at * HIDDEN,
            d_hidden, d_past + b * past_size, d_cell + b * HIDDEN, d_gates + at * gate_count,
            reads, HIDDEN, HIDDEN_P, PAST_P, LSTM,
        )  # fmt: skip
        tl.debug_barrier()
    tl.store(d_memory + b * ROWS * WIDTH + cells, dm, inside)
