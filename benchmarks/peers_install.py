"""Others' packages, each in an environment of its own outside of the repository: what `make bench` compares with.

python benchmarks/peers_install.py                     all of them, into the user's cache folder
python benchmarks/peers_install.py --peers FOLDER      FOLDER/pytorch-ntm is a checkout that is already there
python benchmarks/peers_install.py --where FOLDER      into another folder; delete it and nothing is left

What the interpreter that runs this already has (torch, above all) is not installed again: the environments read its
packages after their own. One that can't be had is said to be missing, and the others go on.
"""

import argparse
import io
import os
import shutil
import subprocess
import sys
import sysconfig
import urllib.request
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

NTM = "3c64937cb075e737528ff7ecf02b2c1c6d8347a1"  # has neither releases nor a setup.py
ARCHIVE = f"https://github.com/loudinthecloud/pytorch-ntm/archive/{NTM}.zip"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "foveate" / "peers"


def python_of(name: str, where: Path) -> Path:
    """The interpreter of a peer's environment."""
    return where / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def own_packages(home: Path) -> Path:
    """Where an environment's own packages are."""
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(home), "platbase": str(home)}))


def make_environment(home: Path) -> None:
    """A fresh environment that reads the packages of this interpreter after its own.

    Args:
        home: its folder; what is there is deleted.
    """
    shutil.rmtree(home, ignore_errors=True)
    venv.create(home, with_pip=False)
    paths = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    (own_packages(home) / "after.pth").write_text("\n".join(paths) + "\n", encoding="utf-8")


def by_pip(*words: str) -> Callable[[Path, Path, Path | None], None]:
    """An installer of packages of PyPI.

    Args:
        *words: of the command line of ``pip install``.
    """

    def install(_: Path, python: Path, __: Path | None) -> None:
        call = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", *words]
        subprocess.run(call, check=True, capture_output=True, text=True)

    return install


def ntm(home: Path, _: Path, peers: Path | None) -> None:
    """Install pytorch-ntm, which is a folder of modules and no package.

    Args:
        home: folder of the environment.
        peers: where there is a checkout, or None.

    Raises:
        OSError: there is no checkout, or no network.
    """
    if peers is not None:
        shutil.copytree(peers / "pytorch-ntm" / "ntm", own_packages(home) / "ntm")
        return
    with urllib.request.urlopen(ARCHIVE, timeout=60) as answer:
        archive = zipfile.ZipFile(io.BytesIO(answer.read()))
    top = f"pytorch-ntm-{NTM}/ntm/"
    for name in archive.namelist():
        if name.startswith(top) and name.endswith(".py"):
            target = own_packages(home) / "ntm" / name.removeprefix(top)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(archive.read(name))


# dnc asks for flann, an index that its dense memory doesn't use
PEERS: dict[str, tuple[str, Callable[[Path, Path, Path | None], None]]] = {  # what is imported, and how it gets there
    "pytorch-ntm": ("ntm.aio", ntm),
    "dnc": ("dnc", by_pip("--no-deps", "dnc==1.1.0")),
    "sb3-contrib": ("sb3_contrib", by_pip("sb3-contrib>=2.7")),
}


def install(name: str, where: Path, peers: Path | None = None) -> str:
    """Install a peer, if its environment doesn't have it already.

    Args:
        name: one of `PEERS`.
        where: the folder of all environments.
        peers: a folder with checkouts that are already there.

    Returns:
        Why it can't be had; nothing if it can.
    """
    module, installer = PEERS[name]
    python = python_of(name, where)
    if _importable(python, module):
        return ""
    try:
        make_environment(where / name)
        installer(where / name, python, peers)
    except subprocess.CalledProcessError as error:
        return (error.stderr.strip().splitlines() or [str(error)])[-1]
    except OSError as error:
        return f"{type(error).__name__}: {error}"
    return "" if _importable(python, module) else f"{module} can't be imported."


def _importable(python: Path, module: str) -> bool:
    call = [str(python), "-W", "ignore", "-c", f"import {module}"]
    return python.exists() and subprocess.run(call, capture_output=True).returncode == 0


def add_places(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where peers are."""
    parser.add_argument("--where", type=Path, default=CACHE, help="folder of their environments (default: %(default)s)")
    parser.add_argument("--peers", type=Path, help="folder with checkouts that are already there")


def arguments_of(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_places(parser)
    return parser.parse_args(words)


def main() -> None:
    """Entry point."""
    arguments = arguments_of()
    for name in PEERS:
        print(f"{name:<20}{install(name, arguments.where, arguments.peers) or 'there'}", flush=True)


if __name__ == "__main__":
    main()
