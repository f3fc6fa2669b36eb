"""How much the tests in `fuzz` try: a size that every change can wait for, and with FOVEATE_FUZZ=full a large one."""

import os

FULL = os.environ.get("FOVEATE_FUZZ") == "full"


def size(small: int, full: int) -> int:
    """How many of something to try."""
    return full if FULL else small
