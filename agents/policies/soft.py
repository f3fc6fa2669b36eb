"""Agents that attend inside: the whole image comes in, a soft glimpse of it goes to the core at each step."""

import math
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn

from ... import tree
from ..nn.attention import ATTENTIONS, AnyAttention, make_attention
from ..nn.attention.base import VisualAttention
from ..nn.attention.glimpse import GlimpseNetwork
from ..nn.cores import AnyCore, Core, CoreOutput, make_core
from ..nn.cores.base import reset_where
from ..nn.cores.unroll import unroll
from ..nn.encoders import Encoder, as_image, to_floats
from .policy import Policy

S = TypeVar("S", bound=tuple)


class AttendingState(NamedTuple, Generic[S]):
    """The state of a core that attends."""

    emitted: Tensor  # (B, E), where it looks next
    inner: S  # the controller's


class AttendingCore(Core[AttendingState]):
    """A core that chooses what it sees: what it emitted last is where it looks now.

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
        last = nn.Linear(hidden, attention.emitted_size)
        nn.init.normal_(last.weight, std=0.05)  # begin near the origin, and not so near that nothing moves
        nn.init.zeros_(last.bias)
        self.emit = nn.Sequential(nn.Linear(inner.output_size, hidden), nn.ReLU(), last)
        self.origin = nn.Parameter(attention.initial())  # what is emitted before the first glimpse

    def initial_state(self, batch: int, device: torch.device | str = "cpu") -> AttendingState:
        return AttendingState(self.origin.expand(batch, -1), self.inner.initial_state(batch, device))

    def forward(
        self, x: Tensor, state: AttendingState, starts: Tensor, record: bool = False
    ) -> CoreOutput[AttendingState]:
        """Run over a sequence; arguments as in `Core.forward`.

        Its records are `attention`, how much each pixel counted (T, B, H, W), and what was `emitted` (T, B, E).
        """
        return unroll(self._stepper(starts, record), x, state, starts, self._begin)

    def _begin(self, state: AttendingState, flat: Tensor, starts: Tensor) -> AttendingState:
        return reset_where(state, self.initial_state(len(starts), starts.device), starts)

    def _stepper(self, starts: Tensor, record: bool) -> Callable[[Tensor, AttendingState], CoreOutput[AttendingState]]:
        """The function of one moment; an image that stays for several glimpses is prepared once."""
        never = torch.zeros_like(starts[:1])
        last = image = prepared = None

        def step(flat: Tensor, state: AttendingState) -> CoreOutput[AttendingState]:
            nonlocal last, image, prepared
            # on a GPU asking would cost more than doing it
            if last is None or image is None or flat.device.type != "cpu" or not torch.equal(flat, last):
                image = to_floats(flat).view(-1, *self.image)  # (B, C, H, W)
                prepared = self.attention.prepare(image)
            last = flat
            glimpse = self.attention.look(prepared, state.emitted)  # (B, G), (B, W)
            x = self.network({"glimpse": glimpse.what, "location": glimpse.where})
            y, inner, losses, records = self.inner(x[None], state.inner, never, record)
            if record:
                attention = self.attention.pixel_weights(image, state.emitted)
                records = {**records, "attention": attention[None], "emitted": state.emitted[None]}
            after = AttendingState(self.origin + self.emit(y[0]), inner)
            return CoreOutput(y[0], after, tree.index(losses, 0), tree.index(records, 0))

        return step


class SoftAttention(Policy):
    """Looks at an image by soft attention, one glimpse a step, and is trained by back-propagation alone.

    Args:
        observation_space: Box (C, H, W), whole images.
        action_space: any mix of parts.
        attention: what looks: "location" (a Gaussian over places, read by the retina; the soft side of `ram`), "tiles"
            (a softmax over a grid of them), "draw" (a grid of Gaussian filters), "spatial-transformer" (an affine map)
            or "content" (a key against each place of a small convolutional network's output).
        core: the recurrent core; with "none" what it emitted is all that it remembers.
        hidden: units of the core, and of the glimpse vector.
        rows: rows of the memory, of a core that has one (ntm, dnc).
        what: units on the glimpse.
        where: units on where it was taken.
        emit_hidden: units between the core and what it emits.
        dropout: share of the glimpse network's units that are dropped while it learns, by policy gradient also at play.
        **options: the attention models' own; one that the chosen model doesn't have is ignored.
    """

    configures = (ATTENTIONS,)

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        *,
        attention: AnyAttention = "location",
        core: AnyCore = "gru",
        hidden: int = 256,
        rows: int = 16,
        what: int = 128,
        where: int = 128,
        emit_hidden: int = 128,
        dropout: float = 0.0,
        **options: object,
    ):
        image = as_image(observation_space)
        model = make_attention(attention, image, **options)
        network = GlimpseNetwork(glimpse_space(model), what, where, hidden, dropout)
        attending = AttendingCore(model, image, network, make_core(core, hidden, hidden, rows=rows), emit_hidden)
        super().__init__(observation_space, action_space, Pixels(image), attending)

    @property
    def attends(self) -> bool:
        return True


class Pixels(Encoder):
    """Images as they are, flat: an attention model scales those that it looks at, once."""

    def __init__(self, image: tuple[int, int, int]):
        super().__init__()
        self.output_size = math.prod(image)

    def forward(self, observation: Tensor) -> Tensor:
        return observation.flatten(1)  # (N, C·H·W)


def glimpse_space(model: VisualAttention) -> spaces.Dict:
    """The space of what a glimpse network gets of an attention model."""
    return spaces.Dict(
        glimpse=spaces.Box(-np.inf, np.inf, (model.glimpse_size,), np.float32),
        location=spaces.Box(-np.inf, np.inf, (model.where_size,), np.float32),
    )
