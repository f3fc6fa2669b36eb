"""BLEU of what a policy writes (Papineni et al. 2002), by sacrebleu, in the very episodes that are scored."""

import json
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple, TypedDict

import torch
from torch import Tensor

from ..agents.learning.actor import Observer, Transition
from ..agents.learning.environments import TimeStep
from ..envs.sequence.blind import END
from ..envs.sequence.passage import Passage
from ..envs.sequence.render import spelt
from ..errors import FoveateError
from ..wrappers.alignment import WRITE

RESAMPLES = 1000
UNKNOWN = "<other>"  # stands for words that nobody can write


class Bleu(TypedDict):
    """BLEU of a corpus, 0 to 100, as JSON.

    Attributes:
        score: of all sentences.
        interval: of 95 %, over sentences that are drawn with replacement (Koehn 2004).
        details: precisions of 1 to 4 words, and how long all is beside what is due.
        signature: sacrebleu's, which says how it was computed (Post 2018, "A call for clarity in reporting BLEU").
        sentences: how many.
    """

    score: float
    interval: list[float]
    details: str
    signature: str
    sentences: int


class Pair(NamedTuple):
    """A sentence as it was written, and as it should be."""

    written: str
    due: str


class Sentences(Observer):
    """Notes the sentences of the first episodes of each row.

    Args:
        world: whose episodes are played; it writes sentences.
        rounds: episodes of each row that count.

    Attributes:
        pairs: of all episodes that have ended.

    Raises:
        FoveateError: what is written there are no sentences of words.
    """

    def __init__(self, world: object, rounds: int):
        if not isinstance(world, Passage) or not world.writes_sentences:
            raise FoveateError(
                "BLEU judges sentences of words, as Sequence/Translation-v0 and Sequence/Caption-v0 write them, and "
                f"{type(world).__name__} writes none."
            )
        self.world, self.rounds, self.pairs = world, rounds, list[Pair]()
        self._played = torch.zeros(world.num_worlds, dtype=torch.int64, device=world.device)

    def _begin(self, fresh: Tensor) -> None:
        """Note what is due in episodes that have begun, and whether something is written next."""
        state = self.world.state
        if bool(fresh.all()):
            self._targets = state["targets"].clone()
            self._said = torch.full_like(self._targets, END)
        else:
            self._targets = torch.where(fresh[:, None], state["targets"], self._targets)
            self._said = self._said.masked_fill(fresh[:, None], END)
        self._place, self._now = self.world.writing(state)

    def on_reset(self, now: TimeStep) -> None:
        """Episodes begin in all rows."""
        self._begin(torch.ones_like(self._played, dtype=torch.bool))

    def on_step(self, transition: Transition) -> None:
        """Note what was written."""
        action = transition.output.action
        write = action[WRITE] if isinstance(action, dict) else action
        assert isinstance(write, Tensor)
        at = self._place.clamp(0, self._said.shape[1] - 1)[:, None]
        put = torch.where(self._now, write.long(), self._said.gather(1, at)[:, 0])
        self._said.scatter_(1, at, put[:, None])
        ended = transition.ended
        for row in (ended & (self._played < self.rounds)).nonzero()[:, 0].tolist():
            said, due = (self._words(text[row]) for text in (self._said, self._targets))
            # a word that has no symbol is never written right
            lost = self.world.unknown
            due = due if lost is None else due.replace(self.world.written_names[lost], UNKNOWN)
            self.pairs.append(Pair(said, due))
        self._played = self._played + ended
        self._begin(ended)

    def _words(self, symbols: Tensor) -> str:
        count = int((symbols != END).long().cumprod(0).sum())
        return " ".join(spelt(symbols[:count].numpy(force=True), self.world.written_names))


def bleu(pairs: Sequence[Pair]) -> Bleu:
    """BLEU of sentences whose words are parted by blanks, which are not taken apart any further.

    Args:
        pairs: at least one.

    Raises:
        FoveateError: sacrebleu is not installed.
    """
    try:
        metrics = import_module("sacrebleu.metrics")
    except ImportError as error:
        raise FoveateError(f'BLEU needs sacrebleu: pip install "foveate[text]" ({error}).') from error
    metric = metrics.BLEU(tokenize="none", force=True)  # the words are those of the world
    found = metric.corpus_score([pair.written for pair in pairs], [[pair.due for pair in pairs]], n_bootstrap=RESAMPLES)
    said = json.loads(found.format(is_json=True, width=4, signature=metric.get_signature().format()))
    middle, half = said["confidence_mean"], said["confidence_var"]
    return {
        "score": float(found.score),
        "interval": [middle - half, middle + half],
        "details": said["verbose_score"],
        "signature": said["signature"],
        "sentences": len(pairs),
    }
