"""The head that says where to look next as a move from where it looks now."""

import torch
from gymnasium import spaces
from torch import Tensor, nn
from torch.nn import functional as F

from ....errors import FoveateError
from ....tree import Tree
from ..cores.base import Named, Source
from ..encoders import FlatEncoder
from .gaussian import GaussianHead


class MoveHead(GaussianHead):
    """A `Box` of places: independent Gaussians around the present place plus a move, with an encoder of its own.

        e = relu(W glimpse)
        μ = clamp(here + f([h, e, here]), -1, 1)

    The Gaussian of Mnih et al. 2014, section 4, says a place from h alone. Trained by the policy gradient while the
    core learns from the answer's error only, it must read off h what the core keeps for another purpose: what was
    seen where the digit was not is no help to the answer, but all that says where to look next. So this head sees the
    glimpse itself, through weights that nothing but its own gradient trains, and begins by staying where it is (the
    last layer of f is zero).

    Args:
        features: size of h, (…, H).
        space: of the places, a Box of any bounds; places seen and said have -1 and 1 at its ends.
        seen: of the observation, a Dict with `glimpse` and `location`, the present place, like `space` in shape.
        hidden: units of f's hidden layer, 0 for a linear f.
        std: the standard deviation in halves of the box, None to learn one.
        own: units of e.
        cost: of a move, this times the square of its length in halves of the box. The policy gradient alone lets a gaze
            drift that has nothing more to gain; a cost keeps it where it is.

    Source:
        Ours; a place relative to the last is in Mnih et al. 2014, section 4.2, the choice of the game's player.
    """

    needs_observation = True

    def __init__(
        self,
        features: int,
        space: spaces.Box,
        seen: spaces.Dict,
        hidden: int = 0,
        std: float | None = None,
        own: int = 128,
        cost: float = 0.0,
    ):
        if not self.fits(space, seen):
            raise FoveateError(f"a move needs a Box of places like the observed 'location', got {space} and {seen}.")
        glimpse, here = FlatEncoder(seen["glimpse"]), FlatEncoder(seen["location"])
        super().__init__(features + own + here.output_size, space, hidden, std)
        self.cost = cost
        self.glimpse, self.own = glimpse, nn.Linear(glimpse.output_size, own)
        last = self.layers[-1] if isinstance(self.layers, nn.Sequential) else self.layers
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)

    @staticmethod
    def fits(space: spaces.Space, seen: spaces.Space) -> bool:
        """Whether places of this space can be said as moves from what is observed."""
        if not isinstance(seen, spaces.Dict) or not {"glimpse", "location"} <= seen.spaces.keys():
            return False
        here = seen["location"]
        return isinstance(space, spaces.Box) and isinstance(here, spaces.Box) and space.shape == here.shape

    def forward(self, features: Tensor, source: Source | None = None, observation: Tree = None) -> Tensor:
        lead = features.shape[:-1]
        glimpse, here = observation["glimpse"], observation["location"]  # (…, K, p, p), (…, *shape)
        own = F.relu(self.own(self.glimpse(glimpse.reshape(-1, *glimpse.shape[len(lead) :]))).view(*lead, -1))
        flat = here.reshape(*lead, -1)
        move = self.layers(torch.cat([features, own, flat], -1))  # (…, n)
        return (flat + move).clamp(-1, 1).view_as(here) * self.reach + self.centre  # (…, *shape)

    def costs(self, parameters: Tensor, observation: Tree) -> Named:
        if not self.cost:
            return {}
        place = (parameters - self.centre) / self.reach  # (T, B, *shape)
        move = (place - observation["location"]).flatten(2)
        return {"move_cost": self.cost * move.square().sum(-1)}
