"""The words of a command line before typed options are read: flags taken out, names split."""

from collections.abc import Sequence

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
