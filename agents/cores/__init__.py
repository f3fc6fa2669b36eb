"""Recurrent cores, one contract: x, state -> y, state. Interchangeable by name."""

from ...errors import check_choice
from .base import Core, Feedforward
from .recurrent import GRU, LSTM, RNN

CORES: dict[str, type[Core]] = {"none": Feedforward, "rnn": RNN, "lstm": LSTM, "gru": GRU}


def make_core(name: str, input_size: int, hidden: int) -> Core:
    """The core of this name; `name` is one of `CORES`."""
    check_choice("core", name, CORES)
    return CORES[name](input_size, hidden)


__all__ = ["CORES", "GRU", "LSTM", "RNN", "Core", "Feedforward", "make_core"]
