"""Pictures of what rows of a memory stand for."""

import numpy as np

from .plots import figure_png, subplots

BLUE = "#1f5fa8"


def draw_counters(rows: np.ndarray, counted: np.ndarray, told: np.ndarray, correlation: float) -> bytes:
    """A PNG: which row is read at which history, and counts against what a linear fit tells from the readings.

    Args:
        rows: how much each row is read at each history, float (histories, rows).
        counted: float (n,).
        told: float (n,).
        correlation: of both.
    """
    figure, axes = subplots(1, 2, (11.0, 4.6))
    used = rows[:, rows.max(0) > 0.05]
    order = np.argsort(used.argmax(0), kind="stable")
    bits = max(1, int(np.log2(max(2, len(rows)))))
    axes[0, 0].imshow(used[:, order], aspect="auto", cmap="Blues", vmin=0, interpolation="nearest")
    axes[0, 0].set_yticks(
        range(len(rows)), [f"{each:0{bits}b}" for each in range(len(rows))], fontsize=6, family="monospace"
    )
    axes[0, 0].set_xticks([])
    axes[0, 0].set_xlabel(f"the {used.shape[1]} rows of memory that are used")
    axes[0, 0].set_ylabel(f"the last {bits} bits")
    axes[0, 0].set_title("which row is read after which bits")
    some = np.random.default_rng(0).permutation(len(counted))[:3000]
    jitter = np.random.default_rng(1).uniform(-0.3, 0.3, len(some))
    axes[0, 1].plot(counted[some] + jitter, told[some], ".", color=BLUE, alpha=0.25, markersize=3)
    axes[0, 1].set_xlabel("ones less zeros that followed these bits so far")
    axes[0, 1].set_ylabel("the same, told from what is read")
    axes[0, 1].set_title(f"what is read is a counter: r = {correlation:.2f}")
    return figure_png(figure)


def draw_places(priority: np.ndarray, written: np.ndarray, read: np.ndarray, titles: tuple[str, str]) -> bytes:
    """A PNG: where items are written by their priority, and where answers are read, one after the other.

    Args:
        priority: of each item, float (n,).
        written: the place in memory, float (n,).
        read: the place of each answer, in the mean, float (answers,).
        titles: of both.
    """
    figure, axes = subplots(1, 2, (11.0, 4.2))
    axes[0, 0].plot(priority[:4000], written[:4000], ".", color=BLUE, alpha=0.25, markersize=3)
    axes[0, 0].set_xlabel("priority of the item")
    axes[0, 0].set_ylabel("row that is written (mean)")
    axes[0, 0].set_title(titles[0])
    axes[0, 1].plot(range(1, len(read) + 1), read, "o-", color=BLUE)
    axes[0, 1].set_xlabel("answer, the highest priority first")
    axes[0, 1].set_ylabel("row that is read (mean)")
    axes[0, 1].set_title(titles[1])
    return figure_png(figure)
