"""Parallel text: sentences of one language beside those of another, as symbols of two vocabularies.

"verses"   the folder `FOVEATE_DATA`/verses if there is one, else two Bibles of Debian's packages (see `verses`)
a path     a folder with source.txt and target.txt, of which each line of the first is translated by that of the second
"""

import os
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ...errors import FoveateError
from ...files import read_text
from ...tree import outside_inference
from .verses import SOURCE, Sentence, read_verses, sentence

FILES = ("source.txt", "target.txt")
MOST_BYTES = 2**27  # of a file
UNKNOWN = 1  # the symbol of all words that a vocabulary has no room for
OTHER = "<unk>"  # what it is called
TWENTIETHS = {"test": (0, 2), "validation": (2, 3), "train": (3, 20)}  # of all sentences, by the digest of the source

Pairs = Sequence[tuple[Sentence, Sentence]]


class Corpus(NamedTuple):
    """Sentences and their translations, N of them, and what is known of all.

    Attributes:
        read: names of the symbols that are read; 0 is none, 1 an unknown word.
        written: names of those that are written; 0 ends.
        source: where it comes from, and its licence.
        items: int64, (N, S).
        length: int64, (N,).
        targets: int64, (N, L), 0 behind the end.
        due: int64, (N,), words and the end.
        aligned: which words of the source have a sense in common with each that is written, bool (N, L, S).
    """

    read: list[str]
    written: list[str]
    source: str
    items: Tensor
    length: Tensor
    targets: Tensor
    due: Tensor
    aligned: Tensor


@cache
@outside_inference
def load(
    name: str, part: str, shortest: int, longest: int, vocabulary: int, device: torch.device | str = "cpu"
) -> Corpus:
    """One part of a parallel text.

    A sentence is in the same part whatever else is asked for, and vocabularies are those of the whole training part, so
    that who learned in one part, or from short sentences, plays in all.

    Args:
        name: "verses" or a folder.
        part: "train", "validation" or "test".
        shortest: the fewest words of the source.
        longest: the most words of it; translations may have twice as many.
        vocabulary: the most words of each language, the commonest of the training part.
        device: where the tensors are wanted.

    Raises:
        FoveateError: there is no such text, it can't be used, or none of it is of such lengths.
    """
    pairs, source = found(name)
    names = _vocabularies(name, vocabulary)
    chosen = [
        pair
        for pair in pairs
        if shortest <= len(pair[0].words) <= longest
        and 1 <= len(pair[1].words) <= 2 * longest
        and part_of(" ".join(pair[0].words)) == part
    ]
    if not chosen:
        raise FoveateError(
            f"data={name!r}: of {len(pairs)} sentences none of {shortest} to {longest} words is in the {part} part."
        )
    known = [{word: symbol for symbol, word in enumerate(some)} for some in names]
    items, targets = (
        pad_sequence(
            [
                torch.tensor([known[side].get(word, UNKNOWN) for word in pair[side].words] + [0] * side)
                for pair in chosen
            ],
            batch_first=True,
        )
        for side in (0, 1)
    )
    length, words = (torch.tensor([len(pair[side].words) for pair in chosen]) for side in (0, 1))
    aligned = torch.zeros(len(chosen), targets.shape[1], items.shape[1], dtype=torch.bool)
    for row, (said, due) in zip(aligned, chosen, strict=True):
        for place, senses in enumerate(due.senses):
            shared = [at for at, others in enumerate(said.senses) if senses & others]
            row[place, shared] = True
    tensors = (each.to(device) for each in (items, length, targets, words + 1, aligned))
    return Corpus(names[0], names[1], source, *tensors)


@cache
def _vocabularies(name: str, most: int) -> tuple[list[str], list[str]]:
    """The commonest words of both languages in the training part, behind the two symbols that all have."""
    pairs = [pair for pair in found(name)[0] if part_of(" ".join(pair[0].words)) == "train"]
    return _commonest((pair[0] for pair in pairs), most, ""), _commonest((pair[1] for pair in pairs), most, "<end>")


def _commonest(sentences: Iterable[Sentence], most: int, end: str) -> list[str]:
    count = Counter(word for each in sentences for word in each.words)
    return [end, OTHER, *sorted(sorted(count), key=lambda word: -count[word])[:most]]


def part_of(text: str) -> str:
    """The part that a sentence is in, "train", "validation" or "test", by its digest."""
    twentieth = zlib.crc32(text.encode()) % 20
    return next(part for part, (first, last) in TWENTIETHS.items() if first <= twentieth < last)


@cache
def found(name: str) -> tuple[Pairs, str]:
    """All sentences of a parallel text and their translations, and where it comes from.

    Args:
        name: "verses" or a folder.

    Raises:
        FoveateError: there is no such text, or it can't be used.
    """
    root = os.environ.get("FOVEATE_DATA")
    own = "two files of one's own, whose licence is their owner's"
    if name == "verses":
        folder = Path(root) / "verses" if root else None
        if folder is not None and folder.is_dir():
            return _read(folder), own
        return read_verses(), SOURCE
    if not Path(name).is_dir():
        raise FoveateError(
            f"data={name!r} is no folder and no known name. Allowed: grammar, verses, or a folder with "
            f"{' and '.join(FILES)}."
        )
    return _read(Path(name)), own


def _read(folder: Path) -> Pairs:
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise FoveateError(f"{folder} holds no {missing[0]}: a parallel text is {' and '.join(FILES)}, line by line.")
    sides = [read_text(folder / name, MOST_BYTES).splitlines() for name in FILES]
    if len(sides[0]) != len(sides[1]):
        raise FoveateError(
            f"{folder}: {FILES[0]} has {len(sides[0])} lines and {FILES[1]} {len(sides[1])}, but line by line one "
            "translates the other."
        )
    return [(sentence(a), sentence(b)) for a, b in zip(*sides, strict=True) if a.strip() and b.strip()]
