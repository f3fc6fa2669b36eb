"""Texts as a policy writes them by hand: samples of many at once, point by point, and where it looked meanwhile."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from .. import tree
from ..agents.learning.actor import Actor, Observer, Transition, play
from ..agents.learning.environments import environments_of
from ..agents.learning.time_step import TimeStep
from ..agents.nn.attention.window import WindowItems
from ..agents.policies.modes import at_play
from ..agents.policies.outputs import PolicyOutput
from ..envs.actions import as_box
from ..envs.protocols import world_of
from ..envs.registry import make_worlds
from ..envs.sequence.handwriting import UNIT, Handwriting
from ..envs.sequence.pen_passage import DONE, LIFTED
from ..envs.sequence.render_ink import strokes
from ..errors import FoveateError
from ..tree import Tree
from ..wrappers.alignment import WRITE, explicit_alignment
from ..wrappers.saliency import view_of
from ..wrappers.saliency.policy_views import OwnView
from ..wrappers.saliency.undisturbed import undisturbed


class Line(NamedTuple):
    """A text and its ink.

    Attributes:
        text: letters from 1 on and spaces, int64 (S,).
        points: the pen's moves and what it did then, float32 (n, 3).
        letter: which letter of the text each point belongs to, or was written under the greatest weight on, int64 (n,);
            None where nobody knows.
    """

    text: np.ndarray
    points: np.ndarray
    letter: np.ndarray | None

    def places(self) -> np.ndarray:
        """Where the pen was, in heights of an x from where the line begins, float (n, 2)."""
        return self.points[:, :2].cumsum(0) * UNIT

    def strokes(self) -> list[np.ndarray]:
        """The lines that the pen drew, each (k, 2), in heights of an x."""
        return strokes(self.points, UNIT)


class Lines(NamedTuple):
    """Texts as a policy wrote them, and the ink that was due, in the world's own hands; its letters are the truth."""

    written: list[Line]
    due: list[Line]


class _Notes(Observer):
    """What was observed and done, until all first episodes are over."""

    def __init__(self) -> None:
        self.observations: list[Tree] = []
        self.actions: list[Tensor] = []

    def on_step(self, transition: Transition) -> None:
        self.observations.append(transition.before.observation)
        action = transition.output.action
        self.actions.append(action[WRITE] if isinstance(action, dict) else action)


class _Scribe(Actor):
    """Lifts the pen where a policy says that all is written before its window has come to the last letter.

    In Graves 2013, section 5.1, the window alone ends a text. Here a policy says so by itself, and says it too early in
    texts that are longer than those it learned from.

    Attributes:
        last: the last letter of each text, int64 (B,); None heeds every end.
    """

    last: Tensor | None = None

    def choose(self, now: TimeStep) -> PolicyOutput:
        output = super().choose(now)
        if self.last is None:
            return output
        letter = output.records["source_weights"].mean(1).argmax(-1)  # (B, heads, S) -> (B,)
        action = output.action.clone()  # (B, 3): who reads through a window sees the whole text, and only writes
        action[(action[:, 2].round() == DONE) & (letter < self.last), 2] = LIFTED
        return output._replace(action=action)


def write_lines(
    policy: object,
    env_id: str,
    arguments: Mapping[str, object],
    count: int,
    seed: int,
    bias: float = 0.0,
    deterministic: bool = False,
    to_the_end: bool = False,
) -> Lines:
    """Let a policy write.

    Args:
        policy: a policy of ours, or a learner that has one.
        env_id: Handwriting.
        arguments: of it.
        count: of texts.
        seed: of the texts and of the samples.
        bias: how far samples are drawn towards what is likely (Graves 2013, section 5.4).
        deterministic: write the likeliest points instead.
        to_the_end: heed no end before a window that moves along the text has come to its last letter.

    Raises:
        FoveateError: another world, or another policy.
    """
    view = view_of(policy)
    env = make_worlds(env_id, count, str(view.device), dict(arguments))
    world = world_of(env)
    if not isinstance(world, Handwriting) or not isinstance(view, OwnView):
        raise FoveateError(f"writing by hand needs a policy of foveate in Sequence/Handwriting-v0, not in {env_id}.")
    actor = _Scribe(view.policy, environments_of(env, view.device), deterministic)
    actor.bias, actor.log_probs = bias, False
    notes = _Notes()
    with torch.random.fork_rng([view.device] if view.device.type == "cuda" else []), at_play(view.policy):
        torch.manual_seed(seed)
        actor.reset(seed)
        before = {name: value.clone() for name, value in world.state.items()}
        if to_the_end and isinstance(getattr(view.policy.core, "attention", None), WindowItems):
            actor.last, actor.records = before["length"] - 1, True
        play(actor, episodes=1, observers=[notes])
    begin = (
        before["length"] + 1 if world.view == "stream" else 0 * before["length"] + world.looks - 1
    )  # the first point
    window = _window(view, tree.stack(notes.observations)) if world.view == "whole" else None
    space = env.single_action_space
    space = space[WRITE] if isinstance(space, spaces.Dict) else space
    assert isinstance(space, spaces.Box)
    points = torch.stack(notes.actions, 1).numpy(force=True)  # (B, T, 3)
    env.close()
    lines = Lines([], [])
    for i in range(count):
        first, length, due = (int(each[i]) for each in (begin, before["length"], before["due"]))
        text = before["items"][i, :length].numpy(force=True)
        own = as_box(space, points[i, first :: world.looks][: world.most_written])
        own[:, 2] = own[:, 2].round()
        ends = np.flatnonzero(own[:, 2] == DONE)
        own = own[: ends[0] + 1] if len(ends) else own
        lines.written.append(Line(text, own, None if window is None else window[i, : len(own)]))
        gold = before["aligned"][i, :due].int().argmax(-1)
        lines.due.append(Line(text, before["targets"][i, :due].numpy(force=True), gold.numpy(force=True)))
    return lines


def _window(view: OwnView, observations: Tree) -> np.ndarray | None:
    """The letter of the greatest weight at each moment, int64 (B, T); None if they are no window that moves."""
    with undisturbed(view), torch.no_grad():
        weights = explicit_alignment(view, observations)  # (T, B, S)
    if weights is None or not bool((weights != weights[:1]).any()):
        return None  # what is read is the same at all moments: no window moves
    return weights.argmax(-1).T.numpy(force=True)
