"""Adaptive computation time: a core that takes as many steps at each moment as it wants, and pays for them."""

from typing import Generic, NamedTuple, TypeVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from .... import tree
from ....errors import FoveateError, check_range
from .base import Core, CoreOutput, begun
from .unroll import unroll

S = TypeVar("S", bound=tuple)
EPSILON = 0.01  # the paper's ε: a first step may be enough


class Halting(NamedTuple):
    """How far what thinks has come, of any number of things that do, (…,): section 2.1 of Graves 2016.

    Attributes:
        total: Σ h so far.
        count: steps that were taken, N in the end.
        rest: R, once it is known.
        going: bool, who takes another step.
    """

    total: Tensor
    count: Tensor
    rest: Tensor
    going: Tensor

    @classmethod
    def begun(cls, thinks: Tensor, like: Tensor) -> "Halting":
        """Before the first step.

        Args:
            thinks: bool, (…,), who takes one at all.
            like: of the type of the numbers.
        """
        zeros = torch.zeros_like(thinks, dtype=like.dtype)
        return cls(zeros, zeros, zeros, thinks)

    def after(self, h: Tensor, last: bool) -> tuple[Tensor, "Halting"]:
        """How much a step counts, p, and how far it has brought things.

        Args:
            h: how ready it made them, (…,).
            last: whether there is no step after it.
        """
        enough = torch.ones_like(self.going) if last else self.total + h >= 1 - EPSILON  # eq. 7
        remainder = 1 - self.total  # eq. 8
        p = torch.where(enough, remainder, h) * self.going  # eq. 6
        return p, Halting(
            total=self.total + h * self.going,
            count=self.count + self.going,
            rest=torch.where(self.going & enough, remainder, self.rest),
            going=self.going & ~enough,
        )

    @property
    def ponder(self) -> Tensor:
        """ρ = N + R (10)."""
        return self.count + self.rest

    @property
    def over(self) -> bool:
        """Whether nobody takes another step; on a device nobody asks, which would wait for it."""
        return self.going.device.type == "cpu" and not bool(self.going.any())


def check_has_mean(inner: Core) -> None:
    """Refuse a core of whose states there is no mean.

    Args:
        inner: takes the steps.

    Raises:
        FoveateError: its state has other parts than floats.
    """
    if not all(part.is_floating_point() for part in tree.flatten_names(inner.initial_state(1)).values()):
        name = type(inner).__name__
        raise FoveateError(f"{name} has a state without a mean: take a core whose state is of floats.")


class Pondering(Core[S], Generic[S]):
    """Takes several steps of another core at each moment, and says when it has thought enough.

        s^1 = S(s_{t-1}, [x_t; 1]),  s^n = S(s^{n-1}, [x_t; 0])                     (4)
        h^n = σ(W_h s^n + b_h)                                                      (5)
        N = min {n: Σ_{m≤n} h^m ≥ 1 - ε}, and at most a limit                       (7)
        R = 1 - Σ_{n<N} h^n                                                         (8)
        p^n = h^n for n < N, p^N = R                                                (6)
        s_t = Σ p^n s^n,  y_t = Σ p^n y^n                                           (9)
        ρ_t = N + R                                                                 (10)

    What a moment costs is τ ρ_t (12), of which N has no gradient (13). Its record `ponder`, (T, B), is ρ_t.

    Args:
        inner: gets x beside one number more, which is 1 at the first step of a moment. Its state is of floats.
        penalty: τ, what a step costs.
        limit: steps that a moment may take. On a device they are all computed: asking whether all rows are ready would
            wait for it.
        fixed: takes so many steps, without a say in it and at no cost, and the last one counts; 0 for adaptive.

    Raises:
        FoveateError: a number is out of its range, or the inner core's state has other parts than floats.

    Source:
        Graves 2016, "Adaptive computation time for recurrent neural networks", section 2.
    """

    def __init__(self, inner: Core[S], *, penalty: float = 0.01, limit: int = 10, fixed: int = 0):
        super().__init__()
        check_range("penalty", penalty, 0.0)
        check_range("limit", limit, 1, 1000)
        check_range("fixed", fixed, 0, 1000)
        check_has_mean(inner)
        self.inner, self.output_size = inner, inner.output_size
        self.penalty, self.limit, self.fixed = penalty, limit, fixed
        self.halt = None if fixed else nn.Linear(inner.output_size, 1)
        if self.halt is not None:
            nn.init.ones_(self.halt.bias)  # section 2: begun at 1, or it would think long before it thinks well

    def initial_state(self, batch: int, device: torch.device | str = "cpu") -> S:
        return self.inner.initial_state(batch, device)

    def forward(
        self,
        x: Float[Tensor, "time batch features"],
        state: S,
        starts: Bool[Tensor, "time batch"],
        record: bool = False,
    ) -> CoreOutput[S]:
        def begin(state: S, now: Tensor, starts: Tensor) -> S:
            return begun(self, state, starts)

        step = self._fixed if self.fixed else self._adaptive
        return unroll(lambda now, state: step(now, state, record), x, state, starts, begin)

    def _step(self, x: Tensor, first: bool, state: S, record: bool) -> CoreOutput[S]:
        """A step of the inner core, of one moment, (B, …)."""
        flagged = F.pad(x, (0, 1), value=float(first))  # (B, D + 1), eq. 4
        never = torch.zeros(1, len(x), dtype=torch.bool, device=x.device)
        y, after, losses, records = self.inner(flagged[None], state, never, record)
        return CoreOutput(y[0], after, tree.index(losses, 0), tree.index(records, 0))

    def _fixed(self, x: Tensor, state: S, record: bool) -> CoreOutput[S]:
        said = self._step(x, True, state, record)
        for _ in range(self.fixed - 1):
            said = self._step(x, False, said.state, record)
        return said

    def _adaptive(self, x: Tensor, state: S, record: bool) -> CoreOutput[S]:
        assert self.halt is not None
        halting, mean, now = Halting.begun(torch.ones(len(x), dtype=torch.bool, device=x.device), x), None, state
        for n in range(1, self.limit + 1):
            said = self._step(x, n == 1, now, record)
            h = self.halt(said.y)[:, 0].sigmoid()  # eq. 5
            p, halting = halting.after(h, n == self.limit)
            part = tree.map(lambda each, p=p: each * p.view(-1, *(1,) * (each.ndim - 1)), said)
            mean = part if mean is None else tree.map(torch.add, mean, part)  # eq. 9
            now = said.state
            if halting.over:
                break
        assert mean is not None
        ponder = halting.ponder
        losses = {**mean.losses, "ponder": self.penalty * ponder}  # eq. 12
        return mean._replace(losses=losses, records={**mean.records, "ponder": ponder} if record else mean.records)
