"""Pictures of a memory at work: of one episode, moment by moment, and of one episode across a training."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..agents import Learner
from ..analysis.measure import EVALUATION_SEED
from ..envs.registry import check_one_agent, make_one
from ..wrappers import MemoryTrace, record_episodes, write_video


def save_trace(
    learner: Learner, env_id: str, arguments: dict[str, Any], path: Path, seed: int = EVALUATION_SEED
) -> None:
    """Play an episode and draw its trace: a .png of the whole episode, or an .mp4 that unfolds."""
    check_one_agent(env_id, "a trace of the memory")
    env = MemoryTrace(make_one(env_id, arguments), learner)
    frames = record_episodes(env, learner, 1, seed)[0]
    if Path(path).suffix.lower() == ".mp4":
        write_video(path, _one_size([*frames, *[frames[-1]] * 8]))
    else:
        env.save(path)
    env.close()


def film_traces(folder: Path) -> None:
    """Make training.mp4 of a folder's pictures, in the order of their names."""
    pictures = [cv2.imread(str(file)) for file in sorted(folder.glob("*.png"))]
    frames = [picture[..., ::-1] for picture in pictures if picture is not None]
    if frames:
        write_video(folder / "training.mp4", _one_size([*frames, *[frames[-1]] * 4]), fps=2)


def _one_size(frames: list[np.ndarray]) -> list[np.ndarray]:
    """Traces grow with the rows in use: all are padded below with white to the tallest."""
    tallest = max(len(frame) for frame in frames)
    return [np.pad(f, ((0, tallest - len(f)), (0, 0), (0, 0)), constant_values=255) for f in frames]
