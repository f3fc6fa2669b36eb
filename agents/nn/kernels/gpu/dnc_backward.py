"""The gradient of `dnc_forward.forward`, in Triton: the same equations, each read from its end.

d_x stands for the loss's derivative with respect to x.
"""

import triton
from triton import language as tl

from .allocation import allocate_back, retention, retention_back
from .content import address_by_content_back
from .controller import control_back
from .dnc_forward import key_of, modes_of
from .links import link_and_follow_back
from .parts import bounded, product, sigmoid, within


@triton.jit
def address_back(
    said, d_said, h, memory, norm, content, d_content,
    STRENGTH_AT: tl.constexpr, WIDTH: tl.constexpr, WIDTH_P: tl.constexpr,
):  # fmt: skip
    """Of c of head h: d_M without the part by way of ‖M(i)‖, and d_‖M(i)‖; its part of `d_said` is written."""
    j = tl.arange(0, WIDTH_P)
    key, strength = key_of(said, h, STRENGTH_AT, WIDTH, WIDTH_P)
    d_key, d_strength, d_memory, d_norm = address_by_content_back(key, strength, memory, norm, content, d_content)
    raw_key, raw = tl.load(said + h * WIDTH + j, j < WIDTH, 0.0), tl.load(said + STRENGTH_AT + h)
    tl.store(d_said + h * WIDTH + j, within(raw_key, d_key), j < WIDTH)
    tl.store(d_said + STRENGTH_AT + h, within(raw, d_strength * sigmoid(raw)))
    return d_memory, d_norm


@triton.jit
def norm_back(memory, norm, d_norm):
    """Of ‖M(i)‖: its part of d_M, zero at a row of zeros."""
    return (d_norm / tl.where(norm > 0, norm, 1.0))[:, None] * memory


@triton.jit
def gate_back(said, d_said, at, d_gate):
    """Of a gate, to what stands before its sigmoid."""
    raw = tl.load(said + at)
    gate = sigmoid(bounded(raw))
    tl.store(d_said + at, within(raw, d_gate * gate * (1 - gate)))


@triton.jit
def modes_back(said, d_said, at, d_behind, d_content, d_ahead):
    """Of π of a head."""
    behind, content, ahead = modes_of(said, at)
    mean = behind * d_behind + content * d_content + ahead * d_ahead
    tl.store(d_said + at, within(tl.load(said + at), behind * (d_behind - mean)))
    tl.store(d_said + at + 1, within(tl.load(said + at + 1), content * (d_content - mean)))
    tl.store(d_said + at + 2, within(tl.load(said + at + 2), ahead * (d_ahead - mean)))


@triton.jit
def erase_and_add_back(
    said, d_said, memory, write, d_memory, ERASE_AT: tl.constexpr, ADD_AT: tl.constexpr, WIDTH: tl.constexpr,
    WIDTH_P: tl.constexpr,
):  # fmt: skip
    """Of M_t = M_{t-1} ∘ (E - w_t^w e_tᵀ) + w_t^w v_tᵀ: d_M_{t-1} and d_w^w."""
    j = tl.arange(0, WIDTH_P)
    number = j < WIDTH
    raw_erase, raw_add = tl.load(said + ERASE_AT + j, number, 0.0), tl.load(said + ADD_AT + j, number, 0.0)
    erase, add = sigmoid(bounded(raw_erase)), bounded(raw_add)
    d_erase = -tl.sum(d_memory * memory * write[:, None], 0)
    tl.store(d_said + ERASE_AT + j, within(raw_erase, d_erase * erase * (1 - erase)), number)
    tl.store(d_said + ADD_AT + j, within(raw_add, tl.sum(d_memory * write[:, None], 0)), number)
    d_write = tl.sum(d_memory * (add[None, :] - erase[None, :] * memory), 1)
    return d_memory * (1 - write[:, None] * erase[None, :]), d_write


@triton.jit(do_not_specialize=["steps", "batch"])  # pieces are of any length
def backward(
    past_weight, interface_weight,
    memory, usage, precedence, link, write, read, past, cell, gates, hidden, interface, content, allocated, linked,
    d_y, d_memory, d_usage, d_precedence, d_link, d_write, d_read, d_past, d_cell, d_gates, d_interface,
    d_linked, d_allocated, by_row,
    steps, batch,
    ROWS: tl.constexpr, ROWS_P: tl.constexpr, WIDTH: tl.constexpr, WIDTH_P: tl.constexpr,
    READS: tl.constexpr, READS_P: tl.constexpr, HIDDEN: tl.constexpr, HIDDEN_P: tl.constexpr,
    INTERFACE: tl.constexpr, PAST_P: tl.constexpr,
    STRENGTH_AT: tl.constexpr, ERASE_AT: tl.constexpr, ADD_AT: tl.constexpr, FREE_AT: tl.constexpr,
    WRITE_GATE_AT: tl.constexpr, ALLOCATION_GATE_AT: tl.constexpr, MODES_AT: tl.constexpr,
    LSTM: tl.constexpr, SOME: tl.constexpr, MANY: tl.constexpr,
):  # fmt: skip
    """Go through the sequence of a world from its end; the trace is as in `forward`.

    Args:
        past_weight: (G, R W + hidden).
        interface_weight: (I, hidden).
        memory: of the trace, as all that follow up to `linked`.
        d_y: (T, B, hidden + R W).
        d_memory: with respect to the state after the sequence, and then before it, (B, N, W), as up to `d_cell`.
        d_usage: (B, N).
        d_precedence: (B, N).
        d_link: (B, N, N).
        d_write: (B, N).
        d_read: (B, R, N).
        d_past: (B, R W + hidden), or (B, R W).
        d_cell: (B, hidden).
        d_gates: of the controller before its sigmoids and tanh, (T, B, G), written.
        d_interface: before it is clipped, (T, B, I), written.
        d_linked: room for (B, 2 R, N).
        d_allocated: room for (B, N).
        by_row: room for (B, R + 1, N).
        steps: T.
        batch: B.
    """
    reads: tl.constexpr = READS * WIDTH
    past_size: tl.constexpr = reads + HIDDEN * LSTM
    gate_count: tl.constexpr = HIDDEN * (1 + 3 * LSTM)
    b = tl.program_id(0).to(tl.int64)
    i, j, u = tl.arange(0, ROWS_P), tl.arange(0, WIDTH_P), tl.arange(0, HIDDEN_P)
    real, number, units = i < ROWS, j < WIDTH, u < HIDDEN
    cells, inside = i[:, None] * WIDTH + j[None, :], real[:, None] & number[None, :]
    row, rows, d_follow = b * ROWS + i, b * READS * ROWS, d_linked + b * 2 * READS * ROWS
    dm = tl.load(d_memory + b * ROWS * WIDTH + cells, inside, 0.0)  # (N, W)
    for back in range(steps):
        t = steps - 1 - back
        at, after = t * batch + b, (t + 1) * batch + b
        said, d_said = interface + at * INTERFACE, d_interface + at * INTERFACE
        # where was read
        m = tl.load(memory + after * ROWS * WIDTH + cells, inside, 0.0)
        norm = tl.sqrt(tl.sum(m * m, 1))
        d_norm = 0 * norm
        for r in range(READS):
            w = tl.load(read + (after * READS + r) * ROWS + i, real, 0.0)
            d = tl.load(d_past + b * past_size + r * WIDTH + j, number, 0.0)
            d += tl.load(d_y + at * (HIDDEN + reads) + HIDDEN + r * WIDTH + j, number, 0.0)
            d_w = tl.load(d_read + rows + r * ROWS + i, real, 0.0) + tl.sum(m * d[None, :], 1)
            dm += w[:, None] * d[None, :]
            behind = tl.load(linked + (at * 2 * READS + r) * ROWS + i, real, 0.0)
            found = tl.load(content + (at * (READS + 1) + r) * ROWS + i, real, 0.0)
            ahead = tl.load(linked + (at * 2 * READS + READS + r) * ROWS + i, real, 0.0)
            by_behind, by_content, by_ahead = modes_of(said, MODES_AT + 3 * r)
            modes_back(
                said, d_said, MODES_AT + 3 * r,
                tl.sum(d_w * behind, 0), tl.sum(d_w * found, 0), tl.sum(d_w * ahead, 0),
            )  # fmt: skip
            tl.store(d_follow + r * ROWS + i, by_behind * d_w, real)
            tl.store(d_follow + (READS + r) * ROWS + i, by_ahead * d_w, real)
            d_m, d_rows = address_back(said, d_said, r, m, norm, found, by_content * d_w, STRENGTH_AT, WIDTH, WIDTH_P)
            dm += d_m
            d_norm += d_rows
        dm += norm_back(m, norm, d_norm)
        tl.debug_barrier()
        d_w, d_p = link_and_follow_back(
            link + at * ROWS * ROWS, link + after * ROWS * ROWS, precedence + at * ROWS, write + after * ROWS,
            read + at * READS * ROWS, d_follow, d_link + b * ROWS * ROWS, d_read + rows, by_row + rows + b * ROWS,
            ROWS, ROWS_P, READS, READS_P, SOME,
        )  # fmt: skip
        w, last = tl.load(write + after * ROWS + i, real, 0.0), tl.load(precedence + at * ROWS + i, real, 0.0)
        d = tl.load(d_precedence + row, real, 0.0)  # of p_t = (1 - Σ w) p_{t-1} + w
        d_w += tl.load(d_write + row, real, 0.0) + d - tl.sum(d * last, 0)
        tl.debug_barrier()
        tl.store(d_precedence + row, (1 - tl.sum(w, 0)) * d + d_p, real)
        # where was written
        m = tl.load(memory + at * ROWS * WIDTH + cells, inside, 0.0)
        dm, d = erase_and_add_back(said, d_said, m, w, dm, ERASE_AT, ADD_AT, WIDTH, WIDTH_P)
        d_w = tl.where(real, d_w + d, 0.0)
        found = tl.load(content + (at * (READS + 1) + READS) * ROWS + i, real, 0.0)
        free = tl.load(allocated + at * ROWS + i, real, 0.0)
        write_gate = sigmoid(bounded(tl.load(said + WRITE_GATE_AT)))
        allocation_gate = sigmoid(bounded(tl.load(said + ALLOCATION_GATE_AT)))
        gate_back(said, d_said, WRITE_GATE_AT, tl.sum(d_w * (found + allocation_gate * (free - found)), 0))
        d_w *= write_gate
        gate_back(said, d_said, ALLOCATION_GATE_AT, tl.sum(d_w * (free - found), 0))
        tl.store(d_allocated + row, allocation_gate * d_w, real)
        d, norm = (1 - allocation_gate) * d_w, tl.sqrt(tl.sum(m * m, 1))
        d_m, d_norm = address_back(said, d_said, READS, m, norm, found, d, STRENGTH_AT, WIDTH, WIDTH_P)
        dm += d_m + norm_back(m, norm, d_norm)
        tl.debug_barrier()
        place = b * ROWS
        allocate_back(
            usage + after * ROWS, allocated + at * ROWS, d_allocated + place, d_usage + place, ROWS, ROWS_P, MANY
        )
        tl.debug_barrier()
        retained = retention(said + FREE_AT, read + at * READS * ROWS, ROWS, ROWS_P, READS)
        used, w = tl.load(usage + at * ROWS + i, real, 0.0), tl.load(write + at * ROWS + i, real, 0.0)
        d = tl.load(d_usage + row, real, 0.0)  # of u_t = (u_{t-1} + w_{t-1}^w - u_{t-1} ∘ w_{t-1}^w) ∘ ψ_t
        d_retained = d * (used + w - used * w)
        retention_back(
            said + FREE_AT, read + at * READS * ROWS, d_retained, d_said + FREE_AT, d_read + rows, ROWS, ROWS_P, READS
        )
        tl.debug_barrier()
        tl.store(d_write + row, d * retained * (1 - used), real)
        tl.store(d_usage + row, d * retained * (1 - w), real)
        d_hidden = product(d_said, interface_weight, HIDDEN, INTERFACE, HIDDEN, HIDDEN_P)
        d_hidden += tl.load(d_y + at * (HIDDEN + reads) + u, units, 0.0)
        control_back(
            past_weight, cell + at * HIDDEN, cell + after * HIDDEN, gates + at * gate_count, hidden + at * HIDDEN,
            d_hidden, d_past + b * past_size, d_cell + b * HIDDEN, d_gates + at * gate_count,
            reads, HIDDEN, HIDDEN_P, PAST_P, LSTM,
        )  # fmt: skip
        tl.debug_barrier()
    tl.store(d_memory + b * ROWS * WIDTH + cells, dm, inside)
