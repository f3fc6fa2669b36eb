"""What each letter of a word that was read at once owes to the points of the pen, in strips."""

from functools import cached_property
from pathlib import Path

import gymnasium as gym
import numpy as np
import torch
from gymnasium.error import ResetNeeded

from ..envs.protocols import Info, world_of
from ..envs.sequence.pen_reading import PenReading
from ..envs.sequence.render import spelt
from ..envs.sequence.transcript import Transcript
from ..errors import FoveateError, check_choice
from ..tree import Tree
from ..viz.pictures import write_picture
from ..viz.strips import Ink, Strips, draw_strips
from .saliency.policy_views import view_of
from .saliency.transcripts import Transcription, check_transcribes, transcribe, transcript_jacobian
from .saliency.undisturbed import undisturbed
from .saliency.whole_episode import EpisodeInstrument


class TranscriptJacobian(EpisodeInstrument, gym.utils.RecordConstructorArgs):
    """The sequential Jacobian of a string that is written as one action, as by the preset `ctc`.

    Each symbol of the likeliest path is looked into where the outputs say it most clearly: |∂ ln p(symbol) / ∂ item|,
    summed over the numbers of the item. The picture has the strips of the lecture below each other: the ink, coloured
    by it (or the spectrogram), its curve over time, the outputs, and the strokes in the order in which they were
    written. Only a derivative, it says what would change if a point moved a little; what changes if a dot is not there
    says `analysis.late_dots`.

    Args:
        env: a single environment around a Sequence world with answer="string".
        policy: a policy that transcribes, or a learner that has one.
        symbol: which to draw; None draws the first in the word that has a dot or a bar that came late, or else the
            first.

    Raises:
        FoveateError: this world, or this policy, writes no strings, or the world has no such symbol.

    Source:
        Graves 2012, "Supervised sequence labelling with recurrent neural networks", section 7.4 and figure 7.8.
    """

    def __init__(self, env: gym.Env, policy: object, symbol: str | None = None):
        gym.utils.RecordConstructorArgs.__init__(self, _disable_deepcopy=True, policy=policy, symbol=symbol)
        world = world_of(env)
        if not isinstance(world, Transcript) or world.answer != "string":
            raise FoveateError(
                'strips need a Sequence world with answer="string", as Sequence/PenReading-v0 and Sequence/Speech-v0 '
                "have it."
            )
        if symbol is not None:
            check_choice("symbol", symbol, list(world.written_names)[1:])
        EpisodeInstrument.__init__(self, env, check_transcribes(view_of(policy)))
        self.world, self.symbol = world, symbol

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Tree, Info]:
        """Begin an episode, and forget the one before."""
        for name in ("_reading", "_slopes"):
            self.__dict__.pop(name, None)
        return super().reset(seed=seed, options=options)

    @cached_property
    def _reading(self) -> Transcription:
        if not self.observations:
            raise ResetNeeded("no episode has begun: call reset() first.")
        with undisturbed(self.view), torch.no_grad():
            return transcribe(self.view, self.observations[0])

    @cached_property
    def _slopes(self) -> np.ndarray:
        with undisturbed(self.view):
            _, slopes = transcript_jacobian(self.view, self.observations[0])
        return slopes[0, : len(self.read), : int(self.world.state["length"][0])].numpy(force=True)

    def matrix(self) -> np.ndarray:
        """How much each symbol that is read owes to each item: float (symbols, items)."""
        return self._slopes if self.read else np.zeros((0, int(self.world.state["length"][0])), np.float32)

    @property
    def read(self) -> list[str]:
        """The symbols that the policy reads, by its likeliest path."""
        symbols = self._reading.symbols[0].numpy(force=True)
        return spelt(symbols[symbols != 0], self.world.written_names)

    @property
    def due(self) -> list[str]:
        """The symbols that are right."""
        target = self.world.state["targets"][0, : int(self.world.state["due"][0]) - 1].tolist()
        return spelt(np.array(target, int), self.world.written_names)

    @property
    def chosen(self) -> int | None:
        """Which of the symbols that are read is drawn by default, from 0 on; None if it isn't among them."""
        read, late = self.read, [bool(points.any()) for points in self._late()]
        if self.symbol is not None:
            return read.index(self.symbol) if self.symbol in read else None
        if not read:
            return None
        return next((place for place in range(min(len(read), len(late))) if late[place]), 0)

    def _late(self) -> np.ndarray:
        """Which items are late points of each symbol that is due, bool (due, items)."""
        own = self.gold()
        if not isinstance(self.world, PenReading):
            return np.zeros_like(own)
        return own & self.world.late_points()[0, : own.shape[1]].numpy(force=True)

    def gold(self) -> np.ndarray:
        """The items that say each symbol that is due, bool (due, items)."""
        state = self.world.state
        due, length = int(state["due"][0]) - 1, int(state["length"][0])
        return state["aligned"][0, :due, :length].numpy(force=True)

    def strips(self, place: int) -> np.ndarray:
        """The picture of one of the symbols that are read, counted from 0, uint8 (H, W, 3)."""
        read, gold, ink = self._reading, self.gold(), None
        steps = -(-gold.shape[1] // read.shrink)
        outputs, count = read.log_probs[0, :steps].exp().numpy(force=True), len(self.read)
        pairs = list(zip(read.symbols[0, :count].tolist(), read.steps[0, :count].tolist(), strict=True))
        if isinstance(self.world, PenReading):
            points, lifts = self.world.ink(0)
            ink = Ink(points, lifts, self.world.late_points()[0, : len(points)].numpy(force=True))
        strip, names = self.world.source_strip(0), self.world.written_names
        amounts = self.matrix()[place]
        return draw_strips(Strips(amounts, outputs, read.shrink, names, pairs, self.due, place, gold, ink, strip))

    def render(self) -> np.ndarray:
        """The strips of the chosen symbol, uint8 (H, W, 3).

        Raises:
            FoveateError: it isn't read in this episode.
        """
        chosen = self.chosen
        if chosen is None:
            wanted = "a symbol" if self.symbol is None else repr(self.symbol)
            raise FoveateError(f"{wanted} isn't read here: what is read is {''.join(self.read)!r}.")
        return self.strips(chosen)

    def save(self, path: str | Path) -> None:
        """Write the strips of the chosen symbol as a PNG."""
        write_picture(path, self.render())
