"""Long sequences in less memory: inside of pieces nothing is kept for the backward pass, which computes it again.

Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost". What is kept then is a state for each piece, and what
one piece needs: for pieces of the square root of the length the memory of a sequence grows as that root.
"""

from collections.abc import Callable

from jaxtyping import Bool
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ... import tree
from ...tree import Tree
from ..nn.cores.unroll import Output, joined


def run_in_pieces(
    run: Callable[[Tree, Tree, Tensor, bool], Output],
    inputs: Tree,
    state: Tree,
    starts: Bool[Tensor, "time batch"],
    record: bool,
    moments: int,
) -> Output:
    """What a policy or a core says of a sequence; the numbers, and gradients, are those of the whole.

    Args:
        run: the policy or the core.
        inputs: its observations or inputs, tensors (T, B, …).
        state: before the first moment.
        starts: bool, (T, B), where episodes start.
        record: also say what was attended to.
        moments: of each piece; 0 keeps everything.
    """
    if not 0 < moments < len(starts):
        return run(inputs, state, starts, record)
    pieces: list[Output] = []
    for first in range(0, len(starts), moments):
        now = slice(first, first + moments)
        pieces.append(checkpoint(run, tree.index(inputs, now), state, starts[now], record, use_reentrant=False))
        state = pieces[-1].state
    return joined(pieces)
