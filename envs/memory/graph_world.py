"""What all questions about graphs share: a description, edge by edge, then a question, then an answer."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from gymnasium import spaces
from torch import Tensor
from torch.nn import functional as F

from ...errors import check_range
from ..batch import State
from ..counter_rng import CounterRNG
from ..scale import Certified, ScoreScale
from .graphs import Graph, digits_of, permutation, random_graphs
from .script import AnswerWorld, Script, moments, rows_at

Reward = Literal["dense", "whole"]
TRIPLE = 9  # digits: source, edge, destination
DIGITS = ScoreScale(
    oracle=Certified(1.0, 1e-4),
    blind=Certified(0.1, 0.01),
    random=Certified(0.1, 0.01),
    memoryless=Certified(0.1, 0.01),
)


class Question(NamedTuple):
    """What is asked of n graphs, and what is due.

    Attributes:
        shown: int64, (n, Q, 3), the labels shown while asking; -1 is a gap.
        asking: int64, (n,), how many moments that takes.
        due: int64, (n, A, 3), the triples due.
        answers: int64, (n,), how many.
        relevant: int64, (n, A, S), the moments that are relevant to each of them; -1 for none.
        extra: more of the state, tensors (n, …) by name.
    """

    shown: Tensor
    asking: Tensor
    due: Tensor
    answers: Tensor
    relevant: Tensor
    extra: dict[str, Tensor]


class GraphWorld(AnswerWorld):
    """A graph is described edge by edge, then asked about.

    Description:
        Nodes and edges have labels of three digits, drawn anew in every episode. First every edge is shown once, in
        random order, as a triple (source, edge, destination); then comes the question, as triples with gaps; then the
        answer is due, as whole triples.

    Observation space:
        ``Box(0, 1, (92,))``: nine digits, each as one of ten channels (none: a gap), and two channels that say that a
        question is being asked, and that an answer is due.

    Action space:
        ``MultiDiscrete([10] * 9)``: the digits of a triple.

    Rewards:
        "dense": the share of the digits that is right; "whole": 1 at the end if all triples are.

    Starting state:
        A random graph (points in the unit square, each joined to its nearest neighbours), random labels, a random
        question.

    Episode end:
        After the answer. Never truncated.

    Info:
        target, target_mask: the digits to write now, and whether they count; score: whether the whole answer is right,
        known at the end; relevance (on request): the earlier moments that showed the edges due now, and the question.

    Args:
        lesson: a number of the curriculum, from 1; None takes the last lesson.
        split: "train", "validation" and "test" have the lesson's sizes; others are named by the task.
        min_nodes: the fewest nodes; None leaves it to lesson and split.
        max_nodes: the most nodes.
        min_degree: the fewest edges out of a node.
        max_degree: the most edges out of a node.
        min_path: the fewest edges of the path that is asked for.
        max_path: the most edges of the path that is asked for.
        reward: "dense" or "whole".
    """

    scale: ClassVar[ScoreScale | None] = DIGITS
    score_name = "whole answer right"
    lessons: ClassVar[list[dict[str, int]]]

    def __init__(
        self,
        *,
        lesson: int | None = None,
        split: str = "train",
        min_nodes: int | None = None,
        max_nodes: int | None = None,
        min_degree: int | None = None,
        max_degree: int | None = None,
        min_path: int | None = None,
        max_path: int | None = None,
        reward: Reward = "dense",
    ):
        self.set_reward(reward)
        sizes = self.splits.at_lesson(self.lessons, lesson).sizes(
            split,
            min_nodes=min_nodes,
            max_nodes=max_nodes,
            min_degree=min_degree,
            max_degree=max_degree,
            min_path=min_path,
            max_path=max_path,
        )
        self.nodes, self.degree = sizes.range("nodes", 2, 200), sizes.range("degree", 1, 20)
        self.path = sizes.range("path", 1, 100)
        self.check_sizes()
        self.prepare(self.nodes.high, self.nodes.high * min(self.degree.high, self.nodes.high - 1))

    def check_sizes(self) -> None:
        """Raise a FoveateError where sizes don't go together."""

    def prepare(self, most_nodes: int, most_edges: int) -> None:
        """Declare the spaces, for graphs of at most so many nodes and edges."""
        self.most_nodes, self.most_edges = most_nodes, most_edges
        self.set_spaces(10 * TRIPLE + 2, spaces.MultiDiscrete([10] * TRIPLE), most_edges + self.most_asked())

    def footprint(self) -> int:
        return super().footprint() + 4 * self.most_nodes**2 + 8 * self.most_edges

    def most_asked(self) -> int:
        """The moments of the longest question and answer."""
        raise NotImplementedError

    def graphs(self, rng: CounterRNG) -> Graph:
        """The graphs of ``len(rng)`` episodes."""
        return random_graphs(rng, self.nodes, self.degree)

    def node_labels(self, rng: CounterRNG) -> Tensor:
        """The labels of nodes, (n, 1000), in the order of the graph's nodes; those beyond its last one are nobody's."""
        return permutation(rng, "node labels")

    def edge_labels(self, rng: CounterRNG, graph: Graph) -> Tensor:
        """The label of each edge, (n, N, D): different for the edges out of a node."""
        return rows_at(permutation(rng, "edge labels"), graph.kind.flatten(1)).view_as(graph.kind)

    def question(self, rng: CounterRNG, graph: Graph, triples: Tensor, place: Tensor) -> Question:
        """What is asked and due.

        Args:
            rng: of n worlds.
            graph: their graphs.
            triples: the label triple of each edge, (n, N, D, 3).
            place: at which moment each edge is shown, (n, N, D).
        """
        raise NotImplementedError

    def script(self, rng: CounterRNG) -> Script:
        graph = self.graphs(rng)
        names = self.node_labels(rng)[:, : graph.target.shape[1]]  # (n, N)
        there = graph.target >= 0
        source = names[..., None].expand_as(graph.target)
        goal = rows_at(names, graph.target.flatten(1)).view_as(graph.target)
        triples = torch.stack([source, self.edge_labels(rng, graph), goal], -1)  # (n, N, D, 3)
        # the edges in random order, those that aren't there last
        order = rng.uniform("order", there[0].numel()).masked_fill(~there.flatten(1), torch.inf).argsort(dim=1)
        place = order.argsort(dim=1).view_as(there)
        edges = there.sum((1, 2))[:, None]  # (n, 1)
        asked, asking, due, answers, relevant, more = self.question(rng, graph, triples, place)
        time = moments(self.most_steps, edges)
        question, answer = edges + asking[:, None], edges + asking[:, None] + answers[:, None]
        describing, ask, reply = time < edges, (time >= edges) & (time < question), (time >= question) & (time < answer)
        edge = rows_at(triples.flatten(1, 2), rows_at(order, time.expand(len(rng), -1)))
        shown = torch.where(describing[..., None], edge, rows_at(asked, time - edges))
        shown = torch.where((describing | ask)[..., None], shown, -1)  # (n, T, 3)
        inputs = torch.cat([digits_of(shown).flatten(2), ask[..., None], reply[..., None]], -1)  # (n, T, 11)
        targets = digits_of(rows_at(due, time - question)).flatten(2) * reply[..., None]
        extra = {
            "relevant": torch.where(reply[..., None], rows_at(relevant, time - question), -1),
            "asked_from": edges[:, 0],
            "asked_to": question[:, 0],
            **more,
        }
        return Script(inputs.float(), targets, reply, answer[:, 0], extra)

    def shown(self, inputs: Tensor) -> Tensor:
        hot = F.one_hot(inputs[..., :TRIPLE].long() + 1, 11)[..., 1:]  # (…, 9, 10): a gap is no channel
        return torch.cat([hot.flatten(-2).float(), inputs[..., TRIPLE:]], -1)

    def sources(self, state: State) -> Tensor:
        relevant = self._now(state, "relevant")  # (B, S)
        time = moments(self.most_steps, relevant)
        hot = (time[..., None] == relevant[:, None]).any(-1)
        asked_to = torch.minimum(state["asked_to"], state["clock"])  # an answer may be due while the question goes on
        asked = (time >= state["asked_from"][:, None]) & (time < asked_to[:, None])
        return hot | (asked & self._now(state, "mask")[:, None])

    def score(self, state: State) -> Tensor:
        return self.whole(state)


class PlanningWorld(GraphWorld):
    """A question with silent moments before its answer, in which an agent can go from node to node.

    Args:
        planning: silent moments between question and answer; None is as many as `usual_planning` says.
    """

    def __init__(self, *, planning: int | None = None, **rest: Any):
        self.set_planning(planning)
        super().__init__(**rest)

    def set_planning(self, planning: int | None) -> None:
        """Choose how many silent moments there are."""
        self._planning = planning if planning is None else check_range("planning", planning, 0, 1000)

    @property
    def planning(self) -> int:
        """Silent moments between question and answer."""
        return self.usual_planning() if self._planning is None else self._planning

    def usual_planning(self) -> int:
        """How many suit the longest path that is asked for."""
        raise NotImplementedError


def lesson_table(rows: list[tuple[int, ...]], more: Mapping[int, dict[str, int]] | None = None) -> list[dict[str, int]]:
    """Lessons from a table of their sizes.

    Args:
        rows: a lesson each: nodes, degree and path, each from … to.
        more: further settings, keyed by the number of the lesson.
    """
    names = ("min_nodes", "max_nodes", "min_degree", "max_degree", "min_path", "max_path")
    more = more or {}
    return [{**dict(zip(names, row, strict=True)), **more.get(i, {})} for i, row in enumerate(rows, 1)]


def pick_edges(table: Tensor, nodes: Tensor, edges: Tensor) -> Tensor:
    """``out[b, t] = table[b, nodes[b, t], edges[b, t]]``."""
    return table[torch.arange(len(table), device=table.device)[:, None], nodes, edges]
