"""The scratch pad: its traces against programs in plain Python, its stack, and what is due after mistakes."""

from collections.abc import Iterator

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.envs.memory.pad_picture import LISTED, MIDDLE
from foveate.envs.memory.programs import (
    ACT,
    ADD,
    ADD1,
    BLANK,
    CARRIES,
    CARRY,
    FIRST,
    LEFT,
    LSHIFT,
    OUT,
    RIGHT,
    RSHIFT,
    SECOND,
    WRITE,
)
from foveate.errors import FoveateError

Command = tuple[int, int, int, int, int]
STOP: Command = (0, 0, 0, 0, 1)


class Pad:
    """A pad in plain Python, and the programs as functions that call each other."""

    def __init__(self, first: int, second: int, count: int):
        self.rows = {FIRST: _cells(first, count), SECOND: _cells(second, count), CARRIES: {}, OUT: {}}
        self.at = dict.fromkeys(range(4), 0)

    def read(self, row: int) -> int:
        return self.rows[row].get(self.at[row], 0)

    def act(self, row: int, deed: int, symbol: int = 0) -> Iterator[Command]:
        yield ACT, row, deed, symbol, 0
        if deed == WRITE:
            self.rows[row][self.at[row]] = symbol
        else:
            self.at[row] += 1 if deed == LEFT else -1

    def add(self) -> Iterator[Command]:
        while any(self.at[row] in self.rows[row] for row in (FIRST, SECOND, CARRIES)):
            yield ADD1, 0, 0, 0, 0
            yield from self.add1()
            yield LSHIFT, 0, 0, 0, 0
            yield from self.lshift()
        yield STOP

    def add1(self) -> Iterator[Command]:
        yield from self.act(OUT, WRITE, sum(map(self.read, (FIRST, SECOND, CARRIES))) % 10)
        if sum(map(self.read, (FIRST, SECOND, CARRIES))) > 9:
            yield CARRY, 0, 0, 0, 0
            yield from self.act(CARRIES, LEFT)
            yield from self.act(CARRIES, WRITE, 1)
            yield from self.act(CARRIES, RIGHT)
            yield STOP
        yield STOP

    def lshift(self) -> Iterator[Command]:
        for row in range(4):
            yield from self.act(row, LEFT)
        yield STOP


def _cells(number: int, count: int) -> dict[int, int]:
    return {column: number // 10**column % 10 for column in range(count)}


def _number(cells: torch.Tensor) -> int:
    return sum(digit * 10**column for column, digit in enumerate(cells.tolist()) if digit != BLANK)


def made(**options: object) -> gym.Env:
    return gym.make("Memory/ScratchPad-v0", **options).unwrapped


def numbers(env: gym.Env) -> tuple[int, int, int]:
    """Both numbers of the present episode, and their digits."""
    pad = env.world.state["pad"][0]
    return _number(pad[FIRST]), _number(pad[SECOND]), int((pad[FIRST] != BLANK).sum())


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), digits=st.integers(1, 9), calls=st.booleans())
def test_the_targets_are_the_trace_of_programs_in_plain_python(seed: int, digits: int, calls: bool) -> None:
    env = made(min_digits=1, max_digits=digits, calls=calls, reward="whole")
    _, info = env.reset(seed=seed)
    first, second, count = numbers(env)
    commands = list(Pad(first, second, count).add())
    if not calls:  # what is left when the world makes the calls
        commands = [command[1:] for command in commands[:-1] if command[0] == ACT and not command[-1]] + [STOP[1:]]
    for place, command in enumerate(commands):
        assert tuple(info["target"]) == command
        _, reward, terminated, truncated, info = env.step(info["target"])
        assert terminated == (place == len(commands) - 1)
        assert not truncated
        assert reward == terminated
    assert _number(env.world.state["pad"][0, OUT]) == first + second
    assert info["score"] == 1


def test_a_long_sum_comes_out() -> None:
    env = gym.make_vec("Memory/ScratchPad-v0", num_envs=2, output="torch", split="test-100", reward="whole")
    env.reset(seed=3)
    world, over = env.unwrapped.world, torch.zeros(2, dtype=torch.bool)
    given = [(_number(pad[FIRST]), _number(pad[SECOND])) for pad in world.state["pad"]]
    while not over.all():
        _, terminated, _ = world.step(world.oracle())
        over |= terminated
    for (first, second), pad in zip(given, world.state["pad"], strict=True):
        assert _number(pad[OUT]) == first + second > 10**98


def test_the_world_keeps_the_stack() -> None:
    env = made()
    seen, _ = env.reset(seed=0)
    assert (seen["program"], seen["depth"]) == (ADD, 0)
    seen, *_ = env.step([RSHIFT, 3, 1, 7, 0])
    assert (seen["program"], seen["depth"], seen["arguments"].tolist()) == (RSHIFT, 1, [3, 1, 7])
    seen, *_, info = env.step([ADD1, 0, 0, 4, 0])
    assert (seen["program"], seen["depth"], seen["arguments"].tolist()) == (ADD1, 2, [0, 0, 4])
    seen, *_, info = env.step([LSHIFT, 2, 2, 2, 1])  # what comes with a stop is ignored
    assert (seen["program"], seen["depth"], seen["arguments"].tolist()) == (RSHIFT, 1, [3, 1, 7])
    assert info["target"].tolist() == [ACT, 1, RIGHT, 0, 0]  # it has given one command, the second row is due
    seen, _, terminated, _, info = env.step(STOP)
    assert (seen["program"], seen["depth"], terminated) == (ADD, 0, False)
    *_, terminated, _, info = env.step(STOP)
    assert terminated
    assert info["score"] == 0


def test_a_full_stack_ends_the_episode() -> None:
    env = made()
    env.reset(seed=0)
    for depth in range(1, 4):
        seen, _, terminated, *_ = env.step([CARRY, 0, 0, 0, 0])
        assert (seen["depth"], terminated) == (depth, False)
    seen, _, terminated, _, info = env.step([CARRY, 0, 0, 0, 0])
    assert terminated
    assert seen["depth"] == 3
    assert info["score"] == 0


def test_numbers_are_not_overwritten_and_pointers_stay_on_the_pad() -> None:
    env = made(max_digits=2)
    env.reset(seed=1)
    before = env.world.state["pad"].clone()
    for row in (FIRST, SECOND):
        env.step([ACT, row, WRITE, 5, 0])
    assert torch.equal(env.world.state["pad"], before)
    env.step([ACT, OUT, RIGHT, 0, 0])
    assert env.world.state["pointers"][0, OUT] == 0
    for _ in range(6):
        env.step([ACT, OUT, LEFT, 0, 0])
    assert env.world.state["pointers"][0, OUT] == env.world.width - 1


def test_a_right_digit_pays_until_it_is_overwritten() -> None:
    env = made(min_digits=3, max_digits=3)
    env.reset(seed=2)
    first, second, _ = numbers(env)
    digits, right = len(str(first + second)) if first + second > 999 else 3, (first + second) % 10
    assert env.step([ACT, OUT, WRITE, right, 0])[1] == pytest.approx(1 / digits)
    assert env.step([ACT, OUT, WRITE, right, 0])[1] == 0
    assert env.step([ACT, OUT, WRITE, (right + 1) % 10, 0])[1] == pytest.approx(-1 / digits)
    assert env.step([ACT, CARRIES, WRITE, right, 0])[1] == 0


@pytest.mark.parametrize("calls", [True, False])
def test_anything_of_a_set_does_as_well(calls: bool) -> None:
    env = gym.make_vec(
        "Memory/ScratchPad-v0", num_envs=50, autoreset_mode="Disabled", output="torch", calls=calls, reward="whole"
    )
    _, info = env.reset(seed=0)
    world, chance = env.unwrapped.world, torch.Generator().manual_seed(0)
    alive, total, changed = torch.ones(50, dtype=torch.bool), torch.zeros(50), 0
    while alive.any():
        right = info["target_set"]
        assert right.gather(2, info["target"][..., None]).all()
        assert (
            not right[:, range(right.shape[1]), :]
            .logical_and(torch.arange(11) >= torch.tensor(env.single_action_space.nvec)[:, None])
            .any()
        )
        action = torch.multinomial(right.flatten(0, 1).float(), 1, generator=chance).view(50, -1)
        changed += int((action != info["target"]).any(1).sum())
        reward, terminated, _ = world.step(action)
        info = world.annotate(world.state)
        total, alive = total + reward * alive, alive & ~terminated
    assert changed > 50
    assert bool((total == 1).all())


@pytest.mark.parametrize("calls", [True, False])
def test_what_is_relevant_decides(calls: bool) -> None:
    env = made(min_digits=3, max_digits=3, calls=calls)
    env.reset(seed=4)
    world, over, changed = env.world, False, 0
    chance = torch.Generator().manual_seed(0)
    while not over:
        state, shown = world.state, world.relevance(world.state)[0]
        told = world.oracle()[0].tolist()
        for places in (~shown, shown):
            symbols = torch.randint(0, 11, state["pad"].shape, generator=chance)
            world.replace({**state, "pad": torch.where(places, symbols, state["pad"])})
            differs = world.oracle()[0].tolist() != told
            assert places is shown or not differs
            changed += differs
        world.replace(state)
        assert not shown[OUT].any()
        assert int(shown.sum()) in (0, 3)
        over = env.step(world.oracle()[0].numpy())[2]
    assert changed > 2


def test_the_marks_of_the_policy_without_memory_fail_where_digits_are_alike() -> None:
    worlds = 300
    env = gym.make_vec("Memory/ScratchPad-v0", num_envs=worlds, output="torch", min_digits=3, max_digits=3)
    env.reset(seed=0)
    world = env.unwrapped.world
    pad = world.state["pad"][:, :2, :3]
    alike = (pad[..., 1:] == pad[..., :-1]).any(-1).any(-1)  # neighbours in a number
    done, score = torch.zeros(worlds, dtype=torch.bool), torch.zeros(worlds)
    for _ in range(world.max_episode_steps):
        _, terminated, truncated = world.step(world.memoryless())
        score = torch.where(done, score, world.score(world.state))
        done |= terminated | truncated
    assert bool((score[~alike] == 1).all())
    assert float(score[alike].mean()) < 0.2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"split": "test-10"}, "test-100"),
        ({"max_digits": 0}, "max_digits=0"),
        ({"view": "hole"}, "whole"),
        ({"lesson": 5}, "lesson"),
        ({"reward": "sparse"}, "dense"),
    ],
)
def test_impossible_options_are_refused(options: dict, said: str) -> None:
    with pytest.raises(FoveateError, match=said):
        made(**options)


def test_the_whole_view_shows_every_cell_and_pointer() -> None:
    env = made(view="whole", max_digits=3)
    seen, _ = env.reset(seed=0)
    for _ in range(9):
        assert np.array_equal(seen["pad"][..., :11].argmax(-1), env.world.state["pad"][0])
        assert np.array_equal(seen["pad"][..., 11].argmax(-1), env.world.state["pointers"][0])
        seen, *_ = env.step(env.world.oracle()[0].numpy())


@pytest.mark.parametrize("calls", [True, False])
def test_the_picture_says_where_its_list_of_commands_is_cut_off(calls: bool) -> None:
    env = gym.make("Memory/ScratchPad-v0", render_mode="rgb_array", min_digits=8, max_digits=8, calls=calls)
    world = env.unwrapped.world
    env.reset(seed=0)
    titles, cut, over = [], [], False
    while not over:
        listed = int((world.state["trail"][0, :, 0] >= 0).sum())
        begins = bool(world.state["trail"][0, -listed, 1] == ADD) if calls else int(world.state["clock"][0]) <= listed
        titles.append(env.render()[8:26, MIDDLE:].tobytes())
        cut.append(listed == LISTED and not begins)
        _, _, over, _, _ = env.step(world.oracle()[0].numpy())
    assert cut == sorted(cut)
    assert len(set(cut)) == 2
    assert [title != titles[0] for title in titles] == cut
