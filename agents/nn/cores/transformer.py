"""Causal self-attention over the episode so far: attention without recurrence, as a rival of recurrent memories."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from ....errors import FoveateError, check_choice, check_range
from ..attention.content import scaled_dot, weighted_sum
from .base import Core, CoreOutput, begun, used_room

Beside = Callable[[int, Tensor], Tensor]
Parts = Literal["places", "norm", "residual", "feedforward"]
PARTS = ["places", "norm", "residual", "feedforward"]


class TransformerState(NamedTuple):
    """The keys and values of the last `context` steps, the latest last."""

    keys: Tensor  # (B, layers, context, D)
    values: Tensor  # (B, layers, context, D)
    clock: Tensor  # int64, (B,), moments since the episode began


class Transformer(Core[TransformerState]):
    """A pre-norm transformer whose every layer attends to the last `context` moments of this episode.

    Positions enter as rotations of queries and keys (Su et al. 2021, "RoFormer"), so that only distances count.

    Args:
        input_size: size of x.
        hidden: D, the size of the residual stream.
        layers: blocks of attention and a feed-forward layer.
        heads: of attention.
        context: moments that are remembered, this one included.
        without: what is left out, to see what it is for: "places" (no rotation: only what was shown counts, not when),
            "norm" (of layers), "residual" (streams: a layer's output takes the place of its input) and "feedforward"
            (layers).

    Raises:
        FoveateError: a number is out of its range, or nothing is called so.
    """

    def __init__(
        self,
        input_size: int,
        hidden: int = 128,
        *,
        layers: int = 2,
        heads: int = 4,
        context: int = 128,
        without: tuple[Parts, ...] = (),
    ):
        super().__init__()
        for name in without:
            check_choice("without", name, PARTS)
        for name, value in (("hidden", hidden), ("layers", layers), ("heads", heads), ("context", context)):
            check_range(name, value, 1)
        if hidden % (2 * heads):
            raise FoveateError(f"hidden={hidden} is not allowed: it must be a multiple of 2 * heads = {2 * heads}.")
        self.heads, self.context, self.output_size = heads, context, hidden
        self.embed = nn.Linear(input_size, hidden)
        self.layers, self.rotates = layers, "places" not in without
        self.blocks = nn.ModuleList(_Block(hidden, without) for _ in range(layers))
        self.norm = nn.Identity() if "norm" in without else nn.LayerNorm(hidden)

    def initial_state(self, batch: int, device: torch.device | str = "cpu") -> TransformerState:
        blank = self.embed.weight.new_zeros(batch, len(self.blocks), self.context, self.output_size)
        return TransformerState(blank, blank, torch.zeros(batch, dtype=torch.int64, device=blank.device))

    def forward(
        self,
        x: Float[Tensor, "time batch features"],
        state: TransformerState,
        starts: Bool[Tensor, "time batch"],
        record: bool = False,
    ) -> CoreOutput[TransformerState]:
        """Run over a sequence; arguments as in `Core.forward`.

        Its record is `read_weights` (T, B, layers * heads, context), the last column this moment.
        """
        return self._run(x, state, starts, record)

    def _run(
        self, x: Tensor, state: TransformerState, starts: Tensor, record: bool, beside: Beside | None = None
    ) -> CoreOutput[TransformerState]:
        """`forward`, where each layer adds something else behind its attention.

        Args:
            x: see there.
            state: see there.
            starts: see there.
            record: see there.
            beside: (number of the layer, residual stream (B, T, D)) -> what is added to it.
        """
        steps = len(x)
        # what isn't visible has weight zero, but zero times NaN is NaN
        state = begun(self, state, starts[0])
        # nothing is computed for moments that no episode had
        before = min(used_room(state.clock, self.context), self.context)
        clock, visible = self._visible(state.clock, starts, before)  # (B, T), (B, T, C + T)
        h = self._embedded(x.transpose(0, 1), clock)  # (B, T, D)
        keys, values, windows = [], [], []
        for i in range(self.layers):
            block = self.blocks[i]
            assert isinstance(block, _Block)
            q, k, v = block.project(block.norm_1(h)).chunk(3, -1)  # (B, T, D) each
            q, k = self._rotate(q, clock), self._rotate(k, clock)
            k = torch.cat([state.keys[:, i, self.context - before :], k], 1)  # (B, C + T, D)
            v = torch.cat([state.values[:, i, self.context - before :], v], 1)
            scores = scaled_dot(split_heads(q, self.heads), split_heads(k, self.heads))  # (B, heads, T, C + T)
            weights = torch.softmax(scores.masked_fill(~visible[:, None], -torch.inf), -1)
            # a NaN of an earlier episode has weight zero, but zero times NaN is NaN; one of this episode shows in the
            # weights
            known = torch.where(v.isfinite(), v, 0.0)
            read = weighted_sum(weights, split_heads(known, self.heads)).transpose(1, 2).flatten(2)  # (B, T, D)
            h = block.added(h, block.mix(read))
            h = h if beside is None else h + beside(i, h)
            h = block.widened(h)
            keys.append(k[:, -self.context :])
            values.append(v[:, -self.context :])
            if record:  # the window of each moment: C columns that end at itself
                every = F.pad(weights, (self.context - before, 0))
                each = [every[:, :, t, t + 1 : t + 1 + self.context] for t in range(steps)]
                windows.append(torch.stack(each))  # (T, B, heads, C)
        # what the last moment doesn't see is of an earlier episode: forget it
        held = visible[:, -1, None, -self.context :, None]  # (B, 1, C, 1)
        keys, values = (torch.where(held, torch.stack(cache, 1), 0.0) for cache in (keys, values))
        keys, values = (F.pad(cache, (0, 0, self.context - cache.shape[2], 0)) for cache in (keys, values))
        after = TransformerState(keys, values, clock[:, -1] + 1)
        records = {"read_weights": torch.cat(windows, 2)} if record else {}
        return CoreOutput(self.norm(h).transpose(0, 1), after, {}, records)

    def _embedded(self, x: Tensor, clock: Tensor) -> Tensor:
        """Where the residual stream begins, (B, T, D), of x (B, T, …) at these moments of their episodes (B, T)."""
        return self.embed(x)

    def _visible(self, clock: Tensor, starts: Tensor, before: int) -> tuple[Tensor, Tensor]:
        """The moment's number within its episode, int64 (B, T), and what each moment may see, bool (B, T, C + T).

        Args:
            clock: before the first of them.
            starts: of episodes, (T, B).
            before: C, moments before the first that may be seen.
        """
        steps, context, device = len(starts), self.context, starts.device
        starts = starts.T  # (B, T)
        time = torch.arange(steps, device=device)
        began = torch.where(starts, time, -1).cummax(-1).values  # the last start up to now, -1 if before this call
        clock = torch.where(began >= 0, time - began, clock[:, None] + time)  # (B, T)
        age = time[:, None] - torch.arange(-before, steps, device=device)  # (T, C + T)
        return clock, (age >= 0) & (age < context) & (age <= clock[..., None])

    def _rotate(self, x: Tensor, clock: Tensor) -> Tensor:
        """Rotate pairs of numbers by angles that grow with the moment's number (Su et al. 2021, eq. 15)."""
        if not self.rotates:
            return x
        half = x.shape[-1] // self.heads // 2
        rate = 10000.0 ** (-torch.arange(half, device=x.device, dtype=x.dtype) / half)
        angle = (clock[..., None].to(x.dtype) * rate)[:, :, None]  # (B, T, 1, half)
        a, b = x.unflatten(-1, (self.heads, -1)).chunk(2, -1)  # (B, T, heads, half) each
        turned = torch.cat([a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], -1)
        return turned.flatten(2)


def split_heads(x: Float[Tensor, "batch time size"], heads: int) -> Float[Tensor, "batch heads time part"]:
    """Each head's part of vectors, (B, T, D) -> (B, heads, T, D / heads)."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


class _Block(nn.Module):
    """The parameters of one layer, and what becomes of the residual stream.

    Args:
        size: D.
        without: as of `Transformer`.
    """

    def __init__(self, size: int, without: tuple[Parts, ...]):
        super().__init__()
        norms = [nn.Identity() if "norm" in without else nn.LayerNorm(size) for _ in range(2)]
        self.norm_1, self.norm_2 = norms
        self.project, self.mix = nn.Linear(size, 3 * size), nn.Linear(size, size)
        self.residual, self.feedforward = "residual" not in without, "feedforward" not in without
        if self.feedforward:
            self.widen_1, self.widen_2 = nn.Linear(size, 4 * size), nn.Linear(4 * size, size)

    def added(self, h: Tensor, said: Tensor) -> Tensor:
        """The stream with what a part of the layer says."""
        return h + said if self.residual else said

    def widened(self, h: Tensor) -> Tensor:
        """The stream behind the feed-forward layer."""
        return self.added(h, self.widen_2(F.gelu(self.widen_1(self.norm_2(h))))) if self.feedforward else h
