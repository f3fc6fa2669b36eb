"""What the server of `forked` has at hand before it forks: the modules, and the digits, which take seconds to read."""

import foveate.cli.resume
import foveate.cli.train
import foveate.cli.training  # noqa: F401
from foveate.envs.glimpse.data import load

for split in ("train", "validation"):
    load("mnist", split)
