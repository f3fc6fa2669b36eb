"""Masked convolutions over the episode so far, whose reach doubles from block to block: the decoder of ByteNet."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ....errors import check_range
from .base import Core, CoreOutput

DILATIONS = (1, 2, 4, 8, 16)  # of the blocks, then again from the first on
FEWEST = 4  # units inside a block: of two numbers normalisation leaves nothing but which is greater


class DilatedBlock(nn.Module):
    """What a residual block adds: 1x1, dilated, 1x1, each after normalisation and a ReLU (figure 3, left).

    Args:
        units: of the residual stream; inside there are half as many, at least 4.
        kernel: places that are seen at a time.
        dilation: places between two that are seen.

    Attributes:
        inner: units inside, H.

    Source:
        Kalchbrenner et al. 2016, "Neural machine translation in linear time", section 3.6.
    """

    def __init__(self, units: int, kernel: int, dilation: int):
        super().__init__()
        self.inner = max(FEWEST, units // 2)
        self.norms = nn.ModuleList(nn.LayerNorm(n) for n in (units, self.inner, self.inner))
        self.narrow, self.widen = nn.Linear(units, self.inner), nn.Linear(self.inner, units)
        self.across = nn.Conv1d(self.inner, self.inner, kernel, dilation=dilation)

    def inside(self, x: Float[Tensor, "*places units"]) -> Float[Tensor, "*places inner"]:
        """What the convolution sees of each place."""
        return self.norms[1](self.narrow(self.norms[0](x).relu())).relu()

    def outside(self, x: Float[Tensor, "*places inner"]) -> Float[Tensor, "*places units"]:
        """What is added, of what the convolution says."""
        return self.widen(self.norms[2](x).relu())


class ByteNetState(NamedTuple):
    """What the convolutions may still see."""

    seen: Tensor  # (B, reach, H), of each block the last (kernel - 1) · dilation moments, the latest last
    clock: Tensor  # int64, (B,), moments since the episode began


class ByteNet(Core[ByteNetState]):
    """Residual blocks of masked, dilated convolutions: each output depends on this moment and those before.

    Args:
        input_size: size of x.
        hidden: units of the residual stream; inside a block there are half as many.
        layers: blocks; their dilations are 1, 2, 4, 8, 16, 1, 2, ….
        kernel: moments that a block sees at a time.

    Source:
        Kalchbrenner et al. 2016, section 3: the decoder.
    """

    def __init__(self, input_size: int, hidden: int = 128, *, layers: int = 5, kernel: int = 3):
        super().__init__()
        for name, value in (("hidden", hidden), ("layers", layers), ("kernel", kernel)):
            check_range(name, value, 1)
        self.embed, self.norm, self.output_size = nn.Linear(input_size, hidden), nn.LayerNorm(hidden), hidden
        self.dilations = [DILATIONS[i % len(DILATIONS)] for i in range(layers)]
        self.blocks = nn.ModuleList(DilatedBlock(hidden, kernel, dilation) for dilation in self.dilations)
        self.kernel, self.inner = kernel, max(FEWEST, hidden // 2)

    def initial_state(self, batch: int, device: torch.device | str = "cpu") -> ByteNetState:
        reach = (self.kernel - 1) * sum(self.dilations)
        seen = self.embed.weight.new_zeros(batch, reach, self.inner)
        return ByteNetState(seen, torch.zeros(batch, dtype=torch.int64, device=seen.device))

    def forward(
        self,
        x: Float[Tensor, "time batch features"],
        state: ByteNetState,
        starts: Bool[Tensor, "time batch"],
        record: bool = False,
    ) -> CoreOutput[ByteNetState]:
        steps = len(x)
        time = torch.arange(steps, device=x.device)[:, None]
        began = torch.where(starts, time, -1).cummax(0).values  # the last start up to now, -1 if before this call
        clock = torch.where(began >= 0, time - began, state.clock + time).T  # (B, T)
        h, kept = self.embed(x).transpose(0, 1), []  # (B, T, D)
        before = state.seen.split([(self.kernel - 1) * dilation for dilation in self.dilations], 1)
        for block, dilation, earlier in zip(self.blocks, self.dilations, before, strict=True):
            assert isinstance(block, DilatedBlock)
            seen = torch.cat([earlier, block.inside(h)], 1)  # (B, reach + T, H)
            reach = earlier.shape[1]
            taps = []
            for age in range(reach, -1, -dilation):  # what is of an earlier episode is not seen
                tap = seen[:, reach - age : reach - age + steps]
                taps.append(torch.where((clock >= age)[..., None], tap, 0.0))
            weights = block.across.weight.transpose(1, 2).flatten(1)  # (H, kernel · H)
            h = h + block.outside(nn.functional.linear(torch.cat(taps, -1), weights, block.across.bias))
            ages = torch.arange(reach - 1, -1, -1, device=x.device)  # of what is kept, before the next moment
            kept.append(torch.where((ages <= clock[:, -1:])[..., None], seen[:, steps:], 0.0))
        after = ByteNetState(torch.cat(kept, 1), clock[:, -1] + 1)
        return CoreOutput(self.norm(h).relu().transpose(0, 1), after, {}, {})
