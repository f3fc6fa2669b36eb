"""``evaluate.py RUN --score-ponder``: how long a run thinks, by how much there is to compute."""

from ..analysis.pondering import pondered
from ..envs.registry import check_one_agent
from ..viz.pages import number
from .film import Shot


def score_ponder(shot: Shot, episodes: int) -> dict[str, object]:
    """Let a run play; print how long it thought at what difficulty, and return the figures.

    Args:
        shot: who plays where.
        episodes: how many.

    Raises:
        FoveateError: nothing there tells how difficult it is.
    """
    check_one_agent(shot.env_id, "score-ponder")
    found = pondered(shot.learner.policy, shot.env_id, shot.env, episodes, shot.seed)
    print(f"how long it thinks in {shot.env_id}, by {found.difficulty}")
    print(f"  {found.difficulty:>10}{'moments':>10}{'right':>9}{'steps':>8}")
    for level, (moments, right, ponder) in found.levels.items():
        print(f"  {level:>10}{moments:>10,}{number(right, '.3f'):>9}{number(ponder, '.2f'):>8}")
    print(f"rank correlation of {found.difficulty} and steps: {number(found.correlation, '.3f')}")
    levels = [{found.difficulty: level, **row._asdict()} for level, row in found.levels.items()]
    return {"difficulty": found.difficulty, "correlation": found.correlation, "levels": levels}
