"""One page an agent: its preset, class and options, its equations, pictures, figures and trained weights."""

import re
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from environment_pages import environments_of, path_of
from manual import manual
from marks import block, commands, options_table, plain, table
from measured import ROOT, figures, measured, zoo

from foveate.agents import agent_class, presets
from foveate.envs import IDS, MULTI_IDS
from foveate.introspect import constructor_options

DEFAULT_ENVIRONMENT = "Glimpse/TranslatedDigits-v0"
SPACES = ("observation_space", "action_space")  # given by the environment
GROUPS = {  # by the agent's class and the name of its page's group
    "Looking": ("ram", "random-glimpse", "dram", "soft-attention"),
    "The whole image": ("cnn", "mlp", "vit", "dueling"),
    "Memory": (
        "ntm",
        "dnc",
        "lstm",
        "gru",
        "transformer",
        "fast-weights",
        "pondering",
        "ponder-net",
        "hopfield",
        "npi",
    ),
    "Reading and writing": ("attend", "pointer", "transcriber"),
}


def pages() -> dict[str, bytes]:
    """All pages, by their paths within the site."""
    files = {f"agents/{name}.md": agent_page(name).encode() for name in presets.names()}
    files["agents/index.md"] = index_page().encode()
    return files


def index_page() -> str:
    """All presets, group by group."""
    parts = [
        "# Agents\n",
        "A preset is an agent with the options and the learner of a paper, or of our own trials: "
        "`python train.py ENVIRONMENT PRESET`. Every option can be changed.\n",
    ]
    grouped = {name: [p for p in presets.names() if presets.load(p)["agent"] in GROUPS[name]] for name in GROUPS}
    known = {name for names in grouped.values() for name in names}
    grouped["Others"] = [name for name in presets.names() if name not in known]
    for group, names in grouped.items():
        if not names:
            continue
        rows = [[f"[{name}](/agents/{name}.md)", plain(presets.load(name)["about"])] for name in names]
        toctree = "\n".join(f"/agents/{name}" for name in names)
        parts += [f"## {group}\n", table(["preset", "what it is"], rows), block("{toctree}", f":hidden:\n\n{toctree}")]
    return "\n".join([*parts, *the_zoo()])


def the_zoo() -> list[str]:
    """All agents that come trained with the package."""
    rows = [
        [
            f"`zoo/{agent.name}`",
            f"[{agent.preset}](/agents/{agent.preset}.md)",
            _environment(agent.env_id),
            agent.figure,
        ]
        for agent in zoo()
    ]
    text = (
        "These come trained with the package: `zoo/NAME` stands for a run in every command and in "
        "`foveate.agents.load`, wherever you are. Each has a model card with its command, its seeds and its limits; "
        "`make zoo-check` plays all of them again.\n"
    )
    head = ["weights", "preset", "environment", "test score (95 % interval)"]
    return ["## The zoo\n", text, table(head, rows)]


def agent_page(name: str) -> str:
    """The page of a preset."""
    preset = presets.load(name)
    cls = agent_class(preset["agent"])
    text = manual(cls)
    about = preset["about"]
    parts = [f"# {name}\n", plain(about[0].upper() + about[1:]) + ".\n", "## Source\n", plain(preset["source"]) + ".\n"]
    parts += [use(name)]
    for picture in pictures_of(name):
        parts += [f"![{picture.alt}](/{picture.file})\n", f"*Made by* `{picture.command}`.\n"]
    for title, body in equations().items():
        if name in presets_named(body):
            parts += [f"## Equations: {title}\n", without_presets(body)]
    parts += [f"## The agent `{preset['agent']}`\n", text.summary + "\n", text.about + "\n"]
    if "Source" in text.sections:
        parts += [text.sections["Source"].text + "\n"]
    options = [option for option in constructor_options(cls).values() if option.name not in SPACES]
    changed = "On the command line each is `--agent.NAME`. Bold is what the preset sets.\n"
    parts += ["### Options\n", changed, options_table(options, preset["agent_options"])]
    written = (resources.files(presets.__name__) / f"{name}.yaml").read_text(encoding="utf-8")
    parts += ["### Preset\n", f"`agents/presets/{name}.yaml`, all of it:\n", block("yaml", written)]
    rows = [row for row in measured() if row["preset"] == name]
    if rows:
        parts += ["## Measured\n", "Means over seeds; at more length in [Results](/results.md).\n", figures(rows, "/")]
    parts += trained(name)
    return "\n".join(parts)


def use(name: str) -> str:
    """What it is for, and how it is trained there."""
    ids = [env_id for env_id in environments_of(name) if env_id in [*IDS, *MULTI_IDS]]
    ids += [row["env_id"] for row in measured() if row["preset"] == name]
    ids = [env_id for env_id in dict.fromkeys(ids) if env_id in [*IDS, *MULTI_IDS]]
    parts = ["## Use\n", commands(f"python train.py {(ids or [DEFAULT_ENVIRONMENT])[0]} {name} --seed 1")]
    if ids:
        links = ", ".join(f"[`{env_id}`](/{path_of(env_id)}.md)" for env_id in ids)
        parts += [f"Set up for or measured in: {links}.\n"]
    return "\n".join(parts)


def trained(name: str) -> list[str]:
    """Its agents in the zoo."""
    agents = sorted((a for a in zoo() if a.preset == name), key=lambda a: a.env_id.startswith("ALE/"))  # an extra
    if not agents:
        return []
    rows = [[f"`zoo/{a.name}`", _environment(a.env_id), a.figure, f"`{a.command}`"] for a in agents]
    first = agents[0].name
    code = f'import foveate\n\nagent = foveate.agents.load("zoo/{first}")'
    line = f"python evaluate.py zoo/{first} --episodes 100"
    head = ["weights", "environment", "test score", "trained by"]
    return ["## Trained weights\n", table(head, rows), block("python", code), commands(line)]


def _environment(env_id: str) -> str:
    return f"[`{env_id}`](/{path_of(env_id)}.md)" if env_id in [*IDS, *MULTI_IDS] else f"`{env_id}`"


class Picture(NamedTuple):
    """A picture of docs/pictures.md.

    Attributes:
        file: within the site.
        command: that makes it.
        alt: what it is, in a word.
    """

    file: str
    command: str
    alt: str


def pictures_of(preset: str) -> list[Picture]:
    """The pictures whose command, as docs/pictures.md gives it, plays or trains this preset."""
    found = []
    for line in (ROOT / "docs" / "pictures.md").read_text(encoding="utf-8").splitlines():
        match = re.match(r"\| `docs/([\w./-]+\.png)` \| (.*) \|$", line)
        if match and re.search(rf"zoo/\w+-{preset}\b(?!-)|-v0 {preset}\b(?!-)", match[2]):
            command = re.findall(r"`([^`]+)`", match[2])[0]
            found.append(Picture(match[1], command, Path(match[1]).stem.replace("-", " ")))
    return found


def equations() -> dict[str, str]:
    """The sections of docs/equations.md by their titles."""
    page = ROOT / "docs" / "equations.md"
    parts = re.split(r"^## (.*)\n", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def presets_named(section: str) -> list[str]:
    """The presets that a section of the equations is for: its line of names in code."""
    match = re.search(r"^Presets: (.*)$", section, re.MULTILINE)
    return re.findall(r"`([\w-]+)`", match[1]) if match else []


def without_presets(section: str) -> str:
    """A section without the line that names its presets."""
    return re.sub(r"^Presets: .*\n", "", section, flags=re.MULTILINE).strip() + "\n"
