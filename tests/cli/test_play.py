"""``evaluate.py play`` without a window: what events do in each world, who knows the answer gets the whole score."""

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from ids import ALL_IDS
from playing import click, finish, game, look_at, press

from foveate.cli.play.choices import Choices
from foveate.cli.play.game import HOLD
from foveate.cli.play.pointing import Place
from foveate.cli.play.sight import WIDTH
from foveate.envs.registry import make_one
from foveate.viz.window import Key, Pointer

SHORT = {"Probe/Driving-v0": {"day": 20}, "Probe/Catch-v0": {"balls": 1}, "Probe/Distractors-v0": {"balls": 1}}
KEYS = ["left", "up", "right", "down", "enter", "space", "backspace", "tab", "+", "-", *"0123456789aehmz.,p"]


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
