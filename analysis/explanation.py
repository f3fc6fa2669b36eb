"""Is attention explanation? What becomes of a decision when the weights of its reading are shuffled, or erased."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import torch
from gymnasium import spaces
from torch import Tensor
from torch.nn import functional as F

from .. import tree
from ..agents.nn.cores.base import Source
from ..agents.nn.encoders import PassageEncoder
from ..agents.policies.attend import ReadingCore
from ..agents.policies.outputs import SourceState
from ..agents.policies.policy import WHOLE
from ..envs.protocols import world_of
from ..envs.registry import make_worlds
from ..envs.sequence.passage import Passage
from ..tree import Tree
from ..wrappers.alignment import WEIGHTS, WRITE, implicit_alignment
from ..wrappers.saliency import view_of
from ..wrappers.saliency.policy_views import OwnView
from ..wrappers.saliency.undisturbed import undisturbed
from .alignment import right_texts

ORDERS = ("weight", "jacobian", "random")


class Erased(NamedTuple):
    """How much must go, in one order, until another word is written.

    Attributes:
        share: mean share of the annotations that were erased when the decision flipped first; 1 where it never did.
        never: share of the writings in which it never did, even when one annotation alone was left.
    """

    share: float
    never: float


class Explanation(NamedTuple):
    """What the weights of an attention are worth as an explanation of what is written.

    Attributes:
        moved: mean over writings of the median, over permutations of the weights, of the total variation between the
            distributions of what is written.
        flips: share of all permutations after which another word is likeliest.
        erased: by order, the greatest first: "weight", "jacobian" (|∂y/∂item|) and "random".
        writings: how many were looked into.
    """

    moved: float
    flips: float
    erased: dict[str, Erased]
    writings: int


def shuffled(weights: Tensor, order: Tensor) -> Tensor:
    """Weights (V, heads, L) in other places, by permutations (V, L), the same for all heads."""
    return weights.gather(-1, order[:, None].expand_as(weights))


def without(weights: Tensor, kept: Tensor) -> Tensor:
    """Weights (V, heads, L) of what is kept, bool (V, L), with the sum that all had; even ones, where it had none."""
    rest, total = weights * kept[:, None], weights.sum(-1, keepdim=True)
    sums, even = rest.sum(-1, keepdim=True), kept / kept.sum(-1, keepdim=True).clamp(min=1)
    return total * torch.where(sums > 0, rest / sums.clamp(min=torch.finfo(rest.dtype).tiny), even[:, None])


def explanation(
    policy: object, env_id: str, arguments: Mapping[str, object], episodes: int, seed: int, permutations: int = 20
) -> Explanation | None:
    """Shuffle and erase the weights of each reading alone; what was read before it stays as it was.

    If the decision doesn't move when the weights are shuffled, they don't say why it was made (Jain & Wallace 2019,
    "Attention is not explanation", section 4.2.1; there all that is read is one reading). If fewer of the greatest
    weights must go than of any other order, they rank what counts (Serrano & Smith 2019, "Is attention
    interpretable?", section 4). What this doesn't say: annotations know their neighbours, so weight on one item need
    not be weight on what it says; another attention may do as well in a policy trained with it, and then each may be a
    plausible explanation (Wiegreffe & Pinter 2019, "Attention is not not explanation"). Readings with changed weights
    are none that the policy was trained on.

    Of sentences the weights of sentences are changed, not those of words; of hops those of each, alike.

    Args:
        policy: a policy of the kind `attend`, or a learner that has one.
        env_id: a Sequence world.
        arguments: of it.
        episodes: how many.
        seed: of the first, and of the permutations.
        permutations: of each reading.

    Returns:
        None where the policy reads otherwise, or writes numbers, or no source has two annotations.
    """
    view = view_of(policy)
    env = make_worlds(env_id, episodes, str(view.device), dict(arguments))
    world = world_of(env)
    if not isinstance(view, OwnView) or not isinstance(world, Passage) or not isinstance(view.policy.core, ReadingCore):
        return None
    view.policy.check_plays(env.single_observation_space, env.single_action_space)
    part = WRITE if WRITE in view.policy.heads else WHOLE
    if not _chooses(view, part):
        return None
    observations, places, _ = right_texts(env, world, view, seed)
    generator = torch.Generator().manual_seed(seed)
    moved: list[Tensor] = []
    flips: list[Tensor] = []
    counts: dict[str, list[Tensor]] = {order: [] for order in ORDERS}
    with undisturbed(view):
        slopes = _by_annotation(view, implicit_alignment(view, observations, range(len(places))))  # (T, B, L)
        with torch.no_grad():
            for moment in _moments(view, observations, part):
                for row in (places[moment.time] >= 0).nonzero()[0].tolist():
                    length = int(moment.source.length[row])
                    if length < 2:
                        continue
                    weight = moment.weights[row, :, :length].mean(0)
                    lots = torch.rand(permutations + 1, length, generator=generator).argsort(dim=1).to(weight.device)
                    orders = torch.stack(
                        [
                            weight.argsort(descending=True, stable=True),
                            slopes[moment.time, row, :length].argsort(descending=True, stable=True),
                            lots[-1],
                        ]
                    )  # (3, L)
                    kept = kept_in(orders).flatten(0, 1)  # (3 (L - 1), L)
                    p, *others = moment.asked(
                        row, 1 + permutations + len(kept), lambda w, lots=lots, kept=kept: _changed(w, lots[:-1], kept)
                    ).softmax(-1)
                    variants = torch.stack(others)
                    apart = 0.5 * (variants[:permutations] - p).abs().sum(-1)  # total variation
                    other = variants.argmax(-1) != p.argmax(-1)
                    moved.append(apart.median())
                    flips.append(other[:permutations].double().mean())
                    for name, flipped in zip(ORDERS, other[permutations:].view(3, -1), strict=True):
                        first = int(flipped.double().argmax()) + 1 if bool(flipped.any()) else length
                        counts[name].append(torch.tensor([first / length, float(not flipped.any())]))
    if not moved:
        return None
    erased = {name: Erased(*torch.stack(rows).mean(0).tolist()) for name, rows in counts.items()}
    return Explanation(float(torch.stack(moved).mean()), float(torch.stack(flips).mean()), erased, len(moved))


def kept_in(orders: Tensor) -> Tensor:
    """What is left when 1, 2, … L - 1 were erased in some orders (N, L): bool (N, L - 1, L)."""
    place = orders.argsort(dim=-1)  # when each goes, from 0 on
    gone = torch.arange(1, orders.shape[-1], device=orders.device)[:, None]
    return place[:, None] >= gone


def _changed(weights: Tensor, lots: Tensor, kept: Tensor) -> Tensor:
    """Weights (V, heads, L), the first as they are, then shuffled, then without what is erased."""
    some, count = 1 + len(lots), weights.shape[-1]
    weights = weights[..., : lots.shape[1]]  # behind the end of the source there may be room
    parts = weights[:1], shuffled(weights[1:some], lots), without(weights[some:], kept)
    return F.pad(torch.cat(parts), (0, count - weights.shape[-1]))


class _Moment(NamedTuple):
    """A moment of some episodes.

    Attributes:
        time: of it.
        weights: of the reading, (B, heads, L).
        source: that is read.
        asked: (row, so many, change) -> what is said of an episode by changed weights, logits (so many, n).
    """

    time: int
    weights: Tensor
    source: Source
    asked: Callable[[int, int, Callable[[Tensor], Tensor]], Tensor]


def _chooses(view: OwnView, part: str) -> bool:
    """Whether a part of the action is one of several words."""
    space = view.parts[part]
    return isinstance(space, spaces.Discrete)


def _moments(view: OwnView, observations: Tree, part: str) -> Iterator[_Moment]:
    """The moments of whole episodes, observations (T, B, …), each with what went before as it was."""
    policy, core = view.policy, view.policy.core
    assert isinstance(core, ReadingCore)
    count = len(tree.first(observations)[0])
    state = policy.initial_state(count)
    for time in range(len(tree.first(observations))):
        seen = tree.index(observations, time)
        starts = torch.full((count,), time == 0, device=view.device)
        before = state.core if isinstance(state, SourceState) else state
        said = policy(tree.unsqueeze(seen), state, starts[None], record=True)
        state = said.state
        assert isinstance(state, SourceState)
        source, encoded = state.source, policy.encoder(seen)

        def asked(
            row: int, variants: int, change: Callable[[Tensor], Tensor],
            seen: Tree = seen, before: Tree = before, source: Source = source, encoded: Tensor = encoded,
            starts: Tensor = starts,
        ) -> Tensor:  # fmt: skip
            rows = torch.full((variants,), row, device=view.device)
            of, own = tree.index(source, rows), tree.index(before, rows)
            with core.attention.reweighing(change):
                y = core(encoded[rows][None], own, starts[rows][None], source=of).y
            return policy.read_head(part, y, of, tree.unsqueeze(tree.index(seen, rows)))[0]

        yield _Moment(time, said.records[WEIGHTS][0], source, asked)


def _by_annotation(view: OwnView, amounts: Tensor) -> Tensor:
    """Amounts of items (T, B, S) as those of annotations, (T, B, L), each of which may be about several items."""
    reader = view.policy.source_encoder
    shrink = reader.encoder.shrink if isinstance(reader, PassageEncoder) else 1
    return F.pad(amounts, (0, -amounts.shape[-1] % shrink)).unflatten(-1, (-1, shrink)).sum(-1)
