"""What agents of a world see, hear and are paid: its rules against slow loops and exact values."""

import itertools

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.envs import multi
from foveate.envs.multi.base import others, vote


def test_a_vote() -> None:
    """The commonest answer counts; a fair coin decides between several."""
    answers = torch.tensor([[1, 1, 2], [1, 2, 3], [4, 4, 1]])
    assert vote(answers, 5, torch.tensor([1, 3, 1])).tolist() == pytest.approx([1.0, 1 / 3, 0.0])


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_the_chances_of_all_answers_sum_to_one(answers: list[int]) -> None:
    given_answers = torch.tensor([answers] * 4)
    chances = vote(given_answers, 4, torch.arange(4))
    assert chances.sum().item() == pytest.approx(1.0)
    most = max(map(answers.count, answers))
    slow = [float(answers.count(c) == most) / sum(answers.count(k) == most for k in set(answers)) for c in range(4)]
    assert chances.tolist() == pytest.approx(slow)


def test_everybody_hears_the_others_the_next_one_first() -> None:
    heard = others(torch.tensor([[2, 0, -1]]), 3)
    assert heard[:, 0].tolist() == [[[1, 0, 0], [0, 0, 0]]]
    assert heard[:, 1].tolist() == [[[0, 0, 0], [0, 0, 1]]]
    assert heard[:, 2].tolist() == [[[0, 0, 1], [1, 0, 0]]]


def test_in_the_split_view_each_sees_its_own_strip() -> None:
    env = gym.make_vec("Multi/SharedGaze-v0", num_envs=40, output="torch", scales=1, patch=60, render_mode="rgb_array")
    middle = {name: torch.as_tensor(part) for name, part in env.action_space.sample().items()}
    middle["location"] = torch.zeros(80, 2)
    env.reset(seed=0)
    seen, *_ = env.step(middle)
    picture = env.world.scene.picture(env.world.state).float() / 255  # (B, 60, 60)
    left, right = seen["glimpse"].view(40, 2, 60, 60).unbind(1)  # around the middles of the strips, columns 15 and 45
    torch.testing.assert_close(left[:, :, 15:45], picture[:, :, :30])
    torch.testing.assert_close(right[:, :, 15:45], picture[:, :, 30:])
    assert not left[:, :, 45:].any()
    assert not right[:, :, :15].any()


def test_what_is_said_is_heard_at_the_next_step() -> None:
    env = gym.make_vec("Multi/SharedGaze-v0", num_envs=2, output="torch", channel=5)
    seen, _ = env.reset(seed=0)
    assert not seen["heard"].any()
    action = {name: torch.as_tensor(part) for name, part in env.action_space.sample().items()}
    action["say"] = torch.tensor([3, 4, 0, 1])
    seen, *_ = env.step(action)
    assert seen["heard"].argmax(-1).flatten().tolist() == [4, 3, 1, 0]


def test_without_a_channel_there_is_nothing_to_say() -> None:
    for options in ({"channel": 0}, {"agents": 1}):
        env = gym.make_vec("Multi/SharedGaze-v0", **options)
        assert "say" not in env.single_action_space.spaces
        assert "heard" not in env.single_observation_space.spaces


def test_a_listener_hears_the_babble_and_one_voice() -> None:
    env = gym.make_vec("Multi/CocktailParty-v0", num_envs=50, output="torch")
    seen, _ = env.reset(seed=0)
    assert not seen["babble"].any()
    assert not seen["heard"].any()
    said = env.world.state["said"]  # (B, T, S)
    for moment in range(4):
        action = {name: torch.as_tensor(part) for name, part in env.action_space.sample().items()}
        seen, *_ = env.step(action)
        follow = action["follow"].view(50, 2)
        for b, a in itertools.product(range(50), range(2)):
            counts = torch.bincount(said[b, moment], minlength=8) / 4
            torch.testing.assert_close(seen["babble"][2 * b + a], counts)
            assert seen["heard"][2 * b + a].argmax() == said[b, moment, follow[b, a]]
            assert seen["following"][2 * b + a].argmax() == follow[b, a]
    seen, *_ = env.step(action)
    assert not seen["heard"].any()
    assert (seen["question"].sum(1) == 1).all()


def test_who_is_called_hears_it_and_is_asked_about_the_caller() -> None:
    options = {"call": 0.5, "words": 6, "questions": 3}
    env = gym.make_vec("Multi/CocktailParty-v0", num_envs=200, output="torch", **options)
    seen, _ = env.reset(seed=0)
    state = env.world.state
    caller, moment, name = (state[each].flatten() for each in ("caller", "called", "name"))
    calls = caller >= 0
    assert 0.4 < calls.float().mean() < 0.6
    assert bool((caller != name).all())
    assert set(moment[calls].tolist()) == {0, 1, 2}
    whom = torch.where(calls, caller, name)
    asked = state["asked"].flatten(0, 1)
    assert bool((asked > moment[:, None]).all())
    assert not seen["called"].any()
    rewards = torch.zeros(400)
    for clock in range(1 + 6 + 3):
        heard = calls & (moment == clock - 1)
        assert torch.equal(seen["called"].argmax(1)[heard], caller[heard])
        assert torch.equal(seen["called"].sum(1), heard.float())
        said = state["said"].repeat_interleave(2, 0)  # (B * A, T, S)
        turn = min(max(clock - 7, 0), 2)
        truth = said[torch.arange(400), asked[:, turn], whom]
        seen, reward, *_ = env.step({"label": truth, "follow": torch.where(calls & (clock > moment), caller, name)})
        rewards += reward
    torch.testing.assert_close(rewards, torch.ones(400))
    without = gym.make_vec("Multi/CocktailParty-v0", num_envs=2)
    assert "called" not in without.single_observation_space.spaces


def test_the_score_of_a_party_that_can_t_choose_is_the_exact_one() -> None:
    """Every way in which three other voices can fall on eight symbols; the listener guesses one of the commonest."""
    ways = list(itertools.product(range(8), repeat=3))
    guess = sum(max(map(way.count, way)) / 3 for way in ways) / len(ways)
    assert 1 / 4 + 3 / 4 * guess == pytest.approx(multi.CocktailParty.scale.alone.mean, abs=1e-3)


def test_the_listener_sees_no_picture_and_the_speaker_no_question() -> None:
    world = gym.make_vec("Multi/SpeakerListener-v0").world
    assert set(world.sees["listener"]) == {"heard", "shown", "question"}
    assert set(world.sees["speaker"]) == {"glimpse", "location", "shown"}
    env = multi.speaker_listener_v0.parallel_env(pictures=2, looks=1, channel=3)
    env.reset(seed=0)
    says = lambda n: {"speaker": {"location": np.zeros(2, np.float32), "say": n}, "listener": {"label": 0}}  # noqa: E731
    seen, *_ = env.step(says(2))
    assert seen["listener"]["heard"].tolist() == [0, 0, 1]
    seen, *_ = env.step(says(1))
    assert seen["listener"]["heard"].tolist() == [0, 1, 0]  # the last symbol comes with the first question
    assert seen["listener"]["question"].sum() == 1
    assert not seen["speaker"]["glimpse"].any()
    seen, *_ = env.step(says(1))
    assert not seen["listener"]["heard"].any()


def test_before_the_questions_a_target_is_what_is_seen_and_what_was_spoken_of() -> None:
    env = gym.make_vec("Multi/SpeakerListener-v0", num_envs=30, output="torch", pictures=3, looks=2)
    _, info = env.reset(seed=0)
    label, order = env.world.state["label"], env.world.state["order"]
    seen, spoken_of = [0, 0, 1, 1, 2, 2], [0, 0, 0, 1, 1, 2]  # symbols are heard a step later
    for shown, meant in zip(seen, spoken_of, strict=True):
        assert not info["target_mask"].any()
        torch.testing.assert_close(info["target"].view(30, 2), label[:, [shown, meant]])
        action = {name: torch.as_tensor(part) for name, part in env.action_space.sample().items()}
        *_, info = env.step(action)
    assert info["target_mask"].view(30, 2).tolist() == [[False, True]] * 30
    asked = label.gather(1, order[:, :1])
    torch.testing.assert_close(info["target"].view(30, 2), asked.expand(-1, 2))


def test_the_hider_places_pieces_and_the_seeker_sees_them_afterwards() -> None:
    env = gym.make_vec("Multi/HideAndSeek-v0", num_envs=20, output="torch", budget=2, grid=2)
    seen, _ = env.reset(seed=0)
    bare = env.world.scene.picture(env.world.state)
    for place in (0, 3):
        assert not seen["glimpse"][1::2].any()  # eyes closed
        action = {name: torch.as_tensor(part) for name, part in env.action_space.sample().items()}
        action["place"] = torch.full((40,), place)
        seen, *_ = env.step(action)
    canvas, state = env.world.state["canvas"], env.world.state
    images, side = env.world.scene.images, env.world.piece
    slow = bare.clone()
    for b, (number, corner) in itertools.product(range(20), enumerate(((0, 0), (60 - side, 60 - side)))):
        image, row, column = state["placed"][b, number, :3].tolist()
        part = slow[b, corner[0] : corner[0] + side, corner[1] : corner[1] + side]
        part[:] = torch.maximum(part, images[image, row : row + side, column : column + side])
    torch.testing.assert_close(canvas, slow)
    assert seen["glimpse"][1::2].any()
    torch.testing.assert_close(seen["canvas"][::2, 0, 0, 0], canvas[:, :4, :4].float().mean((1, 2)) / 255)
