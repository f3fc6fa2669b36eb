"""What heads cost by kind of target: sets of right answers, mixtures, labellings, chances."""

import itertools
import math

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from foveate.agents.nn.heads import CTCHead, MixtureHead, make_head
from foveate.agents.nn.heads.categorical import Counted
from foveate.agents.nn.heads.ctc_paths import best_path
from foveate.errors import FoveateError


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
