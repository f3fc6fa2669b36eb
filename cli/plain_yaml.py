"""YAML of plain data, as plans and sweeps are written in: safe to read, whoever wrote it."""

import re
from collections.abc import Sequence
from pathlib import Path

import yaml

from ..errors import FoveateError
from ..files import check_limits, read_text

MOST_YAML_BYTES = 2**20


class _Loader(yaml.SafeLoader):
    """YAML of plain data. Aliases are shared when they are read, and counted as often as they stand somewhere."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge keys would unfold to any size while they are read; of two entries of one name one would be lost."""
        if any(key.tag == "tag:yaml.org,2002:merge" for key, _ in node.value):
            raise yaml.YAMLError("merge keys (<<) are not allowed")
        check_once([key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)], "entry")


# 1e6 is a number, as on the command line; YAML 1.1 asks for a point and a sign in it
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def check_once(names: Sequence[object], what: str) -> None:
    """Refuse a name that is there twice.

    Raises:
        FoveateError: one is.
    """
    for number, name in enumerate(names):
        if name in names[:number]:
            raise FoveateError(f"the {what} {str(name)[:80]!r} is there twice.")


def read_yaml(file: Path) -> object:
    """The content of a file of YAML that somebody wrote by hand.

    Raises:
        FoveateError: it can't be read, is too large, or holds more than plain data.
    """
    text = read_text(file, MOST_YAML_BYTES)
    try:
        raw = yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
        raise FoveateError(f"{file} can't be read: {error}") from error
    return check_limits(raw, file)
