"""Heads: densities against the formulas, samples within the space, gradients."""

import math
from typing import get_type_hints

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.agents.nn import heads
from foveate.agents.nn.cores.base import Source
from foveate.agents.nn.heads import HEADS, Head, MoveHead, TranscriptHead, UniformHead, make_head
from foveate.envs.spaces import KINDS
from foveate.errors import FoveateError

SPACES = [
    spaces.Discrete(4),
    spaces.MultiDiscrete([3, 2]),
    spaces.MultiBinary(3),
    spaces.MultiBinary((2, 2)),
    spaces.Box(-1.0, 1.0, (2,), np.float32),
    spaces.Box(np.array([0.0, -3.0], np.float32), np.array([1.0, 5.0], np.float32)),
]
# every public head that learns, on every space of the kind that its constructor takes
STRING = spaces.MultiDiscrete([3, 3])
CLASSES = [vars(heads)[name] for name in heads.__all__ if name.endswith("Head") and name != "Head"]
EVERY = [
    pytest.param(head, space, id=f"{head.__name__}-{space}")
    for head in CLASSES
    if head.learned
    for space in ([STRING] if head is TranscriptHead else SPACES)
    if isinstance(space, get_type_hints(head.__init__).get("space", ()))  # a head of other heads has none of its own
]


def test_every_kind_of_space_has_a_head() -> None:
    """But for a Dict, whose parts have one each."""
    assert {kind.__name__ for kind in HEADS} == KINDS.keys() - {"Dict"}


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
    log_prob, entropy = head.judged(parameters, sample)
    assert torch.equal(log_prob, head.log_prob(parameters, sample))
    assert torch.equal(entropy, head.distribution(parameters).entropy())
    assert mode[0, 0].detach().numpy().astype(space.dtype) in space


@pytest.mark.parametrize(("head_class", "space"), EVERY)
def test_any_head_s_loss_is_one_finite_cost_a_moment_and_its_gradient_is_right(
    head_class: type[Head], space: spaces.Space
) -> None:
    torch.manual_seed(5)
    space.seed(0)  # not every target can be said in so few steps: no path spells "aaa" in three
    seen = spaces.Dict({"glimpse": spaces.Box(0.0, 1.0, (1, 2, 2)), "location": spaces.Box(-1.0, 1.0, space.shape)})
    also = [seen] if head_class.needs_observation else [3] if head_class.needs_source else []
    head = head_class(4, space, *also).double()
    known = {}
    if head.needs_source:  # as many items as a pointer has numbers for
        count = space.n - 1 if isinstance(space, spaces.Discrete) else 5
        items = torch.randn(2, count, 3, dtype=torch.float64)
        known["source"] = Source(items, torch.full((2,), count))
    if head.needs_observation:
        for parameter in head.parameters():  # it begins at zero, where the features change nothing
            torch.nn.init.normal_(parameter, std=0.1)
        known["observation"] = {k: 0.5 * torch.rand(3, 2, *part.shape).double() for k, part in seen.spaces.items()}
    features = torch.randn(3, 2, 4, dtype=torch.float64, requires_grad=True)
    target = torch.as_tensor(np.array([[space.sample() for _ in range(2)] for _ in range(3)]))
    loss = head.loss(head(features, **known), target)
    assert loss.shape == (3, 2)
    assert loss.isfinite().all()
    assert head.mode(head(features, **known)).shape == target.shape
    assert torch.autograd.gradcheck(lambda f: head.loss(head(f, **known), target), (features,))
    assert torch.autograd.grad(loss.sum(), features)[0].any()


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


@given(st.integers(0, 10**6), st.sampled_from([0, 7]), st.sampled_from([SPACES[4], SPACES[5]]))
@settings(max_examples=30, deadline=None)
def test_a_move_begins_by_staying_and_never_leaves_the_box(seed: int, hidden: int, space: spaces.Box) -> None:
    torch.manual_seed(seed)
    seen = spaces.Dict({"glimpse": spaces.Box(0, 255, (2, 3, 3), np.uint8), "location": spaces.Box(-1.0, 1.0, (2,))})
    head = MoveHead(5, space, seen, hidden, std=0.1, own=6)
    here = torch.rand(4, 3, 2) * 2 - 1
    observation = {"glimpse": torch.randint(256, (4, 3, 2, 3, 3), dtype=torch.uint8), "location": here}
    low, high = torch.as_tensor(space.low), torch.as_tensor(space.high)
    place = low + (here + 1) / 2 * (high - low)
    torch.testing.assert_close(head(torch.randn(4, 3, 5), observation=observation), place)
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter)
    moved = head(torch.randn(4, 3, 5), observation=observation)
    assert ((moved >= low - 1e-6) & (moved <= high + 1e-6)).all()
    alone = head(torch.zeros(5), observation={name: value[1, 2] for name, value in observation.items()})
    torch.testing.assert_close(head(torch.zeros(4, 3, 5), observation=observation)[1, 2], alone)


@pytest.mark.parametrize("space", [SPACES[4], SPACES[5]])
def test_what_a_move_costs_is_its_squared_length(space: spaces.Box) -> None:
    seen = spaces.Dict({"glimpse": spaces.Box(0, 255, (1, 2, 2), np.uint8), "location": spaces.Box(-1.0, 1.0, (2,))})
    here = torch.tensor([[[0.0, 0.0], [0.5, -1.0]]])  # (T, B, 2)
    there = torch.tensor([[[0.3, -0.4], [0.5, 0.0]]])
    low, high = torch.as_tensor(space.low), torch.as_tensor(space.high)
    place = low + (there + 1) / 2 * (high - low)
    (cost,) = MoveHead(5, space, seen, std=0.1, cost=2.0).costs(place, {"location": here}).values()
    torch.testing.assert_close(cost, torch.tensor([[2 * 0.25, 2 * 1.0]]))
    assert not MoveHead(5, space, seen, std=0.1).costs(place, {"location": here})


def test_a_move_needs_places_to_be_seen() -> None:
    with pytest.raises(FoveateError, match="places"):
        MoveHead(5, SPACES[4], spaces.Dict({"glimpse": spaces.Box(0.0, 1.0, (1, 2, 2))}))


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
        (spaces.Box(-3e38, 3e38, (2,), np.float32), "finite bounds"),
    ],
)
def test_spaces_that_have_no_head(space: spaces.Space, message: str) -> None:
    with pytest.raises(FoveateError, match=message):
        make_head(4, space)
