"""One thread in forked children: they have none of PyTorch's threads, and would wait for them forever.

Gymnasium's AsyncVectorEnv and many others fork on Linux, and our worlds compute with PyTorch. Imports nothing heavy:
every ``import foveate`` runs it.
"""

import os
import sys


def _one_thread() -> None:
    """Let PyTorch compute in the calling thread alone, if the parent had it loaded."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


def _forked() -> bool:
    """Whether this process is a child that multiprocessing forked, and we are imported in it for the first time."""
    processes = sys.modules.get("multiprocessing")
    return processes is not None and type(processes.current_process()).__name__ == "ForkProcess"


def guard() -> None:
    """See to it that children of this process compute, and that this one does if it is such a child."""
    if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
        os.register_at_fork(after_in_child=_one_thread)
    if _forked():
        _one_thread()
