"""What each symbol of a string that was read at once owes to the items of the source: a sequential Jacobian."""

from itertools import groupby
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from ... import tree
from ...agents.nn.encoders import PassageEncoder
from ...agents.nn.heads import TranscriptHead
from ...agents.policies.policy import WHOLE
from ...errors import FoveateError
from ...tree import Tree
from .policy_views import OwnView
from .views import View

BLANK = 0


class Transcription(NamedTuple):
    """What a policy reads in sources, by its likeliest path.

    Attributes:
        log_probs: of each step, where 0 is the blank; its last is of the longest source.
        symbols: the string, 0 behind its end.
        steps: the step that says each symbol most clearly; 0 behind the end.
        shrink: items that a step is about.
    """

    log_probs: Float[Tensor, "batch steps n"]
    symbols: Int[Tensor, "batch room"]
    steps: Int[Tensor, "batch room"]
    shrink: int

    def reads(self, text: Int[Tensor, "batch room"]) -> Bool[Tensor, " batch"]:
        """Whether these texts, with 0 behind their ends, are what was read."""
        longest = max(self.symbols.shape[1], text.shape[1])
        said, due = (F.pad(each, (0, longest - each.shape[1])) for each in (self.symbols, text))
        return (said == due).all(1)


def peaks(log_probs: Float[np.ndarray, "steps n"]) -> tuple[list[int], list[int]]:
    """The symbols that the likeliest path spells, and the step at which each is likeliest among those that say it."""
    path, symbols, steps, first = log_probs.argmax(1), [], [], 0
    for symbol, run in groupby(path.tolist()):
        last = first + len(list(run))
        if symbol != BLANK:
            symbols.append(symbol)
            steps.append(first + int(log_probs[first:last, symbol].argmax()))
        first = last
    return symbols, steps


def check_transcribes(view: View) -> OwnView:
    """The view, if its policy writes whole strings.

    Raises:
        FoveateError: it doesn't.
    """
    own = view.policy if isinstance(view, OwnView) else None
    head = own.heads[WHOLE] if own is not None and WHOLE in own.heads else None
    if own is None or not isinstance(head, TranscriptHead) or not isinstance(own.source_encoder, PassageEncoder):
        raise FoveateError(
            "a string's sequential Jacobian needs a policy of foveate that transcribes, as the preset ctc."
        )
    assert isinstance(view, OwnView)
    return view


def transcribe(view: OwnView, observation: Tree) -> Transcription:
    """What a policy reads in prepared observations (B, …) of sources that are numbers."""
    _, parameters = view.sequence(tree.unsqueeze(observation))
    log_probs = _head(view).distribution(parameters[WHOLE][0]).log_probs  # (B, T, n)
    found = [peaks(row) for row in log_probs.numpy(force=True)]
    symbols, steps = (
        torch.zeros(len(found), max(1, *(len(each[part]) for each in found)), dtype=torch.int64) for part in (0, 1)
    )
    for b, (said, where) in enumerate(found):
        symbols[b, : len(said)], steps[b, : len(said)] = torch.tensor(said), torch.tensor(where)
    reader = view.policy.source_encoder
    assert isinstance(reader, PassageEncoder)
    device = log_probs.device
    return Transcription(log_probs, symbols.to(device), steps.to(device), reader.encoder.shrink)


def _head(view: OwnView) -> TranscriptHead:
    head = view.policy.heads[WHOLE]
    assert isinstance(head, TranscriptHead)
    return head


def transcript_jacobian(view: OwnView, observation: Tree) -> tuple[Transcription, Float[Tensor, "batch room items"]]:
    """What is read, and Σ_d |∂ ln y_k^t / ∂x_sd| of each symbol k that is read, at the step t that says it best.

    y_k^t is the softmax's output (Graves 2012, "Supervised sequence labelling with recurrent neural networks", section
    3.3 and figure 7.8), d are the numbers of the item s. It is 0 behind the end of a string, and of a source.

    Args:
        view: of a policy that transcribes (`check_transcribes`).
        observation: prepared, (B, …), with a source of numbers.
    """
    x = view.explained(observation).detach().clone().requires_grad_(True)  # (B, S, D)
    read = transcribe(view, view.replaced(observation, x))
    rows, every = [], torch.arange(len(x), device=x.device)
    for symbol, step in zip(read.symbols.unbind(1), read.steps.unbind(1), strict=True):
        said = read.log_probs[every, step, symbol] * (symbol != BLANK)
        (slope,) = torch.autograd.grad(said.sum(), x, retain_graph=True)  # a row depends on no other
        rows.append(slope.abs().sum(-1))
    return read._replace(log_probs=read.log_probs.detach()), torch.stack(rows, 1)
