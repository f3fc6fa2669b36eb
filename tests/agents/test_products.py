"""Products in vector registers are NumPy's, write nothing else, and a row's numbers are the same in any company."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from foveate.agents.nn.kernels import products
from foveate.agents.nn.kernels.arithmetic import OPTIONS

pytestmark = pytest.mark.compiles
CALLED: Any = {**OPTIONS, "no_cpython_wrapper": False}
SIZES = st.integers(1, 70)


@njit(**CALLED)
def call_product(x, weight, out, first, end):
    products.product(x, weight, out, first, end)


@njit(**CALLED)
def call_add_product(x, weight, out):
    products.add_product(x, weight, out)


@njit(**CALLED)
def call_add_product_of_turned(x, weight, out):
    products.add_product(x.T, weight, out)


@njit(**CALLED)
def call_add_transposed_product(x, weight, out):
    products.add_transposed_product(x, weight, out)


def arrays(dtype: str, seed: int, *shapes: tuple[int, int]) -> list[np.ndarray]:
    """Of standard normal numbers."""
    numbers = np.random.default_rng(seed)
    return [numbers.standard_normal(shape).astype(dtype) for shape in shapes]


def framed(rows: int, columns: int, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Some numbers inside a frame that nobody may touch, and the whole."""
    frame = np.full((rows + 2, columns + 2), 7, dtype)
    return frame[1:-1, 1:-1], frame


def assert_frame_untouched(frame: np.ndarray) -> None:
    edges = np.concatenate([frame[0], frame[-1], frame[:, 0], frame[:, -1]])
    assert (edges == 7).all()


@given(st.sampled_from(["f4", "f8"]), st.integers(1, 21), SIZES, SIZES, st.data())
@settings(max_examples=150, deadline=None)
def test_products_are_those_of_numpy(dtype: str, batch: int, inner: int, columns: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, batch - 1))
    end = data.draw(st.integers(first, batch))
    x, weight = arrays(dtype, batch, (batch, inner), (inner, columns))
    tolerance = 1e-4 if dtype == "f4" else 1e-12
    out, frame = framed(batch, columns, dtype)
    call_product(x, weight, out, first, end)
    np.testing.assert_allclose(out[first:end], x[first:end] @ weight, atol=tolerance)
    assert (out[:first] == 7).all()
    assert (out[end:] == 7).all()
    for function, left, right in (
        (call_add_product, x, weight),
        (call_add_product_of_turned, np.ascontiguousarray(x.T), weight),
        (call_add_transposed_product, x, np.ascontiguousarray(weight.T)),
    ):
        out[:] = 7
        function(left, right, out)
        np.testing.assert_allclose(out, 7 + x @ weight, atol=tolerance)
    assert_frame_untouched(frame)


@given(st.sampled_from(["f4", "f8"]), st.integers(1, 21), SIZES, SIZES)
@settings(max_examples=50, deadline=None)
def test_a_row_alone_is_the_same_bit_for_bit(dtype: str, batch: int, inner: int, columns: int) -> None:
    x, weight, out, alone = arrays(dtype, batch, (batch, inner), (inner, columns), (batch, columns), (batch, columns))
    call_product(x, weight, out, 0, batch)
    for row in range(batch):
        call_product(x, weight, alone, row, row + 1)
    assert np.array_equal(out, alone)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_what_is_no_number_stays_none(dtype: str) -> None:
    x, weight, out = arrays(dtype, 0, (9, 5), (5, 40), (9, 40))
    x[3, 2], weight[1, 17] = np.nan, np.nan
    call_product(x, weight, out, 0, 9)
    assert np.array_equal(np.isnan(out), np.isnan(x @ weight))
