"""Drawing: text, panels, pages, plots, pictures and videos, from arrays alone."""

import html.parser
import itertools
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.errors import FoveateError
from foveate.viz import canvas, glimpses, pages, palette, panels, plots
from foveate.viz.ink import curves, pixels, svg
from foveate.viz.pictures import contact_sheet, fitted, padded_to_tallest, read_picture, write_picture
from foveate.viz.text import write
from foveate.viz.video import VideoWriter, write_video


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


def test_maps_of_one_scale_are_as_red_as_they_are_great() -> None:
    """A map of next to nothing doesn't glow where another one of the film had something to show."""
    faint = np.full((4, 4), 1e-9)
    alone = panels.map_panel(faint, np.zeros((4, 4), np.uint8), "map")
    beside = panels.map_panel(faint, np.zeros((4, 4), np.uint8), "map", top=1.0)
    centre = panels.TITLE + panels.SIDE // 2
    assert tuple(alone[centre, centre]) == palette.RED
    assert not beside[centre, centre].any()


def test_pictures_under_maps_keep_their_colours() -> None:
    colours = np.array([[[200, 40, 40], [40, 200, 40]], [[40, 40, 200], [90, 90, 90]]], np.uint8)
    panel = panels.map_panel(np.zeros((2, 2)), colours, "map")
    inner = panel[panels.TITLE : panels.TITLE + panels.SIDE, panels.MARGIN // 2 : panels.MARGIN // 2 + panels.SIDE]
    cells = inner.reshape(2, panels.SIDE // 2, 2, panels.SIDE // 2, 3)[:, 9, :, 9]
    assert np.allclose(cells, colours * 0.6, atol=1)


@settings(max_examples=25, deadline=None)
@given(
    hnp.arrays(np.float64, st.tuples(st.integers(1, 12), st.just(2)), elements=st.floats(-1, 1, width=16)),
    st.sampled_from([0.0, 0.05, 1.0]),
)
def test_numbers_on_a_path_cover_no_other(path: np.ndarray, spread: float) -> None:
    taken: list[tuple[int, int]] = []
    glimpses.draw_path(np.zeros((384, 384, 3), np.uint8), path * spread, taken=taken)
    assert len(taken) == len(path)
    widths = [9 * len(str(number)) for number in range(1, len(path) + 1)]
    for (a, wide), (b, _) in itertools.combinations(zip(taken, widths, strict=True), 2):
        assert abs(a[0] - b[0]) >= wide or abs(a[1] - b[1]) >= 11


def test_a_frame_is_as_large_as_a_map_and_no_panel_is_left_empty() -> None:
    """What worlds draw around and below their pictures is no reason to make these smaller."""
    frame = canvas.blank(212, 188, palette.NIGHT)
    frame[10:178, 10:178] = 200  # a square picture, its margins, and a line of text below
    frame[190:200, 10:60] = palette.LIGHT
    drawn = panels.frame_panel(frame)
    red, _, _ = np.moveaxis(panels.map_panel(np.ones((84, 84)), np.zeros((84, 84), np.uint8), "map"), 2, 0)
    assert (drawn == 200).all(2).sum() == pytest.approx((red[panels.TITLE : -panels.LEGEND] > 200).sum(), rel=0.02)
    single, wide = panels.blank_panel(), panels.frame_panel(np.full((100, 180), 90, np.uint8))
    assert wide.shape[1] == 2 * single.shape[1] == 2 * drawn.shape[1]
    maps = np.full_like(single, 7)
    policy, key = np.full_like(single, 5), np.full_like(single, 6)
    for each, rows, empty in ((drawn, 1, 0), (drawn, 2, 0), (drawn, 3, 0), (wide, 1, 0), (wide, 2, 0), (wide, 3, 2)):
        whole = panels.arrange(each, [policy, key], [[maps, maps]] * rows)
        assert (whole == 7).all(2).sum() == 2 * rows * maps[..., 0].size
        assert (whole == 5).all(2).sum() == policy[..., 0].size
        high, broad = single.shape[:2]
        cells = whole.reshape(rows, high, -1, broad, 3).swapaxes(1, 2)
        assert sum(int((cell == single).all()) for row in cells for cell in row) == empty


def test_margins_are_left_out_as_far_as_they_are_on_both_sides() -> None:
    frame = canvas.blank(20, 30, palette.NIGHT)
    frame[3:15, 4:22] = 90
    assert canvas.trimmed(frame, palette.NIGHT).shape == (17, 22, 3)
    assert (canvas.trimmed(frame, palette.NIGHT)[0, 0] == 90).all()
    assert canvas.trimmed(frame, (1, 2, 3)).shape == frame.shape
    assert canvas.trimmed(canvas.blank(4, 4, palette.NIGHT), palette.NIGHT).shape == (4, 4, 3)


def test_bars_are_as_long_as_their_shares() -> None:
    bars = [panels.Bar("left", 0.25), panels.Bar("right", 0.75), panels.Bar("x = 0.10", None)]
    panel = panels.bars_panel("policy", bars, ["yellow: the likeliest", "value 1.000"])
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


@pytest.mark.parametrize("top", [3, 30, 3e7])
def test_no_tick_of_a_logarithmic_axis_shows_its_formula(top: float) -> None:
    """Ticks of axes that span less than a power of ten are between powers, and are formulas as well."""
    figure, axes = plots.subplots(1, 1, (4, 4))
    axes[0][0].plot([1, 2], [1.1, top])
    axes[0][0].set_yscale("log")
    axes[0][0].set_title("$5")
    plots.figure_png(figure)
    ticks = axes[0][0].yaxis.get_ticklabels(which="both")
    assert any("$" in tick.get_text() for tick in ticks)
    assert all(tick.get_parse_math() for tick in ticks)
    assert not axes[0][0].title.get_parse_math()


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


def test_curves_go_through_their_points_and_pages_say_what_is_written() -> None:
    points = np.array([[0, 0], [1, 2], [3, 1], [3, 0]], np.float64)
    bends = curves(points)
    np.testing.assert_allclose(bends[:, 0], points[:-1])
    np.testing.assert_allclose(bends[:, 3], points[1:])
    for one, other in itertools.pairwise(bends):  # no corner where two of them meet
        np.testing.assert_allclose(one[3] - one[2], other[1] - other[0])
    np.testing.assert_allclose(curves(points[:1]), np.zeros((1, 4, 2)))
    lines = [[points, points + 4], [], [points[:1]]]
    page, picture = ElementTree.fromstring(svg(lines, "a <b> & c\nd")), pixels(lines, "a\nb")
    assert page.findtext("{*}title") == "a <b> & c\nd"
    assert [text.text for text in page.findall("{*}text")] == ["a <b> & c", "d"]
    assert [path.get("d", "").count("M") for path in page.findall(".//{*}path")] == [2, 1]
    assert picture.shape[:2] == (int(page.get("height", 0)), int(page.get("width", 0)))
    assert (picture < 100).all(-1).sum() > 100
