"""A game of `evaluate.py play` without a window, and what a person does in it."""

from typing import Any

import numpy as np

from foveate.cli.play.choices import Choices
from foveate.cli.play.controls import Bits
from foveate.cli.play.game import Game
from foveate.cli.play.pointing import HIGH, Pen
from foveate.envs.registry import make_one
from foveate.viz.window import Key, Pointer


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
