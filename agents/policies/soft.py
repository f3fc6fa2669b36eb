"""Agents that attend inside: the whole image comes in, a soft glimpse of it goes to the core at each step."""

import math
from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn

from ..nn.attention import ATTENTIONS, make_attention
from ..nn.attention.base import VisualAttention
from ..nn.attention.glimpse import GlimpseNetwork
from ..nn.cores import Core, Maps, RecurrentCores, make_core
from ..nn.cores.base import State, extended_state, write_initial
from ..nn.encoders import as_image, to_floats
from .policy import Policy


class AttendingCore(Core):
    """A core that chooses what it sees: what it said last is where it looks now.

    The template of a neural attention model: the controller emits numbers, the attention model turns them and the
    image into a glimpse, and the glimpse goes back to the controller.

    Args:
        attention: from the image and what is emitted to a glimpse.
        image: (C, H, W) of the images, which come in flat, as bytes or floats.
        network: from a glimpse and where it was taken to the inner core's input.
        inner: the controller.
        hidden: units between the controller and what it emits.
    """

    def __init__(
        self,
        attention: VisualAttention,
        image: tuple[int, int, int],
        network: GlimpseNetwork,
        inner: Core,
        hidden: int,
    ):
        super().__init__()
        self.attention, self.image, self.network, self.inner = attention, image, network, inner
        self.output_size = inner.output_size
        self._inner_class = type(inner.initial_state(1))
        last = nn.Linear(hidden, attention.emitted_size)
        nn.init.normal_(last.weight, std=0.05)  # begin near the origin, and not so near that nothing moves
        nn.init.zeros_(last.bias)
        self.emit = nn.Sequential(nn.Linear(inner.output_size, hidden), nn.ReLU(), last)
        self.origin = nn.Parameter(attention.initial())  # what is emitted before anything was seen

    def initial_state(self, batch: int, device: torch.device | str = "cpu") -> State:
        inner = self.inner.initial_state(batch, device)
        return extended_state(type(inner), "emitted")(self.origin.expand(batch, -1), *inner)

    def forward(self, x: Tensor, state: State, starts: Tensor) -> tuple[Tensor, State]:
        y, state, _ = self._run(x, state, starts, keep=False)
        return y, state

    def attend(self, x: Tensor, state: State, starts: Tensor) -> tuple[Tensor, State, Maps]:
        """As `forward`, and `attention`, how much each pixel counted (T, B, H, W), with what was emitted."""
        return self._run(x, state, starts, keep=True)

    def _run(self, x: Tensor, state: State, starts: Tensor, keep: bool) -> tuple[Tensor, State, Maps]:
        outputs, maps, emitted = [], [], []
        image, prepared = x[0], None
        never = torch.zeros_like(starts[:1])
        for t, flat in enumerate(x.unbind(0)):
            # an image that stays for several glimpses is prepared once (on a GPU asking would cost more than doing it)
            if prepared is None or x.device.type != "cpu" or not torch.equal(flat, x[t - 1]):
                image = to_floats(flat).view(-1, *self.image)  # (B, C, H, W)
                prepared = self.attention.prepare(image)
            state = write_initial(self, state, starts[t])
            now, inner = state[0], self._inner_class(*state[1:])
            seen = self.attention.look(prepared, now)  # (B, G), (B, W)
            glimpse = self.network({"glimpse": seen.what, "location": seen.where})
            y, inner = self.inner(glimpse[None], inner, never)
            outputs.append(y[0])
            if keep:
                maps.append(self.attention.pixel_weights(image, now))
                emitted.append(now)
            state = type(state)(self.origin + self.emit(y[0]), *inner)
        kept = {"attention": torch.stack(maps), "emitted": torch.stack(emitted)} if keep else {}
        return torch.stack(outputs), state, kept


class SoftAttention(Policy):
    """Looks at an image by soft attention, one glimpse a step, and is trained by back-propagation alone.

    Args:
        observation_space: Box (C, H, W), whole images.
        action_space: any mix of parts.
        attention: what looks: "location" (a Gaussian over places, seen by the retina; the soft side of `ram`), "tiles"
            (a softmax over a grid of them), "draw" (a grid of Gaussian filters), "spatial-transformer" (an affine map)
            or "content" (a key against each place of a small convolutional network's output).
        core: the recurrent core.
        hidden: units of the core, and of the glimpse vector.
        rows: rows of the memory, of a core that has one (ntm, dnc).
        what: units on the glimpse.
        where: units on where it was taken.
        emit_hidden: units between the core and what it emits.
        dropout: share of the glimpse network's units that are dropped while its weights are updated.
        **options: the attention models' own; one that the chosen model doesn't have counts for nothing.
    """

    configures = tuple(ATTENTIONS.values())

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        *,
        attention: Literal["location", "tiles", "draw", "spatial-transformer", "content"] = "location",
        core: RecurrentCores = "gru",
        hidden: int = 256,
        rows: int = 16,
        what: int = 128,
        where: int = 128,
        emit_hidden: int = 128,
        dropout: float = 0.0,
        **options: Any,
    ):
        image = as_image(observation_space)
        model = make_attention(attention, image, **options)
        network = GlimpseNetwork(_seen(model), what, where, hidden, dropout)
        made = AttendingCore(model, image, network, make_core(core, hidden, hidden, rows=rows), emit_hidden)
        super().__init__(observation_space, action_space, Pixels(image), made)

    @property
    def attends(self) -> bool:
        return True


class Pixels(nn.Module):
    """Images as they are, flat: an attention model scales those that it looks at, once."""

    def __init__(self, image: tuple[int, int, int]):
        super().__init__()
        self.output_size = math.prod(image)

    def forward(self, observation: Tensor) -> Tensor:
        return observation.flatten(1)  # (N, C·H·W)


def _seen(model: VisualAttention) -> spaces.Dict:
    """What a glimpse network gets of an attention model."""
    return spaces.Dict(
        glimpse=spaces.Box(-np.inf, np.inf, (model.glimpse_size,), np.float32),
        location=spaces.Box(-np.inf, np.inf, (model.where_size,), np.float32),
    )
