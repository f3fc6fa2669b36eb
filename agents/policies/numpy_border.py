"""Where a policy meets numpy: `predict`, as Stable-Baselines3 has it."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import ArrayLike

from ... import tree
from ...envs.actions import as_box
from ...tree import Tree
from ..nn.cores.base import State
from .modes import at_play

if TYPE_CHECKING:
    from .policy import Policy


def predict(
    policy: "Policy",
    observation: Tree,
    state: State | None = None,
    episode_start: ArrayLike | None = None,
    deterministic: bool = False,
    bias: float = 0.0,
) -> tuple[Tree, State]:
    """Actions in numpy for observations in numpy, as Stable-Baselines3's `predict`.

    Args:
        policy: who acts.
        observation: one observation, or a batch (B, …).
        state: what the last call returned; None begins.
        episode_start: bool, (B,), where an episode starts now; None means where `state` is None.
        deterministic: take the most likely action.
        bias: how far samples are drawn towards what is likely, from 0 on, by heads of mixtures (Graves 2013).

    Returns:
        The action, batched if the observation was, and the state for the next call.

    Raises:
        FoveateError: the observation is of another space than the policy's.
    """
    tensors, single = policy.read_any(observation)
    batch = len(tree.first(tensors))
    starts = torch.full((batch,), state is None, device=policy.device)
    if state is None:
        state = policy.initial_state(batch)
    if episode_start is not None:
        starts = torch.as_tensor(np.asarray(episode_start, dtype=bool).reshape(batch), device=policy.device)
    with at_play(policy):
        step = policy.step(tensors, state, starts, deterministic, bias=bias)
    action = _in_space(policy.action_space, tree.to_numpy(step.action))
    return (tree.index(action, 0) if single else action), step.state


class BatchedAction(dict):
    """Actions of a Dict space, arrays (B, …) by part; ``actions[i]`` is the action of world i.

    Stable-Baselines3's own VecEnvs hand ``actions[i]`` to their i-th environment.
    """

    def __getitem__(self, key: object) -> Tree:
        if isinstance(key, (int, np.integer)):
            return {name: value[key] for name, value in self.items()}
        return super().__getitem__(key)


def _in_space(space: spaces.Space, action: Tree) -> Tree:
    """A policy's numbers as the action space has them."""
    if isinstance(space, spaces.Dict):
        return BatchedAction({name: _in_space(part, action[name]) for name, part in space.spaces.items()})
    if isinstance(space, spaces.Box):
        return as_box(space, action)
    return action.astype(space.dtype)
