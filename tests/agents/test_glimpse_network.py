"""The glimpse network, and the convolutions that may stand in front of it."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.agents.nn.attention.contrast import EPSILON, normalize_contrast
from foveate.agents.nn.attention.glimpse import GlimpseConvolutions, GlimpseNetwork
from foveate.agents.policies.dram import DRAM
from foveate.agents.policies.ram import RAM
from foveate.errors import FoveateError


def glimpses(scales: int, height: int, width: int) -> spaces.Box:
    return spaces.Box(0.0, 1.0, (scales, height, width), np.float32)


def slowly(layers: GlimpseConvolutions, patches: torch.Tensor) -> torch.Tensor:
    """The same of one glimpse (K, p, q), place by place."""
    first, second = layers.first, layers.second
    height, width = patches.shape[1:]
    padded = torch.zeros(len(patches), height + 2, width + 2, dtype=patches.dtype)
    padded[:, 1:-1, 1:-1] = patches
    found = torch.zeros(len(first.weight), height, width, dtype=patches.dtype)
    for f in range(len(first.weight)):
        for y in range(height):
            for x in range(width):
                seen = (first.weight[f] * padded[:, y : y + 3, x : x + 3]).sum() + first.bias[f]
                found[f, y, x] = seen.clamp(min=0)
    rows, columns = height // 2, width // 2
    largest = torch.stack(
        [
            torch.stack([found[:, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2].amax((1, 2)) for x in range(columns)], -1)
            for y in range(rows)
        ],
        -2,
    )  # (F, p/2, q/2)
    answers = []
    for f in range(len(second.weight)):
        for y in range(rows - 2):
            for x in range(columns - 2):
                seen = (second.weight[f] * largest[:, y : y + 3, x : x + 3]).sum() + second.bias[f]
                answers.append(seen.clamp(min=0))
    return torch.stack(answers)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 3), st.integers(6, 9), st.integers(6, 9), st.integers(1, 3), st.integers(0, 99))
def test_convolutions_are_sums_place_by_place(scales: int, height: int, width: int, filters: int, seed: int) -> None:
    torch.manual_seed(seed)
    layers = GlimpseConvolutions(glimpses(scales, height, width), filters).double()
    patches = torch.rand(2, scales, height, width, dtype=torch.float64)
    out = layers(patches)
    assert out.shape == (2, layers.output_size)
    torch.testing.assert_close(out, torch.stack([slowly(layers, one) for one in patches]))


def test_gradients_of_the_convolutions_are_right() -> None:
    torch.manual_seed(0)
    layers = GlimpseConvolutions(glimpses(2, 6, 7), 2).double()
    patches = torch.rand(2, 2, 6, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layers, (patches,))


def test_a_shifted_glimpse_is_the_same_at_shifted_places() -> None:
    """By two pixels, which is one place behind the maximum; but for the border, where new things come into sight."""
    layers = GlimpseConvolutions(glimpses(1, 16, 16), 3)
    picture = torch.rand(1, 1, 16, 18)
    here, there = (layers(picture[..., x : x + 16]).view(6, 6, 6) for x in (0, 2))  # (filters, rows, columns)
    torch.testing.assert_close(here[..., 2:-1], there[..., 1:-2])


@pytest.mark.parametrize(
    ("space", "filters", "message"),
    [
        (glimpses(2, 5, 9), 4, "6x6"),
        (spaces.Box(0.0, 1.0, (12,), np.float32), 4, "6x6"),
        (glimpses(2, 12, 12), -1, "filters=-1"),
    ],
)
def test_glimpses_that_have_no_place_for_filters_are_refused(space: spaces.Box, filters: int, message: str) -> None:
    seen = spaces.Dict({"glimpse": space, "location": spaces.Box(-1.0, 1.0, (2,), np.float32)})
    with pytest.raises(FoveateError, match=message):
        GlimpseNetwork(seen, 8, 8, 8, filters=filters)


def normalized_slowly(patch: torch.Tensor) -> torch.Tensor:
    """The same of one patch (p, q), pixel by pixel."""
    pixels = [float(x) for row in patch for x in row]
    mean = sum(pixels) / len(pixels)
    deviation = (sum((x - mean) ** 2 for x in pixels) / len(pixels)) ** 0.5
    return patch.new_tensor([[(float(x) - mean) / (deviation + EPSILON) for x in row] for row in patch])


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
def test_contrast_is_normalised_patch_by_patch(scales: int, height: int, width: int, seed: int) -> None:
    patches = torch.rand(2, scales, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    right = torch.stack([torch.stack([normalized_slowly(patch) for patch in row]) for row in patches])
    torch.testing.assert_close(normalize_contrast(patches), right, atol=1e-6, rtol=0)  # a patch of one pixel


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.floats(0, 0.5), st.floats(1, 8))
def test_another_light_changes_no_normalised_patch_and_more_contrast_only_its_size(
    seed: int, light: float, gain: float
) -> None:
    patches = torch.rand(3, 5, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) / 16
    once = normalize_contrast(patches)
    torch.testing.assert_close(normalize_contrast(patches + light), once)
    more = normalize_contrast(gain * patches)
    torch.testing.assert_close(more / more.std((-2, -1), keepdim=True), once / once.std((-2, -1), keepdim=True))
    assert (more.std((-2, -1)) >= once.std((-2, -1)) - 1e-9).all()
    assert more.square().mean((-2, -1)).max() < 1


def test_a_patch_that_shows_nothing_is_normalised_to_nothing() -> None:
    blank = torch.full((2, 3, 4, 4), 0.3, requires_grad=True)
    normalize_contrast(blank).sum().backward()
    assert normalize_contrast(blank).abs().max() < 1e-6
    assert blank.grad is not None
    assert blank.grad.isfinite().all()
    in_bytes = torch.arange(16, dtype=torch.uint8).view(1, 4, 4)
    torch.testing.assert_close(normalize_contrast(in_bytes), normalize_contrast(in_bytes / 255))


def test_the_gradient_of_a_normalised_patch() -> None:
    patches = torch.rand(2, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(normalize_contrast, (patches,))


@pytest.mark.parametrize("agent", [RAM, DRAM])
def test_an_agent_with_normalised_contrast_sees_a_glimpse_alike_in_any_light(agent: type[RAM] | type[DRAM]) -> None:
    parts = {"glimpse": glimpses(2, 6, 6), "location": spaces.Box(-1.0, 1.0, (2,)), "overview": glimpses(1, 4, 4)}
    space, action = spaces.Dict(parts), spaces.Dict({"label": spaces.Discrete(3), "location": parts["location"]})
    torch.manual_seed(0)
    dark = {name: torch.rand(5, *(part.shape or ())) / 2 for name, part in parts.items()}
    light = {**dark, "glimpse": dark["glimpse"] + 0.5}
    plain, normalized = (agent(space, action, hidden=16, contrast=on).encoder for on in (False, True))
    torch.testing.assert_close(normalized(dark), normalized(light), atol=1e-5, rtol=0)
    assert not torch.allclose(plain(dark), plain(light), atol=1e-3)
