"""The game of the RAM paper: catch a falling ball with a paddle, seen through a retina that must be steered too."""

from typing import Any

import torch
from gymnasium import spaces
from torch import Tensor

from ...errors import check_range
from ...tree import Tree
from ..ball import fall, landing_column, throw
from ..batch import State
from ..counter_rng import CounterRNG
from ..scale import Certified, ScoreScale
from .gaze import GazeWorld

PADDLE = 2  # pixels
MOVES = 3  # left, stay, right


class Catch(GazeWorld):
    """Catch a ball of one pixel with a paddle of two.

    Description:
        On a screen of 24x24 pixels a ball falls from the top, one row a step, perhaps drifting sideways and bouncing
        off the walls. The agent moves a paddle along the bottom row, and its gaze.

    Observation space:
        ``Dict(glimpse=Box(0, 1, (3, 6, 6)), location=Box(-1, 1, (2,)))``, or the whole screen
        ``Box(0, 255, (1, 24, 24), uint8)`` with view="image".

    Action space:
        ``Dict(location=Box(-1, 1, (2,)), move=Discrete(3))``: where to look next, and the paddle to the left (0), not
        at all (1) or to the right (2); with view="image" just the move.

    Rewards:
        1 each time the ball reaches the bottom row where the paddle is, divided by `balls`, so the best return is 1.

    Starting state:
        The ball in the top row at a random column with a random drift, the paddle in the middle, the gaze at random.

    Episode end:
        After `balls` balls, (size - 1) steps each. Never truncated.

    Info:
        score: the share of the balls so far that were caught; relevance (on request): the pixels of ball and paddle.

    Args:
        size: side of the screen in pixels.
        balls: balls an episode.
        drift: the largest sideways speed of the ball in pixels a step.

    Source:
        Mnih et al. 2014, section 4.2, "Dynamic environments" (24x24 screen, three scales of 6x6, 256 LSTM units), where
        the ball is one pixel that bounces off the sides. That it falls a whole row a step and drifts by whole pixels is
        our reading of a game that the paper only outlines; drift=0 is the straight fall.

    Version history:
        v0: first version.
    """

    scale = ScoreScale(oracle=Certified(1.0, 0.0), blind=Certified(1 / 12, 0.02), random=Certified(1 / 12, 0.02))
    render_fps = 8

    def __init__(self, *, size: int = 24, balls: int = 1, drift: int = 1, patch: int = 6, scales: int = 3, **gaze: Any):
        super().__init__(patch=patch, scales=scales, **gaze)
        check_range("size", size, 4, 256)
        check_range("balls", balls, 1, 1000)
        check_range("drift", drift, 0, size - 1)
        self.size, self.balls, self.drift = size, balls, drift
        self.episode_length = self.steps = balls * (size - 1)
        self.set_spaces((size, size), {"move": spaces.Discrete(MOVES)}, longest_episode=self.steps)

    def start(self, rng: CounterRNG) -> State:
        ball = throw(rng, self.size, self.drift)
        paddle = torch.full_like(ball["row"], self.size // 2 - 1)
        return {**ball, "paddle": paddle, "caught": torch.zeros_like(paddle), **self.start_gaze(rng)}

    def advance(self, state: State, action: Tree, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        paddle = (state["paddle"] + self.part(action, "move") - 1).clamp(0, self.size - PADDLE)
        ball = fall(state, self.size)
        landed = ball["row"] >= self.size - 1
        caught = landed & (ball["column"] >= paddle) & (ball["column"] < paddle + PADDLE)
        last = state["clock"] + 1 >= self.steps
        if self.balls > 1:  # the next ball appears at once
            fresh = throw(rng, self.size, self.drift)
            again = landed & ~last
            ball = {name: torch.where(again, fresh[name], ball[name]) for name in ball}
        gaze = self.move_gaze(state, action, last)
        moved = {**state, **ball, **gaze, "paddle": paddle, "caught": state["caught"] + caught}
        if self.view == "glimpse" and not self.direct:
            moved["levels"] = self.pooled(moved).levels  # a new frame, so a new pooling
        return moved, caught.float() / self.balls, last

    def score(self, state: State) -> Tensor:
        landed = (state["clock"] // (self.size - 1)).clamp(min=1)
        return state["caught"].float() / landed

    def picture(self, state: State) -> Tensor:
        return self.relevance(state).to(torch.uint8) * 255

    def relevance(self, state: State) -> Tensor:
        """All that is drawn matters: the ball and the paddle."""
        worlds = len(state["row"])
        screen = torch.zeros(worlds, self.size * self.size, dtype=torch.bool, device=self.device)
        bottom = (self.size - 1) * self.size + state["paddle"]
        lit = torch.stack([state["row"].clamp(max=self.size - 1) * self.size + state["column"], bottom, bottom + 1], -1)
        return screen.scatter_(1, lit, True).view(worlds, self.size, self.size)

    def caption(self, state: State, index: int) -> str:
        return f"row {int(state['row'][index]) + 1}/{self.size}   caught {int(state['caught'][index])} of {self.balls}"

    def landing_column(self) -> Tensor:
        """Where the ball will reach the bottom row, int64 (B,)."""
        return landing_column(self.state, self.size, self.size)

    def oracle(self) -> Tree:
        goal = self.landing_column().clamp(max=self.size - PADDLE)
        return self.with_gaze({"move": 1 + (goal - self.state["paddle"]).sign()})

    def blind(self) -> Tree:
        """Stay: every column is as likely as the next, so no place is better than another."""
        return self.with_gaze({"move": torch.ones_like(self.state["paddle"])})
