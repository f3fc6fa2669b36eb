"""The demonstration behind `make demo`: RAM on real digits against the same model on random glimpses.

Both train at the same time, one core each, with the same budget; then both are measured on test images that neither
has seen, and RAM's glimpse paths are filmed.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = "Glimpse/Digits-v0"


def main() -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("demo"), help="where runs, video and contact sheet go")
    parser.add_argument("--steps", type=int, default=2_400_000, help="environment steps of each of the two trainings")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    shutil.rmtree(out / "runs", ignore_errors=True)

    def train(agent: str) -> list[str]:
        words = [sys.executable, str(ROOT / "train.py"), ENVIRONMENT, agent, "--steps", str(arguments.steps)]
        return [*words, "--seed", str(arguments.seed), "--log-dir", str(out / "runs" / agent)]

    print(f"training RAM (shown) and the same model on random glimpses (quietly), {arguments.steps:,} steps each")
    with subprocess.Popen([*train("random-glimpse"), "--no-progress"], stdout=subprocess.DEVNULL) as other:
        if subprocess.call(train("ram")) != 0 or other.wait() != 0:
            return 1
    runs = [str(next((out / "runs" / agent).iterdir())) for agent in ("ram", "random-glimpse")]
    print("\non 1,000 test images, ten times each:")
    film = ["--video", str(out / "glimpses.mp4"), "--contact-sheet", str(out / "glimpses.png")]
    measure = [sys.executable, str(ROOT / "evaluate.py"), *runs, "--episodes", "10000", *film]
    return subprocess.call([*measure, "--json", str(out / "figures.json")])


if __name__ == "__main__":
    sys.exit(main())
