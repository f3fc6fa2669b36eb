"""The resolved configuration of a training: from the words of a command line, or from a file; compared as data.

It is the form of a run folder's config.json, so what `compare` hands to the trainings that it starts, what a run keeps
and what ``train.py --config FILE`` reads are one thing.
"""

import dataclasses
import json
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import FoveateError, check_choice, check_range, unknown
from ..files import conform, has_type
from .words import called, take

Values = dict[str, object]
"""Plain data by name, as JSON holds it."""

# where a run is written and what is shown is not what is trained
_ALIKE = {("options", "log_dir"), ("options", "progress"), ("options", "track")}
MANY_EPISODES, FEW_EPISODES = 800, 10  # of an evaluation; few where they take long


@dataclass
class RunOptions:
    """Options of every run.

    Attributes:
        seed: seeds the weights, the sampling and the worlds.
        device: "auto" (the GPU if there is one), "cpu", "cuda", …
        steps: environment steps of the whole training.
        log_dir: where run folders are made.
        eval_every: steps between evaluations on the validation split. 0 is a twentieth of all steps; without
            eval_episodes it leaves both to the run, whose evaluations then take a tenth of its time at most.
        eval_episodes: episodes of each evaluation. 0 is 800 (10 where they take long) or, without eval_every, what the
            run can afford, 100 to 3,200.
        save_every: steps between checkpoints; 0 is a twentieth of all steps.
        log_every: rollouts between two rows of the log.
        curriculum: take the environment's lessons (of worlds that have some) in order, each until it is passed.
        pass_score: share of episodes that must be wholly right to pass a lesson.
        trace: keep a picture of the memory at each evaluation, and a video of them (agents with an external memory).
        tensorboard: write TensorBoard events beside metrics.csv.
        track: experiment trackers that get the figures, too: "wandb", "mlflow" or "wandb,mlflow" (extras of these
            names); a resumed run goes on in the same tracked run.
        progress: show progress.
        threads: CPU threads of PyTorch; small networks gain nothing from more than one.
    """

    seed: int = 0
    device: str = "auto"
    steps: int = 1_000_000
    log_dir: Path = Path("runs")
    eval_every: int = 0
    eval_episodes: int = 0
    save_every: int = 0
    log_every: int = 50
    curriculum: bool = False
    pass_score: float = 0.9
    trace: bool = False
    tensorboard: bool = True
    track: str = ""
    progress: bool = True
    threads: int = 1

    def __post_init__(self) -> None:
        self.log_dir = Path(self.log_dir)
        check_range("log_every", self.log_every, 1)
        for name in ("eval_every", "eval_episodes", "save_every"):
            check_range(name, getattr(self, name), 0)
        check_range("pass_score", self.pass_score, 0.0, 1.0)
        check_range("threads", self.threads, 1, 1024)
        check_range("steps", self.steps, 1, 2**62)
        check_range("seed", self.seed, 0, 2**32 - 1)

    def resolved(self, slow: bool) -> "RunOptions":
        """The options with every 0 replaced by what it stands for, but for evaluations that are left to the run.

        Args:
            slow: whether episodes take so long that an evaluation has few.
        """
        twentieth = max(1, self.steps // 20)
        known = dataclasses.replace(self, save_every=self.save_every or twentieth)
        if self.eval_every or self.eval_episodes:
            known.eval_every = self.eval_every or twentieth
            known.eval_episodes = self.eval_episodes or (FEW_EPISODES if slow else MANY_EPISODES)
        return known


@dataclass
class Configuration:
    """All that decides what a training does.

    Attributes:
        env_id: the environment.
        preset: the agent's name as given: a preset, or a registered agent.
        agent: the registered name of the agent's class.
        env: arguments of the environment.
        agent_options: arguments of the agent.
        learner: options of the learner, its `objective` among them.
        options: of the run.
        imports: modules that its command line imported. A file never imports anything by itself.
        command: the command line.
    """

    env_id: str
    preset: str
    agent: str
    env: Values
    agent_options: Values
    learner: Values
    options: RunOptions
    imports: list[str]
    command: str

    def plain(self) -> Values:
        """As JSON, with lists for tuples."""
        return json.loads(json.dumps(dataclasses.asdict(self), default=str))

    def differences(self, other: "Configuration") -> list[str]:
        """What this trains that the other doesn't, as "env.size: 60, not 40"; empty where they are the same.

        What a configuration doesn't say of the agent, since it is of a version without the option, is as by default.
        """
        mine, others = self._settings(), other._settings()
        return [
            f"{name}: {mine.get(name)!r}, not {others.get(name)!r}"
            for name in dict.fromkeys([*mine, *others])
            if mine.get(name) != others.get(name)
        ]

    def _settings(self) -> Values:
        plain = self.plain()
        settings: Values = {name: plain[name] for name in ("env_id", "agent", "imports")}
        for part in ("env", "agent_options", "learner", "options"):
            values = plain[part]
            assert isinstance(values, dict)
            if part == "agent_options":
                values = {**_defaults(self.agent), **values}
            settings |= {f"{part}.{k}": v for k, v in values.items() if (part, k) not in _ALIKE}
        return settings

    def missing_imports(self, imports: Sequence[str]) -> list[str]:
        """Modules that the configuration names and this command line did not import."""
        return [name for name in self.imports if name not in imports]


def _defaults(agent: str) -> Values:
    """The options of an agent as they are by default; none of an agent that nobody has registered."""
    from ..agents import AGENTS
    from ..introspect import constructor_options

    known = constructor_options(AGENTS[agent]) if agent in AGENTS else {}
    return json.loads(json.dumps({name: option.default for name, option in known.items()}, default=str))


def read(path: Path) -> Configuration:
    """A configuration from a config.json or the folder that holds one; nothing that it names is imported.

    Raises:
        FoveateError: it can't be read, or isn't one.
    """
    from ..agents.learning.options import LEARNERS
    from ..agents.learning.run_folder import read_config
    from ..agents.learning.schema import check_options

    plain = read_config(path)
    fields = [field.name for field in dataclasses.fields(Configuration)]
    defaults: Values = {"preset": plain["agent"], "agent_options": {}, "imports": [], "command": ""}
    values = {name: plain.get(name, defaults.get(name)) for name in fields}
    known = [field.name for field in dataclasses.fields(RunOptions)]
    for name in plain["options"]:
        if name not in known:
            raise unknown(f"option in {path}", name, known)
    options = conform(plain["options"], RunOptions, f"{path}, options")
    if re.fullmatch(r"auto|(cpu|cuda|mps|xpu)(:\d{1,3})?", options.device) is None:
        raise FoveateError(f"{path} is damaged: device={options.device[:60]!r} is none.")
    check_choice(f"objective in {path}", values["learner"].get("objective", "reinforce"), LEARNERS)
    kind = LEARNERS[values["learner"].get("objective", "reinforce")].options
    check_options(kind, values["learner"], f"{path}: learner")
    learner = dataclasses.asdict(conform(values["learner"], kind, f"{path}, learner"))
    return Configuration(**{**values, "options": options, "learner": learner})


# ---- from the words of a command line ----


@dataclass
class Preset:
    """What an agent's preset says for one environment.

    Attributes:
        agent: the registered name of its class.
        env: arguments of the environment, where it has them.
        agent_options: arguments of the agent.
        learner: options of the learner, its objective among them.
        steps: of the training.
        curriculum: whether it takes the environment's lessons.
        pass_score: share of episodes that must be wholly right to pass a lesson.
    """

    agent: str
    env: Values
    agent_options: Values
    learner: Values
    steps: int = RunOptions.steps
    curriculum: bool = False
    pass_score: float = RunOptions.pass_score


def load_preset(agent: str, env_id: str, objective: str | None) -> Preset:
    """The preset of an agent for an environment; an agent without a preset (a user's own) gets an empty one.

    Args:
        agent: a preset's name, or a registered agent's.
        env_id: the environment.
        objective: another way to learn than the preset's, or None.

    Raises:
        FoveateError: there is no such agent or objective.
    """
    from ..agents import AGENTS, presets
    from ..agents.learning.options import LEARNERS

    if agent in presets.names():
        plain = presets.load(agent, env_id)
    elif agent in AGENTS:
        plain = {"agent": agent, "env": {}, "agent_options": {}, "learner": {"objective": "reinforce"}}
    else:
        raise unknown("agent", agent, {*presets.names(), *AGENTS})
    learner = plain["learner"]
    if objective is not None:
        check_choice("learner", objective, LEARNERS)
        before = learner.get("objective", "reinforce")
        if objective != before:
            kept = learner if not {"backprop", "dqn"} & {objective, before} else {}
            if "likelihood_reward" in kept:
                kept |= {"likelihood_reward": False}
            special = plain.get("learners", {}).get(objective, {})
            learner = {**kept, **LEARNERS[objective].defaults, **special, "objective": objective}
    more = {name: plain[name] for name in ("steps", "curriculum", "pass_score") if name in plain}
    return Preset(plain["agent"], plain["env"], plain["agent_options"], learner, **more)


def options_class(env_id: str, preset: Preset) -> type[RunOptions]:
    """The dataclass of all options of a pair: the run's, `env`, `agent` and `learner`."""
    from ..agents import AGENTS
    from ..agents.learning.options import learner_kind
    from ..envs.registry import env_options
    from ..introspect import constructor_options
    from .options import dataclass_of, part

    known = env_options(env_id)
    # what a preset says of other worlds is no mistake of the user's: a word that this one doesn't know is left out
    fitting = {k: v for k, v in preset.env.items() if k in known and has_type(v, known[k].type)}
    env = dataclass_of("Environment", known, fitting)
    agent = dataclass_of("Agent", constructor_options(AGENTS[preset.agent]), preset.agent_options)
    learner = learner_kind(preset.learner.get("objective", "reinforce")).make(preset.learner)
    fields: list[tuple] = [
        ("steps", int, dataclasses.field(default=preset.steps)),
        ("curriculum", bool, dataclasses.field(default=preset.curriculum)),
        ("pass_score", float, dataclasses.field(default=preset.pass_score)),
        part("env", env(), f"options of {env_id}"),
        part("agent", agent(), "options of the agent"),
        part("learner", learner, "how it learns"),
    ]
    return dataclasses.make_dataclass("Run", fields, bases=(RunOptions,))


def _about(env_id: str, agent: str) -> str:
    """What a pair's help says above its options."""
    from ..agents.learning.options import LEARNERS

    return (
        f"Train {agent} in {env_id}.\n\nBesides the options below: --learner NAME learns in another way "
        f"({', '.join(LEARNERS)}), which has options of its own; --import MODULE imports a module first, which may "
        "register environments and agents; --resume RUN, alone, goes on with a run that was stopped; --config FILE, "
        "alone, trains as a run's config.json says; torchrun --nproc-per-node N train.py … trains by N processes. "
        "Whole numbers may be written as 1e6."
    )


def configure(arguments: Sequence[str], imports: Sequence[str], command: str = "") -> Configuration:
    """The resolved configuration of a new run.

    Args:
        arguments: ENV AGENT and options.
        imports: modules that the command line imported.
        command: to keep with it; empty is this process's own command line.

    Raises:
        FoveateError: something that is asked for doesn't exist, or isn't allowed.
    """
    from ..envs.registry import check_id, check_one_agent, full_id, is_slow
    from .options import parse

    objective, rest = take(arguments, "--learner")
    words = [word for word in rest[:2] if not word.startswith("-")]
    if len(words) < 2:
        raise FoveateError("ENV and AGENT come first, as in: Glimpse/TranslatedDigits-v0 ram. `list` shows all.")
    env_id, agent = full_id(words[0]), words[1]
    check_id(env_id)
    preset = load_preset(agent, env_id, objective[0] if objective else None)
    run = parse(options_class(env_id, preset), rest[2:], f"train.py {env_id} {agent}", _about(env_id, agent))
    options = RunOptions(**{field.name: getattr(run, field.name) for field in dataclasses.fields(RunOptions)})
    if options.trace:
        check_one_agent(env_id, "--trace")
    env, agent_options, learner = (dataclasses.asdict(getattr(run, name)) for name in ("env", "agent", "learner"))
    command = command or shlex.join([*called("train"), *sys.argv[1:]])
    return Configuration(
        env_id,
        agent,
        preset.agent,
        env,
        agent_options,
        learner,
        options.resolved(is_slow(env_id)),
        list(imports),
        command,
    )
