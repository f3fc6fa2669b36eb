"""Worlds. They know nothing of agents; importing this package registers them with Gymnasium."""

import importlib
import warnings
from typing import Any

import gymnasium as gym

_FAMILIES = {
    "Glimpse": (
        "glimpse",
        [
            "Digits",
            "TranslatedDigits",
            "ClutteredDigits",
            "ClutteredDigits100",
            "Fashion",
            "Catch",
            "DigitPairs",
            "AddDigits",
            "HouseNumbers",
        ],
    ),
    "Memory": (
        "memory",
        [
            "Copy",
            "ReverseCopy",
            "RepeatCopy",
            "AssociativeRecall",
            "DynamicNGrams",
            "PrioritySort",
            "Allocation",
            "Arithmetic",
            "Parity",
            "Logic",
            "Sort",
            "Tape",
            "TMaze",
            "RepeatPrevious",
            "GraphTraversal",
            "ShortestPath",
            "GraphInference",
            "Underground",
            "UndergroundShortestPath",
            "FamilyTree",
        ],
    ),
    "Probe": ("probe", ["Driving", "Catch", "Distractors"]),
}
# worlds of several agents, which have no single face
_TEAMS = ["SharedGaze", "CocktailParty", "SpeakerListener", "HideAndSeek"]
IDS = [f"{family}/{name}-v0" for family, (_, names) in _FAMILIES.items() for name in names]
MULTI_IDS = [f"Multi/{name}-v0" for name in _TEAMS]


def register_all() -> None:
    """Register every environment; by name only, so that nothing is imported before it is made."""
    for family, (folder, names) in {**_FAMILIES, "Multi": ("multi", _TEAMS)}.items():
        module = f"{__name__}.{folder}"
        for name in names:
            if f"{family}/{name}-v0" not in gym.registry:
                gym.register(
                    f"{family}/{name}-v0",
                    entry_point=f"{module}:{'no_single_face' if family == 'Multi' else f'{name}Env'}",
                    vector_entry_point=f"{module}:{name}VectorEnv",
                )


# the public names, each imported at its first use
_HOMES = {
    "BatchWorld": "batch",
    "env_classes": "gym_env",
    "ScoreScale": "scale",
    "Certified": "scale",
    "CounterRNG": "counter_rng",
    "TaskDataset": "dataset",
}
_RENAMED = {"faces": "env_classes", "Draws": "CounterRNG"}  # since 0.2


def __getattr__(name: str) -> Any:
    if name in _RENAMED:
        warnings.warn(f"foveate.envs.{name} is now foveate.envs.{_RENAMED[name]}.", DeprecationWarning, stacklevel=2)
        name = _RENAMED[name]
    if name in _HOMES:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
