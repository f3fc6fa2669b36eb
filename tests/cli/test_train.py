"""The commands as a user runs them, with tiny budgets; in processes of their own where that matters."""

import csv
import importlib.util
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import command, run_folder
from ids import playground, short

from foveate.agents import AGENTS, presets

TINY = [
    "--steps",
    "1600",
    "--no-tensorboard",
    "--eval-episodes",
    "20",
    "--learner.worlds",
    "16",
    "--agent.hidden",
    "16",
]


def last_checkpoint(folder: Path) -> Path:
    return sorted((folder / "checkpoints").glob("last-*"))[-1]


def test_list_names_everything_in_a_line_each(root: Path) -> None:
    done = command(root, "train.py", "list", apart=True)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("  ")]
    assert all(len(line.split()) > 3 for line in lines)
    for name in ("Glimpse/ClutteredDigits100-v0", "Glimpse/Catch-v0", "ram", "random-glimpse", "cnn", "mlp"):
        assert sum(line.split()[0] == name for line in lines) == 1
    assert done.stdout.count("ALE/… (") == (importlib.util.find_spec("ale_py") is not None)  # all in one line
    assert "CartPole" not in done.stdout  # Gymnasium's own are too many
    assert "Boxing-v4" not in done.stdout


def test_list_shows_a_user_s_own_and_brings_no_pictures_with_it(root: Path, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "import gymnasium as gym\nclass Room(gym.Env):\n    'A room of mine.'\n"
        "gym.register('Mine/Room-v0', Room)\ngym.register('Room-v3', lambda: Room())\n"
        "gym.register('Mine/Absent-v0', 'no_such_module:Room')\n"
    )
    code = (
        "import sys; from foveate import train; code = train.main(['--import', 'own', 'list'])\n"
        "heavy = {'cv2', 'matplotlib', 'stable_baselines3', 'av'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"Mine/Room-v0 +A room of mine\.", done.stdout)
    assert "Room-v3" in done.stdout
    assert "Mine/Absent-v0" in done.stdout


def test_help_shows_the_options_of_the_choice_with_types_and_defaults(root: Path) -> None:
    done = command(root, "train.py", "Glimpse/TranslatedDigits-v0", "ram", "--help")
    assert done.returncode == 0
    for words in (
        "--env.glimpses INT",
        "--agent.core {none,rnn,elman,lstm,gru,ntm,",
        "--learner.lr FLOAT",
        "--resume",
        "--seed INT",
    ):
        assert words in done.stdout or words == "--resume"
    assert "(default: 60)" in done.stdout
    catch = command(root, "train.py", "Glimpse/Catch-v0", "ram", "--help").stdout
    assert "--env.balls INT" in catch
    assert "--env.clutter" not in catch
    general = command(root, "train.py", "--help").stdout
    assert "--resume RUN" in general


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["Glimpse/TranslatdDigits-v0", "ram"], "Did you mean 'Glimpse/TranslatedDigits-v0'"),
        (["Glimpse/Digits-v0", "rma"], "Did you mean 'ram'"),
        (["Glimpse/Digits-v0"], "ENV and AGENT come first"),
        (["lst"], "Did you mean 'list'"),
        (["Glimpse/Digits-v0", "ram", "--env.glimpse", "3"], "--env.glimpses"),
        (["Glimpse/Digits-v0", "ram", "--agent.core", "lsmt"], "lstm"),
        (["Glimpse/Digits-v0", "ram", "--learner", "pop"], "Did you mean 'ppo'"),
        (["Glimpse/Digits-v0", "ram", "--steps", "0"], "steps=0"),
        (["Glimpse/Digits-v0", "ram", "--device", "abacus"], "abacus"),
        (["Glimpse/Digits-v0", "ram", "--env.glimpses", "0"], "glimpses=0"),
        (["Glimpse/Digits-v0", "ram", "--env.data", "/nowhere"], "/nowhere"),
        (["os:Glimpse/Digits-v0", "ram"], "--import os"),
        (["--import", "no_such_module", "X/Y-v0", "ram"], "no_such_module"),
        (["CartPole-v1", "ram"], "Foveate"),
        (["--resume", "/nowhere"], "no run folder"),
    ],
)
def test_mistakes_get_one_clear_error(root: Path, tmp_path: Path, words: list[str], message: str) -> None:
    done = command(root, "train.py", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_every_agent_has_a_preset_and_every_preset_an_agent() -> None:
    assert {presets.load(name)["agent"] for name in presets.names()} == set(AGENTS)


@pytest.mark.parametrize("agent", presets.names())
def test_every_agent_trains_and_is_evaluated(root: Path, tmp_path: Path, agent: str) -> None:
    sizes = [] if presets.load(agent)["agent"] in ("cnn", "mlp", "transcriber", "hopfield") else TINY[-2:]
    if agent in ("dueling", "ppo-cnn"):  # by PPO: rollouts of a few steps, so that there are as many as evaluations
        sizes = ["--learner.horizon", "6", "--learner.minibatches", "2"]
    if presets.load(agent)["agent"] in (
        "soft-attention",
        "attend",
        "pointer",
        "transcriber",
        "pondering",
        "ponder-net",
        "npi",
    ):
        sizes = [*sizes, "--learner.batch", "8"]
    env_id, few = playground(agent)
    # a line takes some twenty steps, and so does a sum: few worlds, so that there are many updates
    if env_id in ("Sequence/Handwriting-v0", "Memory/ScratchPad-v0"):
        sizes, few = [*sizes[:-1], "2"], [*few, "--learner.worlds", "4"]
    words = ["train.py", env_id, agent, *TINY[:-2], *sizes, *few, "--log-dir", str(tmp_path / "runs")]
    apart = agent == "ram"
    done = command(root, *words, cwd=tmp_path, apart=apart)
    assert done.returncode == 0, done.stderr
    assert "100%" in done.stdout
    folder = run_folder(tmp_path / "runs")
    config = json.loads((folder / "config.json").read_text())
    assert config["command"].endswith(" ".join(words[1:]))
    given = {**presets.load(agent, env_id)["env"], **short(env_id)} if few else {"size": 60}
    assert config["env"].items() >= given.items()
    run = json.loads((last_checkpoint(folder) / "run.json").read_text())
    assert run["versions"]["torch"]
    assert list((folder / "checkpoints").glob("best-*"))
    rows = list(csv.DictReader((folder / "metrics.csv").open()))
    assert len([row for row in rows if row["eval/score"]]) >= 15
    measure = ["evaluate.py", str(folder), "--episodes", "50", "--json", "out/figures.json"]
    done = command(root, *measure, cwd=tmp_path, apart=apart)
    assert done.returncode == 0, done.stderr
    assert "never looks (chance)" in done.stdout
    (figures,) = json.loads((tmp_path / "out" / "figures.json").read_text())
    assert figures["split"] == "test"
    assert 0 <= figures["interval"][0] <= figures["score"] <= figures["interval"][1] <= 1


def test_other_learners_and_catch(root: Path, tmp_path: Path) -> None:
    for learner in ("ppo", "a2c"):
        words = [
            "Glimpse/Catch-v0",
            "ram",
            "--learner",
            learner,
            "--steps",
            "3000",
            "--log-dir",
            str(tmp_path / learner),
        ]
        done = command(root, "train.py", *words, "--agent.hidden", "16", "--no-progress", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        config = json.loads((run_folder(tmp_path / learner) / "config.json").read_text())
        assert config["learner"]["objective"] == learner
        assert config["learner"]["horizon"]


def test_video_and_contact_sheet(root: Path, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    command(root, "train.py", "Glimpse/Digits-v0", "ram", *TINY, "--log-dir", str(tmp_path / "runs"), cwd=tmp_path)
    folder = run_folder(tmp_path / "runs")
    words = ["--video", "out/path.mp4", "--contact-sheet", "out/sheet.png", "--shown", "2", "--env.glimpses", "4"]
    done = command(root, "evaluate.py", str(folder), "--episodes", "20", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with av.open(str(tmp_path / "out" / "path.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    assert len(frames) == 2 * (5 + 2)  # a reset, four glimpses, and the last frame held for two
    assert frames[0].std() > 10
    assert (tmp_path / "out" / "sheet.png").stat().st_size > 1000


def test_a_checkpoint_can_t_import_a_module(root: Path, tmp_path: Path) -> None:
    command(root, "train.py", "Glimpse/Digits-v0", "ram", *TINY, "--log-dir", str(tmp_path / "runs"), cwd=tmp_path)
    folder = run_folder(tmp_path / "runs")
    (tmp_path / "evil.py").write_text("open('exploded', 'w')")
    for file in [folder / "config.json", *folder.glob("checkpoints/*/run.json")]:
        content = json.loads(file.read_text())
        content.update(env_id="evil:Glimpse/Digits-v0", imports=["evil"])
        file.write_text(json.dumps(content))
    for words in (["evaluate.py", str(folder)], ["train.py", "--resume", str(folder)]):
        done = command(root, *words, cwd=tmp_path, apart=True)
        assert done.returncode == 2
        assert "evil" in done.stderr
        assert not (tmp_path / "exploded").exists()
    for file in folder.glob("checkpoints/*/run.json"):
        content = json.loads(file.read_text())
        content.update(env_id="Glimpse/Digits-v0", env={"world": "evil:World"}, event_sizes={"../../keep": 0})
        file.write_text(json.dumps(content))
    done = command(root, "evaluate.py", str(folder), cwd=tmp_path)
    assert done.returncode == 2
    assert "unknown" in done.stderr
    assert not (tmp_path / "exploded").exists()


# ---- stopping and going on ----

LONG = ["Glimpse/Digits-v0", "ram", "--seed", "3", "--steps", "9000", "--eval-every", "3000", "--save-every", "500"]
LONG += [
    "--eval-episodes",
    "20",
    "--log-every",
    "3",
    "--learner.worlds",
    "16",
    "--agent.hidden",
    "24",
    "--agent.core",
    "lstm",
]


def test_ctrl_c_stops_in_good_order_and_the_run_goes_on(root: Path, tmp_path: Path) -> None:
    words = [sys.executable, str(root / "train.py"), *LONG, "--log-dir", str(tmp_path)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=root)
    while not list(tmp_path.glob("*/checkpoints/last-*")) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate()
    assert process.returncode == 130, output
    assert "--resume" in output
    folder = run_folder(tmp_path)
    steps = json.loads((last_checkpoint(folder) / "run.json").read_text())["steps"]
    assert 0 < steps < 9000
    refused = command(root, "train.py", "--resume", str(folder), "--learner.lr", "1")
    assert refused.returncode == 2
    done = command(root, "train.py", "--resume", str(folder))
    assert done.returncode == 0, done.stderr
    assert json.loads((last_checkpoint(folder) / "run.json").read_text())["steps"] >= 9000
