"""``evaluate.py serve``: the agents that it has, its port, what is refused."""

import socket
import sys
from pathlib import Path

import numpy as np
import pytest
from commands import command

from foveate.cli.serve import looking
from foveate.cli.serve.command import listen
from foveate.cli.serve.digit import as_digit, checked_strokes
from foveate.cli.serve.shelf import Shelf, drives, looks, nobody, remembers, translates, writes
from foveate.envs.glimpse.data import load
from foveate.errors import FoveateError

THREE = [[[0.3, 0.2], [0.6, 0.2], [0.45, 0.45], [0.65, 0.6], [0.6, 0.8], [0.3, 0.8]]]
SEVEN = [[[0.3, 0.2], [0.7, 0.2], [0.45, 0.9]]]


@pytest.fixture(scope="module")
def shelf() -> Shelf:
    return Shelf()


def test_the_shelf_holds_the_zoo_and_what_was_named(root: Path, shelf: Shelf) -> None:
    assert set(shelf.names(looks)) >= {"Digits-ram", "ClutteredDigits-ram", "TranslatedDigits-ram"}
    assert "SharedGaze-ram" not in shelf.names(looks)
    assert {"Copy-ntm", "TMaze-dnc"} <= set(shelf.names(remembers))
    assert "TMaze-lstm" not in shelf.names(remembers)
    assert shelf.names(drives) == ["Driving-dueling"]
    assert "Translation-bahdanau" in shelf.names(translates)
    assert "Handwriting-handwriting" in shelf.names(writes)
    assert not any(agent.own for agent in shelf.agents.values())
    named = Shelf([root / "zoo" / "Copy-ntm", root / "zoo" / "Copy-ntm"])
    assert list(named.agents)[:2] == ["Copy-ntm", "Copy-ntm (2)"]
    assert named.agents["Copy-ntm"].own
    assert named.pair() == ("Copy-ntm", "Copy-ntm (2)")
    assert shelf.pair() == ("Caption-show-attend-tell", "Caption-show-attend-tell-hard")
    ram, soft, drawing = (shelf.agent(f"TranslatedDigits-{name}") for name in ("ram", "ram-soft", "draw-read"))
    assert soft.unlikeness(drawing) < ram.unlikeness(drawing)  # both see the whole image, as the same agent
    for name in ("../../etc/passwd", "/etc/passwd", None, 3, "Copy-ntn"):
        with pytest.raises(FoveateError, match="unknown agent"):
            shelf.learner(name)
    assert "train.py" in str(nobody("sings", "python train.py X y"))


def test_a_port_that_is_taken_is_one_clear_line(root: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = command(root, "evaluate.py", "serve", "--port", str(port), "--no-open")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"--port {port} can't be used: address already in use" in done.stderr
    with pytest.raises(FoveateError, match="--host no-such-host"):
        listen("no-such-host.invalid", 0)


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--port", "70000"], "port=70000"), (["no-such-run"], "no-such-run"), (["--threads", "0"], "threads=0")],
)
def test_wrong_words_are_one_clear_line(words: list[str], said: str, root: Path) -> None:
    done = command(root, "evaluate.py", "serve", *words, "--no-open", *([] if "--port" in words else ["--port", "0"]))
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_extra_one_line_says_what_to_install(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nicegui", None)
    monkeypatch.setattr("foveate.cli.serve.command.find_spec", lambda name: None)
    done = command(root, "evaluate.py", "serve", "--port", "0", "--no-open")
    assert done.returncode == 2
    assert 'pip install "foveate[serve]"' in done.stderr


def test_an_imported_run_s_images_are_the_data_s(shelf: Shelf) -> None:
    """The drawing stands before the images of the data, which stay as they were for everybody else."""
    before = load("mnist", "test").images.copy()
    looking.look(shelf.agent("Digits-ram"), shelf.learner("Digits-ram"), 0, 0, as_digit(checked_strokes(SEVEN)))
    assert np.array_equal(before, load("mnist", "test").images)
