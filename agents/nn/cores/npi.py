"""The core of a neural programmer-interpreter: an LSTM that has a state for each program on a stack of calls."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ....errors import check_range
from .base import Core, CoreOutput

_ZEROS, _EARLIER = -1, -2  # what a call that has had no moment yet begins with: nothing, or the state before


class CallState(NamedTuple):
    """The state of an LSTM in each of the programs that were called and have not stopped."""

    hidden: Tensor  # (B, levels, H)
    cell: Tensor  # (B, levels, H)


class Calls(NamedTuple):
    """The moments of a sequence by the call that they belong to: S calls, the longest first.

    Attributes:
        order: int64, (T · B,), t · B + b of each moment: all first moments of calls, then all second ones, and so on.
        back: int64, (T · B,), where each moment is in that order.
        sizes: int64, (longest,), on the host: how many calls have a first moment, a second one, …
        first: int64, (S,), which row of the state before, (B · levels, and one of zeros), each call begins with.
        last: int64, (B · levels,), which row of that state, with those after all calls behind it, is each level's in
            the end.
    """

    order: Tensor
    back: Tensor
    sizes: Tensor
    first: Tensor
    last: Tensor


class NPI(Core[CallState]):
    """h_t = f_lstm(s_t, p_t, h_{t-1}) (2), where h_{t-1} is of the program that acts, not of the moment before.

    A program that is called begins with zeros. While it runs the state of the one that called it waits, and goes on
    from there when it has stopped. Who keeps the stack says at each moment how deep it is: calls and stops are seen
    there. That is why this core is none of `CORES`, which may follow any encoder.

    As no call hands its state to another, the calls of a sequence are run beside each other: a sum of five digits has
    some fifty moments, but none of its calls has more than thirteen.

    Args:
        input_size: size of x without the depth: s_t and p_t.
        hidden: H, units.
        levels: D, programs that the stack can hold.

    Source:
        Reed & de Freitas 2016, "Neural programmer-interpreters", section 3.1 and algorithm 1, in which the stack is
        that of a recursive function.
    """

    def __init__(self, input_size: int, hidden: int = 128, *, levels: int = 4):
        super().__init__()
        check_range("hidden", hidden, 1)
        check_range("levels", levels, 1)
        self.lstm = nn.LSTM(input_size, hidden)
        self.output_size, self.levels = hidden, levels
        forget = slice(hidden, 2 * hidden)  # begun at 1, as that of the core `LSTM`
        nn.init.ones_(self.lstm.get_parameter("bias_ih_l0").data[forget])
        nn.init.zeros_(self.lstm.get_parameter("bias_hh_l0").data[forget])

    def initial_state(self, batch: int, device: torch.device | str = "cpu") -> CallState:
        dtype = next(self.lstm.parameters()).dtype
        zeros = torch.zeros(batch, self.levels, self.output_size, device=device, dtype=dtype)
        return CallState(zeros, zeros)

    def forward(
        self,
        x: Float[Tensor, "time batch features"],
        state: CallState,
        starts: Bool[Tensor, "time batch"],
        record: bool = False,
    ) -> CoreOutput[CallState]:
        """Run over a sequence; arguments as in `Core.forward`.

        The last D numbers of x are the depth of the stack, as one-hot.
        """
        x, depth = x[..., : -self.levels], x[..., -self.levels :].argmax(-1)  # (T, B, …), (T, B)
        calls = calls_of(depth, starts, self.levels)
        known = [torch.cat([part.flatten(0, 1), part.new_zeros(1, self.output_size)]) for part in state]
        begin = [part.index_select(0, calls.first)[None] for part in known]  # each (1, S, H)
        moments = PackedSequence(x.flatten(0, 1).index_select(0, calls.order), calls.sizes)
        y, after = self.lstm(moments, tuple(begin))  # eq. 2
        end = [
            torch.cat([before, now[0]]).index_select(0, calls.last).unflatten(0, (-1, self.levels))  # (B, D, H)
            for before, now in zip(known, after, strict=True)
        ]
        return CoreOutput(y.data.index_select(0, calls.back).unflatten(0, starts.shape), CallState(*end), {}, {})


def calls_of(depth: Int[Tensor, "time batch"], starts: Bool[Tensor, "time batch"], levels: int) -> Calls:
    """Which moments belong to one call: those of a level between which no lower one acts and no episode starts.

    Args:
        depth: int64, (T, B), the level that acts.
        starts: bool, (T, B), where episodes start.
        levels: how many there are.
    """
    steps, batch = depth.shape
    deep, begins = depth.numpy(force=True), starts.numpy(force=True)  # one look at the device
    rows, level = np.arange(batch), np.arange(levels)
    present = np.full((batch, levels), _EARLIER)  # the call that each level is in
    length, first = np.zeros(steps * batch, np.int64), np.empty(steps * batch, np.int64)  # of each call
    call, place = np.empty_like(deep), np.empty_like(deep)  # of each moment, and which of the call's it is
    count, zeros = 0, batch * levels
    for t, now in enumerate(deep):
        present[begins[t]] = _ZEROS
        ours = present[rows, now]
        new = np.flatnonzero(ours < 0)
        numbers = np.arange(count, count + len(new))
        first[numbers] = np.where(ours[new] == _EARLIER, new * levels + now[new], zeros)
        ours[new], count = numbers, count + len(new)
        present[rows, now] = ours
        present[level > now[:, None]] = _ZEROS  # who is called next knows nothing (algorithm 1, line 3)
        call[t], place[t] = ours, length[ours]
        length[ours] += 1
    longest = np.argsort(-length[:count], kind="stable")
    rank = np.empty_like(longest)
    rank[longest] = np.arange(count)
    order = np.lexsort((rank[call].ravel(), place.ravel()))
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    same = np.arange(zeros).reshape(batch, levels)
    last = np.where(present == _EARLIER, same, zeros)
    last = np.where(present >= 0, zeros + 1 + rank[present.clip(0)], last)
    host = Calls(*map(torch.from_numpy, (order, back, np.bincount(place.ravel()), first[longest], last.ravel())))
    return Calls(*(part if name == "sizes" else part.to(depth.device) for name, part in host._asdict().items()))
