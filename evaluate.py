"""Measure trained agents, and film them.

    python evaluate.py RUN …                        score with its interval, beside the certified scale
    python evaluate.py RUN --episodes 1000 --video path.mp4 --contact-sheet path.png
    python evaluate.py RUN --env.glimpses 8         in a world that differs from the one it was trained in
    python evaluate.py RUN RUN --sweep test-10 test-20 test-40 --plot sizes.png
                                                    how they generalise: one column a split
    python evaluate.py RUN --trace memory.png       what its external memory does (ntm, dnc)
    python evaluate.py RUN --saliency jacobian,perturbation --of value,advantage --video drive.mp4
                                                    what it looks at
    python evaluate.py RUN --score-saliency         how true that is: a table of all methods, a page and curves
    python evaluate.py compare RUN RUN … --report out
                                                    hard, soft or no attention: one page about all of them
    python evaluate.py write RUN "a text" --out page.svg
                                                    a text as it writes it by hand, in several styles
    python evaluate.py push RUN OWNER/NAME          its agent, with a model card, to the Hugging Face hub
    python evaluate.py play Probe/Driving-v0        by hand, in a window: you beside the agents
    python evaluate.py serve RUN …                  a page in the browser: draw for it, step its memory, drive, compare
    python evaluate.py --help                       all options

RUN is a run folder (its best checkpoint is taken), a checkpoint folder, zoo/NAME or hf://OWNER/NAME[@REVISION].
"""

import inspect
import sys

from foveate.cli.main import Program, use_path_of_script
from foveate.cli.main import main as run

VERBS = {
    "compare": "comparison",
    "write": "write",
    "play": "play.command",
    "serve": "serve.command",
    "push": "push",
}
PROGRAM = Program(inspect.cleandoc(__doc__ or ""), VERBS, "evaluate", paths_first=True)


def main(arguments: list[str] | None = None) -> int:
    """Entry point of `foveate-evaluate`; returns the exit code."""
    return run(PROGRAM, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    use_path_of_script(__file__)
    sys.exit(main())
