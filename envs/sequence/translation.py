"""Translation: sentences of a small grammar, whose words come in another order in the other language."""

from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from ...errors import FoveateError, check_range
from ...tree import outside_inference
from ..batch import Tensors
from ..counter_rng import CounterRNG
from ..kernels import kernel, worth_it
from ..scale import Certified, ScoreScale
from ..sizes import SAME_SIZE, Range, Splits
from .dictionary import ADJECTIVES, NOUNS, PREPOSITIONS, VERBS
from .grammar import (
    ADJECTIVE,
    ARTICLE,
    END,
    INFLECTED,
    KINDS,
    MORE,
    READ,
    WRITTEN,
    forms_of,
    make_sentences,
    numbers_for,
    read_words,
    write_words,
)
from .parallel_text import UNKNOWN, Corpus, load
from .passage import SAMPLE, Passage, Passages

LONGEST, MOST_WORDS = 100, 50_000


class Translation(Passage):
    """Translate a sentence into a language that puts its words in another order.

    Description:
        A sentence is one clause, or two with a comma between: "to" VERB PHRASE (PREPOSITION PHRASE)…, where a PHRASE is
        "the" (ADJECTIVE (ADJECTIVE)) NOUN. In the translation adjectives follow their noun, the last one first, and the
        verb goes to the end of its clause: "to reach the new European market" becomes "das Markt europaeisch neu zu
        erreichen". With `agreement` articles and adjectives have the gender of their noun ("der Markt europaeischer
        neuer zu erreichen"), which takes two words of the sentence to know. What is written is asked for word by word,
        and then the end.

        As a "stream" the words come one a moment, then a marker, then the translation is due, from memory. As a "whole"
        the sentence is seen all the time. With view "glimpse" one word of it is seen, at the place chosen before.

        With data="verses" the sentences are verses of the Bible in English, to be written in Spanish, and with a folder
        they are one's own. Words and marks are in lower case, and those that are rare in training (`vocabulary`) are
        read and written as one, <unk>. Of many right translations the one that is given counts: reward="edit" and
        BLEU (`evaluate.py RUN --bleu`) say more there than whether all is right.

    Observation space:
        "stream": ``Box(0, 1, (V + W,))``, one channel is 1: the marker, the word that is read (V = 152 with the
        marker), or while writing the word that was written last (W = 152; 234 with agreement; the first of them for
        none). "whole": ``Dict(source=MultiDiscrete([V] * R), written=Discrete(W))``: the sentence, 0 behind its end,
        and what was written last, 0 for nothing; R = 60, or the most words if these are more. "glimpse":
        ``Dict(glimpse=Discrete(V), place=Discrete(R), written=Discrete(W))``.

    Action space:
        ``Discrete(W)``: the word that is written now, 0 to end; ignored while reading. "glimpse":
        ``Dict(location=Discrete(R), write=Discrete(W))``: also which word is seen next.

    Rewards:
        "dense": a share of 1 for each right word at its place (the end is one); "edit": at the end 1 - edit distance /
        length of the longer text; "whole": 1 at the end if all is right.

    Starting state:
        A uniform number of words; uniform among the numbers of clauses and phrases that it allows, where the clauses
        part, where adjectives are and all words. Of a glimpse, the first word is seen.

    Episode end:
        When the end is written, or after one word more than the longest sentence has. Never truncated.

    Info:
        target, target_mask: the word that is due now, and whether one is; score: whether all is right, the end among
        it; relevance (on request): which words of the sentence decide what is due next, bool (R,): its own and what it
        agrees with; of "zu" also the last noun and the comma, which say that the clause ends; none of an article
        that agrees with nothing. Of verses, the words with the same number in Strong's concordance, which says what
        Hebrew or Greek word they translate; of texts of one's own none. As a stream, bool (S + 1 + L,), the moments
        that showed them.

    Args:
        view: "stream", "whole" or "glimpse".
        data: "grammar" (generated), "verses" (from Debian's packages sword-text-web and sword-text-sparv, or the folder
            verses of `FOVEATE_DATA`), or a folder with source.txt and target.txt, of which each line of one translates
            that of the other. `data_source` of the world says what that is, and its licence.
        vocabulary: the most words of each language, the commonest in training; of other data than the grammar's.
        agreement: whether articles and adjectives agree with their noun.
        split: "train" (10 to 20 words), "validation" and "test" (the same), "test-10", -20, -30, -40 and -60 (exactly
            so long).
        min_length: the fewest words, from 4 on; None leaves it to the split.
        max_length: the most words; None leaves it to the split.
        reward: "dense", "edit" or "whole".
        looks: moments for each word that is written, of which the last writes it (view "glimpse").

    Source:
        The reversal of phrases is that of "European Economic Area" in Bahdanau, Cho & Bengio 2014, "Neural machine
        translation by jointly learning to align and translate", figure 3; the late verb that of Kalchbrenner et al.
        2016, "Neural machine translation in linear time". Grammar and words are ours.

    Version history:
        v0: first version.
    """

    # articles are the likeliest words at most places; who knows the words but not their order also knows the length
    scale = ScoreScale(
        oracle=Certified(1.0, 1e-4),
        blind=Certified(0.244, 0.01),
        random=Certified(0.006, 0.003),
        memoryless=Certified(0.2175, 0.01),
        unaligned=Certified(0.545, 0.01),
    )
    splits = Splits.of("length", Range(10, 20), exactly=(10, 20, 30, 40, 60))
    writes_sentences = True

    def __init__(
        self,
        *,
        view: Literal["stream", "whole", "glimpse"] = "stream",
        data: str = "grammar",
        vocabulary: int = 4000,
        agreement: bool = False,
        split: str = "train",
        min_length: int | None = None,
        max_length: int | None = None,
        reward: Literal["dense", "edit", "whole"] = "dense",
        looks: int = 1,
    ):
        sizes = self.splits.sizes(split, min_length=min_length, max_length=max_length)
        self.data, self.part = data, split if split in ("train", *SAME_SIZE) else "test"
        self.vocabulary = check_range("vocabulary", vocabulary, 1, MOST_WORDS)
        self.length, self.agreement = sizes.range("length", 4 if data == "grammar" else 1, LONGEST), agreement
        self.most_items, self.most_written = self.length.high, self.length.high + 1
        self.room = max(self.most_items, self.splits.largest("length"))
        if data != "grammar":
            if agreement:
                raise FoveateError(f"agreement=True is not allowed with data={data!r}: it is of the grammar.")
            corpus = self.corpus()
            self.data_source, self.unknown = corpus.source, UNKNOWN
            self.most_items, self.most_written = corpus.items.shape[1], corpus.targets.shape[1]
            self.set_passage(view, reward, looks, corpus.read, corpus.written)
            return
        self.phrases = (self.length.high - 1) // 3
        forms = [forms_of(words) for words in range(self.length.low, self.length.high + 1)]
        self._forms = torch.tensor([each + each[-1:] * (max(map(len, forms)) - len(each)) for each in forms])
        self._count = torch.tensor([len(each) for each in forms])
        self._gender = torch.tensor([noun.gender for noun in NOUNS])
        self.set_passage(view, reward, looks, READ, INFLECTED if agreement else WRITTEN)

    def corpus(self, device: torch.device | str = "cpu") -> Corpus:
        """The sentences, of other data than the grammar's.

        Args:
            device: where its tensors are wanted.
        """
        return load(self.data, self.part, *self.length, self.vocabulary, device)

    def passage(self, rng: CounterRNG) -> Passages:
        device = rng.key.device
        if self.data != "grammar":
            known = self.corpus(device)
            line = rng.integers("line", len(known.length))
            parts = (known.items, known.length, known.targets, known.due, known.aligned)
            return Passages(*(part.index_select(0, line) for part in parts))
        length = self.length.sample(rng, "length")  # (n,)
        chance = rng.bits("words", 1 + numbers_for(self.phrases))
        row = length - self.length.low
        form = self._forms.to(device)[row, chance[:, 0] % self._count.to(device)[row]]  # (n, 3)
        if worth_it("sentences", device, len(rng)):
            return self._at_once(length, form, chance[:, 1:])
        sentences = make_sentences(form.split(1, 1), chance[:, 1:])
        items, place = read_words(sentences, self.most_items)
        gender = self._gender.to(device) if self.agreement else None
        targets, aligned = write_words(sentences, place, gender, self.most_written, self.most_items)
        return Passages(items, length, targets, length + 1, aligned)

    def _at_once(self, length: Tensor, form: Tensor, chance: Tensor) -> Passages:
        """The same by one kernel, on a CPU."""
        n = len(length)
        items = torch.zeros(n, self.most_items, dtype=torch.int64)
        targets = torch.zeros(n, self.most_written, dtype=torch.int64)
        aligned = torch.zeros(n, self.most_written, self.most_items, dtype=torch.bool)
        gender = self._gender if self.agreement else self._gender[:0]
        kernel("sentences")(
            chance.contiguous().numpy(),
            form.numpy(),
            KINDS[1:],
            (len(NOUNS), len(VERBS), len(PREPOSITIONS), len(ADJECTIVES)),
            *(part.numpy() for part in (gender, items, targets, aligned)),
        )
        return Passages(items, length, targets, length + 1, aligned)

    # ---- who knows the words but not their order ----

    def unaligned(self) -> Tensors:
        """At each place the likeliest word: of the likeliest kinds, the commonest word of the sentence.

        How many words of each kind there are says how many clauses, phrases and adjectives; where each kind then stands
        in the translation is counted over many sentences of that form. With agreement it writes the first gender.
        """
        if self.data != "grammar":
            return super().unaligned()
        state, place = self.state, self.writing(self.state)[0]
        kinds = self._kind(state["items"])  # (B, S)
        count = torch.stack([(kinds == kind).sum(1) for kind in range(len(KINDS) - 1)], 1)  # (B, kinds)
        same = (state["items"][:, :, None] == state["items"][:, None]) & (kinds > 0)[:, None]  # (B, S, S)
        often = same.sum(2).float()  # of each word, how often it is there
        form = self._form_of(state["length"], count[:, 5], count[:, 4])
        likely = self._order.to(place.device)[form, self._column(place)[:, 0]]  # (B, kinds)
        likely = likely / count.clamp(min=1)
        worth = (often * likely.gather(1, kinds)).masked_fill(kinds == 0, -1.0)  # (B, S)
        write = state["items"].gather(1, worth.argmax(1)[:, None])[:, 0]
        return self._as_action(torch.where(place >= state["length"], END, write))

    @staticmethod
    def _kind(symbols: Tensor) -> Tensor:
        """The kind of each symbol, its place in `KINDS`."""
        starts = torch.tensor(KINDS[1:], device=symbols.device)
        return torch.bucketize(symbols, starts, right=True)

    def _form_of(self, length: Tensor, clauses: Tensor, phrases: Tensor) -> Tensor:
        """A number for each length and number of clauses and phrases."""
        return ((length - self.length.low) * 2 + clauses - 1) * (self.phrases + 1) + phrases

    @cached_property
    @outside_inference
    def _order(self) -> Tensor:
        """How often each kind stands at each place of a translation, by the sentence's form: (forms, L, kinds)."""
        every = torch.arange(4 * SAMPLE)
        known = self.passage(CounterRNG(every, 0 * every, 0 * every + 1))
        kinds = self._kind(known.items)
        form = self._form_of(known.length, (kinds == 5).sum(1), (kinds == 4).sum(1))
        forms = (self.length.high - self.length.low + 1) * 2 * (self.phrases + 1)
        order = torch.zeros(forms, self.most_written, len(KINDS) - 1, dtype=torch.float32)
        said = self._kind(self._plain(known.targets))  # (n, L)
        for place in range(self.most_written):
            order[:, place].index_put_((form, said[:, place]), torch.ones_like(order[0, 0, 0]), accumulate=True)
        return order / order.sum(-1, keepdim=True).clamp(min=1)

    @staticmethod
    def _plain(targets: Tensor) -> Tensor:
        """What is written, without genders."""
        article = (targets >= MORE) & (targets < MORE + 2)
        stem = ADJECTIVE + (targets - MORE - 2) % len(ADJECTIVES)
        return torch.where(article, ARTICLE, torch.where(targets >= MORE + 2, stem, targets))
