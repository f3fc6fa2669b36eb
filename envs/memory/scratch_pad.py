"""The scratch pad: two numbers are added by programs that call each other, and the world keeps the stack of calls."""

from typing import ClassVar, Literal

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor
from torch.nn import functional as F

from ...errors import check_choice
from ...tree import constant
from ..batch import BatchWorld, State, Tensors
from ..counter_rng import CounterRNG
from ..scale import Certified, ScoreScale
from ..sizes import Range, Splits
from . import pad_picture, pad_policies
from .programs import (
    ACT,
    ADD,
    BASE,
    BLANK,
    CARRIES,
    LEFT,
    OUT,
    PROGRAM,
    RIGHT,
    ROWS,
    SIZES,
    STOP,
    WRITE,
    due,
    listing,
    reads,
)
from .script import REWARDS, moments

DEPTH = 4  # programs that the stack holds
VIEWS = ["glimpse", "whole"]


class ScratchPad(BatchWorld):
    """Add two numbers on a scratch pad by calling programs.

    Description:
        The pad has four rows, each with a pointer: two numbers, the carries and the sum. A command is a call. ACT moves
        a pointer or writes a symbol (the two numbers can't be overwritten); every other program is put on top of a
        stack by the world, and from then on the agent acts as that program, until it says stop: then the one below goes
        on. Nothing happens at a stop: what is called along with it is ignored. The agent begins as ADD.

        A sum is ADD(ADD1(ACT, CARRY(ACT, ACT, ACT)), LSHIFT(ACT, ACT, ACT, ACT), ADD1(…), …): ADD1 writes the digit of
        a column and, where it is full, calls CARRY, which writes a 1 into the next; LSHIFT moves all pointers on.
        RSHIFT, which moves them back, is not needed.

    Observation space:
        ``Dict``: ``symbols``, MultiDiscrete([11] * 4), the digit under each pointer (10 for an empty cell);
        ``program``, Discrete(6), which program is on top of the stack (ACT, ADD, ADD1, CARRY, LSHIFT, RSHIFT);
        ``arguments``, MultiDiscrete([4, 4, 11]), what it was called with; ``depth``, Discrete(4), how many programs
        wait below it. Without calls just ``symbols``. With view="whole" also ``pad``, Box(0, 1, (4, width, 12)): the
        symbol of each cell, from the right, and where the pointers are.

    Action space:
        ``MultiDiscrete([6, 4, 4, 11, 2])``: the program that is called; its arguments, of ACT the row (in1, in2, carry,
        out), what to do there (stay, left, right, write) and the symbol; and whether to stop instead. Without calls
        ``MultiDiscrete([4, 4, 11, 2])``, arguments of ACT and stop.

    Rewards:
        "dense": for each digit of the sum that is written right 1 / (digits of the sum), which is taken back where it
        is overwritten; "whole": 1 at the end if the sum is right.

    Starting state:
        Two numbers of the same number of digits, all uniform (leading zeros included), all pointers at the right.

    Episode end:
        When ADD stops, and when a program is called while four are on the stack. Truncated after twice the commands
        that the sum of the longest numbers can take: 14 for each digit and once more, 8 without calls.

    Info:
        target, target_mask: what a program without mistakes commands next, always. Whatever was done before, this
        depends only on the program on top, how many commands it has given, and the cells under the pointers;
        target_set: bool, (5, 11) or (4, 11), what would do as well: anything beside a stop, and any symbol where none
        is written; score: whether the sum is written, and nothing else, known when ADD has stopped; relevance (on
        request): bool, (4, width), the cells that say what is due now.

    Args:
        lesson: of the curriculum, from 1: numbers of up to 1, 2, 3 or 5 digits; None is the last.
        split: "train" (the lesson's sizes), "validation" and "test" (the same), "test-20", "test-100", "test-1000".
        min_digits: the fewest digits of a number; None leaves it to lesson and split.
        max_digits: the most digits; None leaves it to lesson and split.
        calls: whether programs are called. If not, all commands are ACT's, in the same order, and nothing is shown of a
            stack: the same task for a network that has none.
        view: "glimpse" (the cells under the pointers) or "whole" (the whole pad beside that).
        reward: "dense" or "whole".

    Source:
        Reed & de Freitas 2016, "Neural programmer-interpreters", section 4.1.1 (the pad, the programs and their
        traces). There a program ends after the call that comes with the stop; here the stop is a step of its own, since
        only after a shift can ADD see that no column is left.

    Version history:
        v0: first version.
    """

    # without memory: marks on the pad and arguments of calls can stand for one, but not for whether a pointer was moved
    # between two digits that are alike; nothing better was found
    scale = ScoreScale(
        oracle=Certified(1.0, 1e-4),
        blind=Certified(0.205, 0.02),
        random=Certified(0.0, 0.02),
        memoryless=Certified(0.836, 0.02),
    )
    score_name = "sum right"
    render_fps = 6
    lessons: ClassVar[list[dict[str, int]]] = [{"min_digits": 1, "max_digits": n} for n in (1, 2, 3, 5)]
    splits = Splits.of("digits", Range(1, 5), exactly=(20, 100, 1000))

    def __init__(
        self,
        *,
        lesson: int | None = None,
        split: str = "train",
        min_digits: int | None = None,
        max_digits: int | None = None,
        calls: bool = True,
        view: Literal["glimpse", "whole"] = "glimpse",
        reward: Literal["dense", "whole"] = "dense",
    ):
        check_choice("view", view, VIEWS)
        check_choice("reward", reward, REWARDS)
        sizes = self.splits.at_lesson(self.lessons, lesson).sizes(split, min_digits=min_digits, max_digits=max_digits)
        self.digits = sizes.range("digits", 1, 10_000)
        self.calls, self.view, self.reward = calls, view, reward
        self.width = self.digits.high + 2  # the sum has a digit more, and behind it pointers see that none is left
        self.max_episode_steps = 2 * ((14 if calls else 8) * (self.digits.high + 1) + 1)
        seen: dict[str, spaces.Space] = {"symbols": spaces.MultiDiscrete([BASE + 1] * len(ROWS))}
        if calls:
            seen["program"], seen["arguments"] = spaces.Discrete(SIZES[PROGRAM]), spaces.MultiDiscrete(SIZES[1:STOP])
            seen["depth"] = spaces.Discrete(DEPTH)
        if view == "whole":
            seen["pad"] = spaces.Box(0, 1, (len(ROWS), self.width, BASE + 2))
        self.observation_space = spaces.Dict(seen)
        self.sizes = SIZES if calls else SIZES[1:]
        self.action_space = spaces.MultiDiscrete(self.sizes)

    def footprint(self) -> int:
        return super().footprint() + 2 * 5 * self.width

    def build(self, num_worlds: int, device: torch.device | str = "cpu", keep_trail: bool = False) -> None:
        super().build(num_worlds, device, keep_trail)
        self._listed = listing(self.device)

    def start(self, rng: CounterRNG) -> State:
        count = self.digits.sample(rng, "digits")[:, None]  # (n, 1)
        column = moments(self.width, count)
        there = column < count  # (n, W)
        drawn = rng.integers("numbers", BASE, 2, self.digits.high)  # (n, 2, D)
        digits = F.pad(drawn, (0, 2)) * there[:, None]  # digits[…, c] stands for 10^c
        answer, carry = [], torch.zeros_like(count[:, 0])
        for total in digits.sum(1).unbind(-1):
            answer.append((total + carry) % BASE)
            carry = (total + carry) // BASE
        right = torch.stack(answer, 1)  # (n, W)
        right = torch.where(there | ((column == count) & (right > 0)), right, BLANK)
        numbers = torch.where(there[:, None], digits, BLANK)
        stack = torch.zeros(len(rng), DEPTH, 5, dtype=torch.int64, device=self.device)  # four numbers of a call, a line
        stack[:, 0, PROGRAM] = ADD
        state = {
            "pad": torch.cat([numbers, torch.full_like(numbers, BLANK)], 1),  # (n, 4, W)
            "pointers": torch.zeros_like(numbers[:, :1, 0]).repeat(1, len(ROWS)),
            "stack": stack,
            "depth": torch.zeros_like(carry),
            "sum": right,
            "returned": torch.zeros_like(carry),
        }
        if self.keep_trail:
            state["trail"] = pad_picture.beginning(carry, self.calls)
        return state if self.calls else self._settled(state)

    # ---- the machine ----

    def _under(self, state: State) -> Tensor:
        """The symbols under the pointers, (B, 4)."""
        return state["pad"].gather(2, state["pointers"][..., None])[..., 0]

    def _top(self, state: State) -> Tensor:
        """What the program on top was called with and how many commands it has given, (B, 5)."""
        return state["stack"].gather(1, state["depth"][:, None, None].expand(-1, 1, 5))[:, 0]

    def _due(self, state: State) -> Tensor:
        """What should be commanded now, (B, 5)."""
        top = self._top(state)
        return due(self._listed, top[:, PROGRAM], top[:, -1], self._under(state))

    def _called(self, state: State, command: Tensor, now: Tensor) -> State:
        """The state with its stack as it is after a command; `depth` is -1 where the first program has stopped.

        Args:
            state: before it.
            command: (B, 5).
            now: bool, (B,), where it is given at all.
        """
        stops = now & (command[:, STOP] == 1)
        calls = now & ~stops & (command[:, PROGRAM] != ACT)
        depth, level = state["depth"][:, None], moments(DEPTH, command)  # (B, 1), (1, D)
        goes_on = (level == depth) & (now & ~stops)[:, None]
        stack = state["stack"] + F.pad(goes_on.long()[..., None], (4, 0))  # a line further
        new = F.pad(command[:, None, :STOP], (0, 1))  # (B, 1, 5), at line 0
        stack = torch.where(((level == depth + 1) & calls[:, None])[..., None], new, stack)
        return {**state, "stack": stack, "depth": state["depth"] + calls.long() - stops.long()}

    def _settled(self, state: State) -> State:
        """Without calls: the state when the world has made those that lead to the next ACT, three at most."""
        for _ in range(3):
            command = self._due(state)
            stops = (command[:, STOP] == 1) & (state["depth"] > 0)
            state = self._called(state, command, stops | ((command[:, PROGRAM] != ACT) & (command[:, STOP] == 0)))
        return state

    def advance(self, state: State, action: Tensor, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        command = action if self.calls else F.pad(action, (1, 0), value=ACT)
        program, row, deed, symbol, stop = command.unbind(-1)
        stops = stop == 1
        acts = ~stops & (program == ACT)
        writes = acts & (deed == WRITE) & (row >= CARRIES)
        place = state["pointers"].gather(1, row[:, None])  # (B, 1)
        cell = row[:, None] * self.width + place
        before = state["pad"].flatten(1).gather(1, cell)[:, 0]
        after = torch.where(writes, symbol, before)
        move = ((deed == LEFT).long() - (deed == RIGHT).long()) * acts
        moved = self._called(state, command, torch.ones_like(stops))
        ended = (moved["depth"] < 0) | (moved["depth"] >= DEPTH)
        moved |= {
            "pad": state["pad"].flatten(1).scatter(1, cell, after[:, None]).view_as(state["pad"]),
            "pointers": state["pointers"].scatter(1, row[:, None], (place + move[:, None]).clamp(0, self.width - 1)),
            "returned": (moved["depth"] < 0).long(),
            "depth": moved["depth"].clamp(0, DEPTH - 1),
        }
        if self.keep_trail:
            moved["trail"] = pad_picture.noted(
                state["trail"], state["depth"] * self.calls, command, self._agrees(state, action)
            )
        if not self.calls:
            moved = self._settled(moved)
        if self.reward == "whole":
            return moved, self.score(moved) * ended, ended
        right = state["sum"].gather(1, place)[:, 0]
        gained = ((after == right).float() - (before == right).float()) * (writes & (row == OUT) & (right != BLANK))
        return moved, gained / (state["sum"] != BLANK).sum(1), ended

    def observe(self, state: State) -> Tensors:
        seen = {"symbols": self._under(state)}
        if self.calls:
            top = self._top(state)
            seen |= {"program": top[:, PROGRAM].clone(), "arguments": top[:, 1:STOP].clone()}
            seen["depth"] = state["depth"].clone()
        if self.view == "whole":
            pointed = moments(self.width, state["depth"]) == state["pointers"][..., None]  # (B, 4, W)
            seen["pad"] = torch.cat([F.one_hot(state["pad"], BASE + 1), pointed[..., None]], -1).float()
        return seen

    # ---- what should be done ----

    def _asked(self, command: Tensor) -> Tensor:
        """A command as an action, (B, 5) or (B, 4)."""
        return command if self.calls else command[:, 1:]

    def annotate(self, state: State) -> dict[str, Tensor]:
        target = self._asked(self._due(state))
        always = torch.ones_like(state["depth"], dtype=torch.bool)
        return {"target": target, "target_mask": always, "target_set": self._all_right(target)}

    def _all_right(self, target: Tensor) -> Tensor:
        """All that would do as well as a target, bool (B, K, 11)."""
        value = moments(BASE + 1, target)[..., None, :]  # (1, 1, N)
        sizes = constant(tuple(self.sizes), target.device)[:, None]
        stops = (target[:, -1:] == 1)[..., None]  # (B, 1, 1)
        no_symbol = (target[:, -3] != WRITE) & ((target[:, 0] == ACT) | (not self.calls))
        number = torch.arange(len(self.sizes), device=target.device)[:, None]
        ignored = (stops & (number < len(self.sizes) - 1)) | (
            no_symbol[:, None, None] & (number == len(self.sizes) - 2)
        )
        return (value == target[..., None]) | (ignored & (value < sizes))

    def _agrees(self, state: State, action: Tensor) -> Tensor:
        """Whether an action is one of those that should be done, bool (B,)."""
        right = self._all_right(self._asked(self._due(state)))
        return right.gather(2, action[..., None])[..., 0].all(1)

    def score(self, state: State) -> Tensor:
        return ((state["returned"] == 1) & (state["pad"][:, OUT] == state["sum"]).all(1)).float()

    def relevance(self, state: State) -> Tensor:
        top = self._top(state)
        pointed = moments(self.width, state["depth"]) == state["pointers"][..., None]  # (B, 4, W)
        pointed[:, OUT] = False
        return pointed & reads(top[:, PROGRAM], top[:, -1], self.calls)[:, None, None]

    # ---- policies behind the certified scale ----

    def oracle(self) -> Tensors:
        return self._asked(self._due(self.state))

    def blind(self) -> Tensors:
        return self._asked(pad_policies.blind(self.clock, self.digits.high))

    def memoryless(self) -> Tensors:
        return self._asked(pad_policies.memoryless(self._under(self.state), self._top(self.state), self.calls))

    def frame(self, index: int) -> np.ndarray:
        return pad_picture.draw(self.state, index, self.calls)
