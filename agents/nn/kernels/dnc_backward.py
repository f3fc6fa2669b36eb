"""The gradient of `dnc_forward.forward`, in numba: the same equations, each read from its end.

d_x stands for the loss's derivative with respect to x. Full links are not kept for every step, which would be T B N²
numbers: from a checkpoint, the links of the steps up to the next one are computed again.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from .allocation import allocate_back, retain, retain_back, show, use_back
from .arithmetic import CACHED, OPTIONS, PART, copy, sigmoid
from .controller import control_all_back
from .dnc_forward import CLIP, Shape, Trace, activate, layout_of
from .links import follow_back, link_back, link_into, precede_back
from .memory import (
    address_by_content_back,
    erase_and_add_back,
    read_back,
    row_norms_back,
    softmax_back,
    vector_norm,
    vector_norm_back,
)
from .sharpening import mask_key, mask_key_back, masked_row_norms_back, sharpen_back
from .sparse_links import HEADS, SparseRoom, compete_back, follow_sparse_back, sparse_room


class Carried(NamedTuple):
    """Derivatives with respect to the state, of the step after at first and of the step before at the end.

    Attributes:
        memory: (B, W, N).
        usage: (B, N).
        precedence: (B, N).
        link: (B, N, N), or (B, K, N) where links are sparse.
        write: (B, N).
        read: (B, R, N).
        past: (B, R W + hidden), or (B, R W).
        cell: (B, hidden), or (B, 0).
    """

    memory: np.ndarray
    usage: np.ndarray
    precedence: np.ndarray
    link: np.ndarray
    write: np.ndarray
    read: np.ndarray
    past: np.ndarray
    cell: np.ndarray


class Room(NamedTuple):
    """Numbers of one world at one step; most of them are derivatives."""

    retained: np.ndarray  # ψ, (N,), as all without a size
    shown: np.ndarray
    d_retained: np.ndarray
    d_norms: np.ndarray
    d_content: np.ndarray
    scratch: np.ndarray
    other: np.ndarray
    query: np.ndarray  # (W,)
    d_query: np.ndarray  # (W,)
    kept: np.ndarray  # M_{t-1} ∘ ψ 1ᵀ, (W, N)
    d_linked: np.ndarray  # (2 R, N)
    spare: np.ndarray  # (K, N)
    d_four: np.ndarray  # (N, 4)
    left: np.ndarray  # (2 R, N)
    right: np.ndarray  # (2 R, N)
    interface: np.ndarray  # (I,)
    links: np.ndarray  # from one checkpoint to the next, (steps + 1, worlds, N, N)
    sparse: SparseRoom


def room_of(shape: Shape, trace: Trace, worlds: int) -> Room:
    """Room for a world of this trace, and for the full links of as many worlds."""
    (width, rows), kind = trace.memory.shape[2:], trace.memory.dtype
    one, queries, full = np.empty((7, rows), kind), np.empty((2, width), kind), 0 if shape.links else rows
    sides = np.empty((2, 2 * shape.read_heads, rows), kind)
    return Room(
        one[0], one[1], one[2], one[3], one[4], one[5], one[6], queries[0], queries[1],
        np.empty((width, rows), kind),
        np.empty((2 * shape.read_heads, rows), kind),
        np.empty((shape.links, rows), kind),
        np.empty((rows, HEADS), kind),
        sides[0],
        sides[1],
        np.empty(trace.interface.shape[2], kind),
        np.empty((min(shape.every, len(trace.hidden)) + 1, worlds, full, full), kind),
        sparse_room(shape.links, rows, kind),
    )  # fmt: skip


@njit(**PART)
def activate_back(raw, interface, d_interface, layout, shape, one):
    """Of the interface's sigmoids, softmaxes, oneplus and bounds, in place."""
    clip = raw.dtype.type(CLIP)
    most = raw.dtype.type(shape.max_strength)
    for i in range(layout.strength, layout.erase):
        d_interface[i] *= sigmoid(raw[i], one) if interface[i] < most else one - one
    for i in range(layout.erase, layout.add):
        d_interface[i] *= interface[i] * (one - interface[i])
    for i in range(layout.free, layout.modes):
        d_interface[i] *= interface[i] * (one - interface[i])
    for r in range(shape.read_heads):
        first, last = layout.modes + 3 * r, layout.modes + 3 * r + 3
        softmax_back(interface[first:last], d_interface[first:last], one)
    for i in range(layout.mask, layout.sharpness):
        d_interface[i] *= interface[i] * (one - interface[i])
    for i in range(layout.sharpness, layout.end):
        d_interface[i] *= sigmoid(raw[i], one)
    for i in range(layout.end):
        if not abs(raw[i]) <= clip:
            d_interface[i] = one - one


@njit(**OPTIONS)
def address_back(h, memory, interface, layout, shape, norms, content, d_memory, d_interface, room, one):
    """Of c of head h, from `room.d_content`; without masks `room.d_norms` collects."""
    width, at, d_norms = len(memory), layout.strength + h, room.d_norms
    key, d_key = interface[h * width : (h + 1) * width], d_interface[h * width : (h + 1) * width]
    masks = slice(layout.mask + h * width, layout.mask + (h + 1) * width)
    if shape.mask_keys:
        query, d_query = room.query, room.d_query
        norm = mask_key(key, interface[masks], query, one)
        d_norms[:] = 0
    else:
        query, d_query, norm = key, d_key, vector_norm(key, one)
    d_interface[at], d_norm = address_by_content_back(
        query, norm, interface[at], memory, norms, content, room.d_content, d_query, d_memory, d_norms, room.scratch
    )
    if shape.mask_keys:
        mask, d_mask = interface[masks], d_interface[masks]
        mask_key_back(key, mask, norm, d_norm, d_query, d_key, d_mask, one)
        masked_row_norms_back(mask, memory, norms, d_norms, d_memory, d_mask)
    else:
        vector_norm_back(key, norm, d_norm, d_key, one)


@njit(**OPTIONS)
def dot(left, right):
    """Σ_i x(i) y(i)."""
    total = left.dtype.type(0)
    for i in range(len(left)):
        total += left[i] * right[i]
    return total


@njit(**OPTIONS)
def linked_back(weighting, at, mode_at, shape, interface, d_read, d_interface, d_weighting, room):
    """Of what one head's mode takes of a weighting that follows links, sharpened or not."""
    mode = interface[mode_at]
    copy(d_read, d_weighting)
    if shape.sharpen_links:
        d_sharpness, d_mode = sharpen_back(weighting, interface[at], d_weighting, room.scratch, room.other)
        d_interface[at] = mode * d_sharpness
        d_interface[mode_at] = d_mode
    else:
        d_interface[mode_at] = dot(d_read, weighting)
    for i in range(len(d_weighting)):
        d_weighting[i] *= mode


@njit(**PART)
def read_step_back(trace, shape, layout, t, b, interface, carried, d_reads, d_interface, room, one):
    """Of `read_step`: to `room.d_linked` and the memory; `carried.read` is zero afterwards."""
    heads, memory, d_memory = shape.read_heads, trace.memory[t + 1, b], carried.memory[b]
    read_back(memory, trace.read[t + 1, b], d_reads, d_memory, carried.read[b])
    for k in range(2 * heads):  # b of all heads, then f
        r, mode_at = k % heads, layout.modes + 3 * (k % heads) + 2 * (k // heads)
        linked_back(
            trace.linked[t, b, k], layout.sharpness + k, mode_at, shape, interface, carried.read[b, r], d_interface,
            room.d_linked[k], room,
        )  # fmt: skip
    room.d_norms[:] = 0
    for r in range(heads):
        mode_at, d_read = layout.modes + 3 * r, carried.read[b, r]
        content, norms = trace.content[t, b, r], trace.norm[t, b, r if shape.mask_keys else 0]
        d_interface[mode_at + 1] = dot(d_read, content)
        for i in range(len(d_read)):
            room.d_content[i] = interface[mode_at + 1] * d_read[i]
        address_back(r, memory, interface, layout, shape, norms, content, d_memory, d_interface, room, one)
    if not shape.mask_keys:
        row_norms_back(memory, trace.norm[t, b, 0], room.d_norms, d_memory)
    carried.read[b] = 0


@njit(**PART)
def follow_step_back(trace, shape, t, b, before, after, carried, room):
    """Of `follow_step`; `before` and `after` are L_{t-1} and L_t where links are full."""
    precedence, write, reading = trace.precedence[t, b], trace.write[t + 1, b], trace.read[t, b]
    d_precedence, d_write, d_read, d_link = carried.precedence[b], carried.write[b], carried.read[b], carried.link[b]
    d_behind, d_ahead = room.d_linked[: shape.read_heads], room.d_linked[shape.read_heads :]
    precede_back(precedence, write, d_precedence, d_write)
    if shape.links > 0:
        link, code = trace.link[t + 1, b], trace.code[t + 1, b]
        follow_sparse_back(link, code, reading, d_ahead, d_behind, d_link, d_read, room.d_four, room.sparse)
        compete_back(
            trace.link[t, b], trace.code[t, b], trace.preceding[t, b], precedence, write, code,
            d_link, d_precedence, d_write, room.spare,
        )  # fmt: skip
    else:
        follow_back(after, reading, d_ahead, d_behind, d_link, d_read, room.left, room.right)
        link_back(before, precedence, write, d_link, d_precedence, d_write)


@njit(**PART)
def written_back(trace, shape, layout, t, b, interface, carried, d_interface, room):
    """Of M_t, with de-allocation by way of M_{t-1} ∘ ψ_t 1ᵀ; `room.d_retained` is written."""
    memory, d_memory, rows = trace.memory[t, b], carried.memory[b], len(room.scratch)
    kept = memory
    room.d_retained[:] = 0
    if shape.deallocate:
        kept = room.kept
        for j in range(len(memory)):
            for i in range(rows):
                kept[j, i] = memory[j, i] * room.retained[i]
    erase, add = slice(layout.erase, layout.add), slice(layout.add, layout.free)
    erase_and_add_back(
        kept, trace.write[t + 1, b : b + 1], interface[erase], interface[add],
        d_memory, carried.write[b : b + 1], d_interface[erase], d_interface[add], room.scratch,
    )  # fmt: skip
    if shape.deallocate:
        for j in range(len(memory)):
            old, d_old = memory[j], d_memory[j]
            for i in range(rows):
                room.d_retained[i] += d_old[i] * old[i]
                d_old[i] *= room.retained[i]


@njit(**PART)
def write_step_back(trace, shape, layout, t, b, interface, carried, d_interface, room, one):
    """Of `write_step`."""
    heads, memory, d_write, allocated = shape.read_heads, trace.memory[t, b], carried.write[b], trace.allocated[t, b]
    content, norms = trace.content[t, b, heads], trace.norm[t, b, heads if shape.mask_keys else 1]
    free = interface[layout.free : layout.write_gate]
    retain(free, trace.read[t, b], room.retained)
    show(trace.usage[t + 1, b], room.shown)
    written_back(trace, shape, layout, t, b, interface, carried, d_interface, room)
    write_gate, allocation_gate = interface[layout.write_gate], interface[layout.allocation_gate]
    d_write_gate, d_allocation_gate = one - one, one - one
    for i in range(len(d_write)):  # of w_t^w; d_a takes the place of its derivative
        ahead, d = allocated[i] - content[i], d_write[i]
        d_write_gate += d * (content[i] + allocation_gate * ahead)
        d *= write_gate
        d_allocation_gate += d * ahead
        room.d_content[i] = (one - allocation_gate) * d
        d_write[i] = allocation_gate * d
    d_interface[layout.write_gate], d_interface[layout.allocation_gate] = d_write_gate, d_allocation_gate
    room.d_norms[:] = 0
    address_back(heads, memory, interface, layout, shape, norms, content, carried.memory[b], d_interface, room, one)
    if not shape.mask_keys:
        row_norms_back(memory, norms, room.d_norms, carried.memory[b])
    allocate_back(room.shown, trace.order[t, b], allocated, d_write, carried.usage[b], room.scratch)
    use_back(trace.usage[t, b], trace.write[t, b], room.retained, carried.usage[b], d_write, room.d_retained)
    d_free = d_interface[layout.free : layout.write_gate]
    retain_back(free, trace.read[t, b], room.d_retained, d_free, carried.read[b], room.scratch)


@njit(**PART)
def links_again(trace, shape, start, stop, first, end, links):
    """Full links from the checkpoint before step `start` to after step `stop` - 1, (stop - start + 1, worlds, N, N)."""
    for b in range(first, end):
        kept, link = trace.link[start // shape.every, b], links[0, b - first]
        for i in range(len(link)):
            copy(kept[i], link[i])
        for t in range(start, stop):
            old, new = links[t - start, b - first], links[t - start + 1, b - first]
            link_into(old, trace.precedence[t, b], trace.write[t + 1, b], new)


@njit(**CACHED)
def backward(weights, trace, shape, d_y, carried, d_gates, d_interface, d_hidden, room, first, end):
    """Go through the sequence of the worlds `first` to `end` from its end.

    Args:
        weights: `Weights`, laid out for this direction.
        trace: `Trace` of the forward pass.
        shape: `Shape`.
        d_y: (T, B, hidden + R W).
        carried: `Carried`, in place.
        d_gates: of the controller before its sigmoids and tanh, (T, B, G), written.
        d_interface: before it is clipped, (T, B, I), written.
        d_hidden: room for (B, hidden).
        room: `Room`.
        first: the first world.
        end: the one behind the last.
    """
    one = d_y.dtype.type(1)
    steps, _, size = trace.hidden.shape
    width = trace.memory.shape[2]
    layout, reads = layout_of(shape, width), shape.read_heads * width
    interface, links = room.interface, room.links
    for t in range(steps - 1, -1, -1):
        start = t - t % shape.every
        if shape.links == 0 and (t == steps - 1 or t == start + shape.every - 1):
            links_again(trace, shape, start, t + 1, first, end, links)
        for b in range(first, end):
            raw, d_raw, d_past = trace.interface[t, b], d_interface[t, b], carried.past[b]
            activate(raw, interface, layout, shape, one)
            for i in range(reads):
                d_past[i] += d_y[t, b, size + i]
            read_step_back(trace, shape, layout, t, b, interface, carried, d_past[:reads], d_raw, room, one)
            before, after = links[t - start, b - first], links[t - start + 1, b - first]
            follow_step_back(trace, shape, t, b, before, after, carried, room)
            write_step_back(trace, shape, layout, t, b, interface, carried, d_raw, room, one)
            activate_back(raw, interface, d_raw, layout, shape, one)
        control_all_back(weights, trace, carried, d_y, d_gates, d_interface, d_hidden, t, reads, shape.lstm, first, end)
