"""Completion: patterns are shown, then a damaged one, whose whole is to be written: what associative memories do."""

import math
from typing import Literal, TypeVar

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor
from torch.nn import functional as F

from ...errors import FoveateError, check_choice, check_range
from ...viz.canvas import blank, enlarge, even
from ...viz.palette import PAPER, WRONG
from ...viz.text import write
from ..batch import State, Tensors
from ..counter_rng import CounterRNG
from ..scale import Certified, ScoreScale
from ..sizes import Range, Splits
from .script import Script, SequenceWorld, draw_bits, moments, rows_at

T = TypeVar("T", int, Tensor)
DAMAGE = {"flip": 0.1, "erase": 0.5, "hetero": 0.0}  # each mode's share of bits
TOLERANCE = 0.02  # the share of wrong bits with which a pattern counts as retrieved: an overlap of 0.96
MOST_PATTERNS, MOST_BITS = 1000, 4096
TILE, GAP, ACROSS = 60, 14, 10  # of a picture


class Completion(SequenceWorld):
    """Patterns are shown one by one, then a damaged one; write it as it was.

    Description:
        Patterns of `width` bits are shown, one a moment. Then one of them comes back damaged and marked, and its bits
        are to be written at that very moment. In the mode "flip" a tenth of its bits are flipped, in "erase" its
        second half is missing (of an image, the lower half), and in "hetero" patterns come in pairs, side by side, and
        of one pair only the first is shown again: its partner is to be written.

        How many patterns there are is said by the load, their number per hundred bits: a classical Hopfield network
        retrieves random patterns up to a load of about 14, and none at 20.

    Observation space:
        ``Box(-1, 1, (width + 1,))``: 1 for the damaged pattern, then bits as -1 and 1; what is missing is 0. "hetero":
        ``Box(-1, 1, (2 width + 1,))``: the bits of both of a pair.

    Action space:
        ``MultiBinary(width)``: the bits written now. What is written before the damaged pattern comes is ignored.

    Rewards:
        "dense": the share of the bits that is right; "whole": 1 if every bit is right.

    Starting state:
        A uniform load, uniform bits (or different images), and any of the patterns is damaged, anywhere.

    Episode end:
        With the answer. Never truncated.

    Info:
        target, target_mask: what to write now, and whether it counts; score: whether the pattern was retrieved, with at
        most 2 % of its bits wrong (a Hopfield network below its capacity leaves a few); relevance (on request): bool,
        (most patterns + 1,), the earlier moment that showed the pattern.

    Args:
        mode: "flip", "erase" or "hetero".
        damage: the share of bits that are flipped or missing ("hetero": flipped in the first of the pair);
            None for a tenth, a half and none.
        data: "bits" (fair ones), or images whose pixels are bright or dark: "mnist", "fashion-mnist", "openml:NAME" or
            a folder of IDX files.
        width: bits of a pattern; None for 100, or as many as images have pixels.
        split: "train" (loads of 5 to 10 per cent), "validation" and "test" (the same), "test-5", -10, -14, -16, -20
            and -30 (exactly so much). Images are of this part of the data.
        min_load: the fewest patterns per hundred bits; None leaves it to the split.
        max_load: the most patterns per hundred bits; None leaves it to the split.
        patterns: exactly so many patterns, whatever the load; None for the load's.
        reward: "dense" or "whole".

    Source:
        Hopfield 1982, "Neural networks and physical systems with emergent collective computational abilities"; the
        loads are those around the capacity of Amit, Gutfreund & Sompolinsky 1985, "Storing infinite numbers of
        patterns in a spin-glass model of neural networks", 0.138 patterns a bit. Pairs: Kosko 1988, "Bidirectional
        associative memories".

    Version history:
        v0: first version.
    """

    # in the mode "flip"
    scale = ScoreScale(
        oracle=Certified(1.0, 0.0),
        blind=Certified(0.5, 0.01),
        random=Certified(0.5, 0.01),
        memoryless=Certified(0.9, 1e-4),
    )
    score_name = "retrieved"
    splits = Splits.of("load", Range(5, 10), exactly=(5, 10, 14, 16, 20, 30))

    def __init__(
        self,
        *,
        mode: Literal["flip", "erase", "hetero"] = "flip",
        damage: float | None = None,
        data: str = "bits",
        width: int | None = None,
        split: str = "train",
        min_load: int | None = None,
        max_load: int | None = None,
        patterns: int | None = None,
        reward: Literal["dense", "whole"] = "dense",
    ):
        self.mode = check_choice("mode", mode, DAMAGE)
        self.set_reward(reward)
        self.load = self.splits.sizes(split, min_load=min_load, max_load=max_load).range("load", 1, 100)
        self.images = None if data == "bits" else _bright(data, split)
        pixels = 100 if self.images is None else self.images[0].numel()
        if self.images is not None and width not in (None, pixels):
            raise FoveateError(f"width={width} is not allowed: the images of data={data!r} have {pixels} pixels.")
        self.width = check_range("width", pixels if width is None else width, 2, MOST_BITS)
        self.shape = _shape(self.width, self.images)
        share = check_range("damage", DAMAGE[mode] if damage is None else damage, 0.0, 1.0)
        self.damaged = round(share * self.width)
        pairs = 2 if mode == "hetero" else 1
        most = MOST_PATTERNS if self.images is None else min(MOST_PATTERNS, len(self.images) // pairs)
        self.patterns = patterns
        high = max(1, self._of_load(self.load.high)) if patterns is None else patterns
        self.most_patterns = check_range("patterns", high, 1, most)
        self.bits_shown = pairs * self.width
        self.set_spaces(self.bits_shown + 1, spaces.MultiBinary(self.width), self.most_patterns + 1, -1.0)
        if self.load.single or patterns is not None:
            self.episode_length = self.most_steps

    def _of_load(self, load: T) -> T:
        """How many patterns make a load, rounded."""
        return (load * self.width + 50) // 100

    def script(self, rng: CounterRNG) -> Script:
        if self.patterns is None:
            count = self._of_load(self.load.sample(rng, "load")).clamp(min=1)[:, None]  # (n, 1)
        else:
            count = torch.full((len(rng), 1), self.patterns, device=rng.key.device)
        bits = self._patterns(rng)  # (n, P, bits)
        asked = rng.bits("asked", 1) % count  # (n, 1)
        whole = rows_at(bits, asked)[:, 0]  # (n, bits)
        cue = self._damaged(rng, 2 * whole - 1)
        time = moments(self.most_steps, count)
        shown = torch.cat([2 * bits - 1, torch.zeros_like(bits[:, :1])], 1) * (time < count)[..., None]
        now = time == count  # (n, T)
        inputs = torch.cat([now[..., None], shown + cue[:, None] * now[..., None]], -1).float()  # (n, T, 1 + bits)
        targets = whole[:, None, -self.width :] * now[..., None]  # (n, T, width)
        return Script(inputs, targets, now, count[:, 0] + 1, {"source": asked.where(now, -1)})

    def _patterns(self, rng: CounterRNG) -> Tensor:
        """Bits of the patterns, of pairs side by side, int64 (n, P, bits)."""
        if self.images is None:
            return draw_bits(rng, "bits", self.most_patterns, self.bits_shown)
        images = self.images.to(rng.key.device)
        several = self.most_patterns * self.bits_shown // self.width
        # one of each stretch of the data, so that no image comes twice, in any order
        edges = torch.arange(several + 1, device=images.device) * len(images) // several  # (several + 1,)
        index = edges[:-1] + rng.bits("images", several) % edges.diff()
        index = index.gather(1, rng.bits("order", several).argsort(1))
        return images[index].view(len(rng), self.most_patterns, self.bits_shown).long()

    def _damaged(self, rng: CounterRNG, cue: Tensor) -> Tensor:
        """What comes back of patterns, of -1 and 1, (n, bits)."""
        if self.mode == "erase":
            return F.pad(cue[:, : self.width - self.damaged], (0, self.damaged))
        key = cue[:, : self.width]
        if self.damaged:
            turned = rng.bits("flips", self.width).argsort(1) < self.damaged
            key = torch.where(turned, -key, key)
        return F.pad(key, (0, self.bits_shown - self.width))

    def score(self, state: State) -> Tensor:
        done = state["right"] + state["wrong"] == state["due"] * self.outputs
        return (done & (state["wrong"] <= TOLERANCE * self.width)).float()

    def memoryless(self) -> Tensors:
        """The damaged pattern as it is; nothing where bits are missing."""
        return (self._now(self.state, "inputs")[:, -self.width :] > 0).long()

    # ---- pictures ----

    def frame(self, index: int) -> np.ndarray:
        """The patterns so far, and below what came back, what was written (wrong bits are red) and what was due."""
        state = {name: value[index].cpu().numpy() for name, value in self.state.items()}
        count, clock = int(state["length"]) - 1, int(state["clock"])
        high, wide = TILE + GAP, self.bits_shown // self.width * TILE + GAP
        across = max(3, ACROSS * (TILE + GAP) // wide)
        lines = -(-self.most_patterns // across)
        canvas = blank(even(GAP + lines * high + 20 + high + 20), even(across * wide + GAP))
        for number in range(min(count, clock + 1)):
            corner = GAP + number // across * high, GAP + number % across * wide
            self._put(canvas, _grey(state["inputs"][number, 1:]), corner)
        top, parts = GAP + lines * high + 20, {}
        if clock >= count:
            parts["came back"] = _grey(state["inputs"][count, 1:])
        if clock > count:
            due = state["targets"][count]
            if self.keep_trail:
                written = _grey(2.0 * state["written"][count] - 1)
                parts["written"] = np.where((state["written"][count] == due)[:, None], written, np.array(WRONG))
            parts["due"] = _grey(2.0 * due - 1)
        for place, (name, pixels) in enumerate(parts.items()):
            write(canvas, name, (GAP + place * wide, top - 6))
            self._put(canvas, pixels, (top, GAP + place * wide))
        write(canvas, self.caption(self.state, index), (GAP, canvas.shape[0] - 8))
        return canvas

    def _put(self, canvas: np.ndarray, pixels: np.ndarray, corner: tuple[int, int]) -> None:
        """Draw patterns, (K, 3), side by side from a corner (y, x) on."""
        (height, width), (y, x) = self.shape, corner
        for part in pixels.reshape(-1, self.width, 3):
            whole = np.full((height * width, 3), PAPER, np.uint8)
            whole[: self.width] = part
            canvas[y : y + TILE, x : x + TILE - 2] = enlarge(whole.reshape(height, width, 3), TILE, TILE - 2)
            x += TILE


def _grey(bits: np.ndarray) -> np.ndarray:
    """Bits of -1 and 1 as black and white, what is missing as grey, (K,) -> (K, 3)."""
    return (127.5 + 127.5 * bits).astype(np.uint8)[:, None].repeat(3, 1)


def _bright(data: str, split: str) -> Tensor:
    """Which pixels of the images of a part of a data set are bright, bool (M, H, W)."""
    from ..glimpse.data import load

    part = split if split in ("train", "validation") else "test"
    return torch.from_numpy(load(data, part).images >= 128)


def _shape(width: int, images: Tensor | None) -> tuple[int, int]:
    """Rows and columns of a pattern's picture."""
    if images is not None:
        return images.shape[1], images.shape[2]
    columns = math.isqrt(width - 1) + 1
    return -(-width // columns), columns
