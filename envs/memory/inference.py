"""Relations in graphs: what a name stands for is learned over many episodes, where it leads is found in one."""

from typing import Any

import torch
from torch import Tensor

from ...errors import FoveateError, check_range
from ..counter_rng import CounterRNG
from ..sizes import Range, Splits
from .graph_world import GraphWorld, Question, lesson_table
from .graphs import LABELS, Graph
from .script import SequenceWorld

KINDS = 4  # kinds of edges in a graph with relations
RELATIONS = 400


def relation_table() -> list[tuple[int, ...]]:
    """The kinds of edges behind each of the 400 relations: of two to five edges, the same in every episode."""
    table: list[tuple[int, ...]] = []
    seen: set[tuple[int, ...]] = set()
    number = 12345
    while len(table) < RELATIONS:
        number = (1103515245 * number + 12345) % 2**31  # a small fixed generator: this table is part of the task
        length = 2 + (number >> 16) % 4
        code, steps = number >> 3, []
        for _ in range(length):
            code = (1103515245 * code + 12345) % 2**31
            steps.append((code >> 16) % KINDS)
        if tuple(steps) not in seen:
            seen.add(tuple(steps))
            table.append(tuple(steps))
    return table


def paths() -> list[tuple[int, ...]]:
    """The kinds of edges of all that can be asked for: the relations, then each kind of edge by itself."""
    return [*relation_table(), *((kind,) for kind in range(KINDS))]


def edge_label(kind: Tensor) -> Tensor:
    """What edges of a kind are called: any fixed different numbers, which no relation is called."""
    return 111 * kind + 37


class GraphInference(SequenceWorld, GraphWorld):
    """Say who stands in a relation to a node, where the relation is a path of edges that is never shown.

    Everything else is as in `GraphWorld`. Each edge out of a node is of one of four kinds, with a label that is
    always the same. Beside the edges there are 400 relations, each the name of a fixed sequence of two to five kinds
    (as "grandmother" is mother of a parent). The question shows (node, relation, -); after `planning` silent moments
    the whole triple is due. What a relation stands for has to be learned over many episodes; where it leads must be
    found in this one's graph. A path of one edge, which the first lessons ask for, has the edge's own label for a name.

    Args:
        planning: silent moments between question and answer, in which an agent can go from node to node; None is one
            for each edge of the longest path but the first.

    Source:
        Graves et al. 2016, Methods: last lesson 20 to 25 nodes, relations of 2 to 5 edges, 400 of them; the lessons
        before it, and the table of relations, are ours.

    Version history:
        v0: first version.
    """

    lessons = lesson_table(
        [
            (5, 6, 4, 4, 1, 1),
            (5, 12, 4, 4, 1, 1),
            (5, 6, 4, 4, 1, 2),
            (5, 8, 4, 4, 1, 2),
            (5, 12, 4, 4, 1, 2),
            (5, 8, 4, 4, 1, 3),
            (5, 12, 4, 4, 2, 3),
            (6, 14, 4, 4, 2, 3),
            (8, 16, 4, 4, 2, 3),
            (6, 12, 4, 4, 2, 4),
            (8, 14, 4, 4, 2, 4),
            (8, 16, 4, 4, 2, 4),
            (10, 18, 4, 4, 2, 4),
            (10, 18, 4, 4, 2, 5),
            (12, 20, 4, 4, 2, 5),
            (15, 22, 4, 4, 2, 5),
            (20, 25, 4, 4, 2, 5),
        ]
    )
    splits = Splits({"test-path-5": {"min_path": 5, "max_path": 5}})

    def __init__(self, *, planning: int | None = None, **rest: Any):
        self._planning = planning if planning is None else check_range("planning", planning, 0, 1000)
        super().__init__(**rest)

    @property
    def planning(self) -> int:
        """Silent moments between question and answer."""
        return self.path.high - 1 if self._planning is None else self._planning

    def check_sizes(self) -> None:
        """As `GraphWorld.check_sizes`.

        Raises:
            FoveateError: there are too few nodes, not one edge of each kind, or paths of more than five edges.
        """
        if self.degree != Range(KINDS, KINDS) or self.nodes.low <= KINDS or self.path.high > 5:
            raise FoveateError(
                f"nodes {self.nodes}, degree {self.degree}, path {self.path} are not allowed: relations need more than "
                f"{KINDS} nodes, {KINDS} edges out of each, and paths of 1 to 5."
            )

    def most_asked(self) -> int:
        return 2 + self.planning

    def edge_labels(self, rng: CounterRNG, graph: Graph) -> Tensor:
        return edge_label(graph.kind)

    def graphs(self, rng: CounterRNG) -> Graph:
        graph = super().graphs(rng)
        return graph._replace(kind=rng.bits("kinds", *graph.kind.shape[1:]).argsort(dim=-1))

    def pairs(self, rng: CounterRNG, graph: Graph) -> tuple[Tensor, Tensor]:
        """A node and the number of a path for each world, such that the path leads somewhere, each (n,)."""
        able = torch.tensor([self.path.low <= len(steps) <= self.path.high for steps in paths()])
        allowed = able.nonzero()[:, 0].to(graph.count.device)
        relation = allowed[rng.integers("relation", len(allowed))]
        return rng.bits("node") % graph.count, relation

    def question(self, rng: CounterRNG, graph: Graph, triples: Tensor, place: Tensor) -> Question:
        n = len(rng)
        rows = torch.arange(n, device=graph.count.device)
        node, relation = self.pairs(rng, graph)
        table = [(*steps, *(-1,) * (5 - len(steps))) for steps in paths()]
        steps = torch.tensor(table, device=node.device)[relation]  # (n, 5)
        here, shown = node, []
        for step in steps.unbind(1):
            fits = (graph.kind[rows, here] == step[:, None]) & (graph.target[rows, here] >= 0)  # (n, D)
            edge = fits.int().argmax(1)
            shown.append(torch.where(step >= 0, place[rows, here, edge], -1))
            here = torch.where(step >= 0, graph.target[rows, here, edge], here)
        name = lambda who: triples[rows, who, 0, 0]  # noqa: E731
        label = torch.where(relation < RELATIONS, (7 * relation + 3) % LABELS, edge_label(relation - RELATIONS))
        whole = torch.stack([name(node), label, name(here)], -1)[:, None]  # (n, 1, 3)
        asked = torch.full((n, 1 + self.planning, 3), -1, device=node.device)
        asked[:, 0, :2] = whole[:, 0, :2]
        one = torch.ones_like(node)
        return Question(asked, one + self.planning, whole, one, torch.stack(shown, 1)[:, None], {})
