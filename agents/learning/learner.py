"""What every learner shares: it collects experience and updates a policy, in turns, and counts."""

import abc
import dataclasses
import time
from collections import deque
from functools import cached_property
from typing import ClassVar, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from ... import tree
from ...errors import FoveateError
from ..nn import finite
from ..nn.parts import CountsUpdates
from ..policies.policy import Policy
from .averaging import WeightAverage
from .distributed import present
from .environments import Environments, divided, environments_of
from .hooks import Hooks, Patient
from .options import Options
from .rollout import EndedEpisodes

EpisodeRow = dict[str, float]  # "r", the return; "l", the length; "t", seconds since the training began; "score"


@dataclasses.dataclass
class Counts:
    """How far a training is.

    Attributes:
        steps: environment steps of all rows together.
        iterations: rollouts that were learned from.
        updates: steps of the optimiser.
        episodes: that have ended.
    """

    steps: int = 0
    iterations: int = 0
    updates: int = 0
    episodes: int = 0


class CollectsExperience(Protocol):
    """What plays for a learner and keeps what must be kept between rollouts."""

    @property
    def begun(self) -> bool:
        """Whether there is anything to save."""
        ...

    @property
    def environments(self) -> Environments | None:
        """Where it plays; None where nothing of them can be saved."""
        ...

    def begin(self, seed: int | None = None) -> object:
        """Begin new episodes in all rows."""
        ...

    def state_dict(self) -> dict[str, Tensor]:
        """What must be saved for an exact resume, beside the environments' own state."""
        ...

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Go on from a saved state."""
        ...


class _Moment(NamedTuple):
    """Where a training was between two updates, beside its weights."""

    counts: Counts
    random: Tensor
    cuda_random: Tensor | None
    worlds: dict[str, Tensor] | None
    collector: dict[str, Tensor]


Experience = TypeVar("Experience")
Collecting = TypeVar("Collecting", bound=CollectsExperience)


class Learner(abc.ABC, Generic[Collecting, Experience]):
    """Collects experience and updates the policy, in turns.

    A subclass makes a collector (`make_collector`), collects with it (`collect`) and updates the weights (`update`).

    Args:
        policy: whose weights are learned, on its device.
        options: how to learn; the defaults of `options_class` if None.
        seed: of the environments' first episodes.
        agent_options: the options that the policy was built with, for its checkpoints.

    Attributes:
        counts: how far the training is.
        total: steps of the whole training.
        remaining: the share of the training that is left, by which the learning rate falls.
        recent: the latest episodes.
        started: when the training began, as `time.time_ns` says it.
        resumed: whether it goes on from a checkpoint, in the middle of what it did.
        processes: that train together; see `foveate.agents.learning.distributed`.

    Raises:
        FoveateError: there are several processes, and this learner learns in one.
    """

    options_class: ClassVar[type[Options]]
    window: ClassVar[int] = 200  # how many episodes `recent` holds
    divides: ClassVar[bool] = True  # whether it can learn in several processes

    def __init__(
        self,
        policy: Policy,
        options: Options | None = None,
        seed: int | None = None,
        agent_options: dict[str, object] | None = None,
    ):
        self.policy, self.options, self.seed = policy, options or self.options_class(), seed
        self.processes = present()
        if not (self.divides or self.processes.alone):
            raise FoveateError(
                f"{type(self).__name__} learns in one process, not in {self.processes.size}; "
                "--learner reinforce, a2c, ppo and backprop learn in several."
            )
        self.agent_options = agent_options or {}
        self.counts, self.remaining, self.resumed = Counts(), 1.0, False
        self.recent: deque[EpisodeRow] = deque(maxlen=self.window)
        self.total, self.started = 0, time.time_ns()
        self.collector: Collecting | None = None
        self._before: _Moment | None = None
        self._parameters = list(policy.parameters())
        self._counting = [module for module in policy.modules() if isinstance(module, CountsUpdates)]

    @cached_property
    def average(self) -> WeightAverage | None:
        """The mean of the weights, where one is kept; begun at its first use."""
        return WeightAverage(self._parameters, self.options.average) if self.options.average else None

    @cached_property
    def optimizer(self) -> torch.optim.Optimizer:
        """Made at its first use: with it PyTorch imports its compiler, which who only plays need not wait for."""
        return torch.optim.AdamW(
            [{"params": part, "share": share} for share, part in self.policy.rates().items()],
            lr=self.options.lr,
            weight_decay=self.options.weight_decay,
            eps=self.options.adam_eps,
            fused=self.device.type in ("cpu", "cuda"),  # one operator for all weights: small updates are dispatch
        )

    @property
    def device(self) -> torch.device:
        return self.policy.device

    def set_env(self, env: object) -> None:
        """Collect in an environment from now on; anything that `environments_of` takes."""
        self.collector = self.make_collector(env)

    def learn(self, total: int, hooks: Hooks) -> None:
        """Collect and update until `total` steps are made.

        Args:
            total: environment steps of all rows together, those made before included. The last rollout ends there;
                only episodes whose length is known, and those of back-propagation, are finished first.
            hooks: called at each turn.

        Raises:
            FoveateError: an observation, a reward, a loss, a gradient or a weight is not finite. Nothing is saved then.
        """
        self.total = total
        self.processes.begin_alike(self.policy)
        self.policy.eval()
        while self.counts.steps < total:
            hooks.on_rollout_start()
            try:
                figures = self._turn(hooks)
            except finite.NotFinite as error:
                raise FoveateError(f"the training stopped at step {self.counts.steps:,}: {error}.") from error
            if figures is None:
                break
            hooks.on_update(figures)

    def _turn(self, hooks: Hooks) -> dict[str, Tensor] | None:
        """Collect and update once; None if a hook asked to stop."""
        self._remember()
        if self.policy.training:  # each module is told, which takes as long as a step
            self.policy.eval()
        collected = self.collect(hooks) if self.processes.alone else self._collect_together(hooks)
        if collected is None:
            return None
        hooks.on_rollout_end()
        self.remaining = 1.0 - float(min(self.counts.steps, self.total)) / float(self.total)
        figures = self.processes.average(self.update(collected))
        finite.check_weights(self.policy)
        self.counts.iterations += 1
        return figures

    def _collect_together(self, hooks: Hooks) -> Experience | None:
        """`collect` in all processes; None if a hook in any of them asked to stop."""
        patient = Patient(hooks)
        collected = self.collect(patient)
        return None if self.processes.any(patient.stopped) else collected

    def _remember(self) -> None:
        """Keep what `rewind` needs, between two updates."""
        collector, device = self.collector, self.device
        environments = None if collector is None else collector.environments
        known = collector is not None and collector.begun and environments is not None and environments.resumes
        self._before = _Moment(
            dataclasses.replace(self.counts),
            torch.get_rng_state(),
            torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
            environments.state_dict() if known and environments is not None else None,
            tree.map(torch.clone, collector.state_dict()) if known and collector is not None else {},
        )

    def rewind(self) -> None:
        """Forget a rollout that was stopped in its middle: whoever goes on from here collects the same one anew."""
        before, collector = self._before, self.collector
        if before is None or collector is None:
            return
        self.counts = dataclasses.replace(before.counts)
        torch.set_rng_state(before.random)
        if before.cuda_random is not None:
            torch.cuda.set_rng_state(before.cuda_random, self.device)
        if before.worlds is not None and collector.environments is not None:
            collector.environments.load_state_dict(before.worlds)
            collector.load_state_dict(before.collector)

    # ---- what a learner with a replay memory writes ----

    def replay(self) -> dict[str, Tensor]:
        """What a checkpoint keeps in a file of its own, tensors on the host that share no memory; empty for nothing."""
        return {}

    def replay_bytes(self) -> int:
        """The most that this may take; 0 where there is no replay memory."""
        return 0

    def load_replay(self, saved: dict[str, Tensor]) -> None:
        """Go on with a saved replay memory, or without one where nothing was saved.

        Raises:
            KeyError: a part is missing.
            ValueError: a part is of another memory.
        """

    # ---- what a subclass writes ----

    @abc.abstractmethod
    def make_collector(self, env: object) -> Collecting:
        """What collects in an environment."""

    @abc.abstractmethod
    def collect(self, hooks: Hooks) -> Experience | None:
        """Experience for one update, counted in `counts`; None if a hook asks to stop."""

    @abc.abstractmethod
    def update(self, collected: Experience) -> dict[str, Tensor]:
        """Update the weights; returns figures for the log, as tensors on the device."""

    # ---- for subclasses ----

    def adapted(self, env: object) -> Environments:
        """An environment as the learner plays it, of several processes as this one's part."""
        return divided(environments_of(env, self.device), self.processes)

    def rate(self, remaining: float) -> float:
        """The learning rate when a share of the training is left."""
        end = self.options.lr_end
        return self.options.lr * (end + (1 - end) * remaining)

    def descend(self, loss: Tensor) -> Tensor:
        """One step of the optimiser down a loss; returns the norm of the gradient before it was scaled down.

        Raises:
            NotFinite: the loss or the gradient isn't finite; no step is made.
        """
        for parameter in self._parameters:  # what the optimiser's own zero_grad does, but for its profiling
            parameter.grad = None
        loss.backward()
        self.processes.average_gradients(self._parameters)
        gradients = [p.grad for p in self._parameters if p.grad is not None]
        norm, most = nn.utils.get_total_norm(gradients), self.options.max_grad_norm
        finite.check({"loss": loss, "gradient's norm": norm})
        if norm.device.type != "cpu" or float(norm) > most:  # on a host asking costs less than multiplying by one
            nn.utils.clip_grads_with_norm_(self._parameters, most, norm)
        self.optimizer.step()
        self.counts.updates += 1
        for module in self._counting:
            module.count_update()
        if self.average is not None:
            self.average.update(self.counts.updates)
        return norm.detach()

    def set_rate(self) -> None:
        """Give the optimiser the present learning rate."""
        rate = self.rate(self.remaining)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]

    def count(self, episodes: EndedEpisodes) -> None:
        """Remember the figures of ended episodes for the log."""
        now = round((time.time_ns() - self.started) / 1e9, 3)
        rows = list(zip(episodes.returns, episodes.lengths, episodes.scores, strict=True))[-self.window :]
        self.recent.extend({"r": r, "l": n, "t": now, "score": s} for r, n, s in rows)
        self.counts.episodes += len(episodes.returns)

    def recent_scores(self) -> np.ndarray:
        """The task's own figure of each of the latest episodes that have one."""
        scores = np.array([row.get("score", np.nan) for row in self.recent], np.float64)
        return scores[~np.isnan(scores)]

    def recent_successes(self, fewer_is_better: bool) -> np.ndarray:
        """How right each of the latest episodes was that have a score: 1 where nothing was wrong.

        Args:
            fewer_is_better: whether scores count mistakes.
        """
        scores = self.recent_scores()
        return (scores <= 0).astype(np.float64) if fewer_is_better else scores

    def longest_episode(self) -> float:
        """Steps of the longest of the latest episodes; where none has ended yet, of those that are played."""
        ended = [row["l"] for row in self.recent if row.get("l")]
        return max(ended, default=max(1.0, self.counts.steps / self.options.worlds))

    def forget_episodes(self) -> None:
        """Begin the figures of the latest episodes anew."""
        self.recent.clear()
