"""Drawing: text, panels and maps, from arrays alone."""

import itertools

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.viz import canvas, glimpses, palette, panels
from foveate.viz.text import write


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
