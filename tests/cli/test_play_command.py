"""``evaluate.py play``: the table at the end, what is refused, what a window says of keys."""

import gymnasium as gym
import pytest
from gymnasium import spaces
from playing import game
from windows import FakeWindow, take_window_s_place

from foveate import evaluate
from foveate.cli.play.game import Game
from foveate.cli.play.screen import Screen
from foveate.envs.registry import make_one
from foveate.viz import window
from foveate.viz.window import Event, Key, Pointer


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeWindow]:
    return take_window_s_place(monkeypatch)


def digit(seed: int) -> str:
    one = make_one("Glimpse/TranslatedDigits-v0", {"split": "test"})
    return str(one.reset(seed=seed)[1]["target"])


def glimpses(answer: str) -> list[Event]:
    return [*[Pointer("press", 200, 200)] * 5, Key(answer), Key("space")]


def test_the_table_has_the_agents_on_the_same_episodes_and_the_scale(
    fake: type[FakeWindow], capsys: pytest.CaptureFixture
) -> None:
    wrong = str((int(digit(8)) + 1) % 10)
    fake.events = iter([*glimpses(digit(7)), *glimpses(wrong)])
    assert evaluate.main(["play", "glimpse/translateddigits", "--seed", "7", "--episodes", "2"]) == 0
    out = capsys.readouterr().out
    assert "Glimpse/TranslatedDigits-v0" in fake.title
    rows = {line[:32].strip(): line[32:].split() for line in out.splitlines()}
    assert rows["you"] == ["0.500", "0.500", "1", "0"]
    assert len(rows["zoo/TranslatedDigits-ram"]) == 4
    assert "oracle" in out
    assert "never looks (chance)" in out
    done = evaluate.main(["zoo/TranslatedDigits-ram", "--episodes", "0", "--no-progress"])
    assert done == 0


def test_ctrl_c_loses_nothing(fake: type[FakeWindow], capsys: pytest.CaptureFixture) -> None:
    fake.events = iter([*glimpses(digit(0)), Pointer("press", 200, 200), Key("ctrl-c")])
    assert evaluate.main(["play", "Glimpse/TranslatedDigits-v0"]) == 130
    assert "you                                1.000    1.000   1" in capsys.readouterr().out


def test_a_window_that_is_closed_ends_the_game(fake: type[FakeWindow], capsys: pytest.CaptureFixture) -> None:
    fake.events = iter(())
    assert evaluate.main(["play", "Memory/Copy-v0", "--env.max-length", "2"]) == 0
    assert "no episode was finished" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["Multi/SharedGaze-v0"], "several agents"),
        (["Glimpse/Digit-v0"], "Did you mean 'Glimpse/Digits-v0'"),
        ([], "play needs one environment"),
        (["Memory/Copy-v0", "--against", "zoo/Digits-ram"], "trained in Glimpse/Digits-v0"),
        (["Memory/Copy-v0", "--env.split", "none"], "none"),
    ],
)
def test_what_can_t_be_played_is_refused_with_the_reason(
    words: list[str], said: str, fake: type[FakeWindow], capsys: pytest.CaptureFixture
) -> None:
    assert evaluate.main(["play", *words]) == 2
    assert said in capsys.readouterr().err


class Torque(gym.Env):
    """Somebody's environment that wants a number."""

    observation_space, action_space = spaces.Box(-1, 1, (3,)), spaces.Box(-2, 2, (1,))


def test_actions_that_nobody_can_choose_are_refused() -> None:
    with pytest.raises(ValueError, match=r"can't be played by hand: its action is Box\(-2"):
        Game(Torque(), "Mine/Torque-v0", 0, 1)


def test_without_a_display_play_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(window, "display_fault", lambda: "no display")
    assert evaluate.main(["play", "Memory/Copy-v0"]) == 2
    assert "error: play needs a display" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (65361, "left"),
        (0x100000 | 65363, "right"),  # GTK with NumLock
        (2490368, "up"),
        (63233, "down"),
        (97, "a"),
        (65, "a"),
        (13, "enter"),
        (27, "escape"),
        (-1, None),
        (0, None),
    ],
)
def test_the_names_of_keys_on_all_systems(code: int, name: str | None) -> None:
    assert window.key_of(code) == name


def test_a_screen_without_buttons_is_a_screen() -> None:
    shown = game("Memory/Copy-v0").screen()
    assert isinstance(shown, Screen)
    assert len(shown.hot) == 8
