"""What the commands print: figures survive on any terminal, and whatever goes wrong outside is one line."""

import codecs
import contextlib
import os
import sys
import unicodedata
import warnings
from collections.abc import Iterator
from typing import TextIO, cast

from ..errors import FoveateError, FoveateWarning
from ..files import reason, shown
from .processes import launched, speaker

STOPPED = 130  # the exit code of what Ctrl-C stopped
_PLAIN = {"–": "-", "−": "-", "…": "...", "ε": "epsilon", "∂": "d", "λ": "lambda", "π": "pi", "→": "->", "·": "."}
_PLAIN |= {"×": "x", "±": "+-", "≥": ">=", "≤": "<=", "│": "|", "─": "-"}
_ROOM = ("can't allocate memory", "not enough memory", "out of memory", "std::bad_alloc", "invalid buffer size")


def _plainly(error: UnicodeError) -> tuple[str | bytes, int]:
    """Letters that a terminal doesn't have, in those that it has; bytes of an odd file name as they were."""
    assert isinstance(error, UnicodeEncodeError)
    letter = error.object[error.start]
    if 0xDC80 <= ord(letter) <= 0xDCFF:
        return bytes([ord(letter) - 0xDC00]), error.start + 1
    plain = _PLAIN.get(letter) or unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return plain or "?", error.start + 1


codecs.register_error("foveate.plainly", _plainly)


@contextlib.contextmanager
def printing() -> Iterator[None]:
    """Within, everything can be printed, and a warning of foveate's is a line that begins with "note:"."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            cast("codecs.StreamReaderWriter", stream).reconfigure(errors="foveate.plainly")  # type: ignore[attr-defined]
    before = warnings.showwarning

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, FoveateWarning):
            if launched().rank == 0:
                print(f"note: {message}", file=sys.stderr)
        else:
            before(message, category, filename, lineno, file, line)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = before


def sentence(error: Exception) -> str | None:
    """What went wrong outside of this program, in one line; None for an error of its own, which needs its traceback."""
    if isinstance(error, FoveateError):
        return shown(error)
    if isinstance(error, OSError):  # PyAV's are among them
        where = f"{shown(os.fsdecode(error.filename))}: " if isinstance(error.filename, (str, bytes)) else ""
        return f"{where}{reason(error)}."
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and any(w in str(error) for w in _ROOM)):
        return f"there isn't enough memory for this: {reason(error)}."
    kind = f"{type(error).__module__}.{type(error).__name__}"
    outside = isinstance(error, UnicodeError) or kind.startswith(("safetensors", "av.", "yaml."))
    return f"{reason(error)}." if outside else None


def fail(error: Exception) -> int:
    """Print the line about an error; returns the exit code. An error of the program itself is raised again."""
    if isinstance(error, BrokenPipeError):  # whoever read the output had enough of it
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    text = sentence(error)
    if text is None:
        raise error
    print(f"{speaker()}error: {text}", file=sys.stderr)
    return 2
