"""The one base of every environment: B worlds as tensors on one device.

A subclass states the rules as functions of a state, a dict of tensors (B, …), and never handles reset
masks, autoreset, seeds or numpy: the two classes in `gym_env.py` are derived from it.
"""

import abc
import enum
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from .. import tree
from ..errors import FoveateError, check_range
from ..tree import Tree, outside_inference
from .allocation import check_allocation, numbers_in
from .beginnings import Beginnings, any_of
from .counter_rng import CounterRNG
from .later import Waiting
from .scale import ScoreScale

if TYPE_CHECKING:
    from .many_worlds import ManyWorlds
    from .solo import Solo

State = dict[str, Tensor]
Tensors = Tensor | dict[str, Tensor]


class Ended(enum.Enum):
    """Which worlds ended their episodes at the last step."""

    ALL = enum.auto()
    NONE = enum.auto()
    UNKNOWN = enum.auto()  # the tensor `over` says; it may lie on a device that one would have to wait for


class BatchWorld(abc.ABC):
    """B independent copies of one task, advanced together.

    The constructor takes the task's arguments only (keyword arguments with types and defaults: they become
    command-line options) and sets `observation_space` and `action_space`, the spaces of one world.

    Attributes:
        scale: the certified returns at default arguments, or None.
        several_agents: whether each world has several agents (see `foveate.envs.multi.MultiWorld`).
        tells_episode: whether `annotate` speaks of the episode's seed and number, which are no part of the state.
        derived: names of state entries that `derive` recomputes from the others; they are not saved.
        reward_shape: of one world's reward; (A,) where A agents get one each.
        episode_length: the number of steps of every episode where it is fixed, else None. With it a batch
            whose clocks agree knows on the host when episodes end, which spares a device synchronisation.
        max_episode_steps: steps after which an episode is truncated, or None.
        ahead: of how many episodes the beginnings are made at once where worlds are few and on a CPU.
        render_fps: frames a second of a video of this world.
        target_part: of a Dict action, the part that a bare `info["target"]` describes; None where the target says so
            itself (a dict by part) or the action has no parts.
        score_name: what `score` counts, for tables.
        lower_is_better: whether a lower score is better.
        data_source: which data it has, and their licence, where it has any that it didn't make itself.
        episode: int64, (B,), episodes since the seed was set.
        over: bool, (B,), whether the episode has ended and the world waits for its reset.
        begun: whether there has been a reset, so that there is a state.
        beginnings: the states in which episodes begin.
        waiting: what is yet to be read from states, which the reset of some worlds writes into.
        state: the worlds' state; the base keeps one entry of it, `clock`: int64, (B,), actions made so far.
    """

    scale: ClassVar[ScoreScale | None] = None
    several_agents: ClassVar[bool] = False
    tells_episode: ClassVar[bool] = False
    derived: ClassVar[frozenset[str]] = frozenset()
    ahead: ClassVar[int] = 1
    render_fps: ClassVar[int] = 4
    target_part: ClassVar[str | None] = None
    score_name: ClassVar[str] = "score"
    lower_is_better: ClassVar[bool] = False
    data_source: str = ""
    reward_shape: tuple[int, ...] = ()
    episode_length: int | None = None
    max_episode_steps: int | None = None
    observation_space: spaces.Space
    action_space: spaces.Space

    # ---- the rules: pure functions that a subclass writes ----

    @abc.abstractmethod
    def start(self, rng: CounterRNG) -> State:
        """The states of ``len(rng)`` worlds at the beginning of their episodes."""

    def derive(self, state: State) -> State:
        """The entries named in `derived`, from the others."""
        return {}

    @abc.abstractmethod
    def advance(self, state: State, action: Tree, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        """The states after an action, the rewards float32 (B, *reward_shape) and which episodes terminate, bool (B,).

        Must not write into the tensors of `state`: build new ones.
        """

    @abc.abstractmethod
    def observe(self, state: State) -> Tree:
        """What the agent sees, as fresh tensors (B, …) that share no memory with `state`."""

    def annotate(self, state: State) -> dict[str, Tensor]:
        """What `info` says of the action to come, as fresh tensors (B, …).

        `target`, the right action or one of them, and `target_mask`, where one is due; where several are right also
        `target_set`, bool (B, …, N), which of the N values of each number are. Others are a world's own.
        """
        return {}

    def frame(self, index: int) -> np.ndarray:
        """A picture of world `index`, uint8 (H, W, 3).

        Raises:
            FoveateError: the world has no picture.
        """
        raise FoveateError(f"{type(self).__name__} can't be drawn.")

    # ---- the policies behind the score scale ----

    def oracle(self) -> Tree:
        """The actions of a policy that may look at the state, (B, …)."""
        raise NotImplementedError

    def blind(self) -> Tree:
        """The actions of the best policy that ignores its observations, (B, …)."""
        raise NotImplementedError

    def memoryless(self) -> Tree:
        """The actions of the best policy that sees the present observation only, (B, …)."""
        raise NotImplementedError

    # ---- the engine ----

    def footprint(self) -> int:
        """About how many numbers one world holds; where sizes of the state multiply a subclass adds them."""
        return numbers_in(self.observation_space) + numbers_in(self.action_space)

    @outside_inference
    def build(self, num_worlds: int, device: torch.device | str = "cpu", keep_trail: bool = False) -> None:
        """Set the number of worlds and their device; called once by the environment.

        Args:
            num_worlds: B.
            device: where all tensors live.
            keep_trail: whether the state also holds what only a picture of the episode needs.

        Raises:
            FoveateError: B is below 1, or so many worlds would take more memory than there is.
        """
        self.num_worlds = check_range("num_envs", num_worlds, 1)
        self.device = torch.device(device)
        check_allocation(
            f"num_envs={num_worlds} worlds {type(self).__name__}", num_worlds * self.footprint(), self.device
        )
        self.keep_trail = keep_trail
        self.key = self.episode = torch.zeros(num_worlds, dtype=torch.int64, device=self.device)
        self.state: State = {"clock": torch.zeros_like(self.key)}
        self.over = torch.ones(num_worlds, dtype=torch.bool, device=self.device)
        self.begun, self.waiting = False, Waiting()
        self.beginnings = Beginnings(num_worlds, self.device, self.ahead, self._begin)
        self._agreed_clock: int | None = None  # the clock on the host, where all worlds share it
        self._taken: bool | None = True  # whether `next_states` took the present episodes: all, none, or not known
        self._lent = False  # whether others hold the tensors of `state`

    @outside_inference
    def reset(self, mask: Tensor | None = None, keys: Tensor | None = None) -> None:
        """Begin new episodes.

        Args:
            mask: bool, (B,), the worlds to reset; None resets all.
            keys: int64, (B,), new seeds for these worlds; None goes on to each seed's next episode.
        """
        if mask is not None and not self.begun:
            mask = None
        if mask is not None and mask.device.type == "cpu":
            count = np.count_nonzero(mask.numpy())  # much faster than any() and all()
            if count == 0:
                return  # as where a run goes on at the very beginning of its episodes: not every world can begin none
            mask = None if count == len(mask) else mask
        keys = tree.ordinary(keys)
        if mask is not None or self.tells_episode:  # what follows writes into what it would be read from
            self.waiting.settle()
        if mask is None:
            self.begun, self._taken, self._lent, self._agreed_clock = True, False, False, 0
            self.episode = torch.zeros_like(self.key) if keys is not None else self.episode + 1
            self.key = self.key if keys is None else keys.to(self.device)
            self.over = torch.zeros_like(self.over)
            self.state = self.beginnings.of_all(self.key, self.episode, keys is not None)
            return
        if self._lent:  # others hold the state that is written into
            self.state, self._lent = {name: value.clone() for name, value in self.state.items()}, False
        if keys is not None:
            self.key = torch.where(mask, keys.to(self.device), self.key)
        episode = self.episode + mask if keys is None else self.episode.masked_fill(mask, 0)
        self.count_reset(episode, self.over & ~mask)
        self.beginnings.put(self.state, mask, self.key, self.episode, keys is not None)

    def _begin(self, key: Tensor, episode: Tensor) -> State:
        clock = torch.zeros_like(key)
        state = self.start(CounterRNG(key, episode, clock))
        return {"clock": clock, **state, **self.derive(state)}

    @outside_inference
    def next_states(self, n: int) -> State:
        """The states in which the next n episodes begin; episode j is the next one of world j mod B.

        Those are the episodes that stepping would come to: an episode that has begun but in which nothing was done yet
        counts as the next. The worlds whose episodes were taken are over afterwards.

        Args:
            n: how many episodes.

        Raises:
            FoveateError: nothing was reset yet, or n is not a positive number.
        """
        check_range("n", n, 1)
        if not self.begun:
            raise FoveateError("no episode has begun: call reset() first.")
        rounds = [self._take(min(self.num_worlds, n - first)) for first in range(0, n, self.num_worlds)]
        if len(rounds) == 1:
            return rounds[0]
        return {name: torch.cat([states[name] for states in rounds]) for name in rounds[0]}

    def _take(self, count: int) -> State:
        """The next states of the first `count` worlds."""
        wanted = torch.arange(self.num_worlds, device=self.device) < count
        if self._taken is not False:
            everyone = self._taken and count == self.num_worlds
            self.reset(None if everyone else wanted & (self.over | (self.clock > 0)))
        self.over = self.over | wanted
        self._taken, self._lent, self._agreed_clock = True if count == self.num_worlds else None, True, None
        return {name: value[:count] for name, value in self.state.items()}

    @property
    def clock(self) -> Tensor:
        """int64, (B,): actions made since the episode began."""
        return self.state["clock"]

    @outside_inference
    def step(self, action: Tree) -> tuple[Tensor, Tensor, Tensor]:
        """Advance all worlds; rewards float32 (B, *reward_shape), terminated and truncated bool (B,)."""
        clock, action = self.clock + 1, tree.ordinary(action)
        state, reward, terminated = self.advance(self.state, action, CounterRNG(self.key, self.episode, clock))
        self.state = {**state, "clock": clock}
        most = self.max_episode_steps
        truncated = torch.zeros_like(terminated) if most is None else ~terminated & (self.clock >= most)
        self.over = terminated | truncated
        self.count_step()
        return reward, terminated, truncated

    def count_step(self) -> None:
        """Note that all worlds made a step."""
        self._taken = None
        if self._agreed_clock is not None:
            self._agreed_clock += 1

    def count_reset(self, episode: Tensor, over: Tensor) -> None:
        """Note that some worlds began episodes: their numbers, int64 (B,), and which worlds are over now."""
        self._agreed_clock = self._taken = None
        self.episode, self.over = episode, over

    def solo(self) -> "Solo | None":
        """The only world of this batch from its present state on, in NumPy; None where its rules are tensors' alone."""
        return None

    def many_worlds(self) -> "ManyWorlds | None":
        """The worlds from their present state on, stepped by kernels; None where their rules are tensors' alone."""
        return None

    def limit_episodes(self, steps: int) -> None:
        """Truncate episodes after so many steps, if they last longer; called before the worlds are built."""
        self.max_episode_steps = min(steps, self.max_episode_steps or steps)

    @property
    def fixed_length(self) -> int | None:
        """The number of steps of every episode, those that are cut short included; None where it isn't fixed."""
        if self.episode_length is None or self.max_episode_steps is None:
            return self.episode_length
        return min(self.episode_length, self.max_episode_steps)

    def ended(self) -> Ended:
        """Which episodes ended at the last step, as far as that is known without waiting for a device."""
        if self.fixed_length is not None and self._agreed_clock is not None:
            return Ended.ALL if self._agreed_clock >= self.fixed_length else Ended.NONE
        if self.device.type == "cpu" and not any_of(self.over):
            return Ended.NONE
        return Ended.UNKNOWN

    # ---- states in and out ----

    def true_state(self) -> Tensor:
        """Each world's state as one vector, float32 (B, n): what a memoryless agent would have to see."""
        kept = [value for name, value in self.state.items() if name not in self.derived and name != "trail"]
        return torch.cat([value.flatten(1).float() if value.ndim > 1 else value[:, None].float() for value in kept], 1)

    @outside_inference
    def state_dict(self) -> dict[str, Tensor]:
        """All that is needed to go on exactly from here, tensors by name."""
        kept = {f"state.{name}": value for name, value in self.state.items() if name not in self.derived}
        kept |= {"key": self.key, "episode": self.episode, "over": self.over}
        return {name: value.clone() for name, value in kept.items()}  # a later reset writes into the state

    @outside_inference
    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Go on from a saved state of as many worlds of the same task.

        Raises:
            FoveateError: it is of another number of worlds.
        """
        if "key" not in saved or len(saved["key"]) != self.num_worlds:
            held = len(saved["key"]) if "key" in saved else "no"
            raise FoveateError(f"the saved state holds {held} worlds, this batch holds {self.num_worlds}.")
        self.waiting.settle()
        saved = {name: value.to(self.device).clone() for name, value in saved.items()}
        state = {name.removeprefix("state."): value for name, value in saved.items() if name.startswith("state.")}
        self.begun = state.keys() != {"clock"}
        self.state = {**state, **self.derive(state)} if self.begun else state
        self._taken, self._lent = None, False
        self.key, self.episode, self.over = saved["key"], saved["episode"], saved["over"]
        clocks = self.clock.unique()
        self._agreed_clock = int(clocks[0]) if len(clocks) == 1 else None

    @outside_inference
    def replace(self, state: State) -> None:
        """Go on from another state of the same worlds (an intervention's); episodes may end at other times now."""
        self.state = tree.ordinary(state)
        self._agreed_clock = self._taken = None

    @outside_inference
    def get_state(self, index: int) -> dict[str, Tensor]:
        """A copy of the state of one world, to `set_state` it later, here or in another batch."""
        return {name: value[index].clone() for name, value in self.state_dict().items()}

    @outside_inference
    def set_state(self, index: int, saved: dict[str, Tensor]) -> None:
        """Put one world into a state that `get_state` returned."""
        if not self.begun:  # the other worlds need some state
            self.reset(keys=self.key)
        whole = self.state_dict()
        for name, value in saved.items():
            whole[name][index] = value.to(self.device)
        self.load_state_dict(whole)
