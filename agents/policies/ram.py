"""The Recurrent Attention Model (Mnih et al. 2014), and the same model on random glimpses."""

from typing import Literal

from gymnasium import spaces

from ...errors import check_choice, check_range
from ..nn.attention.glimpse import GlimpseNetwork
from ..nn.cores import AnyCore, make_core
from ..nn.heads import Head, UniformHead
from .looking import LOOKING, Looking, make_retina
from .policy import action_parts


class RAM(Looking):
    """Recurrent attention: a glimpse network, a core, and heads for where to look and what to say.

    Of whole images (view="image") it takes its glimpses itself, with a retina of its own; the distribution over what
    it sees and does is the same as with view="glimpse".

    Args:
        observation_space: a Dict with `glimpse` and `location`, or whole images, Box (C, H, W).
        action_space: any mix of parts; `location` (and `zoom`) are where to look.
        core: the recurrent core; "rnn" is the paper's ReLU network, "none" remembers nothing; even then, what it sees
            depends on where it looked before.
        hidden: units of the core, and of the glimpse vector.
        rows: rows of the memory, of a core that has one (ntm, dnc).
        what: units on the glimpse.
        where: units on the location.
        filters: of convolutions in front of the units on the glimpse (see `GlimpseConvolutions`), 0 for none.
        contrast: bring each patch of the glimpse to the same mean and contrast first, for pictures whose light differs
            (see `normalize_contrast`); the head that says a move still sees the glimpse as it is.
        dropout: share of the glimpse network's units that are dropped while it learns, by policy gradient also at play.
        std: standard deviation of the Gaussian over locations, in the coordinates [-1, 1].
        location_hidden: units of the location head's hidden layer, 0 for the paper's linear one.
        isolate_location: keep the location head's gradient out of the core.
        gaze: how it says where to look: "place", the paper's head on the core's output, or "move", from where it
            looks now, by a head that sees the glimpse itself (`MoveHead`). Of tiles, and of whatever else is no Box
            like the observed `location`, it always says the place.
        move_cost: with gaze="move", what a move costs: this times its squared length in halves of the picture. The
            policy gradient alone lets a gaze drift away that has nothing more to gain.
        isolate_critic: keep the baseline's gradient out of the core.
        patch: of its own retina, side of each patch.
        scales: of its own retina, number of patches.
        location: how it says where to look with its own retina: "continuous" or "tiles".
        tiles: with location="tiles", the grid has tiles x tiles places.

    Source:
        Mnih et al. 2014, sections 3 and 4 (what 128, where 128, core 256).
    """

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        *,
        core: AnyCore = "rnn",
        hidden: int = 256,
        rows: int = 16,
        what: int = 128,
        where: int = 128,
        filters: int = 0,
        contrast: bool = False,
        dropout: float = 0.0,
        std: float = 0.1,
        location_hidden: int = 128,
        isolate_location: bool = True,
        gaze: Literal["place", "move"] = "place",
        move_cost: float = 0.0,
        isolate_critic: bool = True,
        patch: int = 12,
        scales: int = 3,
        location: Literal["continuous", "tiles"] = "continuous",
        tiles: int = 5,
    ):
        check_range("std", std, 1e-6)
        check_range("dropout", dropout, 0.0, 0.999)
        check_choice("gaze", gaze, ["place", "move"])
        check_range("move_cost", move_cost, 0.0)
        retina = make_retina(observation_space, patch, scales, location, tiles)
        looked_at = observation_space if retina is None else retina.observation_space
        encoder = GlimpseNetwork(looked_at, what, where, hidden, dropout, filters=filters, contrast=contrast)
        parts = {**action_parts(action_space), **({} if retina is None else {"location": retina.choice})}
        memory = make_core(core, hidden, hidden, rows=rows)
        seen = looked_at if gaze == "move" else None
        looking = {
            name: self.looking_head(memory.output_size, parts[name], location_hidden, std, seen, move_cost)
            for name in LOOKING
            if name in parts
        }
        isolated = set(looking) if isolate_location else set()
        if isolate_critic:
            isolated.add("critic")
        super().__init__(
            observation_space,
            action_space,
            encoder,
            memory,
            looking,
            frozenset(isolated),
            retina=retina,
        )


class RandomGlimpse(RAM):
    """The same classifier, looking at uniformly random places: what learning where to look has to beat."""

    def looking_head(self, features: int, space: spaces.Space, *rest: object) -> Head:
        return UniformHead(space)
