"""What torchrun says to the processes that it starts: which one this is, of how many. Needs no torch."""

import contextlib
import os
from collections.abc import Iterator
from typing import NamedTuple

from ..errors import FoveateError


class Launched(NamedTuple):
    """This process among those that torchrun has started.

    Attributes:
        rank: its number among all.
        size: how many there are; 1 without torchrun.
        local: its number on this machine.
    """

    rank: int = 0
    size: int = 1
    local: int = 0


def launched() -> Launched:
    """What torchrun says; other launchers' variables of these names mean nothing here."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return Launched()
    return Launched(*(int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK")))


def check_one_training(verb: str) -> None:
    """Refuse a command that is no training where torchrun started several processes.

    Raises:
        FoveateError: it did.
    """
    size = launched().size
    if size > 1:
        raise FoveateError(
            f"torchrun's {size} processes are for one training, by ENV AGENT, --config or --resume, not for {verb}."
        )


@contextlib.contextmanager
def quiet_but_first() -> Iterator[None]:
    """Within, only the first of several processes prints; errors are printed by all."""
    if launched().rank == 0:
        yield
        return
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


def speaker() -> str:
    """What stands before an error: nothing, or which of several processes it is of."""
    return f"process {launched().rank}: " if launched().size > 1 else ""
