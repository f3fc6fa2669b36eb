"""``evaluate.py RUN --score-writing READER``: can it be read what a run writes by hand, and does its style stay?"""

from pathlib import Path
from typing import Literal

from ..agents import load
from ..agents.learning import checkpoint
from ..analysis.comparison.statistics import Share
from ..analysis.handwritten import Line, write_lines
from ..analysis.ink_style import Style, style
from ..analysis.legibility import InkReader, Legibility, Placed, legibility
from ..envs.outside import options_of_file
from ..envs.registry import check_one_agent
from ..envs.sequence.handwriting import SYMBOLS
from ..errors import FoveateError
from ..viz.pages import number
from .film import Shot

HANDWRITING = "Sequence/Handwriting-v0"


def score_writing(
    shot: Shot, reader: Path, texts: int, bias: float, checkpoint_name: Literal["best", "last"]
) -> dict[str, object]:
    """Let a run write texts, and a reader read them; print the figures and return them.

    Args:
        shot: who writes where.
        reader: a run of Sequence/PenReading-v0.
        texts: how many; of one of them as many samples show the style.
        bias: of the samples.
        checkpoint_name: which checkpoint of the reader.

    Raises:
        FoveateError: it isn't handwriting, or the reader can't read it.
    """
    check_one_agent(shot.env_id, "handwriting")
    if shot.env_id != HANDWRITING:
        raise FoveateError(f"--score-writing is of runs of {HANDWRITING}, not of {shot.env_id}.")
    if texts < 2:
        raise FoveateError(f"--score-writing compares texts: --moments {texts} is too few, it needs 2 or more.")
    kept = checkpoint.read_run(checkpoint.find(reader, checkpoint_name))
    arguments = options_of_file(kept.get("env_id", ""), kept.get("env", {}), {}, reader)
    policy = load(reader, None, str(shot.learner.policy.device), checkpoint_name).policy
    reads = InkReader(policy, kept.get("env_id", ""), arguments, str(shot.env.get("dots", "at once")))
    lines = write_lines(shot.learner, shot.env_id, shot.env, texts, shot.seed, bias)
    found = legibility(reads, lines)
    longest = max((line.text for line in lines.written), key=len)
    text = "".join(SYMBOLS[letter - 1] for letter in longest)
    same = write_lines(shot.learner, shot.env_id, {**shot.env, "text": text}, texts, shot.seed, bias)
    written, world = (_style(some) for some in (same.written, same.due))
    _print(shot.env_id, found, bias)
    _print_style(text, written, world)
    return {
        "bias": bias,
        "legibility": _plain(found),
        "style": {"text": text, "written": _plain(written), "world": _plain(world)},
    }


def _style(lines: list[Line]) -> Style:
    return style([(line.places(), line.points[:, 2] > 0) for line in lines])


def _print(env_id: str, found: Legibility, bias: float) -> None:
    print(f"legibility in {env_id}: {found.texts} texts of {found.letters} letters, samples with bias {bias:g}")
    print("letters that are read (1 - edits / letters, with 95 % intervals over texts)")
    rows = (
        ("of the samples", found.read),
        ("of the world's own hands", found.world),
        ("of samples of other texts", found.chance),
    )
    for name, share in rows:
        print(f"  {name:<29}{_share(share)}")
    print(f"  wholly read: {number(found.whole, '.3f')} of the samples, ", end="")
    print(f"which have {number(found.long, '.2f')} times the points of the world's own")
    print("whether the greatest weight is on the letter that is being written, by how the reader must read the text")
    print(f"{'':<31}{'within one letter':<28}exactly")
    claims = (
        ("the window, while sampling", found.window),
        ("of samples wholly read", found.window_read),
        ("letters at an even pace", found.even),
        ("the truth, of the world's ink", found.trusted),
    )
    for name, row in claims:
        print(f"  {name:<29}{'none' if row is None else _row(row)}")


def _row(row: Placed) -> str:
    return f"{_share(row.near):<28}{_share(row.exact)}"


def _print_style(text: str, written: Style, world: Style) -> None:
    print(f'style: variance between {written.samples} samples of "{text}" against that between halves of one')
    print(f"{'':<30}{'between / within':>18}{'deviation between':>20}")
    for name, found in (("the samples", written), ("the world's own hands", world)):
        for what, row in (("slant", found.slant), ("ln of the size", found.size)):
            ratio, deviation = number(row.ratio, ".1f"), number(row.deviation, ".3f")
            print(f"  {what + ' of ' + name:<36}{ratio:>10}{deviation:>20}")


def _share(of: Share) -> str:
    return f"{number(of.share, '.3f')} ({number(of.low, '.3f')} to {number(of.high, '.3f')})"


def _plain(figures: object) -> object:
    """Named tuples within each other as dicts."""
    fields = getattr(figures, "_asdict", None)
    return figures if fields is None else {name: _plain(value) for name, value in fields().items()}
