"""Alignments: of an attention that is known, of gradients that can be worked out otherwise, and their figures."""

from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from aligned import ID, POINTS, SHORT, SPEECH, WHOLE_STRING, played, policy_of
from torch import Tensor

from foveate import tree
from foveate.agents import AGENTS
from foveate.analysis.alignment import agreement
from foveate.errors import FoveateError
from foveate.wrappers import Alignment, judging
from foveate.wrappers.alignment import explicit_alignment, implicit_alignment
from foveate.wrappers.saliency.policy_views import view_of


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
    assert perfect.opening == uniform.opening == 0.0  # each sentence begins with a word that decides one


def test_the_opening_is_what_comes_before_anything_decides() -> None:
    arguments = {"view": "whole", "data": "tones", "min_length": 1, "max_length": 2}
    env = gym.make(SPEECH, **arguments)
    torch.manual_seed(0)
    policy = AGENTS["attend"](env.observation_space, env.action_space, encoder="embedding", attention="uniform")
    found = agreement(policy, SPEECH, arguments, 20, 0)["weights"]
    worlds = gym.make_vec(SPEECH, num_envs=20, output="torch", **arguments)
    worlds.reset(seed=0)
    state, shares = worlds.unwrapped.world.state, []
    for aligned, length in zip(state["aligned"], state["length"], strict=True):
        pause = min(int(frame) for letter in aligned for frame in letter.nonzero())
        shares += [pause / int(length)] * int(aligned.any(-1).sum())
    assert found.opening == pytest.approx(np.mean(shares))
    assert found.opening > 0.1


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


PICTURES = "Sequence/Caption-v0"


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
