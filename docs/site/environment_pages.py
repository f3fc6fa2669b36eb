"""One page an environment, from its class, its registration and what was measured in it."""

import contextlib
from fnmatch import fnmatchcase
from importlib import resources
from typing import Any

import gymnasium as gym
import yaml
from gymnasium import spaces
from manual import SECTIONS, Manual, manual
from marks import block, commands, file_name, options_table, table
from measured import figures, measured, zoo
from world_pictures import film

from foveate.agents import presets
from foveate.envs import IDS, MULTI_IDS
from foveate.envs.registration import family_ids
from foveate.envs.registry import world_class
from foveate.errors import FoveateError
from foveate.introspect import constructor_options

FAMILIES = {
    "Glimpse": "Worlds that are seen through a moving retina.",
    "Memory": "Worlds that must be remembered.",
    "Sequence": "Passages that are read, and something is written about them.",
    "Probe": "Games of which it is known what matters.",
    "Multi": "Worlds of several agents.",
}
POLICIES = {
    "oracle": "an oracle, which may look at the truth",
    "unaligned": "the best policy that knows what there is to see, but not where",
    "memoryless": "the best policy that sees the present moment only",
    "blind": "the best policy that never looks",
    "random": "uniformly random actions",
}
# what learns in a family, where no preset names the environment
USUAL = {"Glimpse": "ram", "Memory": "ntm", "Sequence": "transformer", "Probe": "dueling", "Multi": "ram"}


def pages() -> dict[str, bytes]:
    """All pages and films, by their paths within the site."""
    files: dict[str, bytes] = {}
    for env_id in [*IDS, *MULTI_IDS]:
        with contextlib.suppress(FoveateError):  # its data are not on this machine; the page says which it wants
            files[f"{path_of(env_id)}.gif"] = film(env_id)
    filmed = {env_id for env_id in [*IDS, *MULTI_IDS] if f"{path_of(env_id)}.gif" in files}
    for env_id in [*IDS, *MULTI_IDS]:
        files[f"{path_of(env_id)}.md"] = environment_page(env_id, env_id in filmed).encode()
    for family in FAMILIES:
        files[f"environments/{family.lower()}/index.md"] = family_page(family, filmed).encode()
    files["environments/index.md"] = index_page().encode()
    return files


def path_of(env_id: str) -> str:
    """Where an environment's page is, without the end of its name."""
    family, name = env_id.removesuffix("-v0").split("/")
    return f"environments/{family.lower()}/{file_name(name)}"


def index_page() -> str:
    """The families, each with its environments."""
    families = "\n".join(f"{family.lower()}/index" for family in FAMILIES)
    parts = ["# Environments\n", "Each page is made of the environment's own docstring, registration and figures.\n"]
    parts += [block("{toctree}", f":hidden:\n\n{families}")]
    for family, about in FAMILIES.items():
        rows = [[f"[{i}](/{path_of(i)}.md)", manual(world_class(i)).summary] for i in ids_of(family)]
        parts += [f"## [{family}]({family.lower()}/index.md)\n", about + "\n", table(["id", "task"], rows)]
    return "\n".join(parts)


def family_page(family: str, filmed: set[str]) -> str:
    """A family's environments, each with its film.

    Args:
        family: its name.
        filmed: the ids of which there is a film.
    """
    ids = ids_of(family)
    films = [f"![an episode of {i}](/{path_of(i)}.gif){{width=180px}}" if i in filmed else "" for i in ids]
    rows = [
        [picture, f"[{i}](/{path_of(i)}.md)<br>{manual(world_class(i)).summary}"]
        for i, picture in zip(ids, films, strict=True)
    ]
    parts = [f"# {family}\n", FAMILIES[family] + "\n", table(["an episode", "environment"], rows)]
    parts += [block("{toctree}", ":hidden:\n\n" + "\n".join(f"/{path_of(env_id)}" for env_id in ids))]
    return "\n".join(parts)


def ids_of(family: str) -> list[str]:
    """A family's ids."""
    return [env_id for env_id in [*IDS, *MULTI_IDS] if env_id.startswith(f"{family}/")]


def environment_page(env_id: str, filmed: bool) -> str:
    """The page of an environment.

    Args:
        env_id: of the environment.
        filmed: whether there is a film of it.
    """
    world = world_class(env_id)
    text = manual(world, lambda name: page_of_class(env_id, name))
    film_name = path_of(env_id).rpartition("/")[2] + ".gif"
    parts = [f"# {env_id}\n", text.summary + "\n"]
    if filmed:
        parts += [f"![an episode of {env_id}]({film_name})\n", "*An episode, played by the oracle.*\n"]
    parts += [text.about + "\n", "## Use\n", use(env_id), "## Spaces\n", spaces_table(env_id)]
    for name in SECTIONS:
        if name in text.sections and name not in ("Observation space", "Action space"):
            parts += section(name, text, world)
        elif name == "Action space":
            parts += [part for each in ("Observation space", "Action space") for part in section(each, text, world)]
            parts += ["## Arguments\n", arguments(world)]
            parts += [*scores(world), *sizes(world)]
    rows = [row for row in measured() if row["env_id"] == env_id]
    if rows:
        parts += ["## Measured\n", "Means over seeds; at more length in [Results](/results.md).\n", figures(rows, "/")]
    return "\n".join(parts)


def section(name: str, text: Manual, world: type) -> list[str]:
    """A section of the manual, which says so where it is inherited."""
    if name not in text.sections:
        return []
    body, home = text.sections[name]
    inherited = "" if home is world else f"*As in `{home.__name__}`:* "
    return [f"### {name}\n", inherited + body + "\n"]


def use(env_id: str) -> str:
    """How it is made, trained for and measured in."""
    teams = env_id in MULTI_IDS
    if teams:
        name = next(iter(family_ids("foveate.envs.multi")[env_id]))
        code = f"""
import gymnasium as gym
from foveate.envs.multi import {name}

worlds = gym.make_vec("{env_id}", num_envs=16)  # a row an agent
env = {name}.parallel_env(render_mode="rgb_array")  # PettingZoo's
observations, infos = env.reset(seed=0)
"""
    else:
        code = f"""
import foveate, gymnasium as gym

env = gym.make("{env_id}", render_mode="rgb_array")
observation, info = env.reset(seed=0)
worlds = gym.make_vec("{env_id}", num_envs=16)  # a native vector environment
"""
    chosen = learners_of(env_id)
    lines = [f"python train.py {env_id} {preset} --seed 1" for preset in chosen[:1] or [USUAL[env_id.split("/")[0]]]]
    lines += [f"python evaluate.py zoo/{each.name} --episodes 100" for each in zoo() if each.env_id == env_id]
    links = ", ".join(f"[`{preset}`](/agents/{preset}.md)" for preset in chosen)
    lines += [] if teams else [f"python evaluate.py play {env_id}"]
    return "\n".join([block("python", code), commands(*lines), f"Presets for it: {links}.\n" if links else ""])


def learners_of(env_id: str) -> list[str]:
    """Presets that name the environment or were measured in it, the most measured first."""
    rows = [row["preset"] for row in measured() if row["env_id"] == env_id]
    named = [name for name in presets.names() if any(fnmatchcase(env_id, known) for known in environments_of(name))]
    both = dict.fromkeys([*sorted(rows, key=rows.count, reverse=True), *named])
    return [name for name in both if name in presets.names()]


def environments_of(preset: str) -> dict[str, Any]:
    """What a preset says of environments, by id or pattern."""
    text = (resources.files(presets.__name__) / f"{preset}.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text).get("environments", {})


def spaces_table(env_id: str) -> str:
    """What is seen and done, part by part, at default arguments."""
    if env_id in MULTI_IDS:
        env = gym.make_vec(env_id, num_envs=1)
        pairs = [("observation", env.single_observation_space), ("action", env.single_action_space)]
    else:
        env = gym.make(env_id)
        pairs = [("observation", env.observation_space), ("action", env.action_space)]
    rows = []
    for name, space in pairs:
        parts = space.spaces.items() if isinstance(space, spaces.Dict) else [("", space)]
        rows += [[f"{name} `{part}`" if part else name, f"`{_space(inner)}`"] for part, inner in parts]
    env.close()
    return table(["", "space at default arguments"], rows)


def _space(space: spaces.Space) -> str:
    return " ".join(str(space).split())


def arguments(world: type) -> str:
    """The constructor's arguments."""
    return "On the command line each is `--env.NAME`.\n\n" + options_table(constructor_options(world).values())


def scores(world: Any) -> list[str]:
    """The certified scale."""
    scale = world.scale
    if scale is None:
        return []
    known = [(name, getattr(scale, name, None)) for name in POLICIES]
    rows = [[POLICIES[name], f"{c.mean:.4g}", f"± {c.tolerance:.2g}"] for name, c in known if c is not None]
    better = "less is better" if world.lower_is_better else "more is better"
    said = "Mean returns of policies at default arguments; a test replays them. "
    said += f"`info['score']` counts: {world.score_name} ({better}).\n"
    return ["## Certified scores\n", said, table(["policy", "return", "tolerance"], rows)]


def sizes(world: Any) -> list[str]:
    """Named splits and lessons."""
    parts = []
    splits = getattr(world, "splits", None)
    if isinstance(splits, dict):
        same = ["`validation`, `test`", "fresh episodes of the sizes of `train`"]
        rows = [[f"`{name}`", _assignments(changed)] for name, changed in splits.items()]
        parts += [
            "## Splits\n",
            "`split=NAME`, or `--env.split NAME`.\n",
            table(["split", "sets"], [rows[0], same, *rows[1:]]),
        ]
    lessons = getattr(world, "lessons", None)
    if lessons:
        rows = [[i, _assignments(changed)] for i, changed in enumerate(lessons, 1)]
        parts += ["## Lessons\n", "`--curriculum` goes from lesson to lesson.\n", table(["lesson", "sets"], rows)]
    return parts


def _assignments(changed: Any) -> str:
    return ", ".join(f"`{name}={value}`" for name, value in dict(changed).items())


def page_of_class(env_id: str, name: str) -> str | None:
    """The page of the environment that a docstring of another names, if it is in the same family."""
    other = f"{env_id.split('/')[0]}/{name}-v0"
    return f"/{path_of(other)}.md" if other in [*IDS, *MULTI_IDS] and other != env_id else None
