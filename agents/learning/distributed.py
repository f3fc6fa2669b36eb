"""One training by several processes that torchrun has started; with one process every method here is a no-op.

What is played is divided: of W worlds process r of n plays the worlds r, r + n, r + 2n, …, and draws the random
numbers that one process would have drawn for them. Then it is gathered, so that every process holds the experience of
all, orders it, cuts it into updates and counts it as one process does. What is computed of an update is divided again:
every process takes every n-th of its rows, weighs its means by how many rows or moments they are of, and the gradients
are averaged.

So a training by n processes is the training by one, but for the rounding of sums, and a checkpoint doesn't tell how
many wrote it. The first process alone evaluates and writes.
"""

import contextlib
import datetime
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch import distributed as dist

from ... import tree
from ...errors import FoveateError
from ...tree import Tree
from ..nn import noise

T = TypeVar("T")
PATIENCE = datetime.timedelta(days=7)  # the others wait while the first evaluates, for as long as that takes
ALIGNED = 16  # bytes; numbers of any type may begin there


class Share(NamedTuple):
    """The rows of an update that this process takes.

    Attributes:
        rows: their numbers, int64; at least one, so that every process takes part. None where they are all.
        count: how many rows the update has.
        size: how many processes there are.
        spare: whether there are fewer rows than processes and none is this one's: what it takes weighs nothing.
    """

    rows: Tensor | None = None
    count: int = 0
    size: int = 1
    spare: bool = False

    def part(self, mean: Tensor, mask: Tensor | None = None) -> Tensor:
        """A mean over this share, so weighted that the mean over all processes is that over the whole update.

        Args:
            mean: over the share's rows, or over the moments of its mask.
            mask: of the whole update, bool (T, B); None where every row counts alike.
        """
        if self.rows is None:
            return mean
        if self.spare:
            return mean * 0.0
        if mask is None:
            return mean * (self.size * len(self.rows) / self.count)
        return mean * (self.size * mask[:, self.rows].sum() / mask.sum().clamp(min=1))


class Rows:
    """Which of the rows of all processes are played by this one: the worlds r, r + n, r + 2n, …

    Args:
        processes: all of them.
        worlds: how many this one plays.
        agents: rows of a world.
        device: where rows are indexed.
    """

    def __init__(self, processes: "Processes", worlds: int, agents: int, device: torch.device):
        self.processes, self.worlds, self.agents = processes, worlds, agents
        shape = (worlds, processes.size, agents)
        mine = torch.arange(worlds * agents, device=device).view(worlds, 1, agents)
        everyone = torch.arange(worlds * processes.size * agents, device=device).view(shape)
        # of each row of all, a row that this process has; of each row of this process, its place among all
        self.drawing = noise.BatchRows(mine.expand(shape).flatten(), everyone[:, processes.rank].flatten())

    def seeds(self, seed: int) -> list[int]:
        """The seeds of this process's worlds, where the worlds of all begin with `seed`."""
        return [seed + self.processes.rank + self.processes.size * i for i in range(self.worlds)]

    def any(self, here: Tensor) -> bool:
        """Whether something is so in any process."""
        return self.processes.any(bool(here))

    def gather(self, values: Tree, dim: int = 1) -> Tree:
        """The rows of all processes, in the order in which one process would have them.

        Args:
            values: leaves with this process's rows, or worlds, at `dim`; of the same shapes in all processes.
            dim: where they are.
        """

        def joined(parts: list[Tensor]) -> Tensor:
            by_world = [part.unflatten(dim, (self.worlds, part.shape[dim] // self.worlds)) for part in parts]
            return torch.stack(by_world, dim + 1).flatten(dim, dim + 2)

        return self.processes.gather(values, joined)

    def gather_state(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """`gather` of a saved state, rows first, in which single numbers are the same in all processes."""
        rows = self.gather({name: value for name, value in values.items() if value.ndim}, 0)
        return {name: rows.get(name, value) for name, value in values.items()}

    def take(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """This process's part of what `gather_state` returned.

        Raises:
            ValueError: it is of another number of rows.
        """
        whole = self.worlds * self.processes.size

        def mine(value: Tensor) -> Tensor:
            if not value.ndim:
                return value
            if not len(value) or len(value) % whole:
                raise ValueError(f"{len(value)} rows are not those of {whole} worlds")
            return value.unflatten(0, (self.worlds, self.processes.size, -1))[:, self.processes.rank].flatten(0, 1)

        return {name: mine(value) for name, value in values.items()}


class Processes(NamedTuple):
    """The processes of one training.

    Attributes:
        rank: the number of this one.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def alone(self) -> bool:
        return self.size == 1

    @property
    def first(self) -> bool:
        """Whether this is the one that evaluates, prints and writes."""
        return self.rank == 0

    # ---- what is divided ----

    def worlds(self, count: int) -> int:
        """How many of the training's worlds one process plays.

        Raises:
            FoveateError: they can't be divided evenly.
        """
        if count % self.size:
            raise FoveateError(
                f"--learner.worlds {count} is not allowed: it must be a multiple of the {self.size} processes."
            )
        return count // self.size

    def share(self, count: int, device: torch.device) -> Share:
        """Which of an update's rows are this process's."""
        if self.alone:
            return Share()
        spare = self.rank >= count
        rows = torch.arange(0 if spare else self.rank, 1 if spare else count, self.size, device=device)
        return Share(rows, count, self.size, spare)

    @contextlib.contextmanager
    def own_noise(self, device: torch.device, turn: int = 0) -> Iterator[None]:
        """Within, each process draws numbers of its own (for dropout, say); afterwards all go on with the same.

        Nothing of it is left behind, so the next time brings the same numbers if nothing was drawn in between and the
        turn is the same.

        Args:
            device: where numbers are drawn.
            turn: which time it is, of several in which nothing else may be drawn.
        """
        if self.alone:
            yield
            return
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(int(torch.randint(2**62, ())) + self.rank + self.size * turn)
            yield

    # ---- what is agreed on ----

    def any(self, here: bool) -> bool:
        """Whether something is so in any process."""
        return here if self.alone else self.most(int(here)) > 0

    def most(self, number: int) -> int:
        """The largest of the processes' numbers."""
        if self.alone:
            return number
        box = torch.tensor(number)
        _together(lambda: dist.all_reduce(box, dist.ReduceOp.MAX))
        return int(box)

    def said(self, speak: Callable[[], T]) -> T:
        """What the first process says, to all; the others don't call the function."""
        if self.alone:
            return speak()
        box = [speak() if self.first else None]
        _together(lambda: dist.broadcast_object_list(box))
        return box[0]  # type: ignore[return-value]

    def begin_alike(self, policy: nn.Module) -> None:
        """Take over the first process's weights and random numbers."""
        if self.alone:
            return
        with torch.no_grad():
            for value in [*policy.parameters(), *policy.buffers()]:
                carried = _carried(value.detach())
                _together(lambda carried=carried: dist.broadcast(carried, 0))
                value.copy_(carried)
        random = torch.get_rng_state()
        _together(lambda: dist.broadcast(random, 0))
        torch.set_rng_state(random)

    # ---- what is brought together ----

    def average_gradients(self, weights: Iterable[nn.Parameter]) -> None:
        """Every gradient becomes the mean over the processes, bit for bit the same in all of them."""
        if self.alone:
            return
        learned = [weight for weight in weights if weight.grad is not None]
        for dtype in dict.fromkeys(weight.dtype for weight in learned):
            some = [weight for weight in learned if weight.dtype == dtype]
            means = (
                self._sum(torch.cat([weight.grad.flatten() for weight in some if weight.grad is not None])) / self.size
            )
            for weight, mean in zip(some, means.split([weight.numel() for weight in some]), strict=True):
                weight.grad = mean.view_as(weight)

    def average(self, figures: dict[str, Tensor]) -> dict[str, Tensor]:
        """The mean of each figure over the processes."""
        if self.alone or not figures:
            return figures
        means = self._sum(torch.stack([value.detach().float() for value in figures.values()])) / self.size
        return dict(zip(figures, means.unbind(), strict=True))

    def total(self, values: Tensor) -> Tensor:
        """The sum over the processes."""
        return values if self.alone else self._sum(values)

    def gather(self, values: Tree, join: Callable[[list[Tensor]], Tensor]) -> Tree:
        """Each leaf of all processes, joined; in one message, since small ones cost as much as large ones.

        Args:
            values: leaves of the same shapes in all processes.
            join: what to do with a leaf's parts, in the order of the processes.
        """
        leaves = [leaf.contiguous() for leaf in tree.leaves(values)]
        if not leaves:
            return values
        message = torch.cat([_padded(leaf) for leaf in leaves])
        sent = _carried(message)
        messages = [torch.empty_like(sent) for _ in range(self.size)]
        _together(lambda: dist.all_gather(messages, sent))
        messages, first, joined = [each.to(message.device) for each in messages], 0, []
        for leaf in leaves:
            each = [part[first : first + leaf.nbytes].view(leaf.dtype).view(leaf.shape) for part in messages]
            joined.append(join(each))
            first += -(-leaf.nbytes // ALIGNED) * ALIGNED
        whole = iter(joined)
        return tree.map(lambda leaf: next(whole), values)

    def _sum(self, values: Tensor) -> Tensor:
        carried = _carried(values)
        _together(lambda: dist.all_reduce(carried))
        return carried.to(values.device)


def _padded(leaf: Tensor) -> Tensor:
    """A leaf's bytes, to a length behind which the next leaf may begin."""
    return nn.functional.pad(leaf.view(-1).view(torch.uint8), (0, -leaf.nbytes % ALIGNED))


def _carried(values: Tensor) -> Tensor:
    """A tensor where messages can be sent from: the host, or a CUDA device."""
    return values if values.device.type in ("cpu", "cuda") else values.cpu()


def _together(call: Callable[[], object]) -> None:
    """Do what all processes do at once.

    Raises:
        FoveateError: one of them has ended.
    """
    try:
        call()
    except RuntimeError as error:
        raise FoveateError(
            "another process of this training ended, and this one with it: see what that printed."
        ) from error


def drawing_as_one(rows: Rows | None) -> contextlib.AbstractContextManager[None]:
    """Within, what this process draws for its rows is what one process would draw for them."""
    return contextlib.nullcontext() if rows is None else noise.among(rows.drawing)


# ---- this process's ----

_present = Processes()


def present() -> Processes:
    """The processes of this training; one, unless `together` has found more."""
    return _present


@contextlib.contextmanager
def together(device: torch.device, size: int) -> Iterator[Processes]:
    """Within, the processes that torchrun has started are one training; all leave it at the same time.

    Args:
        device: of this process; gradients on a CUDA device go by nccl, all else by gloo.
        size: how many there are.
    """
    global _present
    if size == 1 or not _present.alone:  # a group can't be formed twice: PyTorch may hang
        yield _present
        return
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    _present = Processes(dist.get_rank(), dist.get_world_size())
    try:
        yield _present
        _present.any(False)  # who is done first waits: torchrun ends the others when one of them leaves with an error
        dist.destroy_process_group()
    finally:
        _present = Processes()
