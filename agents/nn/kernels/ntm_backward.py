"""The gradient of `ntm_forward.forward`, in numba: the same equations, each read from its end.

d_x stands for the loss's derivative with respect to x. What the forward pass can compute again in no time (the
activations of the interface, w_g) is computed again; memories, weightings and norms come from its trace.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from .arithmetic import exp, product, tanh
from .ntm_forward import CACHED, CLIP, EPSILON, activate, gated, key_norm, layout_of, similarities


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


@njit(**CACHED)
def read_back(memory, weighting, shape, d_reads, d_memory, d_weighting):
    """Of eq. 2: d_w(i) = Σ_j M(i, j) d_r(j), d_M(i, j) = w(i) d_r(j)."""
    width, rows = memory.shape
    for r in range(shape.read_heads):
        w, d_w = weighting[r], d_weighting[r]
        for j in range(width):
            column, d_column, d = memory[j], d_memory[j], d_reads[r * width + j]
            for i in range(rows):
                d_w[i] += d * column[i]
                d_column[i] += d * w[i]


@njit(**CACHED)
def write_back(memory, weighting, interface, layout, shape, d_memory, d_weighting, d_interface, scratch):
    """Of eq. 3 and 4; `memory` is M_{t-1}, and `d_memory` goes from M_t to it."""
    width, rows = memory.shape
    one = memory.dtype.type(1)
    for j in range(width):
        old, d_new = memory[j], d_memory[j]
        for h in range(shape.write_heads):
            a_at, e_at, w_at = layout.add + h * width + j, layout.erase + h * width + j, shape.read_heads + h
            a, e, w, d_w = interface[a_at], interface[e_at], weighting[w_at], d_weighting[w_at]
            for i in range(rows):  # what e_h w_h is multiplied with: M_{t-1} as the other heads leave it
                scratch[i] = d_new[i] * old[i]
            for other in range(shape.write_heads):
                if other != h:
                    e_other = interface[layout.erase + other * width + j]
                    w_other = weighting[shape.read_heads + other]
                    for i in range(rows):
                        scratch[i] *= one - w_other[i] * e_other
            d_a, d_e = one - one, one - one
            for i in range(rows):
                d_a += d_new[i] * w[i]
                d_e -= scratch[i] * w[i]
                d_w[i] += d_new[i] * a - scratch[i] * e
            d_interface[a_at], d_interface[e_at] = d_a, d_e
        for h in range(shape.write_heads):
            e, w = interface[layout.erase + h * width + j], weighting[shape.read_heads + h]
            for i in range(rows):
                d_new[i] *= one - w[i] * e


@njit(**CACHED)
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


@njit(**CACHED)
def address_by_content_back(key, strength, memory, norms, content, d_content, d_key, d_memory, d_norms, scratch):
    """Of eq. 5 and 6; returns d_β. `d_norms` collects, over heads, the part by way of ‖M(i)‖."""
    width, rows = memory.shape
    zero, one = memory.dtype.type(0), memory.dtype.type(1)
    similarities(key, memory, scratch)
    norm, epsilon = key_norm(key, one), one * EPSILON
    mean, d_strength, d_norm = zero, zero, zero
    for i in range(rows):
        mean += d_content[i] * content[i]
    for i in range(rows):
        inverse = one / (norm * norms[i] + epsilon)
        cosine = scratch[i] * inverse
        d = content[i] * (d_content[i] - mean)  # of the softmax over β K
        d_strength += d * cosine
        d *= strength * inverse  # of k · M(i)
        d_norm -= d * cosine * norms[i]
        d_norms[i] -= d * cosine * norm
        scratch[i] = d
    d_norm = d_norm / norm if norm > zero else zero  # the norm's gradient at zero is zero
    for j in range(width):
        column, d_column, k, total = memory[j], d_memory[j], key[j], zero
        for i in range(rows):
            total += scratch[i] * column[i]
            d_column[i] += scratch[i] * k
        d_key[j] = total + d_norm * k
    return d_strength


@njit(**CACHED)
def norms_back(memory, norms, d_norms, d_memory):
    """Of ‖M(i)‖: d_M(i) = d_‖M(i)‖ M(i) / ‖M(i)‖, zero at a row of zeros."""
    width, rows = memory.shape
    zero = memory.dtype.type(0)
    for i in range(rows):
        d_norms[i] = d_norms[i] / norms[i] if norms[i] > zero else zero
    for j in range(width):
        column, d_column = memory[j], d_memory[j]
        for i in range(rows):
            d_column[i] += d_norms[i] * column[i]


@njit(**CACHED)
def activate_back(raw, interface, d_interface, layout, shape, one):
    """Of the interface's softmaxes, tanh, sigmoids, softplus and bounds, in place."""
    clip = one * CLIP
    for h in range(shape.read_heads + shape.write_heads):
        first, mean = layout.kernel + h * shape.shifts, one - one
        for i in range(first, first + shape.shifts):
            mean += interface[i] * d_interface[i]
        for i in range(first, first + shape.shifts):
            d_interface[i] = interface[i] * (d_interface[i] - mean)
    for i in range(layout.add, layout.gate):
        d_interface[i] *= one - interface[i] * interface[i]
    for i in range(layout.gate, layout.strength):
        d_interface[i] *= interface[i] * (one - interface[i])
    for i in range(layout.strength, layout.end):
        d_interface[i] *= one - exp(-interface[i])  # softplus' is the sigmoid, 1 - e^-softplus
    for i in range(layout.end):
        if not abs(raw[i]) <= clip:
            d_interface[i] = one - one


@njit(**CACHED)
def control_back(gates, cell_before, cell, hidden, d_hidden, d_cell, d_gates, shape, one):
    """Of the controller; `d_cell` goes from this step to the step before."""
    size = len(hidden)
    if not shape.lstm:
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


@njit(**CACHED)
def heads_back(trace, shape, layout, t, b, interface, carried, d_interface):
    """Of the addressing of all heads of one world."""
    memory, norms, d_memory = trace.memory[t, b], trace.row_norm[t, b], carried.memory[b]
    width, rows = memory.shape
    one = memory.dtype.type(1)
    vectors = np.zeros((4, rows), memory.dtype)
    d_norms, d_placed, placed, scratch = vectors[0], vectors[1], vectors[2], vectors[3]
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
                d_weighting[:] = d_placed
                continue
            d_gate = one - one
            for i in range(rows):  # of eq. 7
                d_gate += d_placed[i] * (content[i] - before[i])
                d_weighting[i] = (one - gate) * d_placed[i]
                d_placed[i] *= gate
            d_interface[layout.gate + h] = d_gate
        else:
            d_placed[:] = d_weighting
            d_weighting[:] = 0
        d_interface[layout.strength + h] = address_by_content_back(
            interface[h * width : (h + 1) * width],
            interface[layout.strength + h],
            memory,
            norms,
            content,
            d_placed,
            d_interface[h * width : (h + 1) * width],
            d_memory,
            d_norms,
            scratch,
        )
    if shape.content:
        norms_back(memory, norms, d_norms, d_memory)


@njit(**CACHED)
def backward(weights, trace, shape, d_y, carried, d_gates, d_interface, first, end):
    """Go through the sequence of the worlds `first` to `end` from its end.

    Args:
        weights: `Weights`, laid out for this direction.
        trace: `Trace` of the forward pass.
        shape: `Shape`.
        d_y: (T, B, hidden + R W).
        carried: `Carried`, in place.
        d_gates: of the controller before its sigmoids and tanh, (T, B, G), written.
        d_interface: before it is clipped, (T, B, I), zeros, written.
        first: the first world.
        end: the one behind the last.
    """
    one = d_y.dtype.type(1)
    steps, _, size = trace.hidden.shape
    width, rows = trace.memory.shape[2:]
    layout, reads = layout_of(shape, width), shape.read_heads * width
    interface, scratch = np.empty(layout.end, d_y.dtype), np.empty(rows, d_y.dtype)
    d_hidden = np.empty(trace.hidden.shape[1:], d_y.dtype)
    for t in range(steps - 1, -1, -1):
        for b in range(first, end):
            raw, d_raw, d_past = trace.interface[t, b], d_interface[t, b], carried.past[b]
            activate(raw, interface, layout, shape, one)
            for i in range(reads):
                d_past[i] += d_y[t, b, size + i]
            weighting, d_memory, d_weighting = trace.weighting[t + 1, b], carried.memory[b], carried.weighting[b]
            read_back(trace.memory[t + 1, b], weighting, shape, d_past[:reads], d_memory, d_weighting)
            write_back(trace.memory[t, b], weighting, interface, layout, shape, d_memory, d_weighting, d_raw, scratch)
            heads_back(trace, shape, layout, t, b, interface, carried, d_raw)
            activate_back(raw, interface, d_raw, layout, shape, one)
        product(d_interface[t], weights.interface, d_hidden, first, end)
        for b in range(first, end):
            for i in range(size):
                d_hidden[b, i] += d_y[t, b, i]
            if shape.lstm:
                for i in range(size):
                    d_hidden[b, i] += carried.past[b, reads + i]
            cells = trace.cell[t, b], trace.cell[t + 1, b]
            control_back(
                trace.gates[t, b], cells[0], cells[1], trace.hidden[t, b], d_hidden[b], carried.cell[b], d_gates[t, b],
                shape, one,
            )  # fmt: skip
        product(d_gates[t], weights.past, carried.past, first, end)
