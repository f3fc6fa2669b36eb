"""Strings that are read at once: what each symbol owes to the points, and what becomes of an i without its dot."""

from pathlib import Path
from typing import Any, cast

import cv2
import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.error import ResetNeeded
from torch import Tensor

from foveate import tree
from foveate.agents import AGENTS, Policy
from foveate.analysis import late_dots as counting
from foveate.analysis.alignment import agreement
from foveate.analysis.comparison.statistics import share_of
from foveate.analysis.late_dots import late_dots
from foveate.cli.align import save_alignment
from foveate.cli.film import Shot
from foveate.envs.counter_rng import CounterRNG
from foveate.envs.protocols import world_of
from foveate.envs.sequence import pen
from foveate.envs.sequence.pen_reading import PenReading
from foveate.errors import FoveateError
from foveate.viz.strips import Ink, Strips, draw_strips
from foveate.wrappers import TranscriptJacobian
from foveate.wrappers.saliency import view_of
from foveate.wrappers.saliency.transcripts import Transcription, check_transcribes, peaks, transcript_jacobian

ID, SPEECH = "Sequence/PenReading-v0", "Sequence/Speech-v0"
STRING = {"view": "whole", "answer": "string"}
DOTTED, DOTLESS = (1 + pen.LETTERS.index(letter) for letter in "il")


def reader_of(env_id: str = ID, scale: float = 6.0) -> Policy:
    """A policy that transcribes eight points at a time, untrained; its outputs differ enough to spell something."""
    env = gym.make(env_id, **STRING)
    torch.manual_seed(0)
    options = {"encoder": "pyramid", "halvings": 0, "stack": 8, "units": 8, "embedding": 8}
    policy = AGENTS["transcriber"](env.observation_space, env.action_space, **options)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter *= scale
    return policy


def test_a_symbol_is_said_where_it_is_likeliest() -> None:
    p = np.array([[9, 1, 0], [2, 7, 1], [1, 8, 1], [8, 1, 1], [2, 6, 2], [1, 2, 7], [9, 0, 1]]) / 10
    assert peaks(np.log(p + 1e-9)) == ([1, 1, 2], [2, 4, 5])
    assert peaks(np.log([[0.9, 0.1]])) == ([], [])


def test_what_is_owed_is_the_derivative() -> None:
    policy = reader_of(scale=2.5)
    view = check_transcribes(view_of(policy))
    env = TranscriptJacobian(gym.make(ID, **STRING, min_length=2, max_length=3), policy)
    env.reset(seed=0)
    observation = env.observations[0]
    read, slopes = transcript_jacobian(view, observation)
    assert int((read.symbols > 0).sum()) > 0
    symbol, step = int(read.symbols[0, 0]), int(read.steps[0, 0])

    def said(source: Tensor) -> Tensor:
        _, parameters = view.sequence(tree.unsqueeze({**observation, "source": source}))
        return parameters["action"][0, 0].view(-1, 27)[step, symbol]

    with torch.no_grad():
        at = 8 * step
        for item in (0, at, at + 9):
            total = 0.0
            for entry in range(5):
                moved = torch.zeros_like(observation["source"])
                moved[0, item, entry] = 1e-3
                total += abs(float(said(observation["source"] + moved) - said(observation["source"] - moved))) / 2e-3
            assert float(slopes[0, 0, item]) == pytest.approx(total, rel=0.05, abs=1e-3)
    assert slopes[0, 0, at] > 0
    assert not slopes[0, :, int(env.world.state["length"][0]) :].any()
    np.testing.assert_allclose(env.matrix(), slopes[0, : len(env.read), : env.matrix().shape[1]].numpy())


def test_rows_of_a_batch_are_those_of_each_alone() -> None:
    policy = reader_of()
    view = check_transcribes(view_of(policy))
    world = pen_world(6)
    every = view.prepare(world.observe(world.state))
    read, slopes = transcript_jacobian(view, every)
    for b in range(6):
        one, alone = transcript_jacobian(view, tree.map(lambda x, b=b: x[b : b + 1], every))
        count = int((one.symbols[0] > 0).sum())
        assert torch.equal(read.symbols[b, :count], one.symbols[0, :count])
        assert not read.symbols[b, count:].any()
        assert not slopes[b, count:].any()
        torch.testing.assert_close(slopes[b, :count], alone[0, :count], rtol=1e-3, atol=1e-5)


def test_looking_draws_no_random_number_and_leaves_no_gradient() -> None:
    policy = reader_of()
    env = TranscriptJacobian(gym.make(ID, **STRING), policy)
    torch.manual_seed(3)
    drawn = torch.rand(1)
    torch.manual_seed(3)
    env.reset(seed=0)
    env.strips(0)
    assert torch.equal(torch.rand(1), drawn)
    assert all(parameter.grad is None for parameter in policy.parameters())
    assert policy.training


def drawn(place: int) -> np.ndarray:
    """The strips of an i with its dot, where everything is owed to one point."""
    x = np.arange(8.0)
    points, lifts, late = np.stack([x, np.sin(x)], 1), np.zeros(8, bool), np.zeros(8, bool)
    lifts[[5, 7]], late[6:] = True, True
    outputs = np.full((4, 3), 0.1)
    outputs[1, 1] = outputs[3, 2] = 0.8
    gold = np.array([[1, 1, 1, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1, 0, 0]], bool)
    ink = Ink(points, lifts, late)
    assert [stroke.tolist() for stroke in ink.strokes()] == [[0, 1, 2, 3, 4, 5], [6, 7]]
    strips = Strips(np.eye(8)[place], outputs, 2, ["", "i", "a"], [(1, 1), (2, 3)], ["i", "a"], 0, gold, ink)
    assert [(name, which.tolist()) for name, _, which in strips.bands] == [
        ("its body", [True] * 3 + [False] * 5),
        ("its dot", [False] * 6 + [True] * 2),
    ]
    return draw_strips(strips)


def test_the_point_that_counts_is_the_reddest() -> None:
    middles = []
    for place in (0, 7):
        picture = drawn(place)
        assert picture.shape[0] % 2 == picture.shape[1] % 2 == 0
        paper = picture[: len(picture) // 3, : int(0.9 * picture.shape[1])].astype(int)  # without the bar of colours
        red = np.argwhere((np.abs(paper - (128, 0, 38)) < 12).all(-1))  # the end of its colours
        assert len(red) > 10
        middles.append(red[:, 1].mean())
    assert middles[1] - middles[0] > 100


@pytest.mark.parametrize("env_id", [ID, SPEECH])
def test_strips_are_drawn_of_each_symbol(env_id: str, tmp_path: Path) -> None:
    env = TranscriptJacobian(gym.make(env_id, **STRING), reader_of(env_id))
    env.reset(seed=1)
    assert env.matrix().shape == (len(env.read), int(env.world.state["length"][0]))
    frames = [env.strips(place) for place in range(min(2, len(env.read)))]
    assert len({frame.shape for frame in frames}) == 1
    assert not np.array_equal(*frames)
    env.save(tmp_path / "strips.png")
    assert cv2.imread(str(tmp_path / "strips.png")).shape == frames[0].shape


def test_the_command_finds_a_word_with_the_letter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("foveate.cli.align.TRIED", 3)
    policy = reader_of()
    env = TranscriptJacobian(gym.make(ID, **STRING), policy)
    env.reset(seed=4)
    letter = env.read[-1]
    shot = Shot(cast(Any, policy), ID, dict(STRING), 4, False)
    save_alignment(shot, tmp_path / "strips.png", letter)
    found = cv2.imread(str(tmp_path / "strips.png"))[..., ::-1]
    other = TranscriptJacobian(gym.make(ID, **STRING), policy, letter)
    other.reset(seed=4)
    assert other.read[other.chosen or 0] == letter
    assert np.array_equal(found, other.render())


def test_a_letter_that_is_not_read_is_said() -> None:
    env = TranscriptJacobian(gym.make(ID, **STRING), reader_of(), "q")
    with pytest.raises(ResetNeeded):
        env.render()
    for seed in range(50):
        env.reset(seed=seed)
        if env.chosen is None:
            break
    with pytest.raises(FoveateError, match="'q' isn't read"):
        env.render()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TranscriptJacobian(gym.make(ID, view="whole"), reader_of()), 'answer="string"'),
        (lambda: TranscriptJacobian(gym.make("Memory/Copy-v0"), reader_of()), 'answer="string"'),
        (lambda: TranscriptJacobian(gym.make(ID, **STRING), reader_of(), "?"), "unknown symbol"),
        (lambda: late_dots(reader_of(SPEECH), SPEECH, STRING, 2, 0), "PenReading"),
        (lambda: late_dots(reader_of(), ID, {"view": "whole"}, 2, 0), 'answer="string"'),
        (lambda: check_transcribes(view_of(symbols_policy())), "transcribes"),
    ],
)
def test_what_has_no_strips_is_refused(make: Any, message: str) -> None:
    with pytest.raises(FoveateError, match=message):
        make()


def symbols_policy() -> Policy:
    env = gym.make(ID, view="whole")
    return AGENTS["attend"](env.observation_space, env.action_space, hidden=8, units=8)


# ---- without the dot ----


def pen_world(count: int, seed: int = 0) -> PenReading:
    env = gym.make_vec(ID, num_envs=count, output="torch", **STRING)
    env.reset(seed=seed)
    world = world_of(env)
    assert isinstance(world, PenReading)
    return world


def transcription(texts: Tensor) -> Transcription:
    return Transcription(torch.zeros(len(texts), 3, 27), texts, torch.zeros_like(texts), 1)


def test_who_compares_ink_reads_an_l_and_who_knows_the_word_an_i(monkeypatch: pytest.MonkeyPatch) -> None:
    """One reader finds the text whose ink is the one that is seen, among those with an l for an i; one overlooks dots;
    both misread every third word, which then is no case."""
    count = 120
    world = pen_world(count)
    word = world.state["targets"]
    key = torch.arange(count)
    hand = pen.hands(CounterRNG(key, 0 * key, 0 * key))
    wrong = key % 3 == 0

    def first(view: object, observation: dict[str, Tensor]) -> tuple[Transcription, Tensor]:
        shape = (count, word.shape[1], observation["source"].shape[1])
        slopes = torch.zeros(shape)
        own = world.state["aligned"] & (word == DOTTED)[..., None]
        slopes[..., : own.shape[-1]] = own * (1.0 + 2.0 * world.late_points()[:, None])
        return transcription(torch.where(wrong[:, None], DOTLESS, word)), slopes

    def compared(view: object, observation: dict[str, Tensor]) -> Transcription:
        texts = []
        for source in observation["source"][:, : world.most_items]:
            found = []
            for place in range(word.shape[1]):
                tried = word.clone()
                tried[word[:, place] == DOTTED, place] = DOTLESS
                ink = pen.written(tried, hand, world.most_items, True, True)
                apart = (world._seen_of(ink.points, ink.lifts, ink.letter >= 0) - source).abs().amax((1, 2))
                found += [tried[b] for b in (apart < 1e-4).nonzero()[:, 0].tolist()]
            assert found
            texts.append(found[0])
        return transcription(torch.stack(texts))

    def overlooking(view: object, observation: dict[str, Tensor]) -> Transcription:
        read = compared(view, observation).symbols
        text = [next(full for full in word if _same(full, one)) for one in read]
        return transcription(torch.stack(text))

    monkeypatch.setattr(counting, "transcript_jacobian", first)
    cases = int((word[~wrong] == DOTTED).sum())
    for reader, as_l in ((compared, 1.0), (overlooking, 0.0)):
        monkeypatch.setattr(counting, "transcribe", reader)
        found = late_dots(reader_of(), ID, STRING, count, 0)
        assert (found.words, found.right, found.cases) == (count, pytest.approx(2 / 3), cases)
        assert found.as_l.share == as_l
        assert found.as_i.share == 1 - as_l
        assert (found.body, found.dot, found.elsewhere) == pytest.approx((1.0, 3.0, 0.0))
        assert found.above.share == 1.0
    assert cases > 10


def _same(word: Tensor, read: Tensor) -> bool:
    """Whether a word is what was read, but for one l instead of an i."""
    differ = word != read
    return int(differ.sum()) == 1 and bool(((word == DOTTED) & (read == DOTLESS))[differ].all())


def test_who_reads_nothing_right_has_no_cases() -> None:
    found = late_dots(reader_of(), ID, STRING, 10, 0)
    assert found.cases == 0
    assert np.isnan(found.as_l.share)
    assert np.isnan(found.dot)


def test_a_share_has_wilson_s_interval() -> None:
    p, n, z = 45 / 72, 72, 1.959964
    middle, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert share_of(45, 72) == pytest.approx((p, (middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)))


def test_agreement_of_strings_is_of_what_was_read_right(monkeypatch: pytest.MonkeyPatch) -> None:
    world = pen_world(30)
    word, gold = world.state["targets"], world.state["aligned"]
    wrong = torch.arange(30) < 10

    def perfect(view: object, observation: dict[str, Tensor]) -> tuple[Transcription, Tensor]:
        slopes = torch.zeros(30, word.shape[1], observation["source"].shape[1])
        slopes[..., : gold.shape[-1]] = gold
        return transcription(torch.where(wrong[:, None], DOTLESS, word)), slopes

    monkeypatch.setattr("foveate.analysis.alignment.transcript_jacobian", perfect)
    found = agreement(reader_of(), ID, STRING, 30, 0)
    assert set(found) == {"jacobian", "uniform"}
    assert found["jacobian"][:3] == pytest.approx((1.0, 1.0, 1.0))
    assert found["jacobian"].writings == int((word[~wrong] > 0).sum())
    assert found["uniform"].auc == 0.5
