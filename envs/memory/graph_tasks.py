"""Ways through graphs: follow a path, find the shortest one."""

from typing import Any

import torch
from torch import Tensor

from ...errors import check_range
from ..batch import State, Tensors
from ..counter_rng import CounterRNG
from ..sizes import Splits
from .graph_world import GraphWorld, Question, lesson_table, pick_edges
from .graphs import Graph, digits_of, distances, walk
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

    def question(self, rng: CounterRNG, graph: Graph, triples: Tensor, place: Tensor) -> Question:
        length = self.path.sample(rng, "path")
        nodes, edges = walk(rng, graph, self.path.high)
        due = pick_edges(triples, nodes[:, :-1], edges)  # (n, P, 3)
        asked = torch.full_like(due, -1)
        asked[..., 1] = due[..., 1]
        asked[:, 0, 0] = due[:, 0, 0]
        return Question(asked, length, due, length, pick_edges(place, nodes[:, :-1], edges)[..., None], {})


class ShortestPath(GraphWorld):
    """Find a shortest path between two nodes of a graph.

    Everything else is as in `GraphWorld`. The question shows (node, -, goal); after `planning` silent moments the
    triples of a shortest path are due. Any shortest path is right: the target is always the next edge of one from the
    node that was reached, and ``info["target_set"]``, bool (9, 10), has each digit of all such edges.

    Args:
        planning: silent moments between question and answer.

    Source:
        Graves et al. 2016, Methods: last lesson 20 to 25 nodes, paths of 2 to 5, 10 planning moments; the lessons
        before it are ours.

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

    def __init__(self, *, planning: int = 10, **rest: Any):
        check_range("planning", planning, 0, 1000)
        self.planning = planning
        super().__init__(**rest)

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
        # the first edge that leads nearer, from every node
        nearer = rows_at(to_goal, graph.target.flatten(1)).view_as(graph.target) == to_goal[..., None] - 1
        best = (nearer & (graph.target >= 0)).int().argmax(-1)  # (n, N)
        extra = {
            "names": triples[:, :, 0, 0],
            "edge_names": torch.where(graph.target >= 0, triples[..., 1], -1),
            "leads": graph.target,
            "to_goal": to_goal,
            "best": best,
            "shown_at": place,
            "here": first,
        }
        name = lambda node: triples[torch.arange(n, device=node.device), node, 0, 0]  # noqa: E731
        asked = torch.full((n, 1 + self.planning, 3), -1, device=first.device)
        asked[:, 0, 0], asked[:, 0, 2] = name(first), name(goal)
        length = to_goal.gather(1, first[:, None])[:, 0]
        due = torch.zeros(n, high, 3, dtype=torch.int64, device=first.device)  # filled in by `_targets`
        relevant = torch.full((n, high, 1), -1, device=first.device)
        asking = torch.full_like(length, 1 + self.planning)
        return Question(asked, asking, due, length, relevant, extra)

    def _edge(self, state: State) -> tuple[Tensor, Tensor]:
        """The next edge of a shortest path from here: its number, and the node it leads to."""
        rows = self._every_world
        edge = state["best"][rows, state["here"]]
        return edge, state["leads"][rows, state["here"], edge]

    def _name(self, state: State, node: Tensor) -> Tensor:
        return state["names"].gather(1, node.clamp(min=0)[:, None])[:, 0]

    def _target(self, state: State) -> Tensor:
        """The digits of that edge's triple where an answer is due, else zeros, (B, 9)."""
        rows = self._every_world
        edge, following = self._edge(state)
        label = state["edge_names"][rows, state["here"], edge]
        triple = torch.stack([self._name(state, state["here"]), label, self._name(state, following)], -1)
        return digits_of(triple).flatten(1) * self._now(state, "mask")[:, None]

    def _fits(self, state: State) -> Tensor:
        """Which edges from here are on a shortest path, bool (B, D)."""
        leads = state["leads"][self._every_world, state["here"]]
        nearer = rows_at(state["to_goal"], leads) == rows_at(state["to_goal"], state["here"][:, None]) - 1
        return (leads >= 0) & nearer

    def _target_set(self, state: State) -> Tensor:
        """Each digit that the triple of an edge on a shortest path has; zeros where nothing is due, bool (B, 9, 10)."""
        rows = self._every_world
        leads, labels = state["leads"][rows, state["here"]], state["edge_names"][rows, state["here"]]  # (B, D)
        source = self._name(state, state["here"])[:, None].expand_as(leads)
        triples = torch.stack([source, labels, rows_at(state["names"], leads)], -1)  # (B, D, 3)
        hot = digits_of(triples).flatten(2)[..., None] == torch.arange(10, device=leads.device)  # (B, D, 9, 10)
        right = (hot & self._fits(state)[..., None, None]).any(1)
        target = self._target(state)[..., None] == torch.arange(10, device=leads.device)
        return torch.where(self._now(state, "mask")[:, None, None], right | target, target)

    def advance(self, state: State, action: Tensor, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        rows = self._every_world
        due = self._now(state, "mask")
        # (B, 3) labels; CUDA has no product of whole-number matrices
        said = (action.view(-1, 3, 3) * torch.tensor([100, 10, 1], device=action.device)).sum(-1)
        leads, labels = state["leads"][rows, state["here"]], state["edge_names"][rows, state["here"]]  # (B, D)
        named = rows_at(state["names"], leads) == said[:, 2:]
        fits = self._fits(state) & named & (labels == said[:, 1:2])
        valid = fits.any(1) & (said[:, 0] == self._name(state, state["here"]))
        chosen = leads.gather(1, fits.int().argmax(1)[:, None])[:, 0]
        target = torch.where(valid[:, None], action, self._target(state))  # any shortest path is right
        moment = state["clock"].clamp(max=self.most_steps - 1)
        targets = state["targets"].clone()
        targets[rows, moment] = torch.where(due[:, None], target, targets[rows, moment])
        moved, reward, ended = super().advance({**state, "targets": targets}, action, rng)
        here = torch.where(valid, chosen, self._edge(state)[1])
        moved["here"] = torch.where(due, here, state["here"]).clamp(min=0)
        return moved, reward, ended

    def annotate(self, state: State) -> dict[str, Tensor]:
        said = {"target": self._target(state), "target_mask": self._now(state, "mask")}
        return {**said, "target_set": self._target_set(state)}

    def sources(self, state: State) -> Tensor:
        rows = self._every_world
        shown = state["shown_at"][rows, state["here"], self._edge(state)[0]]
        now = self._now(state, "mask")[:, None]
        return super().sources(state) | ((moments(self.most_steps, shown) == shown[:, None]) & now)

    def oracle(self) -> Tensors:
        return self._target(self.state)
