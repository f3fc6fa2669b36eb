"""What the graph worlds show and ask, read edge by edge; and the graphs that somebody knows."""

import itertools
from collections import Counter, deque

import numpy as np
import pytest
from episodes import Episode

from foveate.envs.memory.inference import relation_table
from foveate.envs.memory.named_graphs import (
    ELDEST_CHILD,
    FATHER,
    MOTHER,
    NEXT_SIBLING,
    _rows,
    family,
    underground,
)

SEEDS = range(4)


def decode(row: np.ndarray) -> tuple[int | None, ...]:
    """The three labels of an observation; None for a gap."""
    labels = []
    for label in row[:90].reshape(3, 3, 10):
        labels.append(int("".join(str(d.argmax()) for d in label)) if label.any() else None)
    return tuple(labels)


def triples(answers: list[list[int]]) -> list[tuple[int, ...]]:
    return [tuple(int("".join(map(str, a[i : i + 3]))) for i in (0, 3, 6)) for a in answers]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("env_id", "options"), [("GraphTraversal", {"lesson": 5}), ("Underground", {})])
def test_traversal(env_id: str, options: dict, seed: int) -> None:
    e = Episode(env_id, seed, **options)
    rows = [decode(row) for row in e.seen]
    told = [t for t, row in enumerate(e.seen) if not row[90] and not row[91]]
    asked = [t for t, row in enumerate(e.seen) if row[90]]
    edges = {rows[t][:2]: (rows[t][2], t) for t in told}
    assert len(edges) == len(told)  # a node and a label name one edge
    here, sources = rows[asked[0]][0], []
    expected = []
    for t in asked:
        goal, moment = edges[here, rows[t][1]]
        expected.append((here, rows[t][1], goal))
        sources.append(sorted([moment, *asked]))
        here = goal
    assert triples(e.answers) == expected
    assert e.sources == sources
    assert e.score == 1


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("env_id", "options"), [("ShortestPath", {"lesson": 8}), ("UndergroundShortestPath", {})])
def test_shortest_path(env_id: str, options: dict, seed: int) -> None:
    e = Episode(env_id, seed, **options)
    rows = [decode(row) for row in e.seen]
    told = [rows[t] for t, row in enumerate(e.seen) if not row[90] and not row[91]]
    first, gap, goal = next(rows[t] for t, row in enumerate(e.seen) if row[90])
    assert gap is None
    away, queue = {first: 0}, deque([first])
    while queue:
        node = queue.popleft()
        for a, _, b in told:
            if a == node and b not in away:
                away[b] = away[node] + 1
                queue.append(b)
    path = triples(e.answers)
    assert len(path) == away[goal]
    assert path[0][0] == first
    assert path[-1][2] == goal
    assert set(path) <= set(told)
    assert all(a[2] == b[0] for a, b in itertools.pairwise(path))
    if env_id == "UndergroundShortestPath":
        assert len(path) == 4
    assert e.score == 1


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("env_id", "options"), [("GraphInference", {"lesson": 6}), ("FamilyTree", {})])
def test_inference(env_id: str, options: dict, seed: int) -> None:
    e = Episode(env_id, seed, **options)
    rows = [decode(row) for row in e.seen]
    told = {rows[t][:2]: rows[t][2] for t, row in enumerate(e.seen) if not row[90] and not row[91]}
    asked = next(rows[t] for t, row in enumerate(e.seen) if row[90])
    here, relation = asked[:2]
    number = next(r for r in range(400) if (7 * r + 3) % 1000 == relation)
    for kind in relation_table()[number]:
        here = told[here, 111 * kind + 37]
    assert triples(e.answers) == [(asked[0], relation, here)]
    assert len(set(relation_table())) == 400


def test_the_underground_s_edges() -> None:
    stations, edges = underground()
    assert len(stations) == 66
    assert len(edges) == 2 * 130
    joined = {(stations[a], stations[b]) for a, _, b in edges}
    assert all((b, a) in joined for a, b in joined)
    for a, b in [
        ("Oxford Circus", "Bond Street"), ("Oxford Circus", "Green Park"), ("Waterloo", "Bank"),
        ("Baker Street", "Bond Street"), ("King's Cross St. Pancras", "Farringdon"), ("Embankment", "Waterloo"),
        ("Bank", "London Bridge"), ("Kennington", "Nine Elms"), ("Tower Hill", "Aldgate"),
    ]:  # fmt: skip
        assert (a, b) in joined
    for a, b in [("Bank", "Monument"), ("Oxford Circus", "Holborn"), ("Gloucester Road", "High Street Kensington")]:
        assert ((a, b) in joined) == (a == "Gloucester Road")  # the Circle's curve; the others are no neighbours
    out = Counter((a, kind) for a, kind, _ in edges)
    assert max(out.values()) == 1  # a station and a label name one edge
    reached, queue = {0}, deque([0])
    while queue:
        node = queue.popleft()
        new = {b for a, _, b in edges if a == node} - reached
        reached |= new
        queue.extend(new)
    assert len(reached) == 66


def test_the_family_s_edges() -> None:
    names, edges = family()
    follow = {(names[a], kind): names[b] for a, kind, b in edges}
    assert follow["Victoria", 0] == "Edward of Kent"
    assert follow["Edward VII", 1] == "Victoria"
    assert follow[follow["Elizabeth II", 0], 0] == "George V"
    assert follow["Victoria", 2] == "Vicky"  # the eldest child
    assert follow["Vicky", 3] == "Edward VII"  # and the next
    assert len(follow) == len(edges)


def test_the_family_stands_in_the_order_of_its_births() -> None:
    """Eldest children and next siblings by the years of birth, which are told in the data; some from elsewhere."""
    rows = _rows("family.csv")
    born = {row["name"]: int(row["born"]) for row in rows}
    names, edges = family()
    children = {name: [row["name"] for row in rows if name in (row["father"], row["mother"])] for name in names}
    for a, kind, b in edges:
        person, relative = names[a], names[b]
        if kind in (FATHER, MOTHER):
            assert 15 <= born[person] - born[relative] <= 70
        elif kind == ELDEST_CHILD:
            assert all(born[relative] <= born[child] for child in children[person])
        else:
            between = [name for name in names if born[person] < born[name] < born[relative]]
            assert born[person] < born[relative]
            assert not {*children[rows[a]["father"]]} & {*between}
    follow = {(names[a], kind): names[b] for a, kind, b in edges}
    known = {
        "Albert": 1819,
        "Ernest II": 1818,
        "Anastasia": 1901,
        "Alexei": 1904,
        "Victoria": 1819,
        "Elizabeth II": 1926,
    }
    assert known.items() <= born.items()
    assert follow["Ernest II", NEXT_SIBLING] == "Albert"
    assert follow["Ernest I", ELDEST_CHILD] == follow["Louise of Saxe-Gotha", ELDEST_CHILD] == "Ernest II"
    assert follow["Anastasia", NEXT_SIBLING] == "Alexei"
    assert follow["Nicholas II", ELDEST_CHILD] == follow["Alix of Hesse", ELDEST_CHILD] == "Anastasia"
