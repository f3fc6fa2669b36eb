"""``evaluate.py play ENV``: the options, the window, and the table at the end."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ...analysis.measure import with_split
from ...envs.registry import check_id, env_options, full_id, has_agents, is_slow, make_one
from ...errors import FoveateError, check_range
from ...viz.window import PlayWindow, check_display
from ..options import dataclass_of, is_typed, parse, part
from ..output import STOPPED
from ..words import split_at_options
from .game import Game
from .standing import Rivals, check_rivals, table

PROG = "evaluate.py play ENV"
ABOUT = "Play by hand, in a window, what an agent plays: see what it sees, and compare your score with its."


@dataclass
class PlayOptions:
    """How to play.

    Attributes:
        episodes: how many.
        seed: of the first episode; the next one has the next.
        split: of environments with splits.
        all: show the whole world, what is due included, and not only what an agent sees.
        fps: steps a second of a game that goes on by itself; 0 waits for each action. None is up to 15, of games alone.
        against: runs that play the same episodes when you have finished, beside the agents of the zoo.
    """

    episodes: int = 5
    seed: int = 0
    split: str = "test"
    all: bool = False
    fps: float | None = None
    against: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        check_range("episodes", self.episodes, 1)
        check_range("seed", self.seed, 0, 2**31 - 1)
        check_range("fps", self.fps or 0.0, 0.0, 120.0)


def run(arguments: list[str], imports: list[str]) -> int:
    """Play, and print the table.

    Raises:
        FoveateError: a user's mistake, an environment that a person can't play, or no display.
    """
    words, rest = split_at_options(arguments)
    if len(words) != 1:
        parse(PlayOptions, rest, PROG, ABOUT)  # their help, or their error
        raise FoveateError(f"play needs one environment, got {len(words)}: {PROG}, as in play Glimpse/Digits-v0.")
    env_id = full_id(words[0])
    check_id(env_id)
    if has_agents(env_id):
        raise FoveateError(
            f"{env_id} can't be played by hand: it has several agents, whose score is what they do together. "
            "evaluate.py RUN --video path.mp4 shows what they all do."
        )
    options, given = configure(rest, env_id)
    env_arguments = given if "split" in given else with_split(env_id, given, options.split)
    torch.set_num_threads(1)
    env = make_one(env_id, env_arguments, "rgb_array")
    check_rivals(env_id, options.against)
    rivals = Rivals(env_id, env_arguments, options.against)
    try:
        game = Game(env, env_id, options.seed, options.episodes, options.fps, options.all)
        if not is_slow(env_id):  # else they play at the end alone
            game.beside = rivals.play
        check_display("play", "Films need none: evaluate.py RUN --video path.mp4")
        code = play(game)
    finally:
        env.close()
    lines = table(game.played, rivals, game.restarts) if game.played else ["no episode was finished."]
    print("\n".join(lines))
    return code


def configure(arguments: Sequence[str], env_id: str) -> tuple[PlayOptions, dict[str, object]]:
    """Read the options, and the arguments of the environment that are given."""
    known = {name: option for name, option in env_options(env_id).items() if is_typed(option.type)}
    absent = {name: option._replace(type=option.type | None, default=None) for name, option in known.items()}
    fields = [part("env", dataclass_of("Environment", absent, {})(), f"options of {env_id}; None is the usual")]
    kind = dataclasses.make_dataclass("Play", fields, bases=(PlayOptions,))
    parsed = parse(kind, list(arguments), f"{PROG.replace('ENV', env_id)}", ABOUT)
    env = dataclasses.asdict(getattr(parsed, "env"))  # noqa: B009 (a field of this environment's own class)
    values = {field.name: getattr(parsed, field.name) for field in dataclasses.fields(PlayOptions)}
    return PlayOptions(**values), {name: value for name, value in env.items() if value is not None}


def play(game: Game) -> int:
    """Play in a window until it is over; returns the exit code, that of Ctrl-C where it was pressed."""
    window = PlayWindow(f"foveate - {game.env_id}")
    try:
        while not game.done:
            shown = game.screen()
            for event in window.poll(shown.picture, 1 / (2 * game.fps) if game.fps else 0.1):
                game.handle(event, shown)
            game.tick()
    except KeyboardInterrupt:
        return STOPPED
    finally:
        window.close()
    return 0
