"""Drawing: text, panels, pages, plots, pictures and videos, from arrays alone."""

import html.parser
import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from foveate.errors import FoveateError
from foveate.viz import canvas, pages, palette, panels
from foveate.viz.pictures import contact_sheet, fitted, padded_to_tallest, read_picture, write_picture
from foveate.viz.text import write
from foveate.viz.video import write_video


def test_text_ends_where_it_is_told_to() -> None:
    """Aligned right, nothing is right of the point; aligned left, nothing is left of it."""
    for right in (False, True):
        picture = canvas.blank(40, 200, palette.NIGHT)
        write(picture, "value 0.123", (100, 25), 0.42, palette.LIGHT, right)
        columns = np.flatnonzero((picture != palette.NIGHT).any((0, 2)))
        assert (columns.max() <= 101) if right else (columns.min() >= 99)
        assert len(columns) > 40


def test_a_blank_canvas_is_nobody_elses() -> None:
    one = canvas.blank(4, 6, palette.NIGHT)
    one[:] = 0
    assert (canvas.blank(4, 6, palette.NIGHT) == palette.NIGHT).all()


def test_colours_come_again_and_are_written_as_html_writes_them() -> None:
    assert palette.colour_of(0) == palette.colour_of(len(palette.OKABE_ITO))
    assert palette.hexadecimal(palette.OKABE_ITO[2]) == palette.OKABE_ITO_LINES[2] == "#009e73"


def test_a_map_is_as_red_as_it_is_great() -> None:
    amounts = np.zeros((4, 4))
    amounts[1, 2], amounts[3, 0] = 4.0, 1.0
    panel = panels.map_panel(amounts, np.zeros((4, 4), np.uint8), "map", "jacobian")
    inner = panel[panels.TITLE : panels.TITLE + panels.SIDE, panels.MARGIN // 2 : panels.MARGIN // 2 + panels.SIDE]
    cells = inner.reshape(4, panels.SIDE // 4, 4, panels.SIDE // 4, 3)[:, 30, :, 30]
    assert tuple(cells[1, 2]) == palette.RED
    assert tuple(cells[3, 0]) == tuple(c // 2 for c in palette.RED)  # the root of a quarter
    assert not cells[0].any()


def test_bars_are_as_long_as_their_shares() -> None:
    bars = [panels.Bar("left", 0.25), panels.Bar("right", 0.75), panels.Bar("x = 0.10", None)]
    panel = panels.bars_panel("policy", bars, "value 1.000")
    lengths = [int((panel == colour).all(2).sum(1).max()) for colour in (palette.BLUE, palette.YELLOW)]
    assert lengths == [round(share * (panels.SIDE - 110)) for share in (0.25, 0.75)]
    assert panels.bars_panel("policy", []).shape == panels.blank_panel().shape


def test_heat_has_the_ends_of_its_colour_map() -> None:
    colours = canvas.heat(np.array([[0.0, 1.0, 9.0]]))
    assert colours.shape == (1, 3, 3)
    assert colours[0, 0].sum() < 20 < 400 < colours[0, 1].sum()
    assert (colours[0, 1] == colours[0, 2]).all()  # clipped


# ---- pages and plots ----


class _Text(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_what_is_text_stays_text_on_a_page() -> None:
    evil = '<script>alert(1)</script> & "more"'
    body = pages.heading(evil, 2) + pages.paragraph(evil) + pages.table([evil], [[evil]])
    body += pages.definitions({evil: evil}) + pages.image_tag(b"png", evil)
    read = _Text()
    read.feed(pages.page(evil, body))
    assert "script" not in read.tags
    assert read.text.count(evil) == 7
    assert read.tags.count("img") == 1


def test_plots_leave_the_backend_of_a_notebook_alone() -> None:
    code = (
        "import sys; from foveate.viz.plots import figure_png, subplots;"
        "assert 'matplotlib' not in sys.modules;"
        "figure, axes = subplots(2, 3, (6, 4), share='x'); axes[1][2].plot([1, 2], [3, 4]);"
        "png = figure_png(figure); assert png.startswith(b'\\x89PNG');"
        "assert axes.shape == (2, 3) and 'matplotlib.pyplot' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_importing_the_modules_of_this_room_draws_in_nothing_heavy(root: Path) -> None:
    names = ", ".join(f"foveate.viz.{file.stem}" for file in (root / "viz").glob("*.py") if file.stem != "__init__")
    code = f"import sys, foveate; import {names}; print({{'cv2', 'matplotlib', 'av'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


# ---- pictures ----


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
        ([np.zeros((4, 4, 3))], "v.mp4", "uint8"),
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
