"""Alignments: of an attention that is known, of gradients that can be worked out otherwise, and their figures."""

from functools import partial
from pathlib import Path
from typing import Any

import cv2
import gymnasium as gym
import numpy as np
import pytest
import torch
from ids import SEQUENCE_IDS, short
from torch import Tensor

from foveate import tree
from foveate.agents import AGENTS, Policy
from foveate.analysis.alignment import agreement
from foveate.errors import FoveateError
from foveate.viz.alignment import BAND, NARROW, TITLE, _runs
from foveate.viz.canvas import heat
from foveate.wrappers import Alignment, RecordVideo, judging, record_episodes
from foveate.wrappers.alignment import explicit_alignment, implicit_alignment
from foveate.wrappers.saliency.policy_views import view_of

ID = "Sequence/Translation-v0"
SHORT = {"min_length": 4, "max_length": 7}


POINTS, SPEECH = "Sequence/ConvexHull-v0", "Sequence/Speech-v0"
WHOLE_STRING = {"view": "whole", "answer": "string"}


def policy_of(agent: str = "attend", view: str = "whole", env_id: str = ID, **options: Any) -> Policy:
    env = gym.make(env_id, view=view, **SHORT)
    torch.manual_seed(0)
    return AGENTS[agent](env.observation_space, env.action_space, hidden=8, **options)


def played(policy: Policy, view: str = "whole", seed: int = 1, env_id: str = ID, **options: Any) -> Alignment:
    """An alignment in whose episode the right text was written."""
    env = Alignment(gym.make(env_id, view=view, **SHORT), policy, **options)
    _, info = env.reset(seed=seed)
    over = False
    while not over:
        _, _, over, _, info = env.step(info.get("target", 0))
    return env


def test_weights_are_those_of_the_policy_word_by_word() -> None:
    policy = policy_of(heads=2)
    env = played(policy)
    plain = gym.make(ID, view="whole", **SHORT)
    seen, info = plain.reset(seed=1)
    state, starts, rows = policy.initial_state(1), torch.ones(1, dtype=torch.bool), []
    over = False
    with torch.no_grad():
        while not over:
            said = policy.step(policy.read(tree.unsqueeze(seen)), state, starts, record=True)
            rows.append(said.records["source_weights"][0].mean(0).numpy())
            state, starts = said.state, torch.zeros_like(starts)
            seen, _, over, _, info = plain.step(info["target"])
    found = env.matrix("weights")
    np.testing.assert_allclose(found, np.stack(rows)[:, : found.shape[1]], atol=1e-6)
    np.testing.assert_allclose(found.sum(1), 1.0, atol=1e-5)
    assert found.shape == env.gold().shape == (len(env.written), len(env.source))


@pytest.mark.parametrize(
    ("agent", "view", "env_id"),
    [("attend", "whole", ID), ("gru", "stream", ID), ("attend", "whole", POINTS), ("pointer", "whole", POINTS)],
)
def test_what_is_owed_is_the_derivative(agent: str, view: str, env_id: str) -> None:
    """By differences, entry by entry, of what the likeliest word's logit is above the mean of those it may write."""
    policy = policy_of(agent, view, env_id, **({"units": 8} if agent == "pointer" else {}))
    with torch.no_grad():  # so that the slopes stand out of the rounding
        for parameter in policy.parameters():
            parameter *= 3
    env = played(policy, view, env_id=env_id)
    observations = tree.stack(env.observations)
    moments = [len(env.observations) - 4, len(env.observations) - 2]
    own = view_of(policy)
    found = implicit_alignment(own, observations, moments)[:, 0]
    assert found.max() > 0.05

    def centred(observations: Any, moved: tuple[int, int, float]) -> Tensor:
        """The best word's logit above the mean where an entry of an item has moved."""
        item, entry, amount = moved
        if view == "stream":
            observations = observations.clone()
            observations[item, 0, entry] += amount
            return said(observations)
        shift = torch.zeros(64)
        shift[entry] = amount
        reader = policy.source_encoder.embedding
        handle = reader.register_forward_hook(
            lambda module, given, out: out + (torch.arange(out.shape[1]) == item)[:, None] * shift
        )
        logits = said(observations)
        handle.remove()
        return logits

    def said(observations: Any) -> Tensor:
        logits = own.sequence(observations)[1]["action"][moments, 0]
        mean = torch.stack([row[row > -torch.inf].mean() for row in logits])
        return logits.gather(-1, best[:, None])[:, 0] - mean

    with torch.no_grad():
        best = own.sequence(observations)[1]["action"][moments, 0].argmax(-1)
        for item in (0, 2):
            slopes = []
            for entry in range(64 if view == "whole" else 30):
                below, above = (centred(observations, (item, entry, amount)) for amount in (-0.01, 0.01))
                slopes.append((above - below) / 0.02)
            norm = torch.stack(slopes).square().sum(0).sqrt()
            if view == "whole":
                torch.testing.assert_close(found[:, item], norm, rtol=0.02, atol=1e-3)
            else:  # the norm of all entries is no smaller than that of some
                assert (found[:, item] >= norm - 1e-3).all()


def test_a_policy_that_keeps_nothing_owes_nothing_to_the_past() -> None:
    env = played(policy_of("mlp", "stream"), "stream")
    assert not env.matrix("jacobian").any()


def test_looking_changes_no_episode_and_no_random_number() -> None:
    policy = policy_of()
    plain, env = (gym.make(ID, view="whole", **SHORT) for _ in range(2))
    env = Alignment(env, policy)
    torch.manual_seed(5)
    plain.action_space.seed(5)
    before = [plain.reset(seed=2)[0]["written"], *(plain.step(plain.action_space.sample())[1] for _ in range(4))]
    drawn = torch.rand(1)
    torch.manual_seed(5)
    env.action_space.seed(5)
    after = [env.reset(seed=2)[0]["written"]]
    for _ in range(4):
        after.append(env.step(env.action_space.sample())[1])
        env.render(), env.matrix("jacobian")
    assert before == after
    assert torch.equal(torch.rand(1), drawn)
    assert all(parameter.grad is None for parameter in policy.parameters())
    assert policy.training


def test_figures_of_alignments_that_are_known() -> None:
    gold = np.array([[True, False, False, True]])
    assert judging.mass_on(np.array([[1.0, 2, 3, 4]]), gold) == [0.5]
    assert judging.mass_on(np.zeros((1, 4)), gold) == [0.0]
    assert np.isnan(judging.mass_on(np.ones((1, 4)), ~gold & gold))[0]
    assert judging.entropy_bits(np.ones((1, 8))) == [3.0]
    assert judging.entropy_bits(np.array([[0.0, 5, 0, 0]])) == [0.0]


def test_agreement_of_the_gold_alignment_is_perfect_and_that_of_the_uniform_is_chance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments = {"view": "whole", **SHORT}
    found = agreement(policy_of(), ID, arguments, 30, 0)
    assert set(found) == {"weights", "jacobian", "uniform"}
    uniform = found["uniform"]
    assert uniform.pointing == pytest.approx(uniform.mass)
    assert uniform.auc == 0.5
    assert 2 < uniform.entropy < np.log2(7)
    assert uniform.writings == found["weights"].writings > 30 * 4
    gym_env = gym.make_vec(ID, num_envs=30, output="torch", **arguments)
    gym_env.reset(seed=0)
    gold = gym_env.unwrapped.world.state["aligned"].transpose(0, 1).float()  # (L, B, S)
    monkeypatch.setattr(
        "foveate.analysis.alignment.explicit_alignment", lambda view, seen: gold[: len(seen["written"])]
    )
    perfect = agreement(policy_of(), ID, arguments, 30, 0)["weights"]
    assert perfect[:3] == pytest.approx((1.0, 1.0, 1.0))
    assert 0 < perfect.entropy < 0.5  # some words are decided by two or three


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


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Alignment(gym.make("Memory/Copy-v0"), policy_of()), "Sequence world"),
        (lambda: Alignment(gym.make(ID, view="glimpse"), policy_of()), "another view"),
        (lambda: Alignment(gym.make(ID, view="whole"), policy_of(), of="wieghts"), "weights"),
        (lambda: agreement(policy_of(), "Memory/Copy-v0", {}, 2, 0), "alignment"),
        (lambda: Alignment(gym.make(SPEECH, **WHOLE_STRING), policy_of()), "at once"),
        (lambda: agreement(policy_of(), SPEECH, WHOLE_STRING, 2, 0), "transcribes"),
    ],
)
def test_what_has_no_alignment_is_refused(make: Any, message: str) -> None:
    with pytest.raises(FoveateError, match=message):
        make()


def test_nothing_was_read_before_an_episode() -> None:
    from gymnasium.error import ResetNeeded

    with pytest.raises(ResetNeeded):
        Alignment(gym.make(ID, view="whole"), policy_of()).render()


def test_explicit_alignment_is_the_mean_of_the_heads() -> None:
    policy = policy_of(heads=2)
    env = played(policy)
    view = view_of(policy)
    observations = tree.stack(env.observations)
    weights = view.records(observations)["source_weights"]
    assert weights.shape[2] == 2
    torch.testing.assert_close(explicit_alignment(view, observations), weights.mean(2))


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


PICTURES = "Sequence/Caption-v0"


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


@pytest.mark.parametrize("cell", [4, 8, 32])
def test_cells_of_a_picture_add_up_or_are_shared_out(cell: int) -> None:
    make = partial(gym.make, PICTURES, view="whole", cell=cell, max_things=2)
    torch.manual_seed(0)
    policy = AGENTS["attend"](make().observation_space, make().action_space, encoder="convolution", hidden=8, units=8)
    env = Alignment(make(), policy, "weights")
    _, info = env.reset(seed=1)
    before = env.render()
    env.step(info["target"])
    (row,) = env.matrix()
    weights = view_of(policy).records(tree.stack(env.observations[:1]))["source_weights"][0, 0, 0]
    assert row.sum() == pytest.approx(1.0)
    grid = 64 // cell
    pixels = weights.view(8, 8).repeat_interleave(8, 0).repeat_interleave(8, 1) / 64
    wanted = pixels.view(grid, cell, grid, cell).sum((1, 3)).flatten()
    np.testing.assert_allclose(row, wanted.numpy(force=True), rtol=1e-4)
    assert before.shape == env.render().shape
    found = agreement(policy, PICTURES, {"view": "whole", "cell": cell}, 10, 0)
    assert found["uniform"].pointing == pytest.approx(found["uniform"].mass)
    assert found["weights"].writings == found["jacobian"].writings > 50
