"""Bias and variance of the estimators of hard attention, on a world's own images, against exact enumeration."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...agents.nn.attention.tiles import TileAttention
from .. import estimators
from .figures import EstimatorRow
from .gather import Run
from .robustness import images_of

TILES, BATCH, SAMPLES, WARM_UP = 3, 16, 8, 40


class OneGlimpse(nn.Module):
    """The smallest hard attention: one of nine tiles is chosen by a linear layer, and a linear layer names the class.

    Args:
        attention: the tiles.
        classes: number of labels.
    """

    def __init__(self, attention: TileAttention, classes: int):
        super().__init__()
        self.where = nn.Linear(attention.glimpse_size, attention.emitted_size)
        self.what = nn.Linear(attention.glimpse_size, classes)

    def gain(self, tiles: Tensor, labels: Tensor) -> estimators.Gain:
        """f: weights over the tiles (B, N) -> log p(label), (B,)."""

        def f(weights: Tensor) -> Tensor:
            glimpse = (weights[..., None] * tiles).sum(1)  # (B, G)
            return -F.cross_entropy(self.what(glimpse), labels, reduction="none")

        return f


def measure_estimators(run: Run, repeats: int = 400) -> list[EstimatorRow]:
    """Every estimator's bias and variance on images of a run's world.

    Args:
        run: whose world.
        repeats: estimates that each figure is taken from.
    """
    images, labels, _ = images_of(run, 2 * BATCH)
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        channels, height, width = images.shape[1:]
        attention = TileAttention((channels, height, width), tiles=TILES, intensity=1.0)
        model = OneGlimpse(attention, int(labels.max()) + 1).double()
        tiles = attention.prepare(images).double()
        query = tiles.mean(1)  # a blurred look at everything
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for _ in range(WARM_UP):  # somewhere on the way, where choices have begun to matter
            optimizer.zero_grad()
            (-estimators.exact(model.where(query), model.gain(tiles, labels))).backward()
            optimizer.step()
        # the critic is fitted to the other half of the images, as a learner's is to those before
        critic = _fitted_critic(model, tiles[BATCH:], query[BATCH:], labels[BATCH:])
        tiles, query, labels = tiles[:BATCH], query[:BATCH], labels[:BATCH]
        gain = model.gain(tiles, labels)
        average = estimators.MovingAverage()
        with torch.no_grad():
            value = critic(query)[:, 0]
            for _ in range(50):
                logits = model.where(query)
                place = torch.distributions.Categorical(logits=logits).sample()
                average.update(gain(F.one_hot(place, logits.shape[-1]).double()))
        return _measured(model, query, gain, {"moving average": average.value, "learned": value}, repeats)


def _measured(
    model: OneGlimpse, query: Tensor, gain: estimators.Gain, learned: dict[str, Tensor | float], repeats: int
) -> list[EstimatorRow]:
    """Bias and variance of each estimator of the choice's own gradient (f's is alike for all).

    Args:
        model: whose choice.
        query: what it looks at first, (B, G).
        gain: f.
        learned: baselines by name, beside none and leave-one-out.
        repeats: estimates that each figure is taken from.
    """
    baselines: dict[str, Tensor | float | None] = {"no baseline": 0.0, **learned, "leave-one-out": None}

    def logits() -> Tensor:
        return model.where(query)

    kinds: dict[str, Callable[[], Tensor]] = {
        f"REINFORCE, {name}": partial(lambda b: estimators.reinforce(logits(), gain, SAMPLES, b), baseline)
        for name, baseline in baselines.items()
    }
    kinds["straight-through Gumbel-softmax"] = lambda: estimators.straight_through(logits(), gain, SAMPLES)
    kinds["soft (expectation)"] = lambda: estimators.expectation(logits(), gain)
    rows: list[EstimatorRow] = []
    for name, kind in kinds.items():
        parameters = list(model.where.parameters())
        quality = estimators.measure(kind, lambda: estimators.exact(logits(), gain), parameters, repeats)
        rows.append({
            "estimator": name, "samples": SAMPLES, "bias": quality.bias, "noise": quality.noise,
            "variance": quality.variance, "cosine": quality.cosine,
        })  # fmt: skip
    return rows


def _fitted_critic(model: OneGlimpse, tiles: Tensor, query: Tensor, labels: Tensor) -> nn.Linear:
    critic = nn.Linear(query.shape[1], 1).double()
    optimizer = torch.optim.Adam(critic.parameters(), lr=0.01, weight_decay=1e-3)
    with torch.no_grad():
        gain, weights = model.gain(tiles, labels), torch.softmax(model.where(query), -1)
        each = torch.stack([gain(one.expand_as(weights)) for one in torch.eye(weights.shape[1]).double()], -1)
        aim = (weights * each).sum(-1)
    for _ in range(200):
        optimizer.zero_grad()
        F.mse_loss(critic(query)[:, 0], aim).backward()
        optimizer.step()
    return critic
