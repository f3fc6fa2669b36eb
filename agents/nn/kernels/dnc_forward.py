"""A differentiable neural computer over a whole sequence, forwards (Graves et al. 2016), in numba.

The same numbers as `cores/dnc.py`, step by step and equation by equation; that file is the one to read first. Its parts
are in `controller.py`, `memory.py`, `allocation.py`, `links.py`, `sparse_links.py` and `sharpening.py`.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from .allocation import allocate, retain, show, sort, use
from .arithmetic import CACHED, OPTIONS, PART, copy, sigmoid, softplus
from .controller import control_all
from .links import follow, link, precede
from .memory import address_by_content, erase_and_add, read, row_norms, softmax, vector_norm
from .sharpening import mask_key, masked_row_norms, sharpen
from .sparse_links import SparseRoom, compete, follow_sparse, select, sparse_room, strongest

CLIP = 20.0  # as nn/bounds.py


class Shape(NamedTuple):
    """What is fixed for a core and a sequence.

    Attributes:
        read_heads: R.
        lstm: whether the controller has a cell.
        links: K, links a row; 0 where they are full.
        mask_keys: whether content is compared under masks.
        deallocate: whether a row that is released is erased.
        sharpen_links: whether what follows links is sharpened.
        max_strength: the largest β.
        every: steps from one checkpoint of full links to the next.
    """

    read_heads: int
    lstm: bool
    links: int
    mask_keys: bool
    deallocate: bool
    sharpen_links: bool
    max_strength: float
    every: int


class Trace(NamedTuple):
    """What the sequence leaves behind for its gradient; entry 0 along T + 1 is the state before it.

    Attributes:
        memory: (T + 1, B, W, N).
        usage: (T + 1, B, N).
        precedence: (T + 1, B, N).
        write: w^w, (T + 1, B, N).
        read: w^r, (T + 1, B, R, N).
        past: reads and hidden, (T + 1, B, R W + hidden), or the reads alone where the controller has no cell.
        cell: (T + 1, B, hidden), or (T + 1, B, 0).
        gates: of the controller after their sigmoids and tanh, (T, B, G).
        hidden: (T, B, hidden).
        interface: before it is clipped, (T, B, I).
        content: c of the read heads, then of the write head, (T, B, R + 1, N).
        norm: ‖M(i)‖ as these heads have it, (T, B, R + 1, N); without masks M_t's and M_{t-1}'s, (T, B, 2, N).
        order: φ, int32, (T, B, N).
        allocated: a, (T, B, N).
        linked: b of all heads, then f, before they are sharpened, (T, B, 2 R, N).
        link: full: before every `every`-th step and after the last one, (C + 1, B, N, N); sparse: (T + 1, B, K, N).
        code: of sparse links, their columns and where they come from, int32, (T + 1, B, K, N).
        preceding: the rows of the largest precedence, int32, (T, B, K).
    """

    memory: np.ndarray
    usage: np.ndarray
    precedence: np.ndarray
    write: np.ndarray
    read: np.ndarray
    past: np.ndarray
    cell: np.ndarray
    gates: np.ndarray
    hidden: np.ndarray
    interface: np.ndarray
    content: np.ndarray
    norm: np.ndarray
    order: np.ndarray
    allocated: np.ndarray
    linked: np.ndarray
    link: np.ndarray
    code: np.ndarray
    preceding: np.ndarray


class Layout(NamedTuple):
    """Where the parts of the interface begin: keys at 0, then these; `sharpness` is b's of all heads, then f's."""

    strength: int
    erase: int
    add: int
    free: int
    write_gate: int
    allocation_gate: int
    modes: int
    mask: int
    sharpness: int
    end: int


class Room(NamedTuple):
    """Numbers of one world at one step."""

    retained: np.ndarray  # ψ, (N,)
    shown: np.ndarray  # (N,)
    query: np.ndarray  # (W,)
    kept: np.ndarray  # M_{t-1} ∘ ψ 1ᵀ, (W, N)
    linked: np.ndarray  # (2 R, N)
    spare: np.ndarray  # of integers, (N,)
    interface: np.ndarray  # (I,)
    sparse: SparseRoom


@njit(**PART)
def layout_of(shape, width):
    """The layout, as `DNC.sizes` has it."""
    heads = shape.read_heads
    strength = (heads + 1) * width
    erase = strength + heads + 1
    free = erase + 2 * width
    modes = free + heads + 2
    mask = modes + 3 * heads
    sharpness = mask + (heads + 1) * width * shape.mask_keys
    end = sharpness + 2 * heads * shape.sharpen_links
    return Layout(strength, erase, erase + width, free, free + heads, free + heads + 1, modes, mask, sharpness, end)


def room_of(shape: Shape, trace: Trace) -> Room:
    """Room for a world of this trace."""
    (width, rows), kind = trace.memory.shape[2:], trace.memory.dtype
    return Room(
        np.empty(rows, kind),
        np.empty(rows, kind),
        np.empty(width, kind),
        np.empty((width, rows), kind),
        np.empty((2 * shape.read_heads, rows), kind),
        np.empty(rows, np.int32),
        np.empty(trace.interface.shape[2], kind),
        sparse_room(shape.links, rows, kind),
    )


@njit(**OPTIONS)
def oneplus(values, one):
    """1 + log(1 + e^x), in place."""
    for i in range(len(values)):
        values[i] = one + softplus(values[i], one)


@njit(**OPTIONS)
def activate(raw, interface, layout, shape, one):
    """The interface of one world, clipped, through its sigmoids, softmaxes and oneplus, and no β above the largest."""
    clip = raw.dtype.type(CLIP)
    for i in range(layout.end):
        interface[i] = min(max(raw[i], -clip), clip)
    oneplus(interface[layout.strength : layout.erase], one)
    most = raw.dtype.type(shape.max_strength)
    for i in range(layout.strength, layout.erase):
        interface[i] = min(interface[i], most)
    for i in range(layout.erase, layout.add):
        interface[i] = sigmoid(interface[i], one)
    for i in range(layout.free, layout.modes):
        interface[i] = sigmoid(interface[i], one)
    for r in range(shape.read_heads):
        softmax(interface[layout.modes + 3 * r : layout.modes + 3 * r + 3], one)
    for i in range(layout.mask, layout.sharpness):
        interface[i] = sigmoid(interface[i], one)
    oneplus(interface[layout.sharpness : layout.end], one)


@njit(**OPTIONS)
def address(h, memory, interface, layout, shape, norms, out, query, one):
    """c of head h; without masks `norms` are given, else written."""
    width = len(memory)
    key, strength = interface[h * width : (h + 1) * width], interface[layout.strength + h]
    if shape.mask_keys:
        mask = interface[layout.mask + h * width : layout.mask + (h + 1) * width]
        masked_row_norms(mask, memory, norms)
        norm = mask_key(key, mask, query, one)
    else:
        norm, query = vector_norm(key, one), key
    address_by_content(query, norm, strength, memory, norms, out, one)


@njit(**PART)
def write_step(trace, shape, layout, t, b, interface, room, one):
    """Where to write, and writing."""
    heads, memory, write, allocated = shape.read_heads, trace.memory[t, b], trace.write[t + 1, b], trace.allocated[t, b]
    order, content = trace.order[t, b], trace.content[t, b, heads]
    retain(interface[layout.free : layout.write_gate], trace.read[t, b], room.retained)
    use(trace.usage[t, b], trace.write[t, b], room.retained, trace.usage[t + 1, b])
    show(trace.usage[t + 1, b], room.shown)
    for i in range(len(order)):
        order[i] = trace.order[t - 1, b, i] if t > 0 else i
    sort(room.shown, order, room.spare)
    allocate(room.shown, order, allocated)
    norms = trace.norm[t, b, heads if shape.mask_keys else 1]
    if not shape.mask_keys:
        if t > 0:
            copy(trace.norm[t - 1, b, 0], norms)
        else:
            row_norms(memory, norms)
    address(heads, memory, interface, layout, shape, norms, content, room.query, one)
    write_gate, allocation_gate = interface[layout.write_gate], interface[layout.allocation_gate]
    for i in range(len(write)):  # w_t^w = g_t^w [g_t^a a_t + (1 - g_t^a) c_t^w]
        write[i] = write_gate * (content[i] + allocation_gate * (allocated[i] - content[i]))
    if shape.deallocate:  # M_{t-1} ∘ ψ_t 1ᵀ (Csordás & Schmidhuber 2019, eq. 10)
        for j in range(len(memory)):
            old, kept = memory[j], room.kept[j]
            for i in range(len(write)):
                kept[i] = old[i] * room.retained[i]
        memory = room.kept
    erase, add = interface[layout.erase : layout.add], interface[layout.add : layout.free]
    erase_and_add(memory, trace.write[t + 1, b : b + 1], erase, add, trace.memory[t + 1, b], one)


@njit(**PART)
def follow_step(trace, shape, t, b, room):
    """The links, where they lead, and what was written last."""
    precedence, write, reading = trace.precedence[t, b], trace.write[t + 1, b], trace.read[t, b]
    behind, ahead = trace.linked[t, b, : shape.read_heads], trace.linked[t, b, shape.read_heads :]
    if shape.links > 0:
        preceding, links, sparse = trace.preceding[t, b], trace.link[t + 1, b], room.sparse
        strongest(precedence, preceding)
        compete(trace.link[t, b], trace.code[t, b], preceding, precedence, write, sparse)
        select(sparse.candidate, sparse.code, links, trace.code[t + 1, b])
        follow_sparse(links, trace.code[t + 1, b], reading, ahead, behind, sparse)
    else:
        links = trace.link[len(trace.link) - 1, b]
        if t % shape.every == 0:
            kept = trace.link[t // shape.every, b]
            source, out = (kept, links) if t == 0 else (links, kept)
            for i in range(len(out)):
                copy(source[i], out[i])
        link(links, precedence, write)
        follow(links, reading, ahead, behind)
    precede(precedence, write, trace.precedence[t + 1, b])


@njit(**PART)
def read_step(trace, shape, layout, t, b, interface, room, one):
    """Where to read, and reading: w_t^r = π[1] b + π[2] c + π[3] f."""
    heads, memory, linked = shape.read_heads, trace.memory[t + 1, b], trace.linked[t, b]
    if shape.sharpen_links:
        for k in range(2 * heads):
            sharpen(linked[k], interface[layout.sharpness + k], room.linked[k])
        linked = room.linked
    if not shape.mask_keys:
        row_norms(memory, trace.norm[t, b, 0])
    for r in range(heads):
        content, norms = trace.content[t, b, r], trace.norm[t, b, r if shape.mask_keys else 0]
        address(r, memory, interface, layout, shape, norms, content, room.query, one)
        behind, ahead, out = linked[r], linked[heads + r], trace.read[t + 1, b, r]
        modes = interface[layout.modes + 3 * r : layout.modes + 3 * r + 3]
        for i in range(len(out)):
            out[i] = modes[0] * behind[i] + modes[1] * content[i] + modes[2] * ahead[i]
    read(memory, trace.read[t + 1, b], trace.past[t + 1, b, : heads * len(memory)])


@njit(**CACHED)
def forward(drive, weights, trace, shape, room, first, end):
    """Run the worlds `first` to `end` through the sequence, writing into `trace`.

    Args:
        drive: what the controller gets from the inputs, (T, B, G).
        weights: `Weights`, laid out for this direction.
        trace: `Trace`; its entry 0 along T + 1 is given.
        shape: `Shape`.
        room: `Room`.
        first: the first world.
        end: the one behind the last.
    """
    one, width = drive.dtype.type(1), trace.memory.shape[2]
    layout, interface = layout_of(shape, width), room.interface
    for t in range(len(drive)):
        control_all(drive, weights, trace, t, shape.read_heads * width, shape.lstm, first, end)
        for b in range(first, end):
            activate(trace.interface[t, b], interface, layout, shape, one)
            write_step(trace, shape, layout, t, b, interface, room, one)
            follow_step(trace, shape, t, b, room)
            read_step(trace, shape, layout, t, b, interface, room, one)
