"""Worlds that are shared out among threads: each exactly once, whoever fails, and in forked children too."""

import multiprocessing
import os
import threading
import time
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from foveate.agents.nn.kernels.threads import FEWEST, in_threads


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@given(batch=st.integers(1, 200), threads=st.integers(1, 5), most=st.none() | st.integers(1, 50))
def test_each_world_is_some_threads_exactly_once(batch: int, threads: int, most: int | None) -> None:
    torch.set_num_threads(threads)
    done, shares = [0] * batch, []

    def run(first: int, end: int) -> None:
        shares.append(end - first)
        for world in range(first, end):
            done[world] += 1

    in_threads(batch, run, most)
    assert done == [1] * batch
    assert most is None or max(shares) <= most


def test_the_caller_and_a_helper_work_at_the_same_time() -> None:
    torch.set_num_threads(2)
    both = threading.Barrier(2, timeout=20)  # passed only when two threads are in it
    in_threads(2 * FEWEST, lambda first, end: both.wait() and None)


@pytest.mark.parametrize("failing", [0, FEWEST])
def test_a_share_that_fails_is_told_when_the_others_are_done(failing: int) -> None:
    torch.set_num_threads(2)
    done = []

    def run(first: int, end: int) -> None:
        if first == failing:
            raise ValueError("no such world")
        time.sleep(0.05)
        done.append(first)

    with pytest.raises(ValueError, match="no such world"):
        in_threads(2 * FEWEST, run)
    assert len(done) == 1


def _count_in_child(found: "multiprocessing.Queue[int]") -> None:
    torch.set_num_threads(3)
    worlds: list[int] = []
    in_threads(30, lambda first, end: worlds.extend(range(first, end)))
    found.put(len(set(worlds)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_forked_child_has_helpers_of_its_own() -> None:
    torch.set_num_threads(3)
    in_threads(30, lambda first, end: None)  # the parent's helpers are there when it forks
    context = multiprocessing.get_context("fork")
    found = context.Queue()
    child = context.Process(target=_count_in_child, args=(found,))
    child.start()
    assert found.get(timeout=30) == 30
    child.join()
