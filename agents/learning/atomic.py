"""Folders that are replaced whole: at every moment the old one or the new one can be found, whoever is killed when."""

import glob
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

NEW, OLD = "new", "old"


def beside(path: Path, kind: str) -> Path:
    """Where this process writes a new folder before it takes its place, or puts the old one."""
    return path.parent / f".{path.name}.{kind}-{os.getpid()}"


def put_in_place(fresh: Path, path: Path) -> None:
    """Rename a new folder to its place; what was there steps aside first, where `stepped_aside` finds it meanwhile.

    Args:
        fresh: the new folder, whole, from `beside`.
        path: its place.
    """
    if path.exists():
        aside = beside(path, OLD)
        shutil.rmtree(aside, ignore_errors=True)
        path.rename(aside)
    fresh.rename(path)
    sweep(path.parent, glob.escape(path.name))


def stepped_aside(folder: Path, names: str) -> list[Path]:
    """Old folders that are whole and whose place may be empty, the last name first."""
    return sorted(folder.glob(f".{names}.{OLD}-*"), reverse=True)


def sweep(folder: Path, names: str) -> None:
    """Remove what kills left behind: halves of new folders, and old ones that a new one has replaced.

    Args:
        folder: where they are; no other process may be writing these.
        names: of the folders in their places, as `Path.glob` takes it.
    """
    for aside in stepped_aside(folder, names):
        place = folder / aside.name[1:].rpartition(f".{OLD}-")[0]
        if not place.exists():  # killed between stepping aside and stepping in
            aside.rename(place)
    for rest in (*folder.glob(f".{names}.{NEW}-*"), *stepped_aside(folder, names)):
        shutil.rmtree(rest, ignore_errors=True)


def identity(folder: Path, names: Iterable[str]) -> tuple:
    """What tells a folder with these files from another one that takes its place; empty where there is none."""
    try:
        entries = [(folder / name).stat() for name in (".", *names)]
    except OSError:
        return ()
    return tuple((entry.st_dev, entry.st_ino, entry.st_mtime_ns, entry.st_size) for entry in entries)
