"""What a person who plays is shown, and what is typed and clicked on it."""

import numpy as np
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from playing import finish, game, press

from foveate.cli.play.choices import Choices
from foveate.cli.play.sight import UNSEEN

KEYS = ["left", "up", "right", "down", "enter", "space", "backspace", "tab", "+", "-", *"0123456789aehmz.,p"]


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
