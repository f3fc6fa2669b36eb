"""When a training is evaluated, and in how many episodes, where its user leaves both to it: in a tenth of its work.

Work is counted and never timed, so that a run is the same on every machine and a resumed one goes on as it would have
done. Its unit is the forward pass of a policy for one row and one step. An evaluation of n episodes, as many of them at
once as there are rows, takes

    W = ⌈n / rows⌉ · L · (CALL + rows)        L: steps of the longest episode, CALL: what calling costs, in rows

and is due when the training has done W / SHARE since the one before it (`Options.work` says how much a step is), but
not before a twentieth of the whole. Training costs more than these units say, so evaluations take less than a tenth.
"""

from ..agents.learning.learner import Learner
from ..agents.learning.options import CALL
from ..agents.learning.schema import Progress
from .configuration import FEW_EPISODES, RunOptions

SHARE = 0.1
MOST, FEWEST = 20, 5  # evaluations of a run; of so few that there aren't five of 200 episodes they have 100
EPISODES = (3200, 1600, 800, 400, 200, 100)  # by 800 of a score near 0.97 the best of 20 is often an early, lucky one
ROWS = 256  # episodes that are played at once


class Schedule:
    """When to evaluate.

    Args:
        options: of the run.
        progress: where the run is: at the first evaluation it is noted there how many episodes all of them have.
        slow: whether episodes take so long that an evaluation has few.
    """

    def __init__(self, options: RunOptions, progress: Progress, slow: bool):
        self.options, self.progress, self.slow = options, progress, slow

    def due(self, learner: Learner) -> bool:
        """Whether an evaluation is due between two updates."""
        steps, before, every = learner.counts.steps, self.progress.evaluated, self.options.eval_every
        if every:
            return steps // every > before // every
        if steps - before < self.options.steps / MOST:
            return False
        paid = self._paid(learner, self.episodes(learner))
        return steps - before >= paid and self.options.steps - steps >= paid  # the one at the end is paid for, too

    def episodes(self, learner: Learner) -> int:
        """How many episodes an evaluation has: as many in all of a run, so that its figures can be compared."""
        chosen = self.options.eval_episodes or self.progress.eval_episodes
        if chosen or self.slow:
            return chosen or FEW_EPISODES
        for count in EPISODES[:-2]:
            if self._affordable(learner, count) >= MOST:
                return count
        return EPISODES[-2] if self._affordable(learner, EPISODES[-2]) >= FEWEST else EPISODES[-1]

    def _affordable(self, learner: Learner, episodes: int) -> float:
        """How many evaluations of so many episodes the whole run can do."""
        return self.options.steps / self._paid(learner, episodes)

    def _paid(self, learner: Learner, episodes: int) -> float:
        """Steps of training whose share is the work of an evaluation."""
        rows, longest = min(episodes, ROWS), max(self.progress.longest, learner.longest_episode())
        work = -(-episodes // rows) * longest * (CALL + rows)
        return work / (SHARE * learner.options.work())
