"""Pictures and films of alignments: where they are shaded, lit, outlined and boxed, of every kind of passage."""

from functools import partial
from pathlib import Path

import cv2
import gymnasium as gym
import numpy as np
import pytest
import torch
from aligned import ID, POINTS, SHORT, SPEECH, played, policy_of
from ids import SEQUENCE_IDS, short

from foveate import tree
from foveate.agents import AGENTS
from foveate.analysis.alignment import agreement
from foveate.errors import FoveateError
from foveate.viz.alignment import BAND, NARROW, TITLE, _runs
from foveate.viz.canvas import heat
from foveate.wrappers import Alignment, RecordVideo, record_episodes
from foveate.wrappers.saliency.policy_views import view_of


def test_a_policy_without_attention_has_the_implicit_alignment_only(tmp_path: Path) -> None:
    found = agreement(policy_of("gru", "stream"), ID, {"view": "stream", **SHORT}, 4, 0)
    assert set(found) == {"jacobian", "uniform"}
    env = played(policy_of("gru", "stream"), "stream")
    assert env.kinds == ["jacobian"]
    with pytest.raises(FoveateError, match="attends to no source"):
        env.matrix("weights")
    env.save(tmp_path / "one.png")
    both = played(policy_of())
    assert both.kinds == ["weights", "jacobian"]
    both.save(tmp_path / "two.png")
    one, two = (cv2.imread(str(tmp_path / f"{name}.png")) for name in ("one", "two"))
    assert two.shape[1] > 1.5 * one.shape[1]  # side by side


def test_a_film_unfolds_in_frames_of_one_size(tmp_path: Path) -> None:
    policy = policy_of()
    env = Alignment(gym.make(ID, view="whole", **SHORT), policy, of="weights")
    frames = [frame for episode in record_episodes(env, policy, 2, seed=0) for frame in episode]
    assert len({frame.shape for frame in frames}) == 1
    film = RecordVideo(Alignment(gym.make(ID, view="whole", **SHORT), policy), tmp_path / "film.mp4")
    film.reset(seed=0)
    film.step(1)
    film.close()
    assert (tmp_path / "film.mp4").stat().st_size > 500


def test_a_pointer_s_alignment_is_where_it_points_beside_the_points(tmp_path: Path) -> None:
    policy = policy_of("pointer", env_id=POINTS, units=8)
    env = played(policy, env_id=POINTS)
    assert env.source == [str(number + 1) for number in range(len(env.source))]
    own = view_of(policy)
    pointed = own.sequence(tree.stack(env.observations))[1]["action"].softmax(-1)[:, 0, 1 : len(env.source) + 1]
    np.testing.assert_allclose(env.matrix("weights"), pointed.numpy(force=True), atol=1e-6)
    np.testing.assert_array_equal(env.gold().argmax(1)[:-1] + 1, [int(word) for word in env.written[:-1]])
    env.save(tmp_path / "points.png")
    drawn, alone = cv2.imread(str(tmp_path / "points.png")), env.world.source_picture(0)
    assert drawn.shape[1] > alone.shape[1] + 100
    top = (len(drawn) - len(alone)) // 2
    assert np.array_equal(drawn[top : top + len(alone), : alone.shape[1], ::-1], alone)
    found = agreement(policy, POINTS, {"view": "whole", **SHORT}, 10, 0)
    assert set(found) == {"weights", "jacobian", "uniform"}
    film = Alignment(gym.make(POINTS, view="whole", **SHORT), policy)
    assert len({frame.shape for episode in record_episodes(film, policy, 2, seed=0) for frame in episode}) == 1


def test_a_listener_s_weights_stand_below_the_spectrogram(tmp_path: Path) -> None:
    policy = policy_of(env_id=SPEECH, encoder="pyramid", units=4)
    env = played(policy, env_id=SPEECH, of="weights")
    weights, length = env.matrix(), int(env.world.state["length"][0])
    assert weights.shape == (len(env.written), length)
    np.testing.assert_allclose(
        weights.sum(1), 1.0, atol=1e-5
    )  # what an annotation counts for is shared among its frames
    assert (np.diff(weights[:, : length // 4 * 4].reshape(len(weights), -1, 4)) == 0).all()
    env.save(tmp_path / "frames.png")
    drawn = cv2.imread(str(tmp_path / "frames.png"))[..., ::-1]
    loud = heat(env.world.source_strip(0))
    top = TITLE + BAND // 2  # of the first band
    left = next(x for x in range(200) if np.array_equal(drawn[top, x : x + NARROW * length : NARROW], loud[0]))
    for band in range(13):
        assert np.array_equal(drawn[top + band * BAND, left : left + NARROW * length : NARROW], loud[band])
    found = agreement(policy, SPEECH, {"view": "whole", **SHORT}, 10, 0)
    assert set(found) == {"weights", "jacobian", "uniform"}
    film = Alignment(gym.make(SPEECH, view="whole", **SHORT), policy)
    assert len({frame.shape for episode in record_episodes(film, policy, 2, seed=0) for frame in episode}) == 1


def test_neighbouring_frames_of_gold_have_one_outline() -> None:
    gold = np.array([[0, 1, 1, 0, 1], [1, 1, 1, 1, 1]], bool)
    assert _runs(gold, True) == [(0, 1, 2), (0, 4, 4), (1, 0, 4)]
    assert _runs(gold, False) == [(row, column, column) for row, column in np.argwhere(gold)]


def test_what_is_owed_to_the_end_alone_leaves_a_row_dark() -> None:
    from foveate.viz.alignment import AlignmentMap, Written, draw_alignment

    amounts, none = np.array([[0.02, 0.01]]), np.zeros((1, 2), bool)
    dark, bright = (
        draw_alignment([AlignmentMap("t", amounts, elsewhere=elsewhere)], ["a", "b"], [Written("x")], none).mean()
        for elsewhere in (np.array([0.97]), None)
    )
    assert dark < bright


def test_a_text_is_shaded_where_it_was_read_and_outlined_where_it_should_be() -> None:
    from foveate.viz.alignment import GOLD, AlignmentMap, Written
    from foveate.viz.shaded import SHADE, Asked, draw_shaded

    words, asked = ["one", "two", "three"], Asked(["who", "____"], [Written("x")])
    gold = np.array([[False, False, True]])
    for place in range(3):
        picture = draw_shaded([AlignmentMap("t", np.eye(3)[place : place + 1])], words, asked, gold)
        shaded, golden = (np.argwhere((picture == colour).all(-1)) for colour in (SHADE, GOLD))
        middles = [float(np.mean([least, most])) for least, most in zip(golden.min(0), golden.max(0), strict=True)]
        assert len(shaded) > 50
        assert (abs(shaded.mean(0)[1] - middles[1]) < 10) == (place == 2)
    assert picture.shape[0] % 2 == picture.shape[1] % 2 == 0


@pytest.mark.parametrize("of", ["weights", "jacobian"])
def test_one_answer_has_an_alignment_and_pictures_of_one_size(of: str) -> None:
    make = partial(gym.make, "Sequence/Cloze-v0", view="whole", **short("Sequence/Cloze-v0"))
    torch.manual_seed(0)
    policy = AGENTS["attend"](make().observation_space, make().action_space, hidden=8, units=8, key=0)
    env = Alignment(make(render_mode="rgb_array"), policy, of=of)
    frames = []
    for seed in range(4):
        _, info = env.reset(seed=seed)
        frames.append(env.render())
        env.step(info["target"])
        frames.append(env.render())
        amounts = env.matrix(of)
        assert amounts.shape == env.gold().shape == (1, len(env.source))
        assert (amounts > 0).all()
        assert env.source[int(env.gold()[0].argmax())] == env.written[0]
    assert len({frame.shape for frame in frames}) == 1


def test_every_hop_has_a_text_of_its_own() -> None:
    make = partial(gym.make, "Sequence/Stories-v0", view="whole", **short("Sequence/Stories-v0"))
    for hops in (1, 3):
        torch.manual_seed(0)
        options = {"encoder": "words", "attention": "hops", "core": "none", "embedding": 4, "hops": hops}
        policy = AGENTS["attend"](make().observation_space, make().action_space, **options)
        env = Alignment(make(), policy, of="weights")
        _, info = env.reset(seed=0)
        before = env.render()
        env.step(info["target"])
        every = env.matrices()
        assert every.shape == (hops, 1, len(env.source))
        np.testing.assert_allclose(every.sum(-1), 1.0, atol=1e-5)
        np.testing.assert_allclose(every.mean(0), env.matrix())
        assert env.render().shape[1] == hops * 640
        assert before.shape == env.render().shape


def test_the_gold_cells_are_outlined_and_their_words_stand_there() -> None:
    from foveate.viz.alignment import CELL, GOLD, AlignmentMap, Written, draw_alignment

    amounts, gold = np.zeros((2, 3)), np.zeros((2, 3), bool)
    amounts[0, 1], gold[1, 2] = 1.0, True
    picture = draw_alignment([AlignmentMap("t", amounts)], ["a", "bb", "c"], [Written("x"), Written("y")], gold)
    golden = np.argwhere((picture == GOLD).all(-1))
    height, width = np.ptp(golden, axis=0) + 1
    assert abs(height - CELL) <= 2
    assert abs(width - CELL) <= 2
    assert picture.shape[0] % 2 == picture.shape[1] % 2 == 0


@pytest.mark.parametrize("env_id", SEQUENCE_IDS)
def test_every_world_has_a_picture_of_what_was_read(env_id: str, tmp_path: Path) -> None:
    make = gym.make(env_id, view="whole", **short(env_id))
    policy = AGENTS["attend"](make.observation_space, make.action_space, hidden=8, encoder="embedding")
    env = Alignment(make, policy, "weights")
    _, info = env.reset(seed=0)
    over = False
    while not over:
        _, _, over, _, info = env.step(info["target"])
    assert len(env.written) == len(env.gold()) == len(env.matrix()) > 0
    env.save(tmp_path / "read.png")
    assert (tmp_path / "read.png").stat().st_size > 500


def test_a_picture_is_lit_where_it_was_looked_at_and_boxed_where_it_should_be() -> None:
    from foveate.viz.alignment import GOLD, AlignmentMap, Written
    from foveate.viz.lit import GAP, LINE, SIDE, TITLE, draw_lit

    picture, amounts, boxes = np.zeros((64, 64), np.uint8), np.zeros((2, 64)), [np.zeros((0, 4), int)] * 2
    amounts[0, 8 * 2 + 5], amounts[1] = 0.3, 0.01
    boxes[1] = np.array([[8, 16, 24, 40]])
    drawn = draw_lit([AlignmentMap("t", amounts)], picture, [Written("x"), Written("y")], boxes)
    parts = [drawn[TITLE + LINE :, GAP + place * (SIDE + GAP) :][:SIDE, :SIDE] for place in range(3)]
    assert not parts[0].any()
    assert np.unravel_index(parts[1][..., 0].argmax(), (SIDE, SIDE)) == pytest.approx((2.5 * 16, 5.5 * 16), abs=2)
    assert not parts[1][80:].any()
    golden = np.argwhere((parts[2] == GOLD).all(-1))
    assert np.abs(np.concatenate([golden.min(0), golden.max(0)]) - 2 * boxes[1][0]).max() <= 2
    assert drawn.shape[0] % 2 == drawn.shape[1] % 2 == 0
