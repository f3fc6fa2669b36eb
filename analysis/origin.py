"""Where figures come from: which runs, trained by which commands, when, for how long and by which version."""

import contextlib
import datetime
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from .. import __version__
from ..agents.learning import checkpoint
from ..agents.learning.run_folder import read_config
from ..errors import FoveateError
from ..viz import pages


class Origin(TypedDict):
    """Where a run's figures come from.

    Attributes:
        run: its folder, or a checkpoint's.
        agent: the registered name of its class.
        checkpoint: the steps after which its weights were kept.
        steps: of its training.
        seed: of its training.
        begun: when the training began, by its folder's name; else when the checkpoint was written.
        version: of foveate, which wrote the checkpoint.
        command: that trained it; empty where it isn't known.
    """

    run: str
    agent: str
    checkpoint: int
    steps: int
    seed: int
    begun: str
    version: str
    command: str


class Made(TypedDict):
    """How a page was made.

    Attributes:
        command: that made it; empty where it isn't known.
        date: when.
        version: of foveate.
    """

    command: str
    date: str
    version: str


HEAD = ("arm", "run", "seed", "steps", "checkpoint", "trained", "foveate", "command")
_TIME = re.compile(r"__(\d{8}-\d{6})(-\d+)?$")


def origin_of(path: Path, prefer: str = "best") -> Origin:
    """Where the figures of a run come from.

    Args:
        path: its folder, or a checkpoint's.
        prefer: which checkpoint was measured, "best" or "last".

    Raises:
        FoveateError: there is no run.
    """
    folder = checkpoint.find(path, prefer)
    kept = checkpoint.read_run(folder)
    home = folder.parents[1] if folder.parent.name == "checkpoints" else None
    last, command = kept["steps"], ""
    if home is not None:
        last = checkpoint.read_run(checkpoint.find(home, "last"))["steps"]
        with contextlib.suppress(FoveateError):  # what was measured needs no config.json
            command = str(read_config(home).get("command", ""))
    named = None if home is None else _TIME.search(home.resolve().name)
    written = datetime.datetime.fromtimestamp((folder / checkpoint.RUN).stat().st_mtime)
    begun = written if named is None else datetime.datetime.strptime(named[1], "%Y%m%d-%H%M%S")
    return {
        "run": str(path),
        "agent": str(kept["agent"]),
        "checkpoint": kept["steps"],
        "steps": last,
        "seed": kept.get("seed") or 0,
        "begun": f"{begun:%Y-%m-%d %H:%M}",
        "version": str(kept.get("versions", {}).get("foveate", "unknown")),
        "command": command,
    }


def made_now(command: str) -> Made:
    """How a page that is made now is made, by this command."""
    return {"command": command, "date": f"{datetime.datetime.now():%Y-%m-%d %H:%M}", "version": __version__}


def about(made: Made, origins: Sequence[tuple[str, Origin]]) -> str:
    """The part of a page that says where its figures come from.

    Args:
        made: how the page was made.
        origins: names of the arms, and their runs.
    """
    by = f" by: {made['command']}" if made["command"] else ""
    rows = [
        [arm, o["run"], str(o["seed"]), f"{o['steps']:,}", f"{o['checkpoint']:,}", o["begun"], o["version"],
         o["command"] or pages.NONE]
        for arm, o in origins
    ]  # fmt: skip
    return "".join(
        [
            pages.heading("What this was made from", 2),
            pages.paragraph(f"Made on {made['date']} with foveate {made['version']}{by}."),
            pages.table(HEAD, rows, "a checkpoint by itself doesn't say which command trained it"),
            "<p><small>Steps: of the training. Checkpoint: the steps after which the weights measured here were kept. "
            "Trained: when that began. foveate: the version that trained it.</small></p>",
        ]
    )
