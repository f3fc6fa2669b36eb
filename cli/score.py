"""``evaluate.py RUN …``: the score with its interval, beside the certified scale."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from tqdm import tqdm

from ..agents import load
from ..agents.learning import checkpoint
from ..agents.learning.evaluation import Outcomes
from ..agents.nn.cores.external import ExternalMemoryCore
from ..agents.policies.policy import Policy
from ..analysis.bleu import Sentences, bleu
from ..analysis.generalisation import Figures, figures_of, numbers_due, sweep_row
from ..analysis.measure import measure
from ..envs.outside import options_of_file
from ..envs.registry import full_id, make_one
from ..envs.scale import EXPLAINED
from ..errors import FoveateError
from .device import pick_device


class ScoreOptions(NamedTuple):
    """How to measure.

    Attributes:
        episodes: of each run and split.
        split: of the score.
        sweep: splits that are measured beside it.
        seed: of the environments.
        device: where the network runs.
        checkpoint: which of a run's.
        progress: whether to show a bar.
        bleu: whether to judge the sentences of `split` by BLEU, too.
        rows: of an external memory, where it is to have others than in training; 0 for as many.
        world: another environment than the run's.
    """

    episodes: int
    split: str
    sweep: tuple[str, ...]
    seed: int
    device: str
    checkpoint: Literal["best", "last"]
    progress: bool
    bleu: bool = False
    rows: int = 0
    world: str | None = None


def score(path: Path, options: ScoreOptions, changed: Mapping[str, object]) -> Figures:
    """The figures of one run.

    Args:
        path: of the run.
        options: how to measure.
        changed: arguments of the environment that differ from the training's.
    """
    run = checkpoint.read_run(checkpoint.find(path, options.checkpoint))
    learner = load(path, None, pick_device(options.device), options.checkpoint)
    if options.rows:
        resize(learner.policy, options.rows)
    env_id, env = place(learner.policy, run, options.world, changed, path)
    run = {**run, "env_id": env_id}
    splits = [options.split, *options.sweep]
    measured: dict[str, Outcomes] = {}
    watched: list[Sentences] = []

    def watch(world: object, rounds: int) -> Sentences:
        watched.append(Sentences(world, rounds))
        return watched[-1]

    total = options.episodes * len(splits)
    with tqdm(total=total, unit="episode", disable=None if options.progress else True) as bar:
        for split in splits:
            before = bar.n

            def on_step(done: int, before: int = before) -> None:
                bar.update(before + done - bar.n)

            looks_on = watch if options.bleu and split == options.split and not watched else None
            measured[split] = measure(
                learner.policy, env_id, env, split, options.episodes, options.seed, on_step, True, looks_on
            )
    sweep = {split: sweep_row(measured[split]) for split in options.sweep}
    for split, row in sweep.items():
        row["due"] = numbers_due(env_id, env, split)
    figures = figures_of(run, options.split, measured[options.split], sweep, str(path))
    if options.bleu:
        figures["bleu"] = bleu(watched[0].pairs)
    return figures


def place(
    policy: Policy, run: checkpoint.Run, world: str | None, changed: Mapping[str, object], path: Path
) -> tuple[str, dict[str, object]]:
    """The environment in which an agent is measured, and its arguments.

    Args:
        policy: of the agent.
        run: its run.json.
        world: another environment than its own, with arguments of its own.
        changed: arguments that this command line gives.
        path: of the run.

    Raises:
        FoveateError: the agent's observations or actions aren't those of `world`.
    """
    if world is None or full_id(world) == run.get("env_id"):
        env_id = run.get("env_id", "")
        return env_id, options_of_file(env_id, run.get("env", {}), changed, path)
    env_id, arguments = full_id(world), dict(changed)
    env = make_one(env_id, arguments)
    policy.check_plays(env.observation_space, env.action_space)
    env.close()
    return env_id, arguments


def resize(policy: Policy, rows: int) -> None:
    """Give a policy's external memory another number of rows.

    Args:
        policy: of ours.
        rows: how many.

    Raises:
        FoveateError: it has no such memory, or can't have so many.
    """
    core = policy.core
    if not isinstance(core, ExternalMemoryCore):
        raise FoveateError(
            f"--rows is of agents with an external memory (ntm, dnc), not of a core {type(core).__name__}."
        )
    core.resize(rows)


def print_table(results: Sequence[Figures]) -> None:
    """One line a run, and what is known of each environment."""
    print(
        f"{'agent':<16}{'environment':<30}{'score':>8}  {'95 % interval':<17}"
        f"{'return':>8}{'on scale':>10}{'episodes':>10}"
    )
    for r in results:
        interval = f"{r['interval'][0]:.4f}–{r['interval'][1]:.4f}"
        scaled = "" if r["on_scale"] is None else f"{r['on_scale']:.3f}"
        line = (
            f"{r['agent']:<16}{r['env_id']:<30}{r['score']:>8.4f}  {interval:<17}{r['mean_return']:>8.3f}{scaled:>10}"
        )
        print(f"{line}{r['episodes']:>10}")
    for env_id, known in {r["env_id"]: r["certified"] for r in results}.items():
        for name, what in EXPLAINED.items():
            if known and name in known:
                print(f"{name:<16}{env_id:<30}{'':>27}{known[name]:>8.3f}{'':>10}  {what}")
    names = {r["env_id"]: r["score_name"] for r in results if r["score_name"] != "score"}
    for env_id, name in names.items():
        print(f"score of {env_id}: {name}")
    for r in results:
        if r["bits"] is not None:
            regret = "" if r["regret_bits"] is None else f", {r['regret_bits']:.3f} more than the best predictor"
            print(f"{r['agent']}: {r['bits']:.3f} bits an episode{regret}")
    for r in results:
        judged = r.get("bleu")
        if judged is not None:
            low, high = judged["interval"]
            print(f"{r['agent']}: BLEU {judged['score']:.2f} (95 % interval {low:.2f} to {high:.2f}) of ", end="")
            print(f"{judged['sentences']} sentences: {judged['details']}; {judged['signature']}")
    for r in results:
        if r["gaze_distance"] is not None:
            print(f"{r['agent']}: the last glimpse is {r['gaze_distance']:.1f} pixels from the middle of what matters")
    if any(r["bits"] is not None for r in results):
        print("bits: -log2 of the probability that the agent gave to all that was due; 0 is sure of it and right")
    for zero in dict.fromkeys(r["on_scale_means"] for r in results if r["on_scale"] is not None):
        print(f"on scale: 0 is {zero}, 1 the oracle (certified at default arguments)")
