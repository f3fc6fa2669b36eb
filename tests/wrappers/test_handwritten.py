"""Handwriting measured: samples as worlds keep them, a reader of ink, the truth about a window, the style of a hand."""

from pathlib import Path
from typing import Any, cast

import gymnasium as gym
import numpy as np
import pytest
import torch

from foveate.agents import AGENTS, Policy, load
from foveate.agents.learning import checkpoint
from foveate.agents.learning.actor import Actor, play
from foveate.agents.learning.environments import environments_of
from foveate.agents.policies.modes import at_play
from foveate.agents.policies.outputs import PolicyOutput
from foveate.analysis.handwritten import Line, Lines, write_lines
from foveate.analysis.ink_style import halves, style, variation
from foveate.analysis.legibility import InkReader, among_letters, legibility, nearest_symbols, placed
from foveate.envs.counter_rng import CounterRNG
from foveate.envs.protocols import world_of
from foveate.envs.sequence import pen
from foveate.envs.sequence.pen_passage import DONE, LIFTED
from foveate.errors import FoveateError

ID, READS = "Sequence/Handwriting-v0", "Sequence/PenReading-v0"
COUNT = 24


def writer_of(attention: str = "window", **options: object) -> Policy:
    """A policy that writes, untrained."""
    env = gym.make(ID, **{"view": "whole", **options})
    torch.manual_seed(0)
    sizes = {"hidden": 8, "embedding": 8, "numbers": "pen"}
    if options.get("view", "whole") != "whole":
        return AGENTS["lstm"](env.observation_space, env.action_space, hidden=8)
    return AGENTS["attend"](env.observation_space, env.action_space, encoder="embedding", attention=attention, **sizes)


@pytest.fixture
def reader(root: Path) -> InkReader:
    """The shipped reader."""
    folder = root / "zoo" / "PenReading-ctc"
    kept = checkpoint.read_run(folder)
    return InkReader(load(folder, device="cpu").policy, kept["env_id"], kept["env"], "at once")


@pytest.fixture(scope="module")
def lines() -> Lines:
    return write_lines(writer_of(), ID, {"view": "whole", "split": "test"}, COUNT, 0)


@pytest.mark.parametrize(("view", "looks"), [("whole", 1), ("stream", 1), ("glimpse", 2)])
def test_lines_are_what_each_world_keeps(view: str, looks: int) -> None:
    options: dict[str, Any] = {"view": view, "max_length": 5, "min_length": 2, "looks": looks}
    policy = writer_of(**options)
    found = write_lines(policy, ID, options, 6, 3, deterministic=True)
    for i in range(6):
        env = gym.make(ID, **options)
        actor = Actor(policy, environments_of(env, autoreset=False), deterministic=True)
        with at_play(policy):
            actor.reset(3 + i)
            play(actor, episodes=1)
        world = cast(Any, world_of(env))
        state = {name: value[0].numpy() for name, value in world.state.items()}
        count = int(world.writing(world.state)[0][0])
        line, due = found.written[i], found.due[i]
        assert line.text.tolist() == state["items"][: state["length"]].tolist()
        np.testing.assert_allclose(line.points, state["written"][:count], rtol=1e-4, atol=1e-4)
        for mine, its in zip(line.strokes(), world.strokes(0), strict=True):
            np.testing.assert_allclose(mine, its, rtol=1e-3, atol=1e-3)
        np.testing.assert_array_equal(due.points, state["targets"][: state["due"]])
        assert due.letter is not None
        assert state["aligned"][np.arange(state["due"]), due.letter].all()
        assert (line.letter is None) == (view != "whole")


def test_samples_are_of_their_seed_and_nearer_to_each_other_with_a_bias() -> None:
    policy, spread = writer_of(), []
    options = {"view": "whole", "text": "on it"}
    for bias in (0.0, 5.0):
        one, same, other = (
            np.concatenate([line.points for line in write_lines(policy, ID, options, 8, seed, bias).written])
            for seed in (1, 1, 2)
        )
        assert np.array_equal(one, same)
        assert one.shape != other.shape or not np.allclose(one, other)
        spread.append(one[:, :2].std())
    assert spread[1] < spread[0]


@pytest.mark.parametrize("attention", ["none", "last"])
def test_who_reads_the_same_all_the_time_has_no_window(attention: str, reader: InkReader) -> None:
    found = write_lines(writer_of(attention), ID, {"view": "whole", "max_length": 5}, 4, 0)
    assert all(line.letter is None for line in found.written)
    assert legibility(reader, found).window is None


@pytest.mark.parametrize("attention", ["window", "content", "last"])
def test_an_end_is_heeded_where_the_window_is_at_the_last_letter(
    attention: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of somebody who says at each point that all is written; whoever has no window ends where he says so."""
    policy = writer_of(attention)
    step = policy.step

    def done(*arguments: Any, **options: Any) -> PolicyOutput:
        output = step(*arguments, **options)
        return output._replace(action=torch.cat([output.action[:, :2], torch.full_like(output.action[:, 2:], DONE)], 1))

    monkeypatch.setattr(policy, "step", done)
    options = {"view": "whole", "text": "on it"}
    for to_the_end in (False, True):
        for line in write_lines(policy, ID, options, 4, 0, to_the_end=to_the_end).written:
            assert line.points[-1, 2] == DONE
            if not to_the_end or attention != "window":
                assert len(line.points) == 1
                continue
            assert line.letter is not None
            assert len(line.points) > 1
            assert line.letter[-1] == len("on it") - 1
            assert (line.letter[:-1] < len("on it") - 1).all()
            assert (line.points[:-1, 2] == LIFTED).all()


def test_the_world_s_own_hands_are_read_and_other_texts_are_not(reader: InkReader, lines: Lines) -> None:
    found = legibility(reader, Lines(lines.due, lines.due))
    assert found.letters == sum(int((line.text != pen.SPACE).sum()) for line in lines.due)
    assert found.read == found.world
    assert found.read.share > 0.97
    assert found.whole > 0.8
    assert found.long == 1.0
    assert found.read.low <= found.read.share <= found.read.high
    assert found.chance.share < 0.25
    assert found.window == found.trusted  # its letters are the truth
    assert found.window_read is not None
    assert found.window_read.near.share > 0.98
    assert found.trusted.near.share > 0.98
    assert found.trusted.exact.share > 0.5
    assert found.even.exact.share < found.trusted.exact.share


def test_untrained_writing_is_not_read(reader: InkReader, lines: Lines) -> None:
    found = legibility(reader, lines)
    assert found.read.share < 0.25
    assert found.window_read is None
    assert found.world.share > 0.97


def test_a_window_that_is_behind_is_found_out(reader: InkReader, lines: Lines) -> None:
    near = []
    for behind in (0, 2, 3):
        late = [line._replace(letter=np.maximum(line.letter - behind, 0)) for line in lines.due]
        window = legibility(reader, Lines(late, lines.due)).window
        assert window is not None
        near.append(window.near.share)
    assert near[0] > near[1] + 0.3 > near[2]


def test_a_path_s_letters_are_those_nearest_in_time() -> None:
    assert nearest_symbols(np.array([0, 0, 1, 2, 2, 2, 3, 3, 4, 4]), 2).tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]
    assert nearest_symbols(np.array([1, 3, 5]), 3).tolist() == [0, 1, 2]
    assert nearest_symbols(np.array([-1, -1, -1, -1]), 2).tolist() == [0, 0, 1, 1]


def test_a_space_is_half_way_between_letters() -> None:
    text = np.array([3, pen.SPACE, 4, 5, pen.SPACE, 6])
    assert among_letters(text, np.arange(6)).tolist() == [0, 0.5, 1, 2, 2.5, 3]
    assert among_letters(text, np.array([5, 0, 0])).tolist() == [3, 0, 0]


def test_shares_of_points_are_over_all_texts() -> None:
    found = placed([np.array([0, 1.5, 5]), np.array([2])], [np.array([0, 1, 2]), np.array([1])])
    assert found.near.share == 3 / 4
    assert found.exact.share == 1 / 4
    assert found.near.low == pytest.approx(2 / 3)  # as if all texts were the first
    assert found.near.high == 1.0


# ---- style ----


def same_text(count: int, text: str = "hello you", **options: object) -> list[Line]:
    """A text in the world's own hands."""
    view: dict[str, Any] = {"view": "whole", "text": text, **options}
    return write_lines(writer_of(), ID, view, count, 0).due


def measured(lines: list[Line]) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(line.places(), line.points[:, 2] > 0) for line in lines]


def test_slants_and_sizes_that_differ_are_measured_as_such() -> None:
    ink = measured(same_text(100))
    key = torch.arange(100)
    hand = pen.hands(CounterRNG(key, 0 * key, 0 * key))
    values = np.stack([halves(*line) for line in ink]).mean(1)  # (N, measure)
    assert np.corrcoef(values[:, 0], hand.slant * hand.wide / hand.height)[0, 1] > 0.97
    assert np.corrcoef(values[:, 1], hand.height.log())[0, 1] > 0.97
    found = style(ink)
    assert found.samples == 100
    assert found.slant.ratio > 20
    assert found.size.ratio > 10
    assert found.size.deviation == pytest.approx(float(hand.height.log().std()), rel=0.1)


def test_a_hand_that_changes_within_a_line_is_no_style() -> None:
    ink = measured(same_text(100))
    middle = [len(places) // 2 for places, _ in ink]
    mixed = []
    for number, (places, lifts) in enumerate(ink):
        other, up = ink[(number + 1) % len(ink)]
        begin = middle[(number + 1) % len(ink)]
        mixed.append((np.concatenate([places[: middle[number]], other[begin:]]),
                      np.concatenate([lifts[: middle[number]], up[begin:]])))  # fmt: skip
    found = style(mixed)
    assert found.slant.ratio < 3
    assert found.size.ratio < 3
    steady = style(measured(same_text(20, hands="one")))
    assert steady.slant.between == pytest.approx(0, abs=1e-12)


def test_variances_are_those_of_an_analysis_of_variance() -> None:
    values = np.random.default_rng(0).normal(size=(30, 2)) + np.array([0, 5])
    found = variation(values)
    apart = values - values.mean(0)
    means = apart.mean(1)
    within = sum((apart[i, k] - means[i]) ** 2 for i in range(30) for k in range(2)) / 29  # one degree is the halves'
    assert found.between == pytest.approx(((means - means.mean()) ** 2).sum() / 29)
    assert found.within == pytest.approx(within)
    assert found.ratio == pytest.approx(found.between / found.within)
    values[3, 0] = np.nan
    assert variation(values).between == pytest.approx(variation(np.delete(values, 3, 0)).between)
    assert np.isnan(variation(values[:1]).ratio)


# ---- what can't be measured ----


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"view": "whole", "answer": "string"}, "confusable=True"),
        ({"view": "whole", "answer": "string", "confusable": False, "ink": "handwriting"}, '--env.dots "at once"'),
    ],
)
def test_a_reader_of_another_ink_is_refused(options: dict[str, Any], says: str) -> None:
    env = gym.make(READS, **options)
    policy = AGENTS["transcriber"](env.observation_space, env.action_space, encoder="pyramid", units=4, embedding=4)
    with pytest.raises(FoveateError, match=says):
        InkReader(policy, READS, options, "at once")


def test_who_does_not_write_or_read_by_hand_is_refused(root: Path) -> None:
    copies = load(root / "zoo" / "Copy-ntm", device="cpu").policy
    with pytest.raises(FoveateError, match="Sequence/Handwriting-v0"):
        write_lines(copies, "Memory/Copy-v0", {}, 2, 0)
    with pytest.raises(FoveateError, match="transcribes"):
        InkReader(copies, READS, {}, "at once")
