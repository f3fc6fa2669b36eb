"""What is found here, and what is said where something isn't."""

import importlib.metadata as metadata
from pathlib import Path

import pytest

from foveate.__main__ import main
from foveate.cli import doctor


def test_what_is_found_is_said(capsys: pytest.CaptureFixture) -> None:
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    for title in doctor.SECTIONS:
        assert f"\n{title}\n" in f"\n{said}"
    for package in ("torch", "numba", "Hershey-Fonts"):
        assert metadata.version(package) in next(line for line in said.splitlines() if f"  {package} " in line)
    assert "4,000 training and 1,000 test images" in said
    assert "pyright" not in said


def test_what_is_missing_is_said_with_what_to_do(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = metadata.version

    def version(name: str) -> str:
        if name in ("numba", "sacrebleu"):
            raise metadata.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(doctor.metadata, "version", version)
    assert main(["doctor"]) == 1
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.startswith("  ")}
    assert "missing" in lines["numba"]
    assert "pip install foveate" in lines["numba"]
    assert "none" in lines["sacrebleu"]
    assert 'pip install "foveate[text]"' in lines["sacrebleu"]


def test_a_checkout_that_is_not_installed(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    def requires(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor.metadata, "requires", requires)
    assert main(["doctor"]) == 1
    assert "pip install --editable ." in capsys.readouterr().out


def test_data_of_ones_own_and_windows(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FOVEATE_DATA", str(tmp_path))
    monkeypatch.setenv("DISPLAY", ":7")
    main(["doctor"])
    said = capsys.readouterr().out
    assert str(tmp_path) in said
    assert ":7" in said


@pytest.mark.parametrize(("words", "code"), [(["--help"], 0), (["-h"], 0), (["now"], 2)])
def test_its_help(capsys: pytest.CaptureFixture, words: list[str], code: int) -> None:
    assert main(["doctor", *words]) == code
    assert "usage: python -m foveate doctor" in capsys.readouterr().out
