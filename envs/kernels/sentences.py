"""Sentences of a grammar, read and written word by word: `foveate.envs.sequence.grammar` without its grids."""

from typing import Any

import numpy as np
from numba import njit

OPTIONS: Any = {"error_model": "numpy", "nogil": True, "cache": True}
i64 = np.int64


@njit(**OPTIONS)
def sentences(chance, form, symbols, sizes, gender, items, targets, aligned):
    """As `make_sentences`, `read_words` and `write_words`.

    Args:
        chance: int64, (n, 3 + 6 K), random bits.
        form: int64, (n, 3): clauses, phrases and adjectives.
        symbols: the first symbol of each kind: articles, infinitives, commas, nouns, verbs, prepositions, adjectives
            and words of other genders.
        sizes: how many nouns, verbs, prepositions and adjectives there are.
        gender: int64, (nouns,); empty where nothing agrees.
        items: int64, (n, S), zeros, written to.
        targets: int64, (n, L), zeros, written to.
        aligned: bool, (n, L, S), zeros, written to.
    """
    article, infinitive, comma, first_noun, first_verb, first_preposition, first_adjective, more = symbols
    nouns, verbs, prepositions, adjectives = sizes
    k = (chance.shape[1] - 3) // 6
    agrees = len(gender) > 0
    chosen = np.empty(2 * k, np.bool_)
    head, the, its_noun, its_adjective = np.empty(k, i64), np.empty(k, i64), np.empty(k, i64), np.empty((k, 2), i64)
    for b in range(len(chance)):
        lot = chance[b]
        phrases, first = form[b, 1], form[b, 1]
        if form[b, 0] == 2:
            first = 1 + lot[0] % max(phrases - 1, 1)
        chosen[:] = False
        for _ in range(form[b, 2]):  # of the two places in each phrase, that with the least number
            best, least = i64(-1), i64(0)
            for slot in range(2 * phrases):
                number = (lot[3 + 4 * k + slot] & ~i64(0xFF)) | slot
                if not chosen[slot] and (best < 0 or number < least):
                    best, least = i64(slot), number
            chosen[best] = True
        # what is read
        place, parted = 0, i64(0)
        for p in range(phrases):
            if p == 0 or p == first:
                if p > 0:
                    items[b, place], parted = comma, place
                    place += 1
                items[b, place], items[b, place + 1] = infinitive, first_verb + lot[1 + (p > 0)] % verbs
                head[p] = place + 1
                place += 2
            else:
                items[b, place], head[p] = first_preposition + lot[3 + k + p] % prepositions, place
                place += 1
            items[b, place], the[p] = article, place
            place += 1
            for side in range(2):
                if chosen[2 * p + side]:
                    items[b, place] = first_adjective + lot[3 + 2 * k + 2 * p + side] % adjectives
                    its_adjective[p, side] = place
                    place += 1
            items[b, place], its_noun[p] = first_noun + lot[3 + p] % nouns, place
            place += 1
        # what is written
        at = 0
        for p in range(phrases):
            noun, opening = its_noun[p], i64(0) if p < first else first
            its = gender[lot[3 + p] % nouns] if agrees else i64(0)
            if p != 0 and p != first:
                targets[b, at], aligned[b, at, head[p]] = items[b, head[p]], True
                at += 1
            targets[b, at] = article if its == 0 else more + its - 1
            if agrees:
                aligned[b, at, the[p]] = aligned[b, at, noun] = True
            targets[b, at + 1], aligned[b, at + 1, noun] = items[b, noun], True
            at += 2
            for side in range(1, -1, -1):
                if chosen[2 * p + side]:
                    word = items[b, its_adjective[p, side]]
                    if its > 0:
                        word += more + 2 + (its - 1) * adjectives - first_adjective
                    targets[b, at], aligned[b, at, its_adjective[p, side]] = word, True
                    if agrees:
                        aligned[b, at, noun] = True
                    at += 1
            if p + 1 == first or p + 1 == phrases:
                targets[b, at], targets[b, at + 1] = infinitive, items[b, head[opening]]
                aligned[b, at, head[opening] - 1] = aligned[b, at, noun] = True
                aligned[b, at + 1, head[opening]] = True
                if p + 1 < phrases:
                    aligned[b, at, parted] = True
                    targets[b, at + 2], aligned[b, at + 2, parted] = comma, True
                    at += 1
                at += 2
