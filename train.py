"""Train an agent in an environment.

python train.py ENV AGENT [options]     for example: python train.py Glimpse/TranslatedDigits-v0 ram --seed 1
python train.py ENV AGENT --help        all options of this pair, with types and defaults
python train.py list                    every environment and agent, one line each
python train.py compare PLAN.yaml       several agents in several worlds over several seeds, and a report
python train.py sweep CONFIG.yaml       many settings of a training, by grid, at random or by TPE, and a leaderboard
python train.py draw                    DRAW draws digits: the generator of the lecture, with its film
python train.py --resume RUN            go on with a run that was stopped or killed
python train.py --config FILE           train as a run's config.json says, in a new run folder
python train.py --import MODULE …       import MODULE first (it may register environments and agents)
python train.py ENV AGENT --learner ppo reinforce, a2c, ppo, dqn or backprop
torchrun --nproc-per-node N train.py …  the same training by N processes
"""

import inspect
import sys

from foveate.cli.main import Program, use_path_of_script
from foveate.cli.main import main as run

VERBS = {"list": "listing", "compare": "compare", "sweep": "sweep.command", "draw": "draw"}
PROGRAM = Program(inspect.cleandoc(__doc__ or ""), VERBS, "train")


def main(arguments: list[str] | None = None) -> int:
    """Entry point of `foveate-train`; returns the exit code."""
    return run(PROGRAM, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    use_path_of_script(__file__)
    sys.exit(main())
