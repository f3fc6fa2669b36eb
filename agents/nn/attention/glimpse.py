"""The glimpse network of the Recurrent Attention Model: what a glimpse shows and where it was taken, in one vector."""

from gymnasium import spaces
from torch import Tensor, nn
from torch.nn import functional as F

from ....errors import FoveateError
from ..encoders import Encoder, FlatEncoder
from ..noise import Dropout


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
    """

    def __init__(
        self, space: spaces.Space, what: int, where: int, output: int, dropout: float = 0.0, product: bool = False
    ):
        super().__init__()
        if not isinstance(space, spaces.Dict) or not {"glimpse", "location"} <= set(space.spaces):
            raise FoveateError(
                "this agent looks: it needs a Dict with 'glimpse' and 'location' (view=\"glimpse\", or "
                f'foveate.wrappers.Foveate around the environment), or whole images (view="image"); got {space}.'
            )
        self.what = FlatEncoder(space["glimpse"])
        self.where = FlatEncoder(
            spaces.Dict({k: sub for k, sub in space.spaces.items() if k not in ("glimpse", "overview")})
        )
        self.what_layer = nn.Linear(self.what.output_size, what)
        self.where_layer = nn.Linear(self.where.output_size, where)
        self.what_out = nn.Linear(what, output)
        self.where_out = nn.Linear(where, output)
        if product:
            nn.init.ones_(self.where_out.bias)  # begin near g = what: two small factors would leave nothing of it
        self.dropout, self.product = Dropout(dropout), product
        self.output_size = output

    def forward(self, observation: dict[str, Tensor]) -> Tensor:
        what = F.relu(self.what_layer(self.what(observation["glimpse"])))
        what = self.dropout(what, "what")  # (N, what)
        where = F.relu(self.where_layer(self.where(observation)))  # (N, where)
        if self.product:
            return self.dropout(F.relu(self.what_out(what)) * F.relu(self.where_out(where)), "output")  # (N, output)
        return self.dropout(F.relu(self.what_out(what) + self.where_out(where)), "output")  # (N, output)
