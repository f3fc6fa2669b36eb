"""Classification of many images by kernels: the rules of `Classification`, number by number."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ...tree import Tree
from ..kernels import arrays, kernel, worth_it
from ..many_worlds import ManyWorlds
from .layers import Eye

if TYPE_CHECKING:
    from .classification import Classification


class ManyGazes(ManyWorlds):
    """Worlds that have their rules and observations from `Classification`.

    Args:
        world: the worlds.
    """

    world: "Classification"
    changing = ("answer", "location", "clock")

    def __init__(self, world: "Classification"):
        super().__init__(world)
        self.eye = Eye(world.layers(self.state), world.sensor.patch, world.sensor.scales)
        self._known = arrays(self.state[name] for name in ("label", *self.changing))
        self._pays = world.glimpses, world.reward == "every", np.float32(world.price)

    def advance(self, action: Tree, most: int, flags: np.ndarray) -> tuple[np.ndarray, int]:
        wanted = self.world.sensor.wanted(self.state, action)
        reward = np.empty(len(wanted), np.float32)
        over = kernel("guesses")(
            action["label"].numpy(), wanted.contiguous().numpy(), *self._known, *self._pays, most, reward, flags
        )
        return reward, over

    def observe(self) -> dict[str, Tensor]:
        place = self._known[2]
        patches = self.eye.look(place[:, None], self.world.patches)
        return {"glimpse": patches[:, 0], "location": torch.from_numpy(place.copy())}


def many_gazes(world: "Classification", base: type["Classification"]) -> ManyGazes | None:
    """The worlds together, or None where they have rules of their own, are few or lie on another device.

    Args:
        world: the worlds.
        base: whose rules these are.
    """
    rules = ("advance", "observe", "glimpse", "move_gaze", "part")
    own = any(getattr(type(world), name) is not getattr(base, name) for name in rules)
    more = world.view == "image" or world.overview or world.ready or world.keep_trail
    served = world.direct and worth_it("guesses", world.device, world.num_worlds)
    return ManyGazes(world) if served and not (own or more) else None
