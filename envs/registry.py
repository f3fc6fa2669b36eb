"""From an environment's id to worlds: only the registry, and what this command line imports."""

import importlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import gymnasium as gym
from gymnasium.envs.registration import load_env_creator
from gymnasium.vector import AutoresetMode, VectorEnv

from ..errors import FoveateError, unknown
from ..introspect import Option, constructor_options
from .multi.base import MultiWorld
from .probe.atari import Atari, check_game, is_atari

Made = TypeVar("Made")


def import_modules(names: Sequence[str]) -> None:
    """Import the modules that the user named, so that they can register environments and agents."""
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise FoveateError(
                f"--import {name}: {error}. The module must be on the path: run in its folder, or set PYTHONPATH."
            ) from error


def full_id(name: str) -> str:
    """The registered id that a name means: letter case doesn't matter, nor a missing version if there is but one."""
    if name in gym.registry or is_atari(name):
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
    if is_atari(env_id):
        check_game(env_id)
        return
    if env_id not in gym.registry:
        ours = [known for known in gym.registry if "/" in known] + ["CartPole-v1"]
        raise unknown("environment", env_id, ours)


def env_options(env_id: str) -> dict[str, Option]:
    """The keyword arguments that an environment takes."""
    check_id(env_id)
    if is_atari(env_id):
        return constructor_options(Atari)
    world = world_class(env_id)
    if world is not None:
        return constructor_options(world)
    entry_point = gym.spec(env_id).entry_point
    made = load_env_creator(entry_point) if isinstance(entry_point, str) else entry_point
    options = constructor_options(made) if isinstance(made, type) else {}
    return {name: option for name, option in options.items() if name != "render_mode"}


def world_class(env_id: str) -> Any:
    """The class of batched worlds behind an id, or None where the environment isn't one of that kind."""
    if is_atari(env_id):
        return None
    entry_point = gym.spec(env_id).vector_entry_point
    if isinstance(entry_point, str):
        try:
            entry_point = load_env_creator(entry_point)
        except ImportError:  # somebody's environment whose own dependency is missing (jax, say)
            return None
    # both vector faces, of one agent and of several, have one
    return getattr(entry_point, "world_class", None) if isinstance(entry_point, type) else None


def check_arguments(env_id: str, arguments: dict[str, Any]) -> None:
    """Raise a FoveateError for arguments that the environment doesn't take, as a foreign checkpoint may hold."""
    known = env_options(env_id)
    for name in arguments:
        if name not in known:
            raise unknown(f"option of {env_id}", name, known)


def make_worlds(env_id: str, count: int, device: str, arguments: dict[str, Any]) -> VectorEnv:
    """A vector environment with autoreset at the same step; tensors on the device where it is one of ours."""
    return _checked(env_id, arguments, lambda: _make(env_id, count, device, arguments))


def has_agents(env_id: str) -> bool:
    """Whether this is a world of several agents."""
    return issubclass(world_class(env_id) or object, MultiWorld)


def check_one_agent(env_id: str, what: str) -> None:
    """Raise a FoveateError where an instrument that looks into one agent is asked about a world of several."""
    if has_agents(env_id):
        raise FoveateError(f"{what} looks into one agent, and {env_id} has several; --video shows what all attend to.")


def make_one(env_id: str, arguments: dict[str, Any], render_mode: str | None = None, **face: Any) -> Any:
    """A single environment; `face` goes to one of ours only (``relevance=True``).

    One world of several agents is a vector environment with a row for each of them.
    """
    return _checked(env_id, arguments, lambda: _make_one(env_id, arguments, render_mode, face))


def _checked(env_id: str, arguments: dict[str, Any], make: Callable[[], Made]) -> Made:
    check_id(env_id)
    check_arguments(env_id, arguments)
    try:
        return make()
    except FoveateError:
        raise
    except (TypeError, ValueError) as error:
        raise FoveateError(f"{env_id} can't be made with {arguments}: {error}.") from error


def _make_one(env_id: str, arguments: dict[str, Any], render_mode: str | None, face: dict[str, Any]) -> Any:
    if is_atari(env_id):
        return Atari(**arguments).single(env_id, render_mode)
    if has_agents(env_id):
        return gym.make_vec(env_id, num_envs=1, autoreset_mode="Disabled", render_mode=render_mode, **arguments, **face)
    return gym.make(env_id, render_mode=render_mode, **arguments, **(face if world_class(env_id) is not None else {}))


def _make(env_id: str, count: int, device: str, arguments: dict[str, Any]) -> VectorEnv:
    if is_atari(env_id):
        return Atari(**arguments).vector(env_id, count)
    if world_class(env_id) is not None:
        return gym.make_vec(
            env_id, num_envs=count, autoreset_mode="SameStep", output="torch", device=device, **arguments
        )
    return gym.make_vec(
        env_id,
        num_envs=count,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": AutoresetMode.SAME_STEP},
        **arguments,
    )
