"""Prose: a grammar of texts in which what each character costs is known, and names that are invented for each text.

A text is a walk through the states of a machine. Each state has arcs, a piece of text each, of which none is the
beginning of another of the same state: so whoever reads knows at each character which arcs are left, and the chance of
the next character is what those that go on with it weigh, over what all of them weigh.
"""

import math
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..counter_rng import CounterRNG
from .dictionary import ADJECTIVES, NOUNS, PREPOSITIONS

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789 .,;:'!?-()<>/=\"\n~"  # the last stands for any other
VERBS = ("sees", "finds", "buys", "sells", "builds", "reads", "opens", "carries", "forgets", "loves", "hears", "keeps")
CONSONANTS, VOWELS = "bdfgklmnprsvz", "aeiou"  # of names; none begins like "the"
SYLLABLES, DIGITS = 3, 6
MOST_NAMES = len(CONSONANTS)  # no two of one text begin alike
INSIDE, BEGIN, SPACE, STOP, MARK, NUMBER, NAME = range(7)  # kinds of characters
KINDS = ("inside a word", "word begins", "space", "full stop", "markup", "digit of an id", "a name's letter")
NAMED, DIALLED = -1, -2  # arcs whose text isn't always the same: a name of the text's, digits
NAMED_SHARE, ADJECTIVE_SHARE, LONGER_SHARE, VERSE_SHARE = 0.4, 0.3, 0.3, 0.4


class Prose(NamedTuple):
    """Texts of T characters.

    Attributes:
        symbols: numbers of characters in `ALPHABET`, int64 (n, T).
        kinds: what each is, by its place in `KINDS`, int64 (n, T).
        cost: what each costs who predicts it as well as can be, in bits, float32 (n, T).
        likeliest: the likeliest character at its place, int64 (n, T).
        source: of a letter of a name that was said before: the place of the same letter when it was said last, int64
            (n, T); -1 of all others, and of a name's first letter, which says that it is a name.
    """

    symbols: Tensor
    kinds: Tensor
    cost: Tensor
    likeliest: Tensor
    source: Tensor


class Arc(NamedTuple):
    """A way out of a state of the machine.

    Attributes:
        state: where it begins.
        text: what it says; "" where that isn't always the same.
        chance: of it, among those of its state.
        after: the state where it ends.
    """

    state: str
    text: str
    chance: float
    after: str


def arcs(named: bool, markup: bool) -> Iterator[Arc]:
    """All arcs of the machine, those of a state one behind the other.

    Args:
        named: whether people with names occur.
        markup: whether it is marked up in verses with numbers.
    """
    share = NAMED_SHARE * named
    yield from ([Arc("sentence", "", share, "verb")] if named else [])
    yield Arc("sentence", "the ", 1 - share, "subject")
    yield from (Arc("subject", f"{noun.read} ", 1 / len(NOUNS), "verb") for noun in NOUNS)
    yield from (Arc("verb", f"{verb} the ", 1 / len(VERBS), "thing") for verb in VERBS)
    yield from (Arc("thing", f"{word.lower()} ", ADJECTIVE_SHARE / len(ADJECTIVES), "noun") for word, _ in ADJECTIVES)
    for state, left in (("thing", 1 - ADJECTIVE_SHARE), ("noun", 1.0)):
        yield from (Arc(state, noun.read, left / len(NOUNS), "end") for noun in NOUNS)
    yield from (Arc("end", f" {word} the ", LONGER_SHARE / len(PREPOSITIONS), "thing") for word, _ in PREPOSITIONS)
    left = 1 - LONGER_SHARE
    if markup:
        yield Arc("end", ".</verse>\n", left * VERSE_SHARE, "verse")
        left *= 1 - VERSE_SHARE
    yield Arc("end", ". ", left, "sentence")
    if markup:
        yield Arc("verse", '<verse id="', 1.0, "id")
        yield Arc("id", "", 1.0, "open")
        yield Arc("open", '">', 1.0, "sentence")


class Machine:
    """The arcs as arrays; of A arcs, the longest of M characters, and S states.

    Args:
        named: see `arcs`.
        markup: see `arcs`.
    """

    def __init__(self, named: bool, markup: bool):
        every = list(arcs(named, markup))
        states = list(dict.fromkeys(arc.state for arc in every))
        rows = [[number for number, arc in enumerate(every) if arc.state == state] for state in states]
        chance = np.zeros((len(states), max(map(len, rows))))
        for row, numbers in zip(chance, rows, strict=True):
            row[: len(numbers)] = [every[number].chance for number in numbers]
        bounds = chance.cumsum(1)
        self.start = states.index("verse" if markup else "sentence")
        self.first = np.array([numbers[0] for numbers in rows])  # (S,)
        self.bounds = np.where(bounds > 1 - 1e-9, 2.0, bounds).astype(np.float32)  # (S, most); none beyond the last arc
        self.after = np.array([states.index(arc.after) for arc in every])  # (A,)
        self.name = 0 if named else -1  # the arc that says one
        self.number = next((number for number, arc in enumerate(every) if arc.state == "id"), -1)
        texts = [arc.text or ("a" * 2 * SYLLABLES + " " if arc.state == "sentence" else "0" * DIGITS) for arc in every]
        self.length = np.array([len(text) for text in texts])  # (A,)
        shape = len(every), int(self.length.max())
        self.symbols, self.kinds, self.likeliest = (np.zeros(shape, np.int64) for _ in range(3))
        self.cost = np.zeros(shape, np.float32)
        for number, (arc, text) in enumerate(zip(every, texts, strict=True)):
            rivals = [(every[other].text, every[other].chance) for other in rows[states.index(arc.state)]]
            for place, (cost, likely) in enumerate(_costs(arc.text, rivals)):
                self.cost[number, place], self.likeliest[number, place] = cost, ALPHABET.index(likely)
            for place, kind in enumerate(kinds_of(text, arc.state in ("verse", "id", "open"))):
                self.kinds[number, place] = kind
                self.symbols[number, place] = ALPHABET.index(text[place])

    def walk(self, luck: Tensor) -> Tensor:
        """The arcs of walks from the start, int64 (n, W), by uniform numbers (n, W)."""
        first, bounds, after = on_device((self.first, self.bounds, self.after), luck.device)
        state = torch.full_like(luck[:, 0], self.start, dtype=torch.int64)
        walked = []
        for step in luck.unbind(1):
            arc = first[state] + (step[:, None] >= bounds[state]).sum(1)
            walked.append(arc)
            state = after[arc]
        return torch.stack(walked, 1)


def on_device(arrays: Iterable[np.ndarray], device: torch.device) -> list[Tensor]:
    """Arrays as tensors on a device."""
    return [torch.from_numpy(array).to(device) for array in arrays]


@cache
def machine(named: bool, markup: bool) -> Machine:
    """The machine of such texts."""
    return Machine(named, markup)


def kinds_of(text: str, marks: bool) -> Iterator[int]:
    """What each character of a piece of text is, by its place in `KINDS`; the first of letters begins a word.

    Args:
        text: the piece.
        marks: whether all of it is markup.
    """
    before, inside = " ", marks
    for letter in text:
        inside = inside or letter == "<"
        if inside:
            yield NUMBER if letter.isdigit() else MARK
        elif letter == " " or letter == "\n":
            yield SPACE
        elif letter.isalnum():
            yield INSIDE if before.isalnum() else BEGIN
        else:
            yield STOP
        before = letter


def _costs(text: str, rivals: list[tuple[str, float]]) -> Iterator[tuple[float, str]]:
    """Of each character of a text what it costs, in bits, and the likeliest in its place.

    Args:
        text: of an arc.
        rivals: the texts and chances of all arcs of its state, its own among them. One of "" takes part in the first
            character only, where what it begins with is none of the others'.
    """
    for place, letter in enumerate(text):
        left: dict[str, float] = {}
        for rival, chance in rivals:
            if rival[:place] == text[:place] and len(rival) > place:
                left[rival[place]] = left.get(rival[place], 0.0) + chance
        whole = sum(left.values()) + sum(chance for rival, chance in rivals if not rival and place == 0)
        yield abs(math.log2(left[letter] / whole)), max(left, key=lambda each: left[each])


def most_arcs(length: int) -> int:
    """Arcs that are enough for a text of so many characters: no way round is shorter than three a step."""
    return length // 3 + 8


def write_prose(rng: CounterRNG, length: int, names: int, markup: bool) -> Prose:
    """Texts of `length` characters, one for each of the random number generator's worlds.

    Args:
        rng: of n worlds.
        length: T.
        names: how many people have one.
        markup: whether verses are marked up.
    """
    tables, device, steps = machine(names > 0, markup), rng.key.device, most_arcs(length)
    arc = tables.walk(rng.uniform("words", steps))  # (n, W)
    size = on_device([tables.length], device)[0][arc]
    end = size.cumsum(1)
    at = torch.arange(length, device=device).expand(len(rng), -1).contiguous()  # (n, T)
    step = torch.searchsorted(end, at, right=True)
    begin = (end - size).gather(1, step)
    place = at - begin  # within its arc
    here = arc.gather(1, step)
    said = tables.symbols, tables.kinds, tables.cost, tables.likeliest
    symbols, kinds, cost, likeliest = (table[here, place] for table in on_device(said, device))
    if markup:
        digit = ALPHABET.index("0")
        dialled = here == tables.number
        symbols = torch.where(dialled, digit + rng.integers("digits", 10, length), symbols)
        cost = torch.where(dialled, math.log2(10), cost)
        likeliest = torch.where(dialled, digit, likeliest)
    text = Prose(symbols, kinds, cost, likeliest, torch.full_like(symbols, -1))
    if not names:
        return text
    return _named(rng, text, arc == tables.name, end - size, step, place, names)


def _named(rng: CounterRNG, text: Prose, said: Tensor, begin: Tensor, step: Tensor, place: Tensor, names: int) -> Prose:
    """The text with the names that are said in it.

    Args:
        rng: of n worlds.
        text: in which a name's place is held by others' letters.
        said: which steps of the walk say a name, bool (n, W).
        begin: where in the text each step begins, (n, W).
        step: of each character, (n, T).
        place: of each character within its step, (n, T).
        names: K.
    """
    letters = _letters(rng, names)  # (n, K, 7)
    who = rng.integers("who", names, said.shape[1])  # (n, W)
    each = (who[..., None] == torch.arange(names, device=who.device)) & said[..., None]  # (n, W, K)
    at = torch.where(each, begin[..., None], -1)
    before = torch.cat([torch.full_like(at[:, :1], -1), at.cummax(1).values[:, :-1]], 1)  # (n, W, K): said last
    last = before.gather(2, who[..., None])[..., 0]  # (n, W), of the name that is said now
    unknown = names - (before >= 0).sum(2)  # (n, W), names that nobody has heard yet
    # what a first letter costs: one of those that are known, or any of the others, which are alike
    left = MOST_NAMES - names + unknown
    chance = NAMED_SHARE / names * torch.where(last >= 0, 1.0, unknown.float() / left)
    first = chance.log2().abs()  # (n, W)
    named, last, first = (part.gather(1, step) for part in (said, last, first))
    letter = letters[
        torch.arange(len(who), device=who.device)[:, None], who.gather(1, step), place.clamp(max=2 * SYLLABLES)
    ]
    known, inner = last >= 0, (place > 0) & (place < 2 * SYLLABLES)
    other = torch.where(place % 2 == 1, math.log2(len(VOWELS)), math.log2(len(CONSONANTS))).to(text.cost.dtype)
    cost = torch.where(place == 0, first, torch.where(inner & ~known, other, 0.0))
    guess = torch.where(place % 2 == 1, ALPHABET.index(VOWELS[0]), ALPHABET.index(CONSONANTS[0]))
    guess = torch.where(inner & ~known, guess, letter)
    return Prose(
        symbols=torch.where(named, letter, text.symbols),
        kinds=torch.where(named & inner, NAME, text.kinds),
        cost=torch.where(named, cost, text.cost),
        likeliest=torch.where(named, torch.where(place == 0, ALPHABET.index("t"), guess), text.likeliest),
        source=torch.where(named & inner & known, last + place, -1),
    )


def _letters(rng: CounterRNG, names: int) -> Tensor:
    """Names, each of syllables and a space behind it, int64 (n, K, 7)."""
    device = rng.key.device
    consonants, vowels = (
        torch.tensor([ALPHABET.index(c) for c in some], device=device) for some in (CONSONANTS, VOWELS)
    )
    first = rng.bits("first letters", MOST_NAMES).argsort(1)[:, :names, None]
    more = rng.integers("consonants", len(CONSONANTS), names, SYLLABLES - 1)
    open_, close = (
        consonants[torch.cat([first, more], 2)],
        vowels[rng.integers("vowels", len(VOWELS), names, SYLLABLES)],
    )
    spelt = torch.stack([open_, close], 3).flatten(2)  # (n, K, 6)
    return torch.cat([spelt, torch.full_like(spelt[..., :1], ALPHABET.index(" "))], 2)
