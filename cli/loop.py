"""What happens between two updates of a run: evaluate, keep the best, save, show progress, stop in good order."""

import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stable_baselines3.common.callbacks import BaseCallback
from tqdm import tqdm

from ..agents.learning.curriculum import Curriculum
from ..agents.learning.run_folder import Keeper
from ..analysis.measure import lower_is_better, main_figure, measure
from .tracing import film_traces, save_trace


class Stop(Exception):
    """The user asked the run to stop; raised between two updates, after saving."""


class RunCallback(BaseCallback):
    """Evaluates on the validation split, keeps the last and the best checkpoint, shows progress.

    Args:
        keeper: writes the checkpoints.
        env_id: the environment.
        arguments: its arguments.
        total: steps of the whole run.
        eval_every: steps between evaluations.
        eval_episodes: episodes of each.
        save_every: steps between checkpoints.
        show: whether to show progress.
        progress: where a resumed run was, from its checkpoint.
        curriculum: the lessons that lead to these arguments, or None.
        traces: a folder for pictures of the memory, one at each evaluation, or None.
    """

    def __init__(
        self,
        keeper: Keeper,
        env_id: str,
        arguments: dict[str, Any],
        total: int,
        eval_every: int,
        eval_episodes: int,
        save_every: int,
        show: bool,
        progress: dict[str, Any] | None = None,
        curriculum: Curriculum | None = None,
        traces: Path | None = None,
    ):
        super().__init__()
        self.curriculum, self.traces = curriculum, traces
        self.keeper, self.env_id, self.arguments = keeper, env_id, arguments
        self.total, self.eval_every, self.eval_episodes, self.save_every = (
            total,
            eval_every,
            eval_episodes,
            save_every,
        )
        self.progress: dict[str, Any] = {"evaluated": 0, "saved": 0, "best": None, "best_step": 0}
        self.progress |= {"seconds": 0.0, "cpu_seconds": 0.0, **(progress or {})}
        self.show = show
        self.stop = False
        self._since, self._cpu_since = time.monotonic(), time.process_time()
        self._bar: tqdm | None = None

    def _on_training_start(self) -> None:
        self._since, self._cpu_since = time.monotonic(), time.process_time()
        if self.show and sys.stderr.isatty():
            self._bar = tqdm(total=self.total, initial=self.num_timesteps, unit="step", unit_scale=True, smoothing=0.05)

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        steps = self.model.num_timesteps
        if self._bar is not None:
            self._bar.update(steps - self._bar.n)
        if self.curriculum is not None and self.curriculum.passed(self.model):  # type: ignore[arg-type]
            self.next_lesson()
        if steps // self.eval_every > self.progress["evaluated"] // self.eval_every:
            self.evaluate()
        if steps // self.save_every > self.progress["saved"] // self.save_every or self.stop:
            self.save()
        if self.stop:
            raise Stop

    def _on_training_end(self) -> None:
        if self.progress["evaluated"] < self.model.num_timesteps:
            self.evaluate()
        self.save()
        if self.traces is not None:
            film_traces(self.traces)
        if self._bar is not None:
            self._bar.update(self.model.num_timesteps - self._bar.n)
            self._bar.close()

    def next_lesson(self) -> None:
        """Go on to the next lesson; the best of the one before no longer counts."""
        assert self.curriculum is not None
        self.curriculum.advance(self.model)  # type: ignore[arg-type]
        self.arguments = self.keeper.config["env"] = self.curriculum.arguments
        self.progress |= {"lesson": self.curriculum.lesson, "best": None}
        if self.show:
            steps = self.model.num_timesteps
            tqdm.write(f"lesson {self.curriculum.lesson} of {self.curriculum.last} begins at step {steps:,}")

    def evaluate(self) -> None:
        """Measure on the validation split; a new best is kept at once."""
        steps = self.model.num_timesteps
        episodes = measure(self.model.policy, self.env_id, self.arguments, "validation", self.eval_episodes)  # type: ignore[arg-type]
        figure = float(main_figure(episodes).mean())
        self.progress["evaluated"] = steps
        best, sign = self.progress["best"], -1 if lower_is_better(self.env_id) else 1
        better = best is None or sign * figure >= sign * best  # of two alike the later, whose rate has fallen further
        if better:
            self.progress |= {"best": figure, "best_step": steps}
        self.logger.record("eval/score", figure)
        self.logger.record("eval/mean_reward", float(episodes.returns.mean()))
        self.logger.record("eval/mean_ep_length", float(episodes.lengths.mean()))
        if self.curriculum is not None:
            self.logger.record("eval/lesson", self.curriculum.lesson)
        self.logger.record("time/seconds", round(self._seconds(), 1))
        self.logger.record("time/cpu_seconds", round(self._cpu_seconds(), 1))
        self.logger.dump(steps)
        if better:
            self.keeper.save(self.model, "best", self._snapshot())  # type: ignore[arg-type]
        if self.traces is not None:
            save_trace(self.model, self.env_id, self.arguments, self.traces / f"{steps:012d}.png")  # type: ignore[arg-type]
        if self._bar is not None:
            self._bar.set_postfix_str(f"validation {figure:.3f}, best {self.progress['best']:.3f}")
        elif self.show:
            share = min(1.0, steps / self.total)
            print(
                f"{share:4.0%}  {steps:>11,} steps  validation {figure:.3f}  best {self.progress['best']:.3f}",
                flush=True,
            )

    def save(self) -> None:
        """Write the last checkpoint."""
        self.progress["saved"] = self.model.num_timesteps
        self.keeper.save(self.model, "last", self._snapshot())  # type: ignore[arg-type]

    def _seconds(self) -> float:
        return self.progress["seconds"] + time.monotonic() - self._since

    def _cpu_seconds(self) -> float:
        return self.progress["cpu_seconds"] + time.process_time() - self._cpu_since

    def _snapshot(self) -> dict[str, Any]:
        return {**self.progress, "seconds": self._seconds(), "cpu_seconds": self._cpu_seconds()}

    @contextlib.contextmanager
    def stoppable(self) -> Iterator[None]:
        """Within, the first Ctrl-C (or SIGTERM) asks for a stop in good order, a second one interrupts at once."""

        def ask(number: int, frame: Any) -> None:
            if self.stop:
                raise KeyboardInterrupt
            self.stop = True
            print("\nstopping after this update (again to interrupt at once)…", file=sys.stderr, flush=True)

        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            if self._bar is not None:
                self._bar.close()
