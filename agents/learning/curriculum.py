"""Curricula: an environment's lessons, one after the other, each until it is passed."""

from ...envs.protocols import HasLessons, KnowsMostSteps, world_of
from ...envs.registry import make_worlds, world_class
from ...errors import FoveateError, check_range
from ...introspect import constructor_options
from ..nn.cores.dnc import DNC
from .algorithm import Algorithm
from .options import LearnerOptions
from .run_folder import Config

EPISODES = 200  # a lesson is judged by so many of its latest episodes


class Curriculum:
    """The lessons of one run. A world class lists its lessons as data; where a run stands is kept here.

    Args:
        env_id: an environment whose worlds have `lessons` and an argument `lesson`.
        arguments: of the environment; `lesson` is the last lesson to take, None all of them.
        pass_score: a lesson is passed when this share of the latest episodes is answered wholly right.
        lesson: where to begin, from 1.
    """

    def __init__(self, env_id: str, arguments: Config, pass_score: float, lesson: int = 1):
        world = world_class(env_id)
        if "lesson" not in constructor_options(world) or not isinstance(world, HasLessons):
            raise FoveateError(f"--curriculum needs an environment with lessons; {env_id} has none.")
        lessons, self._fewer_is_better = world.lessons, world.lower_is_better
        self.env_id, self.pass_score, self.lesson = env_id, pass_score, lesson
        self._arguments, self._rows = arguments, None
        self.last = len(lessons) if arguments.get("lesson") is None else arguments["lesson"]
        check_range("lesson", self.last, 1, len(lessons))
        if not 1 <= lesson <= self.last:
            raise FoveateError(f"lesson {lesson} is not allowed: it must be between 1 and {self.last}.")

    @property
    def arguments(self) -> Config:
        """The environment's arguments in the present lesson."""
        return {**self._arguments, "lesson": self.lesson}

    def begin(self, algorithm: Algorithm, rows: int | None = None) -> None:
        """Begin, or go on, with a learner that plays the present lesson.

        Args:
            algorithm: the learner.
            rows: of a memory, the most that it may have; None for as many as it has.

        Raises:
            FoveateError: the learner plays the right answers, by which every lesson is passed at once.
        """
        options = algorithm.learner.options
        if isinstance(options, LearnerOptions) and options.teacher_forcing and options.hybrid:
            raise FoveateError(
                "--curriculum judges lessons by what the agent itself answers; with teacher_forcing=True its teacher "
                "does: take --learner.no-teacher-forcing."
            )
        self._rows = rows
        self._fit_memory(algorithm)

    def passed(self, algorithm: Algorithm) -> bool:
        """Whether it is time for the next lesson."""
        right = algorithm.learner.recent_successes(self._fewer_is_better)
        return self.lesson < self.last and len(right) >= EPISODES and float(right.mean()) >= self.pass_score

    def advance(self, algorithm: Algorithm) -> None:
        """Go on in worlds of the next lesson."""
        self.lesson += 1
        algorithm.set_env(make_worlds(self.env_id, algorithm.n_envs, str(algorithm.device), self.arguments))
        self._fit_memory(algorithm)
        learner = algorithm.learner
        assert learner.collector is not None
        learner.forget_episodes()
        # seeds of their own: the lesson's worlds don't repeat the random numbers of the one before
        learner.collector.begin((learner.seed or 0) + 1_000_000 * self.lesson)

    def _fit_memory(self, algorithm: Algorithm) -> None:
        """Give a DNC no more rows than an episode of the lesson has moments.

        It writes one row a moment, so more are never filled, and among few the right one is found sooner: the first
        lessons take a fraction of the updates. What is learned holds in a memory of any size.
        """
        core = algorithm.policy.core
        if not isinstance(core, DNC):
            return
        world = world_of(make_worlds(self.env_id, 1, "cpu", self.arguments))
        if isinstance(world, KnowsMostSteps):
            self._rows = self._rows or core.rows
            core.resize(max(min(self._rows, world.most_steps), core.sparse_links))
            # a checkpoint of this lesson is of an agent with as many
            algorithm.learner.agent_options = {**algorithm.learner.agent_options, "rows": core.rows}
