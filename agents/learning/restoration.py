"""A learner put into the state of a checkpoint: weights and counts to play, the rest to go on learning exactly."""

import warnings
from pathlib import Path

import torch
from torch import Tensor

from ...errors import FoveateError, FoveateWarning
from .checkpoint import AVERAGE, OPTIMIZER, REPLAY, RUN, WEIGHTS, WORLDS, Run
from .learner import EpisodeRow, Learner
from .tensors import read_tensors

MOST_MOMENTS, MOST_RANDOM_BYTES, MOST_WORLD_BYTES = 4, 2**20, 2**31  # what a checkpoint may make a resume read
SEEDS_APART = 1_000_003


def restore(learner: Learner, folder: Path, run: Run, training: bool) -> None:
    """Put a learner of the described agent into the state of a checkpoint.

    Args:
        learner: whose weights and counts are read.
        folder: the checkpoint.
        run: its run.json.
        training: also read the state of the optimiser, of the random generators and of the environments.

    Raises:
        FoveateError: a file is damaged, or of another run.
    """
    expected = learner.policy.state_dict()
    weights = read_tensors(folder / WEIGHTS, sum(value.nbytes for value in expected.values()))
    try:
        learner.policy.load_state_dict(weights)
    except RuntimeError as error:
        raise FoveateError(f"{folder / WEIGHTS} doesn't fit the agent that {RUN} describes: {error}") from error
    counts = learner.counts
    counts.steps, counts.iterations = run["steps"], run["iterations"]
    counts.updates, counts.episodes = run.get("updates", 0), run.get("episodes", 0)
    if training:
        _restore_training(learner, folder, run)


def _restore_training(learner: Learner, folder: Path, run: Run) -> None:
    # an optimiser keeps a few numbers for each weight
    room = MOST_MOMENTS * sum(value.nbytes for value in learner.policy.state_dict().values()) + MOST_RANDOM_BYTES
    tensors, saved = read_tensors(folder / OPTIMIZER, room), read_tensors(folder / WORLDS, MOST_WORLD_BYTES)
    try:
        _restore_optimizer(learner, tensors, run)
        if len(saved) < run.get("world_entries", 0):
            raise KeyError(f"{WORLDS} holds {len(saved)} of {run['world_entries']} entries")
        replay = _read_replay(learner, folder, run)
        learner.load_replay(replay)
        _restore_worlds(learner, saved)
    except (KeyError, ValueError, RuntimeError, TypeError, IndexError) as error:
        raise FoveateError(f"{folder}: the training state is damaged or of another run: {error}") from error
    recent: list[EpisodeRow] = [row for row in run.get("recent_episodes", []) if isinstance(row, dict)]
    learner.recent.clear()
    learner.recent.extend(recent)
    learner.resumed = True


def _restore_optimizer(learner: Learner, tensors: dict[str, Tensor], run: Run) -> None:
    """The optimiser's moments and the random generators.

    Raises:
        KeyError: entries are missing, without which the training would go on otherwise.
        ValueError: entries are of other weights.
    """
    expected = run.get("optimizer_entries", 2 if run.get("updates") else 1)  # earlier checkpoints don't say
    if len(tensors) < expected:
        raise KeyError(f"{OPTIMIZER} holds {len(tensors)} of {expected} entries")
    random = {name: tensors.pop(name) for name in list(tensors) if name.startswith("random.")}
    mean = {int(name.removeprefix(AVERAGE)): tensors.pop(name) for name in list(tensors) if name.startswith(AVERAGE)}
    entries: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        number, key = name.split(".", 1)
        entries.setdefault(int(number), {})[key] = value
    weights = [weight for group in learner.optimizer.param_groups for weight in group["params"]]
    for number, entry in entries.items():
        for key, value in entry.items():
            if value.ndim and value.shape != weights[number].shape:
                raise ValueError(f"{number}.{key} in {OPTIMIZER} is {list(value.shape)}")
    learner.optimizer.load_state_dict({**learner.optimizer.state_dict(), "state": entries})
    if learner.average is not None:  # that was kept from now on begins with the weights of now
        learner.average.load([mean[i] for i in range(len(mean))] if mean else list(learner.policy.parameters()))
    torch.set_rng_state(random["random.cpu"])
    if learner.device.type == "cuda" and "random.cuda" in random:
        torch.cuda.set_rng_state(random["random.cuda"], learner.device)


def _read_replay(learner: Learner, folder: Path, run: Run) -> dict[str, Tensor]:
    """What a checkpoint keeps of a replay memory; nothing where it keeps none.

    Raises:
        KeyError: entries are missing.
    """
    expected, room = run.get("replay_entries", 0), learner.replay_bytes()
    if not expected or not room:
        return {}
    tensors = read_tensors(folder / REPLAY, room)
    if len(tensors) < expected:
        raise KeyError(f"{REPLAY} holds {len(tensors)} of {expected} entries")
    return tensors


def _restore_worlds(learner: Learner, saved: dict[str, Tensor]) -> None:
    """The environments and the collector, where the environments can be put back."""
    collector = learner.collector
    assert collector is not None
    worlds, environments = _below("worlds.", saved), collector.environments
    if not worlds or environments is None or not environments.resumes:
        return
    before, now = (len(state["key"]) if "key" in state else 0 for state in (worlds, environments.state_dict()))
    now *= learner.processes.size
    if before and now and before != now:
        warnings.warn(
            f"the checkpoint was made with {before} worlds and goes on in {now}: from its weights and optimiser, with "
            "new episodes.",
            FoveateWarning,
            stacklevel=2,
        )
        # seeds of their own: these worlds don't repeat the episodes that the training began with
        collector.begin((learner.seed or 0) + SEEDS_APART * (1 + learner.counts.iterations))
        return
    kept = _below("collector.", saved) or _below("player.", saved)  # earlier checkpoints say "player"
    if environments.rows is not None:  # a checkpoint holds the worlds of all processes, however many wrote it
        worlds, kept = environments.rows.take(worlds), environments.rows.take(kept)
    environments.load_state_dict(worlds)
    collector.load_state_dict({name: value.to(learner.device) for name, value in kept.items()})


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with the prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
