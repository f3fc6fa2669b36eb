"""Every agent by every learner that fits: three updates, the parameters after them, and what it then does."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import KVWriter, Logger

from foveate import tree
from foveate.agents import BackpropOptions, LearnerOptions, QOptions, learner_class

from .digest import Entries, Record
from .worlds import advised

WORLDS, UPDATES, TOTAL = 4, 3, 400  # of so many steps, over which the learning rate falls, the first few are made
_KINDS = {"backprop": BackpropOptions, "dqn": QOptions}
_USUAL: dict[str, dict] = {  # a large epsilon lets Adam's first steps follow the gradient, not the sign of its rounding
    "reinforce": {},
    "a2c": {"horizon": 6, "gamma": 0.95, "gae_lambda": 0.9, "entropy_coef": 0.01},
    "ppo": {"horizon": 6, "gamma": 0.95, "gae_lambda": 0.9, "entropy_coef": 0.01, "epochs": 2, "minibatches": 2},
    "backprop": {"batch": 2},
    "dqn": {"warm_up": 20, "batch": 8, "memory": 400, "target_every": 8},
}


class Case(NamedTuple):
    """An agent in a world with a learner."""

    agent: str
    env_id: str
    world: dict  # options of the environment
    options: dict  # options of the agent
    objective: str
    learner: dict  # options of the learner


class Figures(KVWriter):
    """Keeps what a learner logs, but for times."""

    def __init__(self, record: Record):
        self.record = record

    def write(self, key_values: dict[str, object], key_excluded: dict[str, object], step: int = 0) -> None:
        self.record.add_moment(**{name: np.float64(v) for name, v in key_values.items() if not name.startswith("time")})


class Stop(BaseCallback):
    """Ends a training after some updates."""

    def __init__(self, updates: int):
        super().__init__()
        self.left = updates

    def _on_step(self) -> bool:
        return self.left > 0

    def _on_rollout_end(self) -> None:
        self.left -= 1


def make(case: Case, device: str = "cpu") -> BaseAlgorithm:
    """The learner of a case."""
    torch.manual_seed(0)
    env = gym.make_vec(
        case.env_id, num_envs=WORLDS, autoreset_mode="SameStep", output="torch", device=device, **case.world
    )
    objective = {} if case.objective in _KINDS else {"objective": case.objective}
    told = {"worlds": WORLDS, "lr": 2e-3, "adam_eps": 1e-5, **_USUAL[case.objective], **objective, **case.learner}
    options = _KINDS.get(case.objective, LearnerOptions)(**told)
    return learner_class(case.objective)(case.agent, env, options, policy_kwargs=case.options, seed=3, device=device)


def learned(case: Case) -> Entries:
    """The parameters before and after a few updates, what was logged meanwhile, and the actions after."""
    learner, record = make(case), Record()
    record.add("before", parameters(learner.policy))
    learner.set_logger(Logger(None, [Figures(record)]))
    updates = 9 if case.objective == "dqn" else UPDATES  # the first of its are warming up
    learner.learn(TOTAL, Stop(updates), log_interval=1)
    record.add("after", parameters(learner.policy))
    record.add("names", np.array(sorted(learner.policy.state_dict())).astype("U"))  # which checkpoints rest upon
    env = gym.make_vec(case.env_id, num_envs=3, autoreset_mode="SameStep", **case.world)
    predicted(record, learner, env)
    return record.entries()


def parameters(policy: torch.nn.Module) -> dict[str, np.ndarray]:
    """All weights, by the first word of their names."""
    groups: dict[str, list[np.ndarray]] = {}
    for name, value in sorted(policy.state_dict().items()):
        groups.setdefault(name.split(".")[0], []).append(value.detach().cpu().double().numpy().ravel())
    return {name: np.concatenate(parts) for name, parts in groups.items()}


def predicted(
    record: Record,
    player: BaseAlgorithm,
    env: gym.vector.VectorEnv,
    steps: int = 5,
    prefix: str = "",
    heed: bool = False,
) -> None:
    """What a player does in a vector environment, greedily and by chance, its state carried on.

    Args:
        record: where it is written.
        player: what has `predict`.
        env: where; it goes on by random actions, unless heeded.
        steps: how many.
        prefix: of the names.
        heed: let the environment do the player's greedy actions.
    """
    env.action_space.seed(1)
    torch.manual_seed(1)
    seen, info = env.reset(seed=1)
    greedy = chance = None
    over = np.ones(env.num_envs, dtype=bool)
    for step in range(steps):
        action, greedy = player.predict(seen, greedy, over, deterministic=True)
        other, chance = player.predict(seen, chance, over, deterministic=False)
        # a state's numbers by size: how a core arranges them is its own affair, and rows of a memory may be tied
        state = [np.asarray(part, dtype=np.float64).ravel() for part in tree.leaves(greedy)]
        kept = {f"{prefix}state": np.sort(np.concatenate(state))} if state else {}
        record.add_moment(**{f"{prefix}greedy": dict(action) if isinstance(action, dict) else action}, **kept)
        record.add(f"{prefix}chance", dict(other) if isinstance(other, dict) else other)
        sent = action if heed else advised(env.action_space, env.action_space.sample(), info, step)
        seen, reward, terminated, truncated, info = env.step(sent)
        over = terminated | truncated
        record.add(f"{prefix}reward", reward)


# ---- the cases ----

DIGITS = ("Glimpse/Digits-v0", {"glimpses": 3})
IMAGE = ("Glimpse/Digits-v0", {"glimpses": 2, "view": "image", "reward": "every"})
PAIRS = ("Glimpse/AddDigits-v0", {"glimpses": 2, "overview": 8, "reward": "every"})
LOOKUP = ("Memory/Frames-v0", {"view": "whole", "cue": "frame", "max_length": 8})
COPY = ("Memory/Copy-v0", {"width": 4, "max_length": 3})
MAZE = ("Memory/TMaze-v0", {"corridor": 2})
PAD = ("Memory/ScratchPad-v0", {"max_digits": 2})
FRAMES = ("Probe/Catch-v0", {"balls": 1, "stack": 2})
GAZE = ("Multi/SharedGaze-v0", {"glimpses": 3})
PARTY = ("Multi/CocktailParty-v0", {})
THIN = {"hidden": 16, "what": 8, "where": 8}
RAM = {**THIN, "location_hidden": 8, "rows": 6}
SMALL: dict[str, dict] = {"ntm": {"rows": 8, "width": 6}, "dnc": {"rows": 8, "width": 6, "read_heads": 2}}
CORES = ("rnn", "lstm", "gru", "ntm", "dnc", "transformer")
MEMORIES = ("lstm", "gru", "ntm", "dnc", "transformer")
POINTS = ("Sequence/ConvexHull-v0", {"view": "whole", "min_length": 3, "max_length": 5})
SPANS = ("Sequence/Cloze-v0", {"view": "whole", "answer": "span", "min_length": 8, "max_length": 12})
CLOZE = ("Sequence/Cloze-v0", {"view": "whole", "min_length": 6, "max_length": 9, "min_facts": 1, "max_facts": 2})
STORY = ("Sequence/Stories-v0", {"view": "whole", "task": "list", "min_events": 3, "max_events": 5})
LINE = ("Sequence/Handwriting-v0", {"view": "whole", "min_length": 2, "max_length": 3})
PICTURE = ("Sequence/Caption-v0", {"view": "whole", "min_things": 1, "max_things": 2})
WORD = ("Sequence/PenReading-v0", {"view": "whole", "answer": "string", "min_length": 1, "max_length": 3})
SAID = ("Sequence/Speech-v0", {"view": "whole", "min_length": 1, "max_length": 2})
SUM = ("Sequence/Tokens-v0", {"view": "whole", "task": "add", "max_length": 4})
PASSAGE = ("Sequence/Translation-v0", {"view": "whole", "min_length": 4, "max_length": 6})


def case(agent: str, world: tuple[str, dict], objective: str, options: dict | None = None, **learner: object) -> Case:
    """A case, with small networks."""
    small: dict = {}
    if agent in MEMORIES:
        small = {"hidden": 16, **SMALL.get(agent, {})}
    elif agent in ("ram", "random-glimpse"):
        small = RAM
    elif agent == "dram":
        small = {**THIN, "location_hidden": 8}
    elif agent == "soft-attention":
        small = {**THIN, "emit_hidden": 8, "rows": 6}
    elif agent in ("cnn", "mlp", "vit"):
        small = {"hidden": 16, **({"layers": (12,)} if agent == "mlp" else {})}
    elif agent == "npi":
        small = {"encoder": (12,), "embedding": 4, "keys": 5, "hidden": 16}
    elif agent == "transcriber":
        small = {"units": 12, "embedding": 8}
    elif agent in ("attend", "pointer"):
        small = {"hidden": 16, "units": 12, "embedding": 8, "key": 6, "rows": 6}
        small |= {"pointer_units": 8} if agent == "pointer" else {}
    elif agent == "dueling":
        small = {"hidden": 16, "stream": 8, "shrink": 2}
    return Case(agent, *world, {**small, **(options or {})}, objective, learner)


def options_of(world: tuple[str, dict], **more: object) -> tuple[str, dict]:
    """A world with more options."""
    return world[0], {**world[1], **more}


_GLIMPSES = [
    *(case("ram", DIGITS, "reinforce", {"core": core}) for core in CORES),
    *(case("ram", DIGITS, objective) for objective in ("a2c", "ppo", "backprop")),
    case("ram", DIGITS, "reinforce", hybrid=False, gamma=0.9),
    case("ram", DIGITS, "reinforce", likelihood_reward=True, policy_coef=0.3, normalize_advantage=False),
    case("ram", DIGITS, "reinforce", {"gaze": "move"}, likelihood_reward=True, likelihood_mean=True),
    case("ram", IMAGE, "ppo", {"gaze": "move", "patch": 8, "scales": 2}),
    case("ram", PAIRS, "reinforce", teacher_forcing=True, likelihood_reward=True, hybrid_everywhere=False),
    case("ram", DIGITS, "reinforce", {"dropout": 0.3, "isolate_location": False, "isolate_critic": False}),
    case("ram", options_of(DIGITS, location="tiles", zoom=True, ready=True), "ppo", {"core": "gru"}),
    case("ram", options_of(DIGITS, overview=8, price=0.01), "reinforce", weight_decay=0.1, max_grad_norm=0.1),
    case("ram", IMAGE, "reinforce", {"patch": 8, "scales": 2, "core": "lstm"}),
    case("ram", IMAGE, "ppo", {"patch": 8, "scales": 1, "location": "tiles", "tiles": 3}),
    case("ram", ("Glimpse/Catch-v0", {"size": 6, "patch": 3}), "ppo"),
    case("random-glimpse", DIGITS, "reinforce"),
    case("random-glimpse", options_of(DIGITS, location="tiles"), "ppo"),
    case("dram", PAIRS, "reinforce", teacher_forcing=True, likelihood_reward=True, policy_coef=0.3),
    case("dram", PAIRS, "a2c", {"isolate_location": False, "location_rate": 0.5}),
    case("dram", IMAGE, "reinforce", {"patch": 8, "overview": 7}),
    case("dram", IMAGE, "ppo", {"patch": 8, "location": "tiles", "dropout": 0.2}),
    case("dram", ("Glimpse/HouseNumbers-v0", {"glimpses": 1, "max_digits": 2, "overview": 12}), "reinforce"),
    case(
        "dram",
        ("Glimpse/HouseNumbers-v0", {"glimpses": 2, "max_digits": 2, "lesson": 2, "overview": 12}),
        "reinforce",
        {"contrast": True, "gaze": "move"},
        likelihood_reward=True,
        likelihood_mean=True,
    ),
]
_SOFT = [
    *(
        case("soft-attention", IMAGE, "backprop", {"attention": name, "core": core})
        for name, core in zip(
            ("location", "tiles", "draw", "spatial-transformer", "content"),
            ("gru", "lstm", "rnn", "ntm", "transformer"),
            strict=True,
        )
    ),
    *(
        case("soft-attention", IMAGE, "backprop", {"attention": "content", "score": score, "heads": 2, "key": 6})
        for score in ("additive", "dot", "bilinear", "cosine")
    ),
    case("soft-attention", IMAGE, "reinforce", {"attention": "tiles", "gumbel": True, "tiles": 3}),
    case("soft-attention", IMAGE, "a2c", {"attention": "location", "learn_std": False, "std": 0.1, "core": "dnc"}),
    case("soft-attention", IMAGE, "ppo", {"attention": "draw", "filters": 5, "dropout": 0.2}),
]
_VISION = [
    *(case("cnn", IMAGE, "reinforce", {"architecture": name}) for name in ("modern", "paper")),
    case("cnn", FRAMES, "ppo", {"architecture": "nature", "shrink": 2, "core": "gru"}),
    case("cnn", IMAGE, "a2c", {"core": "lstm"}),
    case("vit", IMAGE, "reinforce", {"tile": 8, "units": 8, "layers": 1, "attention_heads": 2}),
    case("cnn", IMAGE, "backprop", {"core": "transformer", "shrink": 2}),
    case("mlp", IMAGE, "reinforce"),
    case("mlp", MAZE, "ppo", {"core": "lstm"}),
    case("mlp", COPY, "backprop", {"core": "ntm", "layers": (8, 8)}),
    case("mlp", DIGITS, "a2c", {"core": "dnc"}),
    case("mlp", MAZE, "dqn"),
    case("dueling", FRAMES, "ppo", {"shrink": 1}),
    case("dueling", FRAMES, "a2c", {"core": "lstm"}),
    case("dueling", FRAMES, "dqn"),
    case("dueling", FRAMES, "dqn", double=True, trunk_gradient=0.7071),
    case("dueling", ("Probe/Driving-v0", {"day": 6, "stack": 2}), "dqn", {"architecture": "modern"}, updates=2),
]
_MEMORY = [
    *(case(agent, COPY, "backprop") for agent in MEMORIES),
    *(case(agent, MAZE, "ppo") for agent in MEMORIES),
    case("lstm", ("Memory/Logic-v0", {"max_length": 3}), "backprop", {"layers": 2, "encoder": (8,)}),
    case("gru", ("Memory/Sort-v0", {"max_length": 3, "symbols": 4}), "reinforce", teacher_forcing=True),
    case("gru", ("Memory/DynamicNGrams-v0", {"context": 2, "bits": 8}), "backprop"),
    case("gru", ("Memory/Tape-v0", {"max_length": 3}), "a2c", hybrid=True, hybrid_everywhere=False),
    case("ntm", COPY, "backprop", {"controller": "feedforward", "reach": 2, "read_heads": 2, "blank": "random"}),
    case("ntm", COPY, "backprop", {"addressing": "content", "write_heads": 2}),
    case("ntm", COPY, "reinforce", {"addressing": "location"}),
    case("dnc", COPY, "backprop", {"controller": "feedforward", "sparse_links": 3}),
    case("dnc", COPY, "backprop", {"mask_keys": True, "deallocate": True, "sharpen_links": True}),
    case("dnc", ("Memory/GraphTraversal-v0", {"lesson": 1}), "backprop"),
    case("transformer", COPY, "reinforce", {"layers": 1, "heads": 2, "context": 3}),
    case("hopfield", ("Memory/Completion-v0", {"width": 12, "patterns": 3}), "backprop", {"rule": "hebb", "steps": 3}),
    case("hopfield", ("Memory/Completion-v0", {"width": 9, "mode": "hetero", "patterns": 4}), "ppo", {"steps": 2}),
    case("fast-weights", ("Memory/Parity-v0", {"bits": 8, "per_step": 2}), "backprop", {"steps": 2}),
    case("pondering", ("Memory/Parity-v0", {"bits": 4, "per_step": 2}), "backprop", {"core": "gru", "limit": 3}),
    case("pondering", MAZE, "ppo", {"core": "lstm", "fixed": 2}),
    case("ponder-net", ("Memory/Parity-v0", {"bits": 4, "per_step": 2}), "backprop", {"core": "gru", "limit": 3}),
    case("ponder-net", MAZE, "ppo", {"core": "lstm", "limit": 2}),
    *(case("npi", PAD, objective) for objective in ("backprop", "ppo")),
    case("lstm", options_of(PAD, calls=False), "backprop"),
]
_READING = [
    case("pointer", POINTS, "backprop", {"places": False}),
    case(
        "pointer", POINTS, "reinforce", {"encoder": "gru", "attention": "content", "core": "lstm"}, teacher_forcing=True
    ),
    case("pointer", POINTS, "ppo", {"output": "index"}),
    case("pointer", SPANS, "backprop", {"encoder": "flow"}),
    case("attend", STORY, "backprop", {"encoder": "universal", "attention_heads": 2, "joint": True, "limit": 3}),
    case("attend", SUM, "ppo", {"encoder": "universal", "attention_heads": 2, "penalty": 0.1, "offset": 3}),
    *(case("attend", PASSAGE, "backprop", {"attention": "graph", "dynamic": dynamic}) for dynamic in (True, False)),
    case("attend", LOOKUP, "backprop", {"encoder": "words", "attention": "keyed", "heads": 2, "core": "none"}),
    case("attend", LOOKUP, "ppo", {"attention": "keyed", "masked": False, "split": False}),
    case("attend", PASSAGE, "backprop", {"key": 0}),
    *(case("attend", PASSAGE, "backprop", {"score": name, "heads": 2}) for name in ("dot", "bilinear", "cosine")),
    case("attend", CLOZE, "backprop", {"encoder": "lstm", "key": 0, "core": "rnn"}),
    case("attend", STORY, "backprop", {"encoder": "words", "attention": "hops", "core": "none"}),
    case("attend", STORY, "backprop", {"attention": "hops", "tying": "layer-wise", "linear_start": 2}),
    case("attend", PASSAGE, "ppo", {"core": "lstm", "readout": 8}),
    case(
        "attend", LINE, "backprop", {"encoder": "embedding", "attention": "window", "numbers": "pen", "components": 3}
    ),
    case("transcriber", WORD, "backprop"),
    case("transcriber", WORD, "reinforce", {"encoder": "pyramid", "halvings": 1, "readout": 6, "beam": 3}),
    case("attend", SAID, "backprop", {"encoder": "pyramid", "stack": 2, "halvings": 1, "score": "dot", "core": "lstm"}),
    case("attend", SAID, "backprop", {"encoder": "pyramid", "location_filters": 2, "location_width": 3, "heads": 2}),
    case("attend", LINE, "backprop", {"attention": "none", "numbers": "mixture", "core": "lstm", "core_layers": 2}),
    case("attend", PASSAGE, "reinforce", {"core": "ntm", "gumbel": True}, teacher_forcing=True),
    case("attend", PICTURE, "backprop", {"encoder": "convolution", "key": 0, "core": "lstm", "evenly": 0.1}),
    case("attend", PICTURE, "backprop", {"encoder": "convolution", "key": 0, "hard": True}),
    case("attend", PICTURE, "ppo", {"encoder": "gru", "attention": "uniform"}),
    *(
        case("attend", PASSAGE, "backprop", {"encoder": name, "attention": attention})
        for name, attention in (
            ("embedding", "uniform"),
            ("positions", "content"),
            ("convolution", "content"),
            ("bytenet", "last"),
            ("transformer", "content"),
        )
    ),
    case("attend", PASSAGE, "backprop", {"encoder": "bytenet", "attention": "diagonal", "core": "bytenet"}),
    case("attend", SUM, "backprop", {"encoder": "transformer", "decoder": "transformer", "offset": 3}),
    case("attend", SUM, "ppo", {"encoder": "gru", "decoder": "transformer", "context": 3}),
]
_TEAMS = [
    case("ram", GAZE, "reinforce", likelihood_reward=True, policy_coef=0.3),
    case("ram", ("Multi/SpeakerListener-v0", {"pictures": 2}), "ppo", {"core": "gru"}),
    case("gru", PARTY, "reinforce", {"encoder": (8,)}, hybrid=True, hybrid_everywhere=False, policy_coef=0.1),
    case("ram", ("Multi/HideAndSeek-v0", {"glimpses": 2, "budget": 2}), "a2c"),
]


def name_of(made: Case) -> str:
    """What tells a case from the others."""
    usual = case(made.agent, (made.env_id, {}), made.objective).options
    own = {key: value for key, value in made.options.items() if usual.get(key) != value}
    words = [f"{key}={value}" for key, value in {**made.world, **own, **made.learner}.items()]
    return " ".join([f"{made.agent} by {made.objective} in {made.env_id}", *words])


ALL = [*_GLIMPSES, *_SOFT, *_VISION, *_MEMORY, *_READING, *_TEAMS]
CASES: dict[str, Callable[[], Entries]] = {name_of(made): partial(learned, made) for made in ALL}
