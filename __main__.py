"""python -m foveate train …, python -m foveate evaluate …: the commands foveate-train and foveate-evaluate."""

import sys

from . import __version__, evaluate, train
from .errors import unknown

COMMANDS = {"train": train.main, "evaluate": evaluate.main}


def main(arguments: list[str] | None = None) -> int:
    """Call the command that the first word names; returns the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["--version"]:
        print(f"foveate {__version__}")
        return 0
    if not words or words[0] in ("-h", "--help"):
        print("python -m foveate train …      see: python -m foveate train --help")
        print("python -m foveate evaluate …   see: python -m foveate evaluate --help")
        return 0 if words else 2
    if words[0] not in COMMANDS:
        print(f"error: {unknown('command', words[0], COMMANDS)}", file=sys.stderr)
        return 2
    return COMMANDS[words[0]](words[1:])


if __name__ == "__main__":
    sys.exit(main())
