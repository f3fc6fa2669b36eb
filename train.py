"""Train an agent in an environment.

python train.py ENV AGENT [options]     for example: python train.py Glimpse/TranslatedDigits-v0 ram --seed 1
python train.py ENV AGENT --help        all options of this pair, with types and defaults
python train.py list                    every environment and agent, one line each
python train.py compare CONFIG.yaml     several agents in several worlds over several seeds, and a report
python train.py draw                    DRAW draws digits: the generator of the lecture, with its film
python train.py --resume RUN            go on with a run that was stopped or killed
python train.py --import MODULE …       import MODULE first (it may register environments and agents)
python train.py ENV AGENT --learner ppo reinforce, a2c, ppo, dqn or backprop
"""

import sys
from pathlib import Path

if __name__ == "__main__":  # as a script: the checkout's folders must not shadow the user's modules
    _here = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != _here]
    # `--import their_module` finds a module where the user is; in the checkout itself only after all else
    sys.path.insert(len(sys.path) if Path.cwd().resolve() == _here else 0, str(Path.cwd()))

import dataclasses
import inspect
import shlex
from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from foveate import FoveateError
from foveate.errors import unknown

VERBS = ("list", "compare", "draw")


@dataclass
class RunOptions:
    """Options of every run.

    Attributes:
        seed: seeds the weights, the sampling and the worlds.
        device: "auto" (the GPU if there is one), "cpu", "cuda", …
        steps: environment steps of the whole training.
        log_dir: where run folders are made.
        eval_every: steps between evaluations on the validation split; 0 is a twentieth of all steps.
        eval_episodes: episodes of each evaluation.
        save_every: steps between checkpoints; 0 is a twentieth of all steps.
        log_every: rollouts between two rows of the log.
        curriculum: take the environment's lessons (of worlds that have some) in order, each until it is passed.
        pass_score: share of episodes that must be wholly right to pass a lesson.
        trace: keep a picture of the memory at each evaluation, and a video of them (agents with an external memory).
        tensorboard: write TensorBoard events beside metrics.csv.
        progress: show progress.
        threads: CPU threads of PyTorch; small networks gain nothing from more than one.
    """

    seed: int = 0
    device: str = "auto"
    steps: int = 1_000_000
    log_dir: Path = Path("runs")
    eval_every: int = 0
    eval_episodes: int = 800
    save_every: int = 0
    log_every: int = 50
    curriculum: bool = False
    pass_score: float = 0.9
    trace: bool = False
    tensorboard: bool = True
    progress: bool = True
    threads: int = 1

    def __post_init__(self) -> None:
        from foveate.errors import check_range

        for name in ("steps", "eval_episodes", "log_every", "threads"):
            check_range(name, getattr(self, name), 1)
        for name in ("eval_every", "save_every"):
            check_range(name, getattr(self, name), 0)
        check_range("pass_score", self.pass_score, 0.0, 1.0)
        check_range("seed", self.seed, 0, 2**32 - 1)


def print_list() -> None:
    """Every environment and agent, one line each."""
    import gymnasium as gym

    from foveate.agents import AGENTS, presets
    from foveate.envs.registry import world_class

    print("environments")
    for env_id in sorted(gym.registry):
        world = world_class(env_id) if "/" in env_id else None
        if world is not None:
            print(f"  {env_id:<32} {(inspect.getdoc(world) or '').splitlines()[0]}")
    print("agents")
    for name in presets.names():
        print(f"  {name:<32} {presets.load(name)['about']}")
    for name in sorted(set(AGENTS) - set(presets.names())):
        print(f"  {name:<32} {(inspect.getdoc(AGENTS[name]) or '').splitlines()[0]}")


def options_class(env_id: str, preset: dict[str, Any]) -> type:
    """The dataclass of all options of a pair: the run's, `env`, `agent` and `learner`."""
    from foveate.agents import AGENTS
    from foveate.agents.learning.options import options_class as learner_options
    from foveate.cli.options import dataclass_of
    from foveate.envs.registry import env_options, is_slow
    from foveate.introspect import constructor_options

    known = env_options(env_id)
    wanted = {name: value for name, value in preset["env"].items() if name in known}
    env = dataclass_of("Environment", known, wanted)
    agent = dataclass_of("Agent", constructor_options(AGENTS[preset["agent"]]), preset["agent_options"])
    kind = learner_options(preset["learner"].get("objective", "reinforce"))
    learner = kind(**preset["learner"])
    fields: list[tuple] = [
        ("steps", int, dataclasses.field(default=preset.get("steps", RunOptions.steps))),
        ("curriculum", bool, dataclasses.field(default=preset.get("curriculum", False))),
        ("eval_episodes", int, dataclasses.field(default=10 if is_slow(env_id) else RunOptions.eval_episodes)),
        (
            "env",
            Annotated[env, tyro.conf.arg(help=f"options of {env_id}")],
            dataclasses.field(default_factory=env),
        ),
        (
            "agent",
            Annotated[agent, tyro.conf.arg(help="options of the agent")],
            dataclasses.field(default_factory=agent),
        ),
        (
            "learner",
            Annotated[kind, tyro.conf.arg(help="how it learns")],
            dataclasses.field(default_factory=lambda: learner),
        ),
    ]
    return dataclasses.make_dataclass("Run", fields, bases=(RunOptions,))


def load_preset(agent: str, env_id: str, objective: str | None) -> dict[str, Any]:
    """The preset of an agent for an environment; an agent without a preset (a user's own) gets an empty one."""
    from foveate.agents import AGENTS, presets
    from foveate.agents.learning.options import OBJECTIVE_DEFAULTS
    from foveate.errors import check_choice

    if agent in presets.names():
        preset = presets.load(agent, env_id)
    elif agent in AGENTS:
        preset = {"agent": agent, "env": {}, "agent_options": {}, "learner": {"objective": "reinforce"}}
    else:
        raise unknown("agent", agent, {*presets.names(), *AGENTS})
    if objective is not None:
        check_choice("learner", objective, OBJECTIVE_DEFAULTS)
        before = preset["learner"].get("objective", "reinforce")
        if objective != before:
            kept = preset["learner"] if not {"backprop", "dqn"} & {objective, before} else {}
            if "likelihood_reward" in kept:
                kept |= {"likelihood_reward": False}
            special = preset.get("learners", {}).get(objective, {})
            preset["learner"] = {**kept, **OBJECTIVE_DEFAULTS[objective], **special, "objective": objective}
    return preset


def configure(arguments: list[str], imports: list[str]) -> dict[str, Any]:
    """The resolved configuration of a new run, as plain data."""
    from foveate.cli.options import parse, take
    from foveate.envs.registry import check_id, check_one_agent, full_id

    objective, arguments = take(arguments, "--learner")
    words = [word for word in arguments[:2] if not word.startswith("-")]
    if len(words) < 2:
        raise FoveateError("ENV and AGENT come first, as in: Glimpse/TranslatedDigits-v0 ram. `list` shows all.")
    env_id, agent = full_id(words[0]), words[1]
    check_id(env_id)
    preset = load_preset(agent, env_id, objective[0] if objective else None)
    kind = options_class(env_id, preset)
    run = parse(kind, arguments[2:], f"train.py {env_id} {agent}", f"Train {agent} in {env_id}.")
    options = {f.name: getattr(run, f.name) for f in dataclasses.fields(RunOptions)}
    options["log_dir"] = str(options["log_dir"])
    if options["trace"]:
        check_one_agent(env_id, "--trace")
    for name in ("eval_every", "save_every"):
        options[name] = options[name] or max(1, options["steps"] // 20)
    return {
        "env_id": env_id,
        "preset": agent,
        "agent": preset["agent"],
        "env": dataclasses.asdict(run.env),
        "agent_options": dataclasses.asdict(run.agent),
        "learner": dataclasses.asdict(run.learner),
        "options": options,
        "imports": imports,
        "command": shlex.join(["python", *sys.argv]),
    }


def train(config: dict[str, Any], folder: Path, resumed: dict[str, Any] | None = None) -> bool:
    """Train as configured in a run folder; True if the training reached its end.

    Args:
        config: from `configure`, or a run's config.json.
        folder: the run folder.
        resumed: the run.json of the checkpoint to go on from.
    """
    import torch

    from foveate.agents import agent_class, learner_class
    from foveate.agents.learning import checkpoint
    from foveate.agents.learning.curriculum import Curriculum
    from foveate.agents.learning.options import options_class as learner_options
    from foveate.agents.learning.run_folder import Keeper, make_logger
    from foveate.analysis.measure import pick_device
    from foveate.cli.loop import RunCallback, Stop
    from foveate.envs.registry import make_worlds

    options = config["options"]
    torch.set_num_threads(options["threads"])
    device = pick_device(options["device"])
    progress = None if resumed is None else resumed.get("progress")
    curriculum = None
    if options["curriculum"]:
        lesson = (progress or {}).get("lesson", 1)
        curriculum = Curriculum(config["env_id"], config["env"], options["pass_score"], lesson)
    arguments = config["env"] if curriculum is None else curriculum.arguments
    worlds = make_worlds(config["env_id"], config["learner"]["worlds"], str(device), arguments)
    if resumed is None:
        objective = config["learner"]["objective"]
        learner = learner_class(objective)(
            agent_class(config["agent"]),
            worlds,
            learner_options(objective)(**config["learner"]),
            policy_kwargs=config["agent_options"],
            seed=options["seed"],
            device=device,
        )
    else:
        learner = checkpoint.load(folder, worlds, device, prefer="last")
    learner.set_logger(make_logger(folder, options["tensorboard"]))
    callback = RunCallback(
        Keeper(folder, {**config, "env": arguments}),
        config["env_id"],
        arguments,
        options["steps"],
        options["eval_every"],
        options["eval_episodes"],
        options["save_every"],
        options["progress"],
        progress,
        curriculum,
        folder / "traces" if options["trace"] else None,
    )
    finished = True
    with callback.stoppable():
        try:
            left = max(0, options["steps"] - learner.num_timesteps)
            learner.learn(left, callback, options["log_every"], reset_num_timesteps=resumed is None)
        except Stop:
            finished = False
    learner.logger.close()
    return finished


def resume(run: str, arguments: list[str], imports: list[str]) -> int:
    """Go on with a run where its last checkpoint was."""
    from foveate.agents.learning import checkpoint
    from foveate.agents.learning.run_folder import cut_logs, read_config
    from foveate.cli.options import take
    from foveate.envs.registry import check_id

    devices, arguments = take(arguments, "--device")
    if arguments:
        raise FoveateError(
            f"--resume takes the run's own options; only --device and --import may be added, got {arguments}."
        )
    folder = Path(run)
    config = read_config(folder)
    missing = [name for name in config.get("imports", []) if name not in imports]
    if missing:
        print(f"note: the run imported {', '.join(missing)}; add --import to import it again.", file=sys.stderr)
    check_id(config["env_id"])
    try:
        RunOptions(**config["options"])
    except TypeError as error:
        raise FoveateError(f"{folder / 'config.json'} is damaged: {error}.") from error
    config["options"] = {**dataclasses.asdict(RunOptions()), **config["options"]}
    if devices:
        config["options"]["device"] = devices[0]
    state = checkpoint.read_run(checkpoint.find(folder, prefer="last"))
    cut_logs(folder, state)
    print(f"resuming {folder} at step {state['steps']:,} of {config['options']['steps']:,}")
    return report(train(config, folder, state), folder)


def report(finished: bool, folder: Path) -> int:
    """Say how the run ended, and what to do next."""
    if finished:
        print(f"finished: {folder}\n  python evaluate.py {folder} --episodes 1000 --video path.mp4")
        return 0
    print(f"stopped: {folder}\n  python train.py --resume {folder}")
    return 130


def run(arguments: list[str]) -> int:
    """The command; errors are FoveateErrors."""
    from foveate.agents.learning.run_folder import new_folder, write_config
    from foveate.cli.options import take
    from foveate.envs.registry import import_modules

    imports, arguments = take(arguments, "--import", many=True)
    import_modules(imports)
    if arguments[:1] == ["list"]:
        print_list()
        return 0
    if arguments[:1] == ["compare"]:
        from foveate.cli import compare as plan

        return plan.run(arguments[1:])
    if arguments[:1] == ["draw"]:
        from foveate.cli import drawing

        return drawing.run(arguments[1:])
    if not arguments or arguments[0] in ("-h", "--help"):
        print(inspect.getdoc(sys.modules[__name__]))
        return 0 if arguments else 2
    resumed, arguments = take(arguments, "--resume")
    if resumed:
        return resume(resumed[0], arguments, imports)
    if len(arguments) == 1 and not arguments[0].startswith("-") and "/" not in arguments[0]:
        raise unknown("verb", arguments[0], VERBS)
    config = configure(arguments, imports)
    folder = new_folder(
        Path(config["options"]["log_dir"]), config["env_id"], config["preset"], config["options"]["seed"]
    )
    write_config(folder, config)
    print(f"run folder: {folder}")
    return report(train(config, folder), folder)


def main(arguments: list[str] | None = None) -> int:
    """Entry point of `foveate-train`."""
    try:
        return run(sys.argv[1:] if arguments is None else arguments)
    except FoveateError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
