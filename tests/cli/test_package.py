"""The installed package: its modules, its import time's shape, and the command outside the checkout."""

import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

LEFT_OUT = {"tests", "benchmarks", "docs", "build", "runs", "demo"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = Path(__file__).resolve().parents[2]
    out = tmp_path_factory.mktemp("wheel")
    skipped = shutil.ignore_patterns(".*", "build", "runs", "demo", "*.egg-info", "__pycache__")
    shutil.copytree(root, out / "tree", ignore=skipped, symlinks=True)  # a build leaves files behind
    words = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--verbose",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(out),
        ".",
    ]
    done = subprocess.run(words, cwd=out / "tree", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "BuildBackendWarning" not in done.stdout + done.stderr
    (path,) = out.glob("*.whl")
    return path


def test_the_wheel_holds_the_tree_s_modules_and_data(wheel: Path, root: Path) -> None:
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("foveate/")}
    tree = set()
    for file in [
        *root.rglob("*.py"),
        *root.rglob("*.yaml"),
        *root.rglob("*.yml"),
        *(root / "envs").rglob("*.csv"),
        *(root / "zoo").glob("*/*"),
        root / "py.typed",
    ]:
        relative = file.relative_to(root)
        if relative.parts[0] not in LEFT_OUT and not relative.parts[0].startswith("."):
            tree.add(f"foveate/{relative}")
    assert inside == tree


def test_the_wheel_runs_outside_the_checkout(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)  # whoever tests a checkout may have put it there
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=False)
    site = next((environment / "lib").glob("python*/site-packages"))
    # dependencies from here (by a plain path, which reads no .pth file, so not the checkout), foveate from the wheel
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    zipfile.ZipFile(wheel).extractall(site)
    python = str(environment / "bin" / "python")
    where = subprocess.run(
        [python, "-c", "import foveate; print(foveate.__file__)"], capture_output=True, text=True, cwd=tmp_path
    )
    assert str(site) in where.stdout, where.stderr
    zoo = "import foveate; print(foveate.agents.load('zoo/Copy-ntm', device='cpu').policy is not None)"
    assert subprocess.run([python, "-c", zoo], capture_output=True, text=True, cwd=tmp_path).stdout.strip() == "True"
    code = "import sys; from foveate.train import main; sys.exit(main())"
    words = ["Glimpse/Digits-v0", "ram", "--steps", "1000", "--learner.worlds", "8", "--no-tensorboard"]
    done = subprocess.run([python, "-c", code, *words], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "runs").glob("*/checkpoints/last-*"))
    assert {f.name for f in site.iterdir() if f.is_dir() and f.suffix != ".dist-info"} == {
        "foveate"
    }  # no bare `envs` on anyone's path


def test_entry_points_name_functions_that_exist(root: Path) -> None:
    import importlib

    scripts = tomllib.loads((root / "pyproject.toml").read_text())["project"]["scripts"]
    for target in scripts.values():
        module, function = target.split(":")
        assert callable(getattr(importlib.import_module(module), function))


def test_importing_registers_and_brings_nothing_heavy() -> None:
    code = (
        "import sys, torch, gymnasium; before = set(sys.modules); import foveate;"
        "heavy = {'stable_baselines3', 'matplotlib', 'cv2', 'sklearn', 'mlxtend', 'pandas', 'tensorboard', 'tyro'};"
        "heavy |= {'pettingzoo', 'sb3_contrib'};"
        "print(sorted(heavy & (set(sys.modules) - before)));"
        "families = ('Glimpse/', 'Memory/', 'Probe/', 'Sequence/', 'Multi/');"
        "print(*(sum(i.startswith(family) for i in gymnasium.registry) for family in families))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["[]", "11", "24", "3", "12", "4"], done.stderr


def test_gym_make_with_a_module_prefix_works_alone() -> None:
    code = "import gymnasium as gym; env = gym.make('foveate:Glimpse/Digits-v0'); print(env.reset(seed=0)[1]['target'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
