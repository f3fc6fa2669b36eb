"""``evaluate.py play`` in a real window: under Xvfb, with the keys and the mouse of a synthetic hand (xdotool)."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from foveate.cli.play.game import Game
from foveate.cli.play.sight import field_of
from foveate.envs.registry import make_one
from foveate.viz.window import Key

RUN = "import sys; from foveate.evaluate import main; sys.exit(main())"


PAUSE = 0.4  # seconds after a key or a click: what comes while the window stands still comes in another order


class Hand:
    """Keys and a mouse on a display.

    Args:
        display: as DISPLAY names it.
    """

    process: subprocess.Popen | None

    def __init__(self, display: str):
        self.variables = {**os.environ, "DISPLAY": display}
        self.window, self.process = "", None

    def tool(self, *words: object) -> str:
        words = ("xdotool", *map(str, words))
        return subprocess.run(words, env=self.variables, capture_output=True, text=True, timeout=60).stdout

    def find(self, process: subprocess.Popen) -> None:
        """Wait for the window, and point at it: without a window manager keys go where the mouse is."""
        until = time.monotonic() + 120
        while not self.window:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            self.window = (self.tool("search", "--name", "^foveate").split() or [""])[-1]
            time.sleep(0.2)
        self.point(40, 20)
        time.sleep(1)

    def point(self, x: int, y: int) -> None:
        self.tool("mousemove", "--window", self.window, x, y)
        time.sleep(PAUSE)

    def click(self, x: int, y: int) -> None:
        self.point(x, y)
        self.tool("click", 1)
        time.sleep(PAUSE)

    def keys(self, *names: str) -> None:
        for name in names:
            self.tool("key", name)
            time.sleep(PAUSE)


@pytest.fixture
def hand(display: str) -> Iterator[Hand]:
    if shutil.which("xdotool") is None:
        pytest.skip("xdotool is not installed")
    hand = Hand(display)
    yield hand
    if hand.process is not None and hand.process.poll() is None:
        hand.process.kill()
        hand.process.communicate()


def start(hand: Hand, folder: Path, *words: str) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, "play", *words],
        cwd=folder, env=hand.variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    hand.process = process
    hand.find(process)
    return process


def you(process: subprocess.Popen) -> list[float]:
    """The mean score and the mean return that are printed."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    row = next(line for line in out.splitlines() if line.startswith("you "))
    return [float(word) for word in row.split()[1:3]]


def test_a_digit_is_looked_at_and_named(hand: Hand, tmp_path: Path) -> None:
    env = make_one("Glimpse/TranslatedDigits-v0", {"split": "test"})
    _, info = env.reset(seed=5)
    process = start(hand, tmp_path, "Glimpse/TranslatedDigits-v0", "--seed", "5", "--episodes", "1")
    field = field_of((60, 60))
    hand.keys("h", "space")  # help, and back
    for share in (0.2, 0.4, 0.5, 0.6, 0.8):
        hand.click(field.left + int(share * field.width), field.top + int(share * field.height))
    hand.keys(str(info["target"]), "space")
    assert you(process) == [1.0, 1.0]


def test_a_sequence_is_copied_by_clicking(hand: Hand, tmp_path: Path) -> None:
    length = {"min_length": 2, "max_length": 2}
    words = [word for name, size in length.items() for word in (f"--env.{name.replace('_', '-')}", str(size))]
    process = start(hand, tmp_path, "Memory/Copy-v0", *words, "--seed", "3", "--episodes", "1", "--env.split", "train")
    beside = Game(make_one("Memory/Copy-v0", {**length, "split": "train"}, "rgb_array"), "Memory/Copy-v0", 3, 1)
    while not beside.due:
        beside.handle(Key("space"), beside.screen())
        hand.keys("space")
    while not beside.over:
        shown, bits = beside.screen(), np.flatnonzero(beside.info["target"]).tolist()
        for number in bits:
            area = shown.hot[number].area
            hand.click(area.left + area.width // 2, area.top + area.height // 2)
            beside.handle(Key(str(number + 1)), shown)
        beside.handle(Key("enter"), shown)
        hand.keys("Return")
    hand.keys("space")
    assert you(process) == [0.0, 1.0]  # nothing is wrong


def test_a_car_is_driven(hand: Hand, tmp_path: Path) -> None:
    process = start(hand, tmp_path, "Probe/Driving-v0", "--env.day", "45", "--episodes", "1", "--seed", "1")
    hand.tool("keydown", "Up")
    time.sleep(4)
    hand.tool("keyup", "Up")
    hand.keys("space")
    share, _ = you(process)
    env = make_one("Probe/Driving-v0", {"day": 45})
    env.reset(seed=1)
    idle = 0.0
    for _ in range(45):
        idle += float(env.step(0)[1])
    assert share > idle  # who goes faster overtakes more
