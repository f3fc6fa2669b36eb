"""Processes that begin in no time: a server that has imported everything forks them."""

import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["warm"])


def _run(target: Callable[..., int], words: tuple, out: str, err: str) -> None:
    import torch

    for number, name in ((1, out), (2, err)):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    torch.set_num_threads(1)
    sys.exit(target(*words))


def start(target: Callable[..., int], *words: object, out: Path, err: Path) -> BaseProcess:
    """Begin a function, whose result is the exit code; what it prints goes to the ends of two files, or of one."""
    with pytest.MonkeyPatch.context() as patch:  # the server must find the modules beside this file
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
        forkserver.ensure_running()
    process = SERVER.Process(target=_run, args=(target, words, str(out), str(err)))
    process.start()
    return process
