"""Policies of Sequence worlds, and alignments of episodes in which the right text was written."""

from typing import Any

import gymnasium as gym
import torch

from foveate.agents import AGENTS, Policy
from foveate.wrappers import Alignment

ID = "Sequence/Translation-v0"
SHORT = {"min_length": 4, "max_length": 7}
POINTS, SPEECH = "Sequence/ConvexHull-v0", "Sequence/Speech-v0"
WHOLE_STRING = {"view": "whole", "answer": "string"}


def policy_of(agent: str = "attend", view: str = "whole", env_id: str = ID, **options: Any) -> Policy:
    env = gym.make(env_id, view=view, **SHORT)
    torch.manual_seed(0)
    return AGENTS[agent](env.observation_space, env.action_space, hidden=8, **options)


def played(policy: Policy, view: str = "whole", seed: int = 1, env_id: str = ID, **options: Any) -> Alignment:
    """An alignment in whose episode the right text was written."""
    env = Alignment(gym.make(env_id, view=view, **SHORT), policy, **options)
    _, info = env.reset(seed=seed)
    over = False
    while not over:
        _, _, over, _, info = env.step(info.get("target", 0))
    return env
