"""Where both commands begin: the path of a script, ``--import``, and from a verb to the module behind it.

A module is imported only when its verb is asked for, so that ``--help`` needs neither torch nor an environment.
"""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, cast

from .output import STOPPED, fail, printing
from .processes import check_one_training, quiet_but_first
from .words import take

Command = Callable[[list[str], list[str]], int]
"""A command: its words and the modules that this command line imported; returns the exit code."""


class Program(NamedTuple):
    """A script.

    Attributes:
        help: what it prints where nothing is asked for.
        verbs: its verbs and the modules of `foveate.cli` behind them; each has ``run(arguments, imports)``.
        default: the module behind everything else.
        paths_first: whether that needs paths before its options, so that options alone ask for help.
    """

    help: str
    verbs: Mapping[str, str]
    default: str
    paths_first: bool = False


def use_path_of_script(file: str) -> None:
    """Put `sys.path` right for ``python train.py``: Python puts the script's folder first, and here that is a checkout.

    Its folders (`envs`, `agents`, …) must not shadow a user's modules of these names, so it is taken off. Only
    ``--import`` looks where the user is, and there last, as with the installed command.

    Args:
        file: of the script.
    """
    root = Path(file).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != root]


def main(program: Program, arguments: Sequence[str]) -> int:
    """Run a command; a mistake, or a failure of what is outside, is one line on standard error, and exit code 2."""
    with quiet_but_first(), printing():
        try:
            return dispatch(program, arguments)
        except KeyboardInterrupt:
            print("\nstopped", file=sys.stderr)
            return STOPPED
        except Exception as error:
            return fail(error)


def dispatch(program: Program, arguments: Sequence[str]) -> int:
    """Import what is to be imported, and call the verb's module.

    Raises:
        FoveateError: a user's mistake.
    """
    imports, rest = take(arguments, "--import", many=True)
    if imports:
        from ..envs.registry import import_modules

        import_modules(imports)
    verb = rest[0] if rest else ""
    if verb == "--version":
        from .. import __version__

        print(f"foveate {__version__}")
        return 0
    if verb in program.verbs or program.paths_first:
        check_one_training(verb)
    if verb in program.verbs:
        return _command(program.verbs[verb])(rest[1:], imports)
    if not rest or verb in ("-h", "--help") or (program.paths_first and verb.startswith("-")):
        print(program.help)
        if not rest:
            return 2
        if not program.paths_first:
            return 0
    return _command(program.default)(rest, imports)


def _command(module: str) -> Command:
    return cast(Command, importlib.import_module(f".{module}", __package__).run)
