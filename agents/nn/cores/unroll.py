"""The loop over time: the one place where a core, or whatever else keeps a state, runs over a sequence.

A sequence is cut where episodes start, so that inside a piece none does; there the initial state is written. Then a
piece is run

    by a function of the whole piece      `unroll_pieces`: torch's recurrent kernels
    by a function of one moment           `unroll`: everything else

**The switch for faster paths is `unroll`, and nothing else.** A kernel for a whole piece, forwards and backwards, is
its argument `kernel`; it need not know of episodes, since none starts inside a piece. A compiled step
(``torch.compile``) takes the place of `step` at the line that says so. Records are asked for rarely and a moment at a
time, so a kernel may leave them to the loop: who asks for records gives no kernel.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Protocol, Self, TypeVar

import numpy as np
from jaxtyping import Bool
from torch import Tensor

from .... import tree
from ....tree import Tree
from .. import noise


class HasState(Protocol):
    """An output with the state after it: a NamedTuple such as `CoreOutput`."""

    @property
    def state(self) -> Tree: ...

    def _replace(self, **changes: object) -> Self: ...


S = TypeVar("S")
Output = TypeVar("Output", bound=HasState)


def unroll(
    step: Callable[[Tree, S], Output],
    inputs: Tree,
    state: S,
    starts: Bool[Tensor, "time batch"],
    begin: Callable[[S, Tree, Tensor], S],
    kernel: Callable[[Tree, S], Output] | None = None,
) -> Output:
    """Step through a sequence.

    What depends on the inputs alone is better computed for the whole sequence before, and handed over as inputs.

    Args:
        step: one moment: its inputs (B, …) and the state before it -> an output (B, …), a NamedTuple such as
            `CoreOutput` whose field `state` is the state after it.
        inputs: tensors (T, B, …).
        state: before the first moment.
        starts: bool, (T, B), where episodes start.
        begin: writes the initial state: the state, a moment's inputs (B, …) and its starts (B,) -> the state. Called
            at the first moment of each piece.
        kernel: runs a whole piece instead of the loop, if there is one: as in `unroll_pieces`.

    Returns:
        An output whose tensors are (T, B, …), with the state after the last moment.
    """
    if kernel is not None:
        return unroll_pieces(kernel, inputs, state, starts, begin)
    moments = tree.unstack(inputs)  # at once: the gradient of each index of a tensor would be one of its full size
    pieces = []
    for first, end in episode_pieces(starts):
        with noise.piece(first, first + 1):
            state = begin(state, moments[first], starts[first])
        with noise.piece(first, end):
            pieces.append(_run_steps(step, moments[first:end], state))  # a compiled step goes here
        state = pieces[-1].state
    return joined(pieces)


def unroll_pieces(
    run: Callable[[Tree, S], Output],
    inputs: Tree,
    state: S,
    starts: Bool[Tensor, "time batch"],
    begin: Callable[[S, Tree, Tensor], S],
) -> Output:
    """Run over a sequence, each piece in which no episode starts at once.

    Args:
        run: a piece: its inputs (t, B, …) and the state before them -> an output (t, B, …), a NamedTuple such as
            `CoreOutput` whose field `state` is the state after it.
        inputs: tensors (T, B, …).
        state: before the first moment.
        starts: bool, (T, B), where episodes start.
        begin: writes the initial state, as in `unroll`.
    """
    pieces, cuts = [], episode_pieces(starts)
    for first, end in cuts:
        with noise.piece(first, first + 1):
            state = begin(state, tree.index(inputs, first), starts[first])
        # the whole is not sliced: the gradient of a slice is a copy
        piece = inputs if len(cuts) == 1 else tree.index(inputs, slice(first, end))
        with noise.piece(first, end):
            pieces.append(run(piece, state))
        state = pieces[-1].state
    return joined(pieces)


def episode_pieces(starts: Bool[Tensor, "time batch"]) -> list[tuple[int, int]]:
    """Where to cut a sequence so that episodes start at first steps only: (first, end) pairs.

    Args:
        starts: bool, (T, B).
    """
    steps = len(starts)
    if steps == 1:
        return [(0, 1)]
    host = starts.numpy(force=True)  # one look at the device for the whole sequence
    cuts = (np.flatnonzero(host[1:].any(1)) + 1).tolist()
    return list(itertools.pairwise([0, *cuts, steps]))


def _run_steps(step: Callable[[Tree, S], Output], moments: Sequence[Tree], state: S) -> Output:
    """The loop itself."""
    outputs = []
    for t, now in enumerate(moments):
        with noise.piece(t, t + 1):
            output = step(now, state)
        state = output.state
        outputs.append(output._replace(state=None))
    return tree.stack(outputs)._replace(state=state)


def joined(pieces: list[Output]) -> Output:
    """The outputs of pieces, one behind the other."""
    if len(pieces) == 1:
        return pieces[0]
    return tree.cat([piece._replace(state=None) for piece in pieces])._replace(state=pieces[-1].state)
