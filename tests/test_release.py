"""What must be so before a version is released; ``make release-check`` runs this, and what takes long with it."""

import re
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest
import yaml

import foveate
from foveate import moved

ROOT = Path(__file__).resolve().parent.parent


def test_all_files_have_the_same_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert project["version"] == citation["version"] == foveate.__version__
    assert project["license"] == citation["license"]


def test_every_extra_is_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    rows = re.findall(r"^\| (`.*?) \|", (ROOT / "docs" / "start.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(project["optional-dependencies"]) == {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_the_changelog_says_what_changed_in_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert len(titles) == len(set(titles))
    assert titles[0] == "Unreleased" or titles[0].startswith(f"{foveate.__version__} ")
    assert re.search(r"^- ", text.partition(f"## {titles[0]}")[2], re.MULTILINE)
    for title in titles[1:]:
        assert re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d|\d+\.\d+\.\d+", title), title


def test_names_of_old_versions_lead_to_what_there_is() -> None:
    """For one version; then they go, and the changelog says so."""
    for old, new in moved.MODULES.items():
        place = ROOT / new.replace(".", "/")
        assert place.is_dir() or place.with_suffix(".py").is_file(), f"{old} is said to be {new}"


@pytest.mark.nightly
def test_the_source_distribution_holds_what_the_package_does(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    (made,) = tmp_path.glob("foveate-*.tar.gz")
    with tarfile.open(made) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    packaged = [*ROOT.glob("zoo/*/*"), *ROOT.glob("agents/presets/*.yaml"), *ROOT.glob("envs/memory/data/*.csv")]
    packaged += [ROOT / "py.typed", ROOT / "LICENSE", ROOT / "README.md"]
    assert {str(path.relative_to(ROOT)) for path in packaged} - inside == set()
