"""A neural Turing machine over a whole sequence, forwards (Graves, Wayne & Danihelka 2014), in numba.

The same numbers as `cores/ntm.py`, step by step and equation by equation; that file is the one to read first. What
the DNC does alike is in `controller.py` and `memory.py`.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from .arithmetic import CACHED, OPTIONS, PART, copy, exp, largest, log, sigmoid, softplus, tanh
from .controller import control_all
from .memory import address_by_content, erase_and_add, read, row_norms, softmax, vector_norm

CLIP = 20.0  # as nn/bounds.py
TINY = 1e-12  # as cores/addressing.py


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


class Room(NamedTuple):
    """Numbers of one world at one step: the interface, (I,), and w_g of a head, (N,)."""

    interface: np.ndarray
    placed: np.ndarray


def room_of(trace: Trace) -> Room:
    """Room for a world of this trace."""
    kind = trace.memory.dtype
    return Room(np.empty(trace.interface.shape[2], kind), np.empty(trace.memory.shape[3], kind))


@njit(**PART)
def layout_of(shape, width):
    """The layout, as `NTM.sizes` has it."""
    heads = shape.read_heads + shape.write_heads
    kernel = heads * width
    add = kernel + heads * shape.shifts
    gate = add + shape.write_heads * width
    erase = gate + heads
    strength = erase + shape.write_heads * width
    return Layout(kernel, add, gate, erase, strength, strength + heads, strength + 2 * heads)


@njit(**OPTIONS)
def activate(raw, interface, layout, shape, one):
    """The interface of one world, clipped and put through its softmaxes, tanh, sigmoids and softplus."""
    clip = raw.dtype.type(CLIP)
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
def gated(content, before, gate, out, shape):
    """w_g = g w_c + (1 - g) w_{t-1} (eq. 7)."""
    if shape.content:
        for i in range(len(out)):
            out[i] = before[i] + gate * (content[i] - before[i])
    else:
        for i in range(len(out)):
            out[i] = before[i]


@njit(**OPTIONS)
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
    tiny = placed.dtype.type(TINY)
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
def forward(drive, weights, trace, shape, room, first, end):
    """Run the worlds `first` to `end` through the sequence, writing into `trace`.

    Args:
        drive: what the controller gets from the inputs, (T, B, G).
        weights: `Weights`, laid out for this direction.
        trace: `Trace`; its entry 0 along T + 1 is given.
        shape: `NTMShape`.
        room: `Room`.
        first: the first world.
        end: the one behind the last.
    """
    one = drive.dtype.type(1)
    width = trace.memory.shape[2]
    layout, interface, placed = layout_of(shape, width), room.interface, room.placed
    reads = shape.read_heads * width
    heads = shape.read_heads + shape.write_heads
    for t in range(len(drive)):
        control_all(drive, weights, trace, t, reads, shape.lstm, first, end)
        for b in range(first, end):
            activate(trace.interface[t, b], interface, layout, shape, one)
            memory, norms = trace.memory[t, b], trace.row_norm[t, b]
            if shape.content:
                row_norms(memory, norms)
            for h in range(heads):
                before, after = trace.weighting[t, b, h], trace.weighting[t + 1, b, h]
                content = trace.content[t, b, h]
                if shape.content:
                    key, strength = interface[h * width : (h + 1) * width], interface[layout.strength + h]
                    address_by_content(key, vector_norm(key, one), strength, memory, norms, content, one)
                if shape.location:
                    kernel = interface[layout.kernel + h * shape.shifts : layout.kernel + (h + 1) * shape.shifts]
                    gamma = one + interface[layout.sharpness + h]
                    gated(content, before, interface[layout.gate + h], placed, shape)
                    shift_and_sharpen(placed, kernel, gamma, trace.shifted[t, b, h], after, one)
                else:
                    copy(content, after)
            reading = trace.weighting[t + 1, b, : shape.read_heads]
            writing = trace.weighting[t + 1, b, shape.read_heads :]
            erase, add = interface[layout.erase :], interface[layout.add :]
            erase_and_add(memory, writing, erase, add, trace.memory[t + 1, b], one)
            read(trace.memory[t + 1, b], reading, trace.past[t + 1, b, :reads])
