"""Who answers rightly is right, though it be another answer than the target; and targets ask for what can be known."""

import gymnasium as gym
import pytest
import torch
from torch import Tensor

from foveate.envs.memory.graph_tasks import ShortestPath
from foveate.envs.memory.graphs import digits_of
from foveate.envs.memory.script import rows_at
from foveate.envs.memory.tape import LEFT, RIGHT

LESSONS = [("Memory/ShortestPath-v0", {"lesson": n}) for n in (2, 5, 9, 15)] + [
    ("Memory/UndergroundShortestPath-v0", {})
]


def _ways_left(world: ShortestPath) -> Tensor:
    """Edges from every node to the goal that was asked for, (B, N), counted outwards from the goal."""
    state = world.state
    rows = torch.arange(world.num_worlds)
    digits = state["inputs"][rows, state["asked_from"], 6:9]  # the question's destination
    goal = (digits @ torch.tensor([100.0, 10.0, 1.0]))[:, None] == state["names"]
    away = torch.where(goal, 0, 1000)
    for _ in range(away.shape[1]):
        further = torch.where(
            state["leads"] < 0, 1000, rows_at(away, state["leads"].flatten(1)).view_as(state["leads"])
        )
        away = away.minimum(further.amin(-1) + 1)
    return away


def _other_edge(world: ShortestPath, away: Tensor) -> Tensor:
    """The triple of the last edge on a shortest path, where the target is of the first."""
    state = world.state
    rows = torch.arange(world.num_worlds)
    leads = state["leads"][rows, state["here"]]
    right = (leads >= 0) & (rows_at(away, leads) == rows_at(away, state["here"][:, None]) - 1)
    edge = leads.shape[1] - 1 - right.flip(1).int().argmax(1)
    node = leads[rows, edge].clamp(min=0)
    names = state["names"]
    label = state["edge_names"][rows, state["here"], edge]
    return digits_of(torch.stack([names[rows, state["here"]], label, names[rows, node]], -1)).flatten(1).clamp(min=0)


def _in(target_set: Tensor, action: Tensor) -> Tensor:
    return target_set.gather(-1, action[..., None])[..., 0].all(-1)


@pytest.mark.parametrize(("env_id", "options"), LESSONS)
@pytest.mark.parametrize("reward", ["dense", "whole"])
def test_every_shortest_path_is_right(env_id: str, options: dict, reward: str) -> None:
    worlds = 60
    env = gym.make_vec(env_id, num_envs=worlds, autoreset_mode="Disabled", output="torch", reward=reward, **options)
    _, info = env.reset(seed=3)
    world = env.unwrapped.world
    returns, others = torch.zeros(worlds), 0
    alive, right = torch.ones(worlds, dtype=torch.bool), torch.ones(worlds, dtype=torch.bool)
    away = _ways_left(world)
    while bool(alive.any()):
        info = world.annotate(world.state)
        due = info["target_mask"] & alive
        action = torch.where(due[:, None], _other_edge(world, away), 0)
        right &= ~due | _in(info["target_set"], action)
        assert _in(info["target_set"], info["target"]).all()
        others += int((due & (action != info["target"]).any(-1)).sum())
        gained, terminated, _ = world.step(action)
        returns += gained * alive
        alive &= ~terminated
    assert others > 0 or options == {"lesson": 2}  # it did go other ways than the targets
    assert right.all()
    assert torch.allclose(returns, torch.ones(worlds), atol=1e-4)
    assert (world.score(world.state) == 1).all()


def test_a_wrong_edge_is_wrong() -> None:
    env = gym.make_vec("Memory/ShortestPath-v0", num_envs=50, autoreset_mode="Disabled", output="torch", lesson=9)
    env.reset(seed=0)
    world = env.unwrapped.world
    while bool((~world.over).any()):
        info = world.annotate(world.state)
        action = (info["target"] + 1) % 10
        assert not _in(info["target_set"], action)[info["target_mask"] & ~world.over].any()
        world.step(action)
    assert (world.score(world.state) == 0).all()


@pytest.mark.parametrize("task", ["copy", "reverse"])
def test_a_perfect_player_of_tapes_is_right_in_every_episode(task: str) -> None:
    """It knows what it has read, and no more: a copy is written at once, a reverse from the end that it has seen."""
    worlds = 200
    env = gym.make_vec("Memory/Tape-v0", num_envs=worlds, autoreset_mode="Disabled", output="torch", task=task)
    observation, info = env.reset(seed=1)
    world = env.unwrapped.world
    back = torch.full((worlds,), task == "copy")  # whether it writes now
    alive, returns = torch.ones(worlds, dtype=torch.bool), torch.zeros(worlds)
    while bool(alive.any()):
        observation, info = world.observe(world.state), world.annotate(world.state)
        symbol = observation.argmax(-1)
        blank = symbol == world.symbols
        back = back | blank
        writes = back & ~blank
        move = torch.where(back, LEFT if task == "reverse" else RIGHT, RIGHT)
        action = torch.stack([move, writes.long(), torch.where(writes, symbol, 0)], -1)
        assert torch.equal(action[alive], info["target"][alive])  # what the target says can be known
        action[:, 2] = torch.where(writes, symbol, world.clock % world.symbols)  # what isn't written may be anything
        assert _in(info["target_set"], action)[alive].all()
        gained, terminated, truncated = world.step(action)
        returns += gained * alive
        alive &= ~(terminated | truncated)
    assert torch.allclose(returns, torch.ones(worlds), atol=1e-4)
