"""The glimpse network of the Recurrent Attention Model: what a glimpse shows and where it was taken, in one vector."""

import math

from gymnasium import spaces
from torch import Tensor, nn
from torch.nn import functional as F

from ....envs.spaces import to_floats
from ....errors import FoveateError, check_range
from ..encoders import Encoder, FlatEncoder
from ..noise import Dropout
from .contrast import normalize_contrast


class GlimpseConvolutions(Encoder):
    """Two layers of 3x3 filters on a glimpse, the largest of each 2x2 places between them; scales are its channels.

    A shift of the gaze by a pixel changes all that a fully connected layer sees; here it moves what was found. With
    few training images that is what most mistakes are about.

    Args:
        space: of the glimpse, (…, p, p); all before the patches' rows are channels.
        filters: of the first layer; the second has twice as many.

    Raises:
        FoveateError: the patches are smaller than 6x6.

    Source:
        Ba et al. 2014, section 2, has three convolutions instead of the fully connected layer; that two do, and
        the maximum between them, are ours.
    """

    def __init__(self, space: spaces.Space, filters: int):
        super().__init__()
        shape = space.shape or ()
        if len(shape) < 3 or min(shape[-2:]) < 6:
            raise FoveateError(f"filters={filters} is not allowed: they need patches of at least 6x6, got {space}.")
        self.shape = (math.prod(shape[:-2]), *shape[-2:])
        self.first = nn.Conv2d(self.shape[0], filters, 3, padding=1)
        self.second = nn.Conv2d(filters, 2 * filters, 3)
        self.output_size = 2 * filters * (shape[-2] // 2 - 2) * (shape[-1] // 2 - 2)

    def forward(self, observation: Tensor) -> Tensor:
        patches = to_floats(observation).view(-1, *self.shape)  # (N, K, p, p)
        found = F.max_pool2d(F.relu(self.first(patches)), 2)  # (N, F, p/2, p/2)
        return F.relu(self.second(found)).flatten(1)  # (N, output_size)


class GlimpseNetwork(Encoder):
    """f_g of Mnih et al. 2014, section 4: g = relu(W relu(what) + U relu(where)).

    Args:
        space: a ``Dict`` with `glimpse` (what) and `location`; all that isn't `glimpse` counts as where, but for an
            `overview`, which is no part of a glimpse.
        what: units of the layer on the glimpse.
        where: units of the layer on the rest.
        output: size of g.
        dropout: share of the units of `what` and of g that are dropped while training.
        product: g = relu(W …) ⊙ relu(U …) instead of the sum (Ba et al. 2014, section 2).
        filters: of convolutions in front of the layer on the glimpse (see `GlimpseConvolutions`), 0 for none.
        contrast: bring each patch to the same mean and contrast first (see `normalize_contrast`).
    """

    def __init__(
        self,
        space: spaces.Space,
        what: int,
        where: int,
        output: int,
        dropout: float = 0.0,
        product: bool = False,
        filters: int = 0,
        contrast: bool = False,
    ):
        super().__init__()
        if not isinstance(space, spaces.Dict) or not {"glimpse", "location"} <= set(space.spaces):
            raise FoveateError(
                "this agent looks: it needs a Dict with 'glimpse' and 'location' (view=\"glimpse\", or "
                f'foveate.wrappers.Foveate around the environment), or whole images (view="image"); got {space}.'
            )
        check_range("filters", filters, 0, 1024)
        self.what = GlimpseConvolutions(space["glimpse"], filters) if filters else FlatEncoder(space["glimpse"])
        self.where = FlatEncoder(
            spaces.Dict({k: sub for k, sub in space.spaces.items() if k not in ("glimpse", "overview")})
        )
        self.what_layer = nn.Linear(self.what.output_size, what)
        self.where_layer = nn.Linear(self.where.output_size, where)
        self.what_out = nn.Linear(what, output)
        self.where_out = nn.Linear(where, output)
        if product:
            nn.init.ones_(self.where_out.bias)  # begin near g = what: two small factors would leave nothing of it
        self.dropout, self.product, self.contrast = Dropout(dropout), product, contrast
        self.output_size = output

    def forward(self, observation: dict[str, Tensor]) -> Tensor:
        glimpse = observation["glimpse"]
        what = F.relu(self.what_layer(self.what(normalize_contrast(glimpse) if self.contrast else glimpse)))
        what = self.dropout(what, "what")  # (N, what)
        where = F.relu(self.where_layer(self.where(observation)))  # (N, where)
        if self.product:
            return self.dropout(F.relu(self.what_out(what)) * F.relu(self.where_out(where)), "output")  # (N, output)
        return self.dropout(F.relu(self.what_out(what) + self.where_out(where)), "output")  # (N, output)
