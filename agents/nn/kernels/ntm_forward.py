"""A neural Turing machine over a whole sequence, forwards (Graves, Wayne & Danihelka 2014), in numba.

The same numbers as `cores/ntm.py`, step by step and equation by equation; that file is the one to read first. Here
the memory of a world lies transposed, (W, N), so that every inner loop runs over the N rows and vectorises.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from .arithmetic import OPTIONS, exp, largest, log, product, sigmoid, softplus, tanh

CLIP = 20.0  # as cores/external.py
EPSILON = 1e-6  # as attention/content.py
TINY = 1e-12  # as cores/addressing.py
CACHED: Any = {**OPTIONS, "cache": True}


class Shape(NamedTuple):
    """What is fixed for a core.

    Attributes:
        read_heads: R.
        write_heads: H.
        shifts: 2K + 1.
        lstm: whether the controller has a cell.
        content: whether heads address by content.
        location: whether they interpolate, shift and sharpen.
    """

    read_heads: int
    write_heads: int
    shifts: int
    lstm: bool
    content: bool
    location: bool


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


class Trace(NamedTuple):
    """What the sequence leaves behind for its gradient; entry 0 along T + 1 is the state before it.

    Attributes:
        memory: (T + 1, B, W, N).
        weighting: (T + 1, B, R + H, N).
        past: reads and hidden, (T + 1, B, R W + hidden), or the reads alone where the controller has no cell.
        cell: (T + 1, B, hidden), or (T + 1, B, 0).
        gates: of the controller after their sigmoids and tanh, (T, B, G).
        hidden: (T, B, hidden).
        interface: before it is clipped, (T, B, I).
        content: w_c, (T, B, R + H, N).
        shifted: log w̃, (T, B, R + H, N).
        row_norm: ‖M(i)‖, (T, B, N).
    """

    memory: np.ndarray
    weighting: np.ndarray
    past: np.ndarray
    cell: np.ndarray
    gates: np.ndarray
    hidden: np.ndarray
    interface: np.ndarray
    content: np.ndarray
    shifted: np.ndarray
    row_norm: np.ndarray


class Layout(NamedTuple):
    """Where the parts of the interface begin: keys at 0, then these."""

    kernel: int
    add: int
    gate: int
    erase: int
    strength: int
    sharpness: int
    end: int


@njit(inline="always", **OPTIONS)
def layout_of(shape, width):
    """The layout, as `NTM.sizes` has it."""
    heads = shape.read_heads + shape.write_heads
    kernel = heads * width
    add = kernel + heads * shape.shifts
    gate = add + shape.write_heads * width
    erase = gate + heads
    strength = erase + shape.write_heads * width
    return Layout(kernel, add, gate, erase, strength, strength + heads, strength + 2 * heads)


@njit(**CACHED)
def control(gates, drive, cell_before, cell, hidden, shape, one):
    """The controller of one world: `gates` hold U [r; h] and become the gates themselves."""
    size = len(hidden)
    if not shape.lstm:
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


@njit(**CACHED)
def activate(raw, interface, layout, shape, one):
    """The interface of one world, clipped and put through its softmaxes, tanh, sigmoids and softplus."""
    clip = one * CLIP
    for i in range(layout.end):
        interface[i] = min(max(raw[i], -clip), clip)
    for h in range(shape.read_heads + shape.write_heads):
        kernel = interface[layout.kernel + h * shape.shifts : layout.kernel + (h + 1) * shape.shifts]
        softmax(kernel, one)
    for i in range(layout.add, layout.gate):
        interface[i] = tanh(interface[i], one)
    for i in range(layout.gate, layout.strength):
        interface[i] = sigmoid(interface[i], one)
    for i in range(layout.strength, layout.end):
        interface[i] = softplus(interface[i], one)


@njit(**OPTIONS)
def softmax(values, one):
    """In place."""
    top, total = largest(values), one - one
    for i in range(len(values)):
        values[i] = exp(values[i] - top)
        total += values[i]
    total = one / total
    for i in range(len(values)):
        values[i] *= total


@njit(**OPTIONS)
def key_norm(key, one):
    """‖k‖."""
    total = one - one
    for j in range(len(key)):
        total += key[j] * key[j]
    return np.sqrt(total)


@njit(**OPTIONS)
def row_norms(memory, norms):
    """‖M(i)‖ of every row."""
    width, rows = memory.shape
    norms[:] = 0
    for j in range(width):
        column = memory[j]
        for i in range(rows):
            norms[i] += column[i] * column[i]
    for i in range(rows):
        norms[i] = np.sqrt(norms[i])


@njit(**OPTIONS)
def similarities(key, memory, out):
    """k · M(i) of every row."""
    width, rows = memory.shape
    out[:] = 0
    for j in range(width):
        column, k = memory[j], key[j]
        for i in range(rows):
            out[i] += k * column[i]


@njit(**CACHED)
def address_by_content(key, strength, memory, norms, out, one):
    """w_c(i) = softmax_i β K[k, M(i)] (eq. 5), K the cosine (eq. 6)."""
    similarities(key, memory, out)
    norm, epsilon = key_norm(key, one), one * EPSILON
    for i in range(len(out)):
        out[i] = strength * out[i] / (norm * norms[i] + epsilon)
    softmax(out, one)


@njit(**CACHED)
def gated(content, before, gate, out, shape):
    """w_g = g w_c + (1 - g) w_{t-1} (eq. 7)."""
    if shape.content:
        for i in range(len(out)):
            out[i] = before[i] + gate * (content[i] - before[i])
    else:
        for i in range(len(out)):
            out[i] = before[i]


@njit(**CACHED)
def shift_and_sharpen(placed, kernel, gamma, shifted, out, one):
    """w̃(i) = Σ_j w_g(j) s(i - j) (eq. 8), of which `shifted` keeps the logarithm; w = w̃^γ / Σ w̃^γ (eq. 9)."""
    rows, reach = len(placed), len(kernel) // 2
    shifted[:] = 0
    for m in range(len(kernel)):
        s, offset = kernel[m], m - reach
        for i in range(max(0, -offset), min(rows, rows - offset)):
            shifted[i] += s * placed[i + offset]
        for i in range(0, -offset):  # around the end
            shifted[i] += s * placed[i + offset + rows]
        for i in range(rows - offset, rows):
            shifted[i] += s * placed[i + offset - rows]
    tiny = one * TINY
    for i in range(rows):
        shifted[i] = log(shifted[i] + tiny)
    top, total = largest(shifted), one - one
    for i in range(rows):
        out[i] = exp(gamma * (shifted[i] - top))
        total += out[i]
    total = one / total
    for i in range(rows):
        out[i] *= total


@njit(**CACHED)
def write(memory, weighting, interface, layout, shape, out, one):
    """M_t(i) = M_{t-1}(i) Π_h [1 - w_h(i) e_h] + Σ_h w_h(i) a_h (eq. 3 and 4)."""
    width, rows = memory.shape
    for j in range(width):
        old, new = memory[j], out[j]
        for i in range(rows):
            new[i] = old[i]
        for h in range(shape.write_heads):
            e, w = interface[layout.erase + h * width + j], weighting[shape.read_heads + h]
            for i in range(rows):
                new[i] *= one - w[i] * e
        for h in range(shape.write_heads):
            a, w = interface[layout.add + h * width + j], weighting[shape.read_heads + h]
            for i in range(rows):
                new[i] += w[i] * a


@njit(**CACHED)
def read(memory, weighting, shape, reads, one):
    """r = Σ_i w(i) M(i) (eq. 2), of all read heads one behind the other."""
    width, rows = memory.shape
    for r in range(shape.read_heads):
        w = weighting[r]
        for j in range(width):
            column, total = memory[j], one - one
            for i in range(rows):
                total += w[i] * column[i]
            reads[r * width + j] = total


@njit(**CACHED)
def forward(drive, weights, trace, shape, first, end):
    """Run the worlds `first` to `end` through the sequence, writing into `trace`.

    Args:
        drive: what the controller gets from the inputs, (T, B, G).
        weights: `Weights`, laid out for this direction.
        trace: `Trace`; its entry 0 along T + 1 is given.
        shape: `Shape`.
        first: the first world.
        end: the one behind the last.
    """
    one = drive.dtype.type(1)
    width, rows = trace.memory.shape[2:]
    layout = layout_of(shape, width)
    interface, placed = np.empty(layout.end, drive.dtype), np.empty(rows, drive.dtype)
    reads = shape.read_heads * width
    for t in range(len(drive)):
        product(trace.past[t], weights.past, trace.gates[t], first, end)
        for b in range(first, end):
            hidden = trace.hidden[t, b]
            control(trace.gates[t, b], drive[t, b], trace.cell[t, b], trace.cell[t + 1, b], hidden, shape, one)
            if shape.lstm:
                trace.past[t + 1, b, reads:] = hidden
        product(trace.hidden[t], weights.interface, trace.interface[t], first, end)
        for b in range(first, end):
            raw = trace.interface[t, b]
            for i in range(layout.end):
                raw[i] += weights.bias[i]
            activate(raw, interface, layout, shape, one)
            memory, norms = trace.memory[t, b], trace.row_norm[t, b]
            if shape.content:
                row_norms(memory, norms)
            for h in range(shape.read_heads + shape.write_heads):
                before, after = trace.weighting[t, b, h], trace.weighting[t + 1, b, h]
                content = trace.content[t, b, h]
                if shape.content:
                    key, strength = interface[h * width : (h + 1) * width], interface[layout.strength + h]
                    address_by_content(key, strength, memory, norms, content, one)
                if shape.location:
                    kernel = interface[layout.kernel + h * shape.shifts : layout.kernel + (h + 1) * shape.shifts]
                    gamma = one + interface[layout.sharpness + h]
                    gated(content, before, interface[layout.gate + h], placed, shape)
                    shift_and_sharpen(placed, kernel, gamma, trace.shifted[t, b, h], after, one)
                else:
                    after[:] = content
            write(memory, trace.weighting[t + 1, b], interface, layout, shape, trace.memory[t + 1, b], one)
            read(trace.memory[t + 1, b], trace.weighting[t + 1, b], shape, trace.past[t + 1, b], one)
