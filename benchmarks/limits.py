"""What one core of this machine can do at most, measured beside the figures that are compared with it."""

import statistics
import time
from collections.abc import Callable
from typing import TypedDict

import torch

REPEATS = 7
SIDE, FLOATS = 1024, 1 << 25  # of the matrices; of what is copied: 128 MiB, which no cache holds


class Limits(TypedDict):
    """Of one core, medians of repeats.

    Attributes:
        gflops: 10⁹ multiplications and additions a second in a product of matrices (float32).
        gigabytes: 10⁹ bytes a second read and written where a large array is copied.
        operator: microseconds of PyTorch's smallest operator, which is what it costs to ask for one.
    """

    gflops: float
    gigabytes: float
    operator: float


def seconds(work: Callable[[], object], repeats: int = REPEATS, count: int = 1) -> float:
    """Processor time of a piece of work: the median of repeats, after one that warms up.

    Args:
        work: what is timed.
        repeats: how often.
        count: pieces of work in each.
    """
    times = []
    for _ in range(repeats + 1):
        begin = time.process_time()
        for _ in range(count):
            work()
        times.append((time.process_time() - begin) / count)
    return statistics.median(times[1:])


def limits() -> Limits:
    """Measure them on one thread."""
    torch.set_num_threads(1)
    a, b = torch.rand(SIDE, SIDE), torch.rand(SIDE, SIDE)
    product = torch.empty_like(a)
    source, target, one = torch.zeros(FLOATS), torch.zeros(FLOATS), torch.zeros(1)
    return {
        "gflops": 2e-9 * SIDE**3 / seconds(lambda: torch.mm(a, b, out=product)),
        "gigabytes": 2e-9 * 4 * FLOATS / seconds(lambda: target.copy_(source)),
        "operator": 1e6 * seconds(lambda: one.add_(one), count=10_000),
    }


def said(found: Limits) -> str:
    """A sentence for the page."""
    return (
        f"In the same run a core gave {found['gflops']:.0f} GFLOP/s in a product of float32 matrices, moved "
        f"{found['gigabytes']:.0f} GB/s in a copy, and took {found['operator']:.1f} µs for PyTorch's smallest operator."
    )


def machine_of(report: dict) -> str:
    """The machine in a few words, for a picture.

    Args:
        report: with cores and the limits.
    """
    found: Limits = report["limits"]
    return (
        f"Machine: {report['cores']} cores, of which one gives {found['gflops']:.0f} GFLOP/s (float32) "
        f"and copies {found['gigabytes']:.0f} GB/s"
    )


def number(value: float | None) -> str:
    """A figure with three digits that count, or a dash."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def measured(report: dict) -> str:
    """How it was measured, and what the machine gives at most.

    Args:
        report: with cores, the load at beginning and end, and the limits.
    """
    begin, end = report["load"]
    busy = max(begin, end) > 1.5
    found: Limits = report["limits"]
    return (
        f"Processor time, one thread, medians; on {'a busy' if busy else 'an idle'} machine of "
        f"{report['cores']} cores ({begin:.1f} programs ran when it began, {end:.1f} when it ended). {said(found)} "
        f"{report.get('note', '')}"
    )
