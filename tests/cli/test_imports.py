"""What a command imports, measured by `sys.modules` in a process of its own; and ``--import`` with every command."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from commands import command, run_folder

from foveate.agents.learning.checkpoint import ZOO

HEAVY = {"torch", "stable_baselines3", "pettingzoo", "cv2", "ale_py", "matplotlib", "tensorboard", "tyro", "pandas"}
HEAVY |= {"mlxtend", "sklearn", "scipy", "captum", "yaml", "safetensors", "tqdm", "nicegui", "fastapi"}


def modules_after(code: str, cwd: Path) -> set[str]:
    """The top-level modules that a process has imported after some code."""
    report = "import sys; print('\\n' + ' '.join({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def calling(script: str, *words: str) -> str:
    return f"from foveate.{script} import main\nassert main({list(words)!r}) in (0, 2)"


@pytest.mark.parametrize("code", [calling("train", "--help"), calling("train"), calling("evaluate")])
def test_help_brings_nothing_heavy(code: str, tmp_path: Path) -> None:
    assert not modules_after(code, tmp_path) & HEAVY


def test_an_import_brings_only_itself(tmp_path: Path) -> None:
    (tmp_path / "empty_module.py").write_text("")
    code = "import sys; sys.path.insert(0, '.')\n" + calling("train", "--import", "empty_module")
    found = modules_after(code, tmp_path)
    assert "empty_module" in found
    assert not found & HEAVY


def test_a_training_brings_what_it_uses(tmp_path: Path) -> None:
    sizes = ["--learner.worlds", "8", "--agent.hidden", "4", "--env.max-length", "2", "--eval-episodes", "2"]
    words = ["Memory/Copy-v0", "gru", "--steps", "64", *sizes, "--no-tensorboard", "--no-progress"]
    found = modules_after(calling("train", *words), tmp_path)
    assert list((tmp_path / "runs").glob("*/checkpoints/last-*"))
    # Stable-Baselines3 itself brings cv2 and tensorboard, and in some versions matplotlib
    unused = {"pettingzoo", "supersuit", "ale_py", "matplotlib", "mlxtend", "sklearn", "captum", "sb3_contrib"}
    assert not found & unused - modules_after("import stable_baselines3", tmp_path)


def test_an_evaluation_brings_no_compiler(tmp_path: Path) -> None:
    runs = [str(ZOO / name) for name in ("Copy-ntm", "Digits-ram", "SharedGaze-ram")]
    code = "\n".join(calling("evaluate", run, "--episodes", "2") for run in runs)
    modules_after(f"{code}\nimport sys; assert 'torch._dynamo' not in sys.modules", tmp_path)


def test_a_list_brings_no_learner(tmp_path: Path) -> None:
    found = modules_after(calling("train", "list"), tmp_path)
    assert not found & {
        "stable_baselines3",
        "tensorboard",
        "matplotlib",
        "pandas",
        "captum",
        "tyro",
        "sklearn",
    }


def test_the_settings_of_a_sweep_bring_no_optimiser(tmp_path: Path) -> None:
    (tmp_path / "sweep.yaml").write_text("command: Memory/Copy-v0 lstm\nspace: {agent.hidden: [4]}\n")
    found = modules_after(calling("train", "sweep", "sweep.yaml", "--list"), tmp_path)
    assert not found & {"optuna", "ray", "sklearn", "captum", "mlxtend"} - modules_after(
        "import stable_baselines3", tmp_path
    )


# ---- --import with every command, from another folder ----

THEIRS = '''
import gymnasium as gym
import numpy as np
from foveate.agents import AGENTS
from foveate.agents.policies.mlp import MLPAgent
from foveate.envs import env_classes
from foveate.envs.glimpse import Classification

class Squares(Classification):
    """Bright or dark squares."""
    def __init__(self, *, size: int = 20, **rest):
        images = np.full((60, 9, 9), 90, np.uint8) + np.uint8(80) * (np.arange(60) % 2)[:, None, None].astype(np.uint8)
        super().__init__(images=images, labels=np.arange(60) % 2, size=size, **rest)

class Own(MLPAgent):
    """An agent of theirs."""

SquaresEnv, SquaresVectorEnv = env_classes(Squares)
gym.register("Their/Squares-v0", entry_point="theirs:SquaresEnv", vector_entry_point="theirs:SquaresVectorEnv")
AGENTS["own"] = Own
'''
PLAN = """
worlds: their/squares
arms: {own: "own --env.view image --env.size 24", ram: --agent.hidden 8}
seeds: 1
steps: 300
folder: out
options: --eval-episodes 8 --learner.worlds 8 --no-tensorboard
report: {episodes: 20, images: 4, attack_images: 0}
"""
JOBS = """
folder: measured
jobs:
- {table: Theirs, label: own, command: Their/Squares-v0 own --env.view image --steps 100 --learner.worlds 4, seeds: [1],
   episodes: 8, sweep: [validation]}
"""


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a user's, where `compare` has trained their agent in their environment."""
    folder = tmp_path_factory.mktemp("theirs")
    (folder / "theirs.py").write_text(THEIRS)
    (folder / "envs").mkdir()  # folders of theirs called like ours must not matter
    (folder / "envs" / "__init__.py").write_text("raise RuntimeError('their envs is not ours')")
    (folder / "plan.yaml").write_text(PLAN)
    (folder / "jobs.yaml").write_text(JOBS)
    done = theirs(folder, "train.py", "compare", "plan.yaml", "--workers", "2", "--no-report")
    assert done.returncode == 0, done.stdout + done.stderr + "".join(f.read_text() for f in folder.rglob("log.txt"))
    return folder


def theirs(folder: Path, script: str, *words: str, imported: bool = True) -> subprocess.CompletedProcess:
    root = Path(__file__).resolve().parents[2]
    return command(root, script, *(["--import", "theirs"] * imported), *words, cwd=folder, forked=True)


def own_run(folder: Path) -> Path:
    return run_folder(next((folder / "out" / "runs").glob("*__own__1")))


def test_a_plan_trains_their_agent_in_their_environment(planned: Path) -> None:
    homes = sorted((planned / "out" / "runs").iterdir())
    assert [home.name for home in homes] == ["Their-Squares-v0__own__1", "Their-Squares-v0__ram__1"]
    for home in homes:
        config = json.loads((run_folder(home) / "config.json").read_text())
        assert config["imports"] == ["theirs"]
        assert config["env"]["size"] == (24 if "own" in home.name else 20)
        assert "train.py --import theirs Their/Squares-v0" in config["command"]
    again = theirs(planned, "train.py", "compare", "plan.yaml", "--no-report")
    assert again.stdout.count("done already") == 2, again.stdout
    listed = theirs(planned, "train.py", "compare", "plan.yaml", "--list")
    assert listed.stdout.count("done  ") == 2
    refused = theirs(planned, "train.py", "compare", "plan.yaml", "--list", imported=False)
    assert refused.returncode == 2
    assert "Their" in refused.stderr or "their" in refused.stderr


def varied(folder: Path, name: str, *changes: tuple[str, str]) -> str:
    """Another plan in the folder."""
    text = PLAN
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    (folder / name).write_text(text)
    return name


def test_a_plan_goes_on_only_with_runs_that_are_configured_the_same(planned: Path) -> None:
    other = varied(planned, "other.yaml", ("worlds 8", "worlds 4"))
    done = theirs(planned, "train.py", "compare", other, "--no-report", "--only", "own")
    assert "begun with other options (learner.worlds: 8, not 4)" in done.stdout
    # the same in other words is the same
    same = varied(planned, "same.yaml", ("--learner.worlds 8 --no-tensorboard", "--no-tensorboard --learner.worlds=8"))
    done = theirs(planned, "train.py", "compare", same, "--no-report", "--only", "own")
    assert "done already" in done.stdout


def test_an_unfinished_training_of_a_plan_goes_on(planned: Path) -> None:
    elsewhere = ("folder: out", "folder: longer")
    short = varied(planned, "short.yaml", elsewhere, ("steps: 300", "steps: 200"))
    assert theirs(planned, "train.py", "compare", short, "--no-report", "--only", "OWN").returncode == 0
    run = run_folder(next((planned / "longer" / "runs").iterdir()))
    config = json.loads((run / "config.json").read_text())
    config["options"] |= {"steps": 400, "eval_every": 20, "save_every": 20}
    (run / "config.json").write_text(json.dumps(config))  # as if it had been stopped
    long = varied(planned, "long.yaml", elsewhere, ("steps: 300", "steps: 400"))
    assert theirs(planned, "train.py", "compare", long, "--no-report", "--only", "own").returncode == 0
    assert run_folder(run.parent) == run  # no other was begun
    assert "resuming" in (run.parent / "log.txt").read_text()


def test_list_evaluate_resume_and_a_configuration(planned: Path, tmp_path: Path) -> None:
    listed = theirs(planned, "train.py", "list").stdout
    assert "Their/Squares-v0" in listed
    assert "An agent of theirs." in listed
    run = str(own_run(planned))
    done = theirs(planned, "evaluate.py", run, "--episodes", "20")
    assert done.returncode == 0, done.stderr
    done = theirs(planned, "train.py", "--resume", run)
    assert done.returncode == 0, done.stderr
    words = ["--config", f"{run}/config.json", "--log-dir", str(tmp_path)]
    done = theirs(planned, "train.py", *words)
    assert done.returncode == 0, done.stderr
    twin = json.loads((run_folder(tmp_path) / "config.json").read_text())
    kept = json.loads((Path(run) / "config.json").read_text())
    for name in ("env_id", "agent", "env", "agent_options", "learner", "imports"):
        assert twin[name] == kept[name]
    for refused in (["train.py", *words], ["train.py", "--resume", run], ["evaluate.py", run]):
        done = theirs(planned, *refused, imported=False)  # a file imports nothing by itself
        assert done.returncode == 2
        assert "Their/Squares-v0" in done.stderr
        assert "Traceback" not in done.stderr
    assert theirs(planned, "train.py", *words, "--learner.lr", "1").returncode == 2


def test_jobs_are_measured(planned: Path) -> None:
    done = theirs(planned, "train.py", "compare", "jobs.yaml", "--workers", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((planned / "measured" / "Theirs-own-1" / "result.json").read_text())
    assert {"table": "Theirs", "label": "own", "seed": 1, "agent": "own"}.items() <= result.items()
    assert set(result["sweep"]) == {"validation"}
    assert "done  Theirs-own-1" in theirs(planned, "train.py", "compare", "jobs.yaml", "--list").stdout
