"""A passage of numbers that is transcribed: symbol by symbol, or as a whole string at once."""

from collections.abc import Sequence

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor
from torch.nn import functional as F

from ...errors import FoveateError, check_choice
from ..batch import State, Tensors
from ..counter_rng import CounterRNG
from .blind import END
from .edits import similarity
from .numbers import NumberPassage
from .render import spelt

ANSWERS = ("symbols", "string")


class Transcript(NumberPassage):
    """As `NumberPassage`; what is written may also be one action, the whole string.

    With answer="string" an episode has one moment: the source is seen, and an action is the text, (N,) symbols, where
    what stands behind the first 0 doesn't count. That is what connectionist temporal classification writes. All items
    that say anything are relevant then.

    Attributes:
        string_room: N, symbols that a string has room for, the same in all splits.
    """

    string_room: int

    def set_transcript(self, answer: str, view: str, reward: str, looks: int, written_names: Sequence[str]) -> None:
        """Choose how answers are given, and then as `set_passage`; `string_room` is known by then, too.

        Args:
            answer: one of `ANSWERS`.
            view: one of `VIEWS`.
            reward: one of `REWARDS`.
            looks: moments a writing, in the view "glimpse".
            written_names: see the class.

        Raises:
            FoveateError: one of them is not allowed, or a string is asked for in a view that takes more moments.
        """
        self.answer = check_choice("answer", answer, ANSWERS)
        self.set_passage(view, reward, looks, ["", *(str(number + 1) for number in range(self.room))], written_names)
        if answer == "string":
            if view != "whole":
                raise FoveateError(
                    f'answer="string" is not allowed with view={view!r}: a string is one action, for which all must be '
                    'seen at once, as with view="whole".'
                )
            self.episode_length = 1
            self.action_space = spaces.MultiDiscrete([self.writings] * self.string_room)

    def unaligned_texts(self) -> Tensor:
        """What `unaligned` writes, int64 (B, L), and 0 behind the end."""
        raise NotImplementedError

    # ---- the rules of a string ----

    def footprint(self) -> int:
        return super().footprint() + (self.string_room if self.answer == "string" else 0)

    def start(self, rng: CounterRNG) -> State:
        state = super().start(rng)
        if self.answer == "string":
            state["written"] = self._string(state["written"])
        return state

    def _string(self, text: Tensor) -> Tensor:
        """Texts (n, L) in the room of a string, (n, N), fresh."""
        return F.pad(text, (0, self.string_room - text.shape[1]))

    def advance(self, state: State, action: Tensors, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        if self.answer == "symbols":
            return super().advance(state, action, rng)
        assert isinstance(action, Tensor)
        written = action * (action != END).cumprod(1)  # (B, N), nothing behind the first end
        target, due = self._string(state["targets"]), state["due"]
        place = torch.arange(self.string_room, device=due.device)
        count = (written != END).sum(1)
        # the first end is a symbol, too; whoever ends early loses the rest
        right = ((written == target) & (place < due[:, None]) & (place <= count[:, None])).sum(1)
        moved = {**state, "written": written, "right": right}
        if self.reward == "dense":
            paid = right.float() / due
        elif self.reward == "whole":
            paid = self.score(moved)
        else:
            paid = similarity(written, count, target, due - 1)
        return moved, paid, torch.ones_like(due, dtype=torch.bool)

    def _last(self, state: State) -> Tensor:
        return super()._last(state) if self.answer == "symbols" else torch.zeros_like(state["due"])

    def annotate(self, state: State) -> dict[str, Tensor]:
        if self.answer == "symbols":
            return super().annotate(state)
        return {"target": self._string(state["targets"]), "target_mask": state["clock"] == 0}

    def relevance(self, state: State) -> Tensor:
        return super().relevance(state) if self.answer == "symbols" else self._roomy(state["aligned"].any(1))

    # ---- policies behind the certified scale ----

    def blind(self) -> Tensors:
        return super().blind() if self.answer == "symbols" else self._same_string(self._texts[0])

    def memoryless(self) -> Tensors:
        return super().memoryless() if self.answer == "symbols" else self._same_string(self._texts[1])

    def _same_string(self, text: Tensor) -> Tensor:
        return self._string(text.to(self.device).expand(self.num_worlds, -1))

    def unaligned(self) -> Tensors:
        texts = self.unaligned_texts()
        if self.answer == "string":
            return self._string(texts)
        place, _ = self.writing(self.state)
        return self._as_action(texts.gather(1, self._column(place))[:, 0])

    # ---- pictures ----

    def written_so_far(self, index: int) -> list[str]:
        """The names of the symbols that were written in world `index`."""
        written, count = self.state["written"][index].numpy(force=True), int(self.writing(self.state)[0][index])
        if self.answer == "string":
            count = int((written != END).sum())
        return spelt(written[: max(0, count)], self.written_names)

    def due_now(self, index: int, length: int) -> np.ndarray:
        """Which items say what is due in world `index`, bool (length,)."""
        return self.relevance(self.state)[index, :length].numpy(force=True)
