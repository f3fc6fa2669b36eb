"""Processes that a command starts: what stops the command stops them too, in good order."""

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import FrameType

from .words import import_words

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Children:
    """Running processes; each is in a session of its own, so that a signal reaches it once, through `stop`."""

    def __init__(self) -> None:
        self._running: dict[subprocess.Popen, Path] = {}  # and the logs that they write
        self._asked: set[subprocess.Popen] = set()  # to stop
        self._lock = threading.RLock()  # a signal's handler runs in a thread that may hold it
        self.stopping = False

    def call(self, script: str, imports: Sequence[str], words: Sequence[str], log: Path) -> int:
        """Run ``python -m foveate.SCRIPT`` with its output at the end of a log; returns its exit code.

        Args:
            script: "train" or "evaluate".
            imports: modules that it imports.
            words: the rest of its words.
            log: a file.
        """
        # -P: its working directory holds a user's files, whose names must not stand before the standard library's
        command = [sys.executable, "-P", "-m", f"foveate.{script}", *import_words(imports), *words]
        with log.open("a", encoding="utf-8") as output:
            with self._lock:
                if self.stopping:
                    return -signal.SIGTERM
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
                )
                self._running[process] = log
            try:
                return process.wait()
            finally:
                self._running.pop(process, None)
                self._asked.discard(process)

    def stop(self, again: bool = True) -> None:
        """Ask all of them to stop.

        Args:
            again: whether those are asked again that were asked before: a training then stops at once.
        """
        self.stopping = True
        self._terminate(list(self._running), again)

    def stop_in(self, folder: Path) -> None:
        """Ask those to stop, once, that write their logs to a folder; others may begin."""
        self._terminate([process for process, log in list(self._running.items()) if log.parent == folder], False)

    def _terminate(self, processes: Iterable[subprocess.Popen], again: bool) -> None:
        for process in processes:
            if process in self._asked and not again:
                continue
            self._asked.add(process)
            with contextlib.suppress(ProcessLookupError):
                process.terminate()


CHILDREN = Children()


@contextlib.contextmanager
def stopped_together() -> Iterator[None]:
    """Within, what asks this process to stop is handed on to its children, and is a KeyboardInterrupt here, once."""

    def hand_on(number: int, frame: FrameType | None) -> None:
        first = not CHILDREN.stopping
        CHILDREN.stop()
        if first:
            raise KeyboardInterrupt

    CHILDREN.stopping = False
    here = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, hand_on) for number in _SIGNALS} if here else {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        CHILDREN.stopping = False
