"""What only this command line may name for a file's environment: ``--env.data FOLDER`` beside ``--resume``, say."""

from collections.abc import Mapping, Sequence

from ..envs.outside import names_outside, options_of_file
from ..envs.registry import check_id, env_options
from ..errors import FoveateError


def environment_of(
    env_id: str, kept: Mapping[str, object], words: Sequence[str], source: object, allowed: str
) -> dict[str, object]:
    """A file's arguments of an environment, where the words may say again what they name outside.

    Args:
        env_id: the environment.
        kept: what the file says.
        words: what is left of the command line: ``--env.NAME VALUE`` pairs.
        source: the file, for messages.
        allowed: what else the command takes, for messages.

    Raises:
        FoveateError: there are other words, or the arguments can't be used.
    """
    check_id(env_id)
    known = env_options(env_id)
    given: dict[str, object] = {}
    left = [part for word in words for part in (word.split("=", 1) if word.startswith("--env.") else [word])]
    while left:
        name = left[0].removeprefix("--env.").replace("-", "_")
        outside = left[0].startswith("--env.") and name in known and names_outside(known[name], kept.get(name))
        if not outside or len(left) < 2:
            raise FoveateError(f"{allowed}, and --env.… only for what it names outside (its data); got {list(words)}.")
        given[name] = left[1]
        left = left[2:]
    return options_of_file(env_id, kept, given, source)


def words_for(env_id: str, arguments: Mapping[str, object]) -> list[str]:
    """The words by which a command line names what an environment's arguments name outside."""
    known = env_options(env_id)
    outside = {name: value for name, value in arguments.items() if name in known and names_outside(known[name], value)}
    return [word for name, value in outside.items() for word in (f"--env.{name.replace('_', '-')}", str(value))]
