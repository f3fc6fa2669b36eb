"""Agents to and from a hub, by its ordinary client, against a small server of ours; then from the cache alone."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from commands import command, run_folder

from foveate import evaluate
from foveate.agents import load
from foveate.agents.learning import checkpoint, hub
from foveate.cli.push import as_typed
from foveate.envs.registry import make_one
from foveate.errors import FoveateError

huggingface_hub = pytest.importorskip("huggingface_hub")

from hub_server import HubServer, Repository  # noqa: E402
from huggingface_hub import constants, file_download, utils  # noqa: E402

NEEDED = {"run.json", "weights.safetensors", "README.md"}


def forget_network() -> None:
    """Have the client look anew whether it is offline: before 1.0 a session remembers that."""
    getattr(utils, "reset_sessions", lambda: None)()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    with HubServer() as running:
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        template = running.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(file_download, "HUGGINGFACE_CO_URL_TEMPLATE", template, raising=False)  # 0.26's own copy
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("HF_TOKEN", "hf_of_nobody")
        hub.fetch.cache_clear()
        forget_network()
        yield running
        hub.fetch.cache_clear()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of a small training, with logs that name this machine."""
    root, logs = Path(__file__).parents[2], tmp_path_factory.mktemp("runs")
    words = ["Memory/Copy-v0", "lstm", "--env.max-length", "3", "--learner.worlds", "8", "--agent.hidden", "8"]
    few = ["--steps", "600", "--eval-episodes", "8", "--no-progress", "--log-dir", str(logs)]
    assert command(root, "train.py", *words, *few).returncode == 0
    return run_folder(logs)


def of_zoo(server: HubServer, name: str = "me/ram", **more: bytes) -> Repository:
    """A repository with an agent of the zoo."""
    repository = server.repositories[name] = Repository()
    folder = checkpoint.ZOO / "Digits-ram"
    repository.commit("main", {**{file: (folder / file).read_bytes() for file in NEEDED}, **more})
    return repository


# ---- there and back ----


def test_a_run_is_pushed_and_loaded_again(
    run: Path, server: HubServer, elsewhere: Path, capsys: pytest.CaptureFixture
) -> None:
    assert evaluate.main(["push", str(run), "me/copier", "--private", "--episodes", "30", "--license", "mit"]) == 0
    out = capsys.readouterr().out
    repository = server.repositories["me/copier"]
    assert repository.private
    (commit,) = {repository.names["main"]}
    assert f"pushed: {server.url}/me/copier/commit/{commit}" in out
    files = repository.commits[commit]
    assert set(files) == NEEDED | {".gitattributes"}

    mine, theirs = load(run), load("hf://me/copier")
    for name, value in mine.policy.state_dict().items():
        torch.testing.assert_close(theirs.policy.state_dict()[name], value, rtol=0, atol=0)
    observation, _ = make_one("Memory/Copy-v0", {}).reset(seed=0)
    assert (
        mine.predict(observation, deterministic=True)[0] == theirs.predict(observation, deterministic=True)[0]
    ).all()
    assert f"hf://me/copier: commit {commit}" in capsys.readouterr().err

    assert evaluate.main(["hf://me/copier", "--episodes", "8", "--no-progress", "--trace", "none.png"]) == 2
    assert "attends to nothing" in capsys.readouterr().err  # it came as far as an agent without an external one comes
    assert evaluate.main(["hf://me/copier", "zoo/Copy-ntm", "--episodes", "8", "--no-progress"]) == 0
    assert capsys.readouterr().out.count("Memory/Copy-v0") > 2


def test_a_public_repository_does_not_become_private_by_a_push(
    run: Path, server: HubServer, elsewhere: Path, capsys: pytest.CaptureFixture
) -> None:
    before = of_zoo(server, "me/public").names["main"]
    assert evaluate.main(["push", str(run), "me/public", "--private", "--episodes", "0"]) == 2
    assert "there already, and public" in capsys.readouterr().err
    assert server.repositories["me/public"].names["main"] == before


def test_the_card_says_what_the_hub_and_people_want_to_know(run: Path, server: HubServer, elsewhere: Path) -> None:
    assert evaluate.main(["push", str(run), "me/copier", "--episodes", "30", "--no-progress"]) == 0
    repository = server.repositories["me/copier"]
    files = repository.commits[repository.names["main"]]
    card = files["README.md"].decode()
    _, head, text = card.split("---\n", 2)
    told = yaml.safe_load(head)
    assert "license" not in told  # nobody said
    assert told["library_name"] == "foveate"
    assert "Memory/Copy-v0" in told["tags"]
    (result,) = told["model-index"][0]["results"]
    assert result["metrics"][0]["name"] == "wrong bits"
    assert "python train.py Memory/Copy-v0 lstm --env.max-length 3" in text
    assert 'foveate.agents.load("hf://me/copier")' in text
    huggingface_hub.ModelCard(card).validate  # noqa: B018 (the head is one that the client can read)
    assert huggingface_hub.ModelCard(card).data.eval_results[0].metric_name == "wrong bits"
    # what would name this machine, or where things lie on it, stays here
    plain = json.loads(files["run.json"])
    assert "event_sizes" not in plain
    assert "event_sizes" in checkpoint.read_run(checkpoint.find(run))
    for content in (card, files["run.json"].decode()):
        assert str(run.parent) not in content


def test_a_revision_is_a_branch_a_tag_or_a_commit(run: Path, server: HubServer, elsewhere: Path) -> None:
    first = of_zoo(server, "me/copier").names["main"]
    words = ["push", str(run), "me/copier", "--episodes", "0", "--revision", "small/one"]
    assert evaluate.main(words) == 0
    agents = {name: load(f"hf://me/copier{name}") for name in ("", "@main", f"@{first}", "@small/one")}
    kinds = {name: checkpoint.read_run(checkpoint.find(f"hf://me/copier{name}"))["agent"] for name in agents}  # type: ignore[arg-type]
    assert kinds == {"": "ram", "@main": "ram", f"@{first}": "ram", "@small/one": "lstm"}


def test_only_what_is_needed_is_taken(server: HubServer, elsewhere: Path) -> None:
    of_zoo(server, **{"model.pkl": b"cos\nsystem\n", "setup.py": b"raise SystemExit", "optimizer.safetensors": b"x"})
    folder = checkpoint.find("hf://me/ram")  # type: ignore[arg-type]
    assert {file.name for file in folder.iterdir()} == NEEDED
    taken = {path.rpartition("/")[2] for path in server.asked if "/resolve/" in path}
    assert taken == NEEDED
    asked = len(server.asked)
    checkpoint.find("hf://me/ram")  # type: ignore[arg-type]
    assert len(server.asked) == asked  # one command asks once


# ---- without a network ----


def test_what_was_taken_is_there_without_a_network(
    server: HubServer, elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    commit = of_zoo(server).names["main"]
    load("hf://me/ram")
    hub.fetch.cache_clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    forget_network()
    count = len(server.asked)
    for address in ("hf://me/ram", f"hf://me/ram@{commit}"):
        assert load(address).policy is not None
    assert len(server.asked) == count
    assert f"commit {commit}, as it is kept here" in capsys.readouterr().err
    with pytest.raises(FoveateError, match="nothing of it is kept here"):
        load("hf://me/other")


def test_another_process_reads_the_cache_with_hf_hub_offline(
    server: HubServer, elsewhere: Path, tmp_path: Path
) -> None:
    of_zoo(server)
    load("hf://me/ram")
    code = "import foveate; print(type(foveate.agents.load('hf://me/ram', device='cpu')).__name__)"
    variables = {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path / "cache"), "HF_ENDPOINT": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **variables}, cwd=elsewhere
    )
    assert done.stdout.strip() == "PolicyGradient", done.stderr


def test_a_hub_that_is_away_is_one_line(
    run: Path, server: HubServer, elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert evaluate.main(["hf://me/ram"]) == 2
    assert "error: hf://me/ram can't be read, and nothing of it is kept here" in capsys.readouterr().err
    assert evaluate.main(["push", str(run), "me/copier", "--episodes", "0"]) == 2
    assert "error: me/copier can't be pushed to" in capsys.readouterr().err


# ---- what is refused ----


def test_what_is_no_agent_is_refused_before_it_is_taken(server: HubServer, elsewhere: Path) -> None:
    server.repositories["me/other"] = Repository()
    server.repositories["me/other"].commit("main", {"pytorch_model.bin": b"\x80\x02"})
    with pytest.raises(FoveateError, match=r"no run\.json and no weights\.safetensors; pytorch_model\.bin may hold"):
        load("hf://me/other")
    with pytest.raises(FoveateError, match="hf://me/nothing can't be read"):
        load("hf://me/nothing")
    of_zoo(server)
    with pytest.raises(FoveateError, match="hf://me/ram@none can't be read"):
        load("hf://me/ram@none")
    assert not any("/resolve/" in path for path in server.asked)


def test_what_is_too_large_is_refused_before_it_is_taken(
    run: Path, server: HubServer, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_zoo(server)
    monkeypatch.setitem(hub.MOST_BYTES, "weights.safetensors", 1000)
    with pytest.raises(FoveateError, match=r"weights\.safetensors has [\d,]+ bytes, at most 1,000"):
        load("hf://me/ram")
    assert not any("/resolve/" in path for path in server.asked)
    assert evaluate.main(["push", str(run), "me/copier"]) == 2
    assert "me/copier" not in server.repositories


@pytest.mark.parametrize(
    "change",
    [
        {"agent": "os.system"},
        {"env_id": "os:system"},
        {"agent_options": {"hidden": "__import__('os')"}},
        {"format": 99},
    ],
)
def test_nothing_that_a_repository_names_is_run(change: dict[str, Any], server: HubServer, elsewhere: Path) -> None:
    repository = of_zoo(server)
    plain = json.loads((checkpoint.ZOO / "Digits-ram" / "run.json").read_text())
    repository.commit("main", {"run.json": json.dumps({**plain, **change}).encode()})
    assert evaluate.main(["hf://me/ram", "--episodes", "4", "--no-progress"]) == 2


@pytest.mark.parametrize(
    "word", ["hf://ram", "hf://me/ram/more", "hf://me/../ram", "hf://me/ra--m", "hf://me/ram@", "hf://-me/ram", "hf://"]
)
def test_what_is_no_address_is_refused(word: str, capsys: pytest.CaptureFixture) -> None:
    assert evaluate.main([word]) == 2
    assert "OWNER/NAME" in capsys.readouterr().err


def test_without_the_client_one_line_says_what_to_do(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(hub, "find_spec", lambda name: None)
    hub.fetch.cache_clear()
    for words in (["hf://me/ram"], ["push", str(run), "me/ram"]):
        assert evaluate.main(words) == 2
        assert 'pip install "foveate[hub]"' in capsys.readouterr().err


# ---- a folder in its place ----


def test_a_folder_shows_what_would_be_pushed(run: Path, elsewhere: Path, capsys: pytest.CaptureFixture) -> None:
    assert evaluate.main(["push", str(run), "me/copier", "--out", "card", "--episodes", "0"]) == 0
    assert {file.name for file in (elsewhere / "card").iterdir()} == NEEDED
    assert "not pushed" in capsys.readouterr().out
    assert load(elsewhere / "card").policy is not None
    shutil.rmtree(elsewhere / "card")


@pytest.mark.parametrize(
    ("told", "typed"),
    [
        ("python /home/me/x/train.py A/B-v0 ram --seed 1", "python train.py A/B-v0 ram --seed 1"),
        ("/opt/bin/foveate-train A/B-v0 ram --log-dir /home/me/runs", "python train.py A/B-v0 ram"),
        (
            "python -m foveate train A/B-v0 ram --env.data 'my folder'",
            "python train.py A/B-v0 ram --env.data 'my folder'",
        ),
        ("", ""),
        ("make 'demo", ""),
    ],
)
def test_a_command_without_places_of_this_machine(told: str, typed: str) -> None:
    assert as_typed(told) == typed
