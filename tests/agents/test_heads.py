"""Heads: densities against the formulas, samples within the space, gradients."""

import itertools
import math
from typing import get_type_hints

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from foveate.agents.nn import heads
from foveate.agents.nn.cores.base import Source
from foveate.agents.nn.heads import HEADS, CTCHead, Head, MixtureHead, MoveHead, TranscriptHead, UniformHead, make_head
from foveate.agents.nn.heads.categorical import Counted
from foveate.agents.nn.heads.ctc_paths import best_path
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
    if isinstance(space, get_type_hints(head.__init__)["space"])
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


# ---- losses by kind of target ----


@given(seed=st.integers(0, 10**6), n=st.integers(2, 6))
@settings(max_examples=30, deadline=None)
def test_a_set_of_right_answers_costs_minus_the_log_of_all_their_probability(seed: int, n: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    head = make_head(3, spaces.Discrete(n))
    logits = 3 * torch.randn(4, 2, n, generator=generator, dtype=torch.float64)
    sets = torch.rand(4, 2, n, generator=generator) < 0.4
    target = torch.zeros(4, 2, dtype=torch.int64)
    loss = head.loss(logits, target, sets)
    for t in range(4):
        for b in range(2):
            p = logits[t, b].exp() / logits[t, b].exp().sum()
            right = sum(float(p[i]) for i in range(n) if sets[t, b, i])
            expected = -math.log(right) if sets[t, b].any() else 0.0
            assert float(loss[t, b]) == pytest.approx(expected, abs=1e-12)
    alone = torch.nn.functional.one_hot(target, n).bool()
    torch.testing.assert_close(head.loss(logits, target, alone), head.loss(logits, target))
    assert (loss <= head.loss(logits, sets.int().argmax(-1)) + 1e-12).all()  # a larger set costs less


def test_sets_of_several_numbers_and_of_bits_are_sums() -> None:
    torch.manual_seed(0)
    several = make_head(3, spaces.MultiDiscrete([3, 2]))
    logits = torch.randn(1, 2, 5)
    target = torch.tensor([[[2, 0], [1, 1]]])
    sets = torch.stack([torch.nn.functional.one_hot(target[..., i], 3).bool() for i in (0, 1)], -2)
    torch.testing.assert_close(several.loss(logits, target, sets), several.loss(logits, target))
    sets[0, 0, 0] = True  # the first number may be anything
    expected = -logits[0, 0, 3:].log_softmax(-1)[0]
    torch.testing.assert_close(several.loss(logits, target, sets)[0, 0], expected)
    bits = make_head(3, spaces.MultiBinary((2, 2)))
    logits, target = torch.randn(1, 2, 2, 2), torch.tensor([[[[0, 1], [1, 1]], [[0, 0], [1, 0]]]])
    sets = torch.nn.functional.one_hot(target, 2).bool()
    torch.testing.assert_close(bits.loss(logits, target, sets), bits.loss(logits, target))
    sets[..., 0, :, :] = True
    expected = bits.loss(logits, target) - torch.nn.functional.binary_cross_entropy_with_logits(
        logits[..., 0, :], target[..., 0, :].float(), reduction="none"
    ).sum(-1)
    torch.testing.assert_close(bits.loss(logits, target, sets), expected)


def test_an_empty_set_asks_for_nothing_and_other_heads_refuse_sets() -> None:
    logits = torch.randn(1, 2, 3, requires_grad=True)
    head = make_head(3, spaces.Discrete(3))
    loss = head.loss(logits, torch.zeros(1, 2).long(), torch.zeros(1, 2, 3, dtype=torch.bool))
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    assert loss.abs().max() == 0
    assert gradient.abs().max() < 1e-6
    box = make_head(3, spaces.Box(-1, 1, (2,)))
    with pytest.raises(FoveateError, match="knows no sets"):
        box.loss(torch.zeros(1, 2, 2), torch.zeros(1, 2, 2), torch.ones(1, 2, 2, dtype=torch.bool))


def slow_mixture(parameters: torch.Tensor, x: list[float], components: int) -> float:
    """log Σ_m π_m N_m as the paper writes it, one component after the other (Graves 2013, eqs. 19 to 25)."""
    rows = parameters.view(components, -1).tolist()
    total = sum(math.exp(row[0]) for row in rows)
    density = 0.0
    for row in rows:
        d = len(x)
        mean, std = row[1 : 1 + d], [math.exp(s) for s in row[1 + d : 1 + 2 * d]]
        u = [(a - m) / s for a, m, s in zip(x, mean, std, strict=True)]
        if d == 2:
            rho = math.tanh(row[5])
            z = u[0] ** 2 + u[1] ** 2 - 2 * rho * u[0] * u[1]
            n = math.exp(-z / (2 * (1 - rho**2))) / (2 * math.pi * std[0] * std[1] * math.sqrt(1 - rho**2))
        else:
            n = math.prod(math.exp(-(v**2) / 2) / (s * math.sqrt(2 * math.pi)) for v, s in zip(u, std, strict=True))
        density += math.exp(row[0]) / total * n
    return math.log(density) if density > 1e-290 else -math.inf


@given(seed=st.integers(0, 10**6), numbers=st.integers(1, 3), components=st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_a_mixture_s_density_is_the_paper_s(seed: int, numbers: int, components: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    head = MixtureHead(3, spaces.Box(-np.inf, np.inf, (numbers,), np.float32), components=components).double()
    assert head(torch.zeros(1, 3, dtype=torch.float64)).shape == (1, components * (1 + 2 * numbers + (numbers == 2)))
    parameters = torch.randn(2, components * (1 + 2 * numbers + (numbers == 2)), generator=generator).double()
    x = torch.randn(2, numbers, generator=generator).double()
    found = head.log_prob(parameters, x)
    for row in range(2):
        expected = slow_mixture(parameters[row], x[row].tolist(), components)
        assume(expected > -math.inf)  # a loop of densities can't say how small the smallest are
        assert float(found[row]) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_a_mixture_integrates_to_one_samples_itself_and_bounds_its_entropy() -> None:
    torch.manual_seed(0)
    low, high = np.array([-1.0, 0.0], np.float32), np.array([1.0, 4.0], np.float32)
    head = MixtureHead(3, spaces.Box(low, high), components=3)
    parameters = torch.randn(1, 3 * 6)
    axes = [torch.linspace(-25, 25, 1001), torch.linspace(-50, 54, 1041)]
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).view(-1, 2)
    density = head.log_prob(parameters.expand(len(grid), -1), grid).exp()
    area = float((axes[0][1] - axes[0][0]) * (axes[1][1] - axes[1][0]))
    assert float(density.sum()) * area == pytest.approx(1, abs=0.02)
    distribution = head.distribution(parameters)
    samples = distribution.sample(torch.Size([40000]))[:, 0]
    mean = (density[:, None] * grid).sum(0) * area
    torch.testing.assert_close(samples.mean(0), mean, atol=0.1, rtol=0.02)
    surprise = -head.log_prob(parameters.expand(len(samples), -1), samples).mean()
    assert float(distribution.entropy()) >= float(surprise) - 0.02
    assert head.mode(parameters).shape == (1, 2)


def test_mixture_and_ctc_gradients() -> None:
    torch.manual_seed(1)
    for shape in ((2,), (1, 3)):
        head = MixtureHead(3, spaces.Box(-1, 1, shape), hidden=3, components=2).double()
        features = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
        action = torch.randn(2, *shape, dtype=torch.float64)
        assert torch.autograd.gradcheck(lambda f, h=head, a=action: h.loss(h(f), a), (features,))
    head = CTCHead(3, spaces.Discrete(4)).double()
    features = torch.randn(5, 2, 3, dtype=torch.float64, requires_grad=True)
    target = torch.tensor([[1, -1], [-1, 2], [1, 3], [-1, -1], [-1, -1]])
    assert torch.autograd.gradcheck(lambda f: head.loss(head(f), target, length=torch.tensor([5, 3])), (features,))


def test_a_large_correlation_stays_finite() -> None:
    head = MixtureHead(3, spaces.Box(-1, 1, (2,)), components=1)
    parameters = torch.tensor([[0.0, 0.0, 0.0, 0.0, 0.0, 15.0]], requires_grad=True)
    loss = head.loss(parameters, torch.zeros(1, 2))
    loss.sum().backward()
    assert loss.isfinite().all()
    assert parameters.grad.isfinite().all()


@given(seed=st.integers(0, 10**6), steps=st.integers(1, 4), blank=st.integers(0, 2))
@settings(max_examples=30, deadline=None)
def test_ctc_sums_over_every_path_that_spells_the_symbols(seed: int, steps: int, blank: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    head = CTCHead(3, spaces.Discrete(3), blank=blank)
    logits = torch.randn(4, 2, 3, generator=generator, dtype=torch.float64)
    length = torch.tensor([steps, 4])
    target = torch.full((4, 2), -1)
    for b, count in enumerate((1, 2)):
        symbols = [s for s in torch.randint(3, (count,), generator=generator).tolist() if s != blank]
        at = sorted(torch.randperm(4, generator=generator)[: len(symbols)].tolist())
        for t, symbol in zip(at, symbols, strict=True):
            target[t, b] = symbol
    found = head.loss(logits, target, length=length)
    log_p = logits.log_softmax(-1)
    for b in range(2):
        symbols = [s for s in target[:, b].tolist() if s >= 0 and s != blank]
        total = 0.0
        for path in itertools.product(range(3), repeat=int(length[b])):
            if best_path(torch.tensor(path), blank) == symbols:
                total += math.exp(sum(float(log_p[t, b, s]) for t, s in enumerate(path)))
        expected = -math.log(total) if total else 0.0
        assert float(found[length[b] - 1, b]) == pytest.approx(expected, rel=1e-9, abs=1e-9)
        assert float(found[:, b].sum()) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    with pytest.raises(FoveateError, match="whole episodes"):
        head.loss(logits[0], target[0])


def test_counted_is_torch_s_categorical_distribution() -> None:
    logits = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
    choice, weights = torch.randint(5, (4,)), torch.rand(2, 4, dtype=torch.float64)
    found = []
    for distribution in (Counted(logits, 2), torch.distributions.Categorical(logits=logits)):
        start = getattr(distribution, "start", 0)
        said = torch.stack([distribution.log_prob(choice + start), distribution.entropy()])
        torch.manual_seed(0)
        sample = distribution.sample(torch.Size([50])) - start
        found.append([said, distribution.probs, *torch.autograd.grad((said * weights).sum(), logits), sample])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)
