"""Can it be read? Handwriting that a policy sampled, read by another; and was its window where it wrote?"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..agents.nn.heads.ctc_paths import forced_paths
from ..envs.protocols import world_of
from ..envs.registry import make_worlds
from ..envs.sequence import pen
from ..envs.sequence.edits import edit_distance
from ..envs.sequence.pen_reading import PenReading
from ..errors import FoveateError
from ..wrappers.saliency import view_of
from ..wrappers.saliency.transcripts import Transcription, check_transcribes, transcribe
from ..wrappers.saliency.undisturbed import undisturbed
from .comparison.statistics import Share
from .handwritten import Line, Lines

RESAMPLES = 2000


class Placed(NamedTuple):
    """How often a letter that is claimed for a point is the one that is written there, by the reader's alignment.

    Attributes:
        near: share of the points at which it is that letter or one beside it.
        exact: share at which it is that letter.
    """

    near: Share
    exact: Share


class Legibility(NamedTuple):
    """What a reader makes of texts. Shares of letters have intervals over texts, which are drawn again.

    Attributes:
        texts: how many.
        letters: in all of them; spaces are none.
        read: 1 - edits from what is read to what should be read / letters, of the samples.
        world: the same of the world's own hands in the same texts: what this reader reads at best.
        chance: the same of each sample against the next one's text: what a reader of nothing gets.
        whole: share of the samples that are wholly read.
        long: points of the samples, as a share of those of the world's own hands.
        window: whether the letter of the greatest weight is the one that is being written; None of who has no window.
        window_read: the same in samples that are wholly read alone, where no letter is in doubt; None without any.
        even: the same of a pen that would take its letters at an even pace, whatever it reads.
        trusted: the same of the true letter of each point of the world's own ink: how well the alignment tells.
    """

    texts: int
    letters: int
    read: Share
    world: Share
    chance: Share
    whole: float
    long: float
    window: Placed | None
    window_read: Placed | None
    even: Placed
    trusted: Placed


class InkReader:
    """A policy that learned to read words of a pen, as a reader of any ink in letters that have no twins.

    Args:
        policy: one that transcribes, or a learner that has one.
        env_id: PenReading, where it learned.
        arguments: of it, as it learned.
        dots: when the writer sets dots and bars.

    Raises:
        FoveateError: it doesn't transcribe a pen, or it learned other letters.
    """

    def __init__(self, policy: object, env_id: str, arguments: Mapping[str, object], dots: str):
        self.view = check_transcribes(view_of(policy))
        self.env_id, self.arguments = env_id, dict(arguments)
        world = self._world(1)
        if world.confusable or world.dots != dots or world.ink_kind != "handwriting":
            learned = f"ink={world.ink_kind!r}, dots={world.dots!r}, confusable={world.confusable}"
            raise FoveateError(
                f"this reader learned with {learned}, and what is written here is another ink. Train one by `python "
                f'train.py Sequence/PenReading-v0 ctc --env.ink handwriting --env.dots "{dots}" --env.no-confusable '
                "--env.min-length 1 --env.max-length 16`."
            )

    def _world(self, count: int) -> PenReading:
        env = make_worlds(self.env_id, count, str(self.view.device), self.arguments)
        world = world_of(env)
        if not isinstance(world, PenReading) or world.answer != "string":
            raise FoveateError(
                f'a reader of ink learns in Sequence/PenReading-v0 with answer="string", not {self.env_id}.'
            )
        self.view.policy.check_plays(env.single_observation_space, env.single_action_space)
        env.reset(seed=0)
        return world

    def read(self, lines: Sequence[Line]) -> Transcription:
        """What it reads in lines."""
        most = max(len(line.points) for line in lines)
        points, lifts = np.zeros((len(lines), most, 2), np.float32), np.zeros((len(lines), most), bool)
        for row, up, line in zip(points, lifts, lines, strict=True):
            row[: len(line.points)] = line.places()
            up[: len(line.points)] = line.points[:, 2] > 0
        count = torch.tensor([len(line.points) for line in lines])
        with undisturbed(self.view), torch.no_grad():
            ink = [part.to(self.view.device) for part in (torch.from_numpy(points), torch.from_numpy(lifts), count)]
            return transcribe(self.view, self.view.prepare(self._world(len(lines)).of_ink(*ink)))

    def letters(self, lines: Sequence[Line]) -> tuple[Transcription, list[np.ndarray]]:
        """What it reads in lines, and which letter of its own text it takes each point for if it must read that text.

        That is the likeliest path of all that spell the text; where it says nothing, the point goes to the letter that
        is said nearest in time. Points that it has no room for belong to the last one.

        Returns:
            The reading, and which letter, spaces not counted, int64 (n,) of each line.
        """
        read = self.read(lines)
        text, count = padded([letters_of(line.text) for line in lines])
        log_probs = read.log_probs.transpose(0, 1).cpu()
        steps = torch.tensor([-(-len(line.points) // read.shrink) for line in lines]).clamp(max=len(log_probs))
        paths = forced_paths(log_probs, text, count, steps).numpy()  # (T, B)
        found = []
        for i, line in enumerate(lines):
            own = nearest_symbols(paths[: int(steps[i]), i], int(count[i]))
            found.append(own[np.minimum(np.arange(len(line.points)) // read.shrink, len(own) - 1)])
        return read, found


def nearest_symbols(path: np.ndarray, count: int) -> np.ndarray:
    """Which symbol, from 0 on, a forced path says at each step, or else the nearest in time, the earlier one of two.

    Args:
        path: places among symbols and blanks, int64 (T,), as of `forced_paths`; -1 where there is none.
        count: of symbols, at least 1. Without a path they share the steps evenly.
    """
    if path[0] < 0:
        return np.arange(len(path)) * count // len(path)
    said = np.flatnonzero(path % 2)
    nearest = np.abs(np.arange(len(path))[:, None] - said).argmin(1)
    return path[said[nearest]] // 2


def letters_of(text: np.ndarray) -> np.ndarray:
    """A text without its spaces."""
    return text[text != pen.SPACE]


def among_letters(text: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Places in a text, int64 (n,), counted in letters, float (n,): a space is half way between its neighbours."""
    letter = text != pen.SPACE
    return (letter.cumsum() - 1 + 0.5 * ~letter)[place]


def padded(texts: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Texts as int64 (B, U), 0 behind the end, and how long each is."""
    count = torch.tensor([len(text) for text in texts])
    rows = torch.zeros(len(texts), max(1, int(count.max())), dtype=torch.int64)
    for row, text in zip(rows, texts, strict=True):
        row[: len(text)] = torch.from_numpy(text)
    return rows, count


def legibility(reader: InkReader, lines: Lines) -> Legibility:
    """Let a reader read what was written.

    Args:
        reader: who reads.
        lines: samples and the world's own ink, at least two of each.
    """
    read, truth = reader.letters(lines.written)
    own, known = reader.letters(lines.due)
    text, count = padded([letters_of(line.text) for line in lines.written])
    letters = count.numpy()

    def edits(of: Transcription, due: Tensor, many: Tensor) -> np.ndarray:
        symbols = of.symbols.cpu()
        return edit_distance(symbols, (symbols != 0).sum(1), due, many).numpy()

    wrong = edits(read, text, count)
    whole = np.flatnonzero(wrong == 0)
    many = [len(line.points) for line in lines.written]
    even = [np.arange(n) * m // n for n, m in zip(many, letters.tolist(), strict=True)]
    return Legibility(
        texts=len(text),
        letters=int(letters.sum()),
        read=_share(letters - wrong, letters),
        world=_share(letters - edits(own, text, count), letters),
        chance=_share(np.roll(letters, -1) - edits(read, text.roll(-1, 0), count.roll(-1)), np.roll(letters, -1)),
        whole=len(whole) / len(text),
        long=sum(many) / sum(len(line.points) for line in lines.due),
        window=_window(lines.written, truth),
        window_read=_window([lines.written[i] for i in whole], [truth[i] for i in whole]),
        even=placed(even, truth),
        trusted=placed(claims(lines.due), known),
    )


def _window(lines: Sequence[Line], truth: Sequence[np.ndarray]) -> Placed | None:
    claimed = claims(lines)
    return placed(claimed, truth) if claimed else None


def claims(lines: Sequence[Line]) -> list[np.ndarray]:
    """The letter of each point as the lines have it, counted in letters, float (n,) each."""
    return [among_letters(line.text, line.letter) for line in lines if line.letter is not None]


def placed(claimed: Sequence[np.ndarray], truth: Sequence[np.ndarray]) -> Placed:
    """How often claims, letters (n,) of each text, are true, as shares of all points with intervals over texts."""
    apart = [np.abs(a - b) for a, b in zip(claimed, truth, strict=True)]
    many = np.array([len(each) for each in apart])
    near, exact = (np.array([(each <= most).sum() for each in apart]) for most in (1, 0))
    return Placed(_share(near, many), _share(exact, many))


def _share(part: np.ndarray, whole: np.ndarray) -> Share:
    """Σ part / Σ whole over texts, each (B,), and its 95 % interval (Efron 1979): texts drawn with replacement."""
    picks = np.random.default_rng(0).integers(0, len(part), (RESAMPLES, len(part)))
    low, high = np.quantile(part[picks].sum(1) / whole[picks].sum(1), [0.025, 0.975])
    return Share(float(part.sum() / whole.sum()), float(low), float(high))
