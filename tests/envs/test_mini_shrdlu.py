"""Mini-SHRDLU, against a board of lists: what is described, what moves do, what is rewarded, how goals are drawn."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from foveate.envs.counter_rng import CounterRNG
from foveate.envs.memory.mini_shrdlu import (
    HEIGHT,
    LETTERS,
    MOST_BLOCKS,
    MOVES,
    RELATIONS,
    MiniShrdlu,
    moved,
    possible,
)
from foveate.errors import FoveateError

ID = "Memory/MiniShrdlu-v0"
Board = list[list[int]]


def board_of(state: dict[str, Any], index: int = 0) -> Board:
    return [[int(block) for block in column if block] for column in state["board"][index]]


def holds(board: Board, first: int, relation: str, second: int) -> bool:
    where = {block: (c, r) for c, column in enumerate(board) for r, block in enumerate(column)}
    (c, r), (d, s) = where[first], where[second]
    return {
        "above": c == d and r == s + 1,
        "below": c == d and r == s - 1,
        "left of": r == s and c == d - 1,
        "right of": r == s and c == d + 1,
    }[relation]


def pushed(board: Board, action: int) -> Board:
    board = [list(column) for column in board]
    if action:
        source, goal = MOVES[action - 1]
        if board[source] and len(board[goal]) < HEIGHT:
            board[goal].append(board[source].pop())
    return board


def said(seen: np.ndarray) -> tuple[str, bool, tuple[int, str, int] | None]:
    """The letter, whether it is asked for, and the constraint of an observation."""
    letters, asks, rest = seen[:LETTERS], bool(seen[LETTERS]), seen[LETTERS + 1 :]
    first, relation, second = np.split(rest[: 2 * MOST_BLOCKS + 4], [MOST_BLOCKS, MOST_BLOCKS + 4])
    letter = chr(65 + int(letters.argmax())) if letters.any() else ""
    if not first.any():
        return letter, asks, None
    return letter, asks, (int(first.argmax()) + 1, RELATIONS[int(relation.argmax())], int(second.argmax()) + 1)


@pytest.mark.parametrize("lesson", range(1, 10))
@pytest.mark.parametrize("seed", range(3))
def test_an_episode_read_slowly(lesson: int, seed: int) -> None:
    env = gym.make(ID, lesson=lesson, relevance=True).unwrapped
    world: Any = env.world
    seen, info = env.reset(seed=seed)
    goals: dict[str, list[tuple[int, str, int]]] = {}
    told: list[str] = []
    board = board_of(world.state)
    rng = np.random.default_rng(seed)
    for _ in range(world.described):
        letter, asks, constraint = said(seen)
        assert letter
        assert constraint is not None
        assert not asks
        assert not info["target_mask"]
        assert not info["relevance"].any()
        goals.setdefault(letter, []).append(constraint)
        told.append(letter)
        seen, reward, over, cut, info = env.step(int(rng.integers(7)))  # nothing moves while goals are described
        assert (reward, over, cut) == (0.0, False, False)
        assert board_of(world.state) == board
    assert len(goals) == world.goals
    assert {len(each) for each in goals.values()} == {world.constraints}
    letter, asks, constraint = said(seen)
    assert asks
    assert constraint is None
    asked = goals[letter]
    assert np.flatnonzero(info["relevance"]).tolist() == [t for t, each in enumerate([*told, letter]) if each == letter]

    def share(now: Board) -> float:
        return float(np.mean([holds(now, *each) for each in asked]))

    missing = 1 - share(board)
    assert missing > 0  # something is left to do
    over, steps = False, 0
    while not over:
        action = int(info["target"])
        assert info["target_mask"]
        assert action > 0
        after = pushed(board, action)
        assert after != board
        seen, reward, over, cut, info = env.step(action)
        assert reward == pytest.approx((share(after) - share(board)) / missing, abs=1e-6)
        assert board_of(world.state) == after
        assert over == (share(after) == 1)
        assert not cut
        if not over:
            assert said(seen) == ("", False, None)  # the question isn't repeated
            shown = seen[-54:].reshape(3, 3, 6)
            assert [[1 + int(cell.argmax()) for cell in column if cell.any()] for column in shown] == after
        board, steps = after, steps + 1
    assert steps <= world.moves
    assert info["score"] == 1


def test_who_leaves_the_way_is_shown_none_and_runs_out_of_moves() -> None:
    env = gym.make(ID, lesson=5).unwrapped
    world: Any = env.world
    for seed in range(5):
        _, info = env.reset(seed=seed)
        for _ in range(world.described):
            _, _, _, _, info = env.step(0)
        target, board = int(info["target"]), board_of(world.state)
        other = next(a for a in range(1, 7) if a != target and pushed(board, a) != board)
        back = 1 + MOVES.index(MOVES[other - 1][::-1])
        over, steps = False, 0
        while not over:
            _, _, over, cut, info = env.step(other if steps % 2 == 0 else back)
            steps += 1
            assert not cut  # the time is part of the task
            assert over or not info["target_mask"]
        assert info["score"] == 1 or steps == 2 * world.moves + 2


@pytest.mark.parametrize("blocks", [2, 4, 6])
def test_moves_are_those_of_lists(blocks: int) -> None:
    env = gym.make_vec(ID, num_envs=20, lesson=9, blocks=blocks, output="torch").unwrapped
    env.reset(seed=1)
    board = env.world.state["board"]
    able = possible(board)
    for row in range(20):
        before = board_of(env.world.state, row)
        assert sorted(block for column in before for block in column) == list(range(1, blocks + 1))
        for move in range(len(MOVES)):
            after = pushed(before, 1 + move)
            assert bool(able[row, move]) == (after != before)
            if able[row, move]:
                found = moved(board[row : row + 1], torch.tensor([move]))
                assert board_of({"board": found}) == after


def test_goals_are_different_and_each_first_board_leaves_something_to_do() -> None:
    env = gym.make_vec(ID, num_envs=500, output="torch").unwrapped
    env.reset(seed=0)
    world = env.world
    start = world.share(world.state, world.state["board"])
    assert float(start.max()) < 1
    assert float(start.mean()) < 0.1  # what was true before is asked for where there is nothing else
    letters = world.state["letter"].sort(1).values
    assert bool((letters[:, 1:] > letters[:, :-1]).all())  # no letter twice
    assert len(world.state["asked"].unique()) == world.goals


def test_whole_rewards_come_at_the_end() -> None:
    env = gym.make(ID, lesson=4, reward="whole").unwrapped
    _, info = env.reset(seed=2)
    rewards, over = [], False
    while not over:
        _, reward, over, _, info = env.step(int(info["target"]))
        rewards.append(reward)
    assert rewards[-1] == 1.0
    assert sum(rewards) == 1.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"blocks": 7}, "blocks=7"),
        ({"goals": 27}, "goals=27"),
        ({"lesson": 10}, "lesson=10"),
        ({"reward": "dens"}, "Did you mean 'dense'"),
        ({"constraints": 0}, "constraints=0"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(FoveateError, match=message):
        gym.make(ID, **options)


def test_a_picture_says_what_was_asked_for() -> None:
    env = gym.make(ID, lesson=5, render_mode="rgb_array").unwrapped
    _, info = env.reset(seed=0)
    frames = [env.render()]
    for _ in range(8):
        _, _, over, _, info = env.step(int(info["target"]))
        frames.append(env.render())
        if over:
            break
    assert all(frame.shape == frames[0].shape for frame in frames)
    assert len({frame.tobytes() for frame in frames}) == len(frames)


@pytest.mark.parametrize("blocks", [2, 4, 6])
def test_a_goal_can_be_met_though_no_walk_makes_anything_true(blocks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a million walks a few come back to where they began."""
    walks = MiniShrdlu._walks

    def forth_and_back(world: MiniShrdlu, rng: CounterRNG, board: torch.Tensor) -> torch.Tensor:
        first = walks(world, rng, board)[..., 0]
        back = torch.tensor([MOVES.index((j, i)) for i, j in MOVES])
        return torch.stack([first, back[first]], -1)

    monkeypatch.setattr(MiniShrdlu, "_walks", forth_and_back)
    env = gym.make_vec(ID, num_envs=200, blocks=blocks, goals=2, moves=2, constraints=2, output="torch")
    env.reset(seed=3)
    world = env.unwrapped.world
    assert bool((world.state["missing"] > 0).all())
    while not world.over.all():
        world.step(world.oracle())
        assert bool(world.score(world.state)[world.over].all())
