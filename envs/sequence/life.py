"""The life that `Stories` are about: people who go to places, take things along and drop them, many lives at once."""

from typing import NamedTuple

import torch
from torch import Tensor

from .lots import one_of

PEOPLE, THINGS, PLACES = 4, 3, 6
MOVE, TAKE, DROP = range(3)
NUMBERS = 5  # random numbers for each event


class Now(NamedTuple):
    """How things are in n lives; -1 for what nobody told yet.

    Attributes:
        place: of each person, (n, PEOPLE).
        moved: the event that says so, (n, PEOPLE).
        holder: of each thing, (n, THINGS); -1 where nobody has it.
        held: the event that says so, (n, THINGS).
        where: the place of each thing, (n, THINGS).
        placed: the event that says so: a move, (n, THINGS).
        carried: bool, whether a thing was brought anywhere since it was taken, (n, THINGS).
    """

    place: Tensor
    moved: Tensor
    holder: Tensor
    held: Tensor
    where: Tensor
    placed: Tensor
    carried: Tensor


class Events(NamedTuple):
    """What happens: the event t of n lives is a row of (n, T).

    Attributes:
        who: does it.
        kind: MOVE, TAKE or DROP.
        what: the place or the thing.
    """

    who: Tensor
    kind: Tensor
    what: Tensor


def live(chance: Tensor, count: Tensor, carry: int) -> tuple[Events, list[Now]]:
    """So many events, and how things are after each of them; behind the last nothing changes.

    Half of the events are moves, three in ten that something is taken if anything is in reach, the others that
    something is dropped that was carried. What nobody has seen yet may be anywhere, so wherever it is taken it was.

    Args:
        chance: random bits, int64 (n, T, NUMBERS).
        count: how many events, (n,).
        carry: what happens for sure, at the end if it didn't before: 0 nothing, 1 something is taken, 2 something is
            taken and brought to another place (then there are 3 events at least, else 2).
    """
    n, device = len(count), count.device
    nobody = torch.full((n, PEOPLE), -1, dtype=torch.int64, device=device)
    nothing = torch.full((n, THINGS), -1, dtype=torch.int64, device=device)
    now = Now(nobody, nobody, nothing, nothing, nothing, nothing, nothing > 0)
    brought = torch.zeros(n, dtype=torch.bool, device=device)  # whether anything has changed its place
    events, history = [], []
    for t in range(chance.shape[1]):
        left, lots = count - 1 - t, chance[:, t].unbind(1)
        none_held, none_seen = (now.holder < 0).all(1), (now.held < 0).all(1)
        must_take = (left == 0) & none_seen if carry == 1 else (left == 1) & none_held & ~brought & (carry == 2)
        must_move = (left == 0) & ~brought & (carry == 2)
        holding = (now.holder[:, None] == torch.arange(PEOPLE, device=device)[:, None]).any(2)  # (n, PEOPLE)
        who = torch.where(must_take, one_of(lots[0], now.place >= 0), lots[0] % PEOPLE)
        who = torch.where(must_move, one_of(lots[0], holding), who)
        here = now.place.gather(1, who[:, None])  # (n, 1)
        in_reach = (now.holder < 0) & ((now.where < 0) | (now.where == here)) & (here >= 0)
        to_drop = (now.holder == who[:, None]) & now.carried
        share = lots[1] % 100
        takes = must_take | ((share < 30) & in_reach.any(1) & ~must_move)
        drops = (share >= 30) & (share < 50) & to_drop.any(1) & ~must_take & ~must_move
        thing = torch.where(takes, one_of(lots[2], in_reach), one_of(lots[2], to_drop))
        fresh = lots[3] % (PLACES - 1)  # another place than here
        place = torch.where(here[:, 0] < 0, lots[3] % PLACES, fresh + (fresh >= here[:, 0]))
        kind = torch.where(takes, TAKE, torch.where(drops, DROP, MOVE))
        events.append(Events(who, kind, torch.where(kind == MOVE, place, thing)))
        after, moved_thing = _after(now, events[-1], t)
        going = left >= 0
        brought = brought | (moved_thing & going)
        now = Now(*(torch.where(going[:, None], new, old) for new, old in zip(after, now, strict=True)))
        history.append(now)
    return Events(*(torch.stack(part, 1) for part in zip(*events, strict=True))), history


def _after(now: Now, event: Events, t: int) -> tuple[Now, Tensor]:
    """How things are after the event t, and whether a thing came to another place, bool (n,)."""
    who, device = event.who[:, None], event.who.device
    moves, takes = (event.kind == MOVE)[:, None], (event.kind == TAKE)[:, None]
    it = (torch.arange(PEOPLE, device=device) == who) & moves  # who moves, (n, PEOPLE)
    place, moved = torch.where(it, event.what[:, None], now.place), torch.where(it, t, now.moved)
    here, told = place.gather(1, who), moved.gather(1, who)
    along = (now.holder == who) & moves  # (n, THINGS)
    thing = (torch.arange(THINGS, device=device) == event.what[:, None]) & ~moves
    after = Now(
        place,
        moved,
        holder=torch.where(thing, torch.where(takes, who, -1), now.holder),
        held=torch.where(thing, t, now.held),
        where=torch.where(along | thing, here, now.where),
        placed=torch.where(along | thing, told, now.placed),
        carried=(now.carried | along) & ~thing,
    )
    return after, along.any(1)
