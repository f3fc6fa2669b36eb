"""A differentiable neural computer over a whole sequence, forwards (Graves et al. 2016), in Triton.

The same numbers as `cores/dnc.py`, step by step and equation by equation; that file is the one to read first. The
memory of a world stays in registers; its links, which are larger, don't.
"""

import triton
from triton import language as tl

from .allocation import allocate, retention
from .content import address_by_content
from .controller import control
from .links import link_and_follow
from .parts import bounded, product, sigmoid, softplus


@triton.jit
def key_of(said, h, STRENGTH_AT: tl.constexpr, WIDTH: tl.constexpr, WIDTH_P: tl.constexpr):
    """k and β of head h."""
    j = tl.arange(0, WIDTH_P)
    key = bounded(tl.load(said + h * WIDTH + j, j < WIDTH, 0.0))
    return key, 1 + softplus(bounded(tl.load(said + STRENGTH_AT + h)))


@triton.jit
def modes_of(said, at):
    """π of a head, three numbers; no maximum is taken off, since they are bounded."""
    behind, content = tl.exp(bounded(tl.load(said + at))), tl.exp(bounded(tl.load(said + at + 1)))
    ahead = tl.exp(bounded(tl.load(said + at + 2)))
    total = behind + content + ahead
    return behind / total, content / total, ahead / total


@triton.jit(do_not_specialize=["steps", "batch"])  # pieces are of any length
def forward(
    drive, past_weight, interface_weight, bias,
    memory, usage, precedence, link, write, read, past, cell, gates, hidden, interface, content, allocated, linked,
    steps, batch,
    ROWS: tl.constexpr, ROWS_P: tl.constexpr, WIDTH: tl.constexpr, WIDTH_P: tl.constexpr,
    READS: tl.constexpr, READS_P: tl.constexpr, HIDDEN: tl.constexpr, HIDDEN_P: tl.constexpr,
    INTERFACE: tl.constexpr, INTERFACE_P: tl.constexpr,
    STRENGTH_AT: tl.constexpr, ERASE_AT: tl.constexpr, ADD_AT: tl.constexpr, FREE_AT: tl.constexpr,
    WRITE_GATE_AT: tl.constexpr, ALLOCATION_GATE_AT: tl.constexpr, MODES_AT: tl.constexpr,
    LSTM: tl.constexpr, SOME: tl.constexpr, MANY: tl.constexpr, KEEP: tl.constexpr,
):  # fmt: skip
    """Run a world through the sequence, writing into the trace.

    X_P is the power of two that X fits into, X_AT where X begins in the interface, whose first part is the keys.

    Args:
        drive: what the controller gets from the inputs, (T, B, G).
        past_weight: of the controller for the last reads and hidden, (R W + hidden, G).
        interface_weight: (hidden, I).
        bias: of the interface, (I,).
        memory: (T + 1, B, N, W); entry 0, here as below, is the state before the sequence.
        usage: (T + 1, B, N).
        precedence: (T + 1, B, N).
        link: (T + 1, B, N, N).
        write: w^w, (T + 1, B, N).
        read: w^r, (T + 1, B, R, N).
        past: (T + 1, B, R W + hidden), or (T + 1, B, R W) where the controller has no cell.
        cell: (T + 1, B, hidden).
        gates: of the controller after their sigmoids and tanh, (T, B, G).
        hidden: (T, B, hidden).
        interface: before it is clipped, (T, B, I).
        content: c of the read heads, then of the write head, (T, B, R + 1, N).
        allocated: a, (T, B, N).
        linked: b of all heads, then f, (T, B, 2 R, N).
        steps: T.
        batch: B.
        SOME: rows of links that are worked on at a time, beside as many for each head.
        MANY: rows of any other N x N matrix.
        KEEP: 1, or 0 where no gradient is wanted: the trace but for `hidden` and `past` then holds two states, which
            take turns, and one step, which is written over the one before.
    """
    reads: tl.constexpr = READS * WIDTH
    past_size: tl.constexpr = reads + HIDDEN * LSTM
    gate_count: tl.constexpr = HIDDEN * (1 + 3 * LSTM)
    b = tl.program_id(0).to(tl.int64)
    i, j, p = tl.arange(0, ROWS_P), tl.arange(0, WIDTH_P), tl.arange(0, INTERFACE_P)
    real, number = i < ROWS, j < WIDTH
    cells, inside = i[:, None] * WIDTH + j[None, :], real[:, None] & number[None, :]
    m = tl.load(memory + b * ROWS * WIDTH + cells, inside, 0.0)  # (N, W)
    norm = tl.sqrt(tl.sum(m * m, 1))  # (N,)
    for t in range(steps):
        moment, now = t * batch + b, t * KEEP * batch + b
        at, after = moment, moment + batch
        if not KEEP:
            at, after = t % 2 * batch + b, (t + 1) % 2 * batch + b
        said = interface + now * INTERFACE
        control(
            drive + moment * gate_count, past_weight, past + moment * past_size, past + (moment + batch) * past_size,
            cell + at * HIDDEN, cell + after * HIDDEN, gates + now * gate_count, hidden + moment * HIDDEN,
            reads, HIDDEN, HIDDEN_P, LSTM,
        )  # fmt: skip
        tl.debug_barrier()
        raw = product(hidden + moment * HIDDEN, interface_weight, INTERFACE, HIDDEN, INTERFACE, INTERFACE_P)
        tl.store(said + p, raw + tl.load(bias + p, p < INTERFACE, 0.0), p < INTERFACE)
        tl.debug_barrier()
        # where to write
        retained = retention(said + FREE_AT, read + at * READS * ROWS, ROWS, ROWS_P, READS)
        u, w = tl.load(usage + at * ROWS + i, real, 0.0), tl.load(write + at * ROWS + i, real, 0.0)
        # u_t = (u_{t-1} + w_{t-1}^w - u_{t-1} ∘ w_{t-1}^w) ∘ ψ_t
        tl.store(usage + after * ROWS + i, (u + w - u * w) * retained, real)
        tl.debug_barrier()
        allocate(usage + after * ROWS, allocated + now * ROWS, ROWS, ROWS_P, MANY)
        tl.debug_barrier()
        key, strength = key_of(said, READS, STRENGTH_AT, WIDTH, WIDTH_P)
        found = address_by_content(key, strength, m, norm, real)
        tl.store(content + (now * (READS + 1) + READS) * ROWS + i, found, real)
        write_gate = sigmoid(bounded(tl.load(said + WRITE_GATE_AT)))
        allocation_gate = sigmoid(bounded(tl.load(said + ALLOCATION_GATE_AT)))
        free = tl.load(allocated + now * ROWS + i, real, 0.0)
        w = write_gate * (found + allocation_gate * (free - found))  # w_t^w = g_t^w [g_t^a a_t + (1 - g_t^a) c_t^w]
        tl.store(write + after * ROWS + i, w, real)
        # M_t = M_{t-1} ∘ (E - w_t^w e_tᵀ) + w_t^w v_tᵀ
        erase = sigmoid(bounded(tl.load(said + ERASE_AT + j, number, 0.0)))
        add = bounded(tl.load(said + ADD_AT + j, number, 0.0))
        m += w[:, None] * (add[None, :] - erase[None, :] * m)
        tl.store(memory + after * ROWS * WIDTH + cells, m, inside)
        # where to read
        last = tl.load(precedence + at * ROWS + i, real, 0.0)
        tl.store(precedence + after * ROWS + i, (1 - tl.sum(w, 0)) * last + w, real)  # p_t = (1 - Σ w) p_{t-1} + w
        tl.debug_barrier()
        link_and_follow(
            link + at * ROWS * ROWS, link + after * ROWS * ROWS, precedence + at * ROWS, write + after * ROWS,
            read + at * READS * ROWS, linked + now * 2 * READS * ROWS, ROWS, ROWS_P, READS, READS_P, SOME,
        )  # fmt: skip
        tl.debug_barrier()
        norm = tl.sqrt(tl.sum(m * m, 1))
        for r in range(READS):
            key, strength = key_of(said, r, STRENGTH_AT, WIDTH, WIDTH_P)
            found = address_by_content(key, strength, m, norm, real)
            tl.store(content + (now * (READS + 1) + r) * ROWS + i, found, real)
            by_behind, by_content, by_ahead = modes_of(said, MODES_AT + 3 * r)
            behind = tl.load(linked + (now * 2 * READS + r) * ROWS + i, real, 0.0)
            ahead = tl.load(linked + (now * 2 * READS + READS + r) * ROWS + i, real, 0.0)
            w = by_behind * behind + by_content * found + by_ahead * ahead  # w_t^r = π[1] b + π[2] c + π[3] f
            tl.store(read + (after * READS + r) * ROWS + i, w, real)
            tl.store(past + (moment + batch) * past_size + r * WIDTH + j, tl.sum(w[:, None] * m, 0), number)
        tl.debug_barrier()
