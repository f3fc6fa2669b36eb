"""Build the site: the pages of docs/ as they stand, and pages made of what foveate says of itself.

python docs/site/build.py                 build/site/source (the pages) and build/site/html (the site)
python docs/site/build.py --out FOLDER    the same elsewhere

It asks nothing of the network. Warnings are errors.
"""

import argparse
import shutil
import sys
from pathlib import Path

import agent_pages
import api_pages
import environment_pages
import notebook_pages
from sphinx.cmd.build import build_main
from written import written_pages

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
GENERATED = (environment_pages, agent_pages, api_pages, notebook_pages)


def stage(folder: Path) -> None:
    """Put all pages and pictures into a folder; what is there already and the same is left alone, and so is its date.

    Args:
        folder: for the pages; what it holds besides is removed.
    """
    files: dict[str, bytes] = dict(written_pages(ROOT))
    for module in GENERATED:
        files |= module.pages()
    for old in folder.rglob("*"):
        if old.is_file() and str(old.relative_to(folder)) not in files:
            old.unlink()
    for name, content in files.items():
        path = folder / name
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def main() -> int:
    """Entry point; the exit code is Sphinx's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "site", help="for source/ and html/")
    parser.add_argument("--clean", action="store_true", help="build every page anew")
    arguments = parser.parse_args()
    source, html = arguments.out / "source", arguments.out / "html"
    if arguments.clean:
        shutil.rmtree(arguments.out, ignore_errors=True)
    stage(source)
    strict = ["--fail-on-warning", "--keep-going", "--nitpicky", "--quiet"]
    return build_main([*strict, "-b", "html", "-c", str(HERE), str(source), str(html)])


if __name__ == "__main__":
    sys.exit(main())
