"""What the whole library does, as digests: a refactoring must leave every one of them as it is.

python tests/recorded/record.py --write                 make recorded.json anew: after a change that was meant
python tests/recorded/record.py --write --out FILE      record this checkout into another file
python tests/recorded/record.py --compare FILE          compare this checkout with such a file, bit for bit
python tests/recorded/record.py --only Copy …           … but only what has this word in its name

Other processors and other versions of PyTorch round differently. So the tests compare floats nearly, and bit for bit
only with FOVEATE_EXACT=1: where recorded.json was made, or against a file that the old code wrote on this machine
(FOVEATE_RECORDED=FILE).
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # `recorded` is a package, beside other helpers

import torch

from recorded import agents, instruments, worlds
from recorded.digest import Entries, differences

COMMAND = "python tests/recorded/record.py --write"
FILE = Path(__file__).with_name("recorded.json")
CASES: dict[str, Callable[[], Entries]] = {**worlds.CASES, **agents.CASES, **instruments.CASES}


def read(path: Path) -> dict[str, Entries]:
    """The recorded entries, by case."""
    return json.loads(path.read_text())["cases"]


def write(path: Path, cases: dict[str, Entries]) -> None:
    """Write entries, one a line."""
    about = {"command": COMMAND, **{name: version(name) for name in ("torch", "numpy", "gymnasium")}}
    blocks = []
    for name, entries in cases.items():
        lines = [f"{json.dumps(what)}: {json.dumps(entry, separators=(',', ':'))}" for what, entry in entries.items()]
        blocks.append(f"{json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n}")
    path.write_text(f'{{"about": {json.dumps(about)},\n"cases": {{\n' + ",\n".join(blocks) + "\n}}\n")


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="record this checkout")
    parser.add_argument("--out", type=Path, default=FILE, help="the file to write")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="say what differs from this file")
    parser.add_argument("--only", default="", help="a word in the names of the cases")
    chosen = parser.parse_args(arguments)
    if chosen.write == (chosen.compare is not None):
        parser.error("one of --write and --compare is needed.")
    torch.set_num_threads(1)  # as conftest does
    os.environ.pop("FOVEATE_DATA", None)
    made = {name: case() for name, case in CASES.items() if chosen.only in name}
    if chosen.write:
        kept = read(chosen.out) if chosen.only and chosen.out.exists() else {}
        write(chosen.out, {name: {**kept, **made}[name] for name in CASES if name in kept or name in made})
        return 0
    was = read(chosen.compare)
    lines = [f"{name}: {line}" for name in made for line in differences(was.get(name, {}), made[name], exact=True)]
    print("\n".join(lines) or f"{len(made)} cases are bit for bit the same.")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
