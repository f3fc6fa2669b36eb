"""Running the commands as a user does: in a process of its own, or, for speed, the same entry point in this one."""

import contextlib
import io
import os
import runpy
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

import pytest
from forked import start

from foveate import evaluate, train
from foveate.cli import evaluate as evaluate_command

ENTRY = {"train.py": train.main, "evaluate.py": evaluate.main}


def command(
    root: Path, *words: str, cwd: Path | None = None, apart: bool = False, forked: bool = False
) -> subprocess.CompletedProcess:
    """Run ``python train.py …`` or ``python evaluate.py …``.

    Args:
        root: of the checkout.
        *words: the script and its arguments.
        cwd: where; the checkout if None.
        apart: in a process of its own, which takes seconds to begin; needed where all that it imports counts.
        forked: in a process of its own that has imported foveate; needed where a user's modules and ids count.
    """
    if apart:
        script = [sys.executable, str(root / words[0]), *words[1:]]
        return subprocess.run(script, capture_output=True, text=True, cwd=cwd or root)
    if forked:
        return _forked(root, words, cwd or root)
    out, err, argv, here = io.StringIO(), io.StringIO(), sys.argv, Path.cwd()
    sys.argv = [str(root / words[0]), *words[1:]]
    os.chdir(cwd or root)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = ENTRY[words[0]]()
    except SystemExit as stop:  # tyro's help and errors
        code = stop.code if isinstance(stop.code, int) else 1
    except Exception:
        code = 1
        err.write(traceback.format_exc())
    finally:
        sys.argv = argv
        os.chdir(here)
    return subprocess.CompletedProcess(list(words), int(code or 0), out.getvalue(), err.getvalue())


def _forked(root: Path, words: tuple[str, ...], cwd: Path) -> subprocess.CompletedProcess:
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        process = start(_script, str(root), words, str(cwd), out=out, err=err)
        process.join()
        return subprocess.CompletedProcess(list(words), process.exitcode or 0, out.read_text(), err.read_text())


def _script(root: str, words: tuple[str, ...], cwd: str) -> int:
    """What ``python ROOT/train.py …`` does in a folder."""
    script = str(Path(root) / words[0])
    sys.argv, sys.path[:0] = [script, *words[1:]], [root]
    os.chdir(cwd)
    runpy.run_path(script, run_name="__main__")
    return 0


def measure_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """`evaluate.py` in this process does all that it is asked for, on few episodes, frames and moments."""
    configure = evaluate_command.configure

    def little(*words: Any) -> Any:
        options, changed = configure(*words)
        options.episodes, options.frames, options.moments, options.shown = min(options.episodes or 0, 4), 3, 2, 1
        options.progress = False
        return options, changed

    monkeypatch.setattr(evaluate_command, "configure", little)


def run_folder(log_dir: Path) -> Path:
    (folder,) = [f for f in log_dir.iterdir() if f.is_dir()]
    return folder
