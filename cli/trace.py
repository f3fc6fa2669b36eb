"""``evaluate.py RUN --trace`` and ``train.py --trace``: pictures of a memory in one episode and across a training."""

from pathlib import Path

from ..agents import Algorithm
from ..analysis.measure import EVALUATION_SEED
from ..envs.registry import check_one_agent, make_one
from ..viz.pictures import padded_to_tallest, read_picture
from ..viz.video import write_video
from ..wrappers import MemoryTrace, record_episodes


def save_trace(
    learner: Algorithm, env_id: str, arguments: dict[str, object], path: Path, seed: int = EVALUATION_SEED
) -> None:
    """Play an episode and draw its trace: a .png of the whole episode, or an .mp4 that unfolds.

    Args:
        learner: who plays; an agent with an external memory.
        env_id: where.
        arguments: of the environment.
        path: a .png or an .mp4 file.
        seed: of the episode.

    Raises:
        FoveateError: the environment has several agents, or the agent has no external memory.
    """
    check_one_agent(env_id, "a trace of the memory")
    env = MemoryTrace(make_one(env_id, arguments), learner)
    frames = record_episodes(env, learner, 1, seed)[0]
    if Path(path).suffix.lower() == ".mp4":
        write_video(path, padded_to_tallest([*frames, *[frames[-1]] * 8]))
    else:
        env.save(path)
    env.close()


def film_traces(folder: Path) -> None:
    """Make training.mp4 of a folder's pictures, in the order of their names."""
    pictures = [read_picture(file) for file in sorted(folder.glob("*.png"))]
    frames = [picture for picture in pictures if picture is not None]
    if frames:
        write_video(folder / "training.mp4", padded_to_tallest([*frames, *[frames[-1]] * 4]), fps=2)
