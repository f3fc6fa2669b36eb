"""Sources of several lengths side by side."""

import torch

from foveate.agents.nn.cores.base import Source


def sources(batch: int, seed: int, items: int = 5, size: int = 6, least: int = 1) -> Source:
    """Sources of `least` to `items` items, NaN behind their ends."""
    torch.manual_seed(seed)
    source = Source(torch.randn(batch, items, size, dtype=torch.float64), torch.randint(least, items + 1, (batch,)))
    return source._replace(items=torch.where(source.mask()[..., None], source.items, torch.nan))
