"""Pages, plots and lines of ink: what is written into HTML and SVG, and how Matplotlib is used."""

import html.parser
import itertools
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from foveate.viz import pages, plots
from foveate.viz.ink import curves, pixels, svg


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
