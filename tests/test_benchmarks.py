"""The commands of benchmarks/ that measure, with hardly any time, and what they write."""

import itertools
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]


def report(**parts: Any) -> dict[str, Any]:
    limits = {"gflops": 60.0, "gigabytes": 15.0, "operator": 1.5}
    return {"cores": 2, "load": [0.1, 0.2], "limits": limits, **parts}


# ---- taking turns ----


def test_sides_take_turns_forwards_and_backwards(bench: SimpleNamespace) -> None:
    asked = []
    workers = {
        side: SimpleNamespace(ask=lambda _, count, side=side: asked.append((side, count)) or 1.0) for side in "abc"
    }
    times = bench.turns.in_turns(workers, {"a": 1, "b": 2, "c": 3}, 3)
    there = [("a", 1), ("b", 2), ("c", 3)]
    assert asked == [*there, *there[::-1], *there]
    assert times == {side: [1.0] * 3 for side in "abc"}


def test_a_ratio_is_taken_turn_by_turn(bench: SimpleNamespace) -> None:
    slow_hours = [1.0, 10.0, 100.0, 1.0, 7.0]  # disturb both sides alike
    found = bench.turns.ratio([3 * time for time in slow_hours], slow_hours)
    assert found == pytest.approx((3.0, 3.0, 3.0))


def test_everything_that_is_compared_has_its_row(bench: SimpleNamespace) -> None:
    duels = bench.peers.duels()
    assert {side.row for duel in duels for side in duel.sides} <= set(bench.rows_peers.rows())
    assert {side.home for duel in duels for side in duel.sides} - {""} == set(bench.peers_install.PEERS)
    on_a_card = {duel.group for duel in bench.gpu.duels()} | {"gpu-training"}
    assert {duel.group for duel in duels} | on_a_card == set(bench.performance.GROUPS)
    curves = {f"{name}, {curve}" for name, growth in bench.growth.GROWTHS.items() for curve in growth.curves}
    assert curves <= set(bench.rows_growth.rows())
    assert {panel.size for panel in bench.curves.PANELS} == set(bench.growth.GROWTHS)


# ---- the page ----


def test_goals_are_judged_in_their_direction_and_only_where_the_interval_is_sure(bench: SimpleNamespace) -> None:
    """For every group: fewer of what costs, more of what is fast."""
    for (name, group), (low, high, verdict) in itertools.product(
        bench.performance.GROUPS.items(), [(1.0, 2.0, "below"), (4.0, 6.0, "perhaps"), (8.0, 9.0, "above")]
    ):
        row = bench.performance.missing_row(name, "it", "") | {"ours": 3.0, "against": "another", "theirs": 4.0}
        row |= {"ratio": [(low + high) / 2, low, high], "goal": 5.0}
        good = "below" if group.cost else "above"
        expected = verdict if verdict == "perhaps" else "reached" if verdict == good else "missed"
        assert bench.performance.cells(row)[-1].endswith(expected)
        alone = bench.performance.missing_row(name, "it", "") | {"ours": 3.0, "goal": 5.0}
        assert bench.performance.cells(alone)[-1].endswith("reached" if group.factor else "missed")


def test_figures_are_times_or_rates(bench: SimpleNamespace) -> None:
    groups = bench.performance.GROUPS
    assert groups["cores"].figure(0.25, 1) == 250  # ms
    assert groups["worlds"].figure(0.25, 1000) == 4000  # a second
    assert groups["single"].figure(0.25, 1000) == 250  # µs a step


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([1.0, 1.1, 0.9, 1.0], "from the smallest on"),
        ([9.0, 3.0, 1.0, 1.2], "from 100 on"),
        ([9.0, 1.0, 1.2, 4.0], "from 10, left at 1,000 (4.0 times at most)"),
        ([1.0, 1.0, 2.0, 8.0], "from the smallest, left at 100 (8.0 times at most)"),
        ([1.0, 2.0, 1.0, 1.2], "from the smallest on"),  # noise
        ([], "–"),
        ([0.0], "–"),
    ],
)
def test_where_a_curve_is_level(bench: SimpleNamespace, values: list[float], says: str) -> None:
    assert bench.curves.straight(values, [1, 10, 100, 1000][: len(values)]) == says


def test_tables_have_as_many_cells_as_their_heads(bench: SimpleNamespace, tmp_path: Path) -> None:
    """With curves that ended early, figures that are missing, and sizes of which there are none."""
    missing = [bench.performance.missing_row(name, "it", "can't be had") for name in bench.performance.GROUPS]
    curve = {"label": "it", "sizes": [1, 2], "times": [1.0, 2.0], "peaks": [0, 1], "ended": ""}
    short = {"label": "short", "sizes": [1], "times": [1.0], "peaks": [5], "ended": "no room"}
    none = {"label": "none", "sizes": [], "times": [], "peaks": [], "ended": "no room"}
    (tmp_path / "p").write_text(json.dumps(report(rows=missing)), encoding="utf-8")
    (tmp_path / "g").write_text(json.dumps(report(curves={"side": [curve, short, none], "length": [none]})), "utf-8")
    bench.performance.write(tmp_path / "page.md", tmp_path / "p", tmp_path / "g", tmp_path / "none")
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    blocks = [block.splitlines() for block in page.split("\n\n") if block.startswith("|")]
    assert len(blocks) == len(missing) + 3  # length has two panels
    for block in blocks:
        assert len({line.count("|") for line in block}) == 1, block
    assert page.count("can't be had") == len(missing)
    assert "no room" in page


# ---- the commands ----


def test_peers_are_compared_and_a_missing_one_is_a_row(
    bench: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = bench.peers.Duel(
        "maps", "it", [bench.peers.Side("", "one map"), bench.peers.Side("gone", "forward", "dnc"),
                       bench.peers.Side("here", "forward", goal=50.0)]
    )  # fmt: skip
    monkeypatch.setattr(bench.peers, "duels", lambda: [gone])
    monkeypatch.setattr(bench.peers, "install", lambda *_: "no network")
    files = [f"--json={tmp_path / 'peers.json'}", f"--page={tmp_path / 'page.md'}"]
    assert bench.peers.main(["--seconds", "0.01", *files]) == 0
    missing, there = json.loads((tmp_path / "peers.json").read_text(encoding="utf-8"))["rows"]
    assert (missing["against"], missing["ratio"], missing["missing"]) == ("gone", [], "can't be had: no network")
    assert there["ours"] > 0
    assert there["theirs"] > 0
    ratio, low, high = there["ratio"]
    assert 0 < low <= ratio <= high
    assert "no network" in (tmp_path / "page.md").read_text(encoding="utf-8")


def test_a_card_is_compared_with_a_core(
    bench: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every row is made, of few worlds and on the CPU instead of the card; without one the command says so."""

    file, page = tmp_path / "gpu.json", tmp_path / "page.md"
    words = ["--seconds", "0", "--json", str(file), "--page", str(page), "--where", str(tmp_path), "--only", "copy"]
    with monkeypatch.context() as patch:
        patch.setattr(torch.cuda, "is_available", lambda: False)
        assert bench.gpu.main(words) == 1
    assert "no CUDA device" in capsys.readouterr().err
    for duel in bench.gpu.duels():  # what they are called with fits
        assert callable(duel.ours)
        assert set(duel.beside) >= {bench.gpu.CORE}
    duel = bench.gpu.Duel("gpu-worlds", "Copy", lambda: bench.gpu.world("Copy", 4, "cpu"), {}, 96, 1.0)
    made = duel._replace(beside=bench.gpu.on_a_core(lambda device: bench.gpu.world("Copy", 4, device)))
    monkeypatch.setattr(bench.gpu, "duels", lambda: [made])
    monkeypatch.setattr(bench.gpu, "install", lambda *_: "no network")
    monkeypatch.setattr(bench.gpu, "limits", lambda: report()["limits"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a card")
    assert bench.gpu.main(words) == 0
    alone, beside = json.loads(file.read_text(encoding="utf-8"))["rows"]
    assert alone["ours"] == beside["ours"] > 1.0
    assert beside["theirs"] > 0
    assert "a card" in page.read_text(encoding="utf-8")


def test_a_part_of_the_table_leaves_the_page_alone(
    bench: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    monkeypatch.setattr(bench.peers, "duels", lambda: [])
    monkeypatch.setattr(bench.peers, "KEPT", tmp_path / "peers.json")
    for words, written in (["--only", "nothing"], False), ([], True):
        assert bench.peers.main([*words, "--page", str(page)]) == 0
        assert page.exists() == written


def test_curves_are_drawn(bench: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    side = bench.growth.GROWTHS["side"]
    monkeypatch.setitem(bench.growth.GROWTHS, "side", side._replace(curves=["glimpses"]))
    names = {"json": "growth.json", "picture": "growth.png", "page": "page.md"}
    files = [f"--{key}={tmp_path / name}" for key, name in names.items()]
    assert bench.growth.main(["--only", "side", "--side", "60", "28", "--seconds", "0.01", *files]) == 0
    curves = json.loads((tmp_path / "growth.json").read_text(encoding="utf-8"))["curves"]
    assert list(curves) == ["side"]
    (curve,) = curves["side"]
    assert (curve["sizes"], curve["ended"]) == ([28, 60], "")
    assert min(curve["times"]) > 0
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")
    drawn = [tmp_path / names[key] for key in ("picture", "page")]
    before = [file.read_bytes() for file in drawn]
    for file in drawn:
        file.write_bytes(b"")
    assert bench.growth.main(["--draw", *files]) == 0
    assert [file.read_bytes() for file in drawn] == before


def test_each_model_has_one_colour_and_a_line_of_the_legend(bench: SimpleNamespace) -> None:
    growths = [bench.growth.GROWTHS[size] for size in ("rows", "length", "text", "batch", "threads")]
    assert {curve for growth in growths for curve in growth.curves} == set(bench.growth.MODELS)


# ---- installing ----


def test_a_checkout_becomes_an_environment_and_its_absence_a_reason(bench: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "peers" / "pytorch-ntm" / "ntm").mkdir(parents=True)
    where = tmp_path / "where"
    assert "FileNotFoundError" in bench.peers_install.install("pytorch-ntm", where, tmp_path / "nowhere")
    assert "ntm.aio" in bench.peers_install.install("pytorch-ntm", where, tmp_path / "peers")
    for name in ("__init__", "aio"):
        (tmp_path / "peers" / "pytorch-ntm" / "ntm" / f"{name}.py").write_text("import numpy", encoding="utf-8")
    assert bench.peers_install.install("pytorch-ntm", where, tmp_path / "peers") == ""
    assert bench.peers_install.install("pytorch-ntm", where, tmp_path / "nowhere") == ""  # is there already


def test_what_was_measured_in_another_checkout_is_not_trained_again(
    bench: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    first, other, *_ = bench.run_jobs.benchmarks(tmp_path / "runs").entries()
    rows = [
        {"name": first.home.name, "command": first.job["command"]},
        {"name": other.home.name, "command": "what the job was before"},
    ]
    (tmp_path / "kept.json").write_text(json.dumps(rows))
    monkeypatch.setattr(bench.run_jobs, "KEPT", tmp_path / "kept.json")
    for words, done in (["--list"], {first.home.name}), (["--list", "--again"], set()):
        monkeypatch.setattr(sys, "argv", ["run_jobs.py", "--runs", str(tmp_path / "runs"), *words])
        assert bench.run_jobs.main() == 0
        lines = [line.split() for line in capsys.readouterr().out.splitlines()]
        assert {name for state, name in lines if state == "done"} == done
        assert other.home.name in {name for state, name in lines if state == "left"}


# ---- learning curves ----


def test_curves_of_finished_runs_of_todays_plan_become_panels(
    bench: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    entries = [entry for entry in bench.run_jobs.benchmarks(tmp_path / "runs").entries() if entry.job]
    table = entries[0].job["table"]
    homes = [entry for entry in entries if entry.job["table"] == table]
    assert len(homes) > bench.learning.ENOUGH
    for number, entry in enumerate(homes):
        folder = entry.home / "run"
        folder.mkdir(parents=True)
        points = range(1, 2 * bench.learning.POINTS)
        rows = [f"{1000 * i},{60 * i},{i / 100}" for i in points] + ["99000,,"]  # the last is no evaluation
        (folder / "metrics.csv").write_text("\n".join(["time/total_timesteps,time/cpu_seconds,eval/score", *rows]))
        command = entry.job["command"] if number else "what it was before"
        result = {**entry.job, "command": command, "seed": number, "run": "run", "score_name": "wrong bits"}
        (entry.home / "result.json").write_text(json.dumps(result))
    kept, picture = tmp_path / "learning.json", tmp_path / "learning.png"
    words = ["--runs", str(tmp_path / "runs"), "--json", str(kept), "--picture", str(picture)]
    assert bench.learning.main(words) == 0
    curves = json.loads(kept.read_text())
    assert set(curves) == {entry.home.name for entry in homes[1:]}
    for curve in curves.values():
        assert len(curve["minutes"]) == len(curve["scores"]) == bench.learning.POINTS
        ends = [(curve["minutes"][i], curve["scores"][i]) for i in (0, -1)]
        assert ends == [(1, 0.01), (points[-1], points[-1] / 100)]
    assert list(bench.learning.of_today(curves)) == [table]
    drawn = picture.read_bytes()
    assert drawn.startswith(b"\x89PNG")
    assert bench.learning.main(["--draw", *words]) == 0
    assert picture.read_bytes() == drawn
