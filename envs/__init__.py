"""Worlds. They know nothing of agents; importing this package registers them with Gymnasium."""

import importlib
from typing import Any

from . import forks
from .registration import register_family

forks.guard()

# each world's name, and the module of its family that defines it
IDS = [
    *register_family(
        "Glimpse",
        f"{__name__}.glimpse",
        {
            "Digits": "tasks",
            "TranslatedDigits": "tasks",
            "ClutteredDigits": "tasks",
            "ClutteredDigits100": "tasks",
            "Fashion": "tasks",
            "Catch": "catch",
            "DigitPairs": "pairs",
            "AddDigits": "pairs",
            "HouseNumbers": "house_numbers",
            "Fur": "fur",
            "FindEight": "search",
        },
        bases={"GazeWorld": "gaze", "Classification": "classification"},
    ),
    *register_family(
        "Memory",
        f"{__name__}.memory",
        {
            "Copy": "copying",
            "ReverseCopy": "copying",
            "RepeatCopy": "copying",
            "AssociativeRecall": "recall",
            "DynamicNGrams": "ngrams",
            "PrioritySort": "sorting",
            "Allocation": "copying",
            "Completion": "completion",
            "Frames": "frames",
            "Arithmetic": "arithmetic",
            "Parity": "logic",
            "Logic": "logic",
            "Sort": "sorting",
            "Tape": "tape",
            "ScratchPad": "scratch_pad",
            "MiniShrdlu": "mini_shrdlu",
            "TMaze": "tmaze",
            "RepeatPrevious": "previous",
            "GraphTraversal": "graph_tasks",
            "ShortestPath": "graph_tasks",
            "GraphInference": "inference",
            "Underground": "named_graphs",
            "UndergroundShortestPath": "named_graphs",
            "FamilyTree": "named_graphs",
        },
        bases={"AnswerWorld": "script", "SequenceWorld": "script", "Script": "script", "GraphWorld": "graph_world"},
    ),
    *register_family(
        "Probe",
        f"{__name__}.probe",
        {"Driving": "driving", "Catch": "catch", "Distractors": "catch"},
        bases={"GameWorld": "game", "Intervention": "game"},
    ),
    *register_family(
        "Sequence",
        f"{__name__}.sequence",
        {
            "Translation": "translation",
            "Caption": "caption",
            "Cloze": "cloze",
            "ConvexHull": "convex_hull",
            "Dictionary": "lookup",
            "Document": "document",
            "Handwriting": "handwriting",
            "PenReading": "pen_reading",
            "Speech": "speech",
            "Stories": "stories",
            "Text": "text",
            "Tokens": "tokens",
        },
        bases={
            "Passage": "passage",
            "Passages": "passage",
            "NumberPassage": "numbers",
            "PenPassage": "pen_passage",
            "PicturePassage": "picture_passage",
            "Transcript": "transcript",
        },
    ),
]
MULTI_IDS = register_family(
    "Multi",
    f"{__name__}.multi",
    {
        "SharedGaze": "shared_gaze",
        "CocktailParty": "cocktail_party",
        "SpeakerListener": "speaker_listener",
        "HideAndSeek": "hide_and_seek",
    },
    teams=True,
)

# the public names, each imported at its first use
_HOMES = {
    "BatchWorld": "batch",
    "env_classes": "gym_env",
    "register_world": "registration",
    "ScoreScale": "scale",
    "Certified": "scale",
    "CounterRNG": "counter_rng",
    "TaskDataset": "dataset",
    "Episodes": "episodes",
}
_RENAMED = {"faces": "envs.gym_env:env_classes", "Draws": "envs.counter_rng:CounterRNG"}  # since 0.2


_FAMILIES = ("glimpse", "memory", "multi", "probe", "sequence")
_PUBLIC = ["IDS", "MULTI_IDS", *_HOMES, *_FAMILIES]


def __getattr__(name: str) -> Any:
    if name in _FAMILIES:
        return importlib.import_module(f".{name}", __name__)
    from ..moved import moved, public

    if name in _HOMES:
        return public(__name__, name, _HOMES)
    return moved(__name__, name, _RENAMED)


def __dir__() -> list[str]:
    return sorted(_PUBLIC)
