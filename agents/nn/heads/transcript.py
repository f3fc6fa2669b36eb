"""A head that transcribes: each annotation of a source says a symbol or nothing, and a whole string is the action."""

import torch
from gymnasium import spaces
from torch import Tensor, nn
from torch import distributions as td

from ....errors import FoveateError, check_range
from ..cores.base import Source
from .base import Head, make_layers
from .ctc_paths import best_paths, log_labelling, prefix_beam, until


class Transcripts(td.Distribution):
    """Strings, (N,) symbols with 0 behind the end, by the symbol or blank that each of T steps says.

    Args:
        log_probs: of the steps, (…, T, n); 0 is the blank.
        room: N.
    """

    def __init__(self, log_probs: Tensor, room: int):
        self.log_probs, self.room = log_probs, room
        super().__init__(log_probs.shape[:-2], torch.Size([room]), validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """Of all paths that spell a string (Graves et al. 2006, eq. 3)."""
        steps, text = (
            self._steps().transpose(0, 1),
            value.expand(*self.batch_shape, self.room).reshape(-1, self.room).long(),
        )
        count = (text != 0).cumprod(1).sum(1)  # nothing counts behind the first end
        return log_labelling(steps, text, count).view(self.batch_shape)

    def sample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:  # noqa: B008
        path = td.Categorical(logits=self.log_probs, validate_args=False).sample(sample_shape)  # (…, T)
        return self._spelt(path)

    def best(self) -> Tensor:
        """What the likeliest path spells (section 3.2, "best path decoding")."""
        return self._spelt(self.log_probs.argmax(-1))

    def searched(self, beam: int) -> Tensor:
        """The likeliest string that a beam of so many prefixes finds."""
        found = [prefix_beam(steps, beam)[: self.room] for steps in self._steps()]
        rows = [text + [0] * (self.room - len(text)) for text in found]
        return torch.tensor(rows, device=self.log_probs.device).view(*self.batch_shape, self.room)

    def entropy(self) -> Tensor:
        """An upper bound, the entropy of paths: several spell one string."""
        return td.Categorical(logits=self.log_probs, validate_args=False).entropy().sum(-1)

    def _steps(self) -> Tensor:
        return self.log_probs.reshape(-1, *self.log_probs.shape[-2:])  # (B, T, n)

    def _spelt(self, path: Tensor) -> Tensor:
        return best_paths(path.reshape(-1, path.shape[-1]).T, self.room).view(*path.shape[:-1], self.room)


class TranscriptHead(Head):
    """`MultiDiscrete` of N numbers alike: a string of symbols, as connectionist temporal classification writes it.

    A softmax at each annotation of the source is over the symbols and the blank, for which 0 stands; the probability of
    a string is that of all paths that spell it. Behind the source's end there are only blanks. The features count, too,
    alike for all annotations.

    Args:
        features: size of the features.
        space: of strings.
        item: size of an annotation.
        hidden: units of a hidden layer, 0 for none.
        beam: prefixes that a search for the likeliest string keeps, in evaluation; 1 takes the likeliest path.

    Source:
        Graves, Fernández, Gomez & Schmidhuber 2006, "Connectionist temporal classification", section 3.
    """

    needs_source = True
    ragged = True

    def __init__(self, features: int, space: spaces.MultiDiscrete, item: int, hidden: int = 0, beam: int = 1):
        super().__init__()
        if not isinstance(space, spaces.MultiDiscrete) or space.nvec.ndim != 1 or len(set(space.nvec.tolist())) != 1:
            raise FoveateError(
                "this head writes a whole string: it needs a MultiDiscrete of numbers that are alike, "
                f'got {space}. Sequence/PenReading-v0 and Sequence/Speech-v0 have one with answer="string".'
            )
        self.beam = check_range("beam", beam, 1, 1000)
        self.count, self.room = int(space.nvec[0]), len(space.nvec)
        self.layers = make_layers(item, hidden, self.count)
        self.shared = nn.Linear(features, self.count, bias=False)
        nn.init.normal_(self.shared.weight, std=0.01)

    def forward(self, features: Tensor, source: Source | None = None) -> Tensor:
        """The log-probabilities of each step, (…, T · n)."""
        assert source is not None
        known = source.compact().cleared()
        logits = self.layers(known.items) + self.shared(features)[..., None, :]  # ([T,] B, L, n)
        steps = until(logits.log_softmax(-1).movedim(-2, 0), known.length).movedim(0, -2)
        return steps.flatten(-2)

    def distribution(self, parameters: Tensor) -> Transcripts:
        return Transcripts(parameters.unflatten(-1, (-1, self.count)), self.room)

    def mode(self, parameters: Tensor) -> Tensor:
        said = self.distribution(parameters)
        return said.best() if self.training or self.beam == 1 else said.searched(self.beam)

    def loss(
        self, parameters: Tensor, target: Tensor, target_set: Tensor | None = None, length: Tensor | None = None
    ) -> Tensor:
        """-log p of the string (eq. 12), (T, B); 0 where annotations are too few. Arguments as in `Head`."""
        cost = super().loss(parameters, target, target_set)
        return torch.where(cost < torch.inf, cost, 0.0)
