"""Running text: the lines of a file, or verses, as numbers of characters one behind the other.

"verses"   the folder `FOVEATE_DATA`/verses if there is one, else a Bible of Debian's packages (see `parallel_text`)
a path     a text file, whose lines are verses here
"""

import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ...errors import FoveateError
from ...files import read_text
from ...tree import outside_inference
from .parallel_text import MOST_BYTES, found, part_of
from .prose import ALPHABET, DIGITS, kinds_of

_NUMBERS = {letter: number for number, letter in enumerate(ALPHABET)}
OTHER = ALPHABET[-1]


class Characters(NamedTuple):
    """A text of N characters in L lines, and where it comes from.

    Attributes:
        symbols: their numbers in `prose.ALPHABET`, int64 (N,).
        kinds: what each is, by its place in `prose.KINDS`, int64 (N,).
        begins: where lines begin, int64 (L,).
        source: where the text comes from, and its licence.
    """

    symbols: Tensor
    kinds: Tensor
    begins: Tensor
    source: str


@cache
@outside_inference
def load(name: str, part: str, markup: bool, device: torch.device | str = "cpu") -> Characters:
    """One part of a text, in lower case.

    Args:
        name: "verses", or of a text file.
        part: "train", "validation" or "test": a line is in the same part whatever else is asked for.
        markup: whether lines are marked up as verses, each with six digits that nothing tells in advance.
        device: where the tensors are wanted.

    Raises:
        FoveateError: there is no such text, it can't be read, or this part of it is empty.
    """
    lines, source = _lines(name)
    chosen = [line for line in lines if part_of(line) == part]
    if not chosen:
        raise FoveateError(f"data={name!r}: of {len(lines)} lines none is in the {part} part.")
    symbols: list[int] = []
    kinds: list[int] = []
    begins: list[int] = []
    for line in chosen:
        begins.append(len(symbols))
        for text, marks in _pieces(line, markup):
            symbols += [_NUMBERS.get(letter, _NUMBERS[OTHER]) for letter in text]
            kinds += kinds_of(text, marks)
    tensors = (torch.tensor(each, device=device) for each in (symbols, kinds, begins))
    return Characters(*tensors, source=source)


def _pieces(line: str, markup: bool) -> Iterator[tuple[str, bool]]:
    """A line in pieces, each with whether it is markup."""
    if not markup:
        yield f"{line}\n", False
        return
    yield f'<verse id="{zlib.crc32(line.encode()) % 10**DIGITS:0{DIGITS}}">', True
    yield line, False
    yield "</verse>\n", True


@cache
def _lines(name: str) -> tuple[list[str], str]:
    if name == "verses":
        pairs, source = found(name)
        return [_joined(said.words) for said, _ in pairs], source
    if not Path(name).is_file():
        raise FoveateError(
            f"data={name!r} is no file and no known name. Allowed: grammar, verses, or a text file, UTF-8."
        )
    lines = [" ".join(line.lower().split()) for line in read_text(Path(name), MOST_BYTES).splitlines()]
    return [line for line in lines if line], "a text file of one's own, whose licence is its owner's"


def _joined(words: tuple[str, ...]) -> str:
    """Words with spaces between them; none before a mark."""
    return "".join(word if not word[0].isalnum() else f" {word}" for word in words).strip()
