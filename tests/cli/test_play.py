"""``evaluate.py play`` without a window: what events do, what is shown, what is refused, the table at the end."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from ids import ALL_IDS
from windows import FakeWindow, take_window_s_place

from foveate import evaluate
from foveate.cli.play.choices import Choices
from foveate.cli.play.controls import Bits
from foveate.cli.play.game import HOLD, Game
from foveate.cli.play.pointing import HIGH, Pen, Place
from foveate.cli.play.screen import Screen
from foveate.cli.play.sight import UNSEEN, WIDTH
from foveate.envs.registry import make_one
from foveate.viz import window
from foveate.viz.window import Event, Key, Pointer

SHORT = {"Probe/Driving-v0": {"day": 20}, "Probe/Catch-v0": {"balls": 1}, "Probe/Distractors-v0": {"balls": 1}}
KEYS = ["left", "up", "right", "down", "enter", "space", "backspace", "tab", "+", "-", *"0123456789aehmz.,p"]


def game(
    env_id: str, seed: int = 0, episodes: int = 2, fps: float | None = None, whole: bool = False, **env: Any
) -> Game:
    return Game(make_one(env_id, env, "rgb_array"), env_id, seed, episodes, fps, whole)


def press(played: Game, *keys: str, now: float = 0.0) -> None:
    for key in keys:
        played.handle(Key(key), played.screen(), now)


def look_at(played: Game, x: float, y: float) -> None:
    """Click at a place of the picture, in [-1, 1]²."""
    shown = played.screen()
    assert shown.field is not None
    left, top, wide, high = shown.field
    played.handle(Pointer("press", int(left + (x + 1) / 2 * wide), int(top + (y + 1) / 2 * high)), shown)


def click(played: Game, label: str) -> None:
    """Click the button of this label."""
    shown = played.screen()
    labels = [button.label for part in played.controls.parts.values() for button in part.buttons()]
    area = shown.hot[labels.index(label)].area
    played.handle(Pointer("press", area.left + 2, area.top + 2), shown)


# ---- every environment ----


@pytest.mark.parametrize("env_id", ALL_IDS)
def test_whatever_is_pressed_every_environment_goes_on(env_id: str) -> None:
    played = game(env_id, **SHORT.get(env_id, {}))
    rng = np.random.default_rng(0)
    now, steps = 0.0, 0
    for _ in range(60):
        shown = played.screen()
        assert shown.picture.dtype == np.uint8
        assert shown.picture.shape[1] == WIDTH
        before = played.steps, len(played.played)
        if rng.random() < 0.4:
            played.handle(Key(["space", "enter"][rng.integers(2)]), shown, now)
        elif rng.random() < 0.4:
            played.handle(Key(KEYS[rng.integers(len(KEYS))]), shown, now)
        else:
            height = shown.picture.shape[0]
            spot = int(rng.integers(WIDTH)), int(rng.integers(height))
            if shown.hot and rng.random() < 0.5:
                area = shown.hot[rng.integers(len(shown.hot))].area
                spot = area.left + 1, area.top + 1
            for kind in ("move", "press", "drag", "release"):
                played.handle(Pointer(kind, *spot), shown, now)
        now += 0.1
        played.tick(now)
        steps += (played.steps, len(played.played)) != before
        if played.done:
            break
    assert steps  # something was done, and no action was refused
    played.env.close()


# ---- a person who knows the answer ----


def typed(control: Choices, number: int, value: int) -> list[str]:
    """The keys that choose a value."""
    keys = {value: key for key, value in control.keys[number].items()}
    if value in keys:
        return [keys[value]]
    name = control.names[number][value].lower()
    longer = [other for other in control.names[number] if other.lower().startswith(name)]
    return [{" ": "space"}.get(letter, letter) for letter in name] + ["enter"] * (len(longer) > 1 or len(name) > 1)


def tell(played: Game) -> None:
    """Do what `info` says is right."""
    target = np.atleast_1d(np.asarray(played.info["target"]))
    for control in played.controls.parts.values():
        if isinstance(control, Choices):
            begun = len(played.played), played.steps
            for number, value in enumerate(target.tolist()):
                for key in typed(control, number, value):
                    if (len(played.played), played.steps) == begun:  # "end" leaves the rest
                        press(played, key)
        elif isinstance(control, Bits):
            for number in np.flatnonzero(target).tolist():
                control.push(number)
            press(played, "enter")
        elif isinstance(control, Pen):
            shown, (right, up, does) = played.screen(), target.tolist()
            assert shown.paper is not None
            if does == 2:
                press(played, "enter")
                continue
            x, y = (control.at + np.array([right, up])) * control.unit * (1, -1) + (10, HIGH * 0.62)
            kind = "release" if does else "press"
            played.handle(Pointer(kind, round(shown.paper.left + x), round(shown.paper.top + y)), shown)


def finish(played: Game) -> float:
    """Play the episode to its end as one who knows; the score, or the return."""
    for _ in range(2000):
        if played.over:
            last = played.played[-1]
            return last.mean_return if np.isnan(last.score) else last.score
        if played.due is not False:
            tell(played)
        elif played.controls.place is not None:
            look_at(played, 0.3, -0.2)
        else:
            press(played, "space")
    raise AssertionError("the episode didn't end")


@pytest.mark.parametrize(
    ("env_id", "best", "env"),
    [
        ("Glimpse/TranslatedDigits-v0", 1, {}),
        ("Glimpse/AddDigits-v0", 1, {}),
        ("Glimpse/HouseNumbers-v0", 1, {}),
        ("Glimpse/HouseNumbers-v0", 1, {"answer": "whole"}),
        ("Glimpse/FindEight-v0", 1, {}),
        ("Glimpse/Fur-v0", 1, {}),
        ("Glimpse/Digits-v0", 1, {"view": "image"}),
        ("Glimpse/Digits-v0", 1, {"location": "tiles", "zoom": True}),
        ("Glimpse/Digits-v0", 1, {"location": "moves", "overview": 7}),
        ("Memory/Copy-v0", 0, {"max_length": 3}),
        ("Memory/Completion-v0", 1, {}),
        ("Memory/Arithmetic-v0", 1, {"max_digits": 2}),
        ("Memory/Tape-v0", 1, {"max_length": 3}),
        ("Memory/TMaze-v0", 1, {"corridor": 3}),
        ("Memory/Sort-v0", 1, {"max_length": 12}),
        ("Memory/MiniShrdlu-v0", 1, {"lesson": 2}),
        ("Memory/ScratchPad-v0", 1, {"lesson": 1}),
        ("Memory/ScratchPad-v0", 1, {"lesson": 1, "view": "whole", "calls": False}),
        ("Memory/Frames-v0", 1, {}),
        ("Memory/GraphTraversal-v0", 1, {"lesson": 1}),
        ("Sequence/Translation-v0", 1, {"view": "whole"}),
        ("Sequence/Tokens-v0", 1, {}),
        ("Sequence/Stories-v0", 1, {}),
        ("Sequence/Cloze-v0", 1, {}),
        ("Sequence/Caption-v0", 1, {"view": "whole"}),
        ("Sequence/ConvexHull-v0", 1, {"view": "whole"}),
        ("Sequence/PenReading-v0", 1, {"view": "whole"}),
        ("Sequence/Speech-v0", 1, {"view": "whole"}),
        ("Sequence/PenReading-v0", 1, {"view": "whole", "answer": "string"}),
    ],
)
def test_who_knows_the_answer_gets_the_whole_score(env_id: str, best: float, env: dict) -> None:
    assert finish(game(env_id, **env)) == pytest.approx(best)


def test_who_writes_the_points_that_are_due_writes_nearly_all_of_the_text() -> None:
    played = game("Sequence/Handwriting-v0", view="whole", text="is")
    assert finish(played) > 0.8  # of points to the pixel
    assert len(played.controls.pen.strokes) > 2  # type: ignore[union-attr]


def test_a_click_looks_there_and_a_key_answers_when_it_is_due() -> None:
    played = game("Glimpse/TranslatedDigits-v0")
    press(played, "3")  # too early
    assert played.steps == 0
    assert "No answer is due" in played.note()
    look_at(played, 0.5, -0.25)
    assert played.steps == 1
    np.testing.assert_allclose(played.observation["location"], [0.5, -0.25], atol=0.01)
    for _ in range(4):
        look_at(played, 0, 0)
    look_at(played, 0, 0)  # the answer is due: where to look next means nothing
    assert played.steps == 5
    assert "due" in played.note()
    click(played, str(played.info["target"]))
    assert played.over
    assert played.played[0].score == 1
    press(played, "space")
    assert (played.over, played.steps) == (False, 0)


def test_a_retina_that_moves_by_moves_and_by_tiles() -> None:
    moves = Place(spaces.Box(-1, 1, (2,)), reach=0.5)
    moves.gaze = np.array([0.5, 0.0], np.float32)
    moves.point(0.25, 1.0)
    np.testing.assert_allclose(moves.value(), [-0.5, 1.0])  # a move of at most 1
    tiles = Place(spaces.Discrete(25))
    tiles.point(0.99, -0.99)
    assert tiles.value() == 4
    tiles.point(-0.99, 1.0)
    assert tiles.value() == 20


def test_an_answer_that_counts_each_time_stays_until_it_is_changed() -> None:
    played = game("Glimpse/Digits-v0", reward="every", glimpses=3)
    press(played, str(played.info["target"]))
    assert played.steps == 0
    for _ in range(3):
        look_at(played, 0, 0)
    assert played.played[0].mean_return == pytest.approx(1)


def test_bits_are_switched_by_keys_and_by_clicks() -> None:
    played = game("Memory/Copy-v0", min_length=1, max_length=1)
    while not played.due:
        press(played, "space")
    press(played, "2")
    click(played, "3")
    press(played, "2")
    click(played, "8")
    press(played, "enter")
    assert played.over
    wrong = np.array([0, 0, 1, 0, 0, 0, 0, 1]) != gym_target("Memory/Copy-v0", min_length=1, max_length=1)
    assert played.played[0].score == wrong.sum()


def gym_target(env_id: str, **env: Any) -> np.ndarray:
    """What is due first in the episode of seed 0."""
    one = make_one(env_id, env)
    _, info = one.reset(seed=0)
    while not info["target_mask"]:
        _, _, _, _, info = one.step(one.action_space.sample())
    return np.asarray(info["target"])


# ---- games that go on by themselves ----


def test_a_game_waits_for_a_key_then_goes_on_and_a_key_acts_while_it_is_held() -> None:
    played, actions = game("Probe/Driving-v0", day=200), []
    step = played.env.step
    played.env.step = lambda action: actions.append(int(action)) or step(action)  # type: ignore[method-assign]
    for now in (0.0, 1.0, 2.0):
        played.tick(now)
    assert played.waiting
    assert not actions
    press(played, "up", now=2.0)
    times = 2.0 + np.arange(1, 16) / 30
    for now in times:
        played.tick(now)
    assert 6 <= len(actions) <= 8  # 15 a second
    held = int(HOLD * 15)
    assert actions[: held - 1] == [3] * (held - 1)  # faster
    assert actions[-1] == 0  # straight
    press(played, "p", now=2.6)
    count = len(actions)
    played.tick(4.0)
    assert len(actions) == count
    click(played, "left (arrow)")
    played.tick(9e9)
    played.env.close()


def test_a_game_can_wait_for_each_action() -> None:
    played = game("Probe/Catch-v0", fps=0)
    played.tick(100.0)
    assert (played.steps, played.waiting) == (0, False)
    press(played, "left", "right", "0")
    assert played.steps == 3


def test_the_gaze_follows_the_mouse_in_a_game() -> None:
    played = game("Glimpse/Catch-v0")
    shown = played.screen()
    played.handle(Pointer("press", shown.field.left + 5, shown.field.top + 5), shown, 0.0)  # type: ignore[union-attr]
    played.tick(1.0)
    assert played.steps == 1
    assert (played.observation["location"] < -0.9).all()
    played.tick(2.0)
    assert (played.observation["location"] < -0.9).all()  # the mouse stays where it is


def test_keys_held_together_do_what_they_do_together() -> None:
    names = ["noop", "fire", "up", "right", "left", "down", "upright", "upleft", "uprightfire"]
    control = Choices(spaces.Discrete(len(names)), [names])
    for held, action in [
        (["up"], "up"),
        (["up", "right"], "upright"),
        (["right", "up"], "upright"),
        (["space"], "fire"),
        (["up", "space", "right"], "uprightfire"),
        (["down", "right"], "right"),  # nothing does both: the last one
        ([], "noop"),
    ]:
        control.live(held)
        assert names[int(control.value())] == action  # type: ignore[call-overload]


# ---- what is shown ----


def test_a_person_sees_no_more_than_the_agent() -> None:
    """At the marker of a copy all agents see the same, whatever came before; through a retina, only its patches."""
    pages = []
    for seed in (0, 1):
        played = game("Memory/Copy-v0", seed=seed, min_length=3, max_length=3)
        press(played, "space", "space", "space")
        pages.append(played.screen().picture)
    np.testing.assert_array_equal(*pages)
    played = game("Glimpse/TranslatedDigits-v0", patch=8, scales=1, first="centre")
    shown = played.screen()
    left, top, wide, high = shown.field  # type: ignore[misc]
    panel = shown.picture[top : top + high, left : left + wide]
    unseen = (panel == UNSEEN).all(-1)
    middle = slice(high // 2 - 20, high // 2 + 20)
    assert not unseen[middle, middle].any()
    assert unseen[: high // 3].all()
    assert unseen[:, -wide // 3 :].all()


def test_the_whole_world_is_shown_where_it_is_asked_for_and_when_the_episode_is_over() -> None:
    whole = game("Memory/Copy-v0", whole=True)
    page = whole.env.render()
    np.testing.assert_array_equal(whole.screen().picture[: page.shape[0], : page.shape[1]], page)
    played = game("Memory/Copy-v0", max_length=1)
    finish(played)
    page = played.env.render()
    np.testing.assert_array_equal(played.screen().picture[: page.shape[0], : page.shape[1]], page)


def test_help_says_what_the_world_is_and_any_key_leaves_it() -> None:
    played = game("Memory/TMaze-v0")
    press(played, "h")
    assert played.helping
    page = played.screen().picture
    press(played, "up")
    assert not played.helping
    assert played.steps == 0
    assert page.shape != played.screen().picture.shape


def test_letters_are_typed_where_they_are_answers_and_are_commands_elsewhere() -> None:
    words = game("Sequence/PenReading-v0", view="whole")
    press(words, "q", "r", "h")
    assert (words.done, words.helping, words.steps) == (False, False, 3)
    press(words, "f1")
    assert words.helping
    press(words, "f1", "f5")
    assert (words.steps, words.restarts) == (0, 1)
    press(words, "escape")
    assert words.done
    maze = game("Memory/TMaze-v0")
    press(maze, "up", "up", "r")
    assert (maze.steps, maze.restarts) == (0, 1)
    press(maze, "q")
    assert maze.done


def test_a_longer_name_is_typed_corrected_and_finished_by_enter() -> None:
    names = ["go", "goal", "end", "Gone", *(f"word{number}" for number in range(6))]  # too many for a digit each
    control = Choices(spaces.Discrete(10, start=2), [names])
    assert [control.key(key) for key in "go"] == [False, False]  # which of three?
    assert control.key("n") is False
    assert control.typed == "gon"
    assert control.key("x") is False
    assert control.typed == "gon"  # there is no such name
    control.key("backspace")
    assert [button.lit for button in control.buttons()][:5] == [True, True, False, True, False]
    assert control.key("enter") is True
    assert control.value() == 2  # what was typed exactly comes first
    control.clear()
    assert control.key("enter") is True  # no name begins so: Enter is the end
    assert control.value() == 4


def test_of_a_long_string_the_next_letter_has_buttons_and_of_many_words_each() -> None:
    letters = ["end", *"abcdefghijklmnop"]
    word = Choices(spaces.MultiDiscrete([17] * 16), [letters] * 16, [str(i) for i in range(16)])
    assert len(word.buttons()) == 17
    assert [word.key("c"), word.push(1)] == [False, False]
    assert word.titles() == ["ca"]
    assert word.key("enter") is True
    assert word.value().tolist() == [3, 1, *[0] * 14]  # type: ignore[attr-defined]
    words = Choices(spaces.Discrete(200), [["end", *(f"w{i}" for i in range(199))]])
    assert len(words.buttons()) == 200
    assert not words.titles()


@given(st.lists(st.sampled_from(["backspace", "enter", "space", *"0123456789"]), max_size=30))
@settings(max_examples=50, deadline=None)
def test_whatever_is_typed_the_value_is_in_the_space(keys: list[str]) -> None:
    space = spaces.MultiDiscrete([3, 12, 2])
    names = [[str(value) for value in range(count)] for count in (3, 12, 2)]
    control = Choices(space, names, ["a", "b", "c"])
    for key in keys:
        control.key(key)
        assert space.contains(control.value())


# ---- the command ----


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
