"""The T-maze: a cue at the beginning of a corridor says where to turn at its end."""

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ...errors import check_range
from ...tree import Tree
from ...viz import palette
from ...viz.canvas import FILLED, blank, box, dot
from ...viz.text import write
from ..batch import BatchWorld, State, Tensors
from ..counter_rng import CounterRNG
from ..kernels import kernel, worth_it
from ..many_worlds import ManyWorlds
from ..packed import Packed
from ..protocols import Info
from ..scale import Certified, ScoreScale
from ..sizes import Splits
from ..solo import Solo
from .script import draw_bits, moments

ON, LEFT, RIGHT = range(3)


class TMaze(BatchWorld):
    """Walk down a corridor and turn to the side that a cue at its beginning named.

    Description:
        The agent starts at one end of a corridor and sees a cue, left or right, at the first moment only. After
        `corridor` steps it comes to a junction, where it must turn to the side of the cue. In the corridor turning does
        nothing but cost time.

    Observation space:
        ``Box(0, 1, (4,))``: the cue (left, right; at the start only), corridor, junction.

    Action space:
        ``Discrete(3)``: go on (0), turn left (1), turn right (2).

    Rewards:
        1 for the right turn at the junction, else 0.

    Starting state:
        A fair cue.

    Episode end:
        At the first turn at the junction. Truncated after 4 corridor + 4 steps.

    Info:
        target, target_mask: what the oracle does, always; score: whether the turn was right; relevance (on request):
        at the junction, the first moment.

    Args:
        split: "train" (a corridor of 20), "validation" and "test" (the same), "test-40", "test-100", "test-500".
        corridor: its length; None leaves it to the split.

    Source:
        Bakker 2002, "Reinforcement learning with long short-term memory"; without its fourth direction.

    Version history:
        v0: first version.
    """

    scale = ScoreScale(
        oracle=Certified(1.0, 0.0),
        blind=Certified(0.5, 0.04),
        random=Certified(0.4785, 0.04),
        memoryless=Certified(0.5, 0.04),
    )
    score_name = "turned right"
    ahead = 16
    render_fps = 8
    splits = Splits({"train": {"corridor": 20}, **{f"test-{n}": {"corridor": n} for n in (40, 100, 500)}})

    def __init__(self, *, split: str = "train", corridor: int | None = None):
        self.corridor = self.splits.sizes(split, corridor=corridor)["corridor"]
        check_range("corridor", self.corridor, 1, 100_000)
        self.max_episode_steps = self.most_steps = 4 * self.corridor + 4
        self.observation_space, self.action_space = spaces.Box(0, 1, (4,)), spaces.Discrete(3)

    def start(self, rng: CounterRNG) -> State:
        cue = draw_bits(rng, "cue")
        return {"cue": cue, "place": torch.zeros_like(cue), "won": torch.zeros_like(cue)}

    def advance(self, state: State, action: Tensor, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        junction = state["place"] == self.corridor
        turned = junction & (action != ON)
        won = turned & (action == LEFT + state["cue"])
        place = (state["place"] + (action == ON)).clamp(max=self.corridor)
        return {**state, "place": place, "won": won.long()}, won.float(), turned

    def observe(self, state: State) -> Tensors:
        first, junction = state["clock"] == 0, state["place"] == self.corridor
        left, right = first & (state["cue"] == 0), first & (state["cue"] == 1)
        return torch.stack([left, right, ~junction, junction], -1).float()

    def annotate(self, state: State) -> dict[str, Tensor]:
        return {"target": self._wise(state), "target_mask": torch.ones_like(state["cue"], dtype=torch.bool)}

    def score(self, state: State) -> Tensor:
        return state["won"].float()

    def relevance(self, state: State) -> Tensor:
        junction = state["place"] == self.corridor
        return (moments(self.most_steps, junction) == 0) & junction[:, None]

    def _wise(self, state: State) -> Tensor:
        return torch.where(state["place"] == self.corridor, LEFT + state["cue"], ON)

    def oracle(self) -> Tensors:
        return self._wise(self.state)

    def blind(self) -> Tensors:
        """Count the steps, turn left at the junction."""
        return torch.where(self.clock < self.corridor, ON, LEFT)

    def memoryless(self) -> Tensors:
        """The junction is seen, the cue no more."""
        return torch.where(self.state["place"] == self.corridor, LEFT, ON)

    def solo(self) -> Solo | None:
        return TMazeSolo(self)

    def many_worlds(self) -> ManyWorlds | None:
        return ManyTMazes(self) if worth_it("mazes", self.device, self.num_worlds) else None

    def frame(self, index: int) -> np.ndarray:
        """The maze from above."""
        place, cue = int(self.state["place"][index]), int(self.state["cue"][index])
        canvas = blank(160, 640)
        box(canvas, (40, 70), (600, 90), palette.SOFT, FILLED)
        box(canvas, (590, 30), (610, 130), palette.SOFT, FILLED)
        goal, trap = ((600, 40), (600, 120)) if cue == 0 else ((600, 120), (600, 40))
        dot(canvas, goal, 8, palette.RIGHT)
        dot(canvas, trap, 8, palette.WRONG)
        at = (int(50 + 550 * place / self.corridor), 80)
        dot(canvas, at, 8, palette.NOW)
        if int(self.clock[index]) == 0:
            write(canvas, f"cue: {('left (up)', 'right (down)')[cue]}", (40, 60))
        state = "won" if int(self.state["won"][index]) else ("over" if bool(self.over[index]) else "")
        write(canvas, f"step {int(self.clock[index])}   {state}", (40, 150))
        return canvas


class TMazeSolo(Solo):
    """A T-maze alone, in NumPy.

    Args:
        world: the maze.
    """

    world: TMaze

    def __init__(self, world: TMaze):
        super().__init__(world, "place", "won")
        self.cue, self.place = int(self.now["cue"][0]), int(self.now["place"][0])
        self.won = int(self.now["won"][0])

    def advance(self, action: np.ndarray) -> tuple[float, bool]:
        move, junction = int(action), self.place == self.world.corridor
        turned = junction and move != ON
        self.won = int(turned and move == LEFT + self.cue)
        self.place = min(self.place + (move == ON), self.world.corridor)
        self.now["place"][0], self.now["won"][0] = self.place, self.won
        return float(self.won), turned

    def observe(self) -> np.ndarray:
        first, junction = self.clock == 0, self.place == self.world.corridor
        return np.array([first and self.cue == 0, first and self.cue == 1, not junction, junction], np.float32)

    def annotate(self) -> Info:
        wise = LEFT + self.cue if self.place == self.world.corridor else ON
        return {"target": wise, "target_mask": True}

    def score(self) -> float:
        return float(self.won)


class ManyTMazes(ManyWorlds):
    """T-mazes together, by kernels.

    Args:
        world: the mazes.
    """

    world: TMaze
    state: Packed

    def __init__(self, world: TMaze):
        super().__init__(world)
        self.now = self.state.arrays

    def copied(self, state: State) -> Packed:
        return Packed(state)

    def advance(self, action: Tree, most: int, flags: np.ndarray) -> tuple[np.ndarray, int]:
        now, reward = self.now, np.empty(len(flags[0]), np.float32)
        state = now["clock"], now["cue"], now["place"], now["won"]
        return reward, kernel("mazes")(action.numpy(), *state, self.world.corridor, most, reward, flags)

    def observe(self) -> Tensor:
        now, seen = self.now, np.empty((len(self.now["clock"]), 4), np.float32)
        kernel("maze_views")(now["clock"], now["cue"], now["place"], self.world.corridor, seen)
        return torch.from_numpy(seen)
