"""Whole strings as one action, of Speech and of PenReading: what is right, what is paid, and what is refused."""

from typing import cast

import gymnasium as gym
import pytest
import torch
from utterances import ID, speech_of

from foveate.envs.sequence import NumberPassage, Speech
from foveate.envs.sequence.render import spelt
from foveate.errors import FoveateError


@pytest.mark.parametrize("env_id", [ID, "Sequence/PenReading-v0"])
def test_a_string_is_one_action(env_id: str) -> None:
    env = gym.make_vec(env_id, num_envs=30, output="torch", view="whole", answer="string", relevance=True)
    _, told = env.reset(seed=0)
    world = cast(NumberPassage, env.unwrapped.world)
    state, target = world.state, told["target"]
    letters = gym.make_vec(env_id, num_envs=30, output="torch", view="whole")
    letters.reset(seed=0)
    known = letters.unwrapped.world.state["targets"]
    assert torch.equal(target[:, : known.shape[1]], known)
    assert told["target_mask"].all()
    assert torch.equal(told["relevance"][:, : world.most_items], state["aligned"].any(1))
    wrong = target.clone()
    wrong[0, 0] = 1 + target[0, 0] % 26  # another letter
    wrong[1, int(state["due"][1]) - 1] = 5  # a letter too many
    wrong[2, 0] = 0  # nothing
    wrong[3, int(state["due"][3]) :] = 3  # behind the end nothing counts
    _, reward, over, _, told = env.step(wrong)
    due = state["due"].float()
    assert over.all()
    expected = torch.ones(30)
    expected[:3] = torch.stack([1 - 1 / due[0], 1 - 1 / due[1], 0 * due[2]])
    torch.testing.assert_close(reward, expected)
    assert told["score"][:5].tolist() == [0, 0, 0, 1, 1]


@pytest.mark.parametrize("reward", ["edit", "whole"])
def test_a_string_is_paid_by_edits_or_as_a_whole(reward: str) -> None:
    world = speech_of(10, answer="string", reward=reward)
    target = world.annotate(world.state)["target"]
    late = target.roll(1, 1)
    late[:, 0] = 1  # a letter is inserted: one edit
    count = world.state["due"].float()
    gained, _, _ = world.step(torch.cat([target[:5], late[5:]]))
    expected = (1 - 1 / count[5:]) if reward == "edit" else torch.zeros(5)
    torch.testing.assert_close(gained, torch.cat([torch.ones(5), expected]))


def test_policies_of_the_scale_write_strings_too() -> None:
    totals = {}
    for answer in ("symbols", "string"):
        for name in ("oracle", "blind", "unaligned"):
            world = speech_of(400, answer=answer)
            total, alive = torch.zeros(400), torch.ones(400, dtype=torch.bool)
            while alive.any():
                gained, over, _ = world.step(getattr(world, name)())
                total, alive = total + gained * alive, alive & ~over
            totals[answer, name] = float(total.mean())
    for name in ("oracle", "blind", "unaligned"):
        assert totals["symbols", name] == pytest.approx(totals["string", name], abs=1e-5)


def test_a_string_is_refused_where_not_all_is_seen_at_once() -> None:
    for view in ("stream", "glimpse"):
        with pytest.raises(FoveateError, match='answer="string" is not allowed with view='):
            gym.make(ID, view=view, answer="string")
    with pytest.raises(FoveateError, match="unknown answer 'letters'"):
        gym.make(ID, answer="letters")


def test_a_picture_of_a_string() -> None:
    env = gym.make(ID, view="whole", answer="string", render_mode="rgb_array")
    _, told = env.reset(seed=0)
    before = env.render()
    env.step(told["target"])
    after = env.render()
    assert before.shape == after.shape
    assert (before != after).any()
    world = cast(Speech, env.unwrapped.world)
    assert "".join(world.written_so_far(0)) == "".join(spelt(told["target"], world.written_names)).split("end")[0]
