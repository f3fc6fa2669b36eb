"""The grammar of `Translation`: sentences of a given number of words, how they are read and how they are written.

All of a batch are laid out on one grid, a row for each phrase and a column for each word that may stand there, and the
words that do are packed one behind the other.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .dictionary import ADJECTIVES, ARTICLES, ENDINGS, NOUNS, PREPOSITIONS, VERBS

# the symbols of both languages, by kind; a kind's words are numbered from here
END, ARTICLE, INFINITIVE, COMMA, NOUN = range(5)
VERB = NOUN + len(NOUNS)
PREPOSITION = VERB + len(VERBS)
ADJECTIVE = PREPOSITION + len(PREPOSITIONS)
MORE = ADJECTIVE + len(ADJECTIVES)  # what is written in other genders: two articles, twice the adjectives
KINDS = (END, ARTICLE, INFINITIVE, COMMA, NOUN, VERB, PREPOSITION, ADJECTIVE, MORE)

READ = (
    *("", "the", "to", ","),
    *(noun.read for noun in NOUNS),
    *(pair[0] for pairs in (VERBS, PREPOSITIONS, ADJECTIVES) for pair in pairs),
)
_STEMS = tuple(pair[1] for pair in ADJECTIVES)
_WRITTEN = (
    *("zu", ","),
    *(noun.written for noun in NOUNS),
    *(pair[1] for pairs in (VERBS, PREPOSITIONS) for pair in pairs),
)
WRITTEN = (".", ARTICLES[2], *_WRITTEN, *_STEMS)
INFLECTED = (
    *(".", ARTICLES[0], *_WRITTEN),
    *(stem + ENDINGS[0] for stem in _STEMS),
    *ARTICLES[1:],
    *(stem + ending for ending in ENDINGS[1:] for stem in _STEMS),
)


class Form(NamedTuple):
    """What a sentence is made of: so many clauses, phrases in all of them, and adjectives in all of these."""

    clauses: int
    phrases: int
    adjectives: int


def forms_of(words: int) -> list[Form]:
    """The forms of sentences of so many words: 3 phrases + 2 clauses - 1 + adjectives, at most two a phrase."""
    every = [
        Form(clauses, phrases, words - 3 * phrases - 2 * clauses + 1)
        for clauses in (1, 2)
        for phrases in range(clauses, words // 3 + 1)
    ]
    return [form for form in every if 0 <= form.adjectives <= 2 * form.phrases]


class Sentences(NamedTuple):
    """n sentences of at most K phrases.

    Attributes:
        there: bool, (n, K), which phrases there are.
        begins: bool, (n, K), which are the first of a clause.
        ends: bool, (n, K), which are the last of a clause.
        first: (n, 1), how many phrases are in the first clause; all of them if there is no second.
        noun: (n, K), counted from 0.
        preposition: (n, K), a symbol; of a clause's first phrase it is not said.
        verb: (n, K), a symbol: that of the phrase's clause.
        adjective: (n, K, 2), symbols.
        chosen: bool, (n, K, 2), which of the adjectives are said.
    """

    there: Tensor
    begins: Tensor
    ends: Tensor
    first: Tensor
    noun: Tensor
    preposition: Tensor
    verb: Tensor
    adjective: Tensor
    chosen: Tensor


def numbers_for(phrases: int) -> int:
    """How many random numbers `make_sentences` takes."""
    return 3 + 6 * phrases


def make_sentences(form: Sequence[Tensor], chance: Tensor) -> Sentences:
    """Sentences of these forms, uniform among all words, places for adjectives and where the clauses part.

    Args:
        form: clauses, phrases and adjectives of each, (n, 1) each.
        chance: random bits, int64, (n, `numbers_for`).
    """
    clauses, phrases, adjectives = form
    k = (chance.shape[1] - 3) // 6
    part, verbs, nouns, prepositions, every, lot = chance.split([1, 2, k, k, 2 * k, 2 * k], 1)
    number = torch.arange(k, device=chance.device)[None]
    there = number < phrases  # (n, K)
    first = torch.where(clauses == 2, 1 + part % (phrases - 1).clamp(min=1), phrases)
    verbs = VERB + verbs % len(VERBS)
    # of two places in each phrase, so many by chance: those with the least numbers, which are all different
    lot = ((lot & ~0xFF) | torch.arange(2 * k, device=chance.device)).unflatten(1, (k, 2))
    lot = lot.masked_fill(~there[..., None], torch.iinfo(torch.int64).max)
    limit = lot.flatten(1).sort(1).values.gather(1, adjectives.clamp(max=2 * k - 1))[..., None]
    return Sentences(
        there,
        there & ((number == 0) | (number == first)),
        (number + 1 == first) | (number + 1 == phrases),
        first,
        nouns % len(NOUNS),
        PREPOSITION + prepositions % len(PREPOSITIONS),
        torch.where(number < first, verbs[:, :1], verbs[:, 1:]),
        (ADJECTIVE + every % len(ADJECTIVES)).unflatten(1, (k, 2)),
        (lot < limit) | ((adjectives == 2 * k) & there)[..., None],
    )


def read_words(sentences: Sentences, width: int) -> tuple[Tensor, Tensor]:
    """What is read: [,] [to] [verb or preposition] the [adjective] [adjective] noun, phrase after phrase.

    Args:
        sentences: n of them.
        width: of the result.

    Returns:
        The symbols, (n, width), and where each of these seven words stands, (n, K, 7).
    """
    s, like = sentences, sentences.noun
    comma, to, article = (torch.full_like(like, symbol) for symbol in (COMMA, INFINITIVE, ARTICLE))
    words = torch.stack([comma, to, torch.where(s.begins, s.verb, s.preposition), article, NOUN + s.noun], -1)
    words = torch.cat([words[..., :4], s.adjective, words[..., 4:]], -1)  # (n, K, 7)
    parted = s.begins.clone()
    parted[:, 0] = False
    said = torch.stack([parted, s.begins, s.there, s.there, *s.chosen.unbind(-1), s.there], -1)
    place = _places(said)
    return _packed(words, said, place, width), place


def write_words(
    sentences: Sentences, place: Tensor, gender: Tensor | None, width: int, items: int
) -> tuple[Tensor, Tensor]:
    """What is written: [preposition] the noun [adjective] [adjective] [zu] [verb] [,], phrase after phrase.

    Args:
        sentences: n of them.
        place: where their words are read, from `read_words`.
        gender: of each noun's words, (nouns,); None where nothing agrees.
        width: L, of the result.
        items: S, most words that are read.

    Returns:
        The symbols, (n, L), and which words that are read decide each, bool (n, L, S): its own and, if it agrees with
        a noun, that one; of "zu" also the last noun and the comma, which say that the clause ends. An article that
        agrees with nothing is none of these: the word before says that it comes.
    """
    s = sentences
    to, comma, article = (torch.full_like(s.noun, symbol) for symbol in (INFINITIVE, COMMA, ARTICLE))
    adjective = s.adjective
    if gender is not None:
        its = gender[s.noun]  # (n, K)
        article = torch.where(its == 0, article, MORE + its - 1)
        other = MORE + 2 + (its[..., None] - 1) * len(ADJECTIVES) + adjective - ADJECTIVE
        adjective = torch.where(its[..., None] == 0, adjective, other)
    words = [s.preposition, article, NOUN + s.noun, adjective[..., 1], adjective[..., 0], to, s.verb, comma]
    ends = s.ends & s.there
    parted = ends.clone()
    parted[:, :-1] &= s.there[:, 1:]  # another clause follows
    parted[:, -1] = False
    said = [s.there & ~s.begins, s.there, s.there, s.chosen[..., 1], s.chosen[..., 0], ends, ends, parted]
    words, said = torch.stack(words, -1), torch.stack(said, -1)  # (n, K, 8)
    at = _places(said)
    targets = _packed(words, said, at, width)
    # where that is read: what ends a clause at its first phrase, the comma at the first of the second
    k = s.noun.shape[1]
    opening = torch.where(torch.arange(k, device=s.noun.device) < s.first, 0, s.first).clamp(max=k - 1)
    second = s.first.clamp(max=k - 1).expand(-1, k)
    own = [place[..., column] for column in (2, 3, 6, 5, 4)]
    of_clause = [place[..., column].gather(1, where) for column, where in ((1, opening), (2, opening), (0, second))]
    source = torch.stack([*own, *of_clause], -1).clamp(min=0)  # (n, K, 8)
    row = torch.where(said, at, width) * items  # what isn't said goes into a row too many
    to_row, nouns = row[..., 5], place[..., 6].clamp(min=0)
    pairs = [(to_row, nouns), (torch.where(parted, to_row, width * items), source[..., 7])]
    if gender is None:
        row[..., 1] = width * items
    else:
        pairs += [(row[..., column], nouns) for column in (1, 3, 4)]
    every = torch.cat([(row + source).flatten(1), *(some + where for some, where in pairs)], 1)
    aligned = torch.zeros(len(at), (width + 1) * items, dtype=torch.bool, device=at.device).scatter_(1, every, True)
    return targets, aligned.unflatten(1, (width + 1, items))[:, :-1].clone()


def _places(said: Tensor) -> Tensor:
    """Where each word stands if only these are said, (n, K, M); where it isn't, the place of the one before it."""
    return said.flatten(1).cumsum(1).sub(1).view(said.shape)


def _packed(words: Tensor, said: Tensor, place: Tensor, width: int) -> Tensor:
    """The words that are said at their places, (n, K, M) -> (n, width), 0 behind them."""
    out = torch.zeros(len(words), width + 1, dtype=torch.int64, device=words.device)
    index = torch.where(said, place, width).flatten(1)
    return out.scatter_(1, index, words.flatten(1))[:, :width].clone()
