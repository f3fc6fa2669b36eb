"""``evaluate.py RUN …``: the options, and which of the commands they ask for."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from ..errors import FoveateError, check_range
from ..files import check_output, check_output_folder, write_json
from .words import command_line, split_at_options

PROG, ABOUT = "evaluate.py RUN …", "Measure trained agents, and film them."


@dataclass
class EvaluateOptions:
    """How to measure.

    Attributes:
        episodes: how many; where the split has as many images or fewer, each is shown equally often. 0 measures
            nothing; None is 1000 (20 of an Atari game), or 0 where saliency is asked for.
        split: "test", "validation", "train" or another split of the environment, where it has splits.
        sweep: splits to measure beside that, one column each.
        world: another environment to measure in than the run's own, as Memory/Underground-v0 for who learned in
            Memory/GraphTraversal-v0; observations and actions must be the same, and --env.… are options of this one.
        rows: measure with so many rows of an external memory, where the training had others: no weight of a controller
            is of a row (ntm, dnc). 0 is as trained.
        bleu: also judge the sentences that are written by BLEU, in the same episodes (Sequence/Translation-v0 and
            Sequence/Caption-v0; needs the extra "text").
        plot: draw the sweep, or the searches, of all runs into this PNG, or what --score-heads or --score-memory found.
        seed: of the worlds.
        device: "auto" (the GPU if there is one), "cpu", "cuda", …
        checkpoint: which checkpoint of a run.
        video: write an H.264 video of some episodes of the first run to this .mp4 file.
        contact_sheet: write a PNG with the last frames of some episodes of the first run.
        trace: draw what the first run's external memory does in an episode, into a .png or, step by step, an .mp4 file.
        align: draw what the first run reads for each word that it writes, beside the gold alignment, into a .png or,
            word by word, an .mp4 file (Sequence worlds).
        letter: of words that are read at once (answer="string"), the letter that --align looks into: in strips, what
            its reading owes to each point of the pen; "i" where nothing is given.
        score_alignment: measure how well that agrees with the gold alignment, in --moments episodes.
        score_writing: measure whether what the first run writes by hand can be read by this run of PenReading, whether
            its window is where it writes, and whether its style stays, in --moments texts (Sequence/Handwriting-v0).
        score_text: measure what characters cost the first run, in bits, by their kind, and letters of a name by how
            long ago it was said, in --moments texts (Sequence/Text-v0).
        score_search: measure how often all runs find the 8, and after how many glimpses, against the number of
            characters, in --moments episodes of each number; --plot draws it (Glimpse/FindEight-v0).
        score_ponder: measure how many steps of adaptive computation time the first run takes, by how much there is to
            compute, in --moments episodes (Memory/Parity-v0, Logic and Sort).
        score_heads: measure what each head of a transformer looks at (the moment before, the same symbol, what decides
            …), in --moments episodes of the first run; --plot draws the heads that do so the most, with arcs over the
            end of an episode (Memory worlds and Sequence/Text-v0).
        score_memory: measure what rows of the first run's external memory are used for, in --moments episodes: as
            counters (Memory/DynamicNGrams-v0), as places for priorities (Memory/PrioritySort-v0) or, by a dnc, for the
            edges of a graph (Memory/GraphTraversal-v0 and Memory/Underground-v0); --plot draws it.
        bias: how far those samples are drawn towards what is likely (Graves 2013): 0 writes as it learned.
        shown: episodes in the video and on the sheet; frames on the sheet of a saliency film.
        saliency: film these methods beside the frame, as in jacobian,perturbation (--video, or --contact-sheet for some
            frames of the film).
        of: what they explain, as in value,advantage; all usual targets of the policy where nothing is given.
        frames: frames of a saliency video.
        score_saliency: measure how true the maps are (of the methods in --saliency, or of all that fit).
        moments: moments of play that are looked at for that (in Memory worlds, for alignments, writing, texts and
            searches: episodes).
        report: folder for the page, the curves and the figures of --score-saliency.
        json: write the figures to this file.
        progress: show a progress bar.
        threads: CPU threads of PyTorch.
    """

    episodes: int | None = None
    split: str = "test"
    sweep: tuple[str, ...] = ()
    world: str | None = None
    rows: int = 0
    bleu: bool = False
    plot: Path | None = None
    seed: int = 1_000_003
    device: str = "auto"
    checkpoint: Literal["best", "last"] = "best"
    video: Path | None = None
    contact_sheet: Path | None = None
    trace: Path | None = None
    align: Path | None = None
    letter: str = ""
    score_alignment: bool = False
    score_writing: Path | None = None
    score_text: bool = False
    score_search: bool = False
    score_ponder: bool = False
    score_heads: bool = False
    score_memory: bool = False
    bias: float = 1.0
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
        check_range("episodes", self.episodes or 0, 0)
        for name in ("shown", "threads", "frames", "moments"):
            check_range(name, getattr(self, name), 1)
        check_range("seed", self.seed, 0)
        check_range("rows", self.rows, 0)
        check_range("bias", self.bias, 0.0, 20.0)
        if self.saliency and not (self.video or self.contact_sheet or self.score_saliency):
            raise FoveateError("--saliency films what an agent looks at: say where to, as in --video maps.mp4.")
        if self.of and not (self.saliency or self.score_saliency):
            raise FoveateError("--of says what --saliency or --score-saliency explain: give one of them.")
        if self.letter and self.align is None:
            raise FoveateError("--letter says what --align draws: say where to, as in --align strips.png.")
        if self.score_search and self.world is not None:
            raise FoveateError(
                "--score-search looks at runs of Glimpse/FindEight-v0 where they learned: leave --world out."
            )
        drawn = (bool(self.sweep), self.score_search, self.score_heads, self.score_memory)
        if self.plot is not None and sum(drawn) != 1:
            raise FoveateError(
                "--plot draws one thing: give one of --sweep, with splits as in --sweep test-20 test-40, "
                "--score-search, --score-heads and --score-memory."
            )

    @property
    def scores(self) -> bool:
        """Whether something else than episodes is measured of the first run."""
        told = (self.score_saliency, self.score_alignment, self.score_writing, self.score_text, self.score_ponder)
        return any((*told, self.score_heads, self.score_memory))

    def check_outputs(self) -> None:
        """See that everything can be written, before anything is measured.

        Raises:
            FoveateError: something can't.
        """
        check_output(self.video, "--video", [".mp4"])
        check_output(self.contact_sheet, "--contact-sheet", [".png"])
        check_output(self.trace, "--trace", [".png", ".mp4"])
        check_output(self.align, "--align", [".png", ".mp4"])
        check_output(self.plot, "--plot", [".png"])
        check_output(self.json, "--json")
        if self.score_saliency:
            check_output_folder(self.report, "--report")


def run(arguments: list[str], imports: list[str]) -> int:
    """Measure, film and look into runs.

    Raises:
        FoveateError: a user's mistake.
    """
    words, rest = split_at_options(arguments)
    if not words:  # only options: their help, or their error
        from .options import parse

        parse(EvaluateOptions, rest, PROG, ABOUT)
        return 2
    import torch

    from ..agents.learning import checkpoint
    from ..envs.registry import check_id, full_id
    from .words import take

    paths = [Path(word) for word in words]
    ids = [checkpoint.read_run(checkpoint.find(path)).get("env_id", "") for path in paths]
    elsewhere, _ = take(rest, "--world")
    if elsewhere:
        ids = [full_id(elsewhere[0])] * len(paths)
    for env_id in ids:
        check_id(env_id)
    options, changed = configure(rest, ids)
    torch.set_num_threads(options.threads)
    options.check_outputs()
    if options.episodes:
        _score(paths, options, changed)
    if options.score_search:
        _search(paths, options, changed)
    _look(paths[0], options, changed, command_line("evaluate", imports, *arguments))
    return 0


def configure(arguments: list[str], ids: Sequence[str]) -> tuple[EvaluateOptions, dict[str, object]]:
    """Read the options behind the runs.

    Args:
        arguments: the words behind the runs.
        ids: the runs' environments.

    Returns:
        The options, and the arguments of the environment that differ from the training's.

    Raises:
        FoveateError: options that don't go together, or not with these environments.
    """
    from ..analysis.measure import usual_episodes
    from ..envs.registry import env_options
    from .options import dataclass_of, is_typed, parse, part

    different = ", ".join(sorted(set(ids)))
    options = {name: option for name, option in env_options(ids[0]).items() if is_typed(option.type)}
    absent = {name: option._replace(type=option.type | None, default=None) for name, option in options.items()}
    fields = [part("env", dataclass_of("Environment", absent, {})(), f"options of {ids[0]}; None leaves it as it is")]
    kind = dataclasses.make_dataclass("Evaluation", fields, bases=(EvaluateOptions,))
    parsed = parse(kind, arguments, PROG, ABOUT)
    env = dataclasses.asdict(getattr(parsed, "env"))  # noqa: B009 (a field of this environment's own class)
    changed = {name: value for name, value in env.items() if value is not None}
    if changed and len(set(ids)) > 1:
        raise FoveateError(f"--env.… needs runs of one environment, got {different}.")
    values = {field.name: getattr(parsed, field.name) for field in dataclasses.fields(EvaluateOptions)}
    if "split" in changed:
        values["split"] = changed.pop("split")
    chosen = EvaluateOptions(**values)
    if chosen.sweep and len(set(ids)) > 1:
        raise FoveateError(f"--sweep compares runs of one environment, got {different}.")
    if chosen.sweep and "split" not in env_options(ids[0]):
        raise FoveateError(f"--sweep needs an environment with splits; {ids[0]} has none.")
    if chosen.bleu and chosen.episodes == 0:
        raise FoveateError("--bleu judges what is written in the episodes, and --episodes 0 plays none.")
    if chosen.bleu and find_spec("sacrebleu") is None:
        raise FoveateError('--bleu needs sacrebleu: pip install "foveate[text]".')
    if chosen.episodes is None:
        usual = usual_episodes(*ids)
        looks = chosen.saliency or chosen.align or chosen.scores or chosen.score_search
        chosen.episodes = 0 if looks and not chosen.bleu else usual
    return chosen, changed


def _score(paths: Sequence[Path], options: EvaluateOptions, changed: Mapping[str, object]) -> None:
    """The table of all runs, and their sweep."""
    from .score import ScoreOptions, print_table, score

    how = ScoreOptions(
        options.episodes or 0, options.split, options.sweep, options.seed, options.device, options.checkpoint,
        options.progress, options.bleu, options.rows, options.world,
    )  # fmt: skip
    results = [score(path, how, changed) for path in paths]
    print_table(results)
    if options.sweep:
        from ..analysis.generalisation import plot_sweep, print_sweep

        print_sweep(results)
        if options.plot is not None:
            plot_sweep(results, options.plot)
            print(f"plot: {options.plot}")
    if options.json is not None:
        write_json(options.json, results)


def _search(paths: Sequence[Path], options: EvaluateOptions, changed: Mapping[str, object]) -> None:
    """Searches of all runs."""
    from .score_search import SearchOptions, score_search

    how = SearchOptions(
        options.split, options.moments, options.seed, options.device, options.checkpoint, options.plot
    )  # fmt: skip
    figures = score_search(paths, how, changed)
    if options.json is not None and not options.episodes:
        write_json(options.json, figures)


def _look(path: Path, options: EvaluateOptions, changed: Mapping[str, object], command: str) -> None:
    """What is drawn, filmed and examined of a run."""
    wanted = (options.trace, options.video, options.contact_sheet, options.align)
    if not any((*wanted, options.scores)):
        return
    from ..agents import load
    from ..agents.learning import checkpoint
    from ..analysis.measure import with_split
    from .device import pick_device
    from .film import Shot, film
    from .score import place, resize
    from .words import names

    kept = checkpoint.read_run(checkpoint.find(path, options.checkpoint))
    learner = load(path, None, pick_device(options.device), options.checkpoint)
    if options.rows:
        resize(learner.policy, options.rows)
    env_id, env = place(learner.policy, kept, options.world, changed, path)
    env = with_split(env_id, env, options.split)
    shot = Shot(learner, env_id, env, options.seed, options.progress)
    methods, targets = names(options.saliency, "--saliency"), names(options.of, "--of")
    if options.trace is not None:
        from .trace import save_trace

        save_trace(learner, shot.env_id, env, options.trace, options.seed)
        print(f"trace: {options.trace}")
    if options.align is not None:
        from .align import save_alignment

        save_alignment(shot, options.align, options.letter)
        print(f"alignment: {options.align}")
    if options.score_alignment:
        from .align import score_alignment

        _keep(score_alignment(shot, options.moments), options)
    if options.score_writing is not None:
        from .score_writing import score_writing

        _keep(score_writing(shot, options.score_writing, options.moments, options.bias, options.checkpoint), options)
    if options.score_text:
        from .score_text import score_text

        _keep(score_text(shot, options.moments), options)
    if options.score_ponder:
        from .score_ponder import score_ponder

        _keep(score_ponder(shot, options.moments), options)
    if options.score_heads:
        from .score_heads import score_heads

        _keep(score_heads(shot, options.moments, options.plot), options)
    if options.score_memory:
        from .score_memory import score_memory

        _keep(score_memory(shot, options.moments, options.plot), options)
    if options.video is not None or options.contact_sheet is not None:
        if methods:
            from .saliency import SaliencyFilm, film_saliency

            wanted = SaliencyFilm(methods, targets, options.frames, options.shown)
            film_saliency(shot, wanted, options.video, options.contact_sheet)
        else:
            film(shot, options.shown, options.video, options.contact_sheet)
    if options.score_saliency:
        from ..analysis.origin import origin_of
        from .score_saliency import SaliencyScores, score_saliency

        origin = origin_of(path, options.checkpoint)
        wanted = SaliencyScores(methods, targets, options.moments, options.report, origin, command)
        _keep(score_saliency(shot, wanted), options)


def _keep(figures: object, options: EvaluateOptions) -> None:
    """Write figures to --json, where these aren't of episodes."""
    if options.json is not None and not options.episodes:
        write_json(options.json, figures)
