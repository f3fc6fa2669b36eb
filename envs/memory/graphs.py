"""Labelled graphs as tensors: random planar-ish ones, fixed ones, walks and distances in them."""

from typing import NamedTuple

import torch
from torch import Tensor

from ..counter_rng import CounterRNG
from ..sizes import Range

LABELS = 1000  # a label is a number of three digits


class Graph(NamedTuple):
    """n directed graphs of at most N nodes, each with at most D edges out of it.

    Attributes:
        target: int64, (n, N, D), the node that each edge leads to; -1 where there is none.
        kind: int64, (n, N, D), what the label of an edge depends on; different for the edges out of a node.
        count: int64, (n,), nodes.
    """

    target: Tensor
    kind: Tensor
    count: Tensor

    @property
    def degree(self) -> Tensor:
        """Edges out of each node, (n, N); they stand first in `target`."""
        return (self.target >= 0).sum(-1)


SHARED = 4


def random_graphs(rng: CounterRNG, nodes: Range, degree: Range) -> Graph:
    """Points in the unit square, each joined to its nearest neighbours (Graves et al. 2016, Methods).

    A graph has a few kinds of edges, at most `SHARED` times as many as lead out of a node: nodes share them, as
    stations share the lines of a city, so that it takes the node, too, to tell an edge.

    Args:
        rng: of n worlds.
        nodes: how many, drawn for each graph.
        degree: how many edges lead out of a node, drawn for each node.
    """
    most = nodes.high
    count = nodes.sample(rng, "nodes")  # (n,)
    there = torch.arange(most, device=count.device) < count[:, None]  # (n, N)
    points = rng.uniform("points", most, 2)
    away = (points[:, :, None] - points[:, None]).square().sum(-1)  # (n, N, N)
    away = away.masked_fill(~there[:, None], torch.inf)
    away.diagonal(dim1=1, dim2=2).fill_(torch.inf)
    wanted = degree.sample(rng, "degree", most)  # (n, N)
    wanted = wanted.minimum(count[:, None] - 1) * there
    nearest = away.topk(min(degree.high, most - 1), largest=False).indices  # (n, N, D)
    place = torch.arange(nearest.shape[-1], device=count.device)
    target = torch.where(place < wanted[..., None], nearest, -1)
    # a different one of the graph's kinds for each edge out of a node
    kinds = Range(len(place), SHARED * len(place)).sample(rng, "kinds of edges")  # (n,)
    first = rng.bits("edges", most) % kinds[:, None]  # (n, N)
    kind = (first[..., None] + place) % kinds[:, None, None]
    return Graph(target, kind, count)


def fixed_graph(edges: list[tuple[int, int, int]]) -> Graph:
    """One graph from its edges (node, kind, node), n = 1."""
    nodes = 1 + max(max(a, b) for a, _, b in edges)
    out: list[list[tuple[int, int]]] = [[] for _ in range(nodes)]
    for a, kind, b in edges:
        out[a].append((kind, b))
    widest = max(len(row) for row in out)
    rows = [sorted(row) + [(0, -1)] * (widest - len(row)) for row in out]
    table = torch.tensor(rows)  # (N, D, 2)
    return Graph(table[None, ..., 1], table[None, ..., 0], torch.tensor([nodes]))


def repeated(graph: Graph, n: int, device: torch.device) -> Graph:
    """The same graph for n worlds."""
    return Graph(*(part.to(device).expand(n, *part.shape[1:]).clone() for part in graph))


def permutation(rng: CounterRNG, stream: str) -> Tensor:
    """Each label once, in random order, int64 (n, 1000)."""
    return rng.bits(stream, LABELS).argsort(dim=1)


def digits_of(label: Tensor) -> Tensor:
    """The three digits of a label, and -1 for each where the label is -1: (…,) -> (…, 3)."""
    digits = torch.stack([label // 100, label // 10 % 10, label % 10], -1)
    return torch.where(label[..., None] < 0, -1, digits)


def labels_of(digits: Tensor) -> Tensor:
    """The labels of three digits each, -1 for a gap: (…, 3) -> (…,)."""
    hundreds, tens, ones = digits.long().unbind(-1)
    return torch.where(hundreds < 0, -1, 100 * hundreds + 10 * tens + ones)


def walk(rng: CounterRNG, graph: Graph, steps: int) -> tuple[Tensor, Tensor]:
    """A random walk from a random node that has a way out.

    Returns:
        nodes (n, steps + 1), and the edge that was taken from each, (n, steps).
    """
    degree = graph.degree  # (n, N)
    luck = rng.uniform("start", degree.shape[1])
    node = luck.masked_fill(degree == 0, -1.0).argmax(1)
    nodes, edges = [node], []
    choices = rng.bits("walk", steps)
    for t in range(steps):
        out = degree.gather(1, node[:, None])[:, 0].clamp(min=1)
        edge = choices[:, t] % out
        node = edge_target(graph, node, edge)
        nodes.append(node)
        edges.append(edge)
    return torch.stack(nodes, 1), torch.stack(edges, 1)


def edge_target(graph: Graph, node: Tensor, edge: Tensor) -> Tensor:
    """Where edges lead: (n,), (n,) -> (n,)."""
    return graph.target[torch.arange(len(node), device=node.device), node, edge]


def distances(graph: Graph, most: int) -> Tensor:
    """Edges on a shortest path between each two nodes, (n, N, N); most + 1 where it is longer or there is none."""
    n, nodes, _ = graph.target.shape
    joined = torch.zeros(n, nodes, nodes + 1, device=graph.target.device, dtype=torch.float32)
    joined.scatter_(2, torch.where(graph.target >= 0, graph.target, nodes), 1.0)
    joined = joined[..., :nodes]  # (n, N, N), 1.0 where an edge leads
    reached = torch.eye(nodes, device=joined.device, dtype=joined.dtype).expand(n, -1, -1)
    away = torch.where(reached > 0, 0, most + 1)
    for step in range(1, most + 1):
        reached = ((reached + reached @ joined) > 0).float()
        away = torch.where((reached > 0) & (away > most), step, away)
    return away
