"""Cloze: a story of facts about entities that are named anew each time, and a fact in other words with a blank."""

from typing import Literal

import torch
from torch import Tensor

from ..batch import Tensors
from ..counter_rng import CounterRNG
from ..scale import Certified, ScoreScale
from ..sizes import Range, Splits
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

        As a "stream" the words come one a moment, then the three of the query, then a marker, then the answer is due,
        from memory. As a "whole" story and query are seen. With view "glimpse" the query and one word of the story are
        seen, at the place chosen before.

    Observation space:
        "stream": ``Box(0, 1, (V + 51,))``, one channel is 1: the marker, or the word that is read (V = 105 with the
        marker); the others would say what was written last. "whole": ``Dict(source=MultiDiscrete([V] * R),
        query=MultiDiscrete([V] * 3), written=Discrete(51))``: the story, 0 behind its end, the query, and what was
        written last, which is nothing, 0; R = 200, or the most words if these are more. "glimpse":
        ``Dict(glimpse=Discrete(V), place=Discrete(R), query=…, written=Discrete(51))``.

    Action space:
        ``Discrete(51)``: the entity that is written, by its number; 0 is none; ignored while reading. "glimpse":
        ``Dict(location=Discrete(R), write=Discrete(51))``: also which word is seen next.

    Rewards:
        1 for the right entity, whatever `reward` says: there is one writing.

    Starting state:
        A uniform number of words and of facts; uniform among places of the facts' words, entities, their pairs, verbs
        and what is asked. Of a glimpse, the first word is seen.

    Episode end:
        With the answer. Never truncated.

    Info:
        target, target_mask: the entity that is due now, and whether one is; score: whether it was written; relevance
        (on request): which word of the story it is, in the fact that is asked about, bool (R,), as a stream
        bool (S + 3 + 1 + 1,).

    Args:
        view: "stream", "whole" or "glimpse".
        strewn: whether other words stand inside facts, too, not only between them.
        renumber: whether entities have other numbers and do other things in every story.
        split: "train" (40 to 120 words), "validation" and "test" (the same), "test-40", -80, -120 and -200 (exactly so
            long).
        min_length: the fewest words; None leaves it to the split.
        max_length: the most words; None leaves it to the split.
        min_facts: the fewest facts.
        max_facts: the most facts, with three words each among those of the story.
        reward: "dense", "edit" or "whole", which are the same here.
        looks: moments for the answer, of which the last writes it (view "glimpse").

    Source:
        Hermann et al. 2015, "Teaching machines to read and comprehend", section 2: anonymised entities that are
        permuted for each story, and queries with a placeholder. The stories are ours.

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
    splits = Splits.of("length", Range(40, 120), exactly=(40, 80, 120, 200))
    ends = False
    ahead = 16

    def __init__(
        self,
        *,
        view: Literal["stream", "whole", "glimpse"] = "stream",
        strewn: bool = False,
        renumber: bool = True,
        split: str = "train",
        min_length: int | None = None,
        max_length: int | None = None,
        min_facts: int = 6,
        max_facts: int = 12,
        reward: Literal["dense", "edit", "whole"] = "dense",
        looks: int = 1,
    ):
        self.facts = Range(min_facts, max_facts).check("facts", 1, COPIES * len(VERBS))
        sizes = self.splits.sizes(split, min_length=min_length, max_length=max_length)
        self.length = sizes.range("length", 3 * max_facts, 1000)
        self.strewn, self.renumber, self.query_size, self.most_written = strewn, renumber, 3, 1
        self.most_items = self.length.high
        self.room = max(self.most_items, self.splits.largest("length"))
        self.set_passage(view, reward, looks, READ, WRITTEN)

    def passage(self, rng: CounterRNG) -> Passages:
        n, device = len(rng), rng.key.device
        length, facts = self.length.sample(rng, "length")[:, None], self.facts.sample(rng, "facts")[:, None]  # (n, 1)
        sense, entities = self._facts(rng)  # (n, F), (n, F, 2)
        verb = VERB + 2 * sense + rng.integers("verb", 2, self.facts.high)
        told = torch.stack([entities[..., 0], verb, entities[..., 1]], -1).flatten(1)  # (n, 3 F)
        place = torch.arange(self.most_items, device=device)
        chosen = self._places(rng.bits("places", self.most_items), length, facts)  # (n, S)
        number = chosen.cumsum(1) - 1  # of the word of a fact that stands here, or was the last one
        items = torch.where(chosen, told.gather(1, number.clamp(min=0, max=told.shape[1] - 1)), self._between(rng))
        # a full stop behind a fact, if any word is between it and the next
        behind = (chosen & (number % 3 == 2)).roll(1, 1) & ~chosen & (place > 0)
        items = torch.where(behind, STOP, items).masked_fill(place >= length, 0)
        asked = rng.bits("asked", 1) % facts  # (n, 1)
        missing = 2 * rng.integers("missing", 2, 1)  # 0 for the subject, 2 for the object
        query = told.gather(1, 3 * asked + torch.arange(3, device=device))  # (n, 3)
        answer = query.gather(1, missing)
        query[:, 1] = VERB + ((query[:, 1] - VERB) ^ 1)
        query = query.scatter(1, missing, BLANK)
        aligned = chosen & (number == 3 * asked + missing)
        due = torch.ones(n, dtype=torch.int64, device=device)
        return Passages(items, length[:, 0], answer - ENTITY + 1, due, aligned[:, None], query)

    def _places(self, lot: Tensor, length: Tensor, facts: Tensor) -> Tensor:
        """Which places have the words of facts, bool (n, S), by lots, int64 (n, S): all choices are as likely."""
        place = torch.arange(lot.shape[1], device=lot.device)
        many, count = (length, 3 * facts) if self.strewn else (length - 2 * facts, facts)  # as if a fact were a word
        chosen = some_of(lot, many, count)
        if self.strewn:
            return chosen
        begin = place + 2 * (chosen.cumsum(1) - chosen.long())  # each fact before has two words more
        begin = torch.where(chosen, begin, len(place))  # what is no fact goes into a column too many
        first = torch.zeros(len(lot), len(place) + 1, dtype=torch.bool, device=lot.device).scatter(1, begin, True)
        first = first[:, :-1]
        return first | first.roll(1, 1) | first.roll(2, 1)

    def _between(self, rng: CounterRNG) -> Tensor:
        """What stands where no fact does, (n, S)."""
        return FILLER + rng.integers("fillers", len(FILLERS), self.most_items)

    def _facts(self, rng: CounterRNG) -> tuple[Tensor, Tensor]:
        """The sense of each fact, (n, F), and the symbols of its two entities, (n, F, 2).

        Each sense pairs the entities in its own way, and has up to `COPIES` of these pairs: no entity has it twice.
        """
        senses, device = len(VERBS), rng.key.device
        order = rng.bits("senses", COPIES * senses).argsort(1)[:, : self.facts.high]
        sense, copy = order % senses, order // senses
        if self.renumber:
            names = rng.bits("entities", ENTITIES).argsort(1)[:, :CAST]  # (n, 12)
            partners = rng.bits("partners", senses, CAST).argsort(2)
        else:
            names = torch.arange(CAST, device=device).expand(len(rng), CAST)
            one = torch.zeros_like(rng.key[:1])
            partners = CounterRNG(one, one, one).bits("partners", senses, CAST).argsort(2).expand(len(rng), -1, -1)
        at = sense * CAST + 2 * copy  # (n, F)
        pair = partners.flatten(1).gather(1, torch.stack([at, at + 1], -1).flatten(1))
        return sense, (ENTITY + names.gather(1, pair)).unflatten(1, (-1, 2))

    def unaligned(self) -> Tensors:
        """The commonest entity of the story that is not in the query."""
        items, query = self.state["items"], self.state["query"]
        count = items.new_zeros(len(items), len(READ)).scatter_add(1, items, torch.ones_like(items))
        count = count.scatter(1, query, -1)[:, ENTITY:]
        return self._as_action(count.argmax(1) + 1)
