"""Pictures, contact sheets and films: files from arrays, and back."""

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from foveate.errors import FoveateError
from foveate.viz import canvas
from foveate.viz.pictures import contact_sheet, fitted, padded_to_tallest, read_picture, write_picture
from foveate.viz.video import VideoWriter, write_video


def test_pictures_come_back_as_they_were_written(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (7, 5, 3), np.uint8)
    write_picture(tmp_path / "new" / "a.png", picture)
    read = read_picture(tmp_path / "new" / "a.png")
    assert read is not None
    np.testing.assert_array_equal(read, picture)
    (tmp_path / "b.png").write_text("no picture")
    assert read_picture(tmp_path / "b.png") is None
    with pytest.raises(FoveateError, match=r"written as \.png"):
        write_picture(tmp_path / "a.jpg", picture)
    with pytest.raises(FoveateError, match="can't be written"):
        write_picture(tmp_path / "b.png" / "c.png", picture)


def test_pictures_are_brought_to_one_size() -> None:
    low, tall = np.zeros((4, 6, 3), np.uint8), np.zeros((9, 6, 3), np.uint8)
    padded = padded_to_tallest([low, tall])
    assert [p.shape for p in padded] == [(9, 6, 3)] * 2
    assert (padded[0][4:] == 255).all()
    assert not padded[0][:4].any()
    assert fitted(tall, 9, 6) is tall
    shrunk = fitted(np.zeros((18, 6, 3), np.uint8), 9, 6)
    assert shrunk.shape == (9, 6, 3)
    assert not shrunk[:, :3].any()
    assert (shrunk[:, 3:] == 255).all()


def frames(n: int, height: int = 41, width: int = 30) -> list[np.ndarray]:
    return [np.full((height, width, 3), 20 * i, np.uint8) for i in range(n)]


def test_videos_are_h264_with_even_sides_and_one_frame_each(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    assert write_video(tmp_path / "new" / "v.mp4", frames(7), fps=5) == "h264"
    with av.open(str(tmp_path / "new" / "v.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.height, stream.width) == (42, 30)
        assert stream.average_rate == 5
        means = [frame.to_ndarray(format="rgb24").mean() for frame in container.decode(stream)]
    assert len(means) == 7
    assert all(a < b for a, b in itertools.pairwise(means))


@pytest.mark.parametrize("shape", [(10, 8), (10, 8, 1), (10, 8, 3), (10, 8, 4)])
@pytest.mark.parametrize("kind", ["uint8", "int64", "uint16", "float16", "float32", ">f8", "bool"])
def test_frames_of_every_kind_are_filmed_as_bright_as_they_are(tmp_path: Path, kind: str, shape: tuple) -> None:
    frame = np.zeros(shape, kind)
    frame[2:8, 2:6] = 255 if np.dtype(kind).kind in "iu" else 1
    picture = canvas.as_picture(frame)
    assert picture.dtype == np.uint8
    assert picture.shape == (10, 8, 3)
    assert (picture[2:8, 2:6] == 255).all()
    assert not picture[:2].any()
    if np.dtype(kind).kind == "f":
        assert (canvas.as_picture(frame * np.asarray(0.5, kind))[2:8, 2:6] == 128).all()
    write_video(tmp_path / "v.mp4", [frame] * 2)
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "v.mp4")) as container:
        shown = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert shown[4:6, 3:5].min() > 240


@pytest.mark.parametrize(
    "frame",
    [None, "picture", [[1], [1, 2]], np.zeros((4, 4, 2)), np.zeros((0, 4)), np.full((4, 4), np.nan), -np.ones((4, 4)),
     np.full((4, 4), 300), np.full((4, 4), 1 + 1j), np.full((4, 4), "a")],
)  # fmt: skip
def test_what_is_no_frame_is_refused(frame: object) -> None:
    with pytest.raises(FoveateError, match="a frame"):
        canvas.as_picture(frame)


def test_a_film_that_nobody_closes_can_be_played(tmp_path: Path) -> None:
    code = (
        "import numpy as np; from foveate.viz.video import VideoWriter; film = VideoWriter('v.mp4', 5)\n"
        "for i in range(5): film.add(np.full((40, 30, 3), 40 * i, np.uint8))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "v.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 5


def test_a_film_whose_program_is_killed_can_be_played_up_to_there(tmp_path: Path) -> None:
    code = (
        "import os, signal, numpy as np; from foveate.viz.video import VideoWriter; film = VideoWriter('v.mp4', 5)\n"
        "for i in range(40): film.add(np.full((64, 64, 3), 5 * i, np.uint8))\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path)
    assert done.returncode == -9
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "v.mp4")) as film:
        frames = [frame.to_ndarray(format="rgb24").mean() for frame in film.decode(video=0)]
    assert len(frames) >= 38  # the last one may be on its way
    np.testing.assert_allclose(frames, 5 * np.arange(len(frames)), atol=4)


def test_a_finished_film_is_not_begun_again(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "v.mp4") as film:
        film.add(frames(1)[0])
    size = (tmp_path / "v.mp4").stat().st_size
    with pytest.raises(FoveateError, match="is finished"):
        film.add(frames(1)[0])
    film.close()
    assert (tmp_path / "v.mp4").stat().st_size == size


def test_without_pyav_there_is_a_fallback_and_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.warns(UserWarning, match=r"foveate\[video\]"):
        assert write_video(tmp_path / "v.mp4", frames(3)) == "mp4v"
    assert (tmp_path / "v.mp4").stat().st_size > 100


@pytest.mark.parametrize(
    ("given", "name", "message"),
    [
        ([], "v.mp4", "no frames"),
        (frames(1), "v.avi", "mp4"),
        ([*frames(1), *frames(1, 20)], "v.mp4", "one size"),
        ([np.full((4, 4, 3), 7.0)], "v.mp4", "shares of white"),
    ],
)
def test_frames_that_make_no_video(tmp_path: Path, given: list, name: str, message: str) -> None:
    with pytest.raises(FoveateError, match=message):
        write_video(tmp_path / name, given)


def test_a_contact_sheet_has_every_picture(tmp_path: Path) -> None:
    contact_sheet(tmp_path / "s.png", frames(4, 40, 30), columns=3, scale=0.5)
    sheet = read_picture(tmp_path / "s.png")
    assert sheet is not None
    assert sheet.shape == (40, 45, 3)
    assert [int(sheet[10, x].max()) for x in (5, 20, 35)] == [0, 20, 40]


@pytest.mark.parametrize(("width", "shape"), [(60, (48, 108, 3)), (90, (168, 90, 3))])
def test_a_contact_sheet_has_wide_pictures_below_each_other_at_their_own_size(
    tmp_path: Path, width: int, shape: tuple[int, ...]
) -> None:
    contact_sheet(tmp_path / "s.png", frames(4, 40, width))
    sheet = read_picture(tmp_path / "s.png")
    assert sheet is not None
    assert sheet.shape == shape
