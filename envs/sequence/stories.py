"""Stories: short sentences about people, things and places, and a question that takes some of them to answer."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from ...errors import check_choice, check_range
from ..batch import Tensors
from ..counter_rng import CounterRNG
from ..scale import Certified, ScoreScale
from ..sizes import Range, Splits
from .life import NUMBERS, PEOPLE, PLACES, THINGS, Events, Now, live
from .lots import one_of, some_of
from .passage import Passage, Passages

TASKS = ("one", "two", "three", "yes-no", "count", "list")
_PEOPLE = ("mary", "john", "sandra", "daniel")
_STRANGERS = ("fred", "julie")  # of whom only distractors tell
_THINGS = ("football", "apple", "milk")
_PLACES = ("kitchen", "garden", "office", "bathroom", "hallway", "bedroom")
_VERBS = (("went-to", "moved-to"), ("took", "grabbed"), ("dropped", "left"))  # by kind of event
PERSON = 1
STRANGER = PERSON + PEOPLE
THING = STRANGER + len(_STRANGERS)
PLACE = THING + THINGS
VERB = PLACE + PLACES
WORD = VERB + 2 * len(_VERBS)
WORDS = ("where", "is", "was", "before", "in", "how-many", "what", "has")
READ = ("", *_PEOPLE, *_STRANGERS, *_THINGS, *_PLACES, *(verb for pair in _VERBS for verb in pair), *WORDS)
ANSWERS = ("yes", "no", "none", "one", "two", "three")
WRITTEN = (".", *_PLACES, *ANSWERS, *_THINGS)
YES, NONE = 1 + PLACES, 1 + PLACES + 2  # symbols that are written
ITEM = NONE + 1 + THINGS
QUESTIONS = {"one": 3, "two": 3, "three": 5, "yes-no": 4, "count": 3, "list": 3}  # words of each


class _Asked(NamedTuple):
    """A question about n lives.

    Attributes:
        query: the symbols of the question, (n, Q).
        targets: what is to be written, (n, L).
        due: how much of it, (n,).
        decided: which events say so, bool (n, L, T).
    """

    query: Tensor
    targets: Tensor
    due: Tensor
    decided: Tensor


class Stories(Passage):
    """Read a story of short sentences, and answer a question that some of them decide.

    Description:
        Four people go to six places, take three things and drop them again: "mary went-to kitchen", "mary grabbed
        milk". Where nobody told it, nothing is known. A story has 6 to 10 such sentences, and `distractors` more about
        two others who only walk about. Then a question, by `task`:

        one      "where is NAME": the place of that person's last move; takes one sentence
        two      "where is THING": who took it or dropped it last, and that person's last move before; takes two
        three    "where was THING before PLACE": before it was brought there for the last time; takes three
        yes-no   "is NAME in PLACE"
        count    "how-many has NAME": "none" to "three" things
        list     "what has NAME": the things, in the order in which they were taken, then the end

        As a "stream" the sentences come one a moment, then the question in as many words a moment, then a marker, then
        the answer is due, from memory. As a "whole" story and question are seen. With view "glimpse" the question and
        one sentence of the story are seen, at the place chosen before.

    Observation space:
        "stream": ``Box(0, 1, (3 V + 17,))``: the words of the sentence, one channel each (V = 30 with none), all
        three none for the marker; while writing one channel for what was written last. "whole":
        ``Dict(source=MultiDiscrete([[V] * 3] * R), query=MultiDiscrete([V] * Q), written=Discrete(17))``: sentences,
        0 behind the last, the question, and what was written last, 0 for nothing; R = 40, or the most sentences if
        these are more; Q is 3, with "three" 5 and with "yes-no" 4. "glimpse": ``Dict(glimpse=MultiDiscrete([V] * 3),
        place=Discrete(R), query=…, written=Discrete(17))``.

    Action space:
        ``Discrete(17)``: the end (of a list), six places, "yes", "no", "none" to "three", three things; ignored while
        reading. "glimpse": ``Dict(location=Discrete(R), write=Discrete(17))``: also which sentence is seen next.

    Rewards:
        "dense": a share of 1 for each right word at its place (the end of a list is one); "edit": at the end 1 - edit
        distance / length of the longer text; "whole": 1 at the end if all is right. All the same but for lists.

    Starting state:
        A uniform number of events, of which half are moves; of those about whom the question has an answer one by
        chance ("count" and "list": three of four times one who has something); distractors anywhere. Of a glimpse,
        the first sentence is seen.

    Episode end:
        With the answer; of a list when the end is written, or after four writings. Never truncated.

    Info:
        target, target_mask: the word that is due now, and whether one is; score: whether all is right; relevance (on
        request): the sentences that decide it, bool (R,), as a stream the moments that showed them.

    Args:
        task: what is asked, see above.
        view: "stream", "whole" or "glimpse".
        distractors: sentences more that say nothing about the question.
        split: "train" (6 to 10 events), "validation" and "test" (the same), "test-10", -20 and -40 (exactly so many).
        min_events: the fewest sentences that are no distractors, from 3 on; None leaves it to the split.
        max_events: the most; None leaves it to the split.
        reward: "dense", "edit" or "whole".
        looks: moments for each word that is written, of which the last writes it (view "glimpse").

    Source:
        Weston et al. 2015, "Towards AI-complete question answering: a set of prerequisite toy tasks", tasks 1, 2, 3, 6,
        7 and 8. The simulation is ours.

    Version history:
        v0: first version.
    """

    # who knows the sentences but not their order takes the place to which the person went most often
    scale = ScoreScale(
        oracle=Certified(1.0, 1e-4),
        blind=Certified(0.1667, 0.02),
        random=Certified(0.0588, 0.01),
        memoryless=Certified(0.1667, 0.02),
        unaligned=Certified(0.6985, 0.02),
    )
    splits = Splits.of("events", Range(6, 10), exactly=(10, 20, 40))
    words = 3
    ahead = 16

    def __init__(
        self,
        *,
        task: Literal["one", "two", "three", "yes-no", "count", "list"] = "one",
        view: Literal["stream", "whole", "glimpse"] = "stream",
        distractors: int = 0,
        split: str = "train",
        min_events: int | None = None,
        max_events: int | None = None,
        reward: Literal["dense", "edit", "whole"] = "dense",
        looks: int = 1,
    ):
        self.task, self.distractors = check_choice("task", task, TASKS), check_range("distractors", distractors, 0, 200)
        sizes = self.splits.sizes(split, min_events=min_events, max_events=max_events)
        self.events = sizes.range("events", 3, 200)
        self.query_size, self.ends = QUESTIONS[task], task == "list"
        self.most_written = THINGS + 1 if task == "list" else 1
        self.most_items = self.events.high + distractors
        self.room = max(self.most_items, self.splits.largest("events"))
        self.set_passage(view, reward, looks, READ, WRITTEN)

    def passage(self, rng: CounterRNG) -> Passages:
        n, most = len(rng), self.events.high
        count = self.events.sample(rng, "events")
        carry = {"two": 1, "three": 2}.get(self.task, 0)
        events, history = live(rng.bits("life", most, NUMBERS), count, carry)
        asked = self._asked(rng, events, history)
        verb = VERB + 2 * events.kind + rng.integers("verb", 2, most)
        what = torch.where(events.kind == 0, PLACE, THING) + events.what
        told = torch.stack([PERSON + events.who, verb, what], -1)  # (n, T, 3)
        length, place = count + self.distractors, torch.arange(self.most_items, device=count.device)
        there = place < length[:, None]  # (n, S)
        chosen = there
        if self.distractors:
            chosen = some_of(rng.bits("places", self.most_items), length[:, None], count[:, None])
        number = (chosen.cumsum(1) - 1).clamp(0, most - 1)  # of the event that stands here, or was the last one
        items = told.gather(1, number[..., None].expand(-1, -1, 3))
        if self.distractors:
            idle = rng.integers("idle", len(_STRANGERS) * 2 * PLACES, self.most_items)
            stranger, verb = STRANGER + idle % 2, VERB + idle // 2 % 2
            items = torch.where(chosen[..., None], items, torch.stack([stranger, verb, PLACE + idle // 4], -1))
        at = number[:, None].expand(n, self.most_written, -1)
        aligned = asked.decided.gather(2, at) & chosen[:, None]
        return Passages(items * there[..., None], length, asked.targets, asked.due, aligned, asked.query)

    # ---- questions ----

    def _asked(self, rng: CounterRNG, events: Events, history: list[Now]) -> _Asked:
        """A question, by the task."""
        lot, other = rng.bits("asked", 2).unbind(1)
        now, numbers = history[-1], torch.arange(len(history), device=lot.device)
        if self.task == "three":
            return self._before(lot, other, history)
        if self.task == "two":
            thing = one_of(lot, now.held >= 0)[:, None]
            where, held, placed = (part.gather(1, thing) for part in (now.where, now.held, now.placed))
            return self._one(("where", "is", THING + thing), 1 + where, (numbers == held) | (numbers == placed))
        known = now.place >= 0
        who = one_of(lot, known)[:, None]
        if self.task in ("one", "yes-no"):
            place, decided = now.place.gather(1, who), numbers == now.moved.gather(1, who)
            if self.task == "one":
                return self._one(("where", "is", PERSON + who), 1 + place, decided)
            wrong = (place + 1 + (other // 2 % (PLACES - 1))[:, None]) % PLACES
            no = (other % 2)[:, None]
            said = torch.where(no == 1, wrong, place)
            return self._one(("is", PERSON + who, "in", PLACE + said), YES + no, decided)
        # three of four times somebody who has something, if anybody does
        holding = (now.holder[:, None] == torch.arange(PEOPLE, device=lot.device)[:, None]).any(2)
        some = (other % 4 > 0) & holding.any(1)
        who = torch.where(some, one_of(lot, holding), who[:, 0])[:, None]
        has = now.holder == who  # (n, THINGS)
        if self.task == "count":
            decided = (events.who == who) & (events.kind > 0)
            return self._one(("how-many", "has", PERSON + who), NONE + has.sum(1, keepdim=True), decided)
        order = torch.where(has, now.held, len(history)).argsort(1)  # the first that was taken first
        due = has.sum(1)
        written = torch.arange(THINGS, device=lot.device) < due[:, None]
        decided = (numbers == now.held.gather(1, order)[..., None]) & written[..., None]
        targets = torch.nn.functional.pad((ITEM + order) * written, (0, 1))
        query = self._words(("what", "has", PERSON + who))
        return _Asked(query, targets, due + 1, torch.nn.functional.pad(decided, (0, 0, 0, 1)))

    def _before(self, lot: Tensor, other: Tensor, history: list[Now]) -> _Asked:
        """Where a thing was before it was brought somewhere for the last time."""
        every = ((now.where, now.held, now.placed) for now in history)
        where, held, placed = (torch.stack(part, 1) for part in zip(*every, strict=True))  # (n, T, THINGS)
        before, after = where[:, :-1], where[:, 1:]
        brought = (before >= 0) & (before != after)  # (n, T - 1, THINGS)
        thing = one_of(lot, brought.any(1))
        at = thing[:, None, None].expand(-1, where.shape[1], 1)
        where, held, placed = (part.gather(2, at)[..., 0] for part in (where, held, placed))  # (n, T)
        brought = brought.gather(2, at[:, 1:])[..., 0]
        same = where[:, 1:, None] == where[:, None, 1:]  # (n, T - 1, T - 1)
        later = (same & brought[:, None]).triu(1).any(2)  # brought to the same place again
        t = 1 + one_of(other, brought & ~later)[:, None]
        numbers = torch.arange(len(history), device=lot.device)
        decided = (numbers == t) | (numbers == placed.gather(1, t - 1)) | (numbers == held.gather(1, t))
        query = ("where", "was", THING + thing[:, None], "before", PLACE + where.gather(1, t))
        return self._one(query, 1 + where.gather(1, t - 1), decided)

    def _one(self, query: tuple[str | Tensor, ...], answer: Tensor, decided: Tensor) -> _Asked:
        """A question with one word for an answer, (n, 1), which some events decide, bool (n, T)."""
        return _Asked(self._words(query), answer, torch.ones_like(answer[:, 0]), decided[:, None])

    @staticmethod
    def _words(words: tuple[str | Tensor, ...]) -> Tensor:
        """The symbols of words, some of them known by name, others (n, 1): (n, Q)."""
        (like, *_) = (word for word in words if isinstance(word, Tensor))
        said = (torch.full_like(like, WORD + WORDS.index(w)) if isinstance(w, str) else w for w in words)
        return torch.cat(list(said), 1)

    def unaligned(self) -> Tensors:
        """Task "one": the place to which the person went most often."""
        if self.task != "one":
            raise NotImplementedError
        items, who = self.state["items"], self.state["query"][:, 2:]
        theirs = (items[..., 0] == who) & (items[..., 2] >= PLACE)
        place = torch.where(theirs, items[..., 2] - PLACE, PLACES)
        count = place.new_zeros(len(place), PLACES + 1).scatter_add(1, place, torch.ones_like(place))
        return self._as_action(1 + count[:, :PLACES].argmax(1))
