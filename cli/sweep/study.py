"""A search that learns from what came out, and gives up what does badly: Optuna's, kept in the sweep's folder.

All that was asked for and reported stands in journal.log. A sampler is made anew for each trial, from the sweep's seed
and the trial's number, so that a sweep which was killed proposes what it would have proposed.
"""

import json
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ...analysis.comparison.gather import Point
from ...errors import FoveateError
from .file import Pruning, SweepConfig
from .search import Trial, listed
from .space import Choice, Space, folder_name

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

JOURNAL, NAME = "journal.log", "sweep"
GIVEN_UP = "given up after steps"
VAIN = 100  # proposals in a row that were tried before
PARTS = 20  # steps of a trial to Optuna: twentieths of the training


class _NoLock:
    """The sweep's folder is locked as a whole, by a lock that ends with its process; Optuna's outlive a kill."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


class StudySearch:
    """Optuna's study of a sweep; whoever makes it must have the folder's lock.

    Args:
        config: of the sweep.
        lower: whether a lower score is better.

    Raises:
        FoveateError: Optuna isn't installed, or the folder holds another sweep.
    """

    adaptive = True

    def __init__(self, config: SweepConfig, lower: bool):
        self.config = config
        self._optuna = _imported(config)
        self._study = self._opened(config.folder / JOURNAL, lower)
        self._given = None if config.search == "tpe" else list(listed(config))
        self._live: dict[int, Any] = {}  # Optuna's trials that are not at their end, by number
        self._begun: list[Trial] = []  # each setting once
        self._scores: dict[str, float] = {}
        self._open: list[Trial] = []
        states = self._optuna.trial.TrialState
        for frozen in self._study.get_trials(deepcopy=False):
            if frozen.state == states.RUNNING:
                trial = self._resumed(frozen)
            else:
                trial = Trial(frozen.number, _setting(config.space, frozen.params), frozen.user_attrs.get(GIVEN_UP))
                if frozen.state == states.COMPLETE and frozen.value is not None:
                    self._scores[trial.name] = frozen.value
            if self._is_new(trial):
                self._begun.append(trial)
                self._open += [trial] * (frozen.state == states.RUNNING)
            elif frozen.state == states.RUNNING:
                self._study.tell(self._live.pop(trial.number), state=states.FAIL)

    def ask(self) -> Trial | None:
        """The next trial: one that was begun before, or what the sampler proposes that wasn't tried yet."""
        if self._open:
            return self._open.pop(0)
        for _ in range(VAIN):
            if len(self._begun) >= self.config.trials:
                return None
            self._study.sampler = self._sampler(len(self._study.get_trials(deepcopy=False)))
            live = self._study.ask()
            trial = Trial(live.number, self._suggested(live))
            if self._is_new(trial):
                self._live[trial.number] = live
                self._begun.append(trial)
                return trial
            known = self._scores.get(trial.name)  # what was proposed again says nothing new, or is still being trained
            self._study.tell(live, known, None if known is not None else self._optuna.trial.TrialState.FAIL)
        return None

    def known(self) -> list[Trial]:
        """All that were begun."""
        return self._begun

    def report(self, trial: Trial, twentieth: int, point: Point) -> bool:
        """Note a point of the curve, and ask the pruner, whose answer a kill must not lose."""
        live = self._live[trial.number]
        before = self._study.get_trials(deepcopy=False)[trial.number].intermediate_values
        if twentieth not in before:
            live.report(point.score, twentieth)
        elif twentieth < max(before):  # judged by an earlier call
            return False
        worse = self.config.pruning is not None and bool(live.should_prune())
        if worse:
            live.set_user_attr(GIVEN_UP, int(point.steps))
        return worse

    def tell(self, trial: Trial, score: float | None) -> None:
        """The end of a trial; one that failed is left open, and is the first to be tried when the sweep goes on."""
        live = self._live.pop(trial.number)
        if score is None:
            self._study.tell(live, state=self._optuna.trial.TrialState.PRUNED)
        else:
            self._scores[trial.name] = score
            self._study.tell(live, score)

    def _is_new(self, trial: Trial) -> bool:
        return trial.name not in {other.name for other in self._begun}

    def _opened(self, file: Path, lower: bool) -> "optuna.Study":
        optuna = self._optuna
        _cut_to_whole_lines(file)
        direction = "minimize" if lower else "maximize"
        pruner = _pruner(self.config.pruning, optuna)
        study = optuna.create_study(
            storage=_storage(file), study_name=NAME, load_if_exists=True, direction=direction, pruner=pruner
        )
        asked = _plain(self.config)
        kept = study.user_attrs.get("asked")
        if kept is None:
            study.set_user_attr("asked", asked)
        elif kept != asked:
            raise FoveateError(
                f"{self.config.folder} holds a sweep of another space, search, pruning or seeds: choose another folder."
            )
        return study

    def _resumed(self, frozen: "FrozenTrial") -> Trial:
        """A trial that was begun and is not at its end; a kill may have left it without some of its values."""
        self._study.sampler = self._sampler(frozen.number)
        live = self._live[frozen.number] = self._optuna.trial.Trial(self._study, frozen._trial_id)
        return Trial(frozen.number, self._suggested(live), frozen.user_attrs.get(GIVEN_UP))

    def _sampler(self, number: int) -> Any:
        seed = (self.config.seed * 1_000_003 + number) % 2**32
        samplers = self._optuna.samplers
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that some of it is experimental
            if self._given is not None:  # a list, none of which is there twice
                fixed = _params(self.config.space, self._given[number])
                return samplers.PartialFixedSampler(fixed, samplers.RandomSampler(seed=seed))
            startup = min(10, max(4, self.config.trials // 4))
            return samplers.TPESampler(n_startup_trials=startup, constant_liar=True, seed=seed)

    def _suggested(self, live: Any) -> dict[str, object]:
        """The values of a trial; the sampler is asked for those that it hasn't got yet."""
        params = {}
        for name, one in self.config.space.items():
            if isinstance(one, Choice):
                params[name] = live.suggest_categorical(name, [json.dumps(value) for value in one.values])
            elif one.whole:
                step = 1 if one.step is None else int(one.step)
                params[name] = live.suggest_int(name, int(one.low), int(one.high), log=one.log, step=step)
            else:
                params[name] = live.suggest_float(name, one.low, one.high, log=one.log, step=one.step)
        return _setting(self.config.space, params)


def known_trials(config: SweepConfig) -> list[Trial]:
    """The settings that were asked for so far, each once, and in a list those that will be; nothing is written.

    Args:
        config: of the sweep, which may be running.
    """
    optuna = _imported(config)
    file, found = config.folder / JOURNAL, dict[str, Trial]()
    if file.exists():
        frozen = optuna.load_study(study_name=NAME, storage=_storage(file)).get_trials(deepcopy=False)
        whole = [one for one in frozen if set(one.params) == set(config.space)]
        trials = [Trial(one.number, _setting(config.space, one.params), one.user_attrs.get(GIVEN_UP)) for one in whole]
        found = {trial.name: trial for trial in reversed(trials)}
    if config.search != "tpe":
        for number, setting in enumerate(listed(config)):
            found.setdefault(folder_name(setting), Trial(number, setting))
    return sorted(found.values(), key=lambda trial: trial.number)


def _storage(file: Path) -> Any:
    from optuna.storages.journal import JournalFileBackend, JournalStorage

    return JournalStorage(JournalFileBackend(str(file), lock_obj=cast(Any, _NoLock())))


def _imported(config: SweepConfig) -> Any:
    """Optuna, silent."""
    try:
        import optuna
    except ImportError as error:
        what = "pruning" if config.pruning is not None else f"search: {config.search}"
        raise FoveateError(f'{what} needs Optuna: pip install "foveate[sweep]"') from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _pruner(pruning: Pruning | None, optuna: Any) -> Any:
    if pruning is None:
        return optuna.pruners.NopPruner()
    warmup = int(pruning.warmup * PARTS)
    if pruning.method == "halving":
        return optuna.pruners.SuccessiveHalvingPruner(min_resource=max(1, warmup), reduction_factor=4)
    return optuna.pruners.MedianPruner(pruning.startup_trials, warmup)


def _cut_to_whole_lines(file: Path) -> None:
    """Cut off the last line where a kill left a part of it."""
    if not file.exists():
        return
    with file.open("rb+") as handle:
        content = handle.read()
        handle.truncate(content.rfind(b"\n") + 1)
        os.fsync(handle.fileno())


def _plain(config: SweepConfig) -> list[object]:
    """What can't change in a study: what is judged must have been judged alike."""
    pruning = None if config.pruning is None else vars(config.pruning)
    space = [[name, type(one).__name__, *one] for name, one in config.space.items()]
    return json.loads(json.dumps([config.search, config.seed, config.seeds, pruning, space], default=str))


def _params(space: Space, setting: dict[str, object]) -> dict[str, object]:
    """A setting as Optuna has it: values of a list are names to it."""
    return {name: json.dumps(value) if isinstance(space[name], Choice) else value for name, value in setting.items()}


def _setting(space: Space, params: dict[str, Any]) -> dict[str, object]:
    """A setting from what Optuna has of it."""
    setting: dict[str, object] = {}
    for name, one in space.items():
        value = params[name]
        setting[name] = {json.dumps(v): v for v in one.values}[value] if isinstance(one, Choice) else value
    return setting
