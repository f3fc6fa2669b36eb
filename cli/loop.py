"""What happens between two updates of a run: evaluate, keep the best, save, show progress, stop in good order."""

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType

import msgspec
from stable_baselines3.common.callbacks import BaseCallback
from tqdm import tqdm

from ..agents import Algorithm
from ..agents.learning.averaging import averaged
from ..agents.learning.curriculum import Curriculum
from ..agents.learning.distributed import present
from ..agents.learning.evaluation import Outcomes
from ..agents.learning.keeper import Keeper
from ..agents.learning.run_folder import CPU_COLUMN, own_folder
from ..agents.learning.schema import Progress, plain_progress
from ..analysis.measure import lower_is_better, main_figure, measure
from ..envs.registry import is_slow
from .configuration import Configuration, Values
from .schedule import Schedule


class Stop(Exception):
    """The user asked the run to stop; raised after saving."""


class Stopwatch:
    """Seconds of the clock and of the processor, on top of those of a run before it was interrupted."""

    def __init__(self, progress: Progress):
        self._before = progress.seconds, progress.cpu_seconds
        self.start()

    def start(self) -> None:
        """Count from now."""
        self._since = time.monotonic(), time.process_time()

    def read(self) -> tuple[float, float]:
        """Seconds of the clock, and of the processor."""
        now = time.monotonic(), time.process_time()
        clock, processor = (b + n - s for b, n, s in zip(self._before, now, self._since, strict=True))
        return clock, processor


# ---- what is shown ----


class Display:
    """A bar on a terminal, else a line an evaluation.

    Args:
        total: steps of the whole run.
        show: whether to show anything.
    """

    def __init__(self, total: int, show: bool):
        self.total, self.show = total, show
        self._bar: tqdm | None = None
        self._began = time.monotonic(), 0

    def open(self, steps: int) -> None:
        """Begin at a number of steps."""
        self._began = time.monotonic(), steps
        if self.show and sys.stderr.isatty():
            self._bar = tqdm(total=self.total, initial=steps, unit="step", unit_scale=True, smoothing=0.05)

    def advance(self, steps: int) -> None:
        """So many steps are done."""
        if self._bar is not None:
            self._bar.update(steps - self._bar.n)

    def evaluated(self, steps: int, figure: float, best: float) -> None:
        """An evaluation gave this figure."""
        if self._bar is not None:
            self._bar.set_postfix_str(f"validation {figure:.3f}, best {best:.3f}")
        elif self.show:
            share = min(1.0, steps / self.total)
            figures = f"{share:4.0%}  {steps:>11,} steps  validation {figure:.3f}  best {best:.3f}"
            print(f"{figures}  {self._pace(steps)}", flush=True)

    def _pace(self, steps: int) -> str:
        """Steps a second since the beginning of this process, evaluations included, and the time that is left."""
        since, first = self._began
        rate = (steps - first) / max(time.monotonic() - since, 1e-9)
        left = max(0, self.total - steps) / max(rate, 1e-9)
        return f"{rate:,.0f} steps/s  {tqdm.format_interval(min(left, 1e7))} left"

    def lesson(self, curriculum: Curriculum, steps: int) -> None:
        """A lesson begins."""
        if self.show:
            tqdm.write(f"lesson {curriculum.lesson} of {curriculum.last} begins at step {steps:,}")

    def close(self) -> None:
        """No more is shown."""
        if self._bar is not None:
            self._bar.close()


# ---- what is done ----


class TrainingLoop:
    """Evaluates on the validation split, keeps the last and the best checkpoint, goes on to the next lesson.

    Args:
        config: of the run.
        env: arguments of the environment, of the present lesson where there is a curriculum.
        keeper: writes the checkpoints.
        progress: where the run is.
        curriculum: the lessons, or None.
    """

    def __init__(
        self, config: Configuration, env: Values, keeper: Keeper, progress: Progress, curriculum: Curriculum | None
    ):
        self.env_id, self.env, self.options = config.env_id, env, config.options
        self.keeper, self.progress, self.curriculum = keeper, progress, curriculum
        self.processes = present()
        first = self.processes.first  # it alone measures, shows and draws
        self.traces = own_folder(keeper.folder, "traces") if config.options.trace and first else None
        self.schedule = Schedule(config.options, progress, is_slow(config.env_id))
        self.display = Display(config.options.steps, config.options.progress and first)
        self.stopwatch = Stopwatch(progress)
        self.stop = False

    def begin(self, learner: Algorithm) -> None:
        """The training begins, or goes on."""
        self.stopwatch.start()
        self.display.open(learner.num_timesteps)

    def between_updates(self, learner: Algorithm) -> None:
        """Whatever is due before the next rollout.

        Raises:
            Stop: the user asked for it; the run is saved.
        """
        steps = learner.num_timesteps
        self.display.advance(steps)
        if self.curriculum is not None and self.curriculum.passed(learner):
            self.next_lesson(learner, self.curriculum)
        if self.schedule.due(learner.learner):
            self.evaluate_or_save(learner)
        stop = self.processes.any(self.stop)
        if stop or steps // self.options.save_every > self.progress.saved // self.options.save_every:
            self.save(learner)
        if stop:
            raise Stop

    def end(self, learner: Algorithm) -> None:
        """The training reached its end, or was stopped within a rollout.

        Raises:
            Stop: it was stopped; the run is saved as it was before that rollout, so that nothing is lost.
        """
        if self.processes.any(self.stop):
            learner.learner.rewind()
            learner.take_counts()
            self.save(learner)
            raise Stop
        if self.progress.evaluated < learner.num_timesteps:
            self.evaluate_or_save(learner)
        self.save(learner)
        if self.traces is not None:
            from .trace import film_traces

            film_traces(self.traces)
        self.display.advance(learner.num_timesteps)
        self.display.close()

    def next_lesson(self, learner: Algorithm, curriculum: Curriculum) -> None:
        """Go on to the next lesson; the best of the one before no longer counts."""
        curriculum.advance(learner)
        self.env = self.keeper.config["env"] = curriculum.arguments
        self.progress.lesson, self.progress.best = curriculum.lesson, None
        self.display.lesson(curriculum, learner.num_timesteps)

    def evaluate_or_save(self, learner: Algorithm) -> None:
        """Evaluate; if the user stops it, save the run, which then evaluates when it goes on.

        Raises:
            Stop: the user stopped it.
        """
        try:
            self.evaluate(learner)
        except Stop:
            self.save(learner)
            raise

    def heed(self, episodes: int = 0) -> None:
        """Called at each step of an evaluation, with the number of episodes that have ended.

        Raises:
            Stop: the user asked for it.
        """
        if self.stop:
            raise Stop

    def evaluate(self, learner: Algorithm) -> None:
        """Measure on the validation split; a new best is kept at once."""
        steps, count = learner.num_timesteps, self.schedule.episodes(learner.learner)
        with averaged(learner.learner.average):
            measured = self.processes.said(lambda: self._measured(learner, count))
        if measured is None:
            raise Stop
        figure, self.progress.longest = measured
        self.progress.evaluated, self.progress.eval_episodes = steps, count
        best, sign = self.progress.best, -1 if lower_is_better(self.env_id) else 1
        # of two alike the later, whose rate has fallen further
        better = best is None or sign * figure >= sign * best
        if best is None or better:
            best = self.progress.best = figure
            self.progress.best_step = steps
        learner.logger.dump(steps)
        if better:
            with averaged(learner.learner.average):
                self.keeper.save(learner, "best", self._snapshot())
        if self.traces is not None:
            from .trace import save_trace

            save_trace(learner, self.env_id, self.env, self.traces / f"{steps:012d}.png")
        self.display.evaluated(steps, figure, best)

    def save(self, learner: Algorithm) -> None:
        """Write the last checkpoint."""
        self.progress.saved = learner.num_timesteps
        self.keeper.save(learner, "last", self._snapshot())

    def _measured(self, learner: Algorithm, count: int) -> tuple[float, int] | None:
        """The main figure on the validation split, and the steps of the longest episode; None if the user stopped it.

        Args:
            learner: who is measured.
            count: how many episodes.
        """
        try:
            episodes = measure(learner.policy, self.env_id, self.env, "validation", count, on_step=self.heed)
        except Stop:
            return None
        figure = float(main_figure(episodes).mean())
        self._record(learner, episodes, figure)
        return figure, int(episodes.lengths.max())

    def _record(self, learner: Algorithm, episodes: Outcomes, figure: float) -> None:
        """Leave the figures of an evaluation for the log."""
        record = learner.logger.record
        record("eval/score", figure)
        record("eval/mean_reward", float(episodes.returns.mean()))
        record("eval/mean_ep_length", float(episodes.lengths.mean()))
        if self.curriculum is not None:
            record("eval/lesson", self.curriculum.lesson)
        seconds, cpu_seconds = self.stopwatch.read()
        record("time/seconds", round(seconds, 1))
        record(CPU_COLUMN, round(cpu_seconds, 1))

    def result(self, learner: Algorithm) -> dict[str, float]:
        """What came out of the run so far: the best score on the validation split, when, and what it took."""
        seconds, cpu_seconds = self.stopwatch.read()
        best = {} if self.progress.best is None else {"best": self.progress.best, "best_step": self.progress.best_step}
        return {**best, "steps": learner.num_timesteps, "seconds": seconds, "cpu_seconds": cpu_seconds}

    def _snapshot(self) -> Values:
        seconds, cpu_seconds = self.stopwatch.read()
        return plain_progress(msgspec.structs.replace(self.progress, seconds=seconds, cpu_seconds=cpu_seconds))

    @contextlib.contextmanager
    def stoppable(self) -> Iterator[None]:
        """Within, the first Ctrl-C (or SIGTERM) asks for a stop in good order, a second one interrupts at once.

        Signals are the main thread's: a training in another one is not stopped by them. Several processes stop
        together, whichever was asked, and a second signal, which may be another launcher's, interrupts none.
        """

        def ask(number: int, frame: FrameType | None) -> None:
            if self.stop and self.processes.alone:
                raise KeyboardInterrupt
            if not self.stop and self.processes.first:
                again = " (again to interrupt at once)" if self.processes.alone else ""
                print(f"\nstopping{again}…", file=sys.stderr, flush=True)
            self.stop = True

        mine = threading.current_thread() is threading.main_thread()
        before = {n: signal.signal(n, ask) for n in (signal.SIGINT, signal.SIGTERM)} if mine else {}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            self.display.close()


class RunCallback(BaseCallback):
    """Calls a run's loop where Stable-Baselines3 calls its callbacks."""

    def __init__(self, loop: TrainingLoop):
        super().__init__()
        self.loop = loop

    def _learner(self) -> Algorithm:
        assert isinstance(self.model, Algorithm)
        return self.model

    def _on_training_start(self) -> None:
        self.loop.begin(self._learner())

    def _on_step(self) -> bool:
        return not self.loop.stop

    def _on_rollout_start(self) -> None:
        self.loop.between_updates(self._learner())

    def _on_training_end(self) -> None:
        self.loop.end(self._learner())
