"""Sequences in pieces that are computed again: the same numbers and gradients, and less that is kept."""

from collections.abc import Callable

import gymnasium as gym
import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from foveate.agents import Backprop, BackpropOptions
from foveate.agents.learning.losses import first_of
from foveate.agents.learning.recomputation import run_in_pieces
from foveate.errors import FoveateError

SIZES: dict[str, dict] = {
    "lstm": {"hidden": 12},
    "gru": {"hidden": 12},
    "transformer": {},
    "ntm": {"hidden": 12, "rows": 10, "width": 5},
    "dnc": {"hidden": 12, "rows": 10, "width": 5, "read_heads": 2},
    "attend": {},
}


def learner(agent: str, recompute_every: int = 0) -> Backprop:
    env_id, arguments = "Memory/Copy-v0", {"min_length": 9, "max_length": 9}
    if agent == "attend":
        env_id, arguments = "Sequence/Translation-v0", {"view": "whole"}
    worlds = gym.make_vec(env_id, num_envs=4, autoreset_mode="SameStep", output="torch", **arguments)
    options = BackpropOptions(worlds=4, batch=4, recompute_every=recompute_every)
    return Backprop(agent, worlds, options, policy_kwargs=SIZES[agent], seed=0, device="cpu")


def outcome(made: Backprop, moments: int) -> dict[str, torch.Tensor]:
    """What the policy says, and its gradients."""
    torch.manual_seed(0)
    made.learner.collector.begin(0)
    lessons = made.learner.collector.collect()
    made.policy.train()
    made.policy.zero_grad()
    state, starts = made.policy.initial_state(4), first_of(lessons.mask)
    said = run_in_pieces(made.policy, lessons.observation, state, starts, False, moments)
    cost = sum(part.square().mean() for part in (*said.parameters.values(), said.value, *said.losses.values()))
    cost.backward()
    gradients = {name: p.grad for name, p in made.policy.named_parameters() if p.grad is not None}
    return {"cost": cost.detach(), "value": said.value.detach(), **gradients}


@pytest.mark.parametrize("agent", SIZES)
def test_pieces_have_the_gradient_of_the_whole(agent: str) -> None:
    made = learner(agent)
    whole = outcome(made, 0)
    for moments in (1, 4, 1000):
        pieces = outcome(made, moments)
        assert pieces.keys() == whole.keys()
        for name, value in whole.items():
            torch.testing.assert_close(pieces[name], value, rtol=1e-3, atol=1e-6, msg=name)


def kept_bytes(work: Callable[[], torch.Tensor]) -> int:
    """What is kept for the backward pass."""
    sizes = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        sizes.append(tensor.nbytes)
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        work()
    return sum(sizes)


@pytest.mark.parametrize("agent", ["lstm", "gru", "ntm", "dnc"])
def test_pieces_keep_less(agent: str) -> None:
    made = learner(agent)
    lessons = made.learner.collector.collect()
    starts = first_of(lessons.mask)

    def kept(moments: int) -> int:
        state = made.policy.initial_state(4)
        return kept_bytes(lambda: run_in_pieces(made.policy, lessons.observation, state, starts, False, moments).value)

    assert kept(5) < kept(0) / 2


def test_a_training_in_pieces_is_that_of_the_whole() -> None:
    weights = []
    for recompute_every in (0, 4):
        made = learner("ntm", recompute_every)
        made.learn(2 * 4 * 19)
        weights.append(torch.cat([p.detach().flatten() for p in made.policy.parameters()]))
    torch.testing.assert_close(*weights, rtol=1e-3, atol=1e-5)


def test_a_negative_number_of_moments_is_refused() -> None:
    with pytest.raises(FoveateError, match="recompute_every"):
        BackpropOptions(recompute_every=-1)


def test_who_samples_how_a_source_is_read_keeps_everything() -> None:
    worlds = gym.make_vec(
        "Sequence/Translation-v0", num_envs=4, view="whole", autoreset_mode="SameStep", output="torch"
    )
    options = BackpropOptions(worlds=4, batch=4, recompute_every=2)
    with pytest.raises(FoveateError, match="recompute_every=2 is not allowed with hard=True"):
        Backprop("attend", worlds, options, policy_kwargs={"hard": True}, device="cpu")
