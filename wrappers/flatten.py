"""Flat actions: a Dict of parts as MultiDiscrete or Box, so that stock Stable-Baselines3 algorithms train on it."""

import math
from typing import Literal

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space

from .. import tree
from ..envs.protocols import Info
from ..envs.spaces import counts, kind_of
from ..errors import FoveateError, check_choice, check_range
from ..tree import Tree

To = Literal["auto", "multidiscrete", "box", "discrete"]
MOST = 10_000  # actions of one Discrete space


class ActionFlattener:
    """Between a Dict of Discrete, MultiDiscrete, MultiBinary and Box parts and one flat space.

    Args:
        space: the Dict; with to="discrete" also MultiDiscrete or MultiBinary.
        to: "multidiscrete" cuts each dimension of a Box into `bins` values; "box" takes a Discrete part as one score
            a value, of which the largest counts; "discrete" numbers all combinations, for algorithms that want one
            Discrete action (DQN); "auto" is "box" if all parts are Boxes, else "multidiscrete".
        bins: values of each dimension of a Box in "multidiscrete", from its lowest to its highest.
    """

    def __init__(self, space: spaces.Space, to: To = "auto", bins: int = 9):
        check_choice("to", to, ["auto", "multidiscrete", "box", "discrete"])
        bins = check_range("bins", bins, 2, MOST)
        self.bare = to == "discrete" and isinstance(space, (spaces.MultiDiscrete, spaces.MultiBinary))
        if not isinstance(space, spaces.Dict) and not self.bare:
            raise FoveateError(f"only Dict actions are flattened, got {space}.")
        self.parts = dict(space.spaces) if isinstance(space, spaces.Dict) else {"action": space}
        for name, part in self.parts.items():
            if isinstance(part, spaces.Box):
                if not (np.isfinite(part.low).all() and np.isfinite(part.high).all()):
                    raise FoveateError(f"action part {name!r} needs finite bounds to be flattened, got {part}.")
            elif kind_of(part, f"action part {name!r}").counts(part) is None:
                raise FoveateError(f"action part {name!r} of type {type(part).__name__} can't be flattened.")
        if to == "auto":
            to = "box" if all(isinstance(part, spaces.Box) for part in self.parts.values()) else "multidiscrete"
        self.to, self.bins = to, bins
        self.sizes = {name: self._values(part) for name, part in self.parts.items()}
        self.space = self._flat_space()

    def _values(self, part: spaces.Space) -> list[int]:
        """How many values each flat dimension of a part has."""
        counted = counts(part)
        return counted if counted is not None else [self.bins] * math.prod(part.shape or ())

    def _flat_space(self) -> spaces.Space:
        every = [n for sizes in self.sizes.values() for n in sizes]
        if self.to == "discrete":
            count = math.prod(every)
            if count > MOST:
                raise FoveateError(f"the action has {count:,} combinations, more than {MOST:,} for one Discrete space.")
            return spaces.Discrete(count)
        if self.to == "multidiscrete":
            return spaces.MultiDiscrete(every)
        low, high = [], []
        for name, part in self.parts.items():
            if isinstance(part, spaces.Box):
                low.append(part.low.ravel())
                high.append(part.high.ravel())
            else:
                low.append(-np.ones(sum(self.sizes[name])))
                high.append(np.ones(sum(self.sizes[name])))
        return spaces.Box(np.concatenate(low).astype(np.float32), np.concatenate(high).astype(np.float32))

    def unflatten(self, flat: np.ndarray) -> Tree:
        """Flat actions, (B, n) or with to="discrete" (B,), as a dict of parts (B, …)."""
        action, begin = {}, 0
        if self.to == "discrete":  # the digits of the number, the last part's the fastest
            every = [n for sizes in self.sizes.values() for n in sizes]
            flat = np.stack(np.unravel_index(np.asarray(flat), every), 1)
        for name, part in self.parts.items():
            as_is = self.to == "box" and isinstance(part, spaces.Box)
            width = math.prod(part.shape or ()) if as_is or self.to != "box" else sum(self.sizes[name])
            action[name] = self._part(part, self.sizes[name], np.asarray(flat)[:, begin : begin + width])
            begin += width
        return action["action"] if self.bare else action

    def unflatten_one(self, flat: np.ndarray) -> Tree:
        """One flat action as a dict of parts."""
        return tree.index(self.unflatten(np.asarray(flat)[None]), 0)

    def _part(self, part: spaces.Space, sizes: list[int], flat: np.ndarray) -> np.ndarray:
        shape = (len(flat), *(part.shape or ()))
        if isinstance(part, spaces.Box):
            if self.to != "box":
                share = flat.reshape(shape) / (self.bins - 1)
                flat = part.low + share * (part.high - part.low)
            return flat.reshape(shape).astype(part.dtype)
        if self.to == "box":  # the largest score of each dimension
            cuts = np.cumsum(sizes)[:-1]
            flat = np.stack([scores.argmax(1) for scores in np.split(flat, cuts, axis=1)], 1)
        start = part.start if isinstance(part, (spaces.Discrete, spaces.MultiDiscrete)) else 0
        return (flat.reshape(shape) + start).astype(part.dtype)


class FlattenAction(gym.ActionWrapper, gym.utils.RecordConstructorArgs):
    """A single environment with its Dict action flattened; see `ActionFlattener` for the arguments."""

    def __init__(self, env: gym.Env, to: To = "auto", bins: int = 9):
        gym.utils.RecordConstructorArgs.__init__(self, to=to, bins=bins)
        gym.ActionWrapper.__init__(self, env)
        self.flattener = ActionFlattener(env.action_space, to, bins)
        self.action_space = self.flattener.space

    def action(self, action: np.ndarray) -> Tree:
        return self.flattener.unflatten_one(action)


class FlattenVectorAction(VectorWrapper):
    """A vector environment with its Dict action flattened; see `ActionFlattener` for the arguments."""

    def __init__(self, env: VectorEnv, to: To = "auto", bins: int = 9):
        super().__init__(env)
        self.flattener = ActionFlattener(env.single_action_space, to, bins)
        self.single_action_space = self.flattener.space
        self.action_space = batch_space(self.single_action_space, env.num_envs)

    def step(self, actions: np.ndarray) -> tuple[Tree, np.ndarray, np.ndarray, np.ndarray, Info]:
        return self.env.step(self.flattener.unflatten(np.asarray(actions)))
