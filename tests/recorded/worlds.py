"""Seeded random play in every registered environment, through every face, with some options of each family."""

from collections.abc import Callable, Iterator
from functools import partial

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from ids import short

from foveate.envs import IDS, MULTI_IDS
from foveate.tree import Tree

from .digest import Entries, Record

STEPS, WORLDS = 24, 3
# steps until an episode ends, where a whole map is told first or balls fall from high
LONG = {
    "Memory/Underground-v0": 420,
    "Memory/UndergroundShortestPath-v0": 420,
    "Memory/FamilyTree-v0": 420,
    "Probe/Distractors-v0": 60,
}
LOOKING: list[dict] = [
    {"ready": True, "price": 0.01, "zoom": True},
    {"view": "image", "reward": "every", "glimpses": 2, "augment": 0.25},
    {
        "location": "tiles",
        "tiles": 4,
        "overview": 8,
        "first": "centre",
        "split": "test",
        "order": "each",
        "glimpses": 3,
    },
    {"clutter": 2, "noise": 0.1, "contrast": 0.8, "split": "validation", "reach": 0.3, "scales": 2},
]
_GRAPHS: list[dict] = [{"lesson": 3}, {"lesson": 2, "reward": "whole"}, {"split": "test"}]
_RANDOM: list[dict] = [{"reward": "whole"}, {"split": "validation"}, {"split": "test"}]
VARIANTS: dict[str, list[dict]] = {
    "Glimpse/Catch-v0": [
        {"view": "image", "size": 6, "balls": 2, "drift": 0},
        {"zoom": True, "location": "tiles", "size": 8, "overview": 4},
    ],
    "Glimpse/HouseNumbers-v0": [
        {"view": "image", "glimpses": 1, "max_digits": 2},
        {"zoom": True, "answer": "whole", "max_digits": 3, "reward": "every"},
        {"location": "tiles", "overview": 16, "split": "test", "width": 120, "augment": 0.2, "clutter": 2},
    ],
    "Glimpse/Fur-v0": [
        {"view": "image", "spurious": 0.5, "size": 56, "glimpses": 2},
        {"zoom": True, "ready": True, "price": 0.01, "split": "validation"},
        {"location": "tiles", "overview": 8, "split": "test", "reward": "every"},
    ],
    "Glimpse/FindEight-v0": [
        {"view": "image", "search": "feature", "ready": False, "glimpses": 2},
        {"answer": "place", "price": 0.01, "zoom": True, "max_characters": 9},
        {"location": "tiles", "overview": 8, "split": "test-64", "first": "random", "reward": "every", "glimpses": 3},
    ],
    "Memory/DynamicNGrams-v0": [{"context": 3, "bits": 12}, {"split": "test"}],
    "Memory/Parity-v0": [{"per_step": 1, "bits": 5}, {"split": "test"}],
    "Memory/ScratchPad-v0": [
        {"calls": False, "reward": "whole", "max_digits": 1},
        {"view": "whole", "split": "test-20"},
        {"lesson": 2, "calls": False, "view": "whole"},
    ],
    "Memory/MiniShrdlu-v0": [{"lesson": 6}, {"goals": 2, "blocks": 3, "reward": "whole", "moves": 4}],
    "Memory/Frames-v0": [
        {"view": "whole", "cue": "frame", "min_length": 2, "max_length": 5, "reward": "edit"},
        {"view": "glimpse", "looks": 2},
        {"split": "test-24", "cue": "frame"},
    ],
    "Memory/Completion-v0": [
        {"width": 20, "damage": 0.2, "reward": "whole"},
        {"mode": "erase", "split": "test-14", "width": 30},
        {"mode": "hetero", "width": 9, "patterns": 4},
        {"data": "mnist", "mode": "erase", "patterns": 5, "split": "test"},
    ],
    "Memory/Tape-v0": [
        *({"task": task, "min_length": 1, "max_length": 3} for task in ("copy", "duplicated", "repeat")),
        {"split": "test"},
    ],
    "Memory/TMaze-v0": [{"corridor": 3}, {"split": "test"}],
    "Memory/RepeatPrevious-v0": [{"k": 2, "symbols": 3, "steps": 6, "reward": "whole"}, {"split": "test"}],
    "Memory/AssociativeRecall-v0": [{"width": 3, "vectors": 2, "max_items": 3}, *_RANDOM],
    "Memory/Arithmetic-v0": [{"min_digits": 2, "max_digits": 3}, *_RANDOM],
    "Memory/Logic-v0": [{"gates": 4, "max_length": 3}, *_RANDOM],
    "Memory/GraphTraversal-v0": _GRAPHS,
    "Memory/ShortestPath-v0": [{"lesson": 2, "planning": 2}, {"lesson": 3, "reward": "whole"}],
    "Memory/GraphInference-v0": [*_GRAPHS, {"lesson": 6}],
    "Memory/Underground-v0": [{"path": 2, "reward": "whole"}],
    "Memory/UndergroundShortestPath-v0": [{"path": 3, "planning": 2}],
    "Memory/FamilyTree-v0": [{"path": 2}],
    "Sequence/Translation-v0": [
        {"view": "whole", "agreement": True, "min_length": 5, "max_length": 9, "reward": "edit"},
        {"view": "glimpse", "looks": 2, "min_length": 4, "max_length": 5},
        {"view": "whole", "split": "test-20", "reward": "whole"},
    ],
    "Sequence/Caption-v0": [
        {"view": "whole", "min_things": 3, "max_things": 4, "reward": "edit"},
        {"view": "glimpse", "looks": 2, "cell": 16, "min_things": 1, "max_things": 2},
        {"view": "whole", "split": "test-5", "reward": "whole"},
    ],
    "Sequence/Cloze-v0": [
        {"view": "whole", "min_length": 12, "max_length": 20, "min_facts": 2, "max_facts": 4, "reward": "edit"},
        {"view": "glimpse", "looks": 2, "renumber": False, "strewn": True},
        {"view": "whole", "split": "test-200"},
        {"view": "whole", "answer": "span", "max_length": 60},
    ],
    "Sequence/Dictionary-v0": [
        {"view": "whole", "min_length": 3, "max_length": 12, "reward": "edit"},
        {"view": "glimpse", "looks": 2},
        {"view": "whole", "split": "test-5", "reward": "whole"},
    ],
    "Sequence/Document-v0": [
        {"view": "whole", "min_length": 2, "max_length": 12, "reward": "edit"},
        {"view": "glimpse", "looks": 2},
        {"view": "whole", "split": "test-20", "reward": "whole"},
    ],
    "Sequence/ConvexHull-v0": [
        {"view": "whole", "min_length": 3, "max_length": 6, "reward": "edit"},
        {"view": "glimpse", "looks": 2, "min_length": 3, "max_length": 4},
        {"view": "whole", "task": "sort", "split": "test-15", "reward": "whole"},
    ],
    "Sequence/PenReading-v0": [
        {"view": "whole", "min_length": 2, "max_length": 3, "reward": "edit"},
        {"view": "glimpse", "looks": 2, "min_length": 1, "max_length": 2},
        {"dots": "at once", "confusable": False, "split": "test-5", "reward": "whole"},
    ],
    "Sequence/Speech-v0": [
        {"view": "whole", "min_length": 1, "max_length": 2, "reward": "edit"},
        {"view": "glimpse", "looks": 2, "min_length": 1, "max_length": 1},
        {"view": "whole", "answer": "string", "split": "test-4"},
    ],
    "Sequence/Handwriting-v0": [
        {"view": "whole", "min_length": 2, "max_length": 4, "reward": "whole"},
        {"view": "glimpse", "looks": 2, "text": "on it"},
        {"dots": "late", "hands": "one", "split": "test-8"},
    ],
    "Sequence/Stories-v0": [
        {"task": "list", "view": "whole", "distractors": 3, "reward": "edit"},
        {"task": "three", "view": "glimpse", "looks": 2},
        {"task": "two"},
        {"task": "count", "view": "whole", "split": "test-20"},
        {"task": "yes-no", "view": "whole"},
    ],
    "Sequence/Text-v0": [{"names": 3, "markup": True, "length": 60}, {"names": 0, "length": 20, "reward": "whole"}],
    "Sequence/Tokens-v0": [
        {"task": "add", "view": "whole", "min_length": 4, "max_length": 9, "reward": "edit"},
        {"task": "reverse", "view": "glimpse", "looks": 2},
        {"task": "sort", "view": "whole", "split": "test-24", "reward": "whole"},
        {"task": "add"},
    ],
    "Probe/Driving-v0": [{"day": 8, "goal": 3, "stack": 1}],
    "Probe/Catch-v0": [{"balls": 1, "drift": 0, "stack": 2}],
    "Probe/Distractors-v0": [{"balls": 1, "stack": 1}],
    "Multi/SharedGaze-v0": [
        {"agents": 3, "location": "tiles", "zoom": True, "reward": "every", "price": 0.01},
        {"parts": 3, "channel": 4, "clutter": 2, "first": "centre", "split": "test", "glimpses": 3},
    ],
    "Multi/CocktailParty-v0": [
        {"listeners": 3, "questions": 2, "choose": False},
        {"speakers": 3, "words": 2, "questions": 2},
    ],
    "Multi/SpeakerListener-v0": [{"pictures": 2, "clutter": 1, "size": 32, "noise": 0.1}, {"looks": 1, "channel": 4}],
    "Multi/HideAndSeek-v0": [{"budget": 2, "zoom": True}, {"grid": 4, "location": "tiles", "glimpses": 2}],
}


def variants(env_id: str) -> list[dict]:
    """Options beside the short episodes of `ids`."""
    if env_id in VARIANTS:
        return VARIANTS[env_id]
    return LOOKING if env_id.startswith("Glimpse/") else _RANDOM


def toys() -> dict[str, np.ndarray]:
    """Images of our own, for an id whose data are not on every machine."""
    pixels = np.arange(120 * 28 * 28) % 251
    return {"images": pixels.reshape(120, 28, 28).astype(np.uint8), "labels": np.arange(120) % 10}


def advised(space: spaces.Space, action: Tree, info: dict, turn: int) -> Tree:
    """Two of three times what the world says would be right, so that rewards come; else the action as it is."""
    if "target" not in info or turn % 3 == 0:
        return action
    target = info["target"]
    if not isinstance(space, spaces.Dict):
        return target
    right = target if isinstance(target, dict) else {"label": target}
    return {**action, **{name: value for name, value in right.items() if name in action}}


def play(
    env: gym.Env | gym.vector.VectorEnv, steps: int = STEPS, seed: int = 7, frames: int = 0, heed: bool = True
) -> Entries:
    """Digests of what random play brings.

    Args:
        env: a single or a vector environment.
        steps: how many; a single environment begins anew where an episode ends.
        seed: of the first episode.
        frames: a frame is kept each so many steps; 0 keeps none.
        heed: often do what the world says would be right.
    """
    record = Record()
    env.action_space.seed(seed)
    seen, info = env.reset(seed=seed)
    record.add_moment(observation=seen, info=info)
    for step in range(steps):
        action = env.action_space.sample()
        action = advised(env.action_space, action, info, step) if heed else action
        seen, reward, terminated, truncated, info = env.step(action)
        if frames and step % frames == 0:
            record.add("frame", np.asarray(env.render()))
        record.add_moment(observation=seen, reward=reward, terminated=terminated, truncated=truncated, info=info)
        if not hasattr(env, "num_envs") and (terminated or truncated):
            seen, info = env.reset()
            record.add_moment(observation=seen, info=info)
    return record.entries()


def single(env_id: str, **options: object) -> Entries:
    """Random play in one world, with some of its frames."""
    return play(gym.make(env_id, render_mode="rgb_array", **options), STEPS // 2, frames=STEPS // 4)


def vector(env_id: str, mode: str, options: dict, steps: int = STEPS) -> Entries:
    """Random play in a few worlds at once: tensors where episodes begin anew at the same step, else arrays."""
    output = {"output": "torch"} if mode == "SameStep" else {}
    return play(gym.make_vec(env_id, num_envs=WORLDS, autoreset_mode=mode, **output, **options), steps)


def runs(env_id: str) -> Iterator[tuple[str, Callable[[], Entries]]]:
    """Every way in which an environment is played, by a name that says so."""
    data = toys() if "Fashion" in env_id else {}
    first = {**(short(env_id) if env_id in IDS else {}), **data}
    told = {"relevance": True} if env_id in IDS or "Gaze" in env_id else {}
    if env_id in IDS:
        yield f"{env_id} single", partial(single, env_id, **told, **first)
    yield f"{env_id} SameStep", partial(vector, env_id, "SameStep", {**told, **first}, LONG.get(env_id, STEPS))
    yield f"{env_id} NextStep", partial(vector, env_id, "NextStep", first)
    for number, options in enumerate(variants(env_id)):
        mode = ("SameStep", "NextStep")[number % 2]
        words = " ".join(f"{name}={value}" for name, value in options.items())
        ending = env_id.startswith("Memory/") and "reward" in options  # it comes at the end of an episode
        options = {**first, **options} if ending else {**options, **data}
        yield (
            f"{env_id} {mode} {words}",
            partial(vector, env_id, mode, options, LONG.get(env_id, STEPS) if ending else STEPS),
        )


def parallel(name: str) -> Entries:
    """PettingZoo's face of a world of several agents."""
    from foveate.envs import multi

    env = getattr(multi, name).parallel_env(render_mode="rgb_array")
    record = Record()
    for agent in env.possible_agents:
        env.action_space(agent).seed(5)
    seen, info = env.reset(seed=5)
    record.add_moment(observation=seen, info=info, state=env.state(), frame=env.render())
    while env.agents:
        seen, reward, terminated, truncated, info = env.step({a: env.action_space(a).sample() for a in env.agents})
        record.add_moment(observation=seen, reward=reward, ended=terminated, cut=truncated, info=info)
    return record.entries()


CASES: dict[str, Callable[[], Entries]] = {
    **{name: run for env_id in [*IDS, *MULTI_IDS] for name, run in runs(env_id)},
    **{
        f"parallel {name}": partial(parallel, name)
        for name in ("shared_gaze_v0", "cocktail_party_v0", "speaker_listener_v0", "hide_and_seek_v0")
    },
}
