"""What minds are made of: cores, attention, heads, encoders. Functions and modules of tensors."""

from ...moved import modules_of, moved, submodule


def __getattr__(name: str) -> object:
    return submodule(__name__, name, modules_of(__path__)) or moved(__name__, name, {})


def __dir__() -> list[str]:
    return modules_of(__path__)
