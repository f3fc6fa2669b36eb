"""Each visual attention against a slow loop, by gradcheck, and by what must hold of it for any parameters."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.agents.nn.attention import ATTENTIONS, draw, make_attention
from foveate.agents.nn.attention.content import SCORES, make_score
from foveate.agents.nn.attention.foveal import Fovea
from foveate.agents.nn.attention.location import LocationAttention
from foveate.agents.nn.attention.spatial_transformer import SpatialTransformer, sample
from foveate.envs.glimpse import retina
from foveate.errors import FoveateError

SMALL = {"patch": 4, "scales": 2, "tiles": 3, "filters": 3, "key": 4, "heads": 2}


def model(name: str, side: int = 12):
    torch.manual_seed(0)
    return make_attention(name, (1, side, side), **SMALL).double()


# ---- DRAW ----


def slow_bank(centre: float, stride: float, variance: float, filters: int, size: int) -> list[list[float]]:
    bank = []
    for i in range(1, filters + 1):
        mean = centre + (i - filters / 2 - 0.5) * stride
        row = [math.exp(-((a - mean) ** 2) / (2 * variance)) for a in range(1, size + 1)]
        bank.append([value / sum(row) for value in row])
    return bank


def test_draw_reads_and_writes_as_the_double_loop_says() -> None:
    n, width, height = 3, 7, 5
    emitted = torch.tensor([[0.2, -0.3, 0.4, -0.5, 0.3]], dtype=torch.float64)
    where = draw.grid(emitted, n, width, height)
    assert float(where.centre_x) == pytest.approx((width + 1) / 2 * 1.2)  # eq. 22
    assert float(where.centre_y) == pytest.approx((height + 1) / 2 * 0.7)  # eq. 23
    assert float(where.stride) == pytest.approx((7 - 1) / (n - 1) * math.exp(-0.5))  # eq. 24
    f_x = slow_bank(float(where.centre_x), float(where.stride), float(where.variance), n, width)
    f_y = slow_bank(float(where.centre_y), float(where.stride), float(where.variance), n, height)
    image = torch.rand(1, 1, height, width, dtype=torch.float64)
    patch = torch.rand(1, 1, n, n, dtype=torch.float64)
    seen, written = draw.read(image, where, n), draw.write(patch, where, width, height)
    gamma = math.exp(0.3)
    for i in range(n):
        for j in range(n):
            total = sum(f_y[i][b] * float(image[0, 0, b, a]) * f_x[j][a] for b in range(height) for a in range(width))
            assert float(seen[0, 0, i, j]) == pytest.approx(gamma * total)
    for b in range(height):
        for a in range(width):
            total = sum(f_y[i][b] * float(patch[0, 0, i, j]) * f_x[j][a] for i in range(n) for j in range(n))
            assert float(written[0, 0, b, a]) == pytest.approx(total / gamma)


@given(st.floats(-3, 3), st.floats(-4, 3), st.floats(-2, 1))
@settings(max_examples=40, deadline=None)
def test_every_filter_sums_to_one_wherever_it_lies(centre: float, log_variance: float, log_stride: float) -> None:
    emitted = torch.tensor([[centre, -centre, log_variance, log_stride, 0.0]], dtype=torch.float64)
    where = draw.grid(emitted, 4, 9, 9)
    for bank in draw.banks(where, 4, 9, 9):
        torch.testing.assert_close(bank.sum(-1), torch.ones(1, 4, dtype=torch.float64))


# ---- the spatial transformer ----


@pytest.mark.parametrize("shape", [(5, 7), (3, 4, 5)])
def test_the_identity_reproduces_an_image_and_a_volume(shape: tuple[int, ...]) -> None:
    data = torch.rand(2, 3, *shape, dtype=torch.float64)
    dims = len(shape)
    identity = torch.eye(dims, dims + 1, dtype=torch.float64).expand(2, -1, -1)
    torch.testing.assert_close(sample(data, identity, shape), data)


@pytest.mark.parametrize("shape", [(4, 5), (3, 4, 3)])
def test_the_spatial_transformer_s_gradient(shape: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    dims = len(shape)
    data = torch.rand(1, 1, *shape, dtype=torch.float64, requires_grad=True)
    affine = torch.eye(dims, dims + 1, dtype=torch.float64) * 0.71 + 0.05 * torch.randn(dims, dims + 1).double()
    assert torch.autograd.gradcheck(lambda d, a: sample(d, a, (2,) * dims), (data, affine[None].requires_grad_()))


@settings(max_examples=20, deadline=None)
@given(away=st.integers(1, 4), side=st.sampled_from([1, 3, 5, 7, 9]))
def test_a_blurred_image_tells_where_a_stroke_lies_that_is_not_seen_yet(away: int, side: int) -> None:
    model = SpatialTransformer((1, 21, 21), patch=1, samples=1, blur=side, intensity=1.0).double()
    image = torch.zeros(1, 1, 21, 21, dtype=torch.float64)
    image[0, 0, 10, 10 + away] = 1.0  # to the right of the middle, on which the one sample lies
    emitted = model.initial().double()[None].requires_grad_()
    glimpse = model.look(model.prepare(image), emitted).what
    (gradient,) = torch.autograd.grad(glimpse.sum(), emitted)
    torch.testing.assert_close(glimpse.item(), float(away <= side // 2) / side**2)
    assert (gradient[0, 2] != 0) == (away == side // 2 + 1), "what the next pixel would show, and no more"


def test_the_spatial_transformer_begins_in_the_middle_and_its_middle_stays_in_the_image() -> None:
    model = SpatialTransformer((1, 8, 8), reach=0.5)
    torch.testing.assert_close(model.affine(model.initial()[None])[0], torch.eye(2, 3) * 0.5)
    far = model.affine(torch.tensor([[1.0, 0.0, 50.0, 0.0, 1.0, -50.0]]))
    torch.testing.assert_close(far[0, :, 2], torch.tensor([1.0, -1.0]))
    with pytest.raises(FoveateError, match="blur=4 is not allowed: it must be odd"):
        SpatialTransformer((1, 8, 8), blur=4)


def test_bilinear_sampling_is_the_paper_s_double_sum() -> None:
    torch.manual_seed(0)
    height, width = 4, 5
    image = torch.rand(1, 1, height, width, dtype=torch.float64)
    affine = torch.tensor([[[0.6, 0.2, 0.1], [-0.1, 0.8, -0.2]]], dtype=torch.float64)
    found = sample(image, affine, (3, 3))
    for i in range(3):
        for j in range(3):
            target = torch.tensor([(2 * j + 1) / 3 - 1, (2 * i + 1) / 3 - 1, 1.0], dtype=torch.float64)
            x, y = (affine[0] @ target).tolist()  # eq. 1
            x, y = (x + 1) * width / 2 - 0.5, (y + 1) * height / 2 - 0.5
            total = sum(
                float(image[0, 0, n, m]) * max(0, 1 - abs(x - m)) * max(0, 1 - abs(y - n))
                for n in range(height)
                for m in range(width)
            )  # eq. 5
            assert float(found[0, 0, i, j]) == pytest.approx(total)


def test_a_wrong_map_is_refused_by_name() -> None:
    with pytest.raises(FoveateError, match=r"\(B, 2, 3\)"):
        sample(torch.zeros(1, 1, 4, 4), torch.zeros(1, 3, 4), (2, 2))


# ---- places ----


def test_the_soft_location_is_the_mean_of_all_hard_ones() -> None:
    side = 10
    attention = LocationAttention((1, side, side), patch=4, scales=2, std=0.3, intensity=1.0).double()
    image = torch.rand(1, 1, side, side, dtype=torch.float64)
    emitted = torch.tensor([[0.3, -0.4, math.log(0.3)]], dtype=torch.float64)
    row, column = attention.weights(emitted, 1)[0], attention.weights(emitted, 0)[0]
    fields = retina.pool(image, 2)
    expected = torch.zeros(1, attention.glimpse_size, dtype=torch.float64)
    for i in range(side):
        for j in range(side):
            place = torch.tensor([[(2 * j + 1) / side - 1, (2 * i + 1) / side - 1]], dtype=torch.float64)
            expected += row[i] * column[j] * retina.look(fields, place, 4).flatten(1)
    torch.testing.assert_close(attention.look(image, emitted).what, expected)


def test_a_hard_glimpse_inside_is_the_world_s_glimpse() -> None:
    attention = LocationAttention((1, 20, 20), patch=4, scales=2, intensity=1.0)
    image, place = torch.rand(3, 1, 20, 20), torch.rand(3, 2) * 2 - 1
    assert torch.equal(attention.glimpse_at(image, place), retina.look(retina.pool(image, 2), place, 4).flatten(1))


# ---- all of them ----


@pytest.mark.parametrize("name", ATTENTIONS)
def test_the_soft_glimpse_s_gradient(name: str) -> None:
    attention = model(name, 8)
    image = torch.rand(1, 1, 8, 8, dtype=torch.float64, requires_grad=True)
    emitted = (attention.initial().double() + 0.1 * torch.randn(attention.emitted_size).double())[None]
    emitted = emitted.detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda x, e: attention.look(attention.prepare(x), e).what, (image, emitted))


@pytest.mark.parametrize("name", ATTENTIONS)
def test_the_pixel_weights_show_where_the_glimpse_is_taken(name: str) -> None:
    attention = model(name)
    emitted = attention.initial().double()[None]
    weights = attention.pixel_weights(torch.rand(1, 1, 12, 12, dtype=torch.float64), emitted)
    assert weights.shape == (1, 12, 12)
    assert weights.min() >= 0
    assert weights.sum() > 0
    if name in ("location", "draw"):
        moved = emitted.clone()
        moved[:, 0] = -1.0  # to the left
        assert (
            attention.pixel_weights(torch.zeros(1, 1, 12, 12).double(), moved)[..., :6].sum() > weights[..., :6].sum()
        )


@pytest.mark.parametrize("name", SCORES)
def test_each_score_is_its_formula(name: str) -> None:
    torch.manual_seed(0)
    score = make_score(name, 3, 3)
    queries, keys = torch.randn(2, 4, 3), torch.randn(2, 5, 3)
    found = score(queries, keys)
    assert found.shape == (2, 4, 5)
    for b in range(2):
        for q in range(4):
            for k in range(5):
                u, v = queries[b, q], keys[b, k]
                expected = {
                    "dot": lambda u=u, v=v: u @ v,
                    "scaled-dot": lambda u=u, v=v: u @ v / 3**0.5,
                    "cosine": lambda u=u, v=v: u @ v / (u.norm() * v.norm()),
                    "bilinear": lambda u=u, v=v: (score.weight.weight @ u) @ v,
                    "additive": lambda u=u, v=v: score.v(torch.tanh(score.from_query(u) + score.from_key(v)))[0],
                }[name]()
                torch.testing.assert_close(found[b, q, k], expected, rtol=1e-4, atol=1e-4)


def test_a_score_that_cannot_be_says_so() -> None:
    with pytest.raises(FoveateError, match="one size"):
        make_score("dot", 3, 4)
    with pytest.raises(FoveateError, match="Did you mean 'cosine'"):
        make_score("cosin", 3, 3)


@pytest.mark.parametrize("size", [28, 33, 54, 60, 100, 210])
@pytest.mark.parametrize("patch", [5, 8, 12])
@pytest.mark.parametrize("scales", [1, 3])
def test_the_middle_of_a_pixel_is_in_the_pixel(size: int, patch: int, scales: int) -> None:
    """At every pixel's middle the hard crop is the one that the soft side means by that pixel."""
    image = torch.rand(1, 1, size, size)
    fovea = Fovea((1, size, size), patch, scales)
    fields = fovea.prepare(image)
    middles = (2 * torch.arange(size) + 1) / size - 1
    first = torch.zeros(1, size)
    first[0, 0] = 1
    for i, middle in enumerate(middles):
        here = torch.zeros(1, size)
        here[0, i] = 1
        for place, rows, columns in (((middle, middles[0]), first, here), ((middles[0], middle), here, first)):
            hard = fovea.glimpse_at(fields, torch.tensor([[float(p) for p in place]]))
            torch.testing.assert_close(hard, fovea.expected(image, rows, columns), rtol=0, atol=1e-5)


@pytest.mark.parametrize("std", [0.05, 0.1, 0.3, 1.0])
@pytest.mark.parametrize("mean", [-0.999, -0.9, -0.5, 0.0, 0.5, 0.9, 0.97, 0.999])
def test_hard_and_soft_looks_have_one_distribution_over_the_border_too(mean: float, std: float) -> None:
    """Where the soft side looks on average, and how often at each edge, is where samples of the hard side end."""
    size = 60
    attention = LocationAttention((1, size, size), std=std).double()
    emitted = torch.tensor([[math.atanh(mean), 0.0, math.log(std)]], dtype=torch.float64)
    weights = attention.weights(emitted, 0)[0]
    place = (2 * torch.arange(size, dtype=torch.float64) + 1) / size - 1
    torch.manual_seed(0)
    samples = attention.distribution(torch.zeros(1), emitted).sample((200_000,))[:, 0, 0]
    samples = samples.clamp(place[0], place[-1])
    assert float(weights.sum()) == pytest.approx(1)
    assert float(weights @ place) == pytest.approx(float(samples.mean()), abs=0.004)
    pixel = ((samples + 1) / 2 * size).long()
    for edge in (0, size - 1):
        assert float(weights[edge]) == pytest.approx(float((pixel == edge).double().mean()), abs=0.02)
