"""PonderNet: a core that samples, after each step, whether it has thought enough (Banino et al. 2021)."""

import math
from typing import Generic, NamedTuple, Self, TypeVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from .... import tree
from ....errors import check_range
from .base import Core, CoreOutput, begun
from .pondering import check_has_mean
from .unroll import unroll

S = TypeVar("S", bound=tuple)


class Steps(NamedTuple):
    """What all steps of a moment came to, and how probable it is that each is the last.

    Attributes:
        of: something of each step, (…, N, D).
        log_p: log p_n, (…, N).
    """

    of: Tensor
    log_p: Tensor

    def packed(self) -> Float[Tensor, "*batch numbers"]:
        """All of it as one vector, (…, N (D + 1)), which an output of a core and parameters of a head are."""
        return torch.cat([self.of.flatten(-2), self.log_p], -1)

    @classmethod
    def unpacked(cls, numbers: Float[Tensor, "*batch numbers"], steps: int) -> Self:
        """The inverse of `packed`, of so many steps."""
        return cls(numbers[..., :-steps].unflatten(-1, (steps, -1)), numbers[..., -steps:])

    def mean(self) -> Float[Tensor, "*batch size"]:
        """Σ p_n of it, (…, D)."""
        return (self.log_p.exp()[..., None] * self.of).sum(-2)


def log_halting(logits: Float[Tensor, "*batch steps"]) -> Float[Tensor, "*batch steps"]:
    """log p_n of halting after each step, of which the last one always halts, (…, N).

    p_n = λ_n Π_{m<n} (1 - λ_m)                                                     (section 2.2)

    Args:
        logits: of λ_n; the last is never asked.
    """
    stays = F.logsigmoid(-logits[..., :-1]).cumsum(-1)  # log Π_{m≤n} (1 - λ_m), (…, N - 1)
    before = F.pad(stays, (1, 0))  # of no step before the first
    return before + F.pad(F.logsigmoid(logits[..., :-1]), (0, 1))


class PonderNet(Core[S], Generic[S]):
    """Takes a number of steps of another core at each moment, each with a chance of being the last.

        y_n, s_n, λ_n = S(x, s_{n-1}),  λ_n = σ(W_λ y_n + b_λ)                      (section 2.1)
        p_n = λ_n Π_{m<n} (1 - λ_m)                                                 (section 2.2)
        L = Σ_n p_n L(y_n) + β KL(p ‖ geometric with λ_p)                           (section 2.3)

    The output is that of all steps with log p_n (`Steps`, packed): a `SteppedHead` on it has the expected loss of the
    first term. The second is this core's own cost, `ponder`. Both distributions end at the limit, whose step takes
    what is left. Of the next moment the paper says nothing: it goes on from the expected state, as in adaptive
    computation time. The record `ponder`, (T, B), is the expected number of steps.

    Args:
        inner: takes a step. Its state is of floats.
        prior: λ_p; without a reason to do otherwise it takes 1/λ_p steps.
        weight: β, of the divergence.
        limit: N, steps that are taken while it learns; the last one halts.

    Raises:
        FoveateError: a number is out of its range, or the inner core's state has other parts than floats.

    Source:
        Banino, Balaguer & Blundell 2021, "PonderNet: learning to ponder".
    """

    def __init__(self, inner: Core[S], *, prior: float = 0.2, weight: float = 0.01, limit: int = 10):
        super().__init__()
        check_range("prior", prior, 1e-3, 0.999)
        check_range("weight", weight, 0.0)
        check_range("limit", limit, 1, 1000)
        check_has_mean(inner)
        self.inner, self.limit, self.weight = inner, limit, weight
        self.output_size = limit * (inner.output_size + 1)
        self.halt = nn.Linear(inner.output_size, 1)
        nn.init.constant_(self.halt.bias, math.log(prior / (1 - prior)))  # begun as the prior wants it
        log_prior = [n * math.log(1 - prior) + (math.log(prior) if n < limit - 1 else 0.0) for n in range(limit)]
        self.register_buffer("log_prior", torch.tensor(log_prior), persistent=False)

    log_prior: Tensor

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

        return unroll(lambda now, state: self._moment(now, state, record), x, state, starts, begin)

    def _moment(self, x: Tensor, state: S, record: bool) -> CoreOutput[S]:
        """All steps of one moment, (B, …)."""
        never, each = torch.zeros(1, len(x), dtype=torch.bool, device=x.device), []
        for _ in range(self.limit):
            each.append(self.inner(x[None], each[-1].state if each else state, never, record))
        y = torch.cat([said.y for said in each])  # (N, B, D)
        log_p = log_halting(self.halt(y)[..., 0].T)  # (B, N)
        p = log_p.exp()
        expected = None
        for n, said in enumerate(each):  # Σ p_n, of the state and of what the inner core says besides
            now = (said.state, tree.index(said.losses, 0), tree.index(said.records, 0))
            part = tree.map(lambda one, p=p[:, n]: one * p.view(-1, *(1,) * (one.ndim - 1)), now)
            expected = part if expected is None else tree.map(torch.add, expected, part)
        assert expected is not None
        after, losses, records = expected
        losses = {**losses, "ponder": self.weight * (p * (log_p - self.log_prior)).sum(-1)}
        if record:
            records = {**records, "ponder": p @ torch.arange(1, self.limit + 1, device=x.device, dtype=p.dtype)}
        return CoreOutput(Steps(y.transpose(0, 1), log_p).packed(), after, losses, records)
