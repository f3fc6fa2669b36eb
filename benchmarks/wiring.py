"""Fixed weights beside weights that depend on the data: draws docs/wiring.png from two agents of the zoo.

python benchmarks/wiring.py

Above, a kernel of a convolution of zoo/Translation-bytenet: the same three weights at every place of every sentence.
Below, the attention of zoo/Translation-bahdanau while it writes: weights as far as the sentence is long, and others in
each sentence.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import LineCollection
from torch import nn

import foveate
from foveate.agents.nn.encoders.convolutional import BytenetItems
from foveate.envs.registry import make_one
from foveate.viz.plots import figure_png, subplots
from foveate.wrappers import Alignment, record_episodes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "wiring.png"
WORLD, SEEDS = "Sequence/Translation-v0", (3, 10)  # of two sentences
COLOURS = "PuOr"


def sentences() -> list[tuple[list[str], list[str], np.ndarray]]:
    """Of each sentence what is read, what is written, and the weights of attention, float (written, read)."""
    agent = foveate.agents.load("zoo/Translation-bahdanau")
    found = []
    for seed in SEEDS:
        env = Alignment(make_one(WORLD, {"view": "whole", "split": "test-10"}), agent)
        record_episodes(env, agent, 1, seed)
        found.append((env.source, env.written, env.matrix()))
        env.close()
    return found


def kernel() -> np.ndarray:
    """The weights of a convolution between the two units that it ties most, float (3,), the greatest of them 1."""
    agent = foveate.agents.load("zoo/Translation-bytenet")
    (encoder,) = (module for module in agent.policy.modules() if isinstance(module, BytenetItems))
    first = next(module for module in encoder.modules() if isinstance(module, nn.Conv1d))
    weights = first.weight.detach().numpy()  # (H, H, 3)
    most = np.abs(weights).max(-1)
    taps = weights[np.unravel_index(most.argmax(), most.shape)]
    return taps / np.abs(taps).max()


def band(taps: np.ndarray, length: int) -> np.ndarray:
    """The weights of all places of a convolution, float (length, length): those of its kernel around each."""
    return np.sum([np.eye(length, k=k) * tap for k, tap in enumerate(taps, -(len(taps) // 2))], axis=0)


def draw_wires(axes: "Axes", below: list[str], above: list[str], weights: np.ndarray) -> None:
    """Lines from what is read, below, to what is made of it, above; its colour is a weight from -1 to 1.

    Args:
        axes: where.
        below: words that are read.
        above: what stands above.
        weights: float (above, below).
    """
    to, of = np.nonzero(np.abs(weights) > 0.02)
    order = np.argsort(np.abs(weights[to, of]))
    to, of = to[order], of[order]
    amounts = weights[to, of]
    lines = np.stack([np.stack([of, np.zeros_like(of)], 1), np.stack([to, np.ones_like(to)], 1)], 1)
    wires = LineCollection(list(lines), cmap=COLOURS, linewidths=0.5 + 2.5 * np.abs(amounts))
    wires.set_array(amounts)
    wires.set_clim(-1, 1)
    axes.add_collection(wires)
    for words, y, where in ((below, 0, "top"), (above, 1, "bottom")):
        for x, word in enumerate(words):
            axes.text(x, y + (0.04 if y else -0.04), word, rotation=90, ha="center", va=where, fontsize=8)
    axes.set_xlim(-0.7, max(len(below), len(above)) - 0.3)
    axes.set_ylim(-0.55, 1.75)
    axes.axis("off")


def main() -> None:
    """Entry point."""
    found, taps = sentences(), kernel()
    figure, rows = subplots(2, len(found), (11, 6.4), layout="constrained")
    for column, (read, written, weights) in enumerate(found):
        fixed, dynamic = rows[:, column]
        draw_wires(fixed, read, ["•"] * len(read), band(taps, len(read)))
        draw_wires(dynamic, read, written, weights)
        fixed.set_title(f"sentence {column + 1}: a convolution, one kernel of three weights", fontsize=9, loc="left")
        dynamic.set_title(f"sentence {column + 1}: attention, while the translation is written", fontsize=9, loc="left")
    bar = figure.colorbar(
        rows[0, 0].collections[0],
        ax=rows.ravel().tolist(),
        orientation="horizontal",
        fraction=0.03,
        pad=0.02,
        aspect=60,
    )
    bar.set_label(
        "weight between what is read (below) and what is made of it (above): of the kernel, its greatest is 1; "
        "of attention, all to a word sum to 1",
        fontsize=8,
    )
    PICTURE.write_bytes(figure_png(figure))
    print(PICTURE.relative_to(PICTURE.parent.parent))


if __name__ == "__main__":
    main()
