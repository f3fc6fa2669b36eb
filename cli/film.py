"""Films of an agent at play: its episodes, a contact sheet of their ends, and its saliency."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ..agents import Learner
from ..errors import FoveateError
from ..wrappers import RecordVideo, Saliency, contact_sheet, record_episodes, write_video
from .worlds import make_one


def film(
    learner: Learner,
    env_id: str,
    arguments: dict[str, Any],
    video: Path | None,
    sheet: Path | None,
    episodes: int,
    seed: int,
    show: bool,
) -> None:
    """Write the video and the contact sheet of some episodes."""
    env = make_one(env_id, arguments, "rgb_array")
    with tqdm(total=episodes, unit="episode", desc="filming", disable=None if show else True) as bar:
        recorded = record_episodes(env, learner, episodes, seed, on_episode=lambda n: bar.update(n - bar.n))
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


def film_saliency(
    learner: Any,
    env_id: str,
    arguments: dict[str, Any],
    video: Path,
    methods: Sequence[str],
    targets: Sequence[str] | None,
    frames: int,
    seed: int,
    show: bool,
) -> None:
    """Write a video of frame, policy and maps side by side, over whole episodes until there are enough frames.

    Ctrl-C ends the film early; what was filmed is kept.
    """
    watched = Saliency(make_one(env_id, arguments, "rgb_array"), learner, list(methods), targets or None)
    fps = int(watched.metadata.get("render_fps") or 15)
    env = RecordVideo(watched, video, fps if fps <= 30 else 15)
    try:
        with tqdm(total=frames, unit="frame", desc="saliency", disable=None if show else True) as bar:
            _play(env, learner, frames, seed, bar)
    except KeyboardInterrupt:
        print("stopped: the film ends here")
    finally:
        written, codec = env.writer.frames, env.writer.codec
        env.close()
    print(f"video: {video} ({codec}, {written} frames: {', '.join(methods)})")


def _play(env: RecordVideo, learner: Any, frames: int, seed: int, bar: tqdm) -> None:
    first = True
    while env.writer.frames < frames:
        observation, _ = env.reset(seed=seed if first else None)
        state, ended, first, begin = None, False, False, True
        while not ended and env.writer.frames < frames:
            action, state = learner.predict(observation, state, np.array([begin]), deterministic=True)
            observation, _, terminated, truncated, _ = env.step(action)
            ended, begin = terminated or truncated, False
            bar.update(env.writer.frames - bar.n)


def names(words: str, option: str) -> list[str]:
    """The names in ``--option a,b``."""
    found = [word.strip() for word in words.split(",") if word.strip()]
    if len(set(found)) != len(found):
        raise FoveateError(f"{option} {words} names one of them twice.")
    return found
