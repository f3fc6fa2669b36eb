"""Files made to do harm, and a command that must end in one error over them while an audit hook looks on."""

import json
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path

from commands import command

ROOT = Path(__file__).resolve().parents[1]
TOUCHING = ("open", "os.listdir", "os.scandir", "os.remove", "os.rmdir", "os.mkdir", "os.rename", "shutil.rmtree")
REACHING = ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn")
watched: list[str] = []  # what was touched while a command ran
watching: list[Path] = []  # the folder that no file may lead to; empty between commands


def _watch(event: str, arguments: tuple) -> None:
    if not watching:
        return
    paths = [os.fsdecode(path) for path in arguments if isinstance(path, (str, bytes))]
    touches = event in TOUCHING and any(path.startswith(str(watching[0])) for path in paths)
    if touches or event in REACHING:
        watched.append(f"{event} {arguments!r:.200}")


sys.addaudithook(_watch)


def edit(file: Path, **changes: object) -> None:
    content = json.loads(file.read_text())
    for name, value in changes.items():
        place, *parts = content, *name.split("__")
        for part in parts[:-1]:
            place = place[part]
        place[parts[-1]] = value
    file.write_text(json.dumps(content))


def replaced(file: Path, how: Callable[[Path], object]) -> None:
    file.unlink(missing_ok=True)
    how(file)


def sparse(file: Path, size: int, begin: bytes = b"") -> None:
    with file.open("wb") as handle:
        handle.write(begin)
        handle.truncate(size)


def tensors(file: Path, **entries: tuple[list[int], int]) -> None:
    """A file of safetensors whose header names shapes and sizes; its data are zeros that take no room."""
    header, end = {}, 0
    for name, (shape, size) in entries.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    sparse(file, 8 + len(text) + end, struct.pack("<Q", len(text)) + text)


RUN, WEIGHTS = "run.json", "weights.safetensors"
KINDS: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a device without end": lambda file: file.symlink_to("/dev/zero"),
    "a terminal": lambda file: file.symlink_to("/dev/tty"),
    "a link to itself": lambda file: file.symlink_to(file),
    "a gigabyte of nothing": lambda file: sparse(file, 2**30),
}


def fails(place: Path, *words: str) -> str:
    """Run a command that must end in one error; returns its line."""
    outside = place.parent / "outside"
    kept = sorted(file.name for file in outside.iterdir())
    watched.clear()
    watching.append(outside)
    try:
        done = command(ROOT, *words, cwd=place)
    finally:
        watching.clear()
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert (done.returncode, len(lines)) == (2, 1), (done.returncode, done.stdout, done.stderr)
    assert not watched
    assert not (place / "exploded").exists()
    assert sorted(file.name for file in outside.iterdir()) == kept
    return lines[0]
