"""python -m foveate train …, evaluate …, doctor and completion: what the command foveate does when it is installed."""

import sys
from collections.abc import Callable

from . import __version__, evaluate, train
from .errors import FoveateError, unknown


def doctor(words: list[str]) -> int:
    """Say what is installed and found here."""
    from .cli import doctor

    return doctor.run(words, [])


def completion(words: list[str]) -> int:
    """Print what a shell needs to complete words."""
    from .cli import completion
    from .cli.output import fail

    try:
        return completion.run(words, [])
    except FoveateError as error:
        return fail(error)


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "train": train.main,
    "evaluate": evaluate.main,
    "doctor": doctor,
    "completion": completion,
}


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
        print("python -m foveate completion   completion on Tab, for bash, zsh and fish")
        return 0 if words else 2
    if words[0] not in COMMANDS:
        print(f"error: {unknown('command', words[0], COMMANDS)}", file=sys.stderr)
        return 2
    return COMMANDS[words[0]](words[1:])


if __name__ == "__main__":
    sys.exit(main())
