"""Processes that a command starts: asked to stop once by all that stops it, and at once only by who asks again."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from foveate.cli import children as children_module
from foveate.cli.children import Children
from foveate.cli.scheduler import LocalExecutor


class Process:
    """Counts how often it is asked to end, and does so when it is told."""

    def __init__(self) -> None:
        self.asked, self.over = 0, threading.Event()

    def terminate(self) -> None:
        self.asked += 1

    def wait(self) -> int:
        self.over.wait()
        return 0


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[Children, list[Process], list[Path]]]:
    """Two processes that run, each with a folder of its own."""
    children, begun = Children(), []

    def begin(*words: object, **options: object) -> Process:
        begun.append(Process())
        return begun[-1]

    monkeypatch.setattr(children_module.subprocess, "Popen", begin)
    monkeypatch.setattr("foveate.cli.scheduler.CHILDREN", children)
    homes = [tmp_path / name for name in ("one", "two")]
    threads = []
    for number, home in enumerate(homes):
        home.mkdir()
        call = threading.Thread(target=children.call, args=("train", [], [], home / "log.txt"))
        call.start()
        threads.append(call)
        while len(children._running) <= number:
            time.sleep(0.001)
    yield children, begun, homes
    for process in begun:
        process.over.set()
    for thread in threads:
        thread.join()
    assert not children._running
    assert not children._asked


def test_who_is_stopped_with_the_command_is_not_asked_again_by_its_scheduler(
    running: tuple[Children, list[Process], list[Path]],
) -> None:
    children, begun, _ = running
    children.stop()  # a signal's handler
    LocalExecutor(1).stop()  # and the scheduler, which the KeyboardInterrupt reaches
    assert [process.asked for process in begun] == [1, 1]
    children.stop()  # a second Ctrl-C of the user
    assert [process.asked for process in begun] == [2, 2]


def test_one_that_is_given_up_is_asked_once_however_often_that_is_decided(
    running: tuple[Children, list[Process], list[Path]],
) -> None:
    children, begun, homes = running
    for _ in range(3):
        LocalExecutor(1).stop(homes[1])
    assert [process.asked for process in begun] == [0, 1]
    assert not children.stopping
    LocalExecutor(1).stop()
    assert [process.asked for process in begun] == [1, 1]
