"""A race on a bending road: overtake so many cars before night falls."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import check_range
from ..batch import State, Tensors
from ..counter_rng import CounterRNG, place
from ..kernels import arrays, kernel, worth_it
from ..scale import Certified, ScoreScale
from . import road
from .game import SIZE, GameWorld, Intervention, cover, covered

CARS = 5
LANES = (-0.6, 0.0, 0.6)
NEAR = 0.45  # depth up to which a car counts as near: the oracle looks no further
CLOSE = 0.38  # two cars touch where their middles are closer than this, in half widths of the road
HIT = 0.05  # and the depth between them is below this
SLOWEST, FASTEST, THEIRS = 0.3, 1.0, 0.25  # speeds, the last that of the other cars
STEER, THROTTLE, PUSH = 0.12, 0.1, 0.05  # what an action does in one step, and what a bend of 1 does at speed 1
CLOSING = 0.08  # depth per step and unit of speed
STRAIGHT, LEFT, RIGHT, FASTER, SLOWER = range(5)
STREAMS = tuple(place(name) for name in ("turn", "bend", "gaps", "lane", "aside"))
# what a step changes: one number a world, and numbers of each car
MOVED = ("x", "speed", "bend", "next_bend", "heading", "odometer", "time", "left", "overtaken")
CARS_MOVED = ("car_x", "car_z", "car_shown")


class Driving(GameWorld):
    """Overtake cars on a bending road before night falls, seen from behind the wheel.

    Description:
        The road bends, which pushes the car outwards. Other cars are slower; they appear at the horizon, one behind
        the other in three lanes. Running into one costs nearly all speed. The number on the dashboard says how many
        are still to be overtaken; the sky darkens as the day goes by, and the mountains move aside in a bend.

    Observation space:
        ``Box(0, 255, (stack, 84, 84), uint8)``: the last frames, the newest last.

    Action space:
        ``Discrete(5)``: straight on (0), left (1), right (2), faster (3), slower (4).

    Rewards:
        1 for each car overtaken, divided by `goal`, so the best return is 1.

    Starting state:
        In the middle of the road at half speed, cars ahead at random, the road straight.

    Episode end:
        When `goal` cars are overtaken or the day of `day` steps is over. Never truncated.

    Info:
        score: the share of `goal` overtaken; relevance (on request): own car, and each near car without which the
        oracle would do something else (or all of them, where only all together matter); relevance_value (on request):
        own car, other cars, number and horizon (which shows the time), which decide how much is still to be won.

    Interventions:
        remove near cars, remove far cars, move near cars (to the right, in half widths of the road), move own car,
        shift horizon (mountains, in pixels), set score (the number on the dashboard), set time (1 morning, 0 night).

    Args:
        goal: cars to overtake.
        day: steps of a day.

    Source:
        Ours, after Enduro (Activision 1983), on which Wang et al. 2016 ("Dueling network architectures for deep
        reinforcement learning", figure 2) show what value and advantage look at.

    Version history:
        v0: first version.
    """

    scale = ScoreScale(oracle=Certified(1.0, 0.002), blind=Certified(0.36, 0.03), random=Certified(0.165, 0.03))
    action_names = ("straight", "left", "right", "faster", "slower")
    visible = ("x", "bend", "heading", "odometer", "time", "left", "car_x", "car_z", "car_shown", "car_number")
    interventions = (
        Intervention("remove", "near cars"),
        Intervention("remove", "far cars"),
        Intervention("move", "near cars", 0.6),
        Intervention("move", "own car", 0.5),
        Intervention("shift", "horizon", 10.0),
        Intervention("set", "score", 1.0),
        Intervention("set", "time", 0.0),
    )

    def __init__(self, *, goal: int = 25, day: int = 250, **stack: Any):
        super().__init__(**stack)
        check_range("goal", goal, 1, 99)
        check_range("day", day, 2, 100_000)
        self.goal, self.day = goal, day

    # ---- the rules ----

    def begin(self, rng: CounterRNG) -> State:
        gaps = 0.28 + 0.2 * rng.uniform("gaps", CARS)
        car_z = 0.3 + gaps.cumsum(1)  # (B, K)
        zero = torch.zeros_like(car_z[:, 0])
        return {
            "x": zero,
            "speed": zero + 0.5,
            "bend": zero.clone(),
            "next_bend": zero.clone(),
            "heading": 100 * rng.uniform("heading"),
            "odometer": zero.clone(),
            "time": zero + 1,
            "left": torch.full_like(zero, self.goal),
            "overtaken": zero.clone(),
            "car_x": self._lanes(rng, CARS),
            "car_z": car_z,
            "car_shown": torch.ones_like(car_z),
            "car_number": torch.arange(CARS, device=self.device).expand(len(rng), CARS).clone(),
        }

    def _lanes(self, rng: CounterRNG, *shape: int) -> Tensor:
        lanes = torch.tensor(LANES, device=self.device, dtype=torch.float32)
        return lanes[rng.integers("lane", 3, *shape)] + 0.1 * (rng.uniform("aside", *shape) - 0.5)

    def play(self, state: State, action: Tensor, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        if worth_it("drives", action.device, len(action)):
            return self._play_at_once(state, action, rng)
        throttle = (action == FASTER).float() - (action == SLOWER).float()
        speed = (state["speed"] + THROTTLE * throttle).clamp(SLOWEST, FASTEST)
        speed = torch.where(state["x"].abs() > 0.85, speed.clamp(max=0.5), speed)  # on the grass
        steer = (action == RIGHT).float() - (action == LEFT).float()
        x = (state["x"] + STEER * steer - PUSH * state["bend"] * speed).clamp(-1, 1)
        # the other cars: nearer, run into, or overtaken
        car_z = state["car_z"] - CLOSING * (speed - THEIRS)[:, None]  # (B, K)
        shown = state["car_shown"] > 0
        hit = shown & (car_z < HIT) & (car_z > -HIT) & ((state["car_x"] - x[:, None]).abs() < CLOSE)
        crashed = hit.any(1)
        speed = torch.where(crashed, SLOWEST, speed)
        car_z = torch.where(crashed[:, None], car_z + (0.12 - torch.where(hit, car_z, 1.0).amin(1))[:, None], car_z)
        gone = car_z < -HIT
        passed = (gone & shown).sum(1).float()
        cars = {"car_z": car_z, **{name: state[name] for name in ("car_x", "car_shown", "car_number")}}
        if self._any(gone):
            cars = self._replaced(cars, gone, rng)
        turn = rng.uniform("turn") < 0.03
        next_bend = torch.where(turn, 2 * rng.uniform("bend") - 1, state["next_bend"])
        left = (state["left"] - passed).clamp(min=0)
        left_of_day = ((state["time"] * self.day).round() - 1).clamp(min=0)  # in whole steps: sums of 1 / day drift
        time = left_of_day / self.day
        after = {
            "x": x,
            "speed": speed,
            "bend": state["bend"] + (next_bend - state["bend"]).clamp(-0.08, 0.08),
            "next_bend": next_bend,
            "heading": state["heading"] + 3 * state["bend"] * speed,
            "odometer": state["odometer"] + 8 * CLOSING * speed,
            "time": time,
            "left": left,
            "overtaken": state["overtaken"] + passed,
            **{name: cars[name] for name in ("car_x", "car_z", "car_shown", "car_number")},
        }
        return after, (state["left"] - left) / self.goal, (left <= 0) | (left_of_day <= 0)

    def _play_at_once(self, state: State, action: Tensor, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        """The same by one kernel."""
        worlds, number = len(action), state["car_number"]
        rules = (STEER, THROTTLE, PUSH, SLOWEST, FASTEST, THEIRS, CLOSING, HIT, CLOSE, 8 * CLOSING, self.goal, self.day)
        moved = torch.empty(len(MOVED) + 1, worlds, dtype=torch.float32)
        cars = torch.empty(len(CARS_MOVED), *number.shape, dtype=torch.float32)
        numbered, ended = torch.empty_like(number), torch.empty(worlds, dtype=torch.bool)
        kernel("drives")(
            *rng.arrays,
            STREAMS,
            arrays(state[name] for name in MOVED),
            arrays(state[name] for name in CARS_MOVED),
            *arrays((number, action)),
            tuple(np.float32(number) for number in rules),
            np.array(LANES, np.float32),
            *arrays((moved, cars, numbered, ended)),
        )
        *after, reward = moved.unbind()
        known = {**dict(zip(MOVED, after, strict=True)), **dict(zip(CARS_MOVED, cars.unbind(), strict=True))}
        return {**known, "car_number": numbered}, reward, ended

    def _replaced(self, cars: State, gone: Tensor, rng: CounterRNG) -> State:
        """The cars, those that are `gone`, bool (B, K), as new ones beyond the last."""
        behind = cars["car_z"].masked_fill(gone, -1).amax(1, keepdim=True) + 0.28 + 0.2 * rng.uniform("gaps", 1)
        fresh = gone & (gone.cumsum(1) == 1)  # at most one a step is behind: gaps are wider than a step
        return {
            "car_z": torch.where(fresh, behind.clamp(min=1.0), cars["car_z"]),
            "car_x": torch.where(fresh, self._lanes(rng, 1), cars["car_x"]),
            "car_shown": torch.where(fresh, 1.0, cars["car_shown"]),
            "car_number": torch.where(fresh, cars["car_number"].amax(1, keepdim=True) + 1, cars["car_number"]),
        }

    def score(self, state: State) -> Tensor:
        return state["overtaken"] / self.goal

    # ---- the policies behind the score scale ----

    def oracle(self) -> Tensors:
        return self._best(self.state)

    def _best(self, state: State) -> Tensor:
        """Steer to the nearest place that is free of near cars, else drive faster, int64 (B,)."""
        x = (state["x"] - PUSH * state["bend"] * state["speed"])[:, None]  # where the bend will have pushed the car
        z = state["car_z"]
        near = (state["car_shown"] > 0) & (z < NEAR) & (z > -HIT)  # (B, K)
        places = torch.linspace(-0.75, 0.75, 31, device=x.device, dtype=x.dtype)
        gap = state["car_x"][:, None] - places[:, None]  # (B, 31, K)
        blocked = (gap.abs() < CLOSE + 0.1) & near[:, None]
        aside_of = (state["car_x"] - x)[:, None]  # (B, 1, K)
        # no way through where a car that is almost reached stands between here and there
        between = (aside_of.sign() != gap.sign()) & (aside_of.abs() > CLOSE) & (near & (z < 0.25))[:, None]
        danger = (blocked * (1 - z.clamp(0, 1))[:, None]).sum(-1) + 3.0 * between.any(-1)  # (B, 31)
        goal = places[(100 * danger + (places - x).abs()).argmin(1)]
        aside = goal - x[:, 0]
        ahead = near & ((state["car_x"] - x).abs() < CLOSE + 0.02)
        closest = torch.where(ahead, z, 2.0).amin(1)
        steps_left = (closest - HIT) / (CLOSING * (state["speed"] - THEIRS))
        needed = (aside.abs() - 0.04).clamp(min=0) / (STEER - 0.03)
        late = (closest < 1) & (needed > steps_left) & (state["speed"] > 0.45)
        steer = torch.where(aside > 0, RIGHT, LEFT)
        return torch.where(late, SLOWER, torch.where(aside.abs() > 0.06, steer, FASTER))

    def blind(self) -> Tensors:
        """Full speed, and from side to side, which gets round the cars that are run into."""
        phase = self.clock % 16
        sweep = torch.where(phase < 4, LEFT, torch.where((phase >= 8) & (phase < 12), RIGHT, FASTER))
        return torch.where(self.clock < 5, FASTER, sweep)

    # ---- the picture and its objects ----

    def draw(self, scene: State) -> Tensor:
        return road.draw(scene, self.pictures)

    def masks(self, scene: State) -> dict[str, Tensor]:
        rows, columns = covered(road.car_boxes(scene))
        near = (scene["car_z"] < NEAR)[..., None]
        blank = torch.zeros(len(rows), SIZE, SIZE, dtype=torch.bool, device=rows.device)
        horizon, score, lane = blank.clone(), blank.clone(), blank.clone()
        horizon[:, : road.SKY] = True
        score[:, road.DIGIT_TOP : road.DIGIT_TOP + 10, road.DIGIT_LEFT : road.DIGIT_LEFT + 14] = True
        asphalt, edge, _ = road.road_mask(scene)
        lane[:, road.SKY : road.PANEL] = asphalt | edge
        own, near_cars, far_cars = (
            cover(*covered(road.own_box(scene))),
            cover(rows & near, columns),
            cover(rows & ~near, columns),
        )
        cars = own | near_cars | far_cars
        return {
            "own car": own,
            "near cars": near_cars & ~own,
            "far cars": far_cars & ~near_cars & ~own,
            "horizon": horizon & ~cars,
            "score": score,
            "road": lane & ~cars,
        }

    def relevance(self, state: State) -> Tensor:
        best = self._best(state)
        rows, columns = covered(road.car_boxes(state))
        decides = []
        for k in range(CARS):  # a car decides if the oracle would do something else without it
            shown = state["car_shown"].clone()
            shown[:, k] = 0
            decides.append(self._best({**state, "car_shown": shown}) != best)
        some = torch.stack(decides, 1)  # (B, K)
        # two that each block the way decide together
        near = state["car_z"] < NEAR
        without = self._best({**state, "car_shown": state["car_shown"].masked_fill(near, 0)})
        some = some | (near & ((without != best) & ~some.any(1))[:, None])
        cars = cover(rows & some[..., None], columns)
        return cars | cover(*covered(road.own_box(state)))

    def relevance_value(self, state: State) -> Tensor:
        masks = self.objects(state)
        return ~masks["road"] & torch.stack([mask for name, mask in masks.items() if name != "road"]).any(0)

    def change(self, scene: State, now: State, intervention: Intervention) -> State:
        kind, name, amount = intervention
        if name == "score":
            return {"left": torch.full_like(scene["left"], amount).clamp(0, 99)}
        if name == "time":
            return {"time": torch.full_like(scene["time"], amount).clamp(0, 1)}
        if name == "horizon":
            return {"heading": scene["heading"] + amount}
        if name == "own car":  # to the other side where it would leave the road
            by = torch.where((now["x"] + amount).abs() > 0.8, -amount, amount)
            return {"x": (scene["x"] + by).clamp(-1, 1)}
        # a slot may have held another car in an earlier frame: that one is left alone
        same = scene["car_number"] == now["car_number"]
        chosen = ((now["car_z"] < NEAR) == (name == "near cars")) & same
        if kind == "remove":
            return {"car_shown": scene["car_shown"].masked_fill(chosen, 0)}
        by = torch.where((now["car_x"] + amount).abs() > 0.8, -amount, amount)
        return {"car_x": torch.where(chosen, scene["car_x"] + by, scene["car_x"])}

    def caption(self, state: State, index: int) -> str:
        return f"overtaken {int(state['overtaken'][index])} of {self.goal}   speed {float(state['speed'][index]):.1f}"
