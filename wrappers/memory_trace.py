"""What a recurrent policy with an external memory does: where it writes and reads, moment by moment."""

from pathlib import Path
from typing import SupportsFloat

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded

from .. import tree
from ..envs.batch import BatchWorld
from ..envs.memory.script import SequenceWorld
from ..envs.protocols import Info, world_of
from ..errors import FoveateError
from ..tree import Tree
from ..viz.pictures import fitted, write_picture
from ..viz.traces import draw_trace, tallest
from .instrument import Instrument
from .saliency.follower import Follower
from .saliency.pictures import names_of_actions
from .saliency.policy_views import view_of
from .saliency.sequential import memory_jacobian
from .saliency.targets import choose_targets
from .saliency.undisturbed import undisturbed
from .saliency.views import Outputs


class MemoryTrace(Instrument, gym.utils.RecordConstructorArgs):
    """Keeps what a policy's memory does during an episode, and draws it.

    The wrapper runs the policy on what it is shown, beside whoever acts: actions, states and random numbers of the
    episode are as without it.

    Args:
        env: a single environment.
        policy: a policy, or a learner that has one, whose core names what it attends to (ntm, dnc, transformer).
        width: pixels of the picture's width.
        of: also trace what this output ("logits", "value", … see `Saliency`) owes to each row of the memory, beside
            the read weights; None leaves it out.

    Raises:
        FoveateError: the policy's core attends to nothing (at the first step).
    """

    def __init__(self, env: gym.Env, policy: object, width: int = 900, of: str | None = None):
        # the policy itself, no copy: who rebuilds the instrument wants to look into the same one
        gym.utils.RecordConstructorArgs.__init__(self, _disable_deepcopy=True, policy=policy, width=width, of=of)
        Instrument.__init__(self, env)
        self._follower = Follower(view_of(policy))
        view = self._follower.view
        self._target = None if of is None else choose_targets(view, [of], names_of_actions(env))[0]
        self.width = width - width % 2
        self._rows: list[dict[str, np.ndarray]] = []
        self._now: dict[str, np.ndarray] = {}  # the row to come, without its action
        self._actions = np.zeros_like(_vector(env.action_space.sample()))  # what stands for it

    def __getstate__(self) -> dict[str, object]:
        """For pickle: a target is a function, so only its name goes along."""
        return {**vars(self), "_target": None if self._target is None else self._target.name}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state)
        if state["_target"] is not None:
            names = [str(state["_target"])]
            self._target = choose_targets(self._follower.view, names, names_of_actions(self.env))[0]

    @property
    def render_mode(self) -> str | None:
        """Always "rgb_array": the pictures are the wrapper's own."""
        return "rgb_array"

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Tree, Info]:
        """Begin an episode, and forget the trace of the one before."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._rows = []
        self._now = self._row(observation, self._follower.begin(observation), info)
        return observation, info

    def step(self, action: Tree) -> tuple[Tree, SupportsFloat, bool, bool, Info]:
        """Step the environment, and keep what the policy's memory did at the moment before."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._rows.append({**self._now, "actions": _vector(action)})
        if not (terminated or truncated):
            self._now = self._row(observation, self._follower.go_on(observation), info)
        return observation, reward, terminated, truncated, info

    def _row(self, observation: Tree, outputs: Outputs, info: Info) -> dict[str, np.ndarray]:
        """What is traced of the present moment."""
        view, inputs = self._follower.view, self._follower.inputs
        records = dict(outputs.records)
        if self._target is not None and inputs is not None:
            with undisturbed(view):
                records["memory_jacobian"] = memory_jacobian(view, inputs, self._target)
        if "read_weights" not in records:
            raise FoveateError("this policy's core attends to nothing: MemoryTrace needs a core such as ntm or dnc.")
        target = info.get("target")
        return {
            **{name: value[0].numpy(force=True) for name, value in records.items()},
            "inputs": _vector(observation),
            "outputs": _vector(tree.to_numpy(tree.index(outputs.parameters, 0))),
            "targets": np.full(1, np.nan) if target is None else _vector(target),
            "due": np.array(bool(info.get("target_mask", True))),  # without a target all outputs count
        }

    def trace(self) -> dict[str, np.ndarray]:
        """The episode so far: each name's arrays, one behind the other, (T, …).

        `inputs`, `outputs` (logits), `actions`, `targets`, `due`, and what the core names: `read_weights` (T, R, N),
        `write_weights` (T, H, N), `memory` (T, N, W), gates, for a DNC `usage` (T, N), `read_modes` (T, R, 3; backward,
        content, forward), `read_keys` (T, R, W), `read_strengths` (T, R), `read_masks` (T, R, W) where keys are masked,
        and with `of` `memory_jacobian` (T, N).

        Raises:
            FoveateError: nothing was traced yet.
        """
        if not self._rows:
            raise FoveateError("nothing was traced: play some steps first.")
        return {name: np.stack([row[name] for row in self._rows]) for name in self._rows[0]}

    def render(self) -> np.ndarray:
        """The trace so far as a picture, uint8 (H, W, 3); before the first step, of the moment to come.

        All pictures are of one size, however much of the memory is used, so that anybody's recorder can film them.
        """
        if not self._now:
            raise ResetNeeded("no episode has begun: call reset() before render().")
        if self._rows:
            trace = self.trace()
        else:
            trace = {name: value[None] for name, value in {**self._now, "actions": self._actions}.items()}
        return fitted(draw_trace(trace, self.width, self._span()), tallest(trace), self.width)

    def _span(self) -> int:
        """How many moments the axis of time has room for: the episode's, or where nobody knows them, 32, 64, 128, …"""
        world = world_of(self.env)
        if isinstance(world, SequenceWorld):
            return int(world.state["length"][0])
        if isinstance(world, BatchWorld) and world.episode_length is not None:
            return world.episode_length
        return max(32, 1 << (len(self._rows) - 1).bit_length()) if self._rows else 32

    def save(self, path: str | Path) -> None:
        """Write the picture of the episode so far as a PNG, over the whole width."""
        write_picture(path, draw_trace(self.trace(), self.width) if self._rows else self.render())


def _vector(value: Tree) -> np.ndarray:
    """All numbers of a tree, float64 (n,)."""
    return np.concatenate([np.asarray(leaf, dtype=np.float64).reshape(-1) for leaf in tree.leaves(value)])
