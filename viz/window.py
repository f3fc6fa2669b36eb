"""A window on the screen for ``render_mode="human"``, through OpenCV."""

import functools
import subprocess
import sys

import numpy as np

from ..errors import FoveateError


@functools.cache
def check_display() -> None:
    """Raise a FoveateError where no window can be opened.

    Some OpenCV builds abort the whole process without a display, so another process tries it first, once.
    """
    probe = "import cv2; cv2.namedWindow('probe'); cv2.waitKey(1); cv2.destroyAllWindows()"
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=60)
    if result.returncode != 0:
        reason = (result.stderr.strip().splitlines() or ["no message"])[0]
        raise FoveateError(
            'render_mode="human" needs a display and an OpenCV build with windows, and a window could not be '
            f'opened ({reason}). Without a display use render_mode="rgb_array".'
        )


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
