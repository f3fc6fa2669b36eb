"""What heads look at: against a slow loop, and on agents that were built to look at something."""

import math
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.agents import AGENTS
from foveate.agents.policies.policy import Policy
from foveate.analysis.heads import BEFORE, DECIDES, FOLLOWED, ITSELF, SAME, WORD, heads_of, over_moments, roles_of
from foveate.envs.protocols import world_of
from foveate.envs.registry import make_worlds
from foveate.envs.sequence.prose import ALPHABET
from foveate.errors import FoveateError
from foveate.viz.arcs import Head, draw_arcs

TEXT, COPY = "Sequence/Text-v0", "Memory/Copy-v0"


def reader(env_id: str, arguments: dict[str, Any], **options: Any) -> Policy:
    torch.manual_seed(0)
    env = gym.make(env_id, **arguments)
    make: Any = AGENTS["transformer"]
    return make(env.observation_space, env.action_space, **{"hidden": 8, "heads": 2, "context": 64, **options}).eval()


@settings(max_examples=20, deadline=None)
@given(steps=st.integers(1, 9), context=st.integers(1, 12), seed=st.integers(0, 999))
def test_windows_are_laid_over_moments(steps: int, context: int, seed: int) -> None:
    torch.manual_seed(seed)
    weights = torch.rand(steps, 2, 3, context)
    length = torch.tensor([steps, max(1, steps - 2)])
    found = over_moments(weights, length)
    for t in range(steps):
        for row in range(2):
            for then in range(steps):
                column = context - 1 - (t - then)
                wanted = torch.zeros(3)
                if t < length[row] and 0 <= column < context and then <= t:
                    wanted = weights[t, row, :, column]
                torch.testing.assert_close(found[row, :, t, then], wanted)


def test_roles_are_what_a_slow_reader_says() -> None:
    env = make_worlds(TEXT, 2, "cpu", {"length": 80, "names": 1})
    env.reset(seed=3)
    world: Any = world_of(env)
    episodes = world.episodes(2)
    roles = roles_of(world, episodes)
    for row in range(2):
        text = [ALPHABET[number] for number in episodes.observation[:, row].argmax(-1).tolist()]
        source = episodes.state["source"][row].tolist()
        for now in range(79):
            word = now if text[now].isalnum() else None
            while word is not None and word > 0 and text[word - 1].isalnum():
                word -= 1
            for then in range(79):
                wanted = {
                    ITSELF: then == now,
                    BEFORE: then == now - 1,
                    SAME: then < now and text[then] == text[now],
                    FOLLOWED: 0 < then <= now and text[then - 1] == text[now] and then - 1 < now,
                    DECIDES: source[now] == then,
                    WORD: word is not None and word <= then < now,
                }
                assert {name: bool(mask[row, now, then]) for name, mask in roles.items()} == wanted


def test_shares_are_those_of_a_slow_loop() -> None:
    arguments = {"length": 60, "names": 1}
    policy = reader(TEXT, arguments, layers=2)
    found = {role.name: role for role in heads_of(policy, TEXT, arguments, 3, seed=5).roles}
    env = make_worlds(TEXT, 3, "cpu", arguments)
    env.reset(seed=5)
    world: Any = world_of(env)
    episodes = world.episodes(3)
    masks = roles_of(world, episodes)
    starts = torch.zeros(59, 3, dtype=torch.bool)
    starts[0] = True
    with torch.no_grad():
        said = policy(episodes.observation, policy.initial_state(3), starts, record=True).records["read_weights"]
    for name, role in found.items():
        masses, chances = [], []
        for row in range(3):
            for now in range(59):
                some = [then for then in range(now + 1) if masks[name][row, now, then]]
                if 0 < len(some) <= now:
                    chances.append(len(some) / (now + 1))
                    masses.append(
                        [sum(float(said[now, row, head, 63 - (now - then)]) for then in some) for head in range(4)]
                    )
        assert role.moments == len(masses)
        assert role.chance == pytest.approx(np.mean(chances))
        np.testing.assert_allclose(role.mass.flatten(), np.mean(masses, 0), atol=1e-6)


def test_a_head_that_only_sees_the_present_gives_it_all() -> None:
    arguments = {"max_length": 3}
    policy = reader(COPY, arguments, context=1)
    found = {role.name: role for role in heads_of(policy, COPY, arguments, 4, seed=0).roles}
    assert found[ITSELF].mass.min() == pytest.approx(1.0)
    assert found[BEFORE].mass.max() == 0.0
    assert WORD not in found


def test_others_are_refused() -> None:
    env = gym.make(COPY)
    make: Any = AGENTS["gru"]
    with pytest.raises(FoveateError, match="not GRU"):
        heads_of(make(env.observation_space, env.action_space), COPY, {}, 1, 0)
    pad: Any = "Memory/ScratchPad-v0", {"calls": False}
    policy = reader(*pad)
    with pytest.raises(FoveateError, match="ScratchPad"):
        heads_of(policy, *pad, 1, 0)


def test_arcs_are_drawn_where_weights_are() -> None:
    weights = np.zeros((6, 6))
    weights[4, 1] = 0.9
    weights[2, 2] = 1.0
    with_arcs = draw_arcs(list("ab c\nd"), [Head("one", weights), Head("two", 0 * weights)])
    without = draw_arcs(list("ab c\nd"), [Head("one", 0 * weights), Head("two", 0 * weights)])
    assert with_arcs.startswith(b"\x89PNG")
    assert with_arcs != without
    assert draw_arcs(["a"], []).startswith(b"\x89PNG")


@pytest.mark.parametrize("part", ["places", "norm", "residual", "feedforward"])
def test_what_is_left_out_is_gone(part: str) -> None:
    policy: Any = reader(TEXT, {}, without=(part,))
    whole: Any = reader(TEXT, {})
    names, every = set(dict(policy.core.named_parameters())), set(dict(whole.core.named_parameters()))
    gone = {"norm": "norm", "feedforward": "widen"}.get(part)
    assert every - names == {name for name in every if gone is not None and gone in name}
    if part == "places":  # the order of what is seen is nothing to it
        x = torch.randn(5, 1, 54)
        turned = torch.cat([x[[2, 0, 3, 1]], x[4:]])
        starts = torch.zeros(5, 1, dtype=torch.bool)
        starts[0] = True
        one, other = (policy.core(each, policy.core.initial_state(1), starts).y[-1] for each in (x, turned))
        first = reader(TEXT, {}, layers=1, without=(part,)).core
        assert not torch.allclose(one, other, atol=1e-6)  # what a moment saw before it differs, in the second layer
        one, other = (first(each, first.initial_state(1), starts).y[-1] for each in (x, turned))
        torch.testing.assert_close(one, other)
    if part == "residual":
        with torch.no_grad():
            for block in policy.core.blocks:
                block.widen_2.weight.zero_()
                block.widen_2.bias.zero_()
        assert math.isclose(policy.core.norm.weight.sum().item(), 8.0)
        said = policy.core(torch.randn(3, 1, 54), policy.core.initial_state(1), torch.ones(3, 1, dtype=torch.bool)).y
        torch.testing.assert_close(said, torch.zeros_like(said))  # nothing came past the layer
