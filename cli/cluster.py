"""Trainings on a Ray cluster (the extra ``ray``): each in an actor of its own, on whatever machine has a core to spare.

Run folders lie on a disk that all machines see, so what a machine began another goes on with, from the last checkpoint,
when the first one is lost.
"""

import contextlib
import importlib
import os
import platform
from pathlib import Path
from typing import Any

from ..errors import FoveateError
from ..files import reason
from .children import CHILDREN
from .queue import Training, work
from .scheduler import wait_until_free

MOST_LOSSES = 10  # machines that may be lost under one training


class Worker:
    """What an actor does: one training; asked to stop meanwhile, in another of its threads.

    Args:
        folder: where the command was called.
    """

    def __init__(self, folder: str):
        os.chdir(folder)

    def work(self, training: Training) -> str:
        """Train, on this machine; returns a line about it."""
        if not training.home.parent.is_dir():
            return (
                f"failed: {platform.node()} doesn't see {training.home.parent}: a cluster needs a folder on a disk "
                "that all its machines see"
            )
        if training.config.imports:
            from ..envs.registry import import_modules

            import_modules(training.config.imports)
        return work(training)

    def stop(self) -> None:
        """Ask the training to save itself and end."""
        CHILDREN.stop()


class RayExecutor:
    """Machines of a Ray cluster.

    Args:
        address: of the cluster: "auto", or HOST:PORT.
        workers: trainings at a time; 0 is one for each core of the cluster.
        gpus: of each training.

    Raises:
        FoveateError: Ray isn't installed, or there is no cluster.
    """

    def __init__(self, address: str, workers: int = 0, gpus: float = 0.0):
        try:
            ray: Any = importlib.import_module("ray")  # which need not be here, not even for a check of types
        except ImportError as error:
            raise FoveateError('--ray needs Ray: pip install "foveate[ray]"') from error
        try:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise FoveateError(f"--ray {address} can't be reached: {reason(error)}.") from error
        self._ray = ray
        cores = int(ray.cluster_resources().get("CPU", 0))
        if not workers and not cores:
            self.close()
            raise FoveateError(f"--ray {address}: the cluster has no core to train on.")
        self.workers = workers or cores
        self.stopping = False
        self._actor = ray.remote(num_cpus=1, num_gpus=gpus, max_concurrency=2)(Worker)
        self._actors: dict[Path, Any] = {}

    def work(self, training: Training) -> str:
        """Train on some machine, and on another when that is lost; called in a thread of its own."""
        home = training.home.absolute()
        home.parent.mkdir(parents=True, exist_ok=True)
        training.config.options.log_dir = home
        lost = ""
        for _ in range(MOST_LOSSES):
            if self.stopping:
                return f"stopped: {home.name}"
            actor = self._actors[home] = self._actor.remote(os.getcwd())
            try:
                return self._ray.get(actor.work.remote(training._replace(home=home)))
            except self._ray.exceptions.RayActorError as error:  # a machine or its memory: no fault of the training
                lost = reason(error)
            finally:
                del self._actors[home]
                with contextlib.suppress(self._ray.exceptions.RayError):
                    self._ray.kill(actor)
            wait_until_free(home, lambda: self.stopping)  # where only the connection was lost it still trains
        return f"failed: {home.name}: its machine was lost {MOST_LOSSES} times: {lost}"

    def stop(self, home: Path | None = None) -> None:
        """Ask one of them, or all, to save themselves and end."""
        self.stopping = self.stopping or home is None
        for where, actor in list(self._actors.items()):
            if home is None or where == home.absolute():
                actor.stop.remote()

    def close(self) -> None:
        """Leave the cluster."""
        self._ray.shutdown()
