"""Memory worlds in which what is shown depends on what was done: tapes and mazes, against a slow reading of them."""

import itertools

import gymnasium as gym
import numpy as np
import pytest

SEEDS = range(4)


@pytest.mark.parametrize("task", ["copy", "reverse", "duplicated", "repeat"])
@pytest.mark.parametrize("seed", SEEDS)
def test_tape(task: str, seed: int) -> None:
    env = gym.make("Memory/Tape-v0", task=task).unwrapped
    seen, info = env.reset(seed=seed)
    state = {name: value[0] for name, value in env.world.state.items()}
    tape = state["tape"][: int(state["cells"])].tolist()
    word = tape[::2] if task == "duplicated" else tape
    expected = {"copy": word, "reverse": word[::-1], "duplicated": word, "repeat": word + word[::-1] + word}[task]
    written, head, over, total = [], 0, False, 0.0
    while not over:
        under = tape[head] if 0 <= head < len(tape) else 5
        assert seen.argmax() == under
        move, write, symbol = info["target"]
        head = min(max(head + move - 1, -1), len(tape))
        written += [symbol] * write
        seen, reward, over, cut, info = env.step([move, write, symbol])
        total += reward
        assert not cut
    assert written == expected
    assert total == pytest.approx(1)
    assert info["score"] == 1


def test_a_wrong_symbol_ends_the_tape_s_episode() -> None:
    env = gym.make("Memory/Tape-v0", task="copy").unwrapped
    _, info = env.reset(seed=0)
    _, reward, over, _, info = env.step([1, 1, (info["target"][2] + 1) % 5])
    assert (reward, over, info["score"]) == (0.0, True, 0.0)


@pytest.mark.parametrize("symbols", [2, 5])
@pytest.mark.parametrize("task", ["copy", "reverse", "duplicated", "repeat"])
def test_every_member_of_a_tape_s_set_of_right_actions_does_the_same(task: str, symbols: int) -> None:
    env = gym.make("Memory/Tape-v0", task=task, symbols=symbols).unwrapped
    for seed in range(3):
        seen, info = env.reset(seed=seed)
        over = False
        while not over:
            sets = [np.flatnonzero(row).tolist() for row in info["target_set"]]
            assert all(number in right for number, right in zip(info["target"], sets, strict=True))
            assert sets[2] == (info["target"][2:].tolist() if info["target"][1] else list(range(symbols)))
            before, outcomes = env.get_state(), []
            for action in itertools.product(*sets):
                env.set_state(before)
                seen, reward, over, cut, info = env.step(np.array(action))
                outcomes.append(
                    (None if over else seen.tolist(), reward, over, cut, info["score"])
                )  # the end matters to no one
            assert all(outcome == outcomes[0] for outcome in outcomes)
        assert info["score"] == 1


def test_t_maze() -> None:
    for seed in range(6):
        env = gym.make("Memory/TMaze-v0", corridor=3, relevance=True).unwrapped
        seen, info = env.reset(seed=seed)
        cue = 1 + int(seen[:2].argmax())
        seen, reward, over, _, info = env.step(1)  # turning in the corridor does nothing
        assert (reward, over, seen.tolist()) == (0, False, [0, 0, 1, 0])
        for _ in range(3):
            seen, *_, info = env.step(0)
        assert seen.tolist() == [0, 0, 0, 1]
        assert np.flatnonzero(info["relevance"]).tolist() == [0]
        _, reward, over, _, info = env.step(cue if seed % 2 else 3 - cue)
        assert (reward, over, info["score"]) == (seed % 2, True, seed % 2)
    env = gym.make("Memory/TMaze-v0", corridor=3).unwrapped
    env.reset(seed=0)
    assert [env.step(1)[3] for _ in range(16)] == [False] * 15 + [True]
