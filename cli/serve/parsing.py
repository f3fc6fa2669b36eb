"""A sentence that was typed, as a world of `Translation` shows it: its words, and what it should become."""

import torch
from torch import Tensor

from ...envs.sequence.dictionary import ADJECTIVES, NOUNS, PREPOSITIONS, VERBS
from ...envs.sequence.grammar import (
    ADJECTIVE,
    ARTICLE,
    COMMA,
    INFINITIVE,
    NOUN,
    PREPOSITION,
    READ,
    VERB,
    Sentences,
    read_words,
    write_words,
)
from ...errors import FoveateError, hint, shortened

MOST_LETTERS = 1000
KINDS = {
    "verb": (VERB, len(VERBS)),
    "preposition": (PREPOSITION, len(PREPOSITIONS)),
    "adjective": (ADJECTIVE, len(ADJECTIVES)),
    "noun": (NOUN, len(NOUNS)),
}
FORM = 'to VERB the ADJECTIVE NOUN (PREPOSITION the NOUN), perhaps with a second clause behind ", to"'


def words_of(text: object, most: int) -> list[int]:
    """The symbols of a sentence.

    Args:
        text: as it was typed.
        most: words and commas that are allowed.

    Raises:
        FoveateError: it has no words, too many, or some that the world doesn't have.
    """
    if not isinstance(text, str) or not text.strip():
        raise FoveateError("type a sentence first, or take a random one.")
    if len(text) > MOST_LETTERS:
        raise FoveateError(f"a sentence has at most {MOST_LETTERS} letters, this one has {len(text)}.")
    words = text.replace(",", " , ").split()
    words[-1:] = [words[-1].rstrip(".")] if words[-1].rstrip(".") else []
    known = {word: symbol for symbol, word in enumerate(READ) if word}
    own = {word.lower(): word for word in known}  # "european" is European
    named = [own.get(word.lower(), word) for word in words]
    wrong = [word for word in dict.fromkeys(named) if word not in known]
    if wrong:
        said = " ".join(f"{shortened(word)} is no word of this world.{hint(word, known)}" for word in wrong[:5])
        raise FoveateError(f"{said} It reads {len(known)} words: see the list below.")
    if not 1 <= len(named) <= most:
        raise FoveateError(f"a sentence has 1 to {most} words and commas, this one has {len(named)}.")
    return [known[word] for word in named]


def parsed(symbols: list[int]) -> Sentences | None:
    """The sentence as the grammar has it, a batch of one; None where it is none of the grammar's."""
    clauses: list[list[tuple[int, list[int], int]]] = []  # of each phrase its verb or preposition, adjectives, noun
    at = 0

    def take(first: int, count: int = 1) -> int | None:
        nonlocal at
        if at < len(symbols) and first <= symbols[at] < first + count:
            at += 1
            return symbols[at - 1]
        return None

    while True:
        phrases: list[tuple[int, list[int], int]] = []
        if take(INFINITIVE) is None:
            return None
        opening = take(*KINDS["verb"])
        while opening is not None:
            if take(ARTICLE) is None:
                return None
            adjectives = []
            while len(adjectives) < 2 and (adjective := take(*KINDS["adjective"])) is not None:
                adjectives.append(adjective)
            noun = take(*KINDS["noun"])
            if noun is None:
                return None
            phrases.append((opening, adjectives, noun))
            opening = take(*KINDS["preposition"])
        if not phrases:
            return None
        clauses.append(phrases)
        if take(COMMA) is None:
            break
    if at != len(symbols) or len(clauses) > 2:
        return None
    return _as_batch(clauses)


def _as_batch(clauses: list[list[tuple[int, list[int], int]]]) -> Sentences:
    phrases = [phrase for clause in clauses for phrase in clause]
    verbs = [clause[0][0] for clause in clauses for _ in clause]
    first = len(clauses[0])
    count = len(phrases)
    number = torch.arange(count)[None]
    begins = (number == 0) | (number == first)
    # one adjective stands in the second place or the first alike: both are packed
    adjectives = [[*each[1], ADJECTIVE, ADJECTIVE][:2] for each in phrases]
    chosen = [[len(each[1]) > 0, len(each[1]) > 1] for each in phrases]
    return Sentences(
        there=torch.ones(1, count, dtype=torch.bool),
        begins=begins,
        ends=(number + 1 == first) | (number + 1 == count),
        first=torch.tensor([[first]]),
        noun=torch.tensor([[each[2] - NOUN for each in phrases]]),
        preposition=torch.tensor(
            [[PREPOSITION if begin else each[0] for each, begin in zip(phrases, begins[0], strict=True)]]
        ),
        verb=torch.tensor([verbs]),
        adjective=torch.tensor([adjectives]),
        chosen=torch.tensor([chosen]),
    )


def gold(sentences: Sentences, gender: Tensor | None, width: int, items: int) -> tuple[Tensor, Tensor]:
    """What a sentence becomes, int64 (1, width), and the words that decide each, bool (1, width, items).

    Args:
        sentences: from `parsed`.
        gender: of each noun's words; None where nothing agrees.
        width: of the result.
        items: words that the world has room for.
    """
    _, place = read_words(sentences, items)
    return write_words(sentences, place, gender, width, items)
