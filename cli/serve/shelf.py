"""The agents that a page may show: those of the zoo and the runs of the command line, and no other path."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from ...agents import Algorithm, load
from ...agents.learning import checkpoint
from ...agents.nn.cores.external import ExternalMemoryCore
from ...agents.policies.core_agent import CoreAgent
from ...agents.policies.registry import agent_class
from ...envs.glimpse.classification import Classification
from ...envs.glimpse.scene import ImageScene
from ...envs.outside import options_of_file
from ...envs.probe.game import GameWorld
from ...envs.registry import check_id, world_class
from ...envs.sequence.handwriting import Handwriting
from ...envs.sequence.translation import Translation
from ...errors import FoveateError, unknown


class Agent(NamedTuple):
    """An agent on the shelf.

    Attributes:
        name: what the page calls it.
        path: of its run or checkpoint folder.
        env_id: where it was trained.
        env: arguments of that environment.
        run: the content of its run.json.
        own: whether it was named on the command line.
    """

    name: str
    path: Path
    env_id: str
    env: dict[str, object]
    run: checkpoint.Run
    own: bool

    def unlikeness(self, other: "Agent") -> tuple[bool, bool]:
        """Whether it sees its world in another way, and whether it is another agent: the less, the more alike."""
        views = [each.env.get("view") for each in (self, other)]
        return views[0] != views[1], self.run["agent"] != other.run["agent"]

    def is_of(self, world: type) -> bool:
        """Whether it lives in a world of this class."""
        known = world_class(self.env_id)
        return isinstance(known, type) and issubclass(known, world)


class Shelf:
    """The agents by name; each is loaded when it is first asked for, onto the CPU.

    Args:
        runs: run folders or checkpoint folders, beside the zoo.

    Raises:
        FoveateError: a run can't be read.
    """

    def __init__(self, runs: Sequence[Path] = ()):
        self.agents: dict[str, Agent] = {}
        self._loaded: dict[str, Algorithm] = {}
        for path in runs:
            self._add(path, own=True)
        for path in sorted(folder for folder in checkpoint.ZOO.glob("*/") if (folder / checkpoint.RUN).is_file()):
            self._add(path, own=False)

    def _add(self, path: Path, own: bool) -> None:
        run = checkpoint.read_run(checkpoint.find(path))
        env_id = str(run.get("env_id", ""))
        check_id(env_id)
        name = path.resolve().name if own else path.name
        if name in self.agents:
            if not own:  # a run of the command line is that very agent, or stands before it
                return
            name = next(f"{name} ({n})" for n in range(2, len(self.agents) + 3) if f"{name} ({n})" not in self.agents)
        self.agents[name] = Agent(name, path, env_id, options_of_file(env_id, run.get("env", {}), {}, path), run, own)

    def names(self, fits: Callable[[Agent], bool]) -> list[str]:
        """The names of those that fit, the command line's first."""
        return [name for name, agent in self.agents.items() if fits(agent)]

    def pair(self) -> tuple[str, str]:
        """Two to compare at first: the first two of the command line, or one beside another of its world.

        Of several the one that sees it in the same way comes first, and of these the one of the same agent.
        """
        own = self.names(lambda agent: agent.own)
        first = next(name for name in (*own, "Caption-show-attend-tell", *self.agents) if name in self.agents)
        one = self.agents[first]
        near = self.names(lambda agent: agent.env_id == one.env_id and agent.name != first)
        near.sort(key=lambda name: self.agents[name].unlikeness(one))
        others = [name for name in (*own[1:], *near, *self.agents) if name != first]
        return first, next(iter(others), first)

    def agent(self, name: object) -> Agent:
        """The agent of a name that came from a browser.

        Raises:
            FoveateError: there is none.
        """
        if not isinstance(name, str) or name not in self.agents:
            raise unknown("agent", name, self.agents)
        return self.agents[name]

    def learner(self, name: object) -> Algorithm:
        """The same, loaded.

        Raises:
            FoveateError: there is none, or it can't be loaded.
        """
        agent = self.agent(name)
        if agent.name not in self._loaded:
            self._loaded[agent.name] = load(agent.path, None, "cpu")
        return self._loaded[agent.name]


def looks(agent: Agent) -> bool:
    """Whether it classifies images of a data set through a retina that it moves."""
    world = world_class(agent.env_id)
    seen = agent.is_of(Classification) and world.scene_class is ImageScene
    return seen and agent.env.get("view", "glimpse") == "glimpse" and "location" in _parts(agent)


def remembers(agent: Agent) -> bool:
    """Whether it has an external memory (ntm, dnc), and plays alone."""
    kind, world = agent_class(agent.run["agent"]), world_class(agent.env_id)
    external = issubclass(kind, CoreAgent) and issubclass(kind.core_class, ExternalMemoryCore)
    return external and not getattr(world, "several_agents", False)


def writes(agent: Agent) -> bool:
    """Whether it writes by hand."""
    return agent.is_of(Handwriting)


def translates(agent: Agent) -> bool:
    """Whether it translates sentences of the grammar that it can see."""
    whole = agent.env.get("view", "stream") != "glimpse"
    return agent.is_of(Translation) and whole and agent.env.get("data", "grammar") == "grammar"


def drives(agent: Agent) -> bool:
    """Whether it plays a game whose objects are known and can be changed."""
    return agent.is_of(GameWorld)


def _parts(agent: Agent) -> Iterable[str]:
    return agent.run.get("action_space", {}).get("spaces", {})


def nobody(what: str, command: str) -> FoveateError:
    """What a panel says that has no agent.

    Args:
        what: such an agent does.
        command: that trains one.
    """
    return FoveateError(f"no agent here {what}. Train one: {command}; then: python evaluate.py serve RUN")
