"""Bias and variance of the estimators of hard attention, on a world's own images, against exact enumeration."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...agents.nn.attention import estimators
from ...agents.nn.attention.tiles import TileAttention
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
            seen = (weights[..., None] * tiles).sum(1)  # (B, G)
            return -F.cross_entropy(self.what(seen), labels, reduction="none")

        return f


def measure_estimators(run: Run, repeats: int = 400) -> list[dict[str, Any]]:
    """Every estimator's bias and variance on images of a run's world.

    Args:
        run: whose world.
        repeats: estimates that each figure is taken from.
    """
    images, labels, _ = images_of(run, 2 * BATCH)
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        attention = TileAttention(tuple(images.shape[1:]), tiles=TILES, intensity=1.0)  # type: ignore[arg-type]
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
        baselines: dict[str, Any] = {
            "no baseline": 0.0, "moving average": average.value, "learned": value, "leave-one-out": None,
        }  # fmt: skip
        kinds: dict[str, Any] = {
            f"REINFORCE, {name}": lambda b=b: estimators.reinforce(model.where(query), gain, SAMPLES, b)
            for name, b in baselines.items()
        }
        kinds["straight-through Gumbel-softmax"] = lambda: estimators.straight_through(
            model.where(query), gain, SAMPLES
        )
        kinds["soft (expectation)"] = lambda: estimators.expectation(model.where(query), gain)

        def truth() -> Tensor:
            return estimators.exact(model.where(query), gain)

        parameters = list(model.where.parameters())  # the choice's own gradient: f's is alike for all
        rows = []
        for name, kind in kinds.items():
            found = estimators.measure(kind, truth, parameters, repeats)
            rows.append({"estimator": name, "samples": SAMPLES, **found._asdict()})
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
