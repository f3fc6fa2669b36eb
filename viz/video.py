"""Videos: H.264 through PyAV (browsers play it), or MPEG-4 through OpenCV where PyAV is missing."""

import warnings
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy as np

from ..errors import FoveateError
from .canvas import as_picture


class Encoder(Protocol):
    """A file that frames of one size go into."""

    def add(self, frame: np.ndarray) -> None:
        """Encode a frame, uint8 (H, W, 3), both sides even."""
        ...

    def close(self) -> None:
        """Finish the file."""
        ...


class VideoWriter:
    """An .mp4 file that grows frame by frame; use it in a ``with`` block, or call `close`.

    Where nobody does, the file is finished when the writer is given up, at the latest at the end of the program. A
    program that is killed leaves a film up to its last frames (H.264 only).

    Args:
        path: the file; its folder is created if need be.
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
        self._encoder: Encoder | None = None
        self._finish: weakref.finalize | None = None  # also where nobody closes it: at the end of the program
        self._closed = False
        self.codec = "h264" if _has_pyav() else "mp4v"
        if self.codec == "mp4v":
            warnings.warn(
                "PyAV is not installed, so the video is written as MPEG-4 (mp4v), which browsers don't play. "
                'For H.264: pip install "foveate[video]".',
                stacklevel=2,
            )

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, frame: np.ndarray) -> None:
        """Write a frame, see `as_picture` for its forms; an odd height or width is padded by a black line.

        Raises:
            FoveateError: it is no picture, of another size than the first, the film is finished, or the file can't be
                written.
        """
        if self._closed:
            raise FoveateError(f"{self.path} is finished: what comes after close() needs a film of its own.")
        frame = as_picture(frame)
        even = np.pad(frame, ((0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)))
        size = (even.shape[0], even.shape[1])
        if self._encoder is None:
            self._size = size
            self._encoder = self._open(size)
            self._finish = weakref.finalize(self, self._encoder.close)
        elif size != self._size:
            raise FoveateError(f"all frames must have one size, got {size} after {self._size}.")
        self.frames += 1
        self._encoder.add(even)

    def _open(self, size: tuple[int, int]) -> Encoder:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return (_H264 if self.codec == "h264" else _Mpeg4)(self.path, self.fps, size)
        except OSError as error:
            raise FoveateError(f"{self.path} can't be written: {error}.") from error

    def close(self) -> None:
        """Finish the file; without any frame there is none."""
        self._closed, self._encoder = True, None
        if self._finish is not None:
            self._finish()


def _has_pyav() -> bool:
    try:
        import av  # noqa: F401
    except ImportError:
        return False
    return True


class _H264:
    """An `Encoder` through PyAV."""

    def __init__(self, path: Path, fps: int, size: tuple[int, int]):
        import av

        # every frame is whole on the disk as soon as it is added; closing makes an ordinary file of it where FFmpeg can
        closing = av.library_versions["libavformat"] >= (61, 7)  # FFmpeg 7.1
        pieces = "frag_every_frame+" + ("hybrid_fragmented" if closing else "empty_moov+default_base_moof")
        self._container = av.open(str(path), "w", options={"movflags": pieces, "flush_packets": "1"})
        how = {"crf": "20", "preset": "ultrafast", "tune": "zerolatency"}  # no frame waits for later ones
        try:
            self._stream = self._container.add_stream("libx264", rate=fps, options=how)
        except BaseException:  # the encoder is missing
            self._container.close()
            raise
        self._stream.height, self._stream.width = size
        self._stream.pix_fmt = "yuv420p"
        self._frame = av.VideoFrame.from_ndarray

    def add(self, frame: np.ndarray) -> None:
        self._container.mux(self._stream.encode(self._frame(frame, format="rgb24")))

    def close(self) -> None:
        self._container.mux(self._stream.encode())
        self._container.close()


class _Mpeg4:
    """An `Encoder` through OpenCV."""

    def __init__(self, path: Path, fps: int, size: tuple[int, int]):
        import cv2

        self._writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, size[::-1])
        if not self._writer.isOpened():
            raise OSError("OpenCV could not open it for writing")

    def add(self, frame: np.ndarray) -> None:
        self._writer.write(np.ascontiguousarray(frame[..., ::-1]))

    def close(self) -> None:
        self._writer.release()


def write_video(path: str | Path, frames: Iterable[np.ndarray], fps: int = 4) -> str:
    """Write frames to an .mp4 file.

    Args:
        path: the file; its folder is created if need be.
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
