"""Worlds whose observations follow a script: what is shown doesn't depend on what the agent writes."""

import abc
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ...errors import check_choice
from ...tree import constant, outside_inference
from ..batch import BatchWorld, State, Tensors
from ..counter_rng import CounterRNG
from ..episodes import Episodes, Judged, summed, time_first
from ..many_worlds import ManyWorlds
from ..sizes import Splits
from ..solo import Solo
from . import render
from .script_many_worlds import many_scripts
from .script_solo import script_solo

REWARDS = ["dense", "whole"]
# what `info` says of a moment, by the script's name for it
_INFO = {"targets": "target", "mask": "target_mask", "target_set": "target_set", "optimum": "optimum"}
_FLAT = ("target", "target_set")  # of one number where the action is one


class Script(NamedTuple):
    """What n episodes show and ask, padded to T moments of D inputs and K outputs.

    Attributes:
        inputs: float32, (n, T, D).
        targets: int64, (n, T, K), what should be written; K = 1 for a `Discrete` action.
        mask: bool, (n, T), where something should be written.
        length: int64, (n,), moments of the episode.
        extra: more of the state, tensors (n, …) by name.
        target_set: bool, (n, T, K, N), which of the N values of each number are right, `targets` among them; None where
            `targets` are the only ones.
    """

    inputs: Tensor
    targets: Tensor
    mask: Tensor
    length: Tensor
    extra: dict[str, Tensor]
    target_set: Tensor | None = None


class AnswerWorld(BatchWorld):
    """Inputs are shown one moment at a time, and at some moments an answer is due.

    A subclass sets the spaces, and writes `script` and, where a source or a policy is not the plain one, `sources` and
    `memoryless`. If answers change neither what is shown nor what is due, it is a `SequenceWorld`.

    Attributes:
        splits: what each named split sets of the size arguments.
        most_steps: T, the moments of the longest episode.
        outputs: K, numbers written at a moment.
    """

    ahead = 16
    splits: ClassVar[Splits] = Splits()
    most_steps: int

    def set_spaces(
        self, inputs: int, action_space: spaces.Space, most_steps: int, low: float = 0.0, high: float = 1.0
    ) -> None:
        """Declare D inputs between bounds, what is written, and the moments of the longest episode.

        Args:
            inputs: D.
            action_space: of one world.
            most_steps: T, the moments of the longest episode.
            low: the least value of an input.
            high: the greatest.
        """
        self.observation_space = spaces.Box(low, high, (inputs,))
        self.action_space, self.most_steps = action_space, most_steps
        self.flat = isinstance(action_space, spaces.Discrete)
        self.outputs = 1 if self.flat else (action_space.shape or (1,))[0]
        least = getattr(action_space, "start", 0)  # of whole numbers that don't count from 0
        self.least = np.broadcast_to(np.asarray(least, dtype=np.int64), (self.outputs,)).tolist()

    def footprint(self) -> int:
        values = 1 + (self.observation_space.shape or (1,))[0] + 4 * self.outputs
        return super().footprint() + 3 * self.most_steps * values

    def set_reward(self, reward: str) -> None:
        """Choose between a reward for each right number ("dense") and one for a wholly right answer ("whole")."""
        check_choice("reward", reward, REWARDS)
        self.reward = reward

    # ---- what a subclass writes ----

    @abc.abstractmethod
    def script(self, rng: CounterRNG) -> Script:
        """The scripts of ``len(rng)`` episodes."""

    def sources(self, state: State) -> Tensor:
        """Which earlier moments hold what is due now, bool (B, T)."""
        source = self._now(state, "source")  # (B,), -1 where nothing is due
        return torch.arange(self.most_steps, device=self.device) == source[:, None]

    def rewrite(self, now: dict[str, np.ndarray], rows: np.ndarray, key: np.ndarray, episode: np.ndarray) -> bool:
        """Write the scripts of the present episodes of some worlds into arrays of their state, if that is quick.

        Args:
            now: the state's entries, on a CPU.
            rows: int64, which worlds.
            key: int64, (B,), the seeds of all.
            episode: int64, (B,), the numbers of their present episodes.

        Returns:
            Whether it was done; if not, the scripts of `script` are copied.
        """
        return False

    # ---- the rules ----

    def start(self, rng: CounterRNG) -> State:
        inputs, targets, mask, length, extra, target_set = self.script(rng)
        # contiguous, so that the rows of a moment can be looked up by one index
        rows = {"inputs": inputs.contiguous(), "targets": targets.contiguous(), "mask": mask.contiguous()}
        state = {**rows, "length": length, **extra}
        if target_set is not None:
            state["target_set"] = target_set.contiguous()
        state["due"] = mask.sum(1)  # moments with an answer
        state["right"] = torch.zeros_like(length)  # numbers written right
        state["wrong"] = torch.zeros_like(length)
        if self.keep_trail:
            state["written"] = torch.full_like(targets, -1)
        return state

    def _now(self, state: State, name: str) -> Tensor:
        """The present moment's entry of a part of the script, (B, …); of the last moment once it is over."""
        return _at(state[name], self._moment(state))

    def _moment(self, state: State) -> Tensor:
        """The rows of the present in a part of the script; a world that is over may be stepped once more."""
        return self._first_row + state["clock"].clamp(max=self.most_steps - 1)

    def build(self, num_worlds: int, device: torch.device | str = "cpu", keep_trail: bool = False) -> None:
        """As the base, and indices that every step needs."""
        super().build(num_worlds, device, keep_trail)
        self._every_world = torch.arange(num_worlds, device=self.device)
        self._first_row = torch.arange(num_worlds, device=self.device) * self.most_steps

    def solo(self) -> Solo | None:
        return script_solo(self)

    def many_worlds(self) -> ManyWorlds | None:
        return many_scripts(self)

    def numbers_right(self, action: Tensor, targets: Tensor, mask: Tensor, target_set: Tensor | None) -> Tensor:
        """How many of the numbers written are due and right, int64 (…,).

        Args:
            action: (…,) or (…, K).
            targets: (…, K).
            mask: bool, (…,), where they are due.
            target_set: bool, (…, K, N), all that is right; None where `targets` are.
        """
        written = action[..., None] if self.flat else action  # (…, K)
        if target_set is None:
            right = written == targets
        else:
            index = written - constant(tuple(self.least), written.device) if any(self.least) else written
            right = target_set.gather(-1, index[..., None])[..., 0]
        return (right.sum(-1) * mask).long()

    def advance(self, state: State, action: Tensor, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        now = self._moment(state)
        target_set = _at(state["target_set"], now) if "target_set" in state else None
        return self.answered(state, action, now, _at(state["targets"], now), target_set)

    def answered(
        self, state: State, action: Tensor, now: Tensor, targets: Tensor, target_set: Tensor | None
    ) -> tuple[State, Tensor, Tensor]:
        """What `advance` returns, where an answer is judged by these targets.

        Args:
            state: before the answer.
            action: the answer, (B,) or (B, K).
            now: the present's rows in parts of the script (see `_moment`).
            targets: what should be written, (B, K).
            target_set: bool, (B, K, N), all that is right; None where `targets` are.
        """
        due = _at(state["mask"], now)  # (B,)
        right = self.numbers_right(action, targets, due, target_set)  # (B,)
        wrong = due * self.outputs - right
        ended = state["clock"] + 1 >= state["length"]
        moved = {**state, "right": state["right"] + right, "wrong": state["wrong"] + wrong}
        if self.reward == "dense":
            reward = right.float() / (state["due"] * self.outputs)
        else:
            reward = (ended & (moved["wrong"] == 0)).float()
        if self.keep_trail:
            moved["written"] = state["written"].clone()
            moved["written"].flatten(0, 1)[now] = action[:, None] if self.flat else action
        return moved, reward, ended

    def shown(self, inputs: Tensor) -> Tensor:
        """What the agent sees of the script's inputs: (…, D) -> (…, D'), fresh."""
        return inputs

    def observe(self, state: State) -> Tensors:
        return self.shown(self._now(state, "inputs"))

    def annotate(self, state: State) -> dict[str, Tensor]:
        now = self._moment(state)
        said = {_INFO[name]: _at(state[name], now) for name in _INFO if name in state}
        return {name: value[:, 0] if self.flat and name in _FLAT else value for name, value in said.items()}

    def score(self, state: State) -> Tensor:
        return state["wrong"].float()

    def whole(self, state: State) -> Tensor:
        """Whether everything was written, and nothing wrong: the score of worlds that ask for whole answers."""
        return ((state["wrong"] == 0) & (state["right"] == state["due"] * self.outputs)).float()

    def relevance(self, state: State) -> Tensor:
        return self.sources(state)

    # ---- policies behind the certified scale ----

    def _as_action(self, written: Tensor) -> Tensor:
        return written[:, 0] if self.flat else written

    def oracle(self) -> Tensors:
        return self._as_action(self._now(self.state, "targets"))

    def blind(self) -> Tensors:
        """Always the first value: all are alike as long as nothing was seen."""
        least = torch.tensor(self.least, dtype=torch.int64, device=self.device)
        return self._as_action(least.repeat(self.num_worlds, 1))

    def memoryless(self) -> Tensors:
        """The present moment says nothing of the answer, unless a subclass knows better."""
        return self.blind()

    def frame(self, index: int) -> np.ndarray:
        return render.sequence(self.state, index, self.caption(self.state, index))

    def caption(self, state: State, index: int) -> str:
        """The line under the picture."""
        step = min(int(state["clock"][index]), int(state["length"][index]))
        return f"moment {step}/{int(state['length'][index])}   wrong so far {int(state['wrong'][index])}"


class SequenceWorld(AnswerWorld):
    """An `AnswerWorld` in which answers change neither what is shown nor what is due: its whole episodes are known.

    A subclass that counts more than right and wrong numbers says in `judged_state` how it is counted.
    """

    @outside_inference
    def episodes(self, n: int | None = None) -> Episodes:
        """The next n episodes at once; see `Episodes`. What stepping would have shown and asked, bit for bit.

        Args:
            n: how many; episode j is the next one of world j mod B. None for one of every world.

        Raises:
            FoveateError: nothing was reset yet, or n is not a positive number.
        """
        state = self.next_states(self.num_worlds if n is None else n)
        length, steps, over = state["length"], self.episode_length, None
        if self.max_episode_steps is not None:  # what comes later is never shown
            length = length.clamp(max=self.max_episode_steps)
            steps = None if steps is None else min(steps, self.max_episode_steps)
        if steps is None:  # asks the device, and waits for it
            steps = int(length.max())
            over = torch.arange(steps, device=self.device)[:, None] >= length  # (T, n)
        part = {info: time_first(state[name], steps, over) for name, info in _INFO.items() if name in state}
        if self.flat:
            part |= {name: part[name][:, :, 0] for name in _FLAT if name in part}
        return Episodes(
            observation=time_first(self.shown(state["inputs"]), steps, over),
            target=part["target"],
            target_mask=part["target_mask"],
            target_set=part.get("target_set"),
            length=length,
            optimum=part.get("optimum"),
            index=None,
            state=state,
        )

    def judge(self, episodes: Episodes, action: Tensor) -> Judged:
        """What stepping through these episodes with these actions would have paid and scored.

        Args:
            episodes: as `episodes` returned them.
            action: (T, n) or (T, n, K); what stands beyond an episode's end is ignored.
        """
        state, mask = episodes.state, episodes.target_mask
        targets, target_set = episodes.target, episodes.target_set
        if self.flat:
            targets, target_set = targets[..., None], None if target_set is None else target_set[:, :, None]
        right = self.numbers_right(action, targets, mask, target_set)  # (T, n)
        wrong = mask * self.outputs - right
        end = {**state, "right": right.sum(0), "wrong": wrong.sum(0), "clock": episodes.length}
        if self.reward == "dense":
            returns = summed(right.float() / (state["due"] * self.outputs))
        else:
            returns = ((end["wrong"] == 0) & (episodes.length >= state["length"])).float()  # else it was cut
        return Judged(returns, self.score({**end, **self.judged_state(episodes, action)}))

    def judged_state(self, episodes: Episodes, action: Tensor) -> State:
        """Entries of the state at the episodes' ends that depend on the actions and that `score` asks for, (n, …).

        Args:
            episodes: which.
            action: what was done in them, (T, n, …).
        """
        return {}


def draw_bits(rng: CounterRNG, stream: str, *shape: int) -> Tensor:
    """Fair bits, int64 (n, *shape)."""
    return rng.bits(stream, *shape) >> 62


def moments(count: int, like: Tensor) -> Tensor:
    """0 … count - 1 for every world, (1, count), on the device of `like`."""
    return torch.arange(count, device=like.device)[None]


def rows_at(table: Tensor, index: Tensor) -> Tensor:
    """``out[b, t] = table[b, index[b, t]]``: (n, L, …), (n, T) -> (n, T, …); indices outside are clamped."""
    index = index.clamp(0, table.shape[1] - 1)
    return table[torch.arange(len(table), device=table.device)[:, None], index]


def _at(table: Tensor, rows: Tensor) -> Tensor:
    """Rows of a part of the script, (B, T, …), numbered through all worlds: (B, …), fresh."""
    return table.flatten(0, 1).index_select(0, rows)
