"""A layer of an LSTM over a whole sequence, forwards and backwards, in numba: the equations of torch.

d_x stands for the loss's derivative with respect to x. What depends on the inputs alone, W x_t and both biases, is
given. Episodes may start anywhere: there the state before the moment is zero.
"""

from numba import njit

from .arithmetic import CACHED, copy, sigmoid, tanh
from .gate_slices import four
from .products import product


@njit(**CACHED)
def forward(drive, starts, weight, past, cells, gates, y, first, end):
    """Run the sequences `first` to `end` (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000).

    Args:
        drive: W x_t + b, (T, B, 4 H): input, forget, new, output.
        starts: bool, (T, B), where episodes start.
        weight: U, (H, 4 H).
        past: the hidden vectors that the moments begin with, (T, B, H), entry 0 given, the others written.
        cells: the same of the cells, and the last one, (T + 1, B, H).
        gates: i, f, g and o, (T, B, 4 H), written.
        y: the hidden vectors, (T, B, H), written.
        first: the first sequence.
        end: the one behind the last.
    """
    one, size = drive.dtype.type(1), y.shape[2]
    for t in range(len(drive)):
        for b in range(first, end):
            if starts[t, b]:
                past[t, b, :] = 0
                cells[t, b, :] = 0
            elif t:
                copy(y[t - 1, b], past[t, b])
        product(past[t], weight, gates[t], first, end)
        for b in range(first, end):
            i, f, g, o = four(gates[t, b], size)  # input, forget, new, output
            for_i, for_f, for_g, for_o = four(drive[t, b], size)
            before, after, h = cells[t, b], cells[t + 1, b], y[t, b]
            for k in range(size):
                i[k] = sigmoid(for_i[k] + i[k], one)
                f[k] = sigmoid(for_f[k] + f[k], one)
                g[k] = tanh(for_g[k] + g[k], one)
                o[k] = sigmoid(for_o[k] + o[k], one)
            for k in range(size):
                after[k] = f[k] * before[k] + i[k] * g[k]
                h[k] = o[k] * tanh(after[k], one)


@njit(**CACHED)
def backward(weight, starts, gates, cells, d_y, d_hidden, d_cell, d_drive, first, end):
    """Of `forward`.

    Args:
        weight: U, (4 H, H).
        starts: of the forward pass.
        gates: of the forward pass.
        cells: of the forward pass. What a moment ends with isn't there where an episode starts next.
        d_y: of the hidden vectors, (T, B, H).
        d_hidden: room for (B, H), zeros; then of the one before the first moment.
        d_cell: of the last cell, (B, H); then of the one before the first moment.
        d_drive: (T, B, 4 H), written.
        first: the first sequence.
        end: the one behind the last.
    """
    one, size = d_y.dtype.type(1), d_y.shape[2]
    for t in range(len(d_y) - 1, -1, -1):
        for b in range(first, end):
            i, f, g, o = four(gates[t, b], size)
            d_i, d_f, d_g, d_o = four(d_drive[t, b], size)
            before, outer, d_h, d_c = cells[t, b], d_y[t, b], d_hidden[b], d_cell[b]
            for k in range(size):
                squashed = tanh(f[k] * before[k] + i[k] * g[k], one)
                d = outer[k] + d_h[k]
                dc = d_c[k] + d * o[k] * (one - squashed * squashed)
                d_i[k] = dc * g[k] * i[k] * (one - i[k])
                d_f[k] = dc * before[k] * f[k] * (one - f[k])
                d_g[k] = dc * i[k] * (one - g[k] * g[k])
                d_o[k] = d * squashed * o[k] * (one - o[k])
                d_c[k] = dc * f[k]
        product(d_drive[t], weight, d_hidden, first, end)
        for b in range(first, end):
            if starts[t, b]:
                d_hidden[b, :] = 0
                d_cell[b, :] = 0
