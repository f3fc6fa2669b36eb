"""Teams that look at pictures: what SharedGaze, SpeakerListener and HideAndSeek have in common."""

from collections.abc import Mapping

import torch
from torch import Tensor

from ...introspect import divide_options
from ..batch import State
from ..buffers import Buffers
from ..glimpse import layers, retina
from ..glimpse.scene import ImageScene
from ..glimpse.sensor import GlimpseSensor
from ..kernels import serves
from .base import MultiWorld


class PictureWorld(MultiWorld):
    """A `MultiWorld` around a scene of images and a retina, which all agents that look have alike.

    Attributes:
        scene: what there is to look at.
        sensor: the retina.
        patches: memory for glimpses.
        direct: whether glimpses are taken straight from what lies on the picture, without pooling it.
    """

    configures: tuple[type, ...] = (ImageScene, GlimpseSensor)
    target_part = "label"
    scene: ImageScene
    sensor: GlimpseSensor
    episode_length: int
    direct = False

    def set_picture(self, options: Mapping[str, object]) -> None:
        """Build the scene and the retina from their options; called by the constructor."""
        scene, sensor = divide_options(options, type(self).__name__, ImageScene, GlimpseSensor)
        self.scene, self.sensor = ImageScene(**scene), GlimpseSensor(**sensor)
        self.patches = Buffers()

    def build(self, num_worlds: int, device: torch.device | str = "cpu", keep_trail: bool = False) -> None:
        super().build(num_worlds, device, keep_trail)
        self.scene.to(self.device)
        self.sensor.trail = self.episode_length if keep_trail else 0
        self.direct = serves(self.device) and not self.sensor.zoom

    def look(self, levels: Tensor, state: State) -> Tensor:
        """What the retina sees of whole pictures, float (B, scales, patch, patch).

        Args:
            levels: the pictures, pooled whole.
            state: `location` and `zoom` of one agent's gaze.
        """
        nowhere = torch.zeros(len(levels), 2, dtype=torch.int64, device=levels.device)
        return self.sensor.look(retina.Fields(levels, nowhere, self.scene.shape), state)

    def see(self, shown: layers.Layers, place: Tensor, columns: tuple[int, int] | None = None) -> Tensor:
        """The same where `direct`, of what lies on the pictures.

        Args:
            shown: what does.
            place: (x, y) of one agent's gaze, (B, 2).
            columns: the first column that this agent can see, and the one behind the last; None for all.
        """
        return layers.look(shown, place, self.sensor.patch, self.sensor.scales, columns, self.patches)
