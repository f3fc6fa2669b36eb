"""Looking into a policy without leaving a trace, whatever modes hold outside."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import cast

import torch
from torch import Tensor, nn

from .views import View


@contextlib.contextmanager
def _ordinary_weights(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Within, weights that were born in inference mode (a policy that was loaded there) are replaced by copies."""
    places = [
        (kept, name, value)
        for part in modules
        for kept in (cast("dict[str, Tensor | None]", part._parameters), part._buffers)
        for name, value in kept.items()
        if value is not None and value.is_inference()
    ]
    for kept, name, value in places:
        kept[name] = nn.Parameter(value.clone()) if isinstance(value, nn.Parameter) else value.clone()
    try:
        yield
    finally:
        for kept, name, value in places:
            kept[name] = value


@contextlib.contextmanager
def undisturbed(view: View) -> Iterator[None]:
    """Within, the network is in evaluation mode; afterwards modes and random states are as they were before.

    Gradients are taken with ``torch.autograd.grad``, which leaves those of the weights alone. They exist within,
    whatever holds outside: `torch.no_grad`, or `torch.inference_mode`, in which every derivative would read as zero.
    """
    modules = list(view.module.modules())
    modes = [(module, module.training) for module in modules]
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    if any(mode for _, mode in modes):  # to switch each module takes as long as a small one computes
        view.module.eval()
    try:
        # cuDNN's recurrent networks can't run backward in evaluation mode
        with (
            torch.random.fork_rng(devices),
            torch.backends.cudnn.flags(enabled=False),
            torch.inference_mode(False),
            torch.enable_grad(),
            _ordinary_weights(modules),
        ):
            yield
    finally:
        for module, mode in modes:
            if module.training != mode:
                module.training = mode
