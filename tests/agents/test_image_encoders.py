"""What sees whole images begins to learn at its preset's rate: its features stay different for different images."""

import pytest
import torch
from torch.nn import functional as F

from foveate.agents import AGENTS
from foveate.cli.configuration import configure
from foveate.envs.registry import make_worlds

UPDATES, BATCH = 40, 64


@pytest.mark.parametrize("architecture", ["modern", "paper"])
def test_a_network_on_whole_images_is_not_dead_after_its_first_updates(architecture: str) -> None:
    """On images that are mostly black; the features of a dead network are the same for all images."""
    config = configure(["Glimpse/TranslatedDigits-v0", "cnn"], [])
    torch.manual_seed(0)
    worlds = make_worlds(config.env_id, BATCH, "cpu", config.env)
    policy = AGENTS["cnn"](worlds.single_observation_space, worlds.single_action_space, architecture=architecture)
    optimizer = torch.optim.AdamW(policy.parameters(), lr=float(str(config.learner["lr"])), weight_decay=0.0)
    observation, info = worlds.reset(seed=0)
    right = []
    for _ in range(UPDATES):
        features = policy.encoder(observation)
        logits = policy.heads["action"](features)
        loss = F.cross_entropy(logits, info["target"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        right.append((logits.argmax(-1) == info["target"]).float().mean())
        observation, _, _, _, info = worlds.step(info["target"])
    assert features.std(0).mean() > 0.15 * features.abs().mean()
    if architecture == "modern":  # the other one is slow, but not dead
        assert torch.stack(right[-8:]).mean() > 0.3
