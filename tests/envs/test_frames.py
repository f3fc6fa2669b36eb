"""Frames: the answer and the frame that decides it against somebody who goes through them from the end."""

from typing import Any, cast

import gymnasium as gym
import numpy as np
import pytest
import torch

from foveate.envs.gym_env import VectorEnv
from foveate.envs.memory import Frames
from foveate.envs.memory.frames import COUNTS, PAYLOADS, READ
from foveate.errors import FoveateError

ID = "Memory/Frames-v0"


def worlds_of(count: int, **options: Any) -> Frames:
    world = cast(VectorEnv, gym.make_vec(ID, num_envs=count, **options).unwrapped).world
    world.reset(keys=torch.arange(count))
    return cast(Frames, world)


def asked_of(query: list[str]) -> list[str]:
    """The features that count."""
    named, counted = query[:3], query[3:]
    if not counted:
        return [name for name in named if name]
    assert set(counted) <= {"", COUNTS}
    return [name for name, counts in zip(named, counted, strict=True) if counts]


@pytest.mark.parametrize("cue", ["features", "frame"])
@pytest.mark.parametrize("split", ["train", "test-24"])
def test_the_last_frame_that_fits_says_what_is_due(cue: str, split: str) -> None:
    world = worlds_of(300, view="whole", cue=cue, split=split)
    state, relevant = world.state, world.relevance(world.state)
    many, several = [], 0
    for i in range(300):
        length = int(state["length"][i])
        frames = [[READ[symbol] for symbol in frame] for frame in state["items"][i, :length].tolist()]
        assert 6 <= length <= 12 or (split, length) == ("test-24", 24)
        assert all("" not in frame for frame in frames)
        asked = asked_of([READ[symbol] for symbol in state["query"][i].tolist()])
        fitting = [number for number, frame in enumerate(frames) if set(asked) <= set(frame)]
        assert relevant[i].nonzero().flatten().tolist() == [fitting[-1]]
        assert PAYLOADS[int(state["targets"][i, 0]) - 1] == frames[fitting[-1]][3]
        many.append(len(asked))
        several += len(fitting) > 1
    assert min(many.count(n) for n in (1, 2, 3)) > 70
    assert several > 60  # or nobody would need the last


def test_a_stream_is_the_same_frames_then_the_query() -> None:
    for cue, moments in (("features", 1), ("frame", 2)):
        env = gym.make(ID, cue=cue, relevance=True).unwrapped
        whole = gym.make(ID, cue=cue, view="whole").unwrapped
        seen, info = env.reset(seed=5)
        source = whole.reset(seed=5)[0]["source"]
        for frame in source[source.any(-1)]:
            assert seen.sum() == 4
            assert all(seen[word * len(READ) + symbol] for word, symbol in enumerate(frame))
            seen, _, _, _, info = env.step(0)
        for _ in range(moments + 1):  # and the marker
            assert not info["target_mask"]
            seen, _, _, _, info = env.step(0)
        assert info["target_mask"]
        assert info["relevance"].sum() == 1
        _, reward, over, _, info = env.step(info["target"])
        assert (reward, over, info["score"]) == (1, True, 1)


def test_a_picture_shows_frames_as_they_come_and_marks_the_one_that_decides() -> None:
    env = gym.make(ID, render_mode="rgb_array").unwrapped
    _, info = env.reset(seed=1)
    pictures = [env.render()]
    while not info["target_mask"]:
        info = env.step(0)[4]
        pictures.append(env.render())
    assert len({picture.shape for picture in pictures}) == 1
    ink = [int((picture < 200).sum()) for picture in pictures]
    assert ink[5] > ink[0]  # more frames are there
    blue = [int(np.all(picture == (40, 90, 200), -1).sum()) for picture in pictures]
    assert blue[-1] > blue[0]  # the frame is boxed when its letter is due


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cue": "feature"}, "Did you mean 'features'"),
        ({"min_length": 0}, "min_length=0"),
        ({"split": "test-25"}, "test-24"),
        ({"view": "stream", "looks": 2}, "looks=2"),
    ],
)
def test_impossible_arguments_get_one_clear_error(options: dict[str, Any], message: str) -> None:
    with pytest.raises(FoveateError, match=message):
        gym.make(ID, **options)
