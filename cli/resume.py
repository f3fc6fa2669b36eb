"""``train.py --resume RUN``: go on with a run where its last checkpoint was."""

import dataclasses
import json
import math
from pathlib import Path

from ..agents.learning import checkpoint
from ..agents.learning.options import learner_kind
from ..agents.learning.run_folder import cut_logs, read_config, write_config
from ..errors import FoveateError
from .configuration import Configuration, Values, read
from .outside import environment_of
from .training import note_missing, owned, prepare, report, together, train
from .words import take


def resume(folder: Path, arguments: list[str], imports: list[str]) -> int:
    """Go on with a run; returns the exit code.

    Args:
        folder: the run folder.
        arguments: ``--device``, ``--steps`` of a training that shall be longer, and what the run's environment names
            outside (``--env.data``), at most.
        imports: modules that this command line imported.

    Raises:
        FoveateError: another option is given, or the folder holds no run that can go on.
    """
    devices, rest = take(arguments, "--device")
    longer, rest = take(rest, "--steps")
    config = read(folder)
    note_missing(config, imports)
    allowed = "--resume takes the run's own options; only --steps, --device and --import may be added"
    config.env = environment_of(config.env_id, config.env, rest, folder, allowed)
    if devices:
        config.options.device = devices[0]
    with together(config) as processes, owned(folder):
        run = checkpoint.read_run(checkpoint.find(folder, prefer="last"))
        check_same(config, run)
        if longer:
            extend(config, longer[0], run["steps"])
        prepared = prepare(config, folder, run)
        if processes.first:
            cut_logs(folder, run)
        if longer and processes.first:
            plain = read_config(folder)  # as it is, but for this
            plain["options"]["steps"] = config.options.steps
            write_config(folder, plain)
            print(f"the learning rate falls over all {config.options.steps:,} steps now, so it rises again first")
        print(f"resuming {folder} at step {run['steps']:,} of {config.options.steps:,}", flush=True)
        return report(train(config, folder, prepared), folder, config, prepared.learner.policy)


def extend(config: Configuration, steps: str, made: int) -> None:
    """Give a training more steps.

    Args:
        config: its configuration, which is changed.
        steps: of the whole training, as a word.
        made: steps that it has made.

    Raises:
        FoveateError: that is no number of steps, or it has made as many already.
    """
    try:
        number = float(steps)
    except ValueError:
        number = math.nan
    if not number > made or number != number // 1:
        raise FoveateError(f"--steps {steps} is not allowed: it must be a whole number above {made:,}, the steps made.")
    config.options.steps = int(number)


def check_same(config: Configuration, run: Values) -> None:
    """Refuse a config.json that was changed where a run can't follow: what was begun goes on as it was.

    Args:
        config: of the run folder.
        run: the checkpoint's run.json. The number of worlds may differ: the training then goes on in new episodes.

    Raises:
        FoveateError: the seed, the agent or the learner differ.
    """
    kept = json.loads(json.dumps(_settings(run["learner"], run["agent"], run["agent_options"], run.get("seed"))))
    asked = json.loads(
        json.dumps(_settings(config.learner, config.agent, config.agent_options, config.options.seed), default=str)
    )
    free = {"agent.rows"} if config.options.curriculum else set()  # a lesson's memory may have fewer
    changed = [
        f"{name}: {asked.get(name)!r}, not {kept.get(name)!r}"
        for name in {**kept, **asked}
        if name not in free and asked.get(name) != kept.get(name)
    ]
    if changed:
        raise FoveateError(
            f"config.json was changed where the checkpoint can't follow ({'; '.join(changed)}): change it back, or "
            "begin a new run by --config."
        )


def _settings(learner: object, agent: object, agent_options: object, seed: object) -> Values:
    assert isinstance(learner, dict)
    assert isinstance(agent_options, dict)
    options = dataclasses.asdict(learner_kind(learner.get("objective", "reinforce")).make(learner))
    del options["worlds"]
    plain: Values = {"seed": seed, "agent": agent}
    plain |= {f"learner.{name}": value for name, value in options.items()}
    return plain | {f"agent.{name}": value for name, value in agent_options.items()}
