"""The words of a command line: flags taken out before typed options are read, and commands that can be copied."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import FoveateError


def take(arguments: Sequence[str], flag: str, many: bool = False) -> tuple[list[str], list[str]]:
    """Take ``--flag VALUE`` (or ``--flag=VALUE``) out of a list of arguments, before the rest is read.

    Args:
        arguments: the words.
        flag: with its dashes.
        many: whether it may be given several times.

    Returns:
        The values, and the arguments without them.

    Raises:
        FoveateError: the flag has no value, or is given several times.
    """
    values, rest, i = [], [], 0
    while i < len(arguments):
        word = arguments[i]
        if word == flag:
            if i + 1 >= len(arguments) or arguments[i + 1].startswith("--"):
                raise FoveateError(f"{flag} needs a value.")
            values.append(arguments[i + 1])
            i += 2
            continue
        if word.startswith(f"{flag}="):
            values.append(word.partition("=")[2])
        else:
            rest.append(word)
        i += 1
    if len(values) > 1 and not many:
        raise FoveateError(f"{flag} is given {len(values)} times: {', '.join(values)}.")
    return values, rest


def split_at_options(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words before the first option, and the rest."""
    count = next((i for i, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    return list(arguments[:count]), list(arguments[count:])


def names(words: str, option: str) -> list[str]:
    """The names in ``--option a,b``.

    Raises:
        FoveateError: a name is there twice.
    """
    parts = [word.strip() for word in words.split(",") if word.strip()]
    if len(set(parts)) != len(parts):
        raise FoveateError(f"{option} {words} names one of them twice.")
    return parts


def import_words(modules: Sequence[str]) -> list[str]:
    """The words that make another command import these modules."""
    return [word for name in modules for word in ("--import", name)]


def called(program: str) -> list[str]:
    """How "train" or "evaluate" is called where this process was: as a script, as a module, or installed."""
    script = Path(sys.argv[0])
    if script.name in ("train.py", "evaluate.py"):
        return ["python", str(script.with_name(f"{program}.py"))]
    return ["python", "-m", "foveate", program] if script.name == "__main__.py" else [f"foveate-{program}"]


def command_line(program: str, imports: Sequence[str], *words: object) -> str:
    """A command that can be copied into a shell: quoted, called as this one was, with its imports.

    Args:
        program: "train" or "evaluate".
        imports: modules that it imports.
        *words: the rest.
    """
    return shlex.join([*called(program), *import_words(imports), *map(str, words)])
