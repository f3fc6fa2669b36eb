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
from foveate.envs.protocols import world_of
from foveate.envs.registry import make_one, make_worlds
from foveate.errors import FoveateError

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
@pytest.mark.parametrize(
    ("env_id", "options"),
    [("GraphTraversal", {"lesson": 5}), ("Underground", {}), ("Underground", {"stations": "interchanges", "path": 3})],
)
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
@pytest.mark.parametrize("env_id", ["GraphTraversal", "ShortestPath"])
def test_an_edge_is_not_told_by_its_label_alone(env_id: str, seed: int) -> None:
    """As in a city, where lines have many stations; else nobody would have to look for the node."""
    e = Episode(env_id, seed)
    labels = Counter(decode(row)[1] for row in e.seen if not row[90] and not row[91])
    assert len(labels) <= 4 * 6
    assert sum(labels.values()) > 1.5 * len(labels)


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
@pytest.mark.parametrize(
    ("env_id", "options"),
    [
        ("GraphInference", {"lesson": 14}),
        ("GraphInference", {"lesson": 1}),
        ("GraphInference", {"lesson": 2}),
        ("GraphInference", {"lesson": 10, "planning": 3}),
        ("GraphInference", {"lesson": 5}),
        ("GraphInference", {"lesson": 1, "aloud": True}),
        ("GraphInference", {"lesson": 20, "planning": 0}),
        ("GraphInference", {"lesson": 8, "planning": 4}),
        ("GraphInference", {"lesson": 20}),
        ("GraphInference", {"lesson": 24, "aloud": True}),
        ("GraphInference", {"lesson": 20, "aloud": False}),
        ("FamilyTree", {}),
        ("FamilyTree", {"born_since": 1850, "planning": 6, "path": 2}),
    ],
)
def test_inference(env_id: str, options: dict, seed: int) -> None:
    e = Episode(env_id, seed, **options)
    rows = [decode(row) for row in e.seen]
    told = {rows[t][:2]: rows[t][2] for t, row in enumerate(e.seen) if not row[90] and not row[91]}
    shown = {rows[t][:2]: t for t in range(len(told))}
    # as many as the longest path has edges, less one
    planning = {1: 0, 2: 0, 5: 1, 14: 2, 20: 4, 24: 4}.get(options.get("lesson", 0), 3)
    asking = [t for t, row in enumerate(e.seen) if row[90]]
    asked = rows[asking[0]]
    here, relation = asked[:2]
    assert [rows[t] for t in asking[1:]] == [(None, None, None)] * options.get("planning", planning)
    # a relation has a name of its own, a single edge that of its kind
    kinds = {(7 * number + 3) % 1000: steps for number, steps in enumerate(relation_table())}
    kinds |= {111 * kind + 37: (kind,) for kind in range(4)}
    assert len(kinds) == 404
    way = []
    for kind in kinds[relation]:
        way.append((here, 111 * kind + 37, told[here, 111 * kind + 37]))
        here = way[-1][-1]
    aloud = []
    if options.get("aloud", options.get("lesson") in (5, 8, 20)):
        aloud = [way[min(i, len(way) - 1)] for i in range(len(asking) - 1)]  # the last edge stays
    sources = [[shown[edge[:2]], *asking[: i + 1]] for i, edge in enumerate(aloud)]
    sources.append(sorted({*(shown[edge[:2]] for edge in way), *asking}))
    assert triples(e.answers) == [*aloud, (asked[0], relation, here)]
    assert e.sources == sources
    assert len(set(relation_table())) == 400


@pytest.mark.parametrize(
    ("options", "most"), [({"lesson": 5}, 1), ({"lesson": 6}, 4), ({"lesson": 7}, 16), ({"relations": 9}, 9)]
)
def test_a_lesson_asks_for_the_first_relations_that_have_its_length(options: dict, most: int) -> None:
    env = make_worlds("Memory/GraphInference-v0", 300, "cpu", {"max_nodes": 20, **options})
    world, asked = world_of(env), set()
    seen, _ = env.reset(seed=0)
    for _ in range(world.most_steps):
        asked |= {decode(row)[1] for row in seen[seen[:, 90] > 0].numpy()}
        seen, *_ = env.step(env.action_space.sample())
    lengths = range(world.path.low, world.path.high + 1)
    fitting = [number for number, steps in enumerate(relation_table()) if len(steps) in lengths]
    edges = {111 * kind + 37 for kind in range(4)}
    names = {(7 * number + 3) % 1000 for number in fitting[:most]}
    assert len(names) == most
    assert asked - {None} - edges == names


@pytest.mark.parametrize("relations", [0, 401])
def test_relations_that_are_not_there(relations: int) -> None:
    with pytest.raises(FoveateError, match=f"relations={relations}"):
        make_one("Memory/GraphInference-v0", {"relations": relations})


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


def test_the_map_between_interchanges() -> None:
    """Each edge is a ride on one line, station by station, that passes no interchange; and all rides are there."""
    stations, edges = underground("interchanges")
    assert (len(stations), len(edges)) == (15, 84)
    lines = sorted({row["line"] for row in _rows("underground.csv")})
    rides: dict[str, dict[str, list[str]]] = {}
    for row in _rows("underground.csv"):
        if row["line"] not in ("Metropolitan", "Waterloo & City"):
            for a, b in itertools.permutations((row["station_a"], row["station_b"])):
                rides.setdefault(row["line"], {}).setdefault(a, []).append(b)
    expected = set()
    for line, beside in rides.items():
        for start in {*beside} & {*stations}:
            walks = [(start, following) for following in beside[start]]
            while walks:
                before, here = walks.pop()
                if here in stations:
                    expected.add((line, start, here))
                else:
                    onwards = [following for following in beside[here] if following != before]
                    walks += [(here, following) for following in onwards if len(onwards) == 1]  # no fork
    assert {(lines[kind // 4], stations[a], stations[b]) for a, kind, b in edges} == expected
    for station in {s for beside in rides.values() for s in beside}:
        assert (sum(station in beside for beside in rides.values()) >= 3) == (station in stations)
    assert max(Counter((a, kind) for a, kind, _ in edges).values()) == 1


def test_the_younger_part_of_the_family() -> None:
    names, edges = family(1850)
    assert (len(names), len(edges)) == (34, 54)
    whole, all_edges = family()
    among = {(whole[a], kind, whole[b]) for a, kind, b in all_edges}
    assert {(names[a], kind, names[b]) for a, kind, b in edges} <= among
    born = {row["name"]: int(row["born"]) for row in _rows("family.csv")}
    assert {name for name in whole if born[name] >= 1850} == {*names}
    with pytest.raises(FoveateError, match="born_since=1900 is not allowed"):
        make_one("Memory/FamilyTree-v0", {"born_since": 1900})


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
