"""Model cards: what a trained agent is for, how well it does it, and how it came about, for people and for hubs.

A card is a page in Markdown. What a program may want to know of it stands in its head, in YAML as hubs read it (the
metadata of Hugging Face's model cards, with the entries of a "model index"), and `read_claim` reads the figure back.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from .. import __version__
from ..agents import presets
from ..envs.registry import about, world_class
from ..envs.scale import EXPLAINED
from ..errors import FoveateError
from ..files import read_text
from .generalisation import Figures
from .measure import lower_is_better

CARD = "README.md"  # what hubs show first
_HEAD = re.compile(r"---\n(.*?)\n---\n", re.DOTALL)


class Claim(NamedTuple):
    """The figure of a card.

    Attributes:
        metric: its name, such as "wrong bits".
        value: of the episodes.
        low: end of its 95 % interval.
        high: the other end.
        split: that the episodes were of.
        episodes: how many `evaluate.py` was asked for; it plays whole rounds of all worlds.
        seed: of the worlds.
    """

    metric: str
    value: float
    low: float
    high: float
    split: str
    episodes: int
    seed: int


@dataclass(frozen=True)
class Trainings:
    """Several trainings by the same command, each with a seed of its own.

    Attributes:
        table: of docs/results.md where they stand.
        scores: one a training.
        low: end of the 95 % interval of their mean.
        high: the other end.
    """

    table: str
    scores: Sequence[float]
    low: float
    high: float


@dataclass(frozen=True)
class Facts:
    """What a card tells beside its figures.

    Attributes:
        name: of the agent, as in "zoo/NAME" or "OWNER/NAME".
        where: what commands and `foveate.agents.load` take for it.
        command: that trained it; empty where it isn't known.
        limits: what it can't do, or what its figure doesn't say: a sentence each.
        trainings: by the same command, where several were measured.
        licence: of the weights, as hubs call it; empty where it is for others to say.
    """

    name: str
    where: str
    command: str = ""
    limits: Sequence[str] = ()
    trainings: Trainings | None = None
    licence: str = "mit"


def model_card(
    told: Facts, run: Mapping[str, object], figures: Figures | None = None, episodes: int = 0, seed: int = 0
) -> str:
    """The card of a trained agent.

    Args:
        told: what it tells.
        run: its run.json.
        figures: what `evaluate.py` measured of it; None where nothing was.
        episodes: how many it was asked to play for that.
        seed: of the worlds in which it did.
    """
    parts = [_head(told, run, figures, (episodes, seed)), f"# {told.name}\n", _what(told, run)]
    if figures is not None:
        parts += ["## How well\n", _how_well(told, figures)]
    parts += ["## How it was trained\n", _how_trained(told, run)]
    if told.limits:
        parts += ["## Limits\n", "\n".join(f"- {limit}" for limit in told.limits) + "\n"]
    parts += ["## Use\n", _use(told)]
    return "\n".join(parts)


def read_claim(card: Path) -> Claim:
    """The figure that a card claims.

    Raises:
        FoveateError: it can't be read, or claims none.
    """
    head = _HEAD.match(read_text(card))
    try:
        known: Any = yaml.safe_load(head[1]) if head else None
        (result,) = known["model-index"][0]["results"]
        (metric,) = result["metrics"]
        told = metric["args"]
        low, high = map(float, told["interval"])
        measured = str(result["dataset"]["split"]), int(told["episodes"]), int(told["seed"])
        return Claim(str(metric["name"]), float(metric["value"]), low, high, *measured)
    except (yaml.YAMLError, KeyError, TypeError, ValueError, IndexError, RecursionError) as error:
        raise FoveateError(f"{card} has no head with one figure, as a model card has.") from error


# ---- the parts of a card ----


def _preset(command: str) -> str:
    """The preset that a command trained, if it tells."""
    words = command.split()
    return words[3] if len(words) > 3 and words[3] in presets.names() else ""


def _head(told: Facts, run: Mapping[str, object], figures: Figures | None, asked: tuple[int, int]) -> str:
    env_id, agent = str(run["env_id"]), _preset(told.command) or str(run["agent"])
    head: dict[str, object] = {
        **({"license": told.licence} if told.licence else {}),
        "library_name": "foveate",
        "pipeline_tag": "reinforcement-learning",
        "tags": ["reinforcement-learning", "attention", "memory", "gymnasium", env_id, agent],
    }
    if figures is not None:
        metric = {"type": "score", "name": figures["score_name"], "value": rounded(figures["score"])}
        ends = [rounded(end) for end in figures["interval"]]
        how = {"interval": ends, "episodes": asked[0], "seed": asked[1]}
        result = {
            "task": {"type": "reinforcement-learning"},
            "dataset": {"name": env_id, "type": env_id, "split": figures["split"]},
            "metrics": [{**metric, "args": how}],
        }
        head["model-index"] = [{"name": told.name, "results": [result]}]
    return f"---\n{yaml.safe_dump(head, sort_keys=False, default_flow_style=None, width=110)}---\n"


def rounded(value: float) -> float:
    """A figure with as many digits as a card has."""
    return float(f"{value:.6g}")


def _what(told: Facts, run: Mapping[str, object]) -> str:
    env_id, preset = str(run["env_id"]), _preset(told.command)
    agent = f"`{preset}`: {presets.load(preset)['about']}" if preset else f"`{run['agent']}`"
    task = about(env_id)
    return f"- Agent {agent}\n- Environment `{env_id}`{': ' if task else ''}{task[:1].lower()}{task[1:]}\n"


def _how_well(told: Facts, figures: Figures) -> str:
    low, high = figures["interval"]
    name = figures["score_name"]
    lines = [
        f"| {figures['episodes']:,} episodes of the split `{figures['split']}` | {name} (95 % interval) |",
        "|---|---|",
        f"| **this agent** | **{figures['score']:.4g}** ({low:.4g} to {high:.4g}) |",
    ]
    world = world_class(figures["env_id"])
    certified = (figures["certified"] or {}) if world is not None else {}
    of_score = world is not None and world.scale is not None and world.scale.of_score
    if certified and not of_score:
        lines += ["", "| in the same episodes | mean return |", "|---|---|"]
        lines.append(f"| **this agent** | **{figures['mean_return']:.4g}** |")
    lines += [f"| `{who}`: {what} | {certified[who]:.4g} |" for who, what in EXPLAINED.items() if who in certified]
    better = "lower" if lower_is_better(figures["env_id"]) else "higher"
    lines += ["", f"Measured by `python evaluate.py {told.where}`. A {better} score is better."]
    if certified:
        lines.append("The other rows are certified by the environment itself at its default options.")
    if told.trainings:
        lines += ["", _seeds(told.trainings)]
    return "\n".join(lines) + "\n"


def _seeds(trainings: Trainings) -> str:
    where = f'table "{trainings.table}" of docs/results.md'
    scores, count = ", ".join(f"{score:.4g}" for score in trainings.scores), len(trainings.scores)
    if count == 1:
        return f"One training was measured ({where}: {scores}): how much luck there is in it isn't known."
    return (
        f"The {count} trainings by this command, each with a seed of its own, have test scores of {scores}: mean "
        f"**{sum(trainings.scores) / count:.4g}**, 95 % interval {trainings.low:.4g} to {trainings.high:.4g} "
        f"({where}). This one was the best of those that were there when it was shipped, on validation data."
    )


def _how_trained(told: Facts, run: Mapping[str, object]) -> str:
    progress = run.get("progress")
    seconds = progress.get("cpu_seconds") or progress.get("seconds") if isinstance(progress, dict) else None
    versions = run.get("versions")
    version = versions.get("foveate", __version__) if isinstance(versions, dict) else __version__
    lines = [f"    {told.command}\n"] if told.command else []
    facts = [f"seed {run.get('seed')}"] if run.get("seed") is not None else []
    facts += [f"{run['steps']:,} steps when these weights were kept"]
    facts += [f"{seconds / 60:.1f} minutes of one CPU core, evaluations included"] if seconds else []
    data = run.get("data_source")
    environment = run.get("env")
    data = data or (environment.get("data") if isinstance(environment, dict) else None)
    facts += [f"data: `{data}`"] if data else []
    facts += [f"foveate {version}"]
    return "\n".join([*lines, "; ".join(facts)[0].upper() + "; ".join(facts)[1:] + ".\n"])


def _use(told: Facts) -> str:
    return (
        f"    python evaluate.py {told.where}              # measures it as above; --help: films, saliency and more\n\n"
        "```python\nimport foveate\n\n"
        f'agent = foveate.agents.load("{told.where}")\n'
        "# agent.predict(observation, state, episode_start): as of any algorithm of Stable-Baselines3\n```\n"
    )
