"""``train.py … --track wandb,mlflow``: a run's figures, configuration and result in experiment trackers, too.

metrics.csv is what counts: a tracker that fails, for want of a network say, is spoken of once and left alone, and the
training goes on. Which tracked run belongs to a run folder, and how far it was told, stands in tracking.json there, so
that a resumed training goes on in the same one and tells nothing twice.
"""

import importlib
import json
import os
import secrets
import time
import warnings
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Protocol

import numpy as np
from msgspec import Meta, Struct
from stable_baselines3.common.logger import KVWriter

from ..agents.learning.run_folder import METRICS, read_metrics, replace
from ..errors import FoveateError, FoveateWarning, check_choice
from ..files import conform, read_json, reason
from .output import STOPPED
from .words import names

FILE = "tracking.json"
PACKAGES = {"wandb": ("wandb",), "mlflow": ("mlflow", "sqlalchemy")}  # the extras, and what they install
PROJECT = "foveate"
_LETTERS = 500  # of a parameter's value in MLflow


class Tracked(Struct):
    """What tracking.json holds of one tracker.

    Attributes:
        id: of the tracked run.
        rows: of the log that it was told.
    """

    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    rows: Annotated[int, Meta(ge=0)] = 0


class Tracker(Protocol):
    """One tracked run."""

    def log(self, figures: Mapping[str, float], step: int) -> None:
        """Figures at a step."""
        ...

    def finish(self, result: Mapping[str, float], finished: bool) -> None:
        """The training ended, or was stopped; what came out of it."""
        ...


class WandbTracker:
    """A run of Weights & Biases; the project is WANDB_PROJECT's, or foveate.

    Args:
        folder: of the run; its name is the run's.
        config: its configuration.
        run_id: of the tracked run, which is made or gone on with.
        begun: whether there is one.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any], run_id: str, begun: bool):
        wandb: Any = importlib.import_module("wandb")
        figures_alone = {"console": "off", "save_code": False, "disable_git": True, "silent": True}
        settings = wandb.Settings(**figures_alone, init_timeout=30)
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT), name=folder.name, id=run_id, resume="allow", dir=folder,
            group=config["env_id"], tags=[config["preset"]], config=dict(config), settings=settings,
        )  # fmt: skip
        self.id = run_id

    def log(self, figures: Mapping[str, float], step: int) -> None:
        self._run.log(dict(figures), step=step)

    def finish(self, result: Mapping[str, float], finished: bool) -> None:
        self._run.summary.update(dict(result))
        self._run.finish(exit_code=0 if finished else STOPPED)


class MlflowTracker:
    """A run of MLflow; the store is MLFLOW_TRACKING_URI's, the experiment MLFLOW_EXPERIMENT_NAME's, or foveate.

    Arguments as in `WandbTracker`; MLflow gives the id.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any], run_id: str, begun: bool):
        # its own defaults try for minutes, in which nothing would be learned
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
        mlflow: Any = importlib.import_module("mlflow")
        entities: Any = importlib.import_module("mlflow.entities")
        self._client, self._entities = mlflow.MlflowClient(os.environ.get("MLFLOW_TRACKING_URI") or None), entities
        if begun:
            self.id = self._client.get_run(run_id).info.run_id
            self._client.update_run(self.id, status="RUNNING")
            return
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
        tags = {"environment": config["env_id"], "agent": config["preset"]}
        run = self._client.create_run(_experiment(self._client, name), run_name=folder.name, tags=tags)
        self.id = run.info.run_id
        known = {key: str(value)[:_LETTERS] for key, value in _flat(config).items()}
        parameters = [entities.Param(key, value) for key, value in known.items()]
        for first in range(0, len(parameters), 100):  # as many as one call takes
            self._client.log_batch(self.id, params=parameters[first : first + 100])

    def log(self, figures: Mapping[str, float], step: int) -> None:
        now = int(time.time() * 1000)
        self._client.log_batch(self.id, [self._entities.Metric(k, v, now, step) for k, v in figures.items()])

    def finish(self, result: Mapping[str, float], finished: bool) -> None:
        for name, value in result.items():
            self._client.log_metric(self.id, f"result/{name}", value)
        self._client.set_terminated(self.id, "FINISHED" if finished else "KILLED")


def _experiment(client: Any, name: str) -> str:
    """The id of an experiment, which another training may be making just now."""
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return client.create_experiment(name)
        except Exception:
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    return found.experiment_id


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, object]:
    """A configuration as parameters: ``env.size``, ``learner.lr``, …"""
    flat: dict[str, object] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{before}{name}.") if isinstance(value, dict) else {before + name: value}
    return flat


TRACKERS: dict[str, Callable[[Path, Mapping[str, Any], str, bool], Any]] = {
    "wandb": WandbTracker,
    "mlflow": MlflowTracker,
}


def trackers_of(track: str) -> list[str]:
    """The names in ``--track a,b``.

    Raises:
        FoveateError: there is no such tracker, or one stands there twice.
    """
    return [check_choice("tracker", name, TRACKERS) for name in names(track, "--track")]


def missing(name: str) -> str:
    """What to do where a tracker isn't installed; empty where it is."""
    there = all(find_spec(package) is not None for package in PACKAGES[name])
    return "" if there else f'--track {name} needs {name}: pip install "foveate[{name}]".'


def check_installed(track: str) -> None:
    """Raise a FoveateError unless all trackers in ``--track a,b`` are installed."""
    for name in trackers_of(track):
        if missing(name):
            raise FoveateError(missing(name))


class Tracking(KVWriter):
    """Tells trackers what goes into the log; one that fails is left alone from then on.

    Args:
        folder: of the run.
        config: its configuration.
        track: names of trackers, as in ``--track``.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any], track: str):
        self.folder = folder
        self.trackers: dict[str, Tracker] = {}
        self.told: dict[str, Tracked] = {}
        self.rows = len(
            read_metrics(folder / METRICS)
        )  # of the log so far: a resumed run's goes back to its checkpoint
        if (folder / FILE).exists():
            try:
                self.told = conform(read_json(folder / FILE), dict[str, Tracked], folder / FILE)
            except FoveateError as error:
                _warn(track, f"{error} It begins anew.", "")
        for name in trackers_of(track):
            if missing(name):  # elsewhere it was there
                _warn(name, missing(name))
            else:
                self._guarded(name, lambda name=name: self._open(name, config))

    def _open(self, name: str, config: Mapping[str, Any]) -> None:
        begun = name in self.told
        known = self.told.get(name) or Tracked(secrets.token_hex(8))
        tracker = TRACKERS[name](self.folder, config, known.id, begun)
        self.trackers[name], self.told[name] = tracker, Tracked(tracker.id, known.rows)
        self._keep()

    def _guarded(self, name: str, do: Callable[[], object]) -> None:
        try:
            do()
        except Exception as error:  # whatever it is, it is none of the training's business
            self.trackers.pop(name, None)
            _warn(name, f"{type(error).__name__}: {reason(error)}.")

    def _keep(self) -> None:
        plain = {name: {"id": known.id, "rows": known.rows} for name, known in self.told.items()}
        replace(self.folder / FILE, json.dumps(plain, indent=1))

    def write(self, key_values: dict[str, object], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        plain = {key: value.item() if isinstance(value, np.generic) else value for key, value in key_values.items()}
        figures = {key: float(value) for key, value in plain.items() if isinstance(value, (int, float))}
        self.rows += 1
        for name, tracker in list(self.trackers.items()):
            if self.rows > self.told[name].rows:  # else it was told before the run was cut off: the same, to the bit
                self.told[name].rows = self.rows
                self._guarded(name, lambda tracker=tracker: tracker.log(figures, step))
        if self.trackers:
            self._keep()

    def finish(self, result: Mapping[str, float], finished: bool) -> None:
        """The training ended, or was stopped.

        Args:
            result: its figures.
            finished: whether it reached its end.
        """
        for name, tracker in list(self.trackers.items()):
            self._guarded(name, lambda tracker=tracker: tracker.finish(result, finished))
        self.trackers.clear()

    def close(self) -> None:
        """`finish` did it."""


def _warn(name: str, why: str, then: str = "Nothing more goes there.") -> None:
    text = f"--track {name}: {why} {then} The training goes on, and its figures are in metrics.csv."
    warnings.warn(" ".join(text.split()), FoveateWarning, stacklevel=3)
