"""``evaluate.py RUN --saliency METHODS --video FILE``: frame, policy and maps side by side."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from ..envs.registry import check_one_agent, make_one
from ..viz.pictures import contact_sheet
from ..viz.video import VideoWriter
from ..wrappers import Saliency
from ..wrappers.record import film_play
from .film import Shot


class SaliencyFilm(NamedTuple):
    """What a film of saliency shows.

    Attributes:
        methods: names from `METHODS`.
        targets: what they explain; none is the usual.
        frames: how many frames.
        shown: how many of them are on the sheet, evenly spaced.
    """

    methods: Sequence[str]
    targets: Sequence[str]
    frames: int
    shown: int


def film_saliency(shot: Shot, wanted: SaliencyFilm, video: Path | None, sheet: Path | None) -> None:
    """Film whole episodes until there are enough frames; Ctrl-C ends the film early, and what was filmed is kept.

    Args:
        shot: who plays where.
        wanted: what the film shows.
        video: an .mp4 file for the film, or None.
        sheet: a .png file for some of its frames, one below the other, or None.

    Raises:
        FoveateError: the environment has several agents, or a method or target doesn't fit the policy.
    """
    check_one_agent(shot.env_id, "saliency")
    env = make_one(shot.env_id, shot.env, "rgb_array")
    watched = Saliency(env, shot.learner, list(wanted.methods), list(wanted.targets) or None)
    fps = min(30, int(watched.metadata.get("render_fps") or 15))
    writer = None if video is None else VideoWriter(video, fps)
    kept: list[np.ndarray] = []
    count = 0
    try:
        total = wanted.frames
        with tqdm(total=total, unit="frame", desc="saliency", disable=None if shot.progress else True) as bar:
            for count, frame in enumerate(islice(film_play(watched, shot.learner, shot.seed), total), 1):
                if writer is not None:
                    writer.add(frame.picture)
                if sheet is not None and (count * wanted.shown) // total > len(kept):
                    kept.append(frame.picture)
                bar.update()
    except KeyboardInterrupt:
        print("stopped: the film ends here")
    finally:
        watched.close()
        if writer is not None:
            writer.close()
    if writer is not None:
        print(f"video: {video} ({writer.codec}, {count} frames: {', '.join(wanted.methods)})")
    if sheet is not None and kept:
        contact_sheet(sheet, kept, columns=1, scale=1.0)
        print(f"contact sheet: {sheet}")
