"""Addressing of NTM and DNC: each part against a slow loop, its gradient, and what must always hold."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import gradcheck

from foveate.agents.nn.attention.content import (
    EPSILON,
    content_weights,
    cosine_similarity,
    masked_cosine_similarity,
    scaled_dot,
    weighted_sum,
)
from foveate.agents.nn.cores import addressing as ntm
from foveate.agents.nn.cores import allocation as dnc

SHAPES = {"b": st.integers(1, 3), "n": st.integers(3, 7), "seed": st.integers(0, 10**6)}


def simplex(*shape: int) -> Tensor:
    return torch.softmax(2 * torch.randn(*shape, dtype=torch.float64), -1)


def unit(*shape: int) -> Tensor:
    return torch.rand(*shape, dtype=torch.float64)


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def sub_simplex(*shape: int) -> Tensor:
    """Weights with a sum of at most one, as a write weighting has."""
    return simplex(*shape) * unit(*shape[:-1], 1)


# ---- content ----


@settings(max_examples=20, deadline=None)
@given(**SHAPES)
def test_cosine_similarity_is_the_loop(b: int, n: int, seed: int) -> None:
    torch.manual_seed(seed)
    keys, memory, masks = normal(b, 2, 4), normal(b, n, 4), unit(b, 2, 4)
    got, masked = cosine_similarity(keys, memory), masked_cosine_similarity(keys, masks, memory)
    for i in range(b):
        for h in range(2):
            for j in range(n):
                k, m = keys[i, h], memory[i, j]
                expected = sum(float(x * y) for x, y in zip(k, m, strict=True)) / float(k.norm() * m.norm())
                assert abs(float(got[i, h, j]) - expected) < 1e-5
                a, c = k * masks[i, h], m * masks[i, h]
                assert abs(float(masked[i, h, j]) - float(a @ c / (a.norm() * c.norm() + EPSILON))) < 1e-5
    assert (got.abs() <= 1).all()


def test_content_weights_and_the_weighted_sum_by_hand() -> None:
    weights = content_weights(torch.tensor([[1.0, 0.0]]), torch.tensor([math.log(3.0)]))
    assert torch.allclose(weights, torch.tensor([[0.75, 0.25]]))
    assert torch.allclose(weighted_sum(weights, torch.tensor([[4.0, 0.0], [0.0, 8.0]])), torch.tensor([[3.0, 2.0]]))
    assert float(scaled_dot(torch.ones(1, 4), torch.ones(1, 4))) == 2.0


def test_content_gradients_also_at_zero() -> None:
    torch.manual_seed(0)
    keys, masks, memory = normal(2, 2, 3), unit(2, 2, 3), normal(2, 4, 3)
    for x in (keys, masks, memory):
        x.requires_grad_()
    assert gradcheck(cosine_similarity, (keys, memory))
    assert gradcheck(masked_cosine_similarity, (keys, masks, memory))
    assert gradcheck(lambda k, s: content_weights(cosine_similarity(k, memory), s), (keys, unit(2, 2).requires_grad_()))
    zero = torch.zeros(1, 2, 3, dtype=torch.float64, requires_grad=True)
    for similarity in (cosine_similarity(zero, zero), masked_cosine_similarity(zero, zero, zero)):
        (gradient,) = torch.autograd.grad(similarity.sum(), zero)
        assert similarity.abs().max() == 0
        assert gradient.isfinite().all()


# ---- the neural Turing machine ----


@settings(max_examples=20, deadline=None)
@given(**SHAPES, reach=st.integers(0, 1))
def test_shift_is_the_circular_convolution(b: int, n: int, seed: int, reach: int) -> None:
    torch.manual_seed(seed)
    weights, kernel = simplex(b, 2, n), simplex(b, 2, 2 * reach + 1)
    got = ntm.shift(weights, kernel)
    for i in range(n):  # w̃(i) = Σ_j w(j) s(i - j); the kernel lists s(K), …, s(-K)
        expected = sum(kernel[..., reach - d] * weights[..., (i - d) % n] for d in range(-reach, reach + 1))
        assert torch.allclose(got[..., i], expected)
    assert torch.allclose(got.sum(-1), torch.ones(b, 2, dtype=torch.float64))


def test_shift_by_one_moves_on() -> None:
    weights = torch.tensor([[[0.0, 1.0, 0.0, 0.0]]])
    assert ntm.shift(weights, torch.tensor([[[1.0, 0.0, 0.0]]])).tolist() == [[[0, 0, 1, 0]]]
    assert ntm.shift(weights, torch.tensor([[[0.0, 0.0, 1.0]]])).tolist() == [[[1, 0, 0, 0]]]


@settings(max_examples=20, deadline=None)
@given(**SHAPES)
def test_sharpen_and_interpolate(b: int, n: int, seed: int) -> None:
    torch.manual_seed(seed)
    weights, previous, gamma, gate = simplex(b, 2, n), simplex(b, 2, n), 1 + 4 * unit(b, 2), unit(b, 2)
    powers = weights ** gamma[..., None]
    assert torch.allclose(ntm.sharpen(weights, gamma), powers / powers.sum(-1, keepdim=True), atol=1e-9)
    mixed = ntm.interpolate(weights, previous, gate)
    assert torch.allclose(mixed, gate[..., None] * weights + (1 - gate[..., None]) * previous)
    for result in (mixed, ntm.sharpen(mixed, gamma)):
        assert (result >= 0).all()
        assert torch.allclose(result.sum(-1), torch.ones(b, 2, dtype=torch.float64))


@settings(max_examples=20, deadline=None)
@given(**SHAPES, heads=st.integers(1, 3))
def test_erase_and_add_is_the_loop(b: int, n: int, seed: int, heads: int) -> None:
    torch.manual_seed(seed)
    memory, weights, erase, add = normal(b, n, 4), simplex(b, heads, n), unit(b, heads, 4), normal(b, heads, 4)
    expected = memory.clone()
    for h in range(heads):  # eq. 3: every head erases …
        for i in range(n):
            expected[:, i] *= 1 - weights[:, h, i, None] * erase[:, h]
    for h in range(heads):  # … eq. 4: then every head adds
        for i in range(n):
            expected[:, i] += weights[:, h, i, None] * add[:, h]
    assert torch.allclose(ntm.erase_and_add(memory, weights, erase, add), expected)
    untouched = weights.clone()
    untouched[:, :, 0] = 0
    assert torch.equal(ntm.erase_and_add(memory, untouched, erase, add)[:, 0], memory[:, 0])


def test_gradients_of_the_turing_machine_s_addressing() -> None:
    torch.manual_seed(1)
    weights, kernel = simplex(2, 2, 5).requires_grad_(), simplex(2, 2, 3).requires_grad_()
    gate, gamma = unit(2, 2).requires_grad_(), (1 + unit(2, 2)).requires_grad_()
    assert gradcheck(ntm.shift, (weights, kernel))
    assert gradcheck(ntm.sharpen, (weights, gamma))
    assert gradcheck(lambda c, g: ntm.interpolate(c, weights, g), (simplex(2, 2, 5).requires_grad_(), gate))
    for heads in (1, 2):
        parts = normal(2, 5, 3), simplex(2, heads, 5), unit(2, heads, 3), normal(2, heads, 3)
        assert gradcheck(ntm.erase_and_add, tuple(x.requires_grad_() for x in parts))
    sharp = torch.tensor([[[1.0, 0.0, 0.0]]], dtype=torch.float64, requires_grad=True)  # a weight of zero
    (gradient,) = torch.autograd.grad(
        ntm.sharpen(sharp, torch.tensor([[3.0]], dtype=torch.float64))[..., 0].sum(), sharp
    )
    assert gradient.isfinite().all()


# ---- the differentiable neural computer ----


@settings(max_examples=20, deadline=None)
@given(**SHAPES)
def test_allocation_is_the_loop_over_sorted_rows(b: int, n: int, seed: int) -> None:
    torch.manual_seed(seed)
    usage = unit(b, n)
    got = dnc.allocation_weights(usage)
    for i in range(b):
        product = 1.0
        for row in usage[i].argsort().tolist():
            assert abs(float(got[i, row]) - (1 - float(usage[i, row])) * product) < 1e-5
            product *= float(usage[i, row])
    assert (got >= 0).all()
    assert (got.sum(-1) <= 1 + 1e-9).all()


def test_allocation_by_hand() -> None:
    assert torch.allclose(
        dnc.allocation_weights(torch.tensor([[1.0, 0.0, 1.0]])), torch.tensor([[0.0, 1.0, 0.0]]), atol=1e-5
    )
    assert dnc.allocation_weights(torch.ones(1, 3)).max() < 1e-5  # nothing is free


@settings(max_examples=20, deadline=None)
@given(**SHAPES)
def test_usage_and_retention(b: int, n: int, seed: int) -> None:
    torch.manual_seed(seed)
    free, read, usage, write = unit(b, 2), simplex(b, 2, n), unit(b, n), sub_simplex(b, n)
    retained = dnc.retention(free, read)
    expected = (1 - free[:, 0, None] * read[:, 0]) * (1 - free[:, 1, None] * read[:, 1])
    assert torch.allclose(retained, expected)
    after = dnc.next_usage(usage, write, retained)
    assert torch.allclose(after, (usage + write - usage * write) * expected)
    assert (after >= 0).all()
    assert (after <= 1).all()
    released = dnc.next_usage(
        torch.ones(b, n, dtype=torch.float64), 0 * write, dnc.retention(torch.ones(b, 1), torch.ones(b, 1, n))
    )
    assert released.abs().max() == 0


@settings(max_examples=15, deadline=None)
@given(**SHAPES, steps=st.integers(1, 6))
def test_links_and_precedence_over_a_history_of_writes(b: int, n: int, seed: int, steps: int) -> None:
    torch.manual_seed(seed)
    link, precedence = torch.zeros(b, n, n, dtype=torch.float64), torch.zeros(b, n, dtype=torch.float64)
    slow_link, slow_precedence = link.clone(), precedence.clone()
    sparse = dnc.empty_sparse_link(b, n, n, precedence)
    for _ in range(steps):
        w = sub_simplex(b, n)
        for i in range(n):
            for j in range(n):
                kept = (1 - w[:, i] - w[:, j]) * slow_link[:, i, j] + w[:, i] * slow_precedence[:, j]
                slow_link[:, i, j] = 0 if i == j else kept
        slow_precedence = (1 - w.sum(-1, keepdim=True)) * slow_precedence + w
        link, sparse = dnc.next_link(link, precedence, w), dnc.next_sparse_link(sparse, precedence, w)
        precedence = dnc.next_precedence(precedence, w)
        assert torch.allclose(link, slow_link)
        assert torch.allclose(precedence, slow_precedence)
        assert (precedence >= 0).all()
        assert (precedence.sum(-1) <= 1 + 1e-9).all()
        assert (link >= -1e-12).all()
        assert (link.sum(1) <= 1 + 1e-9).all()
        assert (link.sum(2) <= 1 + 1e-9).all()
        assert link.diagonal(dim1=1, dim2=2).abs().max() == 0
    # with as many links as rows nothing is cut: the sparse form is the full one
    read = simplex(b, 2, n)
    for full, cut in zip(dnc.follow(link, read), dnc.follow(sparse, read), strict=True):
        assert torch.allclose(full, cut)
    assert torch.allclose(dnc.follow(link, read)[0], torch.einsum("bij,brj->bri", link, read))
    assert torch.allclose(dnc.follow(link, read)[1], torch.einsum("bji,brj->bri", link, read))


def test_sparse_links_keep_the_strongest() -> None:
    torch.manual_seed(4)
    link, precedence = torch.zeros(1, 12, 12), torch.zeros(1, 12)
    sparse = dnc.empty_sparse_link(1, 12, 3, precedence)
    for row in (3, 7, 1, 9, 4):  # sharp writes: one link a row is all there is
        w = torch.nn.functional.one_hot(torch.tensor([row]), 12).float()
        link, sparse = dnc.next_link(link, precedence, w), dnc.next_sparse_link(sparse, precedence, w)
        precedence = dnc.next_precedence(precedence, w)
    read = torch.softmax(torch.randn(1, 2, 12), -1)
    assert sparse.values.shape == (1, 12, 3)
    for full, cut in zip(dnc.follow(link, read), dnc.follow(sparse, read), strict=True):
        assert torch.allclose(full, cut)


def test_write_and_read_weightings_by_hand() -> None:
    content, allocation = torch.tensor([[0.5, 0.5]]), torch.tensor([[0.0, 1.0]])
    assert dnc.write_weighting(content, allocation, torch.tensor([[0.5]]), torch.tensor([[0.5]])).tolist() == [
        [0.125, 0.375]
    ]
    modes = torch.tensor([[[0.5, 0.25, 0.25]]])
    read = dnc.read_weighting(
        torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[0.0, 1.0]]]), torch.tensor([[[1.0, 0.0]]]), modes
    )
    assert read.tolist() == [[[0.75, 0.25]]]
    sharp = dnc.sharpen_links(torch.tensor([[[0.2, 0.6]]]), torch.tensor([[2.0]]))
    assert torch.allclose(sharp, 0.8 * torch.tensor([[[0.1, 0.9]]]))
    assert dnc.sharpen_links(torch.zeros(1, 1, 3), torch.ones(1, 1)).abs().max() == 0


def test_gradients_of_allocation_and_links() -> None:
    torch.manual_seed(2)
    usage, write, read = (
        unit(2, 5).requires_grad_(),
        sub_simplex(2, 5).requires_grad_(),
        simplex(2, 2, 5).requires_grad_(),
    )
    precedence, link = sub_simplex(2, 5).requires_grad_(), (0.1 * unit(2, 5, 5)).requires_grad_()
    assert gradcheck(dnc.allocation_weights, (usage,))
    assert gradcheck(dnc.retention, (unit(2, 2).requires_grad_(), read))
    assert gradcheck(dnc.next_usage, (usage, write, unit(2, 5).requires_grad_()))
    assert gradcheck(dnc.next_precedence, (precedence, write))
    assert gradcheck(dnc.next_link, (link, precedence, write))
    assert gradcheck(dnc.follow, (link, read))
    assert gradcheck(dnc.sharpen_links, (read, (1 + unit(2, 2)).requires_grad_()))
    columns = torch.stack([torch.randperm(5)[:2] for _ in range(10)]).view(2, 5, 2)
    values = (0.1 * unit(2, 5, 2)).requires_grad_()

    def sparse(values: Tensor, precedence: Tensor, write: Tensor) -> tuple[Tensor, Tensor]:
        return dnc.follow(dnc.next_sparse_link(dnc.SparseLink(values, columns), precedence, write), read)

    assert gradcheck(sparse, (values, precedence, write))


@pytest.mark.parametrize("x", [-100.0, 0.0, 100.0])
def test_oneplus(x: float) -> None:
    assert float(ntm.oneplus(torch.tensor(x))) == pytest.approx(1 + math.log1p(math.exp(-abs(x))) + max(x, 0))
