"""A device that isn't there: tensors without numbers, on which every mixing of devices is an error.

PyTorch's fake tensors know their shapes, types and devices alone. Whoever reads one on the host, and so makes a real
device wait, is written down and told what is usual: nothing is out of order (`all` is True, the rest False), a number
is 1, none is chosen.
"""

import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

NAME = "meta"
ROOT = Path(__file__).resolve().parent.parent
NUMPY = {
    torch.bool: np.bool_,
    torch.uint8: np.uint8,
    torch.int64: np.int64,
    torch.int32: np.int32,
    torch.float32: np.float32,
    torch.float64: np.float64,
}


class HostReads(TorchDispatchMode):
    """Answers instead of a device.

    Attributes:
        places: how often each function ("room/file.py: function") read from the device.
    """

    def __init__(self) -> None:
        super().__init__()
        self.places: Counter[str] = Counter()
        self._in_order: dict[int, Tensor] = {}  # by id; kept, so that no other tensor gets the same

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs, name = kwargs or {}, function.name()
        first = next((leaf for leaf in tree_leaves(args) if isinstance(leaf, Tensor)), None)
        if first is not None:
            if name == "aten::_local_scalar_dense":
                self.note(first)
                return self._number(first)
            if name == "aten::nonzero":
                self.note(first)
                return first.new_zeros(0, first.ndim, dtype=torch.int64)
            if name == "aten::index.Tensor" and (masks := [i for i, m in enumerate(args[1]) if _is_mask(m)]):
                self.note(first)
                (at,) = masks
                return first.new_zeros(*first.shape[:at], 0, *first.shape[at + args[1][at].ndim :])
            if name == "aten::_to_copy" and str(kwargs.get("device", NAME)) == "cpu":
                self.note(first)
                return torch.zeros(first.shape, dtype=kwargs.get("dtype") or first.dtype)
        out = function(*args, **kwargs)
        if name.startswith("aten::all"):
            self._in_order[id(out)] = out
        return out

    def _number(self, tensor: Tensor) -> float | int | bool:
        if tensor.dtype == torch.bool:
            return id(tensor) in self._in_order or "finite.py" in _place()
        return 1.0 if tensor.is_floating_point() else 1

    def note(self, tensor: Tensor) -> None:
        """Write down that this tensor is read."""
        if tensor.device.type == NAME:
            self.places[_place()] += 1


def _is_mask(index: Tensor | None) -> bool:
    return index is not None and index.dtype == torch.bool


def _place() -> str:
    """The nearest function of the library that is running."""
    for frame in reversed(traceback.extract_stack()):
        path = Path(frame.filename).resolve()
        if ROOT in path.parents and not {".venv", "tests"} & set(path.relative_to(ROOT).parts):
            return f"{path.relative_to(ROOT).as_posix()}: {frame.name}"
    return "elsewhere"


@contextmanager
def fake_device() -> Iterator[HostReads]:
    """All new tensors without a device of their own are on the host; those on `NAME` have no numbers."""
    reads = HostReads()

    def numpy(tensor: Tensor, *, force: bool = False) -> np.ndarray:
        reads.note(tensor)
        return np.zeros(tensor.shape, NUMPY[tensor.dtype])

    with pytest.MonkeyPatch.context() as patch, FakeTensorMode(allow_non_fake_inputs=True), reads:
        patch.setattr(Tensor, "numpy", numpy)
        patch.setattr(nn.Module, "to", move)
        yield reads


def move(module: nn.Module, *_: object, **__: object) -> nn.Module:
    """`nn.Module.to` the device: that of PyTorch can't swap fake weights."""
    moved: dict[int, Tensor] = {}  # by id: weights may be shared
    for part in module.modules():
        for tensors in (part._parameters, part._buffers):
            for name, tensor in tensors.items():
                if tensor is None:
                    continue
                there = moved.setdefault(id(tensor), torch.empty_like(tensor, device=NAME))
                tensors[name] = nn.Parameter(there) if isinstance(tensor, nn.Parameter) else there
        if isinstance(part, nn.RNNBase):
            part._init_flat_weights()  # the list by which it calls its kernel
    return module
