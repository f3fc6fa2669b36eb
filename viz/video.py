"""Videos: H.264 through PyAV (browsers play it), or MPEG-4 through OpenCV where PyAV is missing."""

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from ..errors import FoveateError


class VideoWriter:
    """An .mp4 file that grows frame by frame; use it in a ``with`` block, or call `close`.

    Args:
        path: the file; its folder is made if need be.
        fps: frames a second.

    Attributes:
        codec: "h264", or "mp4v" without PyAV (a warning says so).
        frames: how many were written.

    Raises:
        FoveateError: the file can't be written, or a frame is no picture or of another size than the first.
    """

    def __init__(self, path: str | Path, fps: int = 4):
        self.path, self.fps, self.frames = Path(path), max(1, int(fps)), 0
        if self.path.suffix.lower() != ".mp4":
            raise FoveateError(f"{path}: videos are written as .mp4.")
        self._size: tuple[int, int] | None = None
        self._container: Any = None
        self._writer: Any = None
        try:
            import av

            self._av: Any = av
            self.codec = "h264"
        except ImportError:
            warnings.warn(
                "PyAV is not installed, so the video is written as MPEG-4 (mp4v), which browsers don't play. "
                'For H.264: pip install "foveate[video]".',
                stacklevel=2,
            )
            self._av, self.codec = None, "mp4v"

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, frame: np.ndarray) -> None:
        """Write a frame, uint8 (H, W, 3); an odd height or width is padded by a black line."""
        frame = np.asarray(frame)
        if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
            raise FoveateError(f"a frame must be uint8 (H, W, 3), got {frame.dtype} {frame.shape}.")
        even = np.pad(frame, ((0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)))
        size = (even.shape[0], even.shape[1])
        if self._size is None:
            self._size = size
            self._open(*size)
        elif size != self._size:
            raise FoveateError(f"all frames must have one size, got {size} after {self._size}.")
        self.frames += 1
        if self._av is None:
            self._writer.write(np.ascontiguousarray(even[..., ::-1]))
        else:
            self._container.mux(self._writer.encode(self._av.VideoFrame.from_ndarray(even, format="rgb24")))

    def _open(self, height: int, width: int) -> None:
        if self._av is None:
            import cv2

            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = cv2.VideoWriter(str(self.path), cv2.VideoWriter.fourcc(*"mp4v"), self.fps, (width, height))
            if not self._writer.isOpened():
                raise FoveateError(f"{self.path} can't be written: OpenCV could not open it for writing.")
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._container = self._av.open(str(self.path), "w")
        except OSError as error:
            raise FoveateError(f"{self.path} can't be written: {error}.") from error
        options = {"crf": "20", "preset": "ultrafast"}
        self._writer = self._container.add_stream("libx264", rate=self.fps, options=options)
        self._writer.height, self._writer.width = height, width
        self._writer.pix_fmt = "yuv420p"

    def close(self) -> None:
        """Finish the file; without any frame there is none."""
        if self._container is not None:
            if self._writer is not None:  # there is none if the encoder is missing
                self._container.mux(self._writer.encode())
            self._container.close()
        elif self._writer is not None:
            self._writer.release()
        self._container = self._writer = None


def write_video(path: str | Path, frames: Iterable[np.ndarray], fps: int = 4) -> str:
    """Write frames to an .mp4 file.

    Args:
        path: the file; its folder is made if need be.
        frames: uint8 (H, W, 3), all of one size.
        fps: frames a second.

    Returns:
        The codec: "h264", or "mp4v" without PyAV (a warning says so).

    Raises:
        FoveateError: there are no frames, they differ in size, or the file can't be written.
    """
    with VideoWriter(path, fps) as writer:
        for frame in frames:
            writer.add(frame)
        if not writer.frames:
            raise FoveateError("there are no frames to write.")
    return writer.codec


def _fitted(frame: np.ndarray, height: int, width: int) -> np.ndarray:
    """A picture shrunk, if need be, and padded with white."""
    if frame.shape[:2] == (height, width):
        return frame
    import cv2

    scale = min(1.0, height / frame.shape[0], width / frame.shape[1])
    small = cv2.resize(frame, (int(frame.shape[1] * scale), int(frame.shape[0] * scale)), interpolation=cv2.INTER_AREA)
    room = ((0, height - small.shape[0]), (0, width - small.shape[1]), (0, 0))
    return np.pad(small, room, constant_values=255)


class RecordVideo(gym.Wrapper):
    """Films whatever an environment's ``render()`` shows, instruments included, into one .mp4 file.

    Frames are encoded as they come, so an episode may be as long as it likes. A picture that grows (a memory's trace)
    is fitted into the size of the first. ``close()`` finishes the file.

    Args:
        env: made with render_mode="rgb_array", or an instrument around any.
        path: the file.
        fps: frames a second; None is the environment's own.
        episodes: how many to film; None films all.
    """

    def __init__(self, env: gym.Env, path: str | Path, fps: int | None = None, episodes: int | None = None):
        super().__init__(env)
        if env.render_mode != "rgb_array":
            raise FoveateError(f'recording needs render_mode="rgb_array", got {env.render_mode!r}.')
        self.writer = VideoWriter(path, fps or int(env.metadata.get("render_fps") or 30))
        self.episodes, self._begun = episodes, 0
        self._size: tuple[int, int] | None = None

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode, and film its first moment."""
        result = self.env.reset(seed=seed, options=options)
        self._begun += 1
        self._film()
        return result

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step the environment, and film what is seen."""
        result = self.env.step(action)
        self._film()
        return result

    def _film(self) -> None:
        if self.episodes is None or self._begun <= self.episodes:
            frame = np.asarray(self.env.render(), dtype=np.uint8)
            self._size = self._size or frame.shape[:2]
            self.writer.add(_fitted(frame, *self._size))

    def close(self) -> None:
        """Finish the file, and close the environment."""
        self.writer.close()
        super().close()
