"""Ways through graphs: follow a path, find the shortest one."""

import torch
from torch import Tensor

from ..batch import State, Tensors
from ..counter_rng import CounterRNG
from ..sizes import Splits
from .graph_world import TRIPLE, GraphWorld, PlanningWorld, Question, lesson_table, pick_edges
from .graphs import Graph, digits_of, distances, labels_of, walk
from .script import SequenceWorld, moments, rows_at


class GraphTraversal(SequenceWorld, GraphWorld):
    """Follow a path through a graph, given its first node and the labels of its edges.

    Everything else is as in `GraphWorld`. The question shows (node, edge, -), (-, edge, -), …; the answer is each whole
    triple of the path.

    Source:
        Graves et al. 2016, "Hybrid computing using a neural network with dynamic external memory", Methods: the format
        (92 inputs), the graphs, and the last lesson (10 to 40 nodes, out-degree 2 to 6, paths of 1 to 20); the lessons
        before it are ours.

    Version history:
        v0: first version.
    """

    lessons = lesson_table(
        [
            (3, 5, 1, 2, 1, 1),
            (3, 8, 1, 2, 1, 2),
            (3, 10, 1, 3, 1, 3),
            (4, 12, 1, 3, 1, 4),
            (5, 14, 2, 3, 1, 5),
            (5, 16, 2, 4, 1, 6),
            (6, 18, 2, 4, 1, 7),
            (6, 20, 2, 5, 1, 8),
            (7, 22, 2, 5, 1, 10),
            (8, 26, 2, 5, 1, 12),
            (8, 30, 2, 6, 1, 14),
            (9, 33, 2, 6, 1, 16),
            (10, 36, 2, 6, 1, 18),
            (10, 40, 2, 6, 1, 20),
        ]
    )
    splits = Splits(
        {"test-path-20": {"min_path": 20, "max_path": 20}, "test-nodes-60": {"min_nodes": 60, "max_nodes": 60}}
    )

    def most_asked(self) -> int:
        return 2 * self.path.high

    def names(self, world: int) -> dict[int, str]:
        """What nodes of a world are called, by their labels in its present episode; empty where they have no names."""
        return {}

    def question(self, rng: CounterRNG, graph: Graph, triples: Tensor, place: Tensor) -> Question:
        length = self.path.sample(rng, "path")
        nodes, edges = walk(rng, graph, self.path.high)
        due = pick_edges(triples, nodes[:, :-1], edges)  # (n, P, 3)
        asked = torch.full_like(due, -1)
        asked[..., 1] = due[..., 1]
        asked[:, 0, 0] = due[:, 0, 0]
        return Question(asked, length, due, length, pick_edges(place, nodes[:, :-1], edges)[..., None], {})


class ShortestPath(PlanningWorld):
    """Find a shortest path between two nodes of a graph.

    Everything else is as in `GraphWorld`. The question shows (node, -, goal); after `planning` silent moments the
    triples of a shortest path are due. Any shortest path is right: the target is always the next edge of one from the
    node that was reached, and ``info["target_set"]``, bool (9, 10), has each digit of all such edges.

    Args:
        planning: silent moments between question and answer; None is two for each edge of the longest path.

    Source:
        Graves et al. 2016, Methods: last lesson 20 to 25 nodes, paths of 2 to 5, 10 planning moments; the lessons
        before it, which leave fewer, are ours.

    Version history:
        v0: first version.
    """

    lessons = lesson_table(
        [
            (4, 6, 1, 2, 1, 1),
            (4, 8, 1, 2, 1, 2),
            (5, 10, 2, 3, 1, 2),
            (5, 12, 2, 3, 2, 2),
            (6, 14, 2, 3, 2, 3),
            (8, 16, 2, 3, 2, 3),
            (10, 18, 2, 4, 2, 3),
            (10, 20, 2, 4, 2, 4),
            (12, 20, 2, 4, 2, 4),
            (14, 20, 2, 4, 2, 4),
            (15, 22, 2, 5, 2, 4),
            (15, 25, 2, 5, 2, 5),
            (18, 25, 2, 5, 2, 5),
            (20, 25, 2, 6, 2, 5),
            (20, 25, 2, 6, 2, 5),
        ]
    )
    splits = Splits({"test-nodes-40": {"min_nodes": 40, "max_nodes": 40}})

    def usual_planning(self) -> int:
        return 2 * self.path.high

    def most_asked(self) -> int:
        return 1 + self.planning + self.path.high

    def question(self, rng: CounterRNG, graph: Graph, triples: Tensor, place: Tensor) -> Question:
        high = self.path.high
        n, nodes, _ = graph.target.shape
        away = distances(graph, high)  # (n, N, N)
        wanted = self.path.sample(rng, "path")[:, None, None]
        # a pair at the wanted distance; where there is none, the farthest pair that may be asked for
        fits = torch.where((away >= 1) & (away <= high), away.float(), -1.0) + 1000.0 * (away == wanted).float()
        pair = (fits + 0.5 * rng.uniform("pair", nodes, nodes)).flatten(1).argmax(1)
        first, goal = pair // nodes, pair % nodes
        to_goal = away[torch.arange(n, device=goal.device), :, goal]  # (n, N)
        # the edges that lead nearer, from every node, and the first of them
        nearer = rows_at(to_goal, graph.target.flatten(1)).view_as(graph.target) == to_goal[..., None] - 1
        right = nearer & (graph.target >= 0)  # (n, N, D)
        best = right.int().argmax(-1)  # (n, N)
        digits = digits_of(triples).flatten(3)  # (n, N, D, 9)
        answer = digits.gather(2, best[..., None, None].expand(-1, -1, 1, TRIPLE))[:, :, 0]  # (n, N, 9)
        extra = {
            "names": triples[:, :, 0, 0],
            "edge_names": torch.where(graph.target >= 0, triples[..., 1], -1),
            "leads": graph.target,
            "right_edges": right,
            "best": best,
            "answer": answer,
            "answer_set": _digit_set(digits, right, answer),
            "shown_at": place,
            "here": first,
        }
        name = lambda node: triples[torch.arange(n, device=node.device), node, 0, 0]  # noqa: E731
        asked = torch.full((n, 1 + self.planning, 3), -1, device=first.device)
        asked[:, 0, 0], asked[:, 0, 2] = name(first), name(goal)
        length = to_goal.gather(1, first[:, None])[:, 0]
        due = torch.zeros(n, high, 3, dtype=torch.int64, device=first.device)  # it depends on the way that is taken
        relevant = torch.full((n, high, 1), -1, device=first.device)
        asking = torch.full_like(length, 1 + self.planning)
        return Question(asked, asking, due, length, relevant, extra)

    def _here(self, state: State, name: str) -> Tensor:
        """What is known of the node that was reached: (B, N, …) -> (B, …)."""
        return state[name][self._every_world, state["here"]]

    def _target(self, state: State, due: Tensor) -> Tensor:
        """The digits of the next edge of a shortest path where an answer is due, else zeros, (B, 9)."""
        return self._here(state, "answer") * due[:, None]

    def advance(self, state: State, action: Tensor, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        now = self._moment(state)
        due = self._now(state, "mask")
        said = labels_of(action.view(-1, 3, 3))  # (B, 3)
        leads, labels = self._here(state, "leads"), self._here(state, "edge_names")  # (B, D)
        named = (labels == said[:, 1:2]) & (rows_at(state["names"], leads) == said[:, 2:])
        fits = self._here(state, "right_edges") & named
        valid = fits.any(1) & (said[:, 0] == self._here(state, "names"))
        target = torch.where(valid[:, None], action, self._target(state, due))  # any shortest path is right
        moved, reward, ended = self.answered(state, action, now, target, None)
        edge = torch.where(valid, fits.int().argmax(1), self._here(state, "best"))
        here = leads.gather(1, edge[:, None])[:, 0]
        moved["here"] = torch.where(due, here, state["here"]).clamp(min=0)
        if self.keep_trail:  # the picture shows what was due
            moved["targets"] = state["targets"].clone()
            moved["targets"].flatten(0, 1)[now] = target * due[:, None]
        return moved, reward, ended

    def annotate(self, state: State) -> dict[str, Tensor]:
        due = self._now(state, "mask")
        nothing = torch.arange(10, device=due.device) == 0  # zeros where nothing is due
        target_set = torch.where(due[:, None, None], self._here(state, "answer_set"), nothing)
        return {"target": self._target(state, due), "target_mask": due, "target_set": target_set}

    def sources(self, state: State) -> Tensor:
        shown = self._here(state, "shown_at").gather(1, self._here(state, "best")[:, None])  # (B, 1)
        now = self._now(state, "mask")[:, None]
        return super().sources(state) | ((moments(self.most_steps, shown) == shown) & now)

    def footprint(self) -> int:
        return super().footprint() + 4 * TRIPLE * self.most_nodes  # what is right, for every node

    def oracle(self) -> Tensors:
        return self._target(self.state, self._now(self.state, "mask"))


def _digit_set(digits: Tensor, right: Tensor, answer: Tensor) -> Tensor:
    """Each digit that a right edge has at a place of its triple, and those of the answer.

    Args:
        digits: of each edge's triple, (n, N, D, 9).
        right: bool, (n, N, D), which edges are right.
        answer: the digits of one of them, (n, N, 9).

    Returns:
        bool, (n, N, 9, 10).
    """
    found = torch.where(right[..., None], digits, answer[:, :, None]).transpose(2, 3)  # (n, N, 9, D)
    none = torch.zeros(*answer.shape, 11, dtype=torch.bool, device=answer.device)
    return none.scatter_(-1, found % 11, True)[..., :10]  # -1 is no digit
