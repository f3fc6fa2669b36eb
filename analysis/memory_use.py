"""What an external memory is used for: rows that count, places that stand for priorities, edges of a graph."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..agents.policies.policy import Policy
from ..envs.episodes import Episodes
from ..envs.memory.graph_tasks import GraphTraversal
from ..envs.memory.ngrams import DynamicNGrams
from ..envs.memory.sorting import PrioritySort
from ..envs.protocols import world_of
from ..envs.registry import make_worlds
from ..errors import FoveateError
from .graph_reading import GraphReading, graph_reading
from .saliency_scores import rank_correlation
from .whole_episodes import predict_episodes

AT_ONCE = 32  # episodes, which bounds the memory
FEWEST = 2  # half of the episodes tell how to read rows, the others how well that fits
RIDGE = 1.0  # of the fits, which few episodes can't determine


class Counters(NamedTuple):
    """How a memory counts what followed each history of bits.

    Attributes:
        rows: how much each row is read at each history, in the mean, float (histories, rows), of the head that reads
            the most distinct rows, and these the most.
        distinct: how many rows are the most read one of some history.
        own: the share of readings on the most read row of the history.
        counted: ones less zeros that followed the history so far, float (n,), at moments of episodes that the fit below
            doesn't know.
        told: the same, as a linear fit for each history tells them from what was read, float (n,).
    """

    rows: np.ndarray
    distinct: int
    own: float
    counted: np.ndarray
    told: np.ndarray

    @property
    def correlation(self) -> float:
        """Of what was counted and what is told."""
        return float(np.corrcoef(self.counted, self.told)[0, 1])


class Sorted(NamedTuple):
    """Where a memory puts what comes with a priority, and how it is read again.

    Attributes:
        priority: of each item, float (n,).
        written: the place that each write head writes it at, in the mean by its weights, float (heads, n).
        by_priority: Spearman's correlation of both, float (heads,).
        read: the place that each read head reads at each answer, in the mean over episodes, float (heads, answers).
        in_order: Spearman's correlation of the answer's number and that place over all answers, float (heads,).
    """

    priority: np.ndarray
    written: np.ndarray
    by_priority: np.ndarray
    read: np.ndarray
    in_order: np.ndarray


def memory_use(
    policy: Policy, env_id: str, arguments: Mapping[str, object], episodes: int, seed: int
) -> Counters | Sorted | GraphReading:
    """Let a policy with an external memory play whole episodes, and say what its rows stand for.

    Args:
        policy: of ours; its core records how it reads and writes.
        env_id: of `DynamicNGrams`, `PrioritySort` or `GraphTraversal` (which `Underground` is).
        arguments: of it.
        episodes: how many, at least 2.
        seed: of the first.

    Raises:
        FoveateError: it has no memory, for graphs none with links, or the world is another one.
    """
    count = min(AT_ONCE, max(FEWEST, episodes))
    env = make_worlds(env_id, count, str(policy.device), dict(arguments))
    world = world_of(env)
    if not isinstance(world, DynamicNGrams | PrioritySort | GraphTraversal):
        raise FoveateError(
            "what memory is used for is known in Memory/DynamicNGrams-v0 (rows that count), Memory/PrioritySort-v0 "
            "(places for priorities), Memory/GraphTraversal-v0 and Memory/Underground-v0 (edges of a graph), not in "
            f"{env_id}."
        )
    policy.check_plays(env.single_observation_space, env.single_action_space)
    env.reset(seed=seed)
    if isinstance(world, GraphTraversal):
        return graph_reading(policy, world, max(FEWEST, episodes))
    parts = []
    for _ in range(-(-max(FEWEST, episodes) // count)):
        whole = world.episodes(count)
        records = predict_episodes(policy, whole).records
        if "memory" not in records or "write_weights" not in records:
            raise FoveateError("this agent has no external memory: those with an ntm or dnc core have one.")
        parts.append(_counted(whole, records) if isinstance(world, DynamicNGrams) else _placed(world, whole, records))
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return _counters(columns, 2**world.context) if isinstance(world, DynamicNGrams) else _sorted(columns)


def _counted(whole: Episodes, records: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Of each moment with a whole history: the history, ones less zeros that followed it before, and the reading."""
    seen = whole.observation
    assert isinstance(seen, Tensor)
    history, bit = whole.state["history"].T, seen[..., 0]  # (T, n), both
    steps, rows = history.shape
    balance = bit.new_zeros(rows, int(history.max()) + 1)
    found = []
    every = torch.arange(rows, device=bit.device)
    for t in range(steps):
        known = history[t] >= 0
        place = history[t].clamp(min=0)
        found.append(balance[every, place].clone())
        if t + 1 < steps:
            balance[every, place] += (2 * bit[t + 1] - 1) * known
    weights = records["read_weights"]  # (T, n, R, N)
    read = (weights[..., None] * records["memory"][:, :, None]).sum(-2).flatten(2)  # (T, n, R W)
    known = (history >= 0).T  # by episode, so that halves are of different episodes
    parts = {"history": history, "balance": torch.stack(found), "weights": weights, "read": read}
    return {name: part.transpose(0, 1)[known].numpy(force=True) for name, part in parts.items()}


def _counters(columns: Mapping[str, np.ndarray], histories: int) -> Counters:
    history, weights = columns["history"], columns["weights"]  # (n,), (n, R, N)
    by_history = np.stack([weights[history == each].mean(0) for each in np.unique(history)], 1)  # (R, histories, N)
    best, most = by_history.argmax(-1), by_history.max(-1).mean(-1)  # (R, histories), (R,)
    head = max(range(len(best)), key=lambda each: (len(set(best[each].tolist())), most[each]))
    mine = np.zeros(histories, int)
    mine[np.unique(history)] = best[head]
    own = np.take_along_axis(weights[:, head], mine[history][:, None], -1).mean()
    half = np.arange(len(history)) < len(history) // 2
    inputs = np.concatenate([columns["read"], np.ones((len(history), 1))], 1)
    told = np.zeros(len(history))
    for each in np.unique(history):  # a row is a counter in its own way
        now = history == each
        some = inputs[now & half]
        fit = np.linalg.solve(some.T @ some + RIDGE * np.eye(inputs.shape[1]), some.T @ columns["balance"][now & half])
        told[now] = inputs[now] @ fit
    return Counters(by_history[head], len(set(best[head].tolist())), float(own), columns["balance"][~half], told[~half])


def _placed(world: PrioritySort, whole: Episodes, records: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Of each episode: the priorities, where each item was written, and where answers were read."""
    items, answers = world.items_shown, world.answers
    seen = whole.observation
    assert isinstance(seen, Tensor)
    place = torch.arange(records["memory"].shape[2], device=seen.device, dtype=seen.dtype)
    written, read = (records[name] @ place for name in ("write_weights", "read_weights"))  # (T, n, heads)
    parts = {"priority": seen[:items, :, world.width], "written": written[:items], "read": read[-answers:]}
    return {name: part.transpose(0, 1).numpy(force=True) for name, part in parts.items()}


def _sorted(columns: Mapping[str, np.ndarray]) -> Sorted:
    priority = columns["priority"].reshape(-1)  # (n items,)
    written = columns["written"].reshape(len(priority), -1).T  # (heads, n items)
    read = columns["read"]  # (n, answers, heads)
    number = np.tile(np.arange(read.shape[1], dtype=float), len(read))
    return Sorted(
        priority,
        written,
        rank_correlation(np.broadcast_to(priority, written.shape), written),
        read.mean(0).T,
        rank_correlation(*np.broadcast_arrays(number, read.reshape(len(number), -1).T)),
    )
