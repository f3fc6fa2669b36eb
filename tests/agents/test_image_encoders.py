"""What sees whole images begins to learn at its preset's rate: its features stay different for different images."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from foveate.agents import AGENTS
from foveate.agents.nn.encoders import VisionTransformer
from foveate.cli.configuration import configure
from foveate.envs.registry import make_worlds
from foveate.errors import FoveateError

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


@pytest.mark.parametrize("features", [1, 7, 512])
def test_the_nature_network_has_as_many_features_as_it_is_told(features: int) -> None:
    space = spaces.Box(0, 255, (1, 54, 98), np.uint8)
    policy = AGENTS["cnn"](space, spaces.Discrete(2), architecture="nature", features=features)
    assert policy.encoder(torch.zeros(3, 1, 54, 98)).shape == (3, features)
    with pytest.raises(FoveateError, match="features=-3"):
        AGENTS["cnn"](space, spaces.Discrete(2), architecture="nature", features=-3)


def test_tiles_are_cut_row_by_row_and_what_is_missing_is_black() -> None:
    encoder = VisionTransformer(spaces.Box(0, 1, (2, 7, 5)), tile=3, units=8, layers=1, attention_heads=2)
    image = torch.rand(2, 2, 7, 5)
    whole = torch.zeros(2, 2, 9, 6)
    whole[:, :, :7, :5] = image
    tiles = encoder.tiles(image)
    assert tiles.shape == (2, 6, 18)
    for row in range(3):
        for column in range(2):
            wanted = whole[:, :, 3 * row : 3 * row + 3, 3 * column : 3 * column + 3].flatten(1)
            torch.testing.assert_close(tiles[:, 2 * row + column], wanted)


def test_a_vision_transformer_is_the_paper_s_equations() -> None:
    torch.manual_seed(0)
    space = spaces.Box(0, 1, (1, 6, 6))
    encoder = VisionTransformer(space, tile=3, units=8, layers=2, attention_heads=2).double()
    torch.nn.init.normal_(encoder.token)
    image = torch.rand(1, 1, 6, 6, dtype=torch.float64)
    z = torch.cat([encoder.token[0], encoder.embed(encoder.tiles(image)[0])]) + encoder.places[0]  # eq. 1, (5, 8)
    for block in encoder.blocks:
        attend, seen = block.self_attn, block.norm1(z)
        q, k, v = (seen @ attend.in_proj_weight.T + attend.in_proj_bias).chunk(3, -1)
        heads = []
        for part in (slice(0, 4), slice(4, 8)):
            weights = (q[:, part] @ k[:, part].T / 2).softmax(-1)  # √4
            heads.append(weights @ v[:, part])
        z = attend.out_proj(torch.cat(heads, -1)) + z  # eq. 2
        z = block.linear2(F.gelu(block.linear1(block.norm2(z)))) + z  # eq. 3
    torch.testing.assert_close(encoder(image)[0], encoder.norm(z[0]))  # eq. 4
    assert torch.autograd.gradcheck(encoder, (image.clone().requires_grad_(),))


@settings(max_examples=20, deadline=None)
@given(height=st.integers(1, 20), width=st.integers(1, 20), tile=st.integers(1, 9), heads=st.sampled_from([1, 2, 4]))
def test_any_image_fits_and_each_tile_counts(height: int, width: int, tile: int, heads: int) -> None:
    torch.manual_seed(0)
    encoder = VisionTransformer(spaces.Box(0, 1, (1, height, width)), tile, 8, 1, heads)
    image = torch.rand(2, 1, height, width, requires_grad=True)
    said = encoder(image)
    assert said.shape == (2, 8)
    (slope,) = torch.autograd.grad(said[0].square().sum() + said[0, 0], image)
    assert bool((slope[0].abs() > 0).any())
    assert bool((slope[1] == 0).all())  # images don't see each other


def test_what_cannot_be_is_refused() -> None:
    space = spaces.Box(0, 1, (1, 8, 8))
    for options, said in (({"tile": 0}, "tile"), ({"units": 6}, "multiple of 4 heads"), ({"layers": 0}, "layers")):
        with pytest.raises(FoveateError, match=said):
            VisionTransformer(space, **options)
