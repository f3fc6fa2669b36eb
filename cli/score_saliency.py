"""``evaluate.py RUN --score-saliency``: how true every method is, as a table, curves and a page."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from ..analysis.origin import Origin, made_now
from ..analysis.saliency_report import write_report
from ..analysis.saliency_study import COLUMNS, NO_SCORE, Plain, Study, Subject, study
from ..files import check_output_folder, write_json
from ..viz.pages import NONE, number
from ..wrappers.saliency import view_of
from .film import Shot


class SaliencyScores(NamedTuple):
    """What is scored, and where it is written.

    Attributes:
        methods: names from `METHODS`; none is all that fit.
        targets: what they explain; none is the usual.
        count: moments of play.
        folder: for the three files.
        origin: the run, for the page.
        command: that asks for it, for the page.
    """

    methods: Sequence[str]
    targets: Sequence[str]
    count: int
    folder: Path
    origin: Origin
    command: str


def score_saliency(shot: Shot, wanted: SaliencyScores) -> Plain:
    """Study an agent's maps, print the table, and write saliency.json, curves.png and saliency.html.

    Args:
        shot: whose maps, and where.
        wanted: what is scored.

    Returns:
        The figures, as in saliency.json.

    Raises:
        FoveateError: a method or target doesn't fit, or the folder can't be written to.
    """
    methods, folder, made = wanted.methods, wanted.folder, made_now(wanted.command)
    check_output_folder(folder, "--report")  # before anything is played
    subject = Subject(view_of(shot.learner), shot.env_id, shot.env, shot.seed)
    with tqdm(unit="method", desc="scoring", disable=None if shot.progress else True) as bar:

        def on_method(name: str, number: int, of: int) -> None:
            bar.total = of
            bar.set_postfix_str(name)
            bar.update(number - bar.n)

        result = study(subject, methods, wanted.targets, wanted.count, on_method)
    plain = result.plain()
    if result.sequential:
        print_recall(result)
        write_json(folder / "saliency.json", {**plain, "made": made, "origin": wanted.origin})
        print(f"figures: {folder / 'saliency.json'}")
    else:
        print_scores(result)
        write_report(folder, result, made, wanted.origin)
        print(f"report: {folder / 'saliency.html'}")
    return plain


def print_scores(result: Study) -> None:
    """The table, and what each column means."""
    print(f"saliency of {result.env_id} at {result.count} moments")
    print(f"{'method':<22}{'target':<16}" + "".join(f"{name:>{_width(name)}}" for name in COLUMNS))
    for row in result.rows:
        figures = {name: getattr(row, name) for name in COLUMNS}
        cells = "".join(f"{number(x):>{_width(name)}}" for name, x in figures.items())
        print(f"{row.method:<22}{row.target:<16}{cells}")
    if any(math.isnan(getattr(row, name)) for row in result.rows for name in COLUMNS):
        print(f"  {NONE:<18}no figure: {NO_SCORE}")
    for name, about in COLUMNS.items():
        print(f"  {name:<18}{about}")
    for row in result.rows if result.areas else []:
        shares = ", ".join(f"{name} {number(row.shares.get(name))}" for name in result.areas)
        print(f"share of {row.method} of {row.target} on each object: {shares}")
    if result.areas:
        print(f"  share of the picture: {', '.join(f'{name} {number(area)}' for name, area in result.areas.items())}")
    for target, effects in result.effects.items():
        parts = [
            f"{name} {number(e.mean, '.3g')} ({number(e.low, '.3g')} to {number(e.high, '.3g')})"
            for name, e in effects.items()
        ]
        if parts:
            print(f"interventions move {target} by: {', '.join(parts)}")


def _width(name: str) -> int:
    return max(8, len(name) + 2)


def print_recall(result: Study) -> None:
    """Where the truth is a moment: how often the Jacobian points at it, as trained and with random weights."""
    for target, both in result.sequential.items():
        print(f"sequential Jacobian of {target}: does it point at the moment that holds what is due?")
        for name, r in both.items():
            print(
                f"  {name:<15} pointing {number(r.pointing, '.4f')}  ROC area {number(r.auc)} of {r.outputs}, "
                f"chance {number(r.chance, '.2f')}"
            )
