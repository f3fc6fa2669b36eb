"""Recurrent cores, one contract: x and a state -> `CoreOutput`. Interchangeable by name."""

from typing import Annotated

from ....errors import check_choice
from ....introspect import OneOf, own_arguments
from .base import Core, CoreOutput, Feedforward
from .bytenet import ByteNet
from .dnc import DNC
from .fast_weights import FastWeights
from .hopfield import Hopfield
from .ntm import NTM
from .ponder_net import PonderNet
from .pondering import Pondering
from .recurrent import GRU, LSTM, RNN, Elman
from .transformer import Transformer

CORES: dict[str, type[Core]] = {
    "none": Feedforward,
    "rnn": RNN,
    "elman": Elman,
    "lstm": LSTM,
    "gru": GRU,
    "ntm": NTM,
    "dnc": DNC,
    "transformer": Transformer,
    "bytenet": ByteNet,
    "hopfield": Hopfield,
    "fast-weights": FastWeights,
}
# what an option of an agent may be
AnyCore = Annotated[str, OneOf(CORES)]
RecurrentCores = Annotated[str, OneOf(CORES, without="none")]


def make_core(name: str, input_size: int, hidden: int, **options: object) -> Core:
    """The core of this name.

    Args:
        name: one of `CORES`.
        input_size: size of x.
        hidden: units.
        **options: the core's own; one that this core doesn't have is left out (`rows` of an LSTM, say).
    """
    check_choice("core", name, CORES)
    return CORES[name](input_size, hidden, **own_arguments(CORES[name], options))


__all__ = [
    "CORES",
    "DNC",
    "GRU",
    "LSTM",
    "NTM",
    "RNN",
    "AnyCore",
    "ByteNet",
    "Core",
    "CoreOutput",
    "Elman",
    "FastWeights",
    "Feedforward",
    "Hopfield",
    "PonderNet",
    "Pondering",
    "RecurrentCores",
    "Transformer",
    "make_core",
]


def __dir__() -> list[str]:
    return sorted(__all__)
