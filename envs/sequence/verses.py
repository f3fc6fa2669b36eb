"""Verses of two Bibles as Debian's packages hold them, in the zText format of the SWORD project, with Strong's numbers.

Each word, or group of words, carries the number that Strong's concordance gives to the Hebrew or Greek word that it
translates. Words of two languages with the same number in the same verse translate the same word: a gold alignment.
"""

import re
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ...errors import FoveateError
from ...files import open_regular

SWORD = Path("/usr/share/sword/modules/texts/ztext")
MODULES = ("engWEB2015eb", "spaRV1909eb")
SOURCE = (
    "World English Bible and Reina-Valera of 1909 (public domain), from Debian's sword-text-web and sword-text-sparv"
)
VERSE, BLOCK = struct.Struct("<IIH"), struct.Struct("<III")  # block, start, length; offset, size, size when unpacked
MOST_BYTES = 2**26
_UNSEEN = re.compile(r"<(note|title)\b.*?</\1>", re.DOTALL)
_CHAPTER = re.compile(r'<chapter\b[^>]*\bosisID="([^"]+)"')
_WORD = r"\w+(?:['’]\w+)*|[^\w\s]"
_WORDS, _PARTS = re.compile(_WORD), re.compile(rf"<[^>]*>|{_WORD}")
_STRONG = re.compile(r"[hg]\d+")  # in lower case, too


class Sentence(NamedTuple):
    """A sentence word by word.

    Attributes:
        words: in lower case; marks are words, too.
        senses: what is known of each: where words of two languages share one, they translate each other.
    """

    words: tuple[str, ...]
    senses: tuple[frozenset[str], ...]


def sentence(text: str) -> Sentence:
    """A plain text as words, of whose senses nothing is known."""
    words = words_of(text)
    return Sentence(words, (frozenset(),) * len(words))


def words_of(text: str) -> tuple[str, ...]:
    """Words and marks of a text, in lower case."""
    return tuple(_WORDS.findall(text.lower()))


def read_verses(folder: Path | None = None) -> list[tuple[Sentence, Sentence]]:
    """All verses of the chapters that both Bibles divide alike, in the order of the first.

    Args:
        folder: with a folder for each module; None for Debian's.

    Raises:
        FoveateError: they aren't there, or are damaged.
    """
    home = SWORD if folder is None else folder
    first, second = ({} if not (home / name).is_dir() else dict(_verses(home / name)) for name in MODULES)
    if not first or not second:
        raise FoveateError(
            f"no verses found: looked for {' and '.join(MODULES)} in {home}. Install Debian's sword-text-web and "
            "sword-text-sparv, or set FOVEATE_DATA to a folder with verses/source.txt and verses/target.txt."
        )
    many = [Counter(chapter for chapter, _ in verses) for verses in (first, second)]
    alike = {chapter for chapter, count in many[0].items() if count == many[1][chapter]}
    return [(said, second[verse]) for verse, said in first.items() if verse[0] in alike and verse in second]


def _verses(folder: Path) -> Iterator[tuple[tuple[str, int], Sentence]]:
    """Verses of a module by chapter and number: before those of a chapter lies an entry that names it."""
    for testament in ("ot", "nt"):
        chapter, number = "", 0
        for entry in _entries(folder, testament):
            begins = _CHAPTER.search(entry)
            if begins:
                chapter, number = begins[1], 0
                continue
            number += 1
            found = marked_up(entry)
            if chapter and found.words:
                yield (chapter, number), found


def _entries(folder: Path, testament: str) -> Iterator[str]:
    files = []
    for end in ("bzv", "bzs", "bzz"):
        with open_regular(folder / f"{testament}.{end}", MOST_BYTES) as handle:
            files.append(handle.read())
    index, places, packed = files
    blocks: dict[int, bytes] = {}
    try:
        for block, start, length in VERSE.iter_unpack(index):
            if length and block not in blocks:
                offset, size, unpacked = BLOCK.unpack_from(places, BLOCK.size * block)
                blocks[block] = _unpacked(packed[offset : offset + size], unpacked)
            yield blocks[block][start : start + length].decode() if length else ""
    except (struct.error, zlib.error, UnicodeDecodeError) as error:
        raise FoveateError(f"{folder}/{testament}.bz* can't be read as a module of SWORD: {error}.") from error


def _unpacked(packed: bytes, size: int) -> bytes:
    if size > MOST_BYTES:
        raise zlib.error(f"a block of {size:,} bytes")
    return zlib.decompressobj().decompress(packed, MOST_BYTES)


def marked_up(entry: str) -> Sentence:
    """The words of a verse in OSIS markup, without its notes and titles, and their numbers in Strong's concordance."""
    words: list[str] = []
    senses: list[frozenset[str]] = []
    now: frozenset[str] = frozenset()
    for part in _PARTS.findall(_UNSEEN.sub(" ", entry).lower()):
        if part.startswith("<w "):
            now = frozenset(_STRONG.findall(part))
        elif part.startswith("</w"):
            now = frozenset()
        elif part[0] != "<":
            words.append(part)
            senses.append(now if part[0].isalnum() else frozenset())
    return Sentence(tuple(words), tuple(senses))
