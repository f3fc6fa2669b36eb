"""Catch on a screen of 84x84, and the same game beside one that nobody plays."""

from functools import cache
from typing import Any

import torch
from torch import Tensor

from ...errors import check_range
from ...tree import outside_inference
from ..ball import fall, landing_column, throw
from ..batch import State, Tensors
from ..counter_rng import CounterRNG, place
from ..kernels import arrays, kernel, worth_it
from ..scale import Certified, ScoreScale
from .game import SIZE, GameWorld, Intervention, boxes, cover, covered, paint

PADDLE = 3  # cells
MOST_BALLS = 10
BALL_GREY, PADDLE_GREY, SCORE_GREY, WALL_GREY = 255.0, 200.0, 150.0, 90.0
_NONE = torch.zeros(0, dtype=torch.int64)
MOVED = ("row", "column", "drift", "paddle", "caught", "left")  # what a step changes


class Catch(GameWorld):
    """Catch balls with a paddle, on a screen of which every object is known.

    Description:
        A ball falls from the top, one row of cells a step, perhaps drifting sideways and bouncing off the walls; the
        agent moves a paddle along the bottom. A row of dots at the top of the screen counts the balls still to come.

    Observation space:
        ``Box(0, 255, (stack, 84, 84), uint8)``: the last frames, the newest last.

    Action space:
        ``Discrete(3)``: the paddle to the left (0), not at all (1) or to the right (2).

    Rewards:
        1 each time the ball reaches the bottom row where the paddle is, divided by `balls`, so the best return is 1.

    Starting state:
        The ball in the top row at a random column with a random drift, the paddle in the middle.

    Episode end:
        After `balls` balls, one row a step. Never truncated.

    Info:
        score: the share of the balls so far that were caught; relevance (on request): the pixels of ball and paddle,
        which decide the best action; relevance_value (on request): these and the dots, which decide the value.

    Interventions:
        move ball, move paddle (cells to the right), set score (balls still to come, as shown and as played).

    Args:
        balls: balls an episode.
        drift: the largest sideways speed of the ball in cells a step.

    Source:
        The game of Mnih et al. 2014, section 4.2, with frames of the size that Atari agents see.

    Version history:
        v0: first version.
    """

    scale = ScoreScale(oracle=Certified(1.0, 0.0), blind=Certified(1 / 7, 0.03), random=Certified(1 / 7, 0.03))
    action_names = ("left", "stay", "right")
    visible = ("row", "column", "paddle", "left")
    interventions = (
        Intervention("move", "ball", 6.0),
        Intervention("move", "paddle", 6.0),
        Intervention("set", "score", 0.0),
    )
    cell, columns, rows = 4, 21, 20  # pixels, and cells of the field; the dots have a row of their own above it

    def __init__(self, *, balls: int = 5, drift: int = 1, **stack: Any):
        super().__init__(**stack)
        check_range("balls", balls, 1, MOST_BALLS)
        check_range("drift", drift, 0, self.columns - 1)
        self.balls, self.drift = balls, drift
        self.episode_length = balls * (self.rows - 1)

    def build(self, num_worlds: int, device: torch.device | str = "cpu", keep_trail: bool = False) -> None:
        super().build(num_worlds, device, keep_trail)
        self.kept = not worth_it("courts", self.device, num_worlds)

    # ---- the rules ----

    def begin(self, rng: CounterRNG) -> State:
        ball = throw(rng, self.columns, self.drift)
        paddle = torch.full_like(ball["row"], (self.columns - PADDLE) // 2)
        left = torch.full_like(paddle, self.balls - 1)
        return {**ball, "paddle": paddle, "caught": torch.zeros_like(paddle), "left": left}

    def play(self, state: State, action: Tensor, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        if worth_it("balls", action.device, len(action)):
            return self._play_at_once(state, action, rng)
        paddle = (state["paddle"] + action - 1).clamp(0, self.columns - PADDLE)
        ball = fall(state, self.columns)
        landed = ball["row"] >= self.rows - 1
        caught = landed & (ball["column"] >= paddle) & (ball["column"] < paddle + PADDLE)
        last = landed & (state["left"] <= 0)
        again = landed & ~last
        if self._any(again):
            fresh = throw(rng, self.columns, self.drift)
            ball = {name: torch.where(again, fresh[name], ball[name]) for name in ball}
        left = state["left"] - again.long()
        after = {**ball, "paddle": paddle, "caught": state["caught"] + caught, "left": left}
        return after, caught.float() / self.balls, last

    def _play_at_once(self, state: State, action: Tensor, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        """The same by one kernel."""
        after = torch.empty(len(MOVED), len(action), dtype=torch.int64)
        reward, last = torch.empty(len(action), dtype=torch.float32), torch.empty(len(action), dtype=torch.bool)
        kernel("balls")(
            *rng.arrays,
            (place("column"), place("drift")),
            arrays(state[name] for name in MOVED),
            action.numpy(),
            (self.columns, self.rows, PADDLE, self.drift, self.balls),
            *arrays((after, reward, last)),
        )
        return dict(zip(MOVED, after.unbind(), strict=True)), reward, last

    def score(self, state: State) -> Tensor:
        return state["caught"].float() / (state["clock"] // (self.rows - 1)).clamp(min=1)

    def oracle(self) -> Tensors:
        goal = (landing_column(self.state, self.columns, self.rows) - PADDLE // 2).clamp(0, self.columns - PADDLE)
        return 1 + (goal - self.state["paddle"]).sign()

    def blind(self) -> Tensors:
        """Stay: every column is as likely as the next, so no place is better than another."""
        return torch.ones_like(self.state["paddle"])

    # ---- the picture ----

    def sprites(self, scene: State) -> dict[str, tuple[Tensor, float]]:
        """Each object's rectangles, (N, K, 4), and grey value."""
        cell = self.cell
        one = lambda x: (x * cell)[:, None]  # noqa: E731
        top = SIZE - self.rows * cell
        dots = torch.arange(MOST_BALLS, device=scene["left"].device)
        shown = dots < scene["left"][:, None]  # (N, 10)
        place = torch.where(shown, 2 + 4 * dots, SIZE)
        return {
            "ball": (boxes(one(scene["column"]), top + one(scene["row"]), cell, cell), BALL_GREY),
            "paddle": (
                boxes(one(scene["paddle"]), torch.full_like(one(scene["row"]), SIZE - cell), PADDLE * cell, cell),
                PADDLE_GREY,
            ),
            "score": (boxes(place, torch.ones_like(place), 2, 2), SCORE_GREY),
        }

    def draw(self, scene: State) -> Tensor:
        if worth_it("courts", scene["row"].device, len(scene["row"])):
            return self._draw_at_once(scene)
        drawn = self._drawn(scene)
        rectangles = torch.cat([some for some, _ in drawn], 1)  # (N, K, 4)
        greys = _greys(tuple((grey, some.shape[1]) for some, grey in drawn), rectangles.device)  # (K,)
        return paint(*covered(rectangles), greys.expand(rectangles.shape[:2])).clamp_(max=255).to(torch.uint8)

    def _draw_at_once(self, scene: State) -> Tensor:
        """The same by one kernel."""
        decoy = (scene.get(f"decoy_{name}", _NONE) for name in ("row", "column", "paddle", "shown"))
        frames = self.pictures.empty((len(scene["row"]), SIZE, SIZE), torch.uint8, scene["row"].device)
        kernel("courts")(
            arrays(scene[name] for name in Catch.visible),
            arrays(decoy),
            (self.cell, self.rows, PADDLE, MOST_BALLS),
            (int(BALL_GREY), int(PADDLE_GREY), int(SCORE_GREY), int(WALL_GREY)),
            frames.numpy(),
        )
        return frames

    def _drawn(self, scene: State) -> list[tuple[Tensor, float]]:
        return list(self.sprites(scene).values())

    def masks(self, scene: State) -> dict[str, Tensor]:
        return {name: cover(*covered(rectangles)) for name, (rectangles, _) in self.sprites(scene).items()}

    def relevance(self, state: State) -> Tensor:
        masks = self.objects(state)
        return masks["ball"] | masks["paddle"]

    def relevance_value(self, state: State) -> Tensor:
        return self.relevance(state) | self.objects(state)["score"]

    def change(self, scene: State, now: State, intervention: Intervention) -> State:
        _, name, amount = intervention
        if name == "score":
            return {"left": torch.full_like(scene["left"], round(amount)).clamp(0, MOST_BALLS)}
        key, widest = ("column", self.columns - 1) if name == "ball" else ("paddle", self.columns - PADDLE)
        moved = _elsewhere(scene[key], now[key], round(amount), widest)
        if name == "ball":  # an earlier frame may show the ball before: that one is left alone
            moved = torch.where(scene["left"] == now["left"], moved, scene[key])
        return {key: moved}

    def caption(self, state: State, index: int) -> str:
        return f"caught {int(state['caught'][index])} of {self.balls}"


@cache
@outside_inference
def _greys(counted: tuple[tuple[float, int], ...], device: torch.device) -> Tensor:
    """Grey values, each as often as it is counted."""
    return torch.tensor([grey for grey, count in counted for _ in range(count)], device=device, dtype=torch.float32)


def _elsewhere(place: Tensor, now: Tensor, by: int, widest: int) -> Tensor:
    """A place moved, to the other side where what is there now would leave the field."""
    return (place + torch.where(now + by > widest, -by, by)).clamp(0, widest)


class Distractors(Catch):
    """Catch, beside the very same game played by nobody, which never matters.

    Description:
        The left half of the screen is `Catch`. In the right half another ball falls and another paddle moves about at
        random: it looks the same, moves the same, and neither rewards nor actions have anything to do with it.

    Observation space:
        ``Box(0, 255, (stack, 84, 84), uint8)``: the last frames, the newest last.

    Action space:
        ``Discrete(3)``: the paddle to the left (0), not at all (1) or to the right (2).

    Rewards:
        1 each time the ball reaches the bottom row where the paddle is, divided by `balls`, so the best return is 1.

    Starting state:
        Both balls in the top row at random columns, both paddles in the middle.

    Episode end:
        After `balls` balls, one row a step. Never truncated.

    Info:
        score: the share of the balls so far that were caught; relevance (on request): the pixels of ball and paddle;
        relevance_value (on request): these and the dots that count the balls to come.

    Interventions:
        as in `Catch`, and move decoy, remove decoy.

    Args:
        balls: balls an episode.
        drift: the largest sideways speed of the balls in cells a step.

    Source:
        Ours, after the distracting backgrounds that saliency methods for agents are tried on.

    Version history:
        v0: first version.
    """

    scale = ScoreScale(oracle=Certified(1.0, 0.0), blind=Certified(3 / 14, 0.03), random=Certified(3 / 14, 0.03))
    visible = (*Catch.visible, "decoy_row", "decoy_column", "decoy_paddle", "decoy_shown")
    interventions = (
        Intervention("move", "ball", 4.0),
        Intervention("move", "paddle", 4.0),
        Intervention("set", "score", 0.0),
        Intervention("move", "decoy", 4.0),
        Intervention("remove", "decoy"),
    )
    cell, columns, rows = 3, 14, 27

    def begin(self, rng: CounterRNG) -> State:
        state = super().begin(rng)
        decoy = throw(rng, self.columns, self.drift, "decoy ")
        return {
            **state,
            **{f"decoy_{name}": value for name, value in decoy.items()},
            "decoy_paddle": state["paddle"].clone(),
            "decoy_shown": torch.ones_like(state["paddle"]),
        }

    def play(self, state: State, action: Tensor, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        after, reward, last = super().play(state, action, rng)
        decoy = fall({name: state[f"decoy_{name}"] for name in ("row", "column", "drift")}, self.columns)
        landed = decoy["row"] >= self.rows - 1
        if self._any(landed):
            fresh = throw(rng, self.columns, self.drift, "decoy ")
            decoy = {name: torch.where(landed, fresh[name], decoy[name]) for name in decoy}
        decoy = {f"decoy_{name}": value for name, value in decoy.items()}
        paddle = (state["decoy_paddle"] + rng.integers("decoy move", 3) - 1).clamp(0, self.columns - PADDLE)
        shown = state["decoy_shown"]
        return {**after, **decoy, "decoy_paddle": paddle, "decoy_shown": shown}, reward, last

    def sprites(self, scene: State) -> dict[str, tuple[Tensor, float]]:
        cell, half = self.cell, SIZE // 2
        shown = scene["decoy_shown"] > 0
        left = torch.stack([scene["decoy_column"], scene["decoy_paddle"]], 1) * cell + half
        left = torch.where(shown[:, None], left, SIZE)
        top = torch.stack([scene["decoy_row"], torch.full_like(scene["row"], self.rows - 1)], 1) * cell
        width = torch.tensor([cell, PADDLE * cell], device=left.device)
        decoy = boxes(left, top + SIZE - self.rows * cell, width, cell)
        return {**super().sprites(scene), "decoy": (decoy, BALL_GREY)}

    def _drawn(self, scene: State) -> list[tuple[Tensor, float]]:
        middle = torch.full_like(scene["row"], SIZE // 2)[:, None]
        wall = boxes(middle, torch.zeros_like(middle), 1, SIZE), WALL_GREY
        *game, (decoy, _) = super()._drawn(scene)
        # the decoy's parts are as bright as the game's
        return [*game, (decoy[:, :1], BALL_GREY), (decoy[:, 1:], PADDLE_GREY), wall]

    def change(self, scene: State, now: State, intervention: Intervention) -> State:
        if intervention.name != "decoy":
            return super().change(scene, now, intervention)
        if intervention.kind == "remove":
            return {"decoy_shown": torch.zeros_like(scene["decoy_shown"])}
        by = round(intervention.amount)
        return {
            "decoy_column": _elsewhere(scene["decoy_column"], now["decoy_column"], by, self.columns - 1),
            "decoy_paddle": _elsewhere(scene["decoy_paddle"], now["decoy_paddle"], by, self.columns - PADDLE),
        }
