"""Stories: answers and the sentences that decide them against somebody who lives through them, event by event."""

from typing import Any, cast

import gymnasium as gym
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.envs.gym_env import VectorEnv
from foveate.envs.sequence import Stories
from foveate.envs.sequence.lots import one_of, some_of
from foveate.envs.sequence.render import spelt
from foveate.envs.sequence.stories import TASKS
from foveate.errors import FoveateError

ID = "Sequence/Stories-v0"
COUNT = ("none", "one", "two", "three")
PEOPLE = ("mary", "john", "sandra", "daniel")


def worlds_of(count: int, seed: int = 0, **options: Any) -> Stories:
    world = cast(VectorEnv, gym.make_vec(ID, num_envs=count, **options).unwrapped).world
    world.reset(keys=torch.arange(seed, seed + count))
    return cast(Stories, world)


class Life:
    """What somebody knows who reads the sentences one after the other; facts with the sentences that say them."""

    def __init__(self) -> None:
        self.at: dict[str, tuple[str, int]] = {}  # of a person
        self.has: dict[str, list[tuple[str, int]]] = {name: [] for name in PEOPLE}  # in the order of taking
        self.deeds: dict[str, set[int]] = {name: set() for name in PEOPLE}
        self.trail: dict[str, list[tuple[str, set[int]]]] = {}  # the places of a thing, and what says each
        self.brought: dict[str, list[set[int]]] = {}  # what says that it was brought there

    def read(self, number: int, who: str, verb: str, what: str) -> None:
        if verb in ("went-to", "moved-to"):
            assert who not in self.at or self.at[who][0] != what
            self.at[who] = (what, number)
            for thing, taken in self.has.get(who, []):
                self.trail[thing].append((what, {taken, number}))
                self.brought[thing].append({taken, number})
            return
        place, moved = self.at[who]
        self.deeds[who].add(number)
        if verb in ("took", "grabbed"):
            assert not any(what == thing for things in self.has.values() for thing, _ in things)
            if what in self.trail:
                assert self.trail[what][-1][0] == place  # one takes only what is there
                self.trail[what][-1] = (place, {moved, number})
            else:
                self.trail[what], self.brought[what] = [(place, {moved, number})], [set()]
            self.has[who].append((what, number))
        else:
            ((taken),) = [number for thing, number in self.has[who] if thing == what]
            self.has[who].remove((what, taken))
            self.trail[what][-1] = (place, {moved, number})

    def answer(self, query: list[str]) -> list[tuple[str, set[int]]]:
        """What is to be written, each with what says it."""
        match query:
            case ["where", "is", name] if name in PEOPLE:
                return [(self.at[name][0], {self.at[name][1]})]
            case ["where", "is", thing]:
                return [self.trail[thing][-1]]
            case ["where", "was", thing, "before", place]:
                trail = self.trail[thing]
                last = max(i for i in range(1, len(trail)) if trail[i][0] == place)
                # who brought it there had taken it, and somebody had come to where it was before
                came = self.places_before[thing][last]
                return [(trail[last - 1][0], self.brought[thing][last] | {came})]
            case ["is", name, "in", place]:
                return [("yes" if self.at[name][0] == place else "no", {self.at[name][1]})]
            case ["how-many", "has", name]:
                return [(COUNT[len(self.has[name])], self.deeds[name])]
        return [(thing, {number}) for thing, number in self.has[query[2]]] + [(".", set())]

    @property
    def places_before(self) -> dict[str, list[int]]:
        """Of each place of a thing's trail, the move that says the one before."""
        return {thing: [-1] + [min(said - self.all_deeds) for _, said in trail] for thing, trail in self.trail.items()}

    @property
    def all_deeds(self) -> set[int]:
        return set().union(*self.deeds.values())


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("options", [{}, {"distractors": 7}, {"min_events": 3, "max_events": 4}, {"split": "test-40"}])
def test_answers_are_those_of_who_lives_through_it(task: str, options: dict) -> None:
    count = 150
    world = worlds_of(count, task=task, **options)
    state, answers = world.state, set()
    for i in range(count):
        life, length = Life(), int(state["length"][i])
        assert not state["items"][i, length:].any()
        told = 0
        for number, sentence in enumerate(state["items"][i, :length]):
            who, verb, what = spelt(sentence.numpy(), world.source_names)
            if who in PEOPLE:
                told += 1
                life.read(number, who, verb, what)
        assert length - told == options.get("distractors", 0)
        assert world.events.low <= told <= world.events.high
        due = int(state["due"][i])
        wanted = life.answer(spelt(state["query"][i].numpy(), world.source_names))
        assert spelt(state["targets"][i, :due].numpy(), world.written_names) == [word for word, _ in wanted]
        for place, (_, said) in enumerate(wanted):
            assert set(state["aligned"][i, place].nonzero()[:, 0].tolist()) == said
        assert not state["aligned"][i, due:].any()
        answers.add(wanted[0][0])
    least = {"yes-no": 2, "count": 3}
    assert len(answers) >= (least.get(task, 4) if world.events.high > 4 else 2)


@pytest.mark.parametrize("task", TASKS)
def test_who_answers_gets_all_and_only_lists_have_an_end(task: str) -> None:
    world = worlds_of(50, view="whole", task=task)
    total, alive, steps = torch.zeros(50), torch.ones(50, dtype=torch.bool), 0
    while bool(alive.any()):
        gained, over, _ = world.step(world.oracle())
        total, alive, steps = total + gained * alive, alive & ~over, steps + 1
    assert torch.allclose(total, torch.ones(50))
    assert (steps > 1) == (task == "list")


def test_tasks_need_as_many_sentences_as_they_are_called() -> None:
    for task, number in (("one", 1), ("two", 2), ("three", 3), ("yes-no", 1)):
        decided = worlds_of(300, task=task).state["aligned"][:, 0].sum(1)
        assert int(decided.max()) == number
        assert float((decided == number).float().mean()) > (0.99 if number < 3 else 0.6)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 6), st.integers(0, 4), st.integers(0, 10**6))
def test_lots_choose_what_there_is(many: int, room: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    lot = torch.randint(0, 2**62, (400, many + room), generator=generator)
    count = torch.randint(1, many + 1, (400, 1), generator=generator)
    chosen = some_of(lot, torch.full_like(count, many), count)
    assert torch.equal(chosen.sum(1), count[:, 0])
    assert not chosen[:, many:].any()
    allowed = torch.rand(400, many, generator=generator) < 0.5
    one = one_of(lot[:, 0], allowed)
    assert bool(allowed.gather(1, one[:, None])[allowed.any(1)].all())
    if many > 1:
        assert len(set(one_of(lot[:, 0], torch.ones(400, many, dtype=torch.bool)).tolist())) == many


def test_what_cannot_be_is_refused() -> None:
    for options, said in (
        ({"task": "four"}, "three"),
        ({"min_events": 2}, "min_events=2"),
        ({"distractors": -1}, "-1"),
    ):
        with pytest.raises(FoveateError, match=said):
            Stories(**options)
