"""``evaluate.py RUN --video FILE --contact-sheet FILE``: an agent's episodes, and a sheet of their ends."""

from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from ..agents import Algorithm
from ..envs.registry import make_one
from ..viz.pictures import contact_sheet
from ..viz.video import write_video
from ..wrappers import record_episodes


class Shot(NamedTuple):
    """Who plays where, for everything that is filmed, drawn or examined.

    Attributes:
        learner: who plays, and is looked into.
        env_id: where.
        env: arguments of the environment.
        seed: of the first episode.
        progress: whether to show a bar.
    """

    learner: Algorithm
    env_id: str
    env: dict[str, object]
    seed: int
    progress: bool


def film(shot: Shot, episodes: int, video: Path | None, sheet: Path | None) -> None:
    """Write the video and the contact sheet of some episodes.

    Args:
        shot: who plays where.
        episodes: how many.
        video: an .mp4 file, or None.
        sheet: a .png file, or None.
    """
    env = make_one(shot.env_id, shot.env, "rgb_array")
    with tqdm(total=episodes, unit="episode", desc="filming", disable=None if shot.progress else True) as bar:
        recorded = record_episodes(env, shot.learner, episodes, shot.seed, on_episode=lambda n: bar.update(n - bar.n))
    fps = int(env.metadata.get("render_fps", 4))
    env.close()
    if video is not None:
        # the last frame stays for a moment, so that the answer can be read
        frames = [frame for episode in recorded for frame in [*episode, *[episode[-1]] * max(2, fps // 2)]]
        codec = write_video(video, frames, max(2, fps // 2) if fps <= 4 else fps)
        print(f"video: {video} ({codec}, {len(recorded)} episodes)")
    if sheet is not None:
        contact_sheet(sheet, [episode[-1] for episode in recorded])
        print(f"contact sheet: {sheet}")
