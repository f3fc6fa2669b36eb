"""What an environment's arguments may reach: those from a file name no file, address or device by themselves.

A checkpoint, a run's configuration or a plan may come from anywhere. Its environment's options count, but an option
whose value names something outside (a folder of images, ``openml:NAME``, a device) counts only if this command line
says the same.
"""

from collections.abc import Mapping
from pathlib import Path

from ..errors import FoveateError, unknown
from ..files import check_value
from ..introspect import Option
from .registry import env_options

INSIDE = {
    "data": ("mnist", "fashion-mnist", "tones", "fsdd", "asterisk", "grammar", "verses")
}  # options that name a source, and the sources that need no file named
DEVICES = ("device",)
LARGEST = 1_000_000  # a whole number in a file's options: worlds count sizes, steps and items, all of which take memory
_SIGNS = ("/", "\\", ":", "~")


def options_of_file(
    env_id: str, kept: Mapping[str, object], given: Mapping[str, object], source: object
) -> dict[str, object]:
    """The arguments of an environment from a file, with those of this command line over them.

    Args:
        env_id: the environment.
        kept: what the file says; plain data.
        given: what the command line says.
        source: the file or folder, for the message.

    Raises:
        FoveateError: an option is unknown or can't be, or names something outside that the command line doesn't.
    """
    known = env_options(env_id)
    for name, value in kept.items():
        if name not in known:
            raise unknown(f"option of {env_id}", name, known)
        if name in given:
            continue
        if names_outside(known[name], value):
            flag = name.replace("_", "-")
            raise FoveateError(
                f"{source} asks for {name}={str(value)[:100]!r}; what names a file, an address or a device counts only "
                f"from the command line: add --env.{flag} VALUE to use it, or another."
            )
        if value != known[name].default:
            check_value(f"{source}: {name}", value, known[name].type, LARGEST)
    return {**kept, **given}


def names_outside(option: Option, value: object) -> bool:
    """Whether an option's value names a file, an address or a device."""
    if value is None or value == option.default:
        return False
    if option.name in INSIDE:
        return value not in INSIDE[option.name]
    return option.name in DEVICES or any(_looks_outside(text) for text in _texts(value))


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for pair in value.items() for part in pair for text in _texts(part)]
    return [text for part in value for text in _texts(part)] if isinstance(value, (list, tuple)) else []


def _looks_outside(text: str) -> bool:
    if text.startswith(".") or any(sign in text for sign in _SIGNS):
        return True
    try:
        return text != "" and Path(text).exists()
    except (OSError, ValueError):
        return True
