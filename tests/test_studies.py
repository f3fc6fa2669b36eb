"""What benchmarks/ measures of ideas, not of speed: scores, sensitivity, lengths of paths, Hopfield networks."""

import json
from pathlib import Path
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest
import torch

from foveate.agents import load
from foveate.agents.nn.cores import make_core
from foveate.analysis.saliency_moments import collect
from foveate.wrappers.saliency import view_of

ROOT = Path(__file__).resolve().parents[1]


def test_scores_begin_as_the_dot_product_s_literal_example(
    bench: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"SIZES": (4, 400), "DRAWS": 20}.items():
        monkeypatch.setattr(bench.scores, name, value)
    file = tmp_path / "scores.json"
    assert bench.scores.main(["--json", str(file)]) == 0
    kept = json.loads(file.read_text())
    assert list(kept) == list(bench.scores.SCORES)
    assert all(0 <= entropy <= 1 and 0 < slope <= 0.5**0.5 for row in kept.values() for entropy, slope in row.values())
    (_, before), (_, after) = kept["dot"].values()
    assert after < before / 2  # longer vectors leave hardly any gradient
    (_, before), (_, after) = kept["scaled-dot"].values()
    assert after == pytest.approx(before, rel=0.3)
    page = bench.scores.pages(kept)
    assert page[-1].startswith("| cosine, derivative")
    assert page[-1].count("|") == 4


def test_sensitivity_is_the_jacobian_s_size_by_the_output_s_spread(
    bench: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.flares, "WORLDS", 4)
    file = tmp_path / "flares.json"
    assert bench.flares.main(["--moments", "12", "--json", str(file)]) == 0
    (kept,) = json.loads(file.read_text())
    assert (kept["run"], kept["moments"]) == ("Driving-dueling", 12)
    assert 0 < kept["near"] < 12
    for name in bench.flares.OUTPUTS:  # the mean of all is the weighted mean of both kinds
        row = kept[name]
        both = (kept["near"] * row["near"] + (12 - kept["near"]) * row["far"]) / 12
        assert row["mean"] == pytest.approx(both)
    page = bench.flares.pages([kept])
    assert page[-1].startswith("| Driving-dueling |")


def test_the_sensitivity_of_a_linear_output_is_its_weights(bench: SimpleNamespace) -> None:
    view = view_of(load(ROOT / "zoo" / "Driving-dueling", None, "cpu"))
    env = gym.make_vec("Probe/Driving-v0", 2, autoreset_mode="SameStep", output="torch", relevance=True)
    played = collect(view, env, 4, 3, seed=1)
    sizes, spread = bench.flares.sensitivity(view, played)
    outputs = view.outputs(played.inputs)
    assert outputs.value is not None
    assert spread["value"] == pytest.approx(float(outputs.value.std().detach()), rel=1e-5)
    seen = played.inputs.observation.clone().requires_grad_()
    value = view.outputs(played.inputs._replace(observation=seen)).value
    assert value is not None
    (slope,) = torch.autograd.grad(value.sum(), seen)
    np.testing.assert_allclose(sizes["value"], slope.abs().flatten(1).sum(1), rtol=1e-4)


def test_blocks_are_as_many_as_reach_and_no_more(bench: SimpleNamespace) -> None:
    for distance in (1, 2, 3, 6, 7, 32, 62, 63, 200):
        layers = bench.paths.layers_for(distance)
        core = make_core("bytenet", 3, 4, layers=layers)
        reach = core.initial_state(1).seen.shape[1]
        fewer = make_core("bytenet", 3, 4, layers=layers - 1).initial_state(1).seen.shape[1] if layers > 1 else 0
        assert fewer < distance <= max(reach, 2 * sum((1, 2, 4, 8, 16)[i % 5] for i in range(layers)))


def test_what_was_shown_is_learned_at_a_short_distance_and_kept(bench: SimpleNamespace, tmp_path: Path) -> None:
    file = tmp_path / "paths.json"
    words = ["--kinds", "transformer", "--distances", "2", "--seeds", "1", "--seconds", "30", "--json", str(file)]
    assert bench.paths.main(words) == 0
    assert bench.paths.main(["--kinds", "gru", *words[2:6], "--seconds", "0", "--json", str(file)]) == 0
    kept = json.loads(file.read_text())
    assert list(kept) == ["transformer", "gru"]
    assert kept["transformer"]["2"][0]["right"] >= 0.99
    assert kept["gru"]["2"][0]["right"] == 0.0  # one update, and no average yet
    page = bench.paths.pages(kept)
    assert page[-1] == "| GRU, path | 2 / 12 |"
    assert page[-2] == "| self-attention, one layer, path | 1 / 1 |"


def test_hopfield_networks_are_measured_and_drawn(
    bench: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {"LOADS": (0.05, 0.3), "FLIPS": (0.1,), "DIGITS": (5, 40), "NETWORKS": 1, "CUES": 6, "UNITS": (50, 60)}
    for name, value in few.items():
        monkeypatch.setattr(bench.hopfield, name, value)
    file, picture = tmp_path / "hopfield.json", tmp_path / "hopfield.png"
    assert bench.hopfield.main(["--json", str(file), "--picture", str(picture)]) == 0
    kept = json.loads(file.read_text(encoding="utf-8"))
    assert kept["digits"]["modern, one step"]["40"][0] == 1
    assert kept["digits"]["Hebb's rule"]["40"][0] == 0
    assert kept["largest rise of the energy"] <= 1e-3
    assert picture.read_bytes().startswith(b"\x89PNG")
    page = "\n".join(bench.hopfield.pages(kept))
    assert "| modern, one step | 1.000 (1.00–1.00) | 1.000 (1.00–1.00) |" in page


def test_a_kernel_s_band_is_the_convolution(bench: SimpleNamespace) -> None:
    taps, x = np.array([0.5, -1.0, 2.0]), np.arange(1.0, 6.0)
    torch_s = torch.nn.functional.conv1d(torch.tensor(x)[None, None], torch.tensor(taps)[None, None], padding=1)
    np.testing.assert_allclose(bench.wiring.band(taps, 5) @ x, torch_s[0, 0].numpy())


def test_the_wiring_is_drawn_from_the_zoo(
    bench: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.wiring, "PICTURE", tmp_path / "docs" / "wiring.png")
    (tmp_path / "docs").mkdir()
    bench.wiring.main()
    assert (tmp_path / "docs" / "wiring.png").read_bytes().startswith(b"\x89PNG")
    taps = bench.wiring.kernel()
    assert taps.shape == (3,)
    assert np.abs(taps).max() == 1
    for read, written, weights in bench.wiring.sentences():
        assert weights.shape == (len(written), len(read))
        np.testing.assert_allclose(weights.sum(1), 1, atol=1e-4)
