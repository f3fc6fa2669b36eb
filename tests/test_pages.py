"""Pages, tables and files of figures: what is no number is a dash with its reason, and never "nan"."""

import csv
import json
import re
from pathlib import Path
from typing import Any, cast, get_type_hints, is_typeddict

import pytest

from foveate.analysis.comparison.compare import print_summary
from foveate.analysis.comparison.figures import Figures
from foveate.analysis.comparison.page import write_pages
from foveate.analysis.origin import Made, Origin, made_now
from foveate.analysis.recall import Recall
from foveate.analysis.saliency_benchmark import Row
from foveate.analysis.saliency_report import write_report
from foveate.analysis.saliency_scores import FRACTIONS, Curves
from foveate.analysis.saliency_study import Effect, Study
from foveate.cli.score_saliency import print_recall, print_scores

NAN = float("nan")
AS_WORD = re.compile(r"\bnan\b", re.IGNORECASE)


def hollow(kind: Any) -> Any:
    """A value of a type of figures in which every float is NaN."""
    if is_typeddict(kind):
        return {name: hollow(part) for name, part in get_type_hints(kind).items()}
    origin, parts = getattr(kind, "__origin__", None), getattr(kind, "__args__", ())
    if origin is list:
        return [hollow(parts[0])]
    if origin is tuple:
        return tuple(hollow(part) for part in parts)
    return {float: NAN, int: 3, str: "text", bytes: b""}.get(kind, NAN)


def origin() -> Origin:
    return cast(Origin, hollow(Origin))


def made() -> Made:
    return made_now("python train.py compare plan.yaml")


def check_page(text: str) -> None:
    body = re.sub(r"data:image/png;base64,[^\"]*", "", text)
    assert not AS_WORD.search(body), AS_WORD.search(body)
    for cells, after in re.findall(r"<table>(.*?)</table></div>(.{0,60})", body, re.DOTALL):
        assert ("<td>–</td>" in cells) == after.startswith("<p><small>– no figure: "), (cells, after)
    # on a screen of 400 pixels nothing makes the page itself scroll: what is wide has a box of its own
    assert body.count("<div class=scroll><table>") == body.count("<table")
    assert body.count("<div class=scroll><img") == body.count("<img")
    assert "width=device-width" in body
    assert "overflow-wrap: anywhere" in body
    assert not re.search(r"<(?:pre|iframe|svg)\b|\s(?:width|style)=|[^-]width: \d+px", body.replace("width=device", ""))
    assert "made from" in body
    assert "python train.py compare plan.yaml" in body


def test_a_comparison_without_a_single_figure_says_so(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    figures = cast(Figures, hollow(Figures))
    figures["made"] = made()
    for world in figures["worlds"]:
        world["curves"][0] |= {"episodes": 1.0, "minutes": 1.0, "macs": 1.0}  # a place on the axis
        world["cost"][0] |= {"multiply_adds": 1.0}
        world["robustness"][0] |= {"value": 0.5}  # what was asked, and no figure
        world["attack"][0] |= {"epsilon": 0.1}
    write_pages(tmp_path, figures)
    check_page((tmp_path / "report.html").read_text())
    json.loads((tmp_path / "report.json").read_text(), parse_constant=pytest.fail)
    for file in tmp_path.glob("*.csv"):
        with file.open() as lines:
            assert not any(AS_WORD.search(cell) for row in csv.reader(lines) for cell in row), file
    print_summary(figures)
    assert not AS_WORD.search(capsys.readouterr().out)


def test_a_study_of_saliency_without_a_single_figure_says_so(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    flat = [0.0] * len(FRACTIONS)
    row = Row("jacobian", "value", *[NAN] * 8, {"car": NAN}, Curves(flat, flat))
    effects = {"value": {"car": Effect(NAN, NAN, NAN, 0)}}
    study = Study("Probe/Driving-v0", 0, 1, [row], {"car": NAN}, effects, {})
    write_report(tmp_path, study, made(), origin())
    check_page((tmp_path / "saliency.html").read_text())
    json.loads((tmp_path / "saliency.json").read_text(), parse_constant=pytest.fail)
    print_scores(study)
    nothing = Recall(NAN, NAN, 0, NAN)
    print_recall(study._replace(sequential={"logits": {"as trained": nothing}}))
    said = capsys.readouterr().out
    assert not AS_WORD.search(said)
    assert "no figure" in said
