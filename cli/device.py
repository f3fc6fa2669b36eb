"""The device that ``--device`` names."""

import torch

from ..errors import FoveateError


def pick_device(name: str) -> torch.device:
    """ "auto" is the GPU if there is one; without one "cuda" is the CPU too.

    Raises:
        FoveateError: there is no such device, or it can't be used.
    """
    from stable_baselines3.common.utils import get_device

    try:
        device = get_device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise FoveateError(f"--device {name} can't be used here: {str(error).splitlines()[0]}") from error
    return device
