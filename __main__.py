"""python -m foveate train …, evaluate … and doctor: the commands foveate-train, foveate-evaluate and foveate doctor."""

import sys
from collections.abc import Callable

from . import __version__, evaluate, train
from .errors import unknown


def doctor(words: list[str]) -> int:
    """Say what is installed and found here."""
    from .cli import doctor

    return doctor.run(words, [])


COMMANDS: dict[str, Callable[[list[str]], int]] = {"train": train.main, "evaluate": evaluate.main, "doctor": doctor}


def main(arguments: list[str] | None = None) -> int:
    """Call the command that the first word names; returns the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["--version"]:
        print(f"foveate {__version__}")
        return 0
    if not words or words[0] in ("-h", "--help"):
        print("python -m foveate train …      see: python -m foveate train --help")
        print("python -m foveate evaluate …   see: python -m foveate evaluate --help")
        print("python -m foveate doctor       what is installed and found here, for reports of faults")
        return 0 if words else 2
    if words[0] not in COMMANDS:
        print(f"error: {unknown('command', words[0], COMMANDS)}", file=sys.stderr)
        return 2
    return COMMANDS[words[0]](words[1:])


if __name__ == "__main__":
    sys.exit(main())
