"""Films of an agent at play: its episodes, a contact sheet of their ends, and its saliency."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from tqdm import tqdm

from ..agents import Learner
from ..envs.registry import check_one_agent, make_one
from ..errors import FoveateError
from ..viz.pictures import contact_sheet
from ..viz.video import VideoWriter, write_video
from ..wrappers import Saliency, record_episodes


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
    video: Path | None,
    sheet: Path | None,
    methods: Sequence[str],
    targets: Sequence[str] | None,
    frames: int,
    shown: int,
    seed: int,
    show: bool,
) -> None:
    """Film frame, policy and maps side by side, over whole episodes until there are enough frames.

    Ctrl-C ends the film early; what was filmed is kept.

    Args:
        learner: who plays, and is looked into.
        env_id: where.
        arguments: of the environment.
        video: an .mp4 file for the film, or None.
        sheet: a .png file for some of its frames, one below the other, or None.
        methods: names from `METHODS`.
        targets: what they explain; None is the usual.
        frames: how many frames.
        shown: how many of them are on the sheet, evenly spaced.
        seed: of the first episode.
        show: whether to show progress.
    """
    check_one_agent(env_id, "saliency")
    watched = Saliency(make_one(env_id, arguments, "rgb_array"), learner, list(methods), targets or None)
    fps = min(30, int(watched.metadata.get("render_fps") or 15))
    writer = None if video is None else VideoWriter(video, fps)
    kept: list[np.ndarray] = []
    count = 0
    try:
        with tqdm(total=frames, unit="frame", desc="saliency", disable=None if show else True) as bar:
            for count, frame in enumerate(_frames(watched, learner, frames, seed), 1):
                if writer is not None:
                    writer.add(frame)
                if sheet is not None and (count * shown) // frames > len(kept):
                    kept.append(frame)
                bar.update()
    except KeyboardInterrupt:
        print("stopped: the film ends here")
    finally:
        watched.close()
        if writer is not None:
            writer.close()
    if writer is not None:
        print(f"video: {video} ({writer.codec}, {count} frames: {', '.join(methods)})")
    if sheet is not None and kept:
        contact_sheet(sheet, kept, columns=1, scale=1.0)
        print(f"contact sheet: {sheet}")


def _frames(env: gym.Env, learner: Any, count: int, seed: int) -> Iterator[np.ndarray]:
    """The pictures of so many moments of play, episode after episode."""
    made = 0
    while made < count:
        observation, _ = env.reset(seed=seed if made == 0 else None)
        state, over = None, False
        while made < count:
            yield np.asarray(env.render())
            made += 1
            if over:
                break
            action, state = learner.predict(observation, state, np.array([state is None]), deterministic=True)
            observation, _, terminated, truncated, _ = env.step(action)
            over = terminated or truncated


def names(words: str, option: str) -> list[str]:
    """The names in ``--option a,b``."""
    found = [word.strip() for word in words.split(",") if word.strip()]
    if len(set(found)) != len(found):
        raise FoveateError(f"{option} {words} names one of them twice.")
    return found
