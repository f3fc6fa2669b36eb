"""Relations in graphs: what a name stands for is learned over many episodes, where it leads is found in one."""

from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ...errors import FoveateError, check_range
from ...tree import constant
from ..counter_rng import CounterRNG
from ..sizes import Splits
from .graph_world import PlanningWorld, Question, lesson_table
from .graphs import LABELS, Graph, digits_of
from .script import Script, SequenceWorld, moments, rows_at

KINDS = 4  # kinds of edges in a graph with relations
RELATION_COUNT = 400


@cache
def relation_table() -> tuple[tuple[int, ...], ...]:
    """The kinds of edges behind each of the 400 relations: of two to five edges, the same in every episode."""
    table: list[tuple[int, ...]] = []
    seen: set[tuple[int, ...]] = set()
    number = 12345
    while len(table) < RELATION_COUNT:
        number = (1103515245 * number + 12345) % 2**31  # a small fixed generator: this table is part of the task
        length = 2 + (number >> 16) % 4
        code, steps = number >> 3, []
        for _ in range(length):
            code = (1103515245 * code + 12345) % 2**31
            steps.append((code >> 16) % KINDS)
        if tuple(steps) not in seen:
            seen.add(tuple(steps))
            table.append(tuple(steps))
    return tuple(table)


@cache
def paths() -> tuple[tuple[int, ...], ...]:
    """The kinds of edges of all that can be asked for: the relations, then each kind of edge by itself."""
    return (*relation_table(), *((kind,) for kind in range(KINDS)))


@cache
def path_table() -> tuple[tuple[int, ...], ...]:
    """`paths`, each of five numbers: -1 behind its last edge."""
    return tuple((*steps, *(-1,) * (5 - len(steps))) for steps in paths())


def edge_label(kind: Tensor) -> Tensor:
    """What edges of a kind are called: any fixed different numbers, which no relation is called."""
    return 111 * kind + 37


class GraphInference(SequenceWorld, PlanningWorld):
    """Say who stands in a relation to a node, where the relation is a path of edges that is never shown.

    Everything else is as in `GraphWorld`. Each edge out of a node is of one of four kinds, with a label that is
    always the same. Beside the edges there are 400 relations, each the name of a fixed sequence of two to five kinds
    (as "grandmother" is mother of a parent). The question shows (node, relation, -); after `planning` silent moments
    the whole triple is due. What a relation stands for has to be learned over many episodes; where it leads must be
    found in this one's graph. A path of one edge, which the first lessons ask for, has the edge's own label for a name.

    With aloud=True the edges on the way are due in the silent moments, one after the other, and the last one until the
    answer. The observation's two channels are as without, the target mask says that an answer is due, and rewards and
    score count the way, too. Some lessons ask for that, so that an agent learns what silent moments are for.

    Args:
        relations: how many relations are asked for, the first that have the path's length; None leaves it to the
            lesson.
        aloud: whether the way is due, too; None leaves it to the lesson.
        planning: silent moments between question and answer, in which an agent can go from node to node; None is one
            for each edge of the longest path but the first.

    Source:
        Graves et al. 2016, Methods: last lesson 20 to 25 nodes, relations of 2 to 5 edges, 400 of them; the lessons
        before it, and the table of relations, are ours.

    Version history:
        v0: first version.
    """

    # the first lessons of each length ask for the way, too: who isn't told what silent moments are for doesn't find out
    # that a second edge is to be followed in them
    lessons = lesson_table(
        [
            (3, 5, 1, 2, 1, 1),
            (4, 8, 1, 3, 1, 1),
            (5, 8, 4, 4, 1, 1),
            (5, 12, 4, 4, 1, 1),
            (5, 6, 4, 4, 2, 2),
            (5, 6, 4, 4, 2, 2),
            (5, 6, 4, 4, 2, 2),
            (5, 6, 4, 4, 1, 2),
            (5, 6, 4, 4, 1, 2),
            (5, 10, 4, 4, 1, 2),
            (5, 8, 4, 4, 1, 3),
            (5, 8, 4, 4, 1, 3),
            (6, 14, 4, 4, 2, 3),
            (8, 16, 4, 4, 2, 3),
            (6, 12, 4, 4, 2, 4),
            (6, 12, 4, 4, 2, 4),
            (8, 14, 4, 4, 2, 4),
            (8, 16, 4, 4, 2, 4),
            (10, 18, 4, 4, 2, 4),
            (10, 18, 4, 4, 2, 5),
            (10, 18, 4, 4, 2, 5),
            (12, 20, 4, 4, 2, 5),
            (15, 22, 4, 4, 2, 5),
            (20, 25, 4, 4, 2, 5),
        ],
        more={
            5: {"relations": 1, "aloud": True},
            6: {"relations": 4, "aloud": True},
            **{number: {"aloud": True} for number in (7, 8, 11, 15, 20)},
        },
    )
    splits = Splits({"test-path-5": {"min_path": 5, "max_path": 5}})
    relations, aloud = RELATION_COUNT, False  # of a world without lessons, as `FamilyTree`

    def __init__(
        self, *, lesson: int | None = None, relations: int | None = None, aloud: bool | None = None, **rest: Any
    ):
        super().__init__(lesson=lesson, **rest)
        here = self.splits.at_lesson(self.lessons, lesson)["train"]
        given = here.get("relations", RELATION_COUNT) if relations is None else relations
        self.relations = check_range("relations", given, 1, RELATION_COUNT)
        self.aloud = bool(here.get("aloud", False)) if aloud is None else aloud

    def usual_planning(self) -> int:
        return self.path.high - 1

    def check_sizes(self) -> None:
        """As `GraphWorld.check_sizes`.

        Raises:
            FoveateError: there are too few nodes, too many edges, or paths that don't lead on from every node.
        """
        if self.degree.high > KINDS or self.path.high > 5:
            raise FoveateError(
                f"degree {self.degree} and path {self.path} are not allowed: there are {KINDS} kinds of edges, and "
                "paths of 1 to 5."
            )
        if self.path.high > 1 and (self.degree.low < KINDS or self.nodes.low <= KINDS):
            raise FoveateError(
                f"nodes {self.nodes} and degree {self.degree} are not allowed: relations need more than {KINDS} nodes "
                f"and {KINDS} edges out of each; paths of 1 do with fewer."
            )

    def most_asked(self) -> int:
        return 2 + self.planning

    def edge_labels(self, rng: CounterRNG, graph: Graph) -> Tensor:
        return edge_label(graph.kind)

    def graphs(self, rng: CounterRNG) -> Graph:
        graph = super().graphs(rng)
        nodes, degree = graph.kind.shape[1:]
        return graph._replace(kind=rng.bits("kinds", nodes, KINDS).argsort(dim=-1)[..., :degree])

    def pairs(self, rng: CounterRNG, graph: Graph) -> tuple[Tensor, Tensor]:
        """A node and the number of a path for each world, such that the path leads somewhere, each (n,)."""
        node = rng.bits("node") % graph.count
        if self.path.high == 1:  # an edge out of it
            world = torch.arange(len(node), device=node.device)
            edge = rng.bits("edge") % graph.degree[world, node]
            return node, RELATION_COUNT + graph.kind[world, node, edge]
        fitting = [i for i, steps in enumerate(paths()) if self.path.low <= len(steps) <= self.path.high]
        relations, edges = [i for i in fitting if i < RELATION_COUNT], [i for i in fitting if i >= RELATION_COUNT]
        allowed = constant((*relations[: self.relations], *edges), node.device)
        return node, allowed[rng.integers("relation", len(allowed))]

    def question(self, rng: CounterRNG, graph: Graph, triples: Tensor, place: Tensor) -> Question:
        n = len(rng)
        rows = torch.arange(n, device=graph.count.device)
        node, relation = self.pairs(rng, graph)
        steps = constant(path_table(), node.device)[relation]  # (n, 5)
        here, shown = node, []
        way: list[Tensor] = []  # the triple of each edge and when it is shown, (n, 4); the last one stays
        for step in steps.unbind(1):
            fits = (graph.kind[rows, here] == step[:, None]) & (graph.target[rows, here] >= 0)  # (n, D)
            edge = fits.int().argmax(1)
            shown.append(torch.where(step >= 0, place[rows, here, edge], -1))
            if self.aloud:
                told = torch.cat([triples[rows, here, edge], place[rows, here, edge, None]], -1)
                way.append(torch.where(step[:, None] >= 0, told, way[-1]) if way else told)
            here = torch.where(step >= 0, graph.target[rows, here, edge], here)
        name = lambda who: triples[rows, who, 0, 0]  # noqa: E731
        label = torch.where(
            relation < RELATION_COUNT, (7 * relation + 3) % LABELS, edge_label(relation - RELATION_COUNT)
        )
        whole = torch.stack([name(node), label, name(here)], -1)[:, None]  # (n, 1, 3)
        asked = torch.full((n, 1 + self.planning, 3), -1, device=node.device)
        asked[:, 0, :2] = whole[:, 0, :2]
        one = torch.ones_like(node)
        relevant = torch.stack(shown, 1)[:, None]
        extra = {"way": torch.stack(way, 1)} if self.aloud else {}  # (n, 5, 4)
        return Question(asked, one + self.planning, whole, one, relevant, extra)

    def script(self, rng: CounterRNG) -> Script:
        script = super().script(rng)
        if not self.aloud:
            return script
        way = script.extra.pop("way")  # (n, 5, 4)
        edge = moments(self.most_steps, way) - script.extra["asked_from"][:, None] - 1  # (n, T), which is due
        silent = ((edge >= 0) & (edge < self.planning))[..., None]  # (n, T, 1)
        now = rows_at(way, edge)  # (n, T, 4)
        relevant = script.extra["relevant"]  # (n, T, 5)
        alone = F.pad(now[..., 3:], (0, relevant.shape[-1] - 1), value=-1)
        script.extra["relevant"] = torch.where(silent, alone, relevant)
        due = digits_of(now[..., :3]).flatten(2)  # (n, T, 9)
        return script._replace(targets=torch.where(silent, due, script.targets), mask=script.mask | silent[..., 0])
