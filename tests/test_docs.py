"""What README and docs show is run as it stands there; where it would train for long, less is learned."""

import contextlib
import io
import re
import shlex
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from commands import command, measure_little, run_folder
from sources import write_sources
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from windows import take_window_s_place

from foveate.agents import presets
from foveate.cli import compare, comparison, push, resume, training
from foveate.cli import train as train_command
from foveate.cli.scheduler import LocalExecutor
from foveate.cli.serve import command as serve
from foveate.cli.serve.command import listen
from foveate.cli.sweep import command as sweep
from foveate.envs import IDS, MULTI_IDS

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SWEEPS = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "how-to" / "sweeps.md").read_text(), re.DOTALL)
SHORT = 64  # steps of any training of Stable-Baselines3's


def blocks_of(text: str) -> list[str]:
    """The Python blocks of a page."""
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def commands_of(text: str) -> list[str]:
    """The lines of a page that call our commands, without their comments."""
    lines = re.findall(r"^    (python (?:path/to/)?(?:train|evaluate)\.py .*)$", text, re.MULTILINE)
    lines = [re.split(r"\s{2,}#", line)[0].strip() for line in lines]
    return [line for line in lines if "evaluate.py --import" not in line]  # test_how_to.py trains what it needs


def blocks() -> list[Any]:
    """The Python blocks of all pages; those that are files of a user's are run by what imports them."""
    found = []
    for page in PAGES:
        for number, code in enumerate(blocks_of(page.read_text())):
            found.append(pytest.param(code, id=f"{page.name}-{number}"))
    return found


def commands() -> list[Any]:
    """The lines of all pages that call our commands."""
    return [pytest.param(line, id=f"{page.name}: {line}") for page in PAGES for line in commands_of(page.read_text())]


@pytest.fixture
def shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stable-Baselines3 learns from few steps, whatever it is asked for."""
    setup, begin = BaseAlgorithm._setup_learn, OnPolicyAlgorithm.__init__

    def short_learn(self: BaseAlgorithm, total_timesteps: int, *args: Any, **kwargs: Any) -> Any:
        return setup(self, min(total_timesteps, SHORT), *args, **kwargs)

    def short_rollout(self: OnPolicyAlgorithm, *args: Any, n_steps: int, **kwargs: Any) -> None:
        begin(self, *args, n_steps=min(n_steps, 8), **kwargs)

    monkeypatch.setattr(BaseAlgorithm, "_setup_learn", short_learn)
    monkeypatch.setattr(OnPolicyAlgorithm, "__init__", short_rollout)


@pytest.mark.parametrize("code", blocks())
@pytest.mark.usefixtures("shortened")
def test_a_block_runs_as_it_is_printed(code: str, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_block(code, elsewhere, monkeypatch)


def run_block(code: str, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder, where zoo/NAME is what comes with the package."""
    module = types.ModuleType("block")
    monkeypatch.setitem(sys.modules, "block", module)
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(code, "block", "exec"), vars(module))
    for film in re.findall(r'"(\w+\.mp4)"', code):
        assert (elsewhere / film).stat().st_size > 1000


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of hardly any training, instead of every run of the reader's."""
    logs = tmp_path_factory.mktemp("runs")
    few = ["--steps", "64", "--eval-episodes", "8", "--learner.worlds", "16", "--no-tensorboard"]
    done = command(ROOT, "train.py", "Glimpse/TranslatedDigits-v0", "ram", *few, "--log-dir", str(logs))
    assert done.returncode == 0, done.stderr
    return run_folder(logs)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands do all that they do but train and push, measure and film little, and open no window."""
    for module in (training, train_command, resume):
        monkeypatch.setattr(module, "train", lambda *_: True, raising=False)
    monkeypatch.setattr(compare, "budget", lambda plan, entries, imports: {entry.pair: 1 for entry in entries})
    monkeypatch.setattr(compare, "side_by_side", lambda *_: False)
    monkeypatch.setattr(sweep, "schedule", lambda *_: False)
    for module in (compare, sweep):  # no page has a cluster
        monkeypatch.setattr(module, "executor_for", lambda *_: LocalExecutor(1))
    monkeypatch.setattr(comparison, "report", lambda *_: None)
    monkeypatch.setattr(serve, "serve", lambda *_: None)
    monkeypatch.setattr(serve, "listen", lambda host, port: listen(host, 0))  # whoever reads may have one there
    measure_little(monkeypatch)
    take_window_s_place(monkeypatch)
    monkeypatch.setattr(push, "push", lambda *_: "nowhere")  # whoever is logged in here


@pytest.mark.parametrize("line", commands())
@pytest.mark.usefixtures("hasty")
def test_a_command_runs_as_it_is_printed(line: str, run: Path, elsewhere: Path) -> None:
    run_command(line, run, elsewhere)


def run_command(line: str, run: Path, elsewhere: Path) -> None:
    """With a run instead of what only the reader can name."""
    if "ALE/" in line:
        pytest.importorskip("ale_py")
    if " serve" in line:
        pytest.importorskip("nicegui")
    if "--bleu" in line:
        pytest.importorskip("sacrebleu")
    for tracker in re.findall(r"--track (\w+)", line):
        pytest.importorskip(tracker)
    if " push " in line:
        pytest.importorskip("huggingface_hub")
    own = re.search(r"--import (\w+) (\S+)", line)
    if own is not None:  # a file of the user's, as a page prints it
        printed = [block.values[0] for block in blocks()]
        # it registers the environment, or what is called as the file
        (code,) = [code for code in printed if f'register_world("{own[2]}"' in code or f'["{own[1]}"] =' in code] or [
            code for code in printed if f'"{own[2]}"' in code
        ]
        (elsewhere / f"{own[1]}.py").write_text(code)
        write_sources(elsewhere)
    if "sweep.yaml" in line:
        (elsewhere / "sweep.yaml").write_text(SWEEPS[0])
    zoo = re.search(r"zoo/\S+", line)
    taken = zoo[0] if zoo and "--sweep" in line else str(run)
    line = (
        line.replace("runs/…", taken).replace("RUN RUN …", f"{run} {run}").replace("benchmarks/", f"{ROOT}/benchmarks/")
    )
    words = shlex.split(line)[1:]
    done = command(ROOT, Path(words[0]).name, *words[1:], cwd=elsewhere)
    assert done.returncode in (0, 130), done.stderr  # 130: what was to be trained was not


@pytest.mark.parametrize("text", SWEEPS)
@pytest.mark.usefixtures("hasty")
def test_a_sweep_runs_as_it_is_printed(text: str, elsewhere: Path) -> None:
    if "tpe" in text:
        pytest.importorskip("optuna")
    (elsewhere / "sweep.yaml").write_text(text)
    done = command(ROOT, "train.py", "sweep", "sweep.yaml", cwd=elsewhere)
    assert done.returncode == 130, done.stderr
    assert "0 of " in next(elsewhere.rglob("leaderboard.html")).read_text()


@pytest.mark.parametrize("title", [*IDS, *MULTI_IDS, *presets.names()])
@pytest.mark.usefixtures("shortened", "hasty")
def test_what_a_generated_page_shows_runs(
    title: str, site: Path, run: Path, elsewhere: Path, with_fashion: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in with_fashion.items():
        monkeypatch.setenv(name, value)
    texts = (page.read_text(encoding="utf-8") for page in (site / "source").rglob("*.md"))
    (text,) = [text for text in texts if text.startswith(f"# {title}\n")]
    assert blocks_of(text) or commands_of(text)
    for code in blocks_of(text):
        run_block(code, elsewhere, monkeypatch)
    for line in commands_of(text):
        run_command(line, run, elsewhere)


def test_commands_in_the_readme_exist(root: Path) -> None:
    text = (root / "README.md").read_text()
    targets = set(re.findall(r"`?make ([\w-]+)", text)) - {"it", "sure"}
    makefile = (root / "Makefile").read_text()
    assert targets >= {"demo", "test"}
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([\w./-]+)(?:#[\w-]+)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
