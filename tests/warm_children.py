"""Trainings that a plan or a sweep starts, in processes that have imported foveate already."""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from forked import start

from foveate.cli import children as children_module
from foveate.cli import compare, queue, scheduler
from foveate.cli.words import import_words


def _call(script: str, words: list[str]) -> int:
    from foveate import evaluate, train

    sys.argv = [f"{script}.py", *words]
    return {"train": train.main, "evaluate": evaluate.main}[script](words)


class WarmChildren(children_module.Children):
    """`Children` that begin in no time."""

    @property
    def running(self) -> list[Any]:
        """The processes."""
        return list(self._running)

    def call(self, script: str, imports: Sequence[str], words: Sequence[str], log: Path) -> int:
        """As there; a process that is killed by a signal has its number, negative, as exit code."""
        with self._lock:
            if self.stopping:
                return -signal.SIGTERM
            process = start(_call, script, [*import_words(imports), *words], out=log, err=log)
            self._running[cast(Any, process)] = log
        try:
            process.join()
            assert process.exitcode is not None
            return process.exitcode
        finally:
            self._running.pop(cast(Any, process), None)


def install(children: WarmChildren, patch: pytest.MonkeyPatch) -> None:
    """Commands that run in this process begin these children."""
    for module in (children_module, compare, queue, scheduler):
        patch.setattr(module, "CHILDREN", children)
