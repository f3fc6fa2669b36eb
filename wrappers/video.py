"""Videos: H.264 through PyAV (browsers play it), or MPEG-4 through OpenCV where PyAV is missing."""

import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..errors import FoveateError


def write_video(path: str | Path, frames: Iterable[np.ndarray], fps: int = 4) -> str:
    """Write frames to an .mp4 file.

    Args:
        path: the file; its folder is made if need be.
        frames: uint8 (H, W, 3), all of one size; an odd height or width is padded by a black line.
        fps: frames a second.

    Returns:
        The codec: "h264", or "mp4v" without PyAV (a warning says so).

    Raises:
        FoveateError: there are no frames, they differ in size, or the file can't be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".mp4":
        raise FoveateError(f"{path}: videos are written as .mp4.")
    checked = _checked(frames)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        import av
    except ImportError:
        warnings.warn(
            "PyAV is not installed, so the video is written as MPEG-4 (mp4v), which browsers don't play. "
            'For H.264: pip install "foveate[video]".',
            stacklevel=2,
        )
        _write_with_opencv(path, checked, fps)
        return "mp4v"
    try:
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=fps, options={"crf": "20", "preset": "veryfast"})
            stream.height, stream.width = checked[0].shape[:2]
            stream.pix_fmt = "yuv420p"
            for frame in checked:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode())
    except OSError as error:
        raise FoveateError(f"{path} can't be written: {error}.") from error
    return "h264"


def _checked(frames: Iterable[np.ndarray]) -> list[np.ndarray]:
    kept: list[np.ndarray] = []
    for frame in frames:
        frame = np.asarray(frame)
        if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
            raise FoveateError(f"a frame must be uint8 (H, W, 3), got {frame.dtype} {frame.shape}.")
        even = np.pad(frame, ((0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)))
        if kept and even.shape != kept[0].shape:
            raise FoveateError(f"all frames must have one size, got {even.shape} after {kept[0].shape}.")
        kept.append(even)
    if not kept:
        raise FoveateError("there are no frames to write.")
    return kept


def _write_with_opencv(path: Path, frames: list[np.ndarray], fps: int) -> None:
    import cv2

    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, (width, height))
    if not writer.isOpened():
        raise FoveateError(f"{path} can't be written: OpenCV could not open it for writing.")
    for frame in frames:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()
