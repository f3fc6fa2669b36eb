"""The registered ids as test parameters; one whose data are missing here is skipped, and says so."""

import importlib
from importlib import resources

import pytest
import yaml

from foveate.agents import presets
from foveate.envs import IDS, BatchWorld, multi
from foveate.envs.glimpse.data import DEBIAN_FASHION
from foveate.envs.memory import SequenceWorld
from foveate.envs.multi.parallel import ParallelTeamEnv
from foveate.envs.registration import family_ids
from foveate.envs.sequence import Passage
from foveate.introspect import constructor_options

# by its folder and not by whether it loads: where it is there and doesn't load, tests fail
no_fashion = pytest.mark.skipif(not DEBIAN_FASHION.exists(), reason="Fashion-MNIST is not on this machine")
ALL_IDS = [pytest.param(i, marks=no_fashion if "Fashion" in i else ()) for i in IDS]
GLIMPSE_IDS = [pytest.param(i, marks=no_fashion if "Fashion" in i else ()) for i in IDS if i.startswith("Glimpse/")]
PROBE_IDS = [i for i in IDS if i.startswith("Probe/")]


def world_class(env_id: str) -> type[BatchWorld]:
    """The world behind an id."""
    family, name = env_id.removesuffix("-v0").split("/")
    return getattr(importlib.import_module(f"foveate.envs.{family.lower()}"), name)


SEQUENCE_IDS = [i for i in IDS if issubclass(world_class(i), Passage)]
# what is shown and due is one stream, as of a running text, too
MEMORY_IDS = [i for i in IDS if i.startswith(("Memory/", "Sequence/")) and i not in SEQUENCE_IDS]


def known_to(env_id: str, options: dict) -> dict:
    """Those of these arguments that the world has."""
    known = constructor_options(world_class(env_id))
    return {name: value for name, value in options.items() if name in known}


# memory worlds that say their whole episodes at once; in the others what is shown or due depends on what was done
SCRIPTS = [i for i in MEMORY_IDS if issubclass(world_class(i), SequenceWorld)]

# arguments that make an episode short, for tests that must see many of them: where a default episode is long
_SHORT = {
    "Glimpse/Catch-v0": {"balls": 2, "size": 6},
    "Glimpse/HouseNumbers-v0": {"glimpses": 1, "max_digits": 2},
    "Memory/RepeatCopy-v0": {"max_length": 2, "max_repeats": 2},
    "Memory/DynamicNGrams-v0": {"bits": 9},
    "Memory/PrioritySort-v0": {"items": 4, "answers": 3},
    "Memory/Allocation-v0": {"sequences": 2, "length": 2},
    "Memory/Frames-v0": {"min_length": 2, "max_length": 4},
    "Memory/Completion-v0": {"max_load": 6, "width": 40},
    "Memory/AssociativeRecall-v0": {"max_items": 3, "vectors": 1},
    "Memory/RepeatPrevious-v0": {"steps": 8},
    "Memory/TMaze-v0": {"corridor": 1},
    "Memory/Tape-v0": {"min_length": 1, "max_length": 3},
    "Memory/ScratchPad-v0": {"max_digits": 2},
    "Memory/MiniShrdlu-v0": {"lesson": 3},
    "Memory/GraphTraversal-v0": {"lesson": 1},
    "Memory/ShortestPath-v0": {"lesson": 1, "planning": 1},
    "Memory/GraphInference-v0": {"lesson": 1},
    "Sequence/Translation-v0": {"min_length": 4, "max_length": 7},
    "Sequence/Caption-v0": {"min_things": 1, "max_things": 2, "cell": 32},
    "Sequence/Cloze-v0": {"min_length": 8, "max_length": 10, "min_facts": 1, "max_facts": 2},
    "Sequence/Dictionary-v0": {"min_length": 2, "max_length": 4},
    "Sequence/Document-v0": {"min_length": 1, "max_length": 3},
    "Sequence/Handwriting-v0": {"min_length": 1, "max_length": 2},
    "Sequence/ConvexHull-v0": {"min_length": 2, "max_length": 5},
    "Sequence/PenReading-v0": {"min_length": 1, "max_length": 2},
    "Sequence/Speech-v0": {"min_length": 1, "max_length": 1, "pause": 0},
    "Sequence/Stories-v0": {"min_events": 3, "max_events": 5},
    "Sequence/Text-v0": {"length": 12},
    "Sequence/Tokens-v0": {"min_length": 1, "max_length": 4},
    "Probe/Driving-v0": {"day": 12},
    "Probe/Catch-v0": {"balls": 1},
    "Probe/Distractors-v0": {"balls": 1},
}


def short(env_id: str) -> dict:
    """Arguments for short episodes."""
    if env_id in _SHORT:
        return _SHORT[env_id]
    return known_to(env_id, {"glimpses": 4, "max_digits": 2, "max_length": 4})


def playground(preset: str) -> tuple[str, list[str]]:
    """A world that a preset is for, and words that make its episodes short on the command line."""
    if presets.load(preset)["agent"] in ("attend", "pointer", "transcriber", "npi"):
        text = (resources.files(presets.__name__) / f"{preset}.yaml").read_text(encoding="utf-8")
        env_id = next(iter(yaml.safe_load(text)["environments"]))
        options = ((f"--env.{name.replace('_', '-')}", str(value)) for name, value in short(env_id).items())
        return env_id, [word for option in options for word in option]
    return "Glimpse/TranslatedDigits-v0", []


def parallel(env_id: str, **arguments: object) -> ParallelTeamEnv:
    """PettingZoo's environment of an id."""
    name = next(iter(family_ids("foveate.envs.multi")[env_id]))
    return getattr(multi, name).parallel_env(**arguments)
