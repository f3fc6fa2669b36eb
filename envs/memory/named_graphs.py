"""Graphs that somebody knows: the London Underground, and a family."""

import csv
import functools
import itertools
from importlib import resources
from typing import Literal, get_args

import torch
from torch import Tensor

from ...errors import check_choice, check_range
from ..counter_rng import CounterRNG
from ..sizes import Range
from .graph_tasks import GraphTraversal, ShortestPath
from .graph_world import Reward
from .graphs import Graph, fixed_graph, repeated
from .inference import KINDS, GraphInference, relation_table

FATHER, MOTHER, ELDEST_CHILD, NEXT_SIBLING = range(KINDS)
SPLITS = ["train", "validation", "test"]
Stations = Literal["all", "interchanges"]
NOT_COUNTED = (
    "Metropolitan",
    "Waterloo & City",
)  # lines of the map between interchanges, which has 84 edges without them
LINES_THAT_MEET = 3
LATEST = 1890  # twelve persons were born since, and a few of them are related


def _rows(name: str) -> list[dict[str, str]]:
    text = (resources.files(__name__.rpartition(".")[0]) / "data" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@functools.cache
def underground(stations: Stations = "all") -> tuple[list[str], list[tuple[int, int, int]]]:
    """The stations, and the edges (station, kind, station) in both directions.

    The kind of an edge is its line, and its number among the line's edges out of this station.

    Args:
        stations: "all", or "interchanges" alone, each joined to the next one on a line.
    """
    rows = _rows("underground.csv")
    lines = sorted({row["line"] for row in rows})
    ways = [(row["line"], row["station_a"], row["station_b"]) for row in rows]
    if stations == "interchanges":
        ways = between_interchanges([way for way in ways if way[0] not in NOT_COUNTED])
    names = sorted({end for _, *ends in ways for end in ends})
    edges: list[tuple[int, int, int]] = []
    used: dict[tuple[str, str], int] = {}
    for line, *ends in ways:
        for a, b in (ends, reversed(ends)):
            number = used.get((line, a), 0)
            used[line, a] = number + 1
            edges.append((names.index(a), 4 * lines.index(line) + number, names.index(b)))
    return names, edges


def between_interchanges(ways: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """What is left of a map when stations where fewer than three lines meet are ridden through.

    Args:
        ways: (line, station, station), each once.

    Returns:
        Such ways between stations where three lines or more meet; what leads to a terminus or a fork is left out.
    """
    meet: dict[str, set[str]] = {}
    beside: dict[tuple[str, str], list[str]] = {}
    for line, a, b in ways:
        for here, there in ((a, b), (b, a)):
            meet.setdefault(here, set()).add(line)
            beside.setdefault((line, here), []).append(there)
    kept = {station for station, lines in meet.items() if len(lines) >= LINES_THAT_MEET}
    found: list[tuple[str, str, str]] = []
    for line, station in beside:
        for following in beside[line, station] if station in kept else []:
            before, here = station, following
            while here not in kept and len(beside[line, here]) == 2:
                before, here = here, next(other for other in beside[line, here] if other != before)
            if here in kept and station < here:  # each is found from both of its ends
                found.append((line, station, here))
    return found


@functools.cache
def family(born_since: int = 0) -> tuple[list[str], list[tuple[int, int, int]]]:
    """The persons, and the edges (person, kind, person); children and siblings stand in the order of their births.

    Args:
        born_since: a year; who was born before it is left out.
    """
    rows = [row for row in _rows("family.csv") if int(row["born"]) >= born_since]
    names, born = [row["name"] for row in rows], [int(row["born"]) for row in rows]
    edges: list[tuple[int, int, int]] = []
    for i, row in enumerate(rows):
        for kind, parent in ((FATHER, "father"), (MOTHER, "mother")):
            if row[parent] in names:
                edges.append((i, kind, names.index(row[parent])))
    for i, name in enumerate(names):
        children = [j for j, row in enumerate(rows) if name in (row["father"], row["mother"])]
        if children:
            edges.append((i, ELDEST_CHILD, min(children, key=born.__getitem__)))
    for father, mother in dict.fromkeys((row["father"], row["mother"]) for row in rows if row["father"] in names):
        siblings = [i for i, row in enumerate(rows) if (row["father"], row["mother"]) == (father, mother)]
        siblings.sort(key=born.__getitem__)
        edges += [(a, NEXT_SIBLING, b) for a, b in itertools.pairwise(siblings)]
    return names, edges


class Underground(GraphTraversal):
    """Follow a path of seven stops through the London Underground within zone 1.

    Everything else is as in `GraphTraversal`. The graph is always the same (66 stations, 11 lines, both directions);
    labels of stations, and of each line out of a station, are drawn anew in every episode.

    Args:
        stations: "all", with 260 directed edges, or "interchanges", the fifteen where three of nine lines meet (the
            Metropolitan and the Waterloo & City line aren't counted), with 84, as many as the paper's map has.
        split: "train", "validation" or "test": all the same graph.
        path: edges of the path.
        reward: "dense" or "whole".

    Source:
        The network of Transport for London as of 2022 to 2026, checked against the open data of
        github.com/nicola/tubemaps and github.com/luujam2/zones; the task: Graves et al. 2016, Methods.

    Version history:
        v0: first version.
    """

    def __init__(self, *, stations: Stations = "all", split: str = "train", path: int = 7, reward: Reward = "dense"):
        check_choice("stations", stations, get_args(Stations))
        check_choice("split", split, SPLITS)
        check_range("path", path, 1, 100)
        self.set_reward(reward)
        self.path = Range(path, path)
        self._stations, edges = underground(stations)
        self.graph = fixed_graph(edges)
        self.episode_length = len(edges) + 2 * path
        self.prepare(int(self.graph.count[0]), len(edges))

    def graphs(self, rng: CounterRNG) -> Graph:
        return repeated(self.graph, len(rng), rng.key.device)

    def names(self, world: int) -> dict[int, str]:
        beginning = CounterRNG(self.key, self.episode, torch.zeros_like(self.episode))
        return dict(zip(self.node_labels(beginning)[world].tolist(), self._stations, strict=False))


class UndergroundShortestPath(ShortestPath):
    """Find a shortest path of four stops through the London Underground within zone 1.

    Everything else is as in `ShortestPath`, on the graph of `Underground`.

    Args:
        stations: "all" or "interchanges", as in `Underground`.
        split: "train", "validation" or "test": all the same graph.
        path: edges of the path.
        planning: silent moments between question and answer; None is two for each edge of the path.
        reward: "dense" or "whole".

    Source:
        As `Underground`.

    Version history:
        v0: first version.
    """

    def __init__(
        self,
        *,
        stations: Stations = "all",
        split: str = "train",
        path: int = 4,
        planning: int | None = None,
        reward: Reward = "dense",
    ):
        check_choice("stations", stations, get_args(Stations))
        check_choice("split", split, SPLITS)
        check_range("path", path, 1, 12)
        self.set_reward(reward)
        self.set_planning(planning)
        self.path = Range(path, path)
        _, edges = underground(stations)
        self.graph = fixed_graph(edges)
        self.prepare(int(self.graph.count[0]), len(edges))

    def graphs(self, rng: CounterRNG) -> Graph:
        return repeated(self.graph, len(rng), rng.key.device)


class FamilyTree(GraphInference):
    """Name the relative, of four steps, of a person in a family.

    Everything else is as in `GraphInference`. The graph is always the same: 62 persons around Queen Victoria; edges
    lead to the father, the mother, the eldest child and the next sibling; names are drawn anew in every episode. A
    question is any person and relation that the family has (some of them lead back to the person itself).

    Args:
        born_since: a year, at most 1890; who was born before it is left out. 1850 leaves 34 persons and 54 edges, as
            many as the paper's family has.
        split: "train", "validation" or "test": all the same graph.
        path: steps of the relation, 2 to 5.
        planning: silent moments between question and answer; None is one for each step of the relation but the first.
        reward: "dense" or "whole".

    Source:
        Public genealogies of European royal houses, checked against the royal92 data of
        github.com/R-Computing-Lab/BGmisc; the task: Graves et al. 2016, Methods (relations of four steps, another
        family tree).

    Version history:
        v0: first version.
    """

    def __init__(
        self,
        *,
        born_since: int = 0,
        split: str = "train",
        path: int = 4,
        planning: int | None = None,
        reward: Reward = "dense",
    ):
        check_range("born_since", born_since, 0, LATEST)
        check_choice("split", split, SPLITS)
        check_range("path", path, 2, 5)
        self.set_reward(reward)
        self.set_planning(planning)
        self.path = Range(path, path)
        _, edges = family(born_since)
        self.graph = fixed_graph(edges)
        self.episode_length = len(edges) + self.most_asked()
        follow = {(a, kind): b for a, kind, b in edges}
        able = []
        for number, steps in enumerate(relation_table()):
            if len(steps) != path:
                continue
            for person in range(int(self.graph.count[0])):
                here: int | None = person
                for step in steps:
                    here = follow.get((here, step)) if here is not None else None
                if here is not None:
                    able.append((person, number))
        self.able = torch.tensor(able)  # (pairs, 2)
        self.prepare(int(self.graph.count[0]), len(edges))

    def graphs(self, rng: CounterRNG) -> Graph:
        return repeated(self.graph, len(rng), rng.key.device)

    def pairs(self, rng: CounterRNG, graph: Graph) -> tuple[Tensor, Tensor]:
        chosen = self.able.to(graph.count.device)[rng.integers("relation", len(self.able))]
        return chosen[:, 0], chosen[:, 1]
