"""What is read for each word that is written: by the weights of an attention, or by derivatives."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, SupportsFloat

import gymnasium as gym
import numpy as np
import torch
from gymnasium.error import ResetNeeded
from torch import Tensor

from .. import tree
from ..agents.nn.encoders import HierarchicalItems, PassageEncoder
from ..agents.nn.heads import PointerHead
from ..envs.protocols import Info, world_of
from ..envs.sequence.passage import Passage
from ..envs.sequence.picture_passage import PicturePassage
from ..envs.sequence.render import spelt
from ..errors import FoveateError, check_choice
from ..tree import Tree
from ..viz.alignment import AlignmentMap, Room, Strip, Written, draw_alignment
from ..viz.lit import draw_lit
from ..viz.palette import RIGHT, WRONG
from ..viz.pictures import write_picture
from ..viz.shaded import Asked, draw_shaded
from .saliency.policy_views import OwnView, view_of
from .saliency.undisturbed import undisturbed
from .saliency.whole_episode import EpisodeInstrument

Of = Literal["weights", "jacobian"]
WRITE = "write"  # the part of an action that is written, where it has parts
WEIGHTS = "source_weights"  # the record of a core that attends to a source
TITLES = {"weights": "weights of the attention", "jacobian": "|d logit of the word / d item|"}


def weights_by_head(view: OwnView, observations: Tree) -> Tensor | None:
    """How much each item counts for each head (of hops, for each) at each moment of whole episodes: (T, B, heads, S).

    Args:
        view: of a policy.
        observations: prepared, whole episodes from their start, (T, B, …).

    Returns:
        None of a policy that attends to no source.
    """
    weights, reader = view.records(observations).get(WEIGHTS), view.policy.source_encoder
    if weights is None or not isinstance(reader, PassageEncoder):
        return None if weights is None else weights.detach()
    _, length = reader.items(tree.index(observations, 0))
    return reader.by_item(weights.detach(), length)


def explicit_alignment(view: OwnView, observations: Tree) -> Tensor | None:
    """The mean of `weights_by_head` over heads, float (T, B, S); arguments and None as there."""
    weights = weights_by_head(view, observations)
    return None if weights is None else weights.mean(2)


def weights_by_word(view: OwnView, observations: Tree) -> Tensor | None:
    """`explicit_alignment` times the weights of the words in a sentence, float (T, B, S, W).

    Returns:
        None of a policy that doesn't weigh words.
    """
    reader, sentences = view.policy.source_encoder, explicit_alignment(view, observations)
    if sentences is None or not isinstance(reader, PassageEncoder) or not isinstance(reader.encoder, HierarchicalItems):
        return None
    items, _ = reader.items(tree.index(observations, 0))
    return sentences[..., None] * reader.encoder.summaries(reader.embedding(items)).weights.detach()


def implicit_alignment(view: OwnView, observations: Tree, moments: Sequence[int], by_word: bool = False) -> Tensor:
    """|∂y_t/∂x_s|, where y_t is the logit of the likeliest word at moment t and x_s the item s: float (M, B, S).

    Of symbols x_s is what is embedded; of items that come one a moment, what was observed at moment s, and S is T.

    Args:
        view: of a policy.
        observations: prepared, whole episodes from their start, (T, B, …).
        moments: the times t.
        by_word: of each word of sentences that are read word by word, float (M, B, S, W).
    """
    reader = view.policy.source_encoder
    leaves: list[Tensor] = []
    if isinstance(reader, PassageEncoder):

        def as_leaf(module: torch.nn.Module, given: tuple[Tensor], embedded: Tensor) -> Tensor:
            leaves.append(embedded.detach().requires_grad_(True))
            return leaves[-1]

        handle = reader.embedded.register_forward_hook(as_leaf)
        try:
            _, parameters = view.sequence(observations)
        finally:
            handle.remove()
        (x,) = leaves  # (B, S, E)
    else:
        first = view.explained(observations).detach().clone().requires_grad_(True)  # (T, B, D)
        _, parameters = view.sequence(view.replaced(observations, first))
        x = first
    logits = parameters[WRITE if WRITE in parameters else next(iter(parameters))]  # (T, B, W)
    possible = logits > -torch.inf  # a pointer rules out what is behind the end of a source
    mean = torch.where(possible, logits, 0.0).sum(-1) / possible.sum(-1)
    chosen = logits.amax(-1) - mean  # (T, B)
    rows = [torch.autograd.grad(chosen[t].sum(), x, retain_graph=True)[0] for t in moments]
    squares = torch.stack(rows).square()
    amounts = (squares if by_word else squares.flatten(3)).sum(-1).sqrt()  # (M, B, S), or (M, T, B)
    return amounts if leaves else amounts.transpose(1, 2)


def on_items(amounts: Tensor, world: Passage) -> Tensor:
    """Amounts (…, S') of what a policy reads as amounts of the world's items, (…, S).

    Of a picture, a policy's cells may be of another size than the world's: smaller ones add up, larger ones are shared
    out.

    Args:
        amounts: weights or derivatives.
        world: whose items they are of.
    """
    if not isinstance(world, PicturePassage) or world.view == "stream":
        return amounts
    side = round(amounts.shape[-1] ** 0.5)
    if side > world.grid:
        times = side // world.grid
        return amounts.unflatten(-1, (world.grid, times, world.grid, times)).sum((-3, -1)).flatten(-2)
    times = world.grid // side
    apart = amounts.unflatten(-1, (side, side)).repeat_interleave(times, -1).repeat_interleave(times, -2)
    return apart.flatten(-2) / times**2


class Alignment(EpisodeInstrument, gym.utils.RecordConstructorArgs):
    """Keeps what a policy reads while something is written in a Sequence world, and draws it beside the gold alignment.

    Explicit: the weights of its attention to the source. Implicit, for any policy of ours: how much the logit of the
    word that it finds likeliest changes with each item of the source. Both are worked out beside whoever acts; actions,
    states and random numbers of the episode are as without it.

    Args:
        env: a single environment around a Sequence world, in the view "whole" or "stream".
        policy: a policy, or a learner that has one.
        of: which to draw, "weights" or "jacobian"; None draws both, where the policy attends.

    Raises:
        FoveateError: this world, or this policy, has no alignment.
    """

    def __init__(self, env: gym.Env, policy: object, of: Of | None = None):
        gym.utils.RecordConstructorArgs.__init__(self, _disable_deepcopy=True, policy=policy, of=of)
        world, view = world_of(env), view_of(policy)
        if not isinstance(world, Passage):
            raise FoveateError(f"an alignment needs a Sequence world, not {type(env.unwrapped).__name__}.")
        if world.view == "glimpse":
            raise FoveateError(
                'in the view "glimpse" where the agent looks is its action: Alignment needs another view.'
            )
        if world.answer == "string":
            raise FoveateError('with answer="string" all is written at once: TranscriptJacobian draws what it owes.')
        if not isinstance(view, OwnView):
            raise FoveateError("an alignment needs a policy of foveate: it runs over whole episodes.")
        if of is not None:
            check_choice("of", of, ["weights", "jacobian"])
        EpisodeInstrument.__init__(self, env, view)
        self.world, self.of = world, of
        self._moments: list[int] = []  # at which something was written
        self._rows: dict[str, list[np.ndarray]] = {}  # what has been worked out, by what it is of: (heads, items) each

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Tree, Info]:
        """Begin an episode, and forget the one before."""
        self._moments, self._rows = [], {}
        return super().reset(seed=seed, options=options)

    def step(self, action: Tree) -> tuple[Tree, SupportsFloat, bool, bool, Info]:
        """Step the environment, and note whether something was written."""
        writes, moment = bool(self.world.writing(self.world.state)[1][0]), len(self.observations) - 1
        stepped = super().step(action)
        if writes:
            self._moments.append(moment)
        return stepped

    @property
    def kinds(self) -> list[Of]:
        """Which alignments this policy has: "weights" where it attends, and "jacobian".

        Raises:
            ResetNeeded: no episode has begun.
            FoveateError: the weights are wanted of a policy that has none.
        """
        if not self.observations:
            raise ResetNeeded("no episode has begun: call reset() first.")
        if self.of == "jacobian":
            return ["jacobian"]
        with undisturbed(self.view), torch.no_grad():
            attends = explicit_alignment(self.view, tree.stack(self.observations[:1])) is not None
        if self.of == "weights" and not attends:
            raise FoveateError('this policy attends to no source: of="weights" is not allowed, of="jacobian" is.')
        kinds: list[Of] = ["weights"] if attends else []
        return kinds if self.of == "weights" else [*kinds, "jacobian"]

    def matrix(self, of: Of = "weights") -> np.ndarray:
        """How much each writing so far owes to each item: float (writings, items).

        Args:
            of: "weights" or "jacobian".

        Raises:
            FoveateError: the policy has no weights.
        """
        return self.matrices(of).mean(0)

    def matrices(self, of: Of = "weights") -> np.ndarray:
        """A matrix for each head of the attention, or each of its hops: float (heads, writings, items).

        Args:
            of: "weights", or "jacobian", of which there is one.

        Raises:
            FoveateError: the policy has no weights.
        """
        check_choice("of", of, ["weights", "jacobian"])
        rows, items = self._rows.setdefault(of, []), len(self.source)
        missing = self._moments[len(rows) :]
        if missing:
            observations = tree.stack(self.observations[: missing[-1] + 1])
            with undisturbed(self.view):
                if of == "weights":
                    weights = weights_by_head(self.view, observations)
                    if weights is None:
                        raise FoveateError('this policy attends to no source: ask for matrix("jacobian").')
                    amounts = weights[missing, 0]  # (M, heads, S)
                else:
                    amounts = implicit_alignment(self.view, observations, missing)[:, :1]
            rows += list(on_items(amounts, self.world)[..., :items].numpy(force=True))
        return np.stack(rows, 1) if rows else np.zeros((1, 0, items), np.float32)

    def gold(self) -> np.ndarray:
        """The items that say what is due at each writing so far: bool (writings, items)."""
        return self.world.state["aligned"][0, : len(self._moments), : len(self.source)].cpu().numpy()

    @property
    def reads_words(self) -> bool:
        """Whether the policy reads sentences word by word."""
        reader = self.view.policy.source_encoder
        return isinstance(reader, PassageEncoder) and reader.encoder.reads_words

    def word_matrix(self, of: Of = "weights") -> np.ndarray:
        """How much each writing so far owes to each word of all sentences: float (writings, words).

        Args:
            of: "weights", of a sentence and of the word in it, or "jacobian".

        Raises:
            FoveateError: the policy doesn't read sentences word by word.
        """
        check_choice("of", of, ["weights", "jacobian"])
        if not self.reads_words:
            raise FoveateError("this policy reads no sentences word by word: ask for matrix().")
        if not self._moments:
            return np.zeros((0, int(self._words.sum())), np.float32)
        observations = tree.stack(self.observations[: self._moments[-1] + 1])
        with undisturbed(self.view):
            if of == "weights":
                every = weights_by_word(self.view, observations)
                assert every is not None
                amounts = every[self._moments, 0]  # (M, S, W)
            else:
                amounts = implicit_alignment(self.view, observations, self._moments, by_word=True)[:, 0]
        return amounts[:, : len(self._words)].numpy(force=True)[:, self._words]

    def word_gold(self) -> np.ndarray:
        """The words that say what is due at each writing so far: bool (writings, words of all sentences)."""
        known = self.world.aligned_words(self.world.state)
        if known is None:
            return np.zeros((len(self._moments), int(self._words.sum())), bool)
        return known[0, : len(self._moments), : len(self._words)].numpy(force=True)[:, self._words]

    @property
    def _words(self) -> np.ndarray:
        """Which words there are, bool (S, W)."""
        return self._part("items")[: len(self.source)] != 0

    @property
    def source(self) -> list[str]:
        """The words of the source."""
        length = int(self.world.state["length"][0])
        return self.world.source_words(self._part("items")[:length])

    @property
    def written(self) -> list[str]:
        """The words that were written so far."""
        return self.world.written_words(self._part("written")[: len(self._moments)], self._part("items"))

    def _part(self, name: str) -> np.ndarray:
        """A part of the world's state, (n, …)."""
        return self.world.state[name][0].numpy(force=True)

    def render(self) -> np.ndarray:
        """The alignments so far, uint8 (H, W, 3); all pictures are of one size, whatever is read and written."""
        world = self.world
        return self._drawn(Room(world.most_written, world.most_items, world.source_names, world.written_names))

    def save(self, path: str | Path) -> None:
        """Write the picture of the episode so far as a PNG."""
        write_picture(path, self._drawn(None))

    @property
    def _points(self) -> bool:
        """Whether the weights are the policy's own choice, among which is the end."""
        return any(isinstance(head, PointerHead) for head in self.view.policy.heads.children())

    def _drawn(self, room: Room | None) -> np.ndarray:
        kinds = self.kinds  # an episode must have begun
        right = self._part("written") == self._part("targets")
        right = right.all(-1) if right.ndim > 1 else right
        words = [Written(word, RIGHT if ok else WRONG) for word, ok in zip(self.written, right, strict=False)]
        lines = (self.world.most_written, self.world.lines().read) if room else None
        if self.reads_words and not self.world.query_size:
            text = [word for sentence in self.source for word in f"{sentence}.".split()]
            texts = [AlignmentMap(TITLES[of], self.word_matrix(of)) for of in kinds]
            return draw_shaded(texts, text, Asked([], words), self.word_gold(), lines)
        if self.world.query_size:  # a text of each head or hop
            asked = Asked(spelt(self._part("query"), self.world.source_names), words)
            return draw_shaded(
                [each for of in kinds for each in self._texts(of)], self.source, asked, self.gold(), lines
            )
        if isinstance(self.world, PicturePassage):
            lights = [AlignmentMap(TITLES[of], self.matrix(of)) for of in kinds]
            picture, boxes = self.world.plain_picture(0), [self.world.boxes_of(0, place) for place in range(len(words))]
            return draw_lit(lights, picture, words, boxes, self.world.most_written if room else None)
        columns, maps = self.world.source_strip(0), []
        strip = None if columns is None else Strip(columns, self.world.seconds)
        for of in kinds:
            amounts = self.matrix(of)
            elsewhere = 1 - amounts.sum(1) if of == "weights" and self._points else None
            maps.append(AlignmentMap(TITLES[of], amounts, elsewhere=elsewhere))
        return draw_alignment(maps, self.source, words, self.gold(), room, self.world.source_picture(0), strip)

    def _texts(self, of: Of) -> list[AlignmentMap]:
        every = self.matrices(of)
        if of == "weights" and not every.shape[1]:  # nothing was written, but pictures are to be of one size
            with undisturbed(self.view), torch.no_grad():
                first = weights_by_head(self.view, tree.stack(self.observations[:1]))
            assert first is not None
            every = every.repeat(first.shape[2], 0)
        numbers = [f"{number + 1} of {len(every)}: " for number in range(len(every))] if len(every) > 1 else [""]
        return [AlignmentMap(number + TITLES[of], each) for number, each in zip(numbers, every, strict=True)]
