"""Heads: densities against the formulas, samples within the space, gradients."""

import math

import numpy as np
import pytest
import torch
from gymnasium import spaces

from foveate.agents.nn.heads import UniformHead, make_head
from foveate.errors import FoveateError

SPACES = [
    spaces.Discrete(4),
    spaces.MultiDiscrete([3, 2]),
    spaces.MultiBinary(3),
    spaces.MultiBinary((2, 2)),
    spaces.Box(-1.0, 1.0, (2,), np.float32),
    spaces.Box(np.array([0.0, -3.0], np.float32), np.array([1.0, 5.0], np.float32)),
]


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_samples_and_modes_are_actions_with_the_batch_s_shape(space: spaces.Space) -> None:
    torch.manual_seed(0)
    head = make_head(5, space, hidden=7)
    parameters = head(torch.randn(3, 4, 5))
    sample, mode = head.distribution(parameters).sample(), head.mode(parameters)
    for action in (sample, mode):
        assert action.shape == (3, 4, *space.shape)
        assert head.log_prob(parameters, action).shape == (3, 4)
    assert head.distribution(parameters).entropy().shape == (3, 4)
    assert mode[0, 0].detach().numpy().astype(space.dtype) in space


def test_densities_are_the_formulas() -> None:
    torch.manual_seed(1)
    features = torch.randn(1, 5)
    head = make_head(5, SPACES[0])
    logits = head(features)
    assert torch.allclose(head.log_prob(logits, torch.tensor([2])), logits.log_softmax(-1)[:, 2])
    head = make_head(5, SPACES[1])
    logits = head(features)
    by_hand = logits[:, :3].log_softmax(-1)[:, 1] + logits[:, 3:].log_softmax(-1)[:, 0]
    assert torch.allclose(head.log_prob(logits, torch.tensor([[1, 0]])), by_hand)
    head = make_head(5, SPACES[2])
    p = head(features).sigmoid()[0]
    expected = torch.log(p[0] * (1 - p[1]) * p[2])
    assert torch.allclose(head.log_prob(head(features), torch.tensor([[1, 0, 1]])), expected)
    head = make_head(5, SPACES[4], std=0.2)
    mean = head(features)[0]
    at = torch.tensor([0.3, -0.4])
    expected = sum(
        -((float((a - m).detach()) / 0.2) ** 2) / 2 - math.log(0.2 * math.sqrt(2 * math.pi))
        for a, m in zip(at, mean, strict=True)
    )
    assert head.log_prob(head(features), at[None]).item() == pytest.approx(expected, rel=1e-5)


def test_a_box_s_mean_stays_inside_and_its_deviation_is_in_halves_of_the_box() -> None:
    space = SPACES[5]
    head = make_head(3, space, std=0.1)
    parameters = head(torch.randn(1000, 3) * 100)
    assert ((parameters >= torch.as_tensor(space.low)) & (parameters <= torch.as_tensor(space.high))).all()
    spread = head.distribution(parameters[:1].expand(20000, 2)).sample().std(0)
    assert torch.allclose(spread, torch.tensor([0.05, 0.4]), rtol=0.05)


def test_gradients() -> None:
    torch.manual_seed(2)
    for space in SPACES:
        head = make_head(4, space, hidden=3).double()
        features = torch.randn(2, 4, dtype=torch.float64, requires_grad=True)
        action = head.distribution(head(features)).sample()
        assert torch.autograd.gradcheck(lambda f, head=head, action=action: head.log_prob(head(f), action), (features,))


def test_uniform_heads_ignore_the_features_and_cover_the_space() -> None:
    torch.manual_seed(3)
    for space in (SPACES[0], SPACES[4]):
        head = UniformHead(space)
        drawn = head.mode(head(torch.full((5000, 2), 9.0)))
        assert drawn.min() >= (0 if space is SPACES[0] else -1)
        counts = torch.histc(drawn.float(), 4)
        assert (counts / counts.sum() - 0.25).abs().max() < 0.03


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (spaces.Box(-np.inf, 1.0, (2,), np.float32), "finite bounds"),
        (spaces.Text(3), "Text"),
        (spaces.Discrete(3, start=1), "start=1"),
    ],
)
def test_spaces_that_have_no_head(space: spaces.Space, message: str) -> None:
    with pytest.raises(FoveateError, match=message):
        make_head(4, space)
