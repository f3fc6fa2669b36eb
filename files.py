"""Files: what anybody may have written is read within limits and from regular files only; all text is UTF-8.

A run folder, a checkpoint or a plan may come from anywhere. Nothing here runs code, follows a name in a file, waits for
a pipe or fills the memory: a file is looked at before it is opened, and its content is measured before it is used.
"""

import csv
import io
import json
import math
import os
import stat
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from .errors import FoveateError

T = TypeVar("T")

MOST_BYTES = 8 * 2**20  # of a file of JSON or YAML
MOST_LOG_BYTES = 2**30  # of a metrics.csv
MOST_DEPTH, MOST_NODES, MOST_LETTERS = 32, 500_000, 20_000
LARGEST = 2**63 - 1  # whole numbers beyond 64 bits are no sizes, steps or seeds
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a spreadsheet tells a formula


# ---- reading ----


def open_regular(path: Path, most: int) -> BinaryIO:
    """Open a regular file to read bytes; a pipe, a device or a folder is refused without waiting for it.

    Args:
        path: of the file.
        most: bytes that it may hold.

    Raises:
        FoveateError: there is no such file, it is of another kind, or it is larger.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # before it is opened, which a device may answer to
            raise FoveateError(f"{path} can't be read: it is no regular file.")
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        handle = os.fdopen(os.open(path, flags), "rb")
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        if isinstance(error, FoveateError):
            raise
        raise FoveateError(f"{shown(path)} can't be read: {reason(error)}.") from error
    status = os.fstat(handle.fileno())
    if not stat.S_ISREG(status.st_mode) or status.st_size > most:
        handle.close()
        raise FoveateError(f"{path} can't be read: it holds {status.st_size:,} bytes, at most {most:,} are allowed.")
    return handle


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """The content of a regular file of limited size; arguments as of `open_regular`.

    Raises:
        FoveateError: there is no such file, it is of another kind, or it is larger.
    """
    try:
        with open_regular(path, most) as handle:
            return handle.read(most + 1)[:most]
    except OSError as error:
        raise FoveateError(f"{path} can't be read: {reason(error)}.") from error


def read_text(path: Path, most: int = MOST_BYTES) -> str:
    """The text of a regular file of limited size, UTF-8 with or without a byte order mark.

    Raises:
        FoveateError: it can't be read, or is no UTF-8.
    """
    try:
        return read_bytes(path, most).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FoveateError(f"{path} can't be read: it is no UTF-8 ({error}).") from error


def read_json(path: Path, most: int = MOST_BYTES) -> object:
    """The content of a file of JSON, within the limits of `check_limits`.

    Raises:
        FoveateError: it can't be read, or is beyond them.
    """
    text = read_text(path, most)
    try:
        return check_limits(json.loads(text), path)
    except (ValueError, RecursionError) as error:
        if isinstance(error, FoveateError):
            raise
        raise FoveateError(f"{path} can't be read as JSON: {error}.") from error


def check_limits(content: T, source: object) -> T:
    """Refuse data that is nested too deeply, has too many parts, or a text or number that is too long.

    Aliases count as often as they stand somewhere, so a small file that unfolds into a large one is found at once.

    Args:
        content: plain data, as from JSON or YAML.
        source: what the message calls it.

    Returns:
        The content.

    Raises:
        FoveateError: it is beyond the limits.
    """
    left, count = [(content, 1)], 0
    while left:
        value, depth = left.pop()
        count += 1
        if depth > MOST_DEPTH or count > MOST_NODES:
            raise FoveateError(
                f"{source} is not allowed: at most {MOST_NODES:,} entries, {MOST_DEPTH} deep, may be in such a file."
            )
        if isinstance(value, str) and len(value) > MOST_LETTERS:
            raise FoveateError(f"{source} is not allowed: {value[:40]!r}… has {len(value):,} letters.")
        if isinstance(value, int) and abs(value) > LARGEST:
            raise FoveateError(f"{source} is not allowed: a number in it has {value.bit_length()} bits, more than 64.")
        if isinstance(value, Mapping):
            left += [(part, depth + 1) for pair in value.items() for part in pair]
        elif isinstance(value, (list, tuple, set)):
            left += [(part, depth + 1) for part in value]
    return content


def conform(content: object, schema: type[T], source: object) -> T:
    """Plain data as what a schema (a msgspec Struct, a dataclass, any type) says, or one sentence about what is wrong.

    Args:
        content: plain data.
        schema: its type.
        source: what the message calls it.

    Raises:
        FoveateError: it is something else.
    """
    try:
        return msgspec.convert(content, schema, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise FoveateError(f"{source} is damaged: {str(error).rstrip('.')}.") from error


def _decode(kind: type, value: object) -> object:
    if kind is object:
        return value
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise msgspec.ValidationError(f"Expected `{kind.__name__}`, got `{type(value).__name__}`")


def has_type(value: object, annotation: object) -> bool:
    """Whether plain data would do for a constructor's annotation; True where the annotation can't be checked."""
    try:
        msgspec.convert(value, annotation, dec_hook=_decode)
    except msgspec.ValidationError:
        return False
    except Exception:  # an annotation that is no type of plain data: the constructor itself will look at the value
        return True
    return True


def check_value(what: str, value: object, annotation: object, largest: int) -> None:
    """Refuse a value from a file that isn't of the type that a constructor says, or is larger than any size can be.

    Args:
        what: how the message calls it.
        value: plain data.
        annotation: the type.
        largest: of the whole numbers in it.

    Raises:
        FoveateError: it can't be that.
    """
    parts = [value]
    while parts:
        part = parts.pop()
        if isinstance(part, Mapping):
            parts += part.values()
        elif isinstance(part, (list, tuple)):
            parts += part
        elif isinstance(part, int) and abs(part) > largest:
            raise FoveateError(f"{what}={part} is not allowed: in a file it may be at most {largest:,}.")
    if not has_type(value, annotation):
        called = annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")
        raise FoveateError(f"{what}={str(value)[:60]!r} is not allowed: it must be {called}.")


def reason(error: BaseException) -> str:
    """The first line of what an error says, without the number and the name that an OSError puts around it."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    lines = text.strip().splitlines()
    return shown(lines[0].rstrip(".")) if lines else type(error).__name__


def shown(text: object) -> str:
    """A text (a path, say) that can be written as UTF-8: what can't be is escaped."""
    return str(text).encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\0")


# ---- writing ----


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8; what can't be encoded (half of a surrogate pair, as in odd file names) is escaped."""
    path.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, content: object) -> None:
    """Write plain data, indented, in letters of ASCII. What is not a number is null, since JSON has no word for it."""
    write_text(path, json.dumps(without_nan(content), indent=1, default=_plain))


def without_nan(content: object) -> object:
    """Plain data with None for every number that is none."""
    if isinstance(content, Mapping):
        return {key: without_nan(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [without_nan(value) for value in content]
    return None if isinstance(content, float) and math.isnan(content) else content


def _plain(value: object) -> object:
    return value.item() if hasattr(value, "item") else str(value)  # type: ignore[attr-defined]


def csv_cell(value: object) -> object:
    """A cell for a table: a text that a spreadsheet would take for a formula gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) and not _is_number(value) else value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def as_csv(rows: Sequence[Mapping[str, object]], columns: Iterable[str] = ()) -> str:
    """Rows as CSV; without `columns` they come in the order in which they come up. No figure is an empty cell."""
    columns = list(columns) or list(dict.fromkeys(key for row in rows for key in row))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([csv_cell(name) for name in columns])
    writer.writerows([[csv_cell(without_nan(row.get(name, ""))) for name in columns] for row in rows])
    return out.getvalue()


def check_output(path: Path | None, what: str, suffixes: Sequence[str] = ()) -> None:
    """See that a file can be written before anything is worked out for it; its folder is made.

    Args:
        path: of the file; None is none.
        what: the option that names it.
        suffixes: how its name may end; anyhow, if there are none.

    Raises:
        FoveateError: it can't be written, or is called otherwise.
    """
    if path is None:
        return
    if suffixes and path.suffix.lower() not in suffixes:
        raise FoveateError(f"{what} {shown(path)} is not allowed: the name must end in {' or '.join(suffixes)}.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.exists()
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_NONBLOCK", 0), 0o666))
        if not before:
            path.unlink()
    except (OSError, ValueError) as error:
        raise FoveateError(f"{what} {shown(path)} can't be written: {reason(error)}.") from error


def check_output_folder(path: Path, what: str) -> None:
    """See that files can be written to a folder, which is made; arguments as of `check_output`.

    Raises:
        FoveateError: none can.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except (OSError, ValueError) as error:
        raise FoveateError(f"{what} {shown(path)} can't be written to: {reason(error)}.") from error
