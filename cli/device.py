"""The device that ``--device`` names."""

import torch

from ..errors import FoveateError
from .processes import launched

_KINDS = ("cpu", "cuda", "mps", "xpu")


def pick_device(name: str) -> torch.device:
    """The device; "auto" is the GPU if there is one, and of several processes on a machine each takes one of its own.

    Raises:
        FoveateError: there is no such device, or it can't be used.
    """
    from stable_baselines3.common.utils import get_device

    try:
        device = get_device(name)
        if device.type not in _KINDS or (name != "auto" and device.type != torch.device(name).type):
            raise RuntimeError(f"there is no {name.partition(':')[0]} device")  # SB3 takes the CPU without a word
        if device.type == "cuda" and device.index is None and launched().size > 1:
            device = torch.device("cuda", launched().local % torch.cuda.device_count())
            torch.cuda.set_device(device)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise FoveateError(f"--device {name} can't be used here: {str(error).splitlines()[0]}") from error
    return device
