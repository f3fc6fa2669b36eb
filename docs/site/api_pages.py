"""The reference: one page a public package, its public names with their types, by autodoc."""

import importlib
import inspect
from types import ModuleType

from marks import block, table

from foveate import wrappers
from foveate.envs.registration import family_ids

# every package with public names; those of tests/test_public_names.py
PACKAGES = {
    "foveate": "environments, agents and instruments",
    "foveate.envs": "what environments are made of",
    "foveate.envs.glimpse": "bases of worlds that are seen through a retina",
    "foveate.envs.memory": "bases of worlds that must be remembered",
    "foveate.envs.probe": "bases of games with a known truth",
    "foveate.envs.sequence": "bases of passages that are read",
    "foveate.envs.multi": "bases of worlds of several agents",
    "foveate.agents": "agents, learners, loading",
    "foveate.agents.nn.cores": "recurrent cores, external memories",
    "foveate.agents.nn.attention": "attention to images and to items",
    "foveate.agents.nn.heads": "heads, and the losses that they declare",
    "foveate.wrappers": "instruments and adapters around environments",
    "foveate.wrappers.saliency": "what outputs depend on",
    "foveate.analysis": "what is computed from runs",
    "foveate.sb3": "Stable-Baselines3's algorithms and our worlds and networks",
    "foveate.viz": "pictures, plots, videos",
}


def pages() -> dict[str, bytes]:
    """All pages, by their paths within the site."""
    files = {f"api/{package}.rst": package_page(package).encode() for package in PACKAGES}
    rows = [[f"[`{package}`]({package}.rst)", about] for package, about in PACKAGES.items()]
    toctree = block("{toctree}", ":hidden:\n\n" + "\n".join(PACKAGES))
    said = "What is meant to stay: changes to these names are announced in the [changelog](/changelog.md).\n"
    files["api/index.md"] = "\n".join(["# API reference\n", said, table(["package", "what"], rows), toctree]).encode()
    return files


def package_page(name: str) -> str:
    """A package's public names, in reStructuredText, which autodoc speaks."""
    package = importlib.import_module(name)
    parts = [name, "=" * len(name), "", first_line(package), "", f".. currentmodule:: {name}", ""]
    modules = [public for public in public_names(package) if inspect.ismodule(getattr(package, public))]
    for public in public_names(package):
        value = getattr(package, public)
        if name == "foveate.wrappers.saliency" and hasattr(wrappers, public):
            parts += [f":class:`{public} <foveate.wrappers.{public}>`", f"   {first_line(value)}", ""]
        elif inspect.isclass(value):
            parts += [f".. autoclass:: {public}", "   :members:", "   :show-inheritance:", ""]
        elif inspect.isfunction(value):
            parts += [f".. autofunction:: {public}", ""]
        elif not inspect.ismodule(value):
            names = ", ".join(f"``{key}``" for key in value) if isinstance(value, (dict, list)) else ""
            parts += [f".. py:data:: {public}", "", f"   {names}", ""]
    if modules:
        parts += ["Packages and modules", "-" * 20, ""]
    for public in modules:
        whole = f"{name}.{public}"
        title = f":doc:`{whole}`" if whole in PACKAGES else f"``{whole}``"
        parts += [title, f"   {first_line(importlib.import_module(whole))}", ""]
    return "\n".join(parts)


def first_line(documented: ModuleType | type) -> str:
    """What a package, module or class says of itself, in reStructuredText."""
    return inspect.cleandoc(documented.__doc__ or "").partition("\n")[0].replace("`", "``")


def public_names(package: ModuleType) -> list[str]:
    """What a package offers; worlds that are registered have pages of their own."""
    names = [name for name in dir(package) if not name.startswith("_")]
    families = family_ids(package.__name__) if hasattr(package, "__all__") and ".envs." in package.__name__ else {}
    derived = {name for env_id, made in families.items() for name in (*made, env_id.split("/")[1].rpartition("-v")[0])}
    return [name for name in names if name not in derived]
