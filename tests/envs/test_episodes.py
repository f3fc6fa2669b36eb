"""Whole episodes at once, against stepping through them: the same bits, for any world, number and order."""

from typing import cast

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from ids import SCRIPTS, short
from torch import Tensor

from foveate.envs.counter_rng import CounterRNG
from foveate.envs.episodes import Episodes
from foveate.envs.gym_env import VectorEnv
from foveate.envs.memory import AnswerWorld, Script, SequenceWorld
from foveate.errors import FoveateError


def new_world(env_id: str, worlds: int, **options: object) -> SequenceWorld:
    return cast(VectorEnv, gym.make_vec(env_id, num_envs=worlds, **options).unwrapped).world


def world_of(env_id: str, worlds: int, seed: int, **options: object) -> SequenceWorld:
    world = new_world(env_id, worlds, **options)
    world.reset(keys=torch.arange(seed, seed + worlds))
    return world


def shown(episodes: Episodes) -> Tensor:
    return cast(Tensor, episodes.observation)


def actions_for(episodes: Episodes, world: SequenceWorld, seed: int) -> Tensor:
    """Right in some episodes, a mixture of right and random in the others, (T, n, …)."""
    steps, n = episodes.target_mask.shape
    world.action_space.seed(seed)
    chance = torch.as_tensor(np.array([[world.action_space.sample() for _ in range(n)] for _ in range(steps)])).long()
    luck = torch.rand(steps, n, generator=torch.Generator().manual_seed(seed)) < 0.7
    keep = luck | (torch.arange(n) % 2 == 0)
    return torch.where(keep.view(steps, n, *(1,) * (chance.ndim - 2)), episodes.target, chance)


def check_against_stepping(env_id: str, worlds: int, counts: list[int], seed: int, **options: object) -> None:
    """Ask for `counts` episodes, one call after the other; step through the same ones, world by world."""
    world = world_of(env_id, worlds, seed, **options)
    taken = [0] * worlds
    for count in counts:
        episodes = world.episodes(count)
        seen_at_once, action = shown(episodes), actions_for(episodes, world, seed)
        judged = world.judge(episodes, action)
        lengths = []
        for j in range(count):
            env = gym.make_vec(env_id, num_envs=1, output="torch", autoreset_mode="Disabled", **options)
            seen, info = env.reset(seed=seed + j % worlds)
            for _ in range(taken[j % worlds]):
                seen, info = env.reset(options={"reset_mask": np.array([True])})
            taken[j % worlds] += 1
            total, t, over = torch.zeros(1), 0, False
            while not over:
                assert torch.equal(seen_at_once[t, j], seen[0])
                assert torch.equal(episodes.target[t, j], info["target"][0])
                assert torch.equal(episodes.target_mask[t, j], info["target_mask"][0])
                assert ("optimum" in info) == (episodes.optimum is not None)
                if episodes.optimum is not None:
                    assert torch.equal(episodes.optimum[t, j], info["optimum"][0])
                seen, reward, terminated, truncated, info = env.step(action[t, j][None])
                total, t, over = total + reward, t + 1, bool(terminated | truncated)
            assert torch.equal(judged.returns[j], total[0])
            assert torch.equal(judged.score[j], info["score"][0])
            assert episodes.length[j] == t
            for padded in (seen_at_once, episodes.target, episodes.target_mask):
                assert padded.is_contiguous()
                assert not padded[t:, j].any()
            lengths.append(t)
        assert len(episodes.target_mask) == max(lengths)


@pytest.mark.parametrize("name", ["Arithmetic", "ShortestPath", "UndergroundShortestPath", "Tape", "TMaze"])
def test_worlds_in_which_actions_change_what_comes_say_no_episodes(name: str) -> None:
    assert f"Memory/{name}-v0" not in SCRIPTS
    assert not hasattr(world_of(f"Memory/{name}-v0", 1, 0, **short(f"Memory/{name}-v0")), "episodes")


@pytest.mark.parametrize("env_id", SCRIPTS)
def test_episodes_and_their_judgement_are_those_of_stepping(env_id: str) -> None:
    check_against_stepping(env_id, 2, [2, 3], seed=5, **short(env_id))


@pytest.mark.parametrize(
    ("env_id", "options"),
    [
        ("Copy", {"reward": "whole", "max_length": 3}),
        ("ReverseCopy", {"split": "test-10"}),
        ("RepeatCopy", {"min_length": 2, "max_length": 2, "min_repeats": 1, "max_repeats": 3, "reward": "whole"}),
        ("GraphTraversal", {"lesson": 4, "reward": "whole"}),
        ("GraphTraversal", {"lesson": 1, "split": "test-path-20"}),
        ("GraphInference", {"lesson": 2}),
        ("GraphInference", {"lesson": 8}),
        ("FamilyTree", {"path": 2, "reward": "whole"}),
        ("DynamicNGrams", {"context": 2, "bits": 40}),
        ("Parity", {"per_step": 1, "bits": 5, "split": "validation"}),
        ("RepeatPrevious", {"k": 2, "symbols": 3, "steps": 6, "reward": "whole"}),
        ("Sort", {"split": "test-10"}),
    ],
)
def test_so_they_are_with_other_splits_lessons_and_rewards(env_id: str, options: dict) -> None:
    check_against_stepping(f"Memory/{env_id}-v0", 2, [2, 3], seed=11, **options)


@settings(max_examples=15, deadline=None)
@given(
    env_id=st.sampled_from(["Copy", "Logic", "AssociativeRecall", "DynamicNGrams"]),
    worlds=st.integers(1, 5),
    counts=st.lists(st.integers(1, 8), min_size=1, max_size=4),
    seed=st.integers(0, 2**40),
)
def test_any_number_of_worlds_and_episodes_gives_the_same(
    env_id: str, worlds: int, counts: list[int], seed: int
) -> None:
    env_id = f"Memory/{env_id}-v0"
    check_against_stepping(env_id, worlds, counts, seed, **short(env_id))


def test_episodes_go_on_where_stepping_stopped() -> None:
    world, other = (world_of("Memory/Copy-v0", 3, 0, max_length=3) for _ in range(2))
    other.reset()
    world.step(world.oracle())  # all are in their first episode: the next is the second
    assert torch.equal(shown(world.episodes()), shown(other.episodes()))
    assert bool(world.over.all())
    world.reset()
    other.reset()
    assert torch.equal(world.state["inputs"], other.state["inputs"])
    world.reset(torch.tensor([False, True, False]))  # world 1 skips an episode
    ahead, behind = world.episodes(), other.episodes()
    assert torch.equal(ahead.length[[0, 2]], behind.length[[0, 2]])
    assert torch.equal(ahead.state["inputs"][1], other.episodes().state["inputs"][1])


def test_a_saved_state_goes_on_with_the_same_episodes() -> None:
    world, other = (world_of("Memory/Copy-v0", 3, 0, max_length=3) for _ in range(2))
    for count in (0, 2, 3):
        if count:
            world.episodes(count)
        other.load_state_dict(world.state_dict())
        assert torch.equal(shown(world.episodes()), shown(other.episodes()))


def test_later_resets_leave_episodes_alone() -> None:
    world = world_of("Memory/Copy-v0", 3, 0, max_length=3)
    episodes = world.episodes()
    before = {name: value.clone() for name, value in episodes.state.items()}
    world.reset(torch.tensor([True, False, True]))
    assert all(torch.equal(episodes.state[name], value) for name, value in before.items())


def test_mistakes_are_named() -> None:
    world = new_world("Memory/Copy-v0", 2)
    with pytest.raises(FoveateError, match="call reset"):
        world.episodes()
    world.reset(keys=torch.arange(2))
    with pytest.raises(FoveateError, match="n=0"):
        world.episodes(0)


# ---- several right answers ----


class Divisor(SequenceWorld):
    """A number from 2 to 9 is shown, then any of its divisors is asked for, twice."""

    def __init__(self, *, flat: bool = True):
        self.set_reward("dense")
        self.episode_length = 3
        self.set_spaces(10, spaces.Discrete(10) if flat else spaces.MultiDiscrete([10, 10]), 3)

    def script(self, rng: CounterRNG) -> Script:
        number = 2 + rng.integers("number", 8)  # (n,)
        inputs = torch.zeros(len(rng), 3, 10)
        inputs[:, 0] = torch.nn.functional.one_hot(number, 10)
        values = torch.arange(10)
        divides = (values > 0) & (number[:, None] % values.clamp(min=1) == 0)  # (n, 10)
        mask = torch.tensor([False, True, True]).expand(len(rng), -1).clone()
        targets = number[:, None, None].expand(-1, 3, self.outputs) * mask[..., None]
        allowed = divides[:, None, None].expand(-1, 3, self.outputs, -1).clone()
        return Script(inputs, targets, mask, torch.full_like(number, 3), {"number": number}, allowed)


@pytest.mark.parametrize("flat", [True, False])
def test_any_member_of_a_set_of_right_answers_counts(flat: bool) -> None:
    world = Divisor(flat=flat)
    world.build(40)
    world.reset(keys=torch.arange(40))
    number = world.state["number"]
    told = world.annotate(world.state)
    assert told["target_set"].shape == ((40, 10) if flat else (40, 2, 10))
    answers = torch.stack([0 * number, torch.ones_like(number), torch.full_like(number, 4)])  # ignored, right, perhaps
    action = answers if flat else answers[..., None].expand(-1, -1, 2)
    expected = 0.5 + 0.5 * (number % 4 == 0).float()
    total = torch.zeros(40)
    for now in action:
        total += world.step(now)[0]
    assert torch.equal(total, expected)
    stepped = world.score(world.state)
    assert torch.equal(stepped, (number % 4 != 0).float() * (1 if flat else 2))
    world.reset(keys=torch.arange(40))
    episodes = world.episodes()
    assert episodes.target_set is not None
    assert episodes.target_set.shape == ((3, 40, 10) if flat else (3, 40, 2, 10))
    judged = world.judge(episodes, action)
    assert torch.equal(judged.returns, expected)
    assert torch.equal(judged.score, stepped)


def test_a_world_that_only_asks_needs_no_episodes() -> None:
    assert not hasattr(AnswerWorld, "episodes")


@pytest.mark.parametrize("env_id", SCRIPTS)
@pytest.mark.parametrize("taken", [0, 3, 5])
def test_a_world_that_is_put_back_goes_on_with_the_same_episodes(env_id: str, taken: int) -> None:
    """Also at the very beginning of its episodes, where none of its rows has to begin anew."""
    world = world_of(env_id, 3, 7, **short(env_id))
    if taken:
        world.episodes(taken)
    other = world_of(env_id, 3, 8, **short(env_id))
    other.load_state_dict(world.state_dict())
    assert torch.equal(shown(other.episodes(4)), shown(world.episodes(4)))
