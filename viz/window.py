"""A window on the screen through OpenCV: frames for ``render_mode="human"``, and keys and the mouse for who plays."""

import functools
import subprocess
import sys
import time
from typing import NamedTuple

import numpy as np

from ..errors import FoveateError

# what waitKeyEx gives for keys without a letter, by Qt and GTK, by Windows and by macOS
_KEYS = {8: "backspace", 9: "tab", 10: "enter", 13: "enter", 27: "escape", 32: "space", 127: "backspace"}
_KEYS |= {65361: "left", 65362: "up", 65363: "right", 65364: "down", 65470: "f1", 65474: "f5"}
_KEYS |= {2424832: "left", 2490368: "up", 2555904: "right", 2621440: "down", 7340032: "f1", 7602176: "f5"}
_KEYS |= {63234: "left", 63232: "up", 63235: "right", 63233: "down", 63236: "f1", 63240: "f5"}


class Key(NamedTuple):
    """A key went down: "left", "up", "right", "down", "enter", "space", …, else its letter, a small one."""

    name: str


class Pointer(NamedTuple):
    """The mouse moved, or its left button did.

    Attributes:
        kind: "move", "drag" (a move with the button down), "press" or "release".
        x: pixels of the frame from its left.
        y: from its top.
    """

    kind: str
    x: int
    y: int


class Closed(NamedTuple):
    """The window was closed by hand."""


Event = Key | Pointer | Closed


@functools.cache
def display_fault() -> str:
    """Why no window can be opened here; empty where one can.

    Some OpenCV builds abort the whole process without a display, so another process tries it first, once.
    """
    probe = "import cv2; cv2.namedWindow('probe'); cv2.waitKey(1); cv2.destroyAllWindows()"
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=60)
    return "" if result.returncode == 0 else (result.stderr.strip().splitlines() or ["no message"])[0]


def check_display(
    who: str = 'render_mode="human"', instead: str = 'Without a display use render_mode="rgb_array"'
) -> None:
    """Raise a FoveateError where no window can be opened.

    Args:
        who: needs one.
        instead: what to do without.
    """
    fault = display_fault()
    if fault:
        raise FoveateError(
            f"{who} needs a display and an OpenCV build with windows, and a window could not be opened ({fault}). "
            f"{instead}."
        )


def key_of(code: int) -> str | None:
    """The name of the key behind a code of OpenCV's ``waitKeyEx``; None for none, or one that has no name here."""
    for known in (code, code & 0xFFFF):  # GTK puts what is held beside a key into higher bits
        if known in _KEYS:
            return _KEYS[known]
    letter = code & 0xFFFF
    return chr(letter).lower() if 32 < letter < 127 else None


class Window:
    """One OpenCV window; opened at the first frame, closed by `close` (twice is once)."""

    def __init__(self, title: str):
        check_display()
        self.title = title
        self._open = False

    def show(self, frame: np.ndarray, fps: int) -> None:
        """Show an RGB frame, uint8 (H, W, 3), for 1/fps seconds."""
        import cv2

        self._open = True
        cv2.imshow(self.title, cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        cv2.waitKey(max(1, 1000 // fps))

    def close(self) -> None:
        """Close the window if it is open."""
        if self._open:
            import cv2

            cv2.destroyWindow(self.title)
            cv2.waitKey(1)
            self._open = False


class PlayWindow(Window):
    """A window that tells what was done with keys and mouse. Its frames are shown pixel by pixel."""

    def __init__(self, title: str):
        super().__init__(title)
        self._pointers: list[Pointer] = []

    def poll(self, frame: np.ndarray, seconds: float) -> list[Event]:
        """Show a frame, and wait for something to happen.

        Args:
            frame: uint8 (H, W, 3).
            seconds: to wait at most.

        Returns:
            What happened, in order; nothing where nothing did.
        """
        import cv2

        if not self._open:
            cv2.namedWindow(self.title, cv2.WINDOW_AUTOSIZE | cv2.WINDOW_GUI_NORMAL)
            cv2.setMouseCallback(self.title, self._on_mouse)
        elif cv2.getWindowProperty(self.title, cv2.WND_PROP_VISIBLE) < 1:
            self._open = False
            return [Closed()]
        self._open = True
        cv2.imshow(self.title, cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        until = time.monotonic() + seconds
        while True:
            name = key_of(cv2.waitKeyEx(5))
            events: list[Event] = [*self._pointers, *([Key(name)] if name else [])]
            self._pointers.clear()
            if events or time.monotonic() >= until:
                return events

    def _on_mouse(self, event: int, x: int, y: int, flags: int, _: object) -> None:
        import cv2

        held = flags & cv2.EVENT_FLAG_LBUTTON
        kinds = {cv2.EVENT_LBUTTONDOWN: "press", cv2.EVENT_LBUTTONDBLCLK: "press", cv2.EVENT_LBUTTONUP: "release"}
        if event == cv2.EVENT_MOUSEMOVE or event in kinds:
            self._pointers.append(Pointer(kinds.get(event, "drag" if held else "move"), x, y))
