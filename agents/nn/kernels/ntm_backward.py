"""The gradient of `ntm_forward.forward`, in numba: the same equations, each read from its end.

d_x stands for the loss's derivative with respect to x. What the forward pass can compute again in no time (the
activations of the interface, w_g) is computed again; memories, weightings and norms come from its trace.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from .arithmetic import CACHED, OPTIONS, PART, copy, exp
from .controller import control_all_back
from .memory import (
    address_by_content_back,
    erase_and_add_back,
    read_back,
    row_norms_back,
    softmax_back,
    vector_norm,
    vector_norm_back,
)
from .ntm_forward import CLIP, Trace, activate, gated, layout_of


class Carried(NamedTuple):
    """Derivatives with respect to the state, of the step after at first and of the step before at the end.

    Attributes:
        memory: (B, W, N).
        weighting: (B, R + H, N).
        past: (B, R W + hidden), or (B, R W).
        cell: (B, hidden), or (B, 0).
    """

    memory: np.ndarray
    weighting: np.ndarray
    past: np.ndarray
    cell: np.ndarray


class Room(NamedTuple):
    """Numbers of one world at one step; most of them are derivatives."""

    interface: np.ndarray  # (I,)
    placed: np.ndarray  # w_g, (N,), as all below
    d_placed: np.ndarray
    d_norms: np.ndarray
    scratch: np.ndarray


def room_of(trace: Trace) -> Room:
    """Room for a world of this trace."""
    kind = trace.memory.dtype
    return Room(np.empty(trace.interface.shape[2], kind), *np.empty((4, trace.memory.shape[3]), kind))


@njit(**OPTIONS)
def sharpen_and_shift_back(placed, kernel, gamma, shifted, weighting, d_weighting, d_kernel, d_placed, scratch):
    """Of eq. 9 and 8; returns d_γ."""
    rows, reach = len(placed), len(kernel) // 2
    zero = placed.dtype.type(0)
    mean, d_gamma = zero, zero
    for i in range(rows):
        mean += d_weighting[i] * weighting[i]
    for i in range(rows):
        d = weighting[i] * (d_weighting[i] - mean)  # of the softmax over γ log w̃
        d_gamma += d * shifted[i]
        scratch[i] = gamma * d * exp(-shifted[i])
        d_placed[i] = zero
    for m in range(len(kernel)):
        s, offset, total = kernel[m], m - reach, zero
        for i in range(max(0, -offset), min(rows, rows - offset)):
            d_placed[i + offset] += s * scratch[i]
            total += scratch[i] * placed[i + offset]
        for i in range(0, -offset):
            d_placed[i + offset + rows] += s * scratch[i]
            total += scratch[i] * placed[i + offset + rows]
        for i in range(rows - offset, rows):
            d_placed[i + offset - rows] += s * scratch[i]
            total += scratch[i] * placed[i + offset - rows]
        d_kernel[m] = total
    return d_gamma


@njit(**PART)
def activate_back(raw, interface, d_interface, layout, shape, one):
    """Of the interface's softmaxes, tanh, sigmoids, softplus and bounds, in place."""
    clip = raw.dtype.type(CLIP)
    for h in range(shape.read_heads + shape.write_heads):
        first, last = layout.kernel + h * shape.shifts, layout.kernel + (h + 1) * shape.shifts
        softmax_back(interface[first:last], d_interface[first:last], one)
    for i in range(layout.add, layout.gate):
        d_interface[i] *= one - interface[i] * interface[i]
    for i in range(layout.gate, layout.strength):
        d_interface[i] *= interface[i] * (one - interface[i])
    for i in range(layout.strength, layout.end):
        d_interface[i] *= one - exp(-interface[i])  # softplus' is the sigmoid, 1 - e^-softplus
    for i in range(layout.end):
        if not abs(raw[i]) <= clip:
            d_interface[i] = one - one


@njit(**PART)
def heads_back(trace, shape, layout, t, b, interface, carried, d_interface, room):
    """Of the addressing of all heads of one world."""
    memory, norms, d_memory = trace.memory[t, b], trace.row_norm[t, b], carried.memory[b]
    width, rows = memory.shape
    one = memory.dtype.type(1)
    d_norms, d_placed, placed, scratch = room.d_norms, room.d_placed, room.placed, room.scratch
    d_norms[:] = 0
    for h in range(shape.read_heads + shape.write_heads):
        d_weighting, content, before = carried.weighting[b, h], trace.content[t, b, h], trace.weighting[t, b, h]
        gate = interface[layout.gate + h]
        if shape.location:
            kernel_at, gamma = layout.kernel + h * shape.shifts, one + interface[layout.sharpness + h]
            gated(content, before, gate, placed, shape)
            d_interface[layout.sharpness + h] = sharpen_and_shift_back(
                placed,
                interface[kernel_at : kernel_at + shape.shifts],
                gamma,
                trace.shifted[t, b, h],
                trace.weighting[t + 1, b, h],
                d_weighting,
                d_interface[kernel_at : kernel_at + shape.shifts],
                d_placed,
                scratch,
            )
            if not shape.content:
                copy(d_placed, d_weighting)
                continue
            d_gate = one - one
            for i in range(rows):  # of eq. 7
                d_gate += d_placed[i] * (content[i] - before[i])
                d_weighting[i] = (one - gate) * d_placed[i]
                d_placed[i] *= gate
            d_interface[layout.gate + h] = d_gate
        else:
            copy(d_weighting, d_placed)
            d_weighting[:] = 0
        key, d_key = interface[h * width : (h + 1) * width], d_interface[h * width : (h + 1) * width]
        norm, strength = vector_norm(key, one), interface[layout.strength + h]
        d_interface[layout.strength + h], d_norm = address_by_content_back(
            key, norm, strength, memory, norms, content, d_placed, d_key, d_memory, d_norms, scratch
        )
        vector_norm_back(key, norm, d_norm, d_key, one)
    if shape.content:
        row_norms_back(memory, norms, d_norms, d_memory)


@njit(**CACHED)
def backward(weights, trace, shape, d_y, carried, d_gates, d_interface, d_hidden, room, first, end):
    """Go through the sequence of the worlds `first` to `end` from its end.

    Args:
        weights: `Weights`, laid out for this direction.
        trace: `Trace` of the forward pass.
        shape: `NTMShape`.
        d_y: (T, B, hidden + R W).
        carried: `Carried`, in place.
        d_gates: of the controller before its sigmoids and tanh, (T, B, G), written.
        d_interface: before it is clipped, (T, B, I), zeros, written.
        d_hidden: room for (B, hidden).
        room: `Room`.
        first: the first world.
        end: the one behind the last.
    """
    one = d_y.dtype.type(1)
    steps, _, size = trace.hidden.shape
    width = trace.memory.shape[2]
    layout, reads = layout_of(shape, width), shape.read_heads * width
    interface = room.interface
    for t in range(steps - 1, -1, -1):
        for b in range(first, end):
            raw, d_raw, d_past = trace.interface[t, b], d_interface[t, b], carried.past[b]
            activate(raw, interface, layout, shape, one)
            for i in range(reads):
                d_past[i] += d_y[t, b, size + i]
            d_memory, split = carried.memory[b], shape.read_heads
            weighting, d_weighting = trace.weighting[t + 1, b], carried.weighting[b]
            read_back(trace.memory[t + 1, b], weighting[:split], d_past[:reads], d_memory, d_weighting[:split])
            erase_and_add_back(
                trace.memory[t, b], weighting[split:], interface[layout.erase :], interface[layout.add :],
                d_memory, d_weighting[split:], d_raw[layout.erase :], d_raw[layout.add :], room.scratch,
            )  # fmt: skip
            heads_back(trace, shape, layout, t, b, interface, carried, d_raw, room)
            activate_back(raw, interface, d_raw, layout, shape, one)
        control_all_back(weights, trace, carried, d_y, d_gates, d_interface, d_hidden, t, reads, shape.lstm, first, end)
