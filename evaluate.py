"""Measure trained agents, and film them.

    python evaluate.py RUN …                        score with its interval, beside the certified scale
    python evaluate.py RUN --episodes 1000 --video path.mp4 --contact-sheet path.png
    python evaluate.py RUN --env.glimpses 8         in a world that differs from the one it was trained in
    python evaluate.py RUN RUN --sweep test-10 test-20 test-40 --plot sizes.png
                                                    how they generalise: one column a split
    python evaluate.py RUN --trace memory.png       what its external memory does (ntm, dnc)
    python evaluate.py RUN --saliency jacobian,perturbation --of value,advantage --video drive.mp4
                                                    what it looks at
    python evaluate.py RUN --score-saliency         how true that is: a table of all methods, a page and curves
    python evaluate.py compare RUN RUN … --report out
                                                    hard, soft or no attention: one page about all of them
    python evaluate.py --help                       all options

RUN is a run folder (its best checkpoint is taken) or a checkpoint folder.
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
import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import tyro

from foveate import FoveateError


@dataclass
class EvaluateOptions:
    """How to measure.

    Attributes:
        episodes: how many; where the split has as many images or fewer, each is shown equally often. 0 measures
            nothing; None is 1000 (20 of an Atari game), or 0 where saliency is asked for.
        split: "test", "validation", "train" or another split of the environment, where it has splits.
        sweep: splits to measure beside that, one column each.
        plot: draw the sweep of all runs into this PNG.
        seed: of the worlds.
        device: "auto" (the GPU if there is one), "cpu", "cuda", …
        checkpoint: which checkpoint of a run.
        video: write an H.264 video of some episodes of the first run to this .mp4 file.
        contact_sheet: write a PNG with the last frames of some episodes of the first run.
        trace: draw what the first run's external memory does in an episode, into a .png or, step by step, an .mp4 file.
        shown: episodes in the video and on the sheet; frames on the sheet of a saliency film.
        saliency: film these methods beside the frame, as in jacobian,perturbation (--video, or --contact-sheet for some
            frames of the film).
        of: what they explain, as in value,advantage; all usual targets of the policy where nothing is given.
        frames: frames of a saliency video.
        score_saliency: measure how true the maps are (of the methods in --saliency, or of all that fit).
        moments: moments of play that are looked at for that (in Memory worlds: episodes).
        report: folder for the page, the curves and the figures of --score-saliency.
        json: write the figures to this file.
        progress: show a progress bar.
        threads: CPU threads of PyTorch.
    """

    episodes: int | None = None
    split: str = "test"
    sweep: tuple[str, ...] = ()
    plot: Path | None = None
    seed: int = 1_000_003
    device: str = "auto"
    checkpoint: Literal["best", "last"] = "best"
    video: Path | None = None
    contact_sheet: Path | None = None
    trace: Path | None = None
    shown: int = 9
    saliency: str = ""
    of: str = ""
    frames: int = 600
    score_saliency: bool = False
    moments: int = 64
    report: Path = Path("saliency")
    json: Path | None = None
    progress: bool = True
    threads: int = 1

    def __post_init__(self) -> None:
        from foveate.errors import check_range

        check_range("episodes", self.episodes or 0, 0)
        for name in ("shown", "threads", "frames", "moments"):
            check_range(name, getattr(self, name), 1)
        check_range("seed", self.seed, 0)
        if self.saliency and not (self.video or self.contact_sheet or self.score_saliency):
            raise FoveateError("--saliency films what an agent looks at: say where to, as in --video maps.mp4.")
        if self.of and not (self.saliency or self.score_saliency):
            raise FoveateError("--of says what --saliency or --score-saliency explain: give one of them.")


def measure_run(path: Path, options: EvaluateOptions, overrides: dict[str, Any]) -> dict[str, Any]:
    """The figures of one run."""
    from tqdm import tqdm

    from foveate.agents.learning import checkpoint
    from foveate.agents.learning.evaluation import Episodes, clustered_interval
    from foveate.analysis.generalisation import number_or_none, sweep_row
    from foveate.analysis.measure import main_figure, measure, pick_device
    from foveate.envs.registry import world_class

    learner = checkpoint.load(path, None, pick_device(options.device), options.checkpoint)
    run = checkpoint.read_run(checkpoint.find(path, options.checkpoint))
    arguments = {**run["env"], **overrides}
    splits = [options.split, *options.sweep]
    count = options.episodes or 0
    with tqdm(total=count * len(splits), unit="episode", disable=None if options.progress else True) as bar:

        def played(split: str) -> Episodes:
            before = bar.n
            return measure(
                learner.policy, run["env_id"], arguments, split, count, options.seed,
                on_step=lambda done: bar.update(before + done - bar.n),
            )  # fmt: skip

        measured = {split: played(split) for split in splits}
    episodes = measured[options.split]
    figure, low, high = clustered_interval(main_figure(episodes), episodes.index)
    mean_return = float(episodes.returns.mean())
    world = world_class(run["env_id"])
    scale = world.scale if world is not None else None
    certified = {} if scale is None else {k: v.mean for k, v in scale._asdict().items() if v is not None}
    return {
        "run": str(path),
        "agent": run["agent"],
        "agent_options": run["agent_options"],
        "env_id": run["env_id"],
        "split": options.split,
        "episodes": len(episodes.returns),
        "items": len(set(episodes.index.tolist())) if (episodes.index >= 0).all() else None,
        "score_name": "score" if world is None else world.score_name,
        "score": figure,
        "interval": [low, high],
        "mean_return": mean_return,
        "mean_length": float(episodes.lengths.mean()),
        "bits": number_or_none(episodes.bits.mean()),
        "regret_bits": number_or_none((episodes.bits - episodes.optimum).mean()),
        "on_scale": None if scale is None else scale.score(figure if scale.of_score else mean_return),
        "on_scale_means": None if scale is None else scale.zero,
        "certified": certified or None,
        "sweep": {split: sweep_row(measured[split]) for split in options.sweep},
        "steps": run["steps"],
        "training_seconds": run.get("progress", {}).get("seconds"),
        "training_cpu_seconds": run.get("progress", {}).get("cpu_seconds"),
        "seed": run.get("seed"),
    }


def print_table(results: list[dict[str, Any]]) -> None:
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
    explained = {
        "oracle": "knows the answer",
        "memoryless": "best that sees the present moment only",
        "blind": "never looks (chance)",
        "random": "acts at random",
        "alone": "without the others (or without choosing, or looking: see the world's page)",
        "silent": "their messages say nothing",
    }
    for env_id, known in {r["env_id"]: r["certified"] for r in results if r["certified"]}.items():
        for name, what in explained.items():
            if name in known:
                print(f"{name:<16}{env_id:<30}{'':>27}{known[name]:>8.3f}{'':>10}  {what}")
    names = {r["env_id"]: r["score_name"] for r in results if r["score_name"] != "score"}
    for env_id, name in names.items():
        print(f"score of {env_id}: {name}")
    for r in results:
        if r["bits"] is not None:
            regret = "" if r["regret_bits"] is None else f", {r['regret_bits']:.3f} more than the best predictor"
            print(f"{r['agent']}: {r['bits']:.3f} bits an episode{regret}")
    for zero in dict.fromkeys(r["on_scale_means"] for r in results if r["on_scale"] is not None):
        print(f"on scale: 0 is {zero}, 1 the oracle (certified at default arguments)")


def look(path: Path, options: EvaluateOptions, overrides: dict[str, Any]) -> None:
    """What is drawn, filmed and examined of a run."""
    from foveate.agents.learning import checkpoint
    from foveate.analysis.measure import pick_device, with_split
    from foveate.cli.film import film, film_saliency, names
    from foveate.cli.saliency import score_saliency
    from foveate.cli.tracing import save_trace

    learner = checkpoint.load(path, None, pick_device(options.device), options.checkpoint)
    run = checkpoint.read_run(checkpoint.find(path, options.checkpoint))
    env_id, arguments = run["env_id"], with_split(run["env_id"], {**run["env"], **overrides}, options.split)
    if options.trace is not None:
        save_trace(learner, env_id, arguments, options.trace, options.seed)
        print(f"trace: {options.trace}")
    methods, targets = names(options.saliency, "--saliency"), names(options.of, "--of")
    if methods and (options.video is not None or options.contact_sheet is not None):
        film_saliency(
            learner, env_id, arguments, options.video, options.contact_sheet, methods, targets, options.frames,
            options.shown, options.seed, options.progress,
        )  # fmt: skip
    elif options.video is not None or options.contact_sheet is not None:
        film(
            learner, env_id, arguments, options.video, options.contact_sheet, options.shown, options.seed,
            options.progress,
        )  # fmt: skip
    if options.score_saliency:
        found = score_saliency(
            learner, env_id, arguments, methods, targets, options.moments, options.seed, options.progress,
            options.report,
        )  # fmt: skip
        if options.json is not None and not options.episodes:
            options.json.parent.mkdir(parents=True, exist_ok=True)
            options.json.write_text(json.dumps(found, indent=1))


def configure(arguments: list[str], env_id: str) -> tuple[EvaluateOptions, dict[str, Any]]:
    """Read the options behind the runs; what is set of the environment is given apart."""
    from foveate.cli.options import dataclass_of, parse
    from foveate.envs.registry import env_options

    known = {name: o._replace(type=o.type | None, default=None) for name, o in _typed(env_options(env_id)).items()}
    env = dataclass_of("Environment", known, {})
    fields = [
        (
            "env",
            Annotated[env, tyro.conf.arg(help=f"options of {env_id}; None is as trained")],
            dataclasses.field(default_factory=env),
        )
    ]
    kind = dataclasses.make_dataclass("Evaluation", fields, bases=(EvaluateOptions,))
    parsed = parse(kind, arguments, "evaluate.py RUN …", "Measure trained agents, and film them.")
    changed = {name: value for name, value in dataclasses.asdict(parsed.env).items() if value is not None}
    options = EvaluateOptions(**{f.name: getattr(parsed, f.name) for f in dataclasses.fields(EvaluateOptions)})
    return options, changed


def _typed(options: dict[str, Any]) -> dict[str, Any]:
    from foveate.cli.options import is_typed

    return {name: option for name, option in options.items() if is_typed(option.type)}


def run(arguments: list[str]) -> int:
    """The command; errors are FoveateErrors."""
    import torch

    from foveate.agents.learning import checkpoint
    from foveate.analysis.generalisation import plot_sweep, print_sweep
    from foveate.cli.options import parse, take
    from foveate.envs.registry import check_id, env_options, import_modules, is_slow

    imports, arguments = take(arguments, "--import", many=True)
    import_modules(imports)
    if arguments[:1] == ["compare"]:
        from foveate.analysis.comparison import compare

        return compare.run(arguments[1:])
    count = next((i for i, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    paths = [Path(word) for word in arguments[:count]]
    if not paths:
        print(inspect.getdoc(sys.modules[__name__]))
        if arguments:  # only options: their help, or their error
            parse(EvaluateOptions, arguments, "evaluate.py RUN …", "Measure trained agents, and film them.")
        return 2
    ids = [checkpoint.read_run(checkpoint.find(path)).get("env_id", "") for path in paths]
    for env_id in ids:
        check_id(env_id)
    options, overrides = configure(arguments[count:], ids[0])
    if overrides and len(set(ids)) > 1:
        raise FoveateError(f"--env.… needs runs of one environment, got {', '.join(sorted(set(ids)))}.")
    if options.plot is not None and not options.sweep:
        raise FoveateError("--plot draws a sweep: say which splits, as in --sweep test-20 test-40.")
    if "split" in overrides:
        options, overrides = (
            dataclasses.replace(options, split=overrides["split"]),
            {name: value for name, value in overrides.items() if name != "split"},
        )
    if options.sweep:
        if len(set(ids)) > 1:
            raise FoveateError(f"--sweep compares runs of one environment, got {', '.join(sorted(set(ids)))}.")
        if "split" not in env_options(ids[0]):
            raise FoveateError(f"--sweep needs an environment with splits; {ids[0]} has none.")
    torch.set_num_threads(options.threads)
    if options.episodes is None:
        usual = 20 if any(map(is_slow, ids)) else 1000
        options = dataclasses.replace(options, episodes=0 if options.saliency or options.score_saliency else usual)
    if options.episodes:
        results = [measure_run(path, options, overrides) for path in paths]
        print_table(results)
        if options.sweep:
            print_sweep(results)
        if options.plot is not None:
            plot_sweep(results, options.plot)
            print(f"plot: {options.plot}")
        if options.json is not None:
            options.json.parent.mkdir(parents=True, exist_ok=True)
            options.json.write_text(json.dumps(results, indent=1))
    look(paths[0], options, overrides)
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Entry point of `foveate-evaluate`."""
    try:
        return run(sys.argv[1:] if arguments is None else arguments)
    except FoveateError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
