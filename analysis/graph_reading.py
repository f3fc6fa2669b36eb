"""How a differentiable neural computer reads graphs: where it puts edges, how it finds them, what it looks for."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..agents.policies.policy import Policy
from ..envs.episodes import Episodes
from ..envs.memory.graph_tasks import GraphTraversal
from ..envs.memory.graphs import digits_of, distances, fixed_graph, labels_of
from ..errors import FoveateError
from ..viz.graph_map import GraphMap, classical_scaling
from ..viz.graph_reading import GraphPage
from .read_out import ReadOut, fit_read_out, plain_digits
from .whole_episodes import predict_episodes

AT_ONCE = 8  # episodes, which bounds the memory


class Played(NamedTuple):
    """One episode of D moments of description, Q of the question and A of the answer (T in all), and R read heads.

    Attributes:
        edges: int64, (D, 3), the labels of each edge: source, edge, destination.
        asked: int64, (Q, 3), the labels shown while asking; -1 is a gap.
        due: int64, (A, 3), the labels of the edges of the path.
        shown_at: int64, (A,), the moment at which each of them was described.
        right: bool, (A,), which answers are wholly right.
        written: int64, (T,), the row that is written most at each moment.
        contents: float, (D, W), the row of each edge after it was written.
        read: int64, (T, R), the row that each head reads most.
        on_due: float, (A, R), the weight of each head on the row of the edge that is due.
        modes: float, (T, R, 3), backward, content, forward.
        vectors: float, (Q + A, R, W), what is read from the question on.
        keys: float, (Q + A, R, W).
        strengths: float, (Q + A, R).
        masks: float, (Q + A, R, W), of the keys; None where the core has none.
    """

    edges: Tensor
    asked: Tensor
    due: Tensor
    shown_at: Tensor
    right: Tensor
    written: Tensor
    contents: Tensor
    read: Tensor
    on_due: Tensor
    modes: Tensor
    vectors: Tensor
    keys: Tensor
    strengths: Tensor
    masks: Tensor | None

    @property
    def due_rows(self) -> Tensor:
        """The row in which each edge of the path was written, int64 (A,)."""
        return self.written[self.shown_at]

    @property
    def answers(self) -> slice:
        """The moments of the answer among all."""
        return slice(len(self.edges) + len(self.asked), None)


class GraphReading(NamedTuple):
    """How graphs are read, in the mean over the answers of some episodes, and one of these episodes.

    The row of an edge is the one that is written most when the edge is described. What read-outs tell is of episodes
    that they weren't fitted to.

    Attributes:
        right: the share of answers, whole triples, that are right.
        found: the share at which the row that some head reads most is that of the edge that is due.
        by_chance: the same for an edge of the episode that is drawn at random.
        heads: the same for each head, float (R,).
        instruction: the share at which the row that a head reads most was written at the moment of the question that
            asks for this edge, float (R,).
        next_instruction: the same for the moment that asks for the edge after it; of all answers but the last.
        asking: the modes of each head at questions, float (R, 3): backward, content, forward.
        answering: the same at answers.
        head: the head that reads the due edges the most, from 0.
        told: the share of digits that are told right from what this head reads at answers.
        wanted: the share of digits of source, edge and destination that its keys look for and that are due, float (3,).
        page: the first of the episodes that read-outs weren't fitted to.
    """

    right: float
    found: float
    by_chance: float
    heads: np.ndarray
    instruction: np.ndarray
    next_instruction: np.ndarray
    asking: np.ndarray
    answering: np.ndarray
    head: int
    told: float
    wanted: np.ndarray
    page: GraphPage


def graph_reading(policy: Policy, world: GraphTraversal, episodes: int) -> GraphReading:
    """Let a policy with a DNC follow paths through graphs, and say how it reads them.

    Args:
        policy: of ours; its core records modes of reading and keys.
        world: that was reset.
        episodes: how many, at least 2; read-outs are fitted to half of them.

    Raises:
        FoveateError: the policy's core is no DNC.
    """
    half, played = episodes // 2, list[Played]()
    weights, names = (np.zeros((0, 0)), np.zeros((0, 0, 0))), dict[int, str]()
    while len(played) < episodes:
        count = min(AT_ONCE, world.num_worlds, episodes - len(played))
        whole = world.episodes(count)
        prediction = predict_episodes(policy, whole)
        _check(prediction.records)
        digits = prediction.parameters["action"].unflatten(-1, (-1, 10)).argmax(-1)  # (T, n, 9)
        some = [_played(whole, prediction.records, digits, i) for i in range(count)]
        if len(played) <= half < len(played) + count:
            i = half - len(played)
            weights, names = _weights(prediction.records, int(whole.length[i]), i), world.names(i)
        played += some
    known, new = played[:half], played[half:]
    read_out = fit_read_out(
        torch.cat([each.contents for each in known]), _digits(torch.cat([each.edges for each in known]))
    )
    head = int(torch.cat([each.on_due for each in played]).mean(0).argmax())
    told, wanted = _judged(read_out, new, head)
    found, by_chance = _share([_found(each) for each in played])
    return GraphReading(
        float(torch.cat([each.right for each in played]).double().mean()),
        float(found),
        float(by_chance),
        _share([each.read[each.answers] == each.due_rows[:, None] for each in played]),
        _share([each.read[each.answers] == _asked_rows(each)[:, None] for each in played]),
        _share([each.read[each.answers][:-1] == _asked_rows(each)[1:, None] for each in played]),
        _share([each.modes[len(each.edges) : each.answers.start] for each in played]),
        _share([each.modes[each.answers] for each in played]),
        head,
        told,
        wanted,
        _page(new[0], weights, names, read_out, head),
    )


def _check(records: Mapping[str, Tensor]) -> None:
    if "memory" not in records or "write_weights" not in records:
        raise FoveateError("this agent has no external memory: those with an ntm or dnc core have one.")
    if "read_modes" not in records or "read_keys" not in records:
        raise FoveateError("how graphs are read is known of agents with a dnc core: this one has no modes of reading.")


def _played(whole: Episodes, records: Mapping[str, Tensor], digits: Tensor, i: int) -> Played:
    """Episode i of some, whose answers are `digits`, (T, n, 9)."""
    described, asked, end = (
        int(part[i]) for part in (whole.state["asked_from"], whole.state["asked_to"], whole.length)
    )
    labels = labels_of(whole.state["inputs"][i, :end, :9].unflatten(-1, (3, 3)))  # (T, 3)
    asking, every = slice(described, end), torch.arange(end, device=labels.device)
    written = records["write_weights"][:end, i].sum(1).argmax(-1)  # (T,)
    weights, memory = records["read_weights"][:end, i], records["memory"][:end, i]  # (T, R, N), (T, N, W)
    shown_at = whole.state["relevant"][i, asked:end, 0]
    due = whole.target[asked:end, i]
    return Played(
        edges=labels[:described],
        asked=labels[described:asked],
        due=labels_of(due.unflatten(-1, (3, 3))),
        shown_at=shown_at,
        right=(digits[asked:end, i] == due).all(-1),
        written=written,
        contents=memory[every[:described], written[:described]],
        read=weights.argmax(-1),
        on_due=weights[every[asked:], :, written[shown_at]],
        modes=records["read_modes"][:end, i],
        vectors=weights[asking] @ memory[asking],
        keys=records["read_keys"][asking, i],
        strengths=records["read_strengths"][asking, i],
        masks=records["read_masks"][asking, i] if "read_masks" in records else None,
    )


def _digits(labels: Tensor) -> Tensor:
    """The nine digits of triples of labels, (…, 3) -> (…, 9)."""
    return digits_of(labels).flatten(-2)


def _asked_rows(each: Played) -> Tensor:
    """The rows that are written as the question asks for each edge, int64 (A,)."""
    return each.written[len(each.edges) : each.answers.start]


def _share(parts: list[Tensor]) -> np.ndarray:
    """The mean over all moments of some episodes, (moments, …) each."""
    return torch.cat(parts).double().mean(0).numpy(force=True)


def _found(each: Played) -> Tensor:
    """Whether some head reads the row of the due edge most, and the share of all edges of which one does, (A, 2)."""
    read = each.read[each.answers]  # (A, R)
    found = (read == each.due_rows[:, None]).any(1)
    any_edge = (read[..., None] == each.written[: len(each.edges)]).any(1)  # (A, D)
    return torch.stack([found.double(), any_edge.double().mean(1)], 1)


def _wanted(each: Played, read_out: ReadOut, head: int) -> Tensor:
    """How probable a head's keys make each digit, (Q + A, 9, 10)."""
    masks = None if each.masks is None else each.masks[:, head]
    return read_out.wanted(each.keys[:, head], each.strengths[:, head], masks)


def _judged(read_out: ReadOut, played: list[Played], head: int) -> tuple[float, np.ndarray]:
    """The shares of digits of the due edges that are told from what a head reads, and that its keys look for, (3,)."""
    told, wanted = list[Tensor](), list[Tensor]()
    for each in played:
        answering, due = slice(len(each.asked), None), _digits(each.due)  # (A, 9)
        told.append(read_out.scores(each.vectors[answering, head]).argmax(-1) == due)
        wanted.append((_wanted(each, read_out, head)[answering].argmax(-1) == due).unflatten(-1, (3, 3)))
    return float(_share(told).mean()), _share(wanted).mean(-1)


def _weights(records: Mapping[str, Tensor], length: int, i: int) -> tuple[np.ndarray, np.ndarray]:
    """The write and the read weightings of an episode, (T, N) and (T, R, N)."""
    written, read = (records[name][:length, i].numpy(force=True) for name in ("write_weights", "read_weights"))
    return written.sum(1), read


def _page(
    each: Played, weights: tuple[np.ndarray, np.ndarray], names: Mapping[int, str], read_out: ReadOut, head: int
) -> GraphPage:
    """What the picture of an episode shows."""
    shown = torch.cat([each.asked, each.due])
    return GraphPage(
        written=weights[0],
        read=weights[1],
        modes=each.modes.numpy(force=True),
        described=len(each.edges),
        asked=len(each.asked),
        right=int(each.right.sum()),
        due_rows=each.due_rows.numpy(force=True),
        head=head,
        shown=_digits(shown).numpy(force=True),
        wanted=plain_digits(_wanted(each, read_out, head)).numpy(force=True),
        told=plain_digits(read_out.scores(each.vectors[:, head])).numpy(force=True),
        map=_map(each, names, head),
    )


def _map(each: Played, names: Mapping[int, str], head: int) -> GraphMap:
    """The graph of an episode, its path, and the edges whose rows a head reads at the answers."""
    labels, ends = torch.unique(each.edges[:, ::2], return_inverse=True)  # (n,), (D, 2)
    both = [(a, 0, b) for x, y in ends.tolist() for a, b in ((x, y), (y, x))]
    away = distances(fixed_graph(both), len(labels))[0]  # (n, n)
    away = away.clamp(max=int(away[away <= len(labels)].max()) + 1)  # where no way leads
    edge_of = {row: edge for edge, row in enumerate(each.written[: len(ends)].tolist())}
    read = [edge_of.get(row, -1) for row in each.read[each.answers][:, head].tolist()]
    return GraphMap(
        names=[names.get(label, f"{label:03d}") for label in labels.tolist()],
        places=classical_scaling(away.numpy(force=True).astype(float)),
        edges=ends.numpy(force=True),
        path=ends[each.shown_at].numpy(force=True),
        read=np.array([ends[edge].tolist() if edge >= 0 else (-1, -1) for edge in read]),
    )
