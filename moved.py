"""Names that are looked up at their first use: modules of a package, and what lies elsewhere now.

What 0.1 called them goes on working for one version, with a warning.
"""

import importlib
import pkgutil
import warnings
from collections.abc import Iterable, Mapping
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType

# what modules were called in 0.1, and are called now; a package stands for its modules too, unless they are named
MODULES = {
    "agents.attention": "agents.nn.attention",
    "agents.checkpoint": "agents.learning.checkpoint",
    "agents.cores": "agents.nn.cores",
    "agents.dram": "agents.policies.dram",
    "agents.encoders": "agents.nn.encoders",
    "agents.evaluation": "agents.learning.evaluation",
    "agents.gaze": "agents.policies.looking",
    "agents.generator": "agents.nn.generator",
    "agents.heads": "agents.nn.heads",
    "agents.learners": "agents.learning",
    "agents.learners.base": "agents.learning.algorithm",
    "agents.learners.worlds": "agents.learning.environments",
    "agents.memory": "agents.policies.core_agent",
    "agents.policy": "agents.policies.policy",
    "agents.ram": "agents.policies.ram",
    "agents.soft": "agents.policies.soft",
    "agents.space_json": "envs.spaces",
    "agents.vision": "agents.policies",
    "cli.curriculum": "agents.learning.curriculum",
    "cli.drawing": "cli.draw",
    "cli.generalisation": "analysis.generalisation",
    "cli.measure": "analysis.measure",
    "cli.report": "analysis.saliency_report",
    "cli.run_folder": "agents.learning.run_folder",
    "cli.tracing": "cli.trace",
    "cli.worlds": "envs.registry",
    "envs.draws": "envs.counter_rng",
    "envs.face": "envs.gym_env",
    "envs.glimpse.render": "viz.glimpses",
    "envs.multi.faces": "envs.multi.team_env",
    "envs.multi.render": "viz.team",
    "envs.tensors": "envs.spaces",
    "envs.window": "viz.window",
    "wrappers.adversary": "analysis.adversary",
    "wrappers.saliency.examine": "analysis.saliency_benchmark",
    "wrappers.saliency.panels": "viz.panels",
    "wrappers.saliency.recall": "analysis.recall",
    "wrappers.saliency.scores": "analysis.saliency_scores",
    "wrappers.video": "viz.video",
}
# what these modules offered under another name
NAMES = {
    "Drawn": "agents.nn.generator:Generation",
    "RecordVideo": "wrappers.record_video:RecordVideo",
    "Draws": "envs.counter_rng:CounterRNG",
    "SingleFace": "envs.gym_env:GymEnv",
    "VectorFace": "envs.gym_env:VectorEnv",
    "faces": "envs.gym_env:env_classes",
    "Moment": "agents.learning.environments:TimeStep",
    "Worlds": "agents.learning.environments:Environments",
    "worlds_of": "agents.learning.environments:environments_of",
    "Learner": "agents.learning.algorithm:Algorithm",
    "Step": "agents.policies.policy:PolicyOutput",
    "Judgement": "agents.policies.policy:PolicyEvaluation",
    "Moments": "analysis.saliency_moments:Moments",
    "collect": "analysis.saliency_moments:collect",
    "examine": "analysis.saliency_benchmark:benchmark",
    "to_numpy": "tree:to_numpy",
    "batch_of_one": "envs.actions:batch_of_one",
    "CNNAgent": "agents.policies.cnn:CNNAgent",
    "MLPAgent": "agents.policies.mlp:MLPAgent",
    "DuelingAgent": "agents.policies.dueling:DuelingAgent",
}


def modules_of(path: Iterable[str]) -> list[str]:
    """The public modules in a package, by its ``__path__``."""
    return sorted(found.name for found in pkgutil.iter_modules(path) if not found.name.startswith("_"))


def submodule(package: str, name: str, known: Iterable[str]) -> ModuleType | None:
    """A module of a package for its ``__getattr__``, imported at its first use as an attribute; None if unknown."""
    return importlib.import_module(f".{name}", package) if name in known else None


def public(package: str, name: str, homes: Mapping[str, str]) -> object:
    """A public name of a package for its ``__getattr__``, its module imported at its first use.

    Args:
        package: its ``__name__``.
        name: one of the homes'.
        homes: the module of the package that defines each public name.
    """
    return getattr(importlib.import_module(f".{homes[name]}", package), name)


def moved(module: str, name: str, homes: Mapping[str, str]) -> object:
    """What a module's ``__getattr__`` returns for a name that it once had.

    Args:
        module: its ``__name__``.
        name: what it is asked for.
        homes: where each name is now: a module of foveate, or a module and a name in it behind a colon.

    Raises:
        AttributeError: the module never had such a name.
    """
    if name not in homes:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    warnings.warn(f"{module}.{name} is now foveate.{homes[name].replace(':', '.')}.", DeprecationWarning, stacklevel=3)
    return _at(homes[name])


def find_spec(name: str) -> ModuleSpec | None:
    """How to import a module of foveate by the name that it had in 0.1; None where it never had one.

    Args:
        name: in full, such as "foveate.agents.cores.ntm".
    """
    package, _, old = name.partition(".")
    stem = old
    while stem and stem not in MODULES:
        stem = stem.rpartition(".")[0]
    if not stem:
        return None
    return ModuleSpec(name, _Forwarder(f"{package}.{MODULES[stem]}{old.removeprefix(stem)}"), is_package=True)


class _Forwarder(Loader):
    """Loads a module that has nothing of its own and hands every question on to another one."""

    def __init__(self, new: str):
        self.new = new

    def create_module(self, spec: ModuleSpec) -> None:
        """The usual kind of module."""

    def exec_module(self, module: ModuleType) -> None:
        """Import the other module, with a warning.

        Raises:
            ModuleNotFoundError: there is no such module.
        """
        try:
            target = importlib.import_module(self.new)
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(f"No module named {module.__name__!r}", name=module.__name__) from error
        warnings.warn(f"{module.__name__} is now {self.new}.", DeprecationWarning, stacklevel=2)

        def forward(name: str) -> object:
            if not hasattr(target, name) and name in NAMES:
                return _at(NAMES[name])
            return getattr(target, name)

        module.__doc__ = target.__doc__
        module.__dict__["__getattr__"] = forward


def _at(home: str) -> object:
    """A module of foveate, or what is called so in it."""
    module, _, name = home.partition(":")
    found = importlib.import_module(f"foveate.{module}")
    return getattr(found, name) if name else found
