"""``foveate completion SHELL``: a script that completes commands, environments, agents and options on Tab.

The script is plain text that knows all names: pressing Tab starts no Python. It is to be made anew with a new version.
"""

import dataclasses
import shlex
from collections.abc import Iterable, Mapping

from ..errors import FoveateError, check_choice
from .output import printing

SHELLS = ("bash", "zsh", "fish")
ABOUT = """usage: foveate completion {bash,zsh,fish}

Print a script that completes commands, environments, agents and options on Tab. To use it, add one line:

  bash, in ~/.bashrc:   eval "$(foveate completion bash)"
  zsh, in ~/.zshrc:     eval "$(foveate completion zsh)"
  fish:                 foveate completion fish > ~/.config/fish/completions/foveate.fish"""
COMMANDS = ("train", "evaluate", "doctor", "completion")
PROGRAMS = ("foveate", "foveate-train", "foveate-evaluate")
TRAIN_ONLY = ("--learner", "--resume", "--config", "--import", "--help", "--version")

_BASH = """# Tab completion of foveate, by `foveate completion {shell}`
_foveate_env() {{
  case "$1" in
{environments}
  esac
}}
_foveate_agent() {{
  case "$1" in
{agents}
  esac
}}
_foveate() {{
  local cur="${{COMP_WORDS[COMP_CWORD]}}" program="${{COMP_WORDS[0]##*/}}" command first=1 words=""
  case "$program" in
    foveate-train) command=train ;;
    foveate-evaluate) command=evaluate ;;
    *) command="${{COMP_WORDS[1]}}"; first=2 ;;
  esac
  local place=$((COMP_CWORD - first))
  if [ "$place" -lt 0 ]; then
    words={commands}
  elif [ "$command" = train ] && [ "$place" -eq 0 ]; then
    words={ids}
  elif [ "$command" = train ] && [ "$place" -eq 1 ] && [ "${{cur#-}}" = "$cur" ]; then
    words={presets}
  elif [ "$command" = train ] && [ "${{cur#-}}" != "$cur" ]; then
    words={train}" $(_foveate_env "${{COMP_WORDS[first]}}") $(_foveate_agent "${{COMP_WORDS[first + 1]}}")"
  elif [ "$command" = evaluate ] && [ "${{cur#-}}" != "$cur" ]; then
    words={evaluate}
  elif [ "$command" = evaluate ]; then
    words={runs}
  elif [ "$command" = completion ]; then
    words={shells}
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -o default -F _foveate {programs}
"""


def run(arguments: list[str], imports: list[str]) -> int:
    """Print the script for a shell.

    Raises:
        FoveateError: there is none for this shell.
    """
    if len(arguments) != 1 or arguments[0] in ("-h", "--help"):
        print(ABOUT)
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    with printing():
        print(script(arguments[0]), end="")
    return 0


def script(shell: str) -> str:
    """The script for a shell.

    Args:
        shell: one of `SHELLS`.

    Raises:
        FoveateError: it is none of them.
    """
    check_choice("shell", shell, SHELLS)
    return _fish() if shell == "fish" else ("" if shell == "bash" else _ZSH) + _bash(shell)


_ZSH = "autoload -U +X bashcompinit && bashcompinit\n"


def _bash(shell: str) -> str:
    return _BASH.format(
        shell=shell,
        environments=_cases({env_id: environment_options(env_id) for env_id in environments()}),
        agents=_cases({name: agent_options(name) for name in agents()}),
        commands=_list(COMMANDS),
        ids=_list([*_train_verbs(), *environments()]),
        presets=_list(agents()),
        train=_list(train_options()),
        evaluate=_list(evaluate_options()),
        runs=_list([*_evaluate_verbs(), *zoo()]),
        shells=_list(SHELLS),
        programs=" ".join(PROGRAMS),
    )


def _fish() -> str:
    lines = ["# Tab completion of foveate, by `foveate completion fish`"]
    first = "__fish_use_subcommand"
    lines.append(f"complete -c foveate -n {first} -f -a {_list(COMMANDS)}")
    training, measuring = (f"'__fish_seen_subcommand_from {name}'" for name in ("train", "evaluate"))
    lines.append(f"complete -c foveate -n {training} -f -a {_list([*_train_verbs(), *environments(), *agents()])}")
    lines.append(f"complete -c foveate -n {measuring} -a {_list([*_evaluate_verbs(), *zoo()])}")
    lines.append(f"complete -c foveate -n '__fish_seen_subcommand_from completion' -f -a {_list(SHELLS)}")
    for where, options in ((training, train_options()), (measuring, evaluate_options())):
        lines += [f"complete -c foveate -n {where} -l {option.removeprefix('--')}" for option in options]
    return "\n".join(lines) + "\n"


def _cases(words: Mapping[str, Iterable[str]]) -> str:
    return "\n".join(f"    {shlex.quote(name)}) echo {_list(options)} ;;" for name, options in words.items())


def _list(words: Iterable[str]) -> str:
    return shlex.quote(" ".join(words))


# ---- the words ----


def environments() -> list[str]:
    """The ids of all environments that are listed."""
    from ..envs.registry import listed_ids

    return list(listed_ids())


def agents() -> list[str]:
    """The names of all presets."""
    from ..agents import presets

    return list(presets.names())


def zoo() -> list[str]:
    """The agents that come trained, as a RUN."""
    from ..agents.learning.checkpoint import ZOO

    return [f"zoo/{file.parent.name}" for file in sorted(ZOO.glob("*/run.json"))]


def environment_options(env_id: str) -> list[str]:
    """What ``--env.`` sets of an environment."""
    from ..envs.registry import env_options
    from .options import is_typed

    try:
        options = env_options(env_id)
    except FoveateError:  # it needs an extra that isn't here
        return []
    return [_flag("env", name) for name, option in options.items() if is_typed(option.type)]


def agent_options(preset: str) -> list[str]:
    """What ``--agent.`` sets of a preset's agent."""
    from ..agents import agent_class, presets
    from ..introspect import constructor_options

    known = constructor_options(agent_class(presets.load(preset)["agent"]))
    return [_flag("agent", name) for name in known if name not in ("observation_space", "action_space")]


def train_options() -> list[str]:
    """The options of every training, those of learners included."""
    from ..agents.learning.options import LEARNERS, learner_kind
    from .configuration import RunOptions

    found = {_flag("learner", f.name) for name in LEARNERS for f in dataclasses.fields(learner_kind(name).options)}
    return [*(_flag("", field.name) for field in dataclasses.fields(RunOptions)), *TRAIN_ONLY, *sorted(found)]


def evaluate_options() -> list[str]:
    """The options of every measurement."""
    from .evaluate import EvaluateOptions

    return [
        *(_flag("", field.name) for field in dataclasses.fields(EvaluateOptions)),
        "--import",
        "--help",
        "--version",
    ]


def _flag(part: str, name: str) -> str:
    return "--" + (f"{part}." if part else "") + name.replace("_", "-")


def _train_verbs() -> list[str]:
    from ..train import VERBS

    return list(VERBS)


def _evaluate_verbs() -> list[str]:
    from ..evaluate import VERBS

    return list(VERBS)
