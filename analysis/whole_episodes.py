"""What a policy says of whole episodes of worlds whose episodes exist at their reset."""

import torch

from ..agents.policies.outputs import PolicyPrediction
from ..agents.policies.policy import Policy
from ..envs.episodes import Episodes


@torch.no_grad()
def predict_episodes(policy: Policy, episodes: Episodes) -> PolicyPrediction:
    """What it says at each moment, (T, n, …), each episode from its beginning, with its records.

    Args:
        policy: of ours, that takes these observations.
        episodes: n of them.
    """
    starts = torch.zeros_like(episodes.target_mask)
    starts[0] = True
    return policy(episodes.observation, policy.initial_state(starts.shape[1]), starts, record=True)
