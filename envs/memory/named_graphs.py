"""Graphs that somebody knows: the London Underground, and a family."""

import csv
import functools
import itertools
from importlib import resources

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


def _rows(name: str) -> list[dict[str, str]]:
    text = (resources.files(__name__.rpartition(".")[0]) / "data" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@functools.cache
def underground() -> tuple[list[str], list[tuple[int, int, int]]]:
    """The stations, and the edges (station, kind, station) in both directions.

    The kind of an edge is its line, and its number among the line's edges out of this station.
    """
    rows = _rows("underground.csv")
    stations = sorted({row[end] for row in rows for end in ("station_a", "station_b")})
    lines = sorted({row["line"] for row in rows})
    edges: list[tuple[int, int, int]] = []
    used: dict[tuple[str, str], int] = {}
    for row in rows:
        for a, b in ((row["station_a"], row["station_b"]), (row["station_b"], row["station_a"])):
            number = used.get((row["line"], a), 0)
            used[row["line"], a] = number + 1
            edges.append((stations.index(a), 4 * lines.index(row["line"]) + number, stations.index(b)))
    return stations, edges


@functools.cache
def family() -> tuple[list[str], list[tuple[int, int, int]]]:
    """The persons, and the edges (person, kind, person); children and siblings stand in the order of their births."""
    rows = _rows("family.csv")
    names, born = [row["name"] for row in rows], [int(row["born"]) for row in rows]
    edges: list[tuple[int, int, int]] = []
    for i, row in enumerate(rows):
        for kind, parent in ((FATHER, "father"), (MOTHER, "mother")):
            if row[parent]:
                edges.append((i, kind, names.index(row[parent])))
    for i, name in enumerate(names):
        children = [j for j, row in enumerate(rows) if name in (row["father"], row["mother"])]
        if children:
            edges.append((i, ELDEST_CHILD, min(children, key=born.__getitem__)))
    for father, mother in dict.fromkeys((row["father"], row["mother"]) for row in rows if row["father"]):
        siblings = [i for i, row in enumerate(rows) if (row["father"], row["mother"]) == (father, mother)]
        siblings.sort(key=born.__getitem__)
        edges += [(a, NEXT_SIBLING, b) for a, b in itertools.pairwise(siblings)]
    return names, edges


class Underground(GraphTraversal):
    """Follow a path of seven stops through the London Underground within zone 1.

    Everything else is as in `GraphTraversal`. The graph is always the same (66 stations, 11 lines, both directions);
    labels of stations, and of each line out of a station, are drawn anew in every episode.

    Args:
        split: "train", "validation" or "test": all the same graph.
        path: edges of the path.
        reward: "dense" or "whole".

    Source:
        The network of Transport for London as of 2022 to 2026, checked against the open data of
        github.com/nicola/tubemaps and github.com/luujam2/zones; the task: Graves et al. 2016, Methods. Here every
        station is a node, with 260 directed edges; the paper's map has 84 edges, between interchanges.

    Version history:
        v0: first version.
    """

    def __init__(self, *, split: str = "train", path: int = 7, reward: Reward = "dense"):
        check_choice("split", split, SPLITS)
        check_range("path", path, 1, 100)
        self.set_reward(reward)
        self.path = Range(path, path)
        _, edges = underground()
        self.graph = fixed_graph(edges)
        self.episode_length = len(edges) + 2 * path
        self.prepare(int(self.graph.count[0]), len(edges))

    def graphs(self, rng: CounterRNG) -> Graph:
        return repeated(self.graph, len(rng), rng.key.device)


class UndergroundShortestPath(ShortestPath):
    """Find a shortest path of four stops through the London Underground within zone 1.

    Everything else is as in `ShortestPath`, on the graph of `Underground`.

    Args:
        split: "train", "validation" or "test": all the same graph.
        path: edges of the path.
        planning: silent moments between question and answer.
        reward: "dense" or "whole".

    Source:
        As `Underground`.

    Version history:
        v0: first version.
    """

    def __init__(self, *, split: str = "train", path: int = 4, planning: int = 10, reward: Reward = "dense"):
        check_choice("split", split, SPLITS)
        check_range("path", path, 1, 12)
        check_range("planning", planning, 0, 1000)
        self.set_reward(reward)
        self.path, self.planning = Range(path, path), planning
        _, edges = underground()
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
        split: "train", "validation" or "test": all the same graph.
        path: steps of the relation, 2 to 5.
        reward: "dense" or "whole".

    Source:
        Public genealogies of European royal houses, checked against the royal92 data of
        github.com/R-Computing-Lab/BGmisc; the task: Graves et al. 2016, Methods (relations of four steps, another
        family tree).

    Version history:
        v0: first version.
    """

    def __init__(self, *, split: str = "train", path: int = 4, reward: Reward = "dense"):
        check_choice("split", split, SPLITS)
        check_range("path", path, 2, 5)
        self.set_reward(reward)
        self.path = Range(path, path)
        _, edges = family()
        self.graph = fixed_graph(edges)
        self.episode_length = len(edges) + 2
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
