"""A passage that is a picture: something is written about what is seen where."""

from collections.abc import Sequence

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ..batch import State, Tensors
from ..glimpse import retina
from ..glimpse.layers import Layers, look
from ..kernels import worth_it
from .passage import Passage

PATCH, SCALES = 16, 2  # of the retina through which glimpses are taken


class PicturePassage(Passage):
    """As `Passage`, but the items are the cells of a square grey picture, row by row, and all of them are always there.

    `passage` gives `items` as bytes, (n, S, cell²), see `cells_of`.

    As a stream the cells come one a moment, then the marker, then one channel for each symbol that can have been
    written last. As a whole the `source` is the picture, a Box (1, H, H) of bytes. A glimpse is what a retina sees
    around the middle of a cell.

    Attributes:
        side: H, pixels of the picture's sides.
        cell: pixels of the cells' sides, which divide the picture's.
    """

    side: int
    cell: int

    def set_passage(
        self, view: str, reward: str, looks: int, source_names: Sequence[str], written_names: Sequence[str]
    ) -> None:
        """As in `Passage`; `source_names` only say what tables call cells. `side` and `cell` are known by then.

        Args:
            view: one of `VIEWS`.
            reward: one of `REWARDS`.
            looks: moments a writing, in the view "glimpse".
            source_names: see the class.
            written_names: see the class.
        """
        self.grid = self.side // self.cell
        self.most_items = self.room = self.grid**2
        super().set_passage(view, reward, looks, source_names, written_names)
        seen = self.observation_space
        if not isinstance(seen, spaces.Dict):
            self.observation_space = spaces.Box(0, 1, (self.cell**2 + 1 + self.writings,))
        elif view == "whole":
            picture = spaces.Box(0, 255, (1, self.side, self.side), np.uint8)
            self.observation_space = spaces.Dict({**seen.spaces, "source": picture})
        else:
            patches = spaces.Box(0, 1, (SCALES, PATCH, PATCH))
            self.observation_space = spaces.Dict({**seen.spaces, "glimpse": patches})

    def footprint(self) -> int:
        return super().footprint() + self.side**2

    def source_words(self, items: np.ndarray) -> list[str]:
        """Cells have no names: they are counted."""
        return [str(number) for number in range(1, len(items) + 1)]

    def observe(self, state: State) -> Tensors:
        items = state["items"]
        if self.view == "stream":
            clock, length = state["clock"], state["length"]
            seen = torch.zeros(len(clock), self.cell**2 + 1 + self.writings, dtype=torch.float32, device=clock.device)
            # the marker, or what was written last; while reading neither
            channel = torch.where(clock <= length, self.cell**2, self.cell**2 + 1 + self._last(state))
            seen.scatter_(1, channel[:, None], (clock >= length).float()[:, None])
            torch.div(self._item(items, clock), 255, out=seen[:, : self.cell**2])
            return seen
        pictures, last = picture_of(items, self.cell), self._last(state)
        if self.view == "whole":
            return {"source": pictures[:, None], "written": last}
        return {"glimpse": self._glimpse(pictures, state["gaze"]), "place": state["gaze"].clone(), "written": last}

    def plain_picture(self, index: int) -> np.ndarray:
        """The picture of world `index`, uint8 (H, H)."""
        return picture_of(self.state["items"][index : index + 1], self.cell)[0].cpu().numpy()

    def boxes_of(self, index: int, place: int) -> np.ndarray:
        """Boxes around what decides a writing of world `index`, int (n, 4): first row and column, and those behind the
        last. Where a subclass knows no better, the cells.
        """
        cells = self.state["aligned"][index, place].nonzero()[:, 0].cpu().numpy()
        corner = np.stack(np.divmod(cells, self.grid), 1) * self.cell
        return np.concatenate([corner, corner + self.cell], 1)

    def _glimpse(self, pictures: Tensor, gaze: Tensor) -> Tensor:
        """What the retina sees of pictures (B, H, H) around the middle of a cell (B,): (B, SCALES, PATCH, PATCH)."""
        place = retina.tile_centres(gaze, self.grid)
        if worth_it("glimpses", gaze.device, len(gaze)):
            return look(Layers.of(pictures), place, PATCH, SCALES)
        return retina.look(retina.pool(pictures[:, None].float() / 255, SCALES), place, PATCH)


def cells_of(pictures: Tensor, cell: int) -> Tensor:
    """Pictures (n, H, H) as their cells, row by row, (n, S, cell²)."""
    n, grid = len(pictures), pictures.shape[1] // cell
    parts = pictures.view(n, grid, cell, grid, cell).transpose(2, 3)
    return parts.reshape(n, grid**2, cell**2)


def picture_of(items: Tensor, cell: int) -> Tensor:
    """The pictures of cells, the other way round: (n, S, cell²) -> (n, H, H), fresh."""
    n, grid = len(items), round(items.shape[1] ** 0.5)
    parts = items.view(n, grid, grid, cell, cell).transpose(2, 3)
    return parts.reshape(n, grid * cell, grid * cell)
