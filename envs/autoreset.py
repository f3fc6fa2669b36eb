"""Gymnasium's three ways to begin the next episode, for a batch of worlds, in tensors."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode
from torch import Tensor

from ..tree import Tree
from .batch import BatchWorld, Ended, State
from .beginnings import any_of
from .info import Masked
from .later import Later
from .many_worlds import ManyWorlds, renew


class Final(NamedTuple):
    """How episodes ended that the same step has replaced by new ones.

    Attributes:
        observation: the last one of every world, (B, …); only that of the worlds that ended means anything.
        info: `info` at that time.
        ended: bool, (B,), which worlds ended.
    """

    observation: Later[Tree]
    info: Later[Masked]
    ended: Tensor


class Outcome(NamedTuple):
    """What a step of a vector environment returns, as tensors (B, …)."""

    observation: Tree
    reward: Tensor
    terminated: Tensor
    truncated: Tensor
    info: Later[Masked]
    final: Final | None


class Autoreset:
    """Steps a batch of worlds, and begins the next episode of each as the mode says.

    Args:
        world: the worlds, built.
        mode: "NextStep", "SameStep" or "Disabled".
        read: turns a step's actions into tensors.
        observe: what is seen of a state.
        info: `info` of a state, and of where its episodes have ended, bool (B,).
        tells_more: whether that is more than annotations and score.

    Attributes:
        keep_ended_state: whether to keep `ended_state`.
        ended_state: with "SameStep", the true states that the latest episodes ended in, (B, n).
    """

    def __init__(
        self,
        world: BatchWorld,
        mode: AutoresetMode,
        read: Callable[[Tree], Tree],
        observe: Callable[[State], Tree],
        info: Callable[[State, Tensor], Masked],
        tells_more: bool,
    ):
        self.world, self.mode, self.read, self.observe, self.info = world, mode, read, observe, info
        self.tells_more = tells_more
        self.keep_ended_state, self.ended_state = False, torch.zeros(0, dtype=torch.float32)
        self._ended = Ended.ALL
        self._many_worlds: ManyWorlds | None = None

    def reset(self, mask: Tensor | None, keys: Tensor | None) -> None:
        """Begin new episodes; the arguments are those of `BatchWorld.reset`."""
        self.world.reset(mask, keys)
        self._ended = Ended.NONE if mask is None else Ended.UNKNOWN

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Go on from a state of the worlds."""
        self.world.load_state_dict(saved)
        self._ended = Ended.UNKNOWN

    def step(self, actions: Tree) -> Outcome:
        """Step all worlds.

        Raises:
            ResetNeeded: nothing has begun, or worlds are over and are not reset by this mode.
        """
        world, mode = self.world, self.mode
        if not world.begun:
            raise ResetNeeded("no episode has begun: call reset() before step().")
        if mode is AutoresetMode.DISABLED and self._ended is not Ended.NONE and bool(world.over.any()):
            raise ResetNeeded(
                f"worlds {world.over.nonzero()[:, 0].tolist()} are over: reset them with options['reset_mask']."
            )
        action = self.read(actions)  # checked in the step that only resets, too: what is wrong is never accepted
        together = self._many_worlds_now() if mode is AutoresetMode.SAME_STEP else None
        if together is not None:
            return self._step_together(together, action)
        if mode is AutoresetMode.NEXT_STEP and self._ended is Ended.ALL:
            return self._reset_all()
        waiting = world.over if mode is AutoresetMode.NEXT_STEP and self._ended is Ended.UNKNOWN else None
        reward, terminated, truncated = world.step(action)
        if waiting is not None:  # for these this step is their reset
            world.reset(waiting)
            reward = reward.masked_fill(waiting.view(-1, *(1 for _ in world.reward_shape)), 0.0)
            terminated, truncated = terminated & ~waiting, truncated & ~waiting
        self._ended = world.ended()
        final = self._final() if mode is AutoresetMode.SAME_STEP and self._ended is not Ended.NONE else None
        return Outcome(self.observe(world.state), reward, terminated, truncated, self._later_info(), final)

    def _many_worlds_now(self) -> ManyWorlds | None:
        """The worlds together, where they can be played so and nobody wants to know more of them."""
        if self.tells_more or self.keep_ended_state or self.world.device.type != "cpu":  # which would be waited for
            return None
        if self._many_worlds is not None and self._many_worlds.valid():
            return self._many_worlds
        self._many_worlds = None if any_of(self.world.over) else self.world.many_worlds()
        return self._many_worlds

    def _step_together(self, together: ManyWorlds, action: Tree) -> Outcome:
        """As `step`, mode "SameStep"."""
        world = self.world
        reward, terminated, truncated = together.step(action)
        final = self._final(together) if together.over else None
        now = together if together.valid() else self._many_worlds_now()  # all of them may have begun anew
        observation = self.observe(world.state) if now is None else now.observe()
        return Outcome(observation, reward, terminated, truncated, self._later_info(), final)

    def _reset_all(self) -> Outcome:
        """The step of mode "NextStep" that is the reset of all worlds; its actions are ignored."""
        world = self.world
        self.reset(None, None)
        zero = torch.zeros(world.num_worlds, *world.reward_shape, device=world.device, dtype=torch.float32)
        no = torch.zeros_like(world.over)
        return Outcome(self.observe(world.state), zero, no, no.clone(), self._later_info(), None)

    def _later_info(self) -> Later[Masked]:
        """`info` of the present, for whoever will ask for it."""
        state, over = self.world.state, self.world.over
        return self.world.waiting.add(Later(lambda: self.info(state, over)))

    def _final(self, together: ManyWorlds | None = None) -> Final:
        """How the episodes ended that are over, each of which is followed by a new one."""
        world, ended = self.world, self.world.over
        if self.keep_ended_state:
            self.ended_state = world.true_state()
        told = self._later_info() if world.tells_episode else None  # which must be asked before there is another
        before = Later(together.reset(ended) if together else renew(world, ended, self._ended is Ended.ALL))
        told = told or world.waiting.add(Later(lambda: self.info(before(), ended)))
        self._ended = Ended.NONE
        return Final(world.waiting.add(Later(lambda: self.observe(before()))), told, ended)
