"""``evaluate.py RUN --score-saliency``: how true every method is, as a table, curves and a page."""

import math
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from ..analysis.saliency_report import write_report
from ..analysis.saliency_study import COLUMNS, Plain, Study, Subject, study
from ..files import check_output_folder, write_json
from ..wrappers.saliency import view_of
from .film import Shot


def score_saliency(shot: Shot, methods: Sequence[str], targets: Sequence[str], count: int, folder: Path) -> Plain:
    """Study an agent's maps, print the table, and write saliency.json, curves.png and saliency.html.

    Args:
        shot: whose maps, and where.
        methods: names from `METHODS`; none is all that fit.
        targets: what they explain; none is the usual.
        count: moments of play.
        folder: for the three files.

    Returns:
        The figures, as in saliency.json.

    Raises:
        FoveateError: a method or target doesn't fit, or the folder can't be written to.
    """
    check_output_folder(folder, "--report")  # before anything is played
    subject = Subject(view_of(shot.learner), shot.env_id, shot.env, shot.seed)
    with tqdm(unit="method", desc="scoring", disable=None if shot.progress else True) as bar:

        def on_method(name: str, number: int, of: int) -> None:
            bar.total = of
            bar.set_postfix_str(name)
            bar.update(number - bar.n)

        result = study(subject, methods, targets, count, on_method)
    plain = result.plain()
    if result.sequential:
        print_recall(result)
        write_json(folder / "saliency.json", plain)
        print(f"figures: {folder / 'saliency.json'}")
    else:
        print_scores(result)
        write_report(folder, result)
        print(f"report: {folder / 'saliency.html'}")
    return plain


def print_scores(result: Study) -> None:
    """The table, and what each column means."""
    print(f"saliency of {result.env_id} at {result.count} moments")
    print(f"{'method':<22}{'target':<16}" + "".join(f"{name:>{_width(name)}}" for name in COLUMNS))
    for row in result.rows:
        figures = {name: getattr(row, name) for name in COLUMNS}
        cells = "".join(f"{'' if math.isnan(x) else format(x, '.3f'):>{_width(name)}}" for name, x in figures.items())
        print(f"{row.method:<22}{row.target:<16}{cells}")
    for name, about in COLUMNS.items():
        print(f"  {name:<18}{about}")
    for target, effects in result.effects.items():
        parts = [f"{name} {e.mean:.3g} ({e.low:.3g} to {e.high:.3g})" for name, e in effects.items()]
        if parts:
            print(f"interventions move {target} by: {', '.join(parts)}")


def _width(name: str) -> int:
    return max(8, len(name) + 2)


def print_recall(result: Study) -> None:
    """Where the truth is a moment: how often the Jacobian points at it, as trained and with random weights."""
    for target, both in result.sequential.items():
        print(f"sequential Jacobian of {target}: does it point at the moment that holds what is due?")
        for name, r in both.items():
            print(f"  {name:<15} pointing {r.pointing:.4f}  ROC area {r.auc:.3f} of {r.outputs}, chance {r.chance:.2f}")
