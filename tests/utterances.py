"""Speech worlds and what they spell, for the tests of sounds, of strings and of recordings."""

from typing import cast

import gymnasium as gym
from torch import Tensor

from foveate.envs.sequence import Speech

ID = "Sequence/Speech-v0"


def speech_of(worlds: int, **options: object) -> Speech:
    env = gym.make_vec(ID, num_envs=worlds, output="torch", **{"view": "whole", **options})
    env.reset(seed=0)
    return cast(Speech, env.unwrapped.world)


def text_of(row: Tensor) -> str:
    """What symbols spell, up to the end."""
    names = ["", *"abcdefghijklmnopqrstuvwxyz", " "]
    return "".join(names[symbol] for symbol in row.tolist()[: row.tolist().index(0)])
