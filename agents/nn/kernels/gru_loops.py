"""A layer of a GRU over a whole sequence, forwards and backwards, in numba: the equations of torch.

d_x stands for the loss's derivative with respect to x. What depends on the inputs alone, W x_t + b, is given.
"""

from numba import njit

from .arithmetic import CACHED, sigmoid, tanh
from .gate_slices import four
from .products import product


@njit(**CACHED)
def forward(drive, weight, bias, hidden, gates, recurrent, first, end):
    """Run the sequences `first` to `end` (Cho et al. 2014, with the reset gate behind the product, as cuDNN has it).

    Args:
        drive: W x_t + b, (T, B, 3 H): reset, update, new.
        weight: U, (H, 3 H).
        bias: that goes with U, (3 H,).
        hidden: (T + 1, B, H), entry 0 given, the others written.
        gates: r, z, n and what r is multiplied with, (T, B, 4 H), written.
        recurrent: room for (B, 3 H).
        first: the first sequence.
        end: the one behind the last.
    """
    one, size = drive.dtype.type(1), hidden.shape[2]
    for t in range(len(drive)):
        product(hidden[t], weight, recurrent, first, end)
        for b in range(first, end):
            gate, given, past, before, h = gates[t, b], drive[t, b], recurrent[b], hidden[t, b], hidden[t + 1, b]
            for i in range(2 * size):
                gate[i] = sigmoid(given[i] + past[i] + bias[i], one)
            r, z, new, inner = four(gate, size)
            for_new, past_new, bias_new = given[2 * size :], past[2 * size :], bias[2 * size :]
            for i in range(size):
                inner[i] = past_new[i] + bias_new[i]
                new[i] = tanh(for_new[i] + r[i] * inner[i], one)
            for i in range(size):
                h[i] = (one - z[i]) * new[i] + z[i] * before[i]


@njit(**CACHED)
def backward(weight, hidden, gates, d_y, d_hidden, d_drive, d_recurrent, through, first, end):
    """Of `forward`.

    Args:
        weight: U, (3 H, H).
        hidden: of the forward pass.
        gates: of the forward pass.
        d_y: of the hidden vectors as outputs, (T, B, H).
        d_hidden: of the last one as a part of the state, (B, H); then of the first.
        d_drive: (T, B, 3 H), written.
        d_recurrent: of U h + bias, (T, B, 3 H), written.
        through: room for (B, H).
        first: the first sequence.
        end: the one behind the last.
    """
    one, size = d_y.dtype.type(1), d_y.shape[2]
    for t in range(len(d_y) - 1, -1, -1):
        for b in range(first, end):
            before, outer, d_h, kept, d_past = hidden[t, b], d_y[t, b], d_hidden[b], through[b], d_recurrent[t, b]
            r, z, new, inner = four(gates[t, b], size)
            d_r, d_z, d_new, _ = four(d_drive[t, b], size)
            d_inner = d_past[2 * size :]
            for i in range(size):
                d = outer[i] + d_h[i]
                d_new[i] = d * (one - z[i]) * (one - new[i] * new[i])
                d_z[i] = d * (before[i] - new[i]) * z[i] * (one - z[i])
                kept[i] = d * z[i]
            for i in range(size):
                d_r[i] = d_new[i] * inner[i] * r[i] * (one - r[i])
                d_inner[i] = d_new[i] * r[i]
            for i in range(2 * size):
                d_past[i] = d_drive[t, b, i]
        product(d_recurrent[t], weight, d_hidden, first, end)
        for b in range(first, end):
            for i in range(size):
                d_hidden[b, i] += through[b, i]
