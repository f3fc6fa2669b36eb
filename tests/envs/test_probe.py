"""The probe worlds: every object is where it is said to be, and changing one changes nothing else."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ids import PROBE_IDS

from foveate.envs.ball import fall, landing_column
from foveate.envs.probe import Catch, Distractors, Driving, road
from foveate.errors import FoveateError

WORLDS = {"Probe/Driving-v0": Driving, "Probe/Catch-v0": Catch, "Probe/Distractors-v0": Distractors}


def played(env_id: str, steps: int, seed: int = 0, count: int = 12, **options: object) -> object:
    """Worlds in the middle of their episodes, played half by the oracle and half at random."""
    world = WORLDS[env_id](**options)
    world.build(count)
    world.reset(keys=torch.arange(count) + seed)
    generator = torch.Generator().manual_seed(seed)
    for step in range(steps):
        action = torch.randint(0, int(world.action_space.n), (count,), generator=generator)
        world.step(world.oracle() if step % 2 else action)
    return world


@pytest.mark.parametrize("env_id", PROBE_IDS)
def test_the_stack_holds_the_last_frames_drawn_one_by_one(env_id: str) -> None:
    world = played(env_id, 0)
    frames = [world.draw(world.scene(world.state))]
    assert torch.equal(world.observe(world.state), torch.stack(frames * 4, 1))
    for _ in range(6):
        world.step(world.oracle())
        frames.append(world.draw(world.scene(world.state)))
    assert torch.equal(world.observe(world.state), torch.stack(frames[-4:], 1))
    drawn_again = world.derive(world.state)
    assert all(torch.equal(drawn_again[name], world.state[name]) for name in world.derived & world.state.keys())


CHANGED = [
    ("Probe/Driving-v0", "remove", "near cars"),
    ("Probe/Driving-v0", "remove", "far cars"),
    ("Probe/Driving-v0", "move", "near cars"),
    ("Probe/Driving-v0", "move", "own car"),
    ("Probe/Driving-v0", "shift", "horizon"),
    ("Probe/Driving-v0", "set", "score"),
    ("Probe/Catch-v0", "move", "ball"),
    ("Probe/Catch-v0", "move", "paddle"),
    ("Probe/Catch-v0", "set", "score"),
    ("Probe/Distractors-v0", "move", "decoy"),
    ("Probe/Distractors-v0", "remove", "decoy"),
    ("Probe/Distractors-v0", "move", "ball"),
]


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000))
@pytest.mark.parametrize(("env_id", "kind", "name"), CHANGED)
def test_an_intervention_changes_its_object_and_nothing_else(env_id: str, kind: str, name: str, seed: int) -> None:
    world = played(env_id, 15, seed)
    before = {key: value.clone() for key, value in world.state.items()}
    after = world.intervene(world.state, kind, name)
    assert all(torch.equal(world.state[key], before[key]) for key in before)  # the state itself is left alone
    old, new = world.observe(world.state)[:, -1], world.observe(after)[:, -1]
    there = world.objects(world.state)[name]
    allowed = there | world.objects(after)[name]
    covered = world.objects(world.state)
    # what stood in front of (or behind) the object may change hands
    allowed = allowed | torch.stack([covered[o] ^ world.objects(after)[o] for o in covered]).any(0)
    assert not ((old != new) & ~allowed).any()
    visible = there.flatten(1).any(1)
    if kind != "set":
        assert ((old != new).flatten(1).any(1) | ~visible).all()  # and does change it


def test_removed_cars_are_gone_from_every_frame_and_from_the_game() -> None:
    world = played("Probe/Driving-v0", 20, 3)
    after = world.intervene(world.state, "remove", "near cars")
    assert not world.objects(after)["near cars"].any()
    world.replace(after)
    for _ in range(3):
        world.step(torch.full((12,), 3))
    assert not (world.objects(world.state)["near cars"] & world.objects(after)["near cars"]).any()
    # the same by the single face
    env = gym.make("Probe/Driving-v0").unwrapped
    env.reset(seed=2)
    for _ in range(8):
        env.step(3)
    before = env.world.observe(env.world.state)[0].numpy()
    seen = env.intervene("remove", "near cars")
    assert env.observation_space.contains(seen)
    gone = env.world.objects(env.world.state)["near cars"]
    assert not gone.any()
    assert (before != seen).any()


@pytest.mark.parametrize(
    ("kind", "name", "said"), [("remove", "near car", "near cars"), ("paint", "near cars", "move, remove")]
)
def test_unknown_interventions_are_refused_with_what_is_known(kind: str, name: str, said: str) -> None:
    env = gym.make("Probe/Driving-v0").unwrapped
    env.reset(seed=0)
    with pytest.raises(FoveateError, match=said):
        env.intervene(kind, name)
    other = gym.make("Memory/Copy-v0").unwrapped
    other.reset(seed=0)
    with pytest.raises(FoveateError, match="no interventions"):
        other.intervene("remove", "bits")


@pytest.mark.parametrize("env_id", PROBE_IDS)
def test_relevance_is_what_the_oracle_needs(env_id: str) -> None:
    world = played(env_id, 25, 1, count=40)
    objects = world.objects(world.state)
    told = {name: getattr(world, name)(world.state) for name in ("relevance", "relevance_value")}
    agent = "own car" if env_id == "Probe/Driving-v0" else "paddle"
    assert (told["relevance"] & objects[agent]).flatten(1).any(1).all()
    assert not (told["relevance"] & ~told["relevance_value"]).any()
    if "decoy" in objects:
        assert not (told["relevance_value"] & objects["decoy"]).any()
        for kind in ("move", "remove"):
            other = WORLDS[env_id]()
            other.build(40)
            other.load_state_dict(world.state_dict())
            other.replace(other.intervene(other.state, kind, "decoy"))
            assert torch.equal(other.oracle(), world.oracle())
    if env_id == "Probe/Driving-v0":
        # where near cars decide nothing, taking them away leaves the best action; where all do, it changes
        cars = (told["relevance"] & objects["near cars"]).flatten(1).any(1)
        best = world.oracle()
        world.replace(world.intervene(world.state, "remove", "near cars"))
        assert (world.oracle()[cars] != best[cars]).float().mean() > 0.5
        assert cars.any()


def test_a_car_that_was_overtaken_stays_in_the_older_frames() -> None:
    """A slot that holds a far car now may have held the car beside the driver three frames ago."""
    world = played("Probe/Driving-v0", 0, count=16)
    found = False
    for _ in range(40):
        world.step(world.oracle())
        fresh = world.state["past.car_number"][:, 0] != world.state["car_number"]
        after = world.intervene(world.state, "remove", "far cars")
        kept = after["past.car_shown"][:, 0] > 0
        assert (kept | ~fresh).all()
        found |= bool(fresh.any())
    assert found


def test_a_long_day_has_its_steps() -> None:
    world = Driving(goal=99, day=700)
    world.build(1)
    world.reset(keys=torch.tensor([1]))
    for step in range(700):
        _, terminated, _ = world.step(torch.tensor([4]))
        assert bool(terminated) == (step == 699)


def test_the_decoy_changes_neither_rewards_nor_the_game() -> None:
    one, other = played("Probe/Distractors-v0", 5, 8), played("Probe/Distractors-v0", 5, 8)
    other.replace(other.intervene(other.state, "remove", "decoy"))
    for _ in range(30):
        action = one.oracle()
        (a, *_), (b, *_) = one.step(action), other.step(action)
        assert torch.equal(a, b)
        assert torch.equal(one.state["column"], other.state["column"])
    assert not other.objects(other.state)["decoy"].any()


@given(z=st.floats(0.0, 1.0))
def test_depth_is_the_inverse_of_nearness(z: float) -> None:
    depth = torch.tensor(z, dtype=torch.float64)
    assert float(road.depth(road.nearness(depth))) == pytest.approx(z, abs=1e-9)
    assert 0 <= float(road.nearness(depth)) <= 1


def test_a_road_of_literal_numbers() -> None:
    # at the bumper 34 pixels of half width around the middle, at the horizon 2, shifted by the bend
    f = torch.tensor([1.0, 0.0])
    assert road.half_width(f).tolist() == [34.0, 2.0]
    assert road.middle(f, torch.tensor(1.0)).tolist() == [42.0, 58.0]
    assert float(road.nearness(torch.tensor(0.0))) == 1.0
    # the number on the dashboard, read back from the picture
    world = played("Probe/Driving-v0", 0, count=1)
    shown = world.intervene(world.state, "set", "score", 17)
    digits = world.observe(shown)[0, -1, 72:82, 36:50] > 100
    assert digits[:, 2:4].all(0).tolist() == [True, True]  # the 1's stem
    assert digits[:2, 8:].all()  # the 7's top bar
    assert not digits[4:, 8:12].any()


@settings(max_examples=30, deadline=None)
@given(column=st.integers(0, 9), drift=st.integers(-2, 2), row=st.integers(0, 7))
def test_where_the_ball_lands_is_where_it_falls_to(column: int, drift: int, row: int) -> None:
    ball = {name: torch.tensor([value]) for name, value in (("row", row), ("column", column), ("drift", drift))}
    foreseen = landing_column(ball, columns=10, rows=9)
    while int(ball["row"]) < 8:
        ball = fall(ball, columns=10)
        assert 0 <= int(ball["column"]) <= 9
    assert int(ball["column"]) == int(foreseen)


def test_a_crash_costs_speed_and_passing_earns() -> None:
    world = Driving(goal=2, day=400)
    world.build(1)
    world.reset(keys=torch.tensor([5]))
    state = dict(world.state)
    state["car_x"], state["car_z"] = torch.zeros(1, 5), torch.tensor([[0.07, 0.5, 0.9, 1.3, 1.7]])
    state["speed"] = torch.ones(1)
    world.replace(state)
    reward, *_ = world.step(torch.tensor([3]))
    assert float(reward) == 0
    assert float(world.state["speed"]) == pytest.approx(0.3)
    state = dict(world.state)
    state["car_x"], state["car_z"] = torch.full((1, 5), 0.6), torch.tensor([[-0.04, 0.5, 0.9, 1.3, 1.7]])
    state["speed"] = torch.ones(1)
    world.replace(state)
    reward, terminated, _ = world.step(torch.tensor([3]))
    assert float(reward) == 0.5
    assert not terminated
    assert float(world.state["left"]) == 1
    assert float(world.state["car_z"].amin()) > 0  # the one that was passed appears at the horizon again
    assert float(world.state["car_z"].amax()) >= 1


def test_names_of_actions_fit_the_space() -> None:
    for env_id in PROBE_IDS:
        world = WORLDS[env_id]
        env = gym.make(env_id)
        assert env.action_space.n == len(world.action_names)
        assert np.unique(world.action_names).size == len(world.action_names)
