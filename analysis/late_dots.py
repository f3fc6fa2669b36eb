"""Reading a pen: does an i depend on its late dot? By derivatives, and by taking the dot away."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..envs.protocols import world_of
from ..envs.registry import make_worlds
from ..envs.sequence.pen import LETTERS
from ..envs.sequence.pen_reading import PenReading
from ..errors import FoveateError
from ..wrappers.saliency import view_of
from ..wrappers.saliency.transcripts import check_transcribes, transcribe, transcript_jacobian
from ..wrappers.saliency.undisturbed import undisturbed
from .comparison.statistics import Share, share_of

DOTTED, DOTLESS = (1 + LETTERS.index(letter) for letter in "il")


class LateDots(NamedTuple):
    """What became of each i in words that were read right, when its dot alone was taken away.

    Attributes:
        words: that were shown.
        right: share of them that were wholly read right.
        cases: i's in those.
        as_l: share of the cases in which the same word is read, but for an l instead of the i.
        as_i: share in which the same word is read.
        body: mean of |∂ ln p(i) / ∂ point| over the points of the i's bodies; NaN without a case, and so the others.
        dot: the same over those of their dots.
        elsewhere: the same over those of the words' other letters.
        above: share of the cases in which the dot's mean is greater than that of the other letters.
    """

    words: int
    right: float
    cases: int
    as_l: Share
    as_i: Share
    body: float
    dot: float
    elsewhere: float
    above: Share


def late_dots(policy: object, env_id: str, arguments: Mapping[str, object], words: int, seed: int) -> LateDots:
    """Show words, take the dot of one i at a time away, and count what is read then.

    With `confusable` an i without its dot is the very ink of an l: who reads it as an l is right, and who still reads
    an i didn't look at the dot, or guesses.

    Args:
        policy: one that transcribes, or a learner that has one.
        env_id: PenReading.
        arguments: of it, with answer="string".
        words: how many.
        seed: of the first.

    Raises:
        FoveateError: the world has no dots, or the policy doesn't transcribe.
    """
    view = check_transcribes(view_of(policy))
    env = make_worlds(env_id, words, str(view.device), dict(arguments))
    world = world_of(env)
    if not isinstance(world, PenReading) or world.answer != "string":
        raise FoveateError(f'late dots need Sequence/PenReading-v0 with answer="string", not {env_id}.')
    view.policy.check_plays(env.single_observation_space, env.single_action_space)
    env.reset(seed=seed)
    late, word, aligned = world.late_points(), world.state["targets"], world.state["aligned"]
    with undisturbed(view):
        read, slopes = transcript_jacobian(view, view.prepare(world.observe(world.state)))
        right = read.reads(word)
        cases, outcomes, means = 0, np.zeros(2, int), []
        for place in range(word.shape[1]):
            chosen = (word[:, place] == DOTTED) & right
            rows = chosen.nonzero()[:, 0]
            if not len(rows):
                continue
            of, dot = aligned[rows, place], late[rows] & aligned[rows, place]  # (n, S)
            there = aligned[rows].any(1)
            some = slopes[rows, place, : of.shape[1]]
            means.append(torch.stack([_mean(some, part) for part in (of & ~dot, dot, there & ~of)], 1))
            gone = torch.zeros_like(late)
            gone[rows] = dot
            seen = view.prepare(world.without(gone))
            again = transcribe(view, {name: value[rows] for name, value in seen.items()})
            twin = word[rows].clone()
            twin[:, place] = DOTLESS
            cases += len(rows)
            outcomes += [int(again.reads(text).sum()) for text in (twin, word[rows])]
    points = torch.cat(means).numpy(force=True) if means else np.zeros((0, 3))
    body, dots, elsewhere = points.mean(0).tolist() if cases else [float("nan")] * 3
    above = share_of(int((points[:, 1] > points[:, 2]).sum()), cases)
    as_l, as_i = (share_of(int(count), cases) for count in outcomes)
    return LateDots(words, float(right.double().mean()), cases, as_l, as_i, body, dots, elsewhere, above)


def _mean(amounts: Tensor, points: Tensor) -> Tensor:
    """The mean of the amounts (n, S) of some points, (n,); 0 where there are none."""
    return (amounts * points).sum(1) / points.sum(1).clamp(min=1)
