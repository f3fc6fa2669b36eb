"""On a device nobody looks at numbers at each step: not-a-number samples something, and is found once an update."""

from collections.abc import Callable

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from scripted import Scripted, same_step
from torch import Tensor

from foveate.agents import AGENTS, LearnerOptions, Policy, PolicyGradient
from foveate.agents.nn import finite
from foveate.agents.nn.heads import make_head
from foveate.errors import FoveateError

ACTIONS: dict[str, spaces.Space] = {
    "Discrete": spaces.Discrete(3, start=2),
    "MultiDiscrete": spaces.MultiDiscrete([2, 3]),
    "MultiBinary": spaces.MultiBinary(3),
    "Box": spaces.Box(-1, 2, (2,)),
    "Dict": spaces.Dict(a=spaces.Discrete(2), b=spaces.Box(0, 1, (1,))),
}
WRONG = {"nan": torch.nan, "inf": torch.inf}


class Acting(Scripted):
    """Takes any kind of action."""

    def __init__(self, action_space: spaces.Space):
        super().__init__([(False, False)] * 4 + [(True, False)])
        self.action_space = action_space

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        return super().reset(seed=seed)[0], {}

    def step(self, action: object) -> tuple[np.ndarray, float, bool, bool, dict]:
        assert self.action_space.contains(action), action
        seen, *rest, _ = super().step(0)
        return seen, *rest, {}


def spoil(policy: Policy, value: float, after: int) -> Callable[[], int]:
    """After some calls every head says a number that is none."""
    calls = [0]

    def wrong(module: torch.nn.Module, given: object, said: Tensor) -> Tensor:
        calls[0] += 1
        return said * 0 + value if calls[0] > after else said

    for head in policy.heads.values():
        head.register_forward_hook(wrong)
    return lambda: calls[0]


@pytest.mark.parametrize("value", WRONG)
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("objective", ["reinforce", "ppo"])
def test_it_is_found_before_anything_is_learned_from_it(
    monkeypatch: pytest.MonkeyPatch, objective: str, action: str, value: str
) -> None:
    env = same_step([lambda: Acting(ACTIONS[action])] * 2)
    options = LearnerOptions(objective=objective, horizon=8, worlds=2, minibatches=1, hybrid=False)
    on_host = PolicyGradient("gru", env, options, policy_kwargs={"hidden": 4}, device="cpu")
    spoil(on_host.policy, WRONG[value], 6)
    with pytest.raises(FoveateError, match=r"what the policy says of .* is not finite"):
        on_host.learn(64)
    monkeypatch.setattr(finite, "looks_at_once", lambda device: False)  # as on a device
    made = PolicyGradient("gru", env, options, policy_kwargs={"hidden": 4}, device="cpu")
    before = {name: weights.clone() for name, weights in made.policy.state_dict().items()}
    calls = spoil(made.policy, WRONG[value], 6)
    with pytest.raises(FoveateError, match=r"stopped at step 16: the log-probability of a choice is not finite"):
        made.learn(64)
    assert calls() >= 8  # the rollout was finished
    assert all(torch.equal(weights, before[name]) for name, weights in made.policy.state_dict().items())


@pytest.mark.parametrize("action", ACTIONS)
def test_a_step_on_a_device_asks_it_nothing(action: str) -> None:
    with torch.device("meta"):  # holds no numbers: who looks at one gets an error
        policy = AGENTS["gru"](Scripted.observation_space, ACTIONS[action], hidden=4)
    policy.to("meta")
    output = policy.step(
        torch.zeros(2, 3, device="meta"), policy.initial_state(2), torch.ones(2, dtype=torch.bool, device="meta")
    )
    assert all(value.device.type == "meta" for value in output.log_prob.values())


@pytest.mark.parametrize("value", [*WRONG.values(), -torch.inf])
@pytest.mark.parametrize("action", [name for name in ACTIONS if name != "Dict"])
def test_whatever_a_head_says_an_action_of_its_space_is_sampled(
    monkeypatch: pytest.MonkeyPatch, action: str, value: float
) -> None:
    monkeypatch.setattr(finite, "looks_at_once", lambda device: False)
    head, space = make_head(3, ACTIONS[action]), ACTIONS[action]
    parameters = head(torch.zeros(5, 3))
    for spoiled in (torch.full_like(parameters, value), parameters.index_fill(0, torch.tensor(2), value)):
        sample = head.distribution(finite.samplable("x", spoiled)).sample()
        log_prob = head.log_prob(spoiled, sample)
        if value > 0 or value != value:
            assert not bool(log_prob.isfinite()[2])
        for row in sample if action != "Box" else ():  # what a Gaussian says is clipped
            assert space.contains(row.numpy().astype(space.dtype))


def test_samples_are_what_they_were() -> None:
    logits = torch.randn(4, 5, 3)
    head = make_head(2, spaces.Discrete(3))
    torch.manual_seed(0)
    ours = head.distribution(logits).sample()
    torch.manual_seed(0)
    assert torch.equal(ours, torch.distributions.Categorical(logits=logits).sample())
    assert gym.spaces.Discrete(3).contains(int(head.distribution(logits[0, 0]).sample()))


def test_large_numbers_are_finite_though_their_sum_is_not() -> None:
    large = torch.full((3,), 3e38)
    finite.check({"reward": large, "loss": -large, "count": torch.ones(2, dtype=torch.int64)})
    for wrong in (torch.nan, torch.inf, -torch.inf):
        with pytest.raises(finite.NotFinite, match="the value is not finite"):
            finite.check({"reward": large, "value": torch.tensor([0.0, wrong])})
