"""Running the commands as a user does, in a process of its own."""

import subprocess
import sys
from pathlib import Path


def command(root: Path, *words: str, cwd: Path | None = None, **more: object) -> subprocess.CompletedProcess:
    script = str(root / words[0])
    return subprocess.run(
        [sys.executable, script, *words[1:]], capture_output=True, text=True, cwd=cwd or root, timeout=300, **more
    )  # type: ignore[call-overload, no-any-return]


def run_folder(log_dir: Path) -> Path:
    (folder,) = [f for f in log_dir.iterdir() if f.is_dir()]
    return folder
