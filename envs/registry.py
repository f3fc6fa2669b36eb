"""From an environment's id to environments: only the registry, and what this command line imports."""

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import gymnasium as gym
from gymnasium.envs.registration import load_env_creator
from gymnasium.vector import AutoresetMode, VectorEnv

from ..errors import FoveateError, unknown
from ..introspect import Option, constructor_options

E = TypeVar("E")
Arguments = Mapping[str, Any]


class Source(Protocol):
    """Where the environments of some ids come from."""

    slow: bool  # whether an episode takes so long that an evaluation should have few
    about: str  # what all of its environments are; empty where each says it for itself

    def register(self) -> None:
        """Make what is installed known to Gymnasium."""
        ...

    def check(self, env_id: str) -> None:
        """Raise a FoveateError unless there is such an environment."""
        ...

    def world_class(self, env_id: str) -> Any:
        """The class of batched worlds behind the id; None where it is none of ours."""
        ...

    def options(self, env_id: str) -> dict[str, Option]:
        """The keyword arguments that the environment takes."""
        ...

    def single(self, env_id: str, arguments: Arguments, render_mode: str | None, ours: Arguments) -> Any:
        """One environment; arguments in `ours` are for worlds of ours only.

        Args:
            env_id: of the environment.
            arguments: of the environment.
            render_mode: "rgb_array", say; None draws nothing.
            ours: more arguments, for worlds of ours only.
        """
        ...

    def vector(self, env_id: str, count: int, device: str, arguments: Arguments) -> VectorEnv:
        """A vector environment that resets at the same step.

        Args:
            env_id: of the environment.
            count: how many.
            device: where the tensors of one of ours live.
            arguments: of the environment.
        """
        ...


class GymnasiumSource:
    """What is registered with Gymnasium: our worlds, and environments of anybody."""

    slow, about = False, ""

    def register(self) -> None:
        """It is already."""

    def check(self, env_id: str) -> None:
        if env_id not in gym.registry:
            ours = [known for known in gym.registry if "/" in known] + ["CartPole-v1"]
            raise unknown("environment", env_id, ours)

    def world_class(self, env_id: str) -> Any:
        entry_point = gym.spec(env_id).vector_entry_point
        if isinstance(entry_point, str):
            try:
                entry_point = load_env_creator(entry_point)
            except ImportError:  # somebody's environment whose own dependency is missing (jax, say)
                return None
        # our vector environments, with a row a world or a row an agent, have one
        return getattr(entry_point, "world_class", None) if isinstance(entry_point, type) else None

    def options(self, env_id: str) -> dict[str, Option]:
        world = self.world_class(env_id)
        if world is not None:
            return constructor_options(world)
        entry_point = gym.spec(env_id).entry_point
        creator = load_env_creator(entry_point) if isinstance(entry_point, str) else entry_point
        options = constructor_options(creator) if isinstance(creator, type) else {}
        return {name: option for name, option in options.items() if name != "render_mode"}

    def single(self, env_id: str, arguments: Arguments, render_mode: str | None, ours: Arguments) -> Any:
        if has_agents(env_id):
            modes = {"autoreset_mode": "Disabled", "render_mode": render_mode}
            return gym.make_vec(env_id, num_envs=1, **modes, **arguments, **ours)
        ours = ours if self.world_class(env_id) is not None else {}
        return gym.make(env_id, render_mode=render_mode, **arguments, **ours)

    def vector(self, env_id: str, count: int, device: str, arguments: Arguments) -> VectorEnv:
        if self.world_class(env_id) is not None:
            modes = {"autoreset_mode": "SameStep", "output": "torch", "device": device}
            return gym.make_vec(env_id, num_envs=count, **modes, **arguments)
        return gym.make_vec(
            env_id,
            num_envs=count,
            vectorization_mode="sync",
            vector_kwargs={"autoreset_mode": AutoresetMode.SAME_STEP},
            **arguments,
        )


# ids of other origin, by how they begin: the module and the class of their source, imported when one is asked for
_OTHERS = {"ALE/": (".probe.atari", "AtariSource")}
_PACKAGES = ("ale_py",)  # where they come from; other ids of these are old names of the same
_GYMNASIUM = GymnasiumSource()


def source_of(env_id: str) -> Source:
    """Where an environment comes from."""
    for prefix, (module, name) in _OTHERS.items():
        if env_id.startswith(prefix):
            return getattr(importlib.import_module(module, __package__), name)()
    return _GYMNASIUM


def listed_ids() -> list[str]:
    """All environments but Gymnasium's own: ours, the user's, and those of other origin that are installed."""
    for prefix in _OTHERS:
        source_of(prefix).register()

    def home(env_id: str) -> str:
        entry_point = gym.spec(env_id).entry_point
        return entry_point if isinstance(entry_point, str) else getattr(entry_point, "__module__", "")

    others = ("gymnasium.", *(f"{package}." for package in _PACKAGES))
    return sorted(
        env_id for env_id in gym.registry if env_id.startswith(tuple(_OTHERS)) or not home(env_id).startswith(others)
    )


def about(env_id: str) -> str:
    """The first line of what an environment's class says of itself; empty where it says nothing."""
    if source_of(env_id).about:
        return source_of(env_id).about
    documented = world_class(env_id)
    if documented is None and (entry_point := gym.spec(env_id).entry_point) is not None:
        try:
            documented = load_env_creator(entry_point) if isinstance(entry_point, str) else entry_point
        except Exception:  # somebody's module, which may need what isn't there
            return ""
    own = getattr(documented, "__doc__", None)  # what a class inherits is said of another
    return inspect.cleandoc(own or "").partition("\n")[0]


def import_modules(names: Sequence[str]) -> None:
    """Import the modules that the user named, so that they can register environments and agents.

    They are looked for in the working directory too, after all else: a file there stands in for no other module.

    Raises:
        FoveateError: one can't be imported.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    for name in names:
        try:
            importlib.import_module(name)
        except (ImportError, TypeError, ValueError) as error:
            raise FoveateError(
                f"--import {name}: {error}. The module must be on the path: run in its folder, or set PYTHONPATH."
            ) from error


def full_id(name: str) -> str:
    """The registered id that a name means: letter case doesn't matter, nor a missing version if there is but one."""
    if name in gym.registry or name.startswith(tuple(_OTHERS)):
        return name
    wanted = name.lower()
    found = [known for known in gym.registry if known.lower() == wanted or known.lower().rpartition("-v")[0] == wanted]
    return found[0] if len(found) == 1 else name


def check_id(env_id: str) -> None:
    """Raise a FoveateError, with the closest id, unless the id is in the registry.

    A prefix as in "module:Id" would make Gymnasium import that module, so it must be given as `--import module`.
    """
    if ":" in env_id:
        module, _, name = env_id.partition(":")
        raise FoveateError(f"environment {env_id!r}: write --import {module} {name} to import a module first.")
    source_of(env_id).check(env_id)


def env_options(env_id: str) -> dict[str, Option]:
    """The keyword arguments that an environment takes."""
    check_id(env_id)
    return source_of(env_id).options(env_id)


def world_class(env_id: str) -> Any:
    """The class of batched worlds behind an id, or None where the environment isn't one of that kind."""
    return source_of(env_id).world_class(env_id)


def check_arguments(env_id: str, arguments: Arguments) -> None:
    """Raise a FoveateError for arguments that the environment doesn't take, as a foreign checkpoint may hold."""
    known = env_options(env_id)
    for name in arguments:
        if name not in known:
            raise unknown(f"option of {env_id}", name, known)


def make_worlds(env_id: str, count: int, device: str, arguments: Arguments, relevance: bool = False) -> VectorEnv:
    """A vector environment with autoreset at the same step; tensors on the device where it is one of ours.

    Args:
        env_id: of the environment.
        count: how many.
        device: where the tensors of one of ours live.
        arguments: of the environment.
        relevance: whether `info` says what matters, in a world that tells it.

    Raises:
        FoveateError: the id or an argument is unknown, or they can't be made so.
    """
    told = {**arguments, "relevance": True} if relevance else arguments
    return _checked(env_id, arguments, lambda: source_of(env_id).vector(env_id, count, device, told))


def has_agents(env_id: str) -> bool:
    """Whether this is a world of several agents."""
    world = world_class(env_id)
    return world is not None and world.several_agents


def is_slow(env_id: str) -> bool:
    """Whether an episode takes so long that an evaluation should have few."""
    return source_of(env_id).slow


def check_one_agent(env_id: str, what: str) -> None:
    """Raise a FoveateError where an instrument that looks into one agent is asked about a world of several."""
    if has_agents(env_id):
        raise FoveateError(f"{what} looks into one agent, and {env_id} has several; --video shows what all attend to.")


def make_one(env_id: str, arguments: Arguments, render_mode: str | None = None, **ours: Any) -> Any:
    """A single environment.

    One world of several agents is a vector environment with a row for each of them.

    Args:
        env_id: of the environment.
        arguments: of the environment.
        render_mode: as for ``gym.make``.
        **ours: for one of ours only (``relevance=True``).

    Raises:
        FoveateError: the id or an argument is unknown, or it can't be made so.
    """
    return _checked(env_id, arguments, lambda: source_of(env_id).single(env_id, arguments, render_mode, ours))


def _checked(env_id: str, arguments: Arguments, make: Callable[[], E]) -> E:
    check_id(env_id)
    check_arguments(env_id, arguments)
    try:
        return make()
    except FoveateError:
        raise
    except (TypeError, ValueError, OverflowError) as error:
        raise FoveateError(f"{env_id} can't be made with {arguments}: {error}.") from error
