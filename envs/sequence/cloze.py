"""Cloze: a story of facts about entities that are named anew each time, and a fact in other words with a blank."""

from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from ...errors import FoveateError, check_choice
from ..batch import Tensors
from ..counter_rng import CounterRNG
from ..scale import Certified, ScoreScale
from ..sizes import Splits
from .lots import some_of
from .passage import Passage, Passages

VERBS = (
    *(("visited", "called-on"), ("praised", "commended"), ("helped", "assisted"), ("criticised", "blamed")),
    *(("met", "encountered"), ("paid", "rewarded")),
)  # by sense; two verbs say the same
FILLERS = (
    *("the", "a", "and", "then", "again", "on", "monday", "tuesday", "friday", "in", "at", "london", "paris", "noon"),
    *("night", "once", "twice", "here", "there", "soon", "later", "often", "with", "care", "some", "more", "news"),
    *("report", "said", "that", "it", "was", "also", "today", "yesterday", "after", "before", "rain", "week", "year"),
)
ENTITIES, CAST, COPIES = 50, 12, 3  # numbers for entities, those in a story, and facts of a sense at most
ANSWERS = ("entity", "span")
SPAN = 3  # words of a name at most, where answers are spans
STOP = 1
BLANK = 2
FILLER = 3
VERB = FILLER + len(FILLERS)
ENTITY = VERB + 2 * len(VERBS)
WRITTEN = ("", *(f"ent{number}" for number in range(1, ENTITIES + 1)))
READ = ("", ".", "____", *FILLERS, *(verb for pair in VERBS for verb in pair), *WRITTEN[1:])


class Cloze(Passage):
    """Read a story, and say which entity is missing in another account of one of its facts.

    Description:
        A story has 6 to 12 facts SUBJECT VERB OBJECT, about 12 entities that only have numbers ("ent23 praised ent7"),
        with other words between them, and in them if they are `strewn`. The query is one of the facts with the other
        verb of the same sense, and a blank for its subject or its object: "____ commended ent7". Who it was is to be
        written, one word. No verb's sense occurs twice with the same entity, so there is one answer; most senses occur
        with several entities, so the verb alone doesn't say it. The entities have other numbers in every story, and do
        other things: nothing that was learned about one helps. With `renumber=False` they are always the same twelve
        who do the same: the query alone says the answer, and whoever knows the world needs no story.

        With `answer="span"` the answer is a part of the story, as in SQuAD: entities have names of one to three such
        numbers ("ent23 ent4 praised ent7 ."), and which word the name begins with, and then which it ends with, is to
        be written, where the fact is told. A fact ends with a full stop then, and only as many are told as have room.

        As a "stream" the words come one a moment, then the three of the query (five, with full stops behind it, where
        answers are spans), then a marker, then the answer is due, from memory. As a "whole" story and query are seen.
        With view "glimpse" the query and one word of the story are seen, at the place chosen before.

    Observation space:
        "stream": ``Box(0, 1, (V + W,))``, one channel is 1: the marker, or the word that is read (V = 105 with the
        marker); the others say what was written last (W = 51, or R + 1 where answers are spans). "whole":
        ``Dict(source=MultiDiscrete([V] * R), query=MultiDiscrete([V] * 3), written=Discrete(W))``: the story, 0 behind
        its end, the query (``[V] * 5`` where answers are spans), and what was written last, 0 for nothing yet; R = 200,
        or the most words if these are more. "glimpse": ``Dict(glimpse=Discrete(V), place=Discrete(R), query=…,
        written=Discrete(W))``.

    Action space:
        ``Discrete(51)``: the entity that is written, by its number; 0 is none; ignored while reading. ``Discrete(R +
        1)`` where answers are spans: a word's place in the story, the first word is 1. "glimpse":
        ``Dict(location=Discrete(R), write=…)``: also which word is seen next.

    Rewards:
        1 for the right entity, whatever `reward` says: there is one writing. Of a span 0.5 for each end ("dense", and
        "edit" when all is written), or 1 for both ("whole").

    Starting state:
        A uniform number of words and of facts; uniform among places of the facts' words, entities, their pairs, verbs
        and what is asked. Of a glimpse, the first word is seen.

    Episode end:
        With the answer. Never truncated.

    Info:
        target, target_mask: the entity or the place that is due now, and whether one is; score: whether all was
        written; relevance (on request): which word of the story it is, in the fact that is asked about, bool (R,), as a
        stream bool (S + 3 + 1 + 1,), or (S + 5 + 1 + 2,).

    Args:
        lesson: of the curriculum, from 1: short stories of few facts, short ones of all facts, all stories; None leaves
            it to the split.
        view: "stream", "whole" or "glimpse".
        answer: what is written, "entity" or "span", see above.
        strewn: whether other words stand inside facts, too, not only between them; not where answers are spans.
        renumber: whether entities have other numbers and do other things in every story.
        split: "train" (40 to 120 words), "validation" and "test" (the same), "test-40", -80, -120 and -200 (exactly so
            long).
        min_length: the fewest words; None leaves it to lesson and split.
        max_length: the most words; None leaves it to lesson and split.
        min_facts: the fewest facts; None leaves it to lesson and split.
        max_facts: the most facts, with three words each among those of the story; None leaves it to lesson and split.
        reward: "dense", "edit" or "whole", which are the same here.
        looks: moments for the answer, of which the last writes it (view "glimpse").

    Source:
        Hermann et al. 2015, "Teaching machines to read and comprehend", section 2: anonymised entities that are
        permuted for each story, and queries with a placeholder. Answers that are spans: Rajpurkar et al. 2016, "SQuAD:
        100,000+ questions for machine comprehension of text", section 1. The stories are ours.

    Version history:
        v0: first version.
    """

    # who knows the words but not their order takes the entity that the story has most often
    scale = ScoreScale(
        oracle=Certified(1.0, 1e-4),
        blind=Certified(0.02, 0.005),
        random=Certified(0.0196, 0.005),
        memoryless=Certified(0.02, 0.005),
        unaligned=Certified(0.2205, 0.01),
    )
    lessons: ClassVar[list[dict[str, int]]] = [
        {"min_length": 18, "max_length": 30, "min_facts": 2, "max_facts": 4},
        {"min_length": 36, "max_length": 60, "min_facts": 6, "max_facts": 12},
        {"min_length": 40, "max_length": 120, "min_facts": 6, "max_facts": 12},
    ]
    splits = Splits(
        {"train": lessons[-1], **{f"test-{n}": {"min_length": n, "max_length": n} for n in (40, 80, 120, 200)}}
    )
    ends = False
    ahead = 16

    def __init__(
        self,
        *,
        lesson: int | None = None,
        view: Literal["stream", "whole", "glimpse"] = "stream",
        answer: Literal["entity", "span"] = "entity",
        strewn: bool = False,
        renumber: bool = True,
        split: str = "train",
        min_length: int | None = None,
        max_length: int | None = None,
        min_facts: int | None = None,
        max_facts: int | None = None,
        reward: Literal["dense", "edit", "whole"] = "dense",
        looks: int = 1,
    ):
        self.span = check_choice("answer", answer, ANSWERS) == "span"
        if self.span and strewn:
            raise FoveateError("strewn=True is not allowed with answer='span': a span has no other words inside.")
        splits = self.splits if lesson is None else self.splits.at_lesson(self.lessons, lesson)
        sizes = splits.sizes(
            split, min_length=min_length, max_length=max_length, min_facts=min_facts, max_facts=max_facts
        )
        self.facts = sizes.range("facts", 1, COPIES * len(VERBS))
        self.length = sizes.range("length", 2 * SPAN + 2 if self.span else 3 * self.facts.high, 1000)
        self.strewn, self.renumber, self.most_items = strewn, renumber, self.length.high
        self.query_size, self.most_written = (2 + SPAN, 2) if self.span else (3, 1)
        self.room = max(self.most_items, self.splits.largest("length"))
        written = ["", *(str(place + 1) for place in range(self.room))] if self.span else WRITTEN
        self.set_passage(view, reward, looks, READ, written)

    def passage(self, rng: CounterRNG) -> Passages:
        n, device = len(rng), rng.key.device
        length, facts = self.length.sample(rng, "length")[:, None], self.facts.sample(rng, "facts")[:, None]  # (n, 1)
        sense, subject, thing = self._facts(rng)  # (n, F), (n, F, M), (n, F, M)
        verb = VERB + 2 * sense + rng.integers("verb", 2, self.facts.high)
        stop = [torch.full_like(verb, STOP)[..., None]] * self.span
        told, width = packed(torch.cat([subject, verb[..., None], thing, *stop], -1))  # (n, F, W), (n, F)
        facts = facts.minimum((width.cumsum(1) <= length).sum(1, keepdim=True))
        place = torch.arange(self.most_items, device=device)
        chosen, fact, word = self._places(rng.bits("places", self.most_items), length, width, facts)  # (n, S) each
        number = (fact * told.shape[2] + word).clamp(max=told[0].numel() - 1)
        items = torch.where(chosen, told.flatten(1).gather(1, number), self._between(rng))
        if not self.span:  # a full stop behind a fact, if any word is between it and the next
            behind = (chosen & (word == 2)).roll(1, 1) & ~chosen & (place > 0)
            items = torch.where(behind, STOP, items)
        items = items.masked_fill(place >= length, 0)
        asked = rng.bits("asked", 1) % facts  # (n, 1)
        missing = rng.integers("missing", 2, 1)  # 0 for the subject, 1 for the object
        one = asked[..., None].expand(-1, -1, subject.shape[2])  # (n, 1, M)
        subject, verb, thing = subject.gather(1, one)[:, 0], verb.gather(1, asked), thing.gather(1, one)[:, 0]
        answer = torch.where(missing == 0, subject, thing)  # (n, M)
        blank = torch.full_like(answer, BLANK).masked_fill(torch.arange(answer.shape[1], device=device) > 0, 0)
        said = VERB + ((verb - VERB) ^ 1)  # the other verb of the same sense
        asking = [torch.where(missing == 0, blank, subject), said, torch.where(missing == 1, blank, thing)]
        query = packed(torch.cat(asking, 1))[0][:, : self.query_size]
        query = query.masked_fill(query == 0, STOP)
        begin = missing * (1 + (subject != 0).sum(1, keepdim=True))  # of the answer, among the words of its fact
        ends = [begin, begin + (answer != 0).sum(1, keepdim=True) - 1][: self.most_written]
        aligned = torch.stack([chosen & (fact == asked) & (word == end) for end in ends], 1)  # (n, L, S)
        targets = aligned.long().argmax(2) + 1 if self.span else answer - ENTITY + 1
        due = torch.full((n,), self.most_written, device=device)
        return Passages(items, length[:, 0], targets, due, aligned, query)

    def _places(self, lot: Tensor, length: Tensor, width: Tensor, facts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Which places have words of facts, bool (n, S), and there of which fact, and which of its words, int64 (n, S).

        Args:
            lot: by which they are chosen, int64 (n, S): all choices are as likely.
            length: of the story, (n, 1).
            width: of each fact, (n, F).
            facts: how many there are, (n, 1).
        """
        place = torch.arange(lot.shape[1], device=lot.device)
        if self.strewn:
            chosen = some_of(lot, length, 3 * facts)
            number = (chosen.cumsum(1) - 1).clamp(min=0)
            return chosen, number // 3, number % 3
        more = (width - 1).cumsum(1)  # words more than one that a fact and those before it have, (n, F)
        chosen = some_of(lot, length - more.gather(1, facts - 1), facts)  # as if a fact were a word
        fact = (chosen.cumsum(1) - 1).clamp(min=0)
        begin = place + (more - width + 1).gather(1, fact)
        begin = torch.where(chosen, begin, len(place))  # what is no fact goes into a column too many
        first = torch.zeros(len(lot), len(place) + 1, dtype=torch.bool, device=lot.device).scatter(1, begin, True)
        first = first[:, :-1]
        number = first.cumsum(1)
        fact = (number - 1).clamp(min=0)
        word = place - torch.where(first, place, 0).cummax(1).values
        return (number > 0) & (word < width.gather(1, fact)), fact, word

    def _between(self, rng: CounterRNG) -> Tensor:
        """What stands where no fact does, (n, S)."""
        return FILLER + rng.integers("fillers", len(FILLERS), self.most_items)

    def _facts(self, rng: CounterRNG) -> tuple[Tensor, Tensor, Tensor]:
        """The sense of each fact, (n, F), and the names of its two entities, each (n, F, M), 0 behind a name's end.

        Each sense pairs the entities in its own way, and has up to `COPIES` of these pairs: no entity has it twice.
        """
        senses, device = len(VERBS), rng.key.device
        order = rng.bits("senses", COPIES * senses).argsort(1)[:, : self.facts.high]
        sense, copy = order % senses, order // senses
        once = rng
        if not self.renumber:  # one world for all episodes
            one = torch.zeros_like(rng.key[:1])
            once = CounterRNG(one, one, one)
        many = SPAN if self.span else 1
        numbers = torch.arange(CAST * many, device=device)[None]
        if self.renumber:
            numbers = rng.bits("entities", ENTITIES).argsort(1)[:, : CAST * many]
        names = (ENTITY + numbers).unflatten(1, (CAST, many))  # (n, 12, M), or of one for all
        if self.span:
            words = 1 + once.integers("names", SPAN, CAST)
            names = names.masked_fill(torch.arange(many, device=device) >= words[..., None], 0)
        partners = once.bits("partners", senses, CAST).argsort(2).flatten(1).expand(len(rng), -1)
        at = sense * CAST + 2 * copy  # (n, F)
        every = torch.arange(len(rng), device=device)[:, None]
        names = names.expand(len(rng), -1, -1)
        return sense, names[every, partners.gather(1, at)], names[every, partners.gather(1, at + 1)]

    def written_words(self, written: np.ndarray, items: np.ndarray) -> list[str]:
        if not self.span:
            return super().written_words(written, items)
        known = self.source_words(items[items != 0])
        return [f"{number}: {known[number - 1]}" if 0 < number <= len(known) else str(number) for number in written]

    def unaligned(self) -> Tensors:
        """The commonest entity of the story that is not in the query."""
        if self.span:
            raise NotImplementedError
        items, query = self.state["items"], self.state["query"]
        count = items.new_zeros(len(items), len(READ)).scatter_add(1, items, torch.ones_like(items))
        count = count.scatter(1, query, -1)[:, ENTITY:]
        return self._as_action(count.argmax(1) + 1)


def packed(words: Tensor) -> tuple[Tensor, Tensor]:
    """Words side by side, (…, W), with the zeros between them behind them, and how many they are, (…)."""
    there = words != 0
    return words.gather(-1, (~there).long().argsort(dim=-1, stable=True)), there.sum(-1)
