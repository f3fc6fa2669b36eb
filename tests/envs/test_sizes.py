"""Ranges and splits: what they allow, what they sample, and what is given counts more than the split."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from foveate.envs.counter_rng import CounterRNG
from foveate.envs.sizes import Range, Splits
from foveate.errors import FoveateError

SPLITS = Splits.of("length", Range(2, 9), exactly=(5, 40))


def rng(n: int) -> CounterRNG:
    return CounterRNG(torch.arange(n), torch.zeros(n, dtype=torch.int64), torch.zeros(n, dtype=torch.int64))


@given(low=st.integers(-5, 20), high=st.integers(-5, 20), least=st.integers(0, 5), most=st.integers(5, 15))
def test_a_range_is_allowed_where_its_numbers_are(low: int, high: int, least: int, most: int) -> None:
    if least <= low <= high <= most:
        assert Range(low, high).check("length", least, most) == (low, high)
    else:
        with pytest.raises(FoveateError, match=r"min_length|max_length"):
            Range(low, high).check("length", least, most)


def test_samples_are_uniform_and_both_ends_are_included() -> None:
    counts = Range(3, 6).sample(rng(4000), "x").bincount(minlength=7)
    assert counts[:3].sum() == 0
    assert len(counts) == 7
    assert (counts[3:] > 850).all()
    assert Range(3, 6).sample(rng(5), "x", 2, 3).shape == (5, 2, 3)
    assert Range(4, 4).sample(rng(3), "x").tolist() == [4, 4, 4]
    assert Range(4, 4).single
    assert not Range(3, 4).single


def test_what_is_given_counts_more_than_the_split() -> None:
    assert SPLITS.sizes("train", min_length=None, max_length=None).range("length", 1, 100) == (2, 9)
    assert SPLITS.sizes("test", min_length=None, max_length=4).range("length", 1, 100) == (2, 4)
    assert SPLITS.sizes("test-40", min_length=3, max_length=None).range("length", 1, 100) == (3, 40)
    assert list(SPLITS) == ["train", "test-5", "test-40"]


def test_an_unknown_split_is_named_with_those_that_there_are() -> None:
    with pytest.raises(FoveateError, match=r"test-41.*Did you mean 'test-40'.*validation"):
        SPLITS.sizes("test-41", min_length=None)
