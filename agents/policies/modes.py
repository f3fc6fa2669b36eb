"""How a policy is while it plays."""

import contextlib
from collections.abc import Iterator

import torch
from torch import nn


@contextlib.contextmanager
def at_play(policy: object) -> Iterator[None]:
    """Within, a policy is as it plays: without dropout and without gradients; afterwards as it was."""
    module = policy if isinstance(policy, nn.Module) else None
    was_training = module is not None and module.training
    if module is not None:
        module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        if module is not None:
            module.train(was_training)
