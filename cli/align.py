"""``evaluate.py RUN --align`` and ``--score-alignment``: what is read for each word that is written."""

from pathlib import Path

from ..analysis.alignment import agreement
from ..envs.registry import check_one_agent, make_one
from ..viz.pages import number
from ..viz.video import write_video
from ..wrappers import Alignment, record_episodes
from .film import Shot

TITLES = {"weights": "weights of attention", "jacobian": "|d logit / d item|", "uniform": "the same everywhere"}
TITLES |= {f"{name} by word": f"{title}, by word" for name, title in TITLES.items()}


def save_alignment(shot: Shot, path: Path) -> None:
    """Play an episode and draw its alignments: a .png of the whole episode, or an .mp4 that unfolds.

    Args:
        shot: who plays where.
        path: a .png or an .mp4 file.

    Raises:
        FoveateError: the environment, or the agent, has no alignment.
    """
    check_one_agent(shot.env_id, "an alignment")
    env = Alignment(make_one(shot.env_id, shot.env), shot.learner)
    frames = record_episodes(env, shot.learner, 1, shot.seed)[0]
    if Path(path).suffix.lower() == ".mp4":
        write_video(path, [*frames, *[frames[-1]] * 8])
    else:
        env.save(path)
    env.close()


def score_alignment(shot: Shot, episodes: int) -> dict[str, dict[str, float]]:
    """Measure how well a run's alignments agree with the gold one, print the table and return it.

    Args:
        shot: who is measured where.
        episodes: how many.

    Raises:
        FoveateError: the environment, or the agent, has no alignment.
    """
    check_one_agent(shot.env_id, "an alignment")
    found = agreement(shot.learner, shot.env_id, shot.env, episodes, shot.seed)
    print(f"alignment in {shot.env_id}, {episodes} episodes, while the right text is written")
    print(f"{'':<31}{'pointing':>10}{'mass':>10}{'ROC area':>10}{'entropy':>10}")
    for name, row in found.items():
        cells = "".join(f"{number(x, '.3f'):>10}" for x in (row.pointing, row.mass, row.auc, row.entropy))
        print(f"{TITLES[name]:<31}{cells}")
    print("  pointing: how often the greatest amount is on a gold item; mass: the share of all that is there;")
    print("  ROC area: chance that a gold item has more than another; entropy in bits: 0 if all is on one item")
    return {name: row._asdict() for name, row in found.items()}
