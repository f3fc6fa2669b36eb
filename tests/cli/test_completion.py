"""Completion on Tab: the script is run by the shell that it is for."""

import shutil
import subprocess
from pathlib import Path

import pytest

from foveate.__main__ import COMMANDS, main
from foveate.agents import presets
from foveate.cli import completion
from foveate.envs.registry import listed_ids


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("completion") / "foveate.bash"
    path.write_text(completion.script("bash"), encoding="utf-8")
    return path


def completed(script: Path, *words: str) -> list[str]:
    """What Tab offers at the end of a line of words, of which the last one is begun."""
    line = " ".join(f"'{word}'" for word in words)
    code = (
        f". {script}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _foveate; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    done = subprocess.run(["bash", "--norc", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_commands_ids_agents_and_runs_are_completed(script: Path) -> None:
    assert completed(script, "foveate", "") == list(COMMANDS)
    assert completed(script, "foveate", "ev") == ["evaluate"]
    assert completed(script, "foveate", "train", "Memory/All") == ["Memory/Allocation-v0"]
    assert set(completed(script, "foveate", "train", "")) >= {*listed_ids(), "compare", "sweep"}
    assert completed(script, "foveate-train", "Memory/Copy-v0", "") == list(presets.names())
    assert completed(script, "/usr/bin/foveate-train", "Memory/Copy-v0", "nt") == ["ntm"]
    assert completed(script, "foveate", "evaluate", "zoo/Copy") == ["zoo/Copy-ntm"]
    assert completed(script, "foveate-evaluate", "compare", "zoo/Copy") == ["zoo/Copy-ntm"]
    assert completed(script, "foveate", "completion", "f") == ["fish"]


def test_options_are_those_of_the_environment_and_the_agent(script: Path) -> None:
    line = ("foveate", "train", "Glimpse/Digits-v0", "ram")
    assert completed(script, *line, "--env.glim") == ["--env.glimpses"]
    assert completed(script, *line, "--agent.gaz") == ["--agent.gaze"]
    assert completed(script, *line, "--learner.clip") == ["--learner.clip-range"]
    assert completed(script, *line, "--eval-") == ["--eval-every", "--eval-episodes"]
    assert completed(script, "foveate", "train", "Memory/Copy-v0", "ntm", "--env.glim") == []
    assert completed(script, "foveate", "evaluate", "zoo/Copy-ntm", "--score-mem") == ["--score-memory"]


def test_every_option_that_is_offered_is_one_that_there_is(capsys: pytest.CaptureFixture) -> None:
    """Against the help that the option parser writes."""
    from foveate import train

    offered = [*completion.environment_options("Memory/TMaze-v0"), *completion.agent_options("lstm")]
    offered += [option for option in completion.train_options() if not option.startswith("--learner.")]
    with pytest.raises(SystemExit):
        train.main(["Memory/TMaze-v0", "lstm", "--learner", "ppo", "--help"])
    said = capsys.readouterr().out
    for option in set(offered) - set(completion.TRAIN_ONLY):
        assert option in said, option


def test_scripts_are_for_shells_that_there_are(capsys: pytest.CaptureFixture) -> None:
    assert main(["completion", "zsh"]) == 0
    assert capsys.readouterr().out.startswith("autoload -U +X bashcompinit")
    assert main(["completion"]) == 2
    assert main(["completion", "--help"]) == 0
    assert "~/.bashrc" in capsys.readouterr().out
    assert main(["completion", "bush"]) == 2
    assert "did you mean 'bash'" in capsys.readouterr().err.lower()


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_can_read_theirs(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} isn't installed")
    (tmp_path / "script").write_text(completion.script(shell), encoding="utf-8")
    done = subprocess.run([shell, "-n", str(tmp_path / "script")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
