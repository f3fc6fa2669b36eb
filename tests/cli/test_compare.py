"""compare: trains every arm, reports on the runs that can be compared, and names the others."""

import csv
import html
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import command

import foveate
from foveate.analysis.comparison.gather import gather
from foveate.analysis.comparison.statistics import at, estimate
from foveate.analysis.comparison.verdict import verdict
from foveate.cli.plan import read_plan
from foveate.errors import FoveateError

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
worlds: Glimpse/TranslatedDigits-v0
arms:
  ram:
  small draw: draw-read --agent.hidden 16 --agent.filters 4 --learner.batch 16
  paper: cnn --agent.architecture paper
seeds: [1]
steps: 700
folder: {folder}
options: --eval-episodes 20 --learner.worlds 32 --env.size 40 --no-tensorboard
report: {{episodes: 30, images: 8, attack_images: 3, gradients: 4, samples: 2}}
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compare")
    (folder / "plan.yaml").write_text(CONFIG.format(folder=folder / "out"))
    done = command(ROOT, "train.py", "compare", str(folder / "plan.yaml"), "--workers", "2")
    assert done.returncode == 0, done.stderr
    return folder


def test_one_command_trains_every_arm_and_writes_a_page_that_stands_alone(trained: Path) -> None:
    page = (trained / "out" / "report" / "report.html").read_text()
    assert "http" not in page.replace("http-equiv", "")
    for words in ("paper", "small draw", "ram", "Against an adversary", "Gradients of hard attention"):
        assert words in page
    assert "paper keeps" in page or "paper knows no more than chance" in page  # it is the one without attention
    for run in (trained / "out" / "runs").glob("*/*/config.json"):  # where all of it comes from
        assert html.escape(json.loads(run.read_text())["command"]) in page
        assert str(run.parent) in page
    assert f"with foveate {foveate.__version__} by: python" in page
    assert f"compare {trained / 'plan.yaml'}" in page
    found = json.loads((trained / "out" / "report" / "report.json").read_text())
    (world,) = found["worlds"]
    arms = {"paper", "small draw", "ram"}
    for table in ("summary", "runs", "curves", "cost", "robustness", "attack", "looking"):
        assert {row["arm"] for row in world[table]} == arms, table
        with (trained / "out" / "report" / f"{table}.csv").open() as file:
            assert {row["arm"] for row in csv.DictReader(file)} == arms, table
    assert all(0 <= row["score"] <= 1 and row["seeds"] == 1 for row in world["summary"])
    cost = {(row["arm"], row["side"]): row for row in world["cost"]}
    # a hard glimpse costs the same however large the picture; what reads all of it doesn't
    assert cost["ram", 448]["multiply_adds"] == cost["ram", 60]["multiply_adds"]
    assert cost["small draw", 448]["multiply_adds"] > 1.5 * cost["small draw", 60]["multiply_adds"]
    with (trained / "out" / "report" / "attack.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["epsilon"] for row in rows} == {"0.0", "0.02", "0.05", "0.1", "0.2"}
    changed = {(row["arm"], row["change"]): row["score"] for row in world["robustness"] if row["change"] == "size"}
    assert changed["paper", "size"] is None  # its layers fit one size only, and the report says so


def test_a_second_call_trains_nothing_again_and_a_list_says_what_is_done(trained: Path) -> None:
    folders = sorted((trained / "out" / "runs").glob("*/*/config.json"))
    done = command(ROOT, "train.py", "compare", str(trained / "plan.yaml"), "--no-report")
    assert done.stdout.count("done already") == 3
    assert sorted((trained / "out" / "runs").glob("*/*/config.json")) == folders
    listed = command(ROOT, "train.py", "compare", str(trained / "plan.yaml"), "--list")
    assert listed.stdout.count("done  ") == 3


def test_runs_that_cannot_be_compared_are_named_with_the_reason(trained: Path, tmp_path: Path) -> None:
    runs = [path.parent for path in sorted((trained / "out" / "runs").glob("*/*/config.json"))]
    other = tmp_path / "other"
    config = json.loads((runs[0] / "config.json").read_text())
    for name, change in (("unfinished", {"steps": 10**6}), ("elsewhere", {})):
        home = other / name
        home.mkdir(parents=True)
        for part in ("checkpoints", "metrics.csv"):
            (home / part).symlink_to(runs[0] / part)
        (home / "config.json").write_text(json.dumps({**config, "options": {**config["options"], **change}}))
    split = json.loads((other / "elsewhere" / "config.json").read_text())
    split["env"]["split"] = "validation"
    (other / "elsewhere" / "config.json").write_text(json.dumps(split))
    found = gather([*runs, other / "unfinished", other / "elsewhere", runs[0], tmp_path], torch.device("cpu"))
    reasons = {Path(path).name: reason for path, reason in found.left_out}
    assert "unfinished: 7" in reasons["unfinished"]
    assert "split 'validation'" in reasons["elsewhere"]
    assert "given twice" in reasons[runs[0].name]
    assert "no run folder" in reasons[tmp_path.name]
    (arms,) = found.worlds.values()
    assert sum(len(of) for of in arms.values()) == 3
    with pytest.raises(FoveateError, match="nothing to compare"):
        gather([runs[0], other / "unfinished"], torch.device("cpu"))


def test_the_same_two_agents_with_other_options_are_two_arms(trained: Path, tmp_path: Path) -> None:
    runs = [path.parent for path in sorted((trained / "out" / "runs").glob("*ram*/*/config.json"))]
    twin = tmp_path / "twin"
    twin.mkdir()
    for part in ("checkpoints", "metrics.csv"):
        (twin / part).symlink_to(runs[0] / part)
    config = json.loads((runs[0] / "config.json").read_text())
    rate, config["learner"]["lr"] = config["learner"]["lr"], 0.5
    (twin / "config.json").write_text(json.dumps(config))
    (arms,) = gather([runs[0], twin], torch.device("cpu")).worlds.values()
    assert set(arms) == {f"ram (lr={rate:g})", "ram (lr=0.5)"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("ram:", "rma:"), "Did you mean 'ram'"),
        (("Translated", "Transalted"), "Did you mean 'Glimpse/TranslatedDigits-v0'"),
        (("seeds", "seds"), "Did you mean 'seeds'"),
        (("steps: 700", "steps: 700\nminutes: 1"), "not both"),
        (("[1]", "many"), "number of seeds"),
        (("samples: 2", "sampels: 2"), "sampels"),
    ],
)
def test_a_wrong_configuration_is_refused_by_name(tmp_path: Path, change: tuple[str, str], says: str) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(CONFIG.format(folder=tmp_path).replace(*change))
    with pytest.raises(FoveateError, match=says):
        read_plan(file)


def test_the_statistics() -> None:
    found = estimate(np.array([0.0, 0.5, 0.5, 0.5, 1.0]))
    assert found.mean == pytest.approx(0.5)
    assert found.iqm == pytest.approx(0.5)
    assert found.low < 0.5 < found.high
    assert estimate(np.array([0.7])).low == estimate(np.array([0.7])).high == pytest.approx(0.7)
    alone = estimate(np.array([0.7]), np.array([0.01]))
    assert alone.low == pytest.approx(0.68, abs=0.003)
    curve = [(1.0, 0.2), (2.0, 0.5), (3.0, 0.4)]
    assert [at(curve, 2.0), at(curve, 3.0)] == [0.5, 0.5]
    assert np.isnan(at(curve, 0.5))


def test_the_verdict_can_refute_the_claim() -> None:
    def rows(arm: str, *scores: float) -> list[dict]:
        return [{"arm": arm, "epsilon": e, "score": s} for e, s in zip((0.0, 0.1, 0.2), scores, strict=True)]

    weak = rows("ram", 0.9, 0.1, 0.0) + rows("cnn", 0.9, 0.6, 0.1)
    assert "ε = 0.1, where cnn keeps 60 of 90 %: ram keeps 10 of 90 %: less robust" in verdict(weak, 100, 0.0, "cnn")
    strong = rows("ram", 0.9, 0.8, 0.7) + rows("cnn", 0.9, 0.2, 0.1)
    assert "cnn keeps 20 of 90 %: ram keeps 80 of 90 %: more robust" in verdict(strong, 100, 0.0, "cnn")
    assert "no clear difference" in verdict(strong, 3, 0.0, "cnn")  # so few images show nothing
    assert "no arm without attention" in verdict(rows("ram", 0.9, 0.8, 0.7), 100, 0.0, None)
    guessing = strong + rows("dram", 0.12, 0.12, 0.12)
    assert "dram knows no more than chance" in verdict(guessing, 100, 0.1, "cnn")
    assert verdict(guessing, 100, 0.1, "cnn").count("ε = ") == 1
    nobody = rows("ram", 0.9, 0.8, 0.7) + rows("cnn", 0.1, 0.1, 0.1)
    assert "nothing is set against it" in verdict(nobody, 100, 0.1, "cnn")
