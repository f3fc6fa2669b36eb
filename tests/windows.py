"""A window that nobody sees, instead of OpenCV's."""

from collections.abc import Iterator

import numpy as np
import pytest

from foveate.cli.play import command
from foveate.viz.window import Closed, Event, Key


class FakeWindow:
    """Gives events from a list, a Key("ctrl-c") as Ctrl-C, then is closed."""

    events: Iterator[Event] = iter(())
    title = ""

    def __init__(self, title: str):
        type(self).title = title

    def poll(self, frame: np.ndarray, seconds: float) -> list[Event]:
        event = next(self.events, Closed())
        if event == Key("ctrl-c"):
            raise KeyboardInterrupt
        return [event]

    def close(self) -> None:
        """Nothing is open."""


def take_window_s_place(monkeypatch: pytest.MonkeyPatch) -> type[FakeWindow]:
    """Let `evaluate.py play` run in a window that nobody sees."""
    monkeypatch.setattr(FakeWindow, "events", iter(()))
    monkeypatch.setattr(command, "PlayWindow", FakeWindow)
    monkeypatch.setattr(command, "check_display", lambda *_: None)
    return FakeWindow
