"""Worlds shared out among threads, which wait for work between one kernel and the next."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from itertools import pairwise

import torch

FEWEST = 4  # worlds a thread: below it handing them over costs more than it saves


@cache
def _helpers(count: int) -> ThreadPoolExecutor:
    """Threads beside the caller's own, begun once: beginning them takes as long as a small kernel."""
    return ThreadPoolExecutor(count, thread_name_prefix="foveate-kernel")


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_helpers.cache_clear)  # a forked child has none of its parent's threads


def in_threads(batch: int, run: Callable[[int, int], None], most: int | None = None) -> None:
    """Share worlds out among as many threads as PyTorch may use; each world's numbers are the same for any number.

    Args:
        batch: how many worlds there are.
        run: what is to be done for the worlds from the first to before the second number.
        most: worlds at a time, so that what they need stays in the cache; all of a thread's by default.
    """
    threads = max(1, min(torch.get_num_threads(), batch // FEWEST))
    parts = max(threads, -(-batch // most)) if most else threads
    left = iter(list(pairwise(batch * i // parts for i in range(parts + 1))))

    def work() -> None:
        for first, end in left:  # whoever is done takes the next part
            run(first, end)

    if threads < 2:
        return work()
    helping = [_helpers(threads - 1).submit(work) for _ in range(threads - 1)]
    try:
        work()
    finally:
        wait(helping)  # also if this thread fails: nobody may go on writing into its arrays
    for helper in helping:
        helper.result()
