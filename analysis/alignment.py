"""Does an alignment agree with the gold one? Its figures, over many episodes in which the right text is written."""

from collections.abc import Mapping
from typing import NamedTuple

import gymnasium as gym
import numpy as np
import torch

from .. import tree
from ..envs.protocols import world_of
from ..envs.registry import make_worlds
from ..envs.sequence.passage import Passage
from ..errors import FoveateError
from ..tree import Tree
from ..wrappers import judging
from ..wrappers.alignment import explicit_alignment, implicit_alignment, on_items, weights_by_word
from ..wrappers.saliency import view_of
from ..wrappers.saliency.policy_views import OwnView
from ..wrappers.saliency.transcripts import check_transcribes, transcript_jacobian
from ..wrappers.saliency.undisturbed import undisturbed
from .saliency_scores import mean


class Agreement(NamedTuple):
    """How well an alignment agrees with the gold one.

    Attributes:
        pointing: share of the writings whose greatest amount is on a gold item.
        mass: mean share of all amounts that is on gold items.
        auc: mean area under the ROC curve over the items of the source.
        entropy: mean entropy of the amounts, in bits.
        opening: mean share of all amounts on the items before the first that decides any writing: a pause, say.
        writings: how many were judged; those that no item decides, as the end, are none of them.
    """

    pointing: float
    mass: float
    auc: float
    entropy: float
    opening: float
    writings: int


def agreement(
    policy: object, env_id: str, arguments: Mapping[str, object], episodes: int, seed: int
) -> dict[str, Agreement]:
    """The agreement of a policy's alignments, by what they are of: "weights" (where it attends), "jacobian", "uniform".

    Where a policy takes as many steps for each item as it wants, "ponder" is of these, the same for all
    writings.
    Where a policy weighs the words of a sentence, too, and the world knows which decide, the same by word, as "weights
    by word" and so on. The right text is written, whatever the policy would write: so every writing has a gold
    alignment.

    Args:
        policy: a policy of ours, or a learner that has one.
        env_id: a Sequence world.
        arguments: of it.
        episodes: how many.
        seed: of the first.

    Raises:
        FoveateError: the world, or the policy, has no alignment.
    """
    view = view_of(policy)
    env = make_worlds(env_id, episodes, str(view.device), dict(arguments))
    world = world_of(env)
    if not isinstance(world, Passage) or world.view == "glimpse" or not isinstance(view, OwnView):
        raise FoveateError(
            f'an alignment needs a policy of foveate in a Sequence world as "whole" or "stream", not {env_id}.'
        )
    if world.answer == "string":
        return _of_strings(env, world, check_transcribes(view), seed)
    view.policy.check_plays(env.single_observation_space, env.single_action_space)
    observations, moments, state = right_texts(env, world, view, seed)
    with undisturbed(view):
        explicit = explicit_alignment(view, observations)
        implicit = implicit_alignment(view, observations, range(len(moments)))
        by_word = weights_by_word(view, observations)
        ponder = view.records(observations).get("source_ponder")
    found = {} if explicit is None else {"weights": explicit}
    found |= {"jacobian": implicit, "uniform": torch.ones_like(implicit)}
    found |= {} if ponder is None else {"ponder": ponder.detach()}
    there = np.arange(state["aligned"].shape[-1]) < state["length"][:, None]  # (B, S)
    judged = {
        name: _judged(on_items(amounts, world), moments, state["aligned"], there) for name, amounts in found.items()
    }
    if by_word is None or "words" not in state:
        return judged
    with undisturbed(view):
        implicit = implicit_alignment(view, observations, range(len(moments)), by_word=True)
    found = {"weights": by_word, "jacobian": implicit, "uniform": torch.ones_like(implicit)}
    gold, there = state["words"].reshape(*state["aligned"].shape[:2], -1), (state["items"] != 0).reshape(len(there), -1)
    return judged | {
        f"{name} by word": _judged(amounts[..., : state["items"].shape[1], :].flatten(2), moments, gold, there)
        for name, amounts in found.items()
    }


def _of_strings(env: gym.vector.VectorEnv, world: Passage, view: OwnView, seed: int) -> dict[str, Agreement]:
    """`agreement` where a whole string is one action."""
    view.policy.check_plays(env.single_observation_space, env.single_action_space)
    env.reset(seed=seed)
    state = world.state
    with undisturbed(view):
        read, slopes = transcript_jacobian(view, view.prepare(world.observe(state)))
    slopes = slopes.transpose(0, 1)  # (L, B, S)
    place = torch.arange(len(slopes), device=slopes.device)[:, None]
    judged = read.reads(state["targets"]) & (place < state["due"] - 1)
    places = torch.where(judged, place, -1).numpy(force=True)
    gold, length = (state[name].numpy(force=True) for name in ("aligned", "length"))
    there = np.arange(gold.shape[-1]) < length[:, None]  # (B, S)
    found = {"jacobian": slopes, "uniform": torch.ones_like(slopes)}
    return {name: _judged(amounts, places, gold, there) for name, amounts in found.items()}


def right_texts(
    env: gym.vector.VectorEnv, world: Passage, view: OwnView, seed: int
) -> tuple[Tree, np.ndarray, dict[str, np.ndarray]]:
    """What is observed while the right texts are written: observations (T, B, …), which writing is when, int (T, B)
    (-1 for none), and the episodes' states.

    Args:
        env: an episode a world.
        world: of it.
        view: of the policy that observes.
        seed: of the first episode.
    """
    env.reset(seed=seed)
    state = {name: world.state[name].numpy(force=True) for name in ("aligned", "length")}
    words = world.aligned_words(world.state)
    if words is not None:
        state |= {"words": words.numpy(force=True), "items": world.state["items"].numpy(force=True)}
    rows, places = [], []
    over = torch.zeros(world.num_worlds, dtype=torch.bool, device=world.device)
    while not bool(over.all()):
        place, now = world.writing(world.state)
        rows.append(view.prepare(world.observe(world.state)))
        places.append(torch.where(now & ~over, place, -1))
        world.step(world.oracle())
        over = over | world.over
    return tree.stack(rows), torch.stack(places).numpy(force=True), state


def _judged(amounts: torch.Tensor, places: np.ndarray, gold: np.ndarray, there: np.ndarray) -> Agreement:
    """Amounts (T, B, S…) against the gold alignments, bool (B, L, S), of what is there, bool (B, S)."""
    every = amounts.numpy(force=True)
    opening = there & ~np.logical_or.accumulate(gold.any(1), axis=-1)  # (B, S)
    found: list[tuple[float, ...]] = []
    for moment, row in enumerate(places):
        for world in np.flatnonzero(row >= 0):
            real = there[world]
            right = gold[world, row[world], real][None]
            if right.any():
                some = every[moment, world, : len(real)]  # nothing was computed behind the longest source
                some = some[real[: len(some)]][None]
                before = np.nan_to_num(judging.mass_on(some, opening[world, real][None]))  # 0 where there is none
                figures = judging.pointing(some, right), judging.mass_on(some, right), judging.roc_auc(some, right)
                figures = (*figures, judging.entropy_bits(some), before)
                found.append(tuple(float(figure[0]) for figure in figures))
    pointing, mass, auc, entropy, before = (mean(column) for column in np.array(found).reshape(-1, 5).T)
    return Agreement(pointing, mass, auc, entropy, before, len(found))
