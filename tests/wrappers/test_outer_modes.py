"""Instruments under whatever mode holds outside, and around whatever a network does to gradients and to its input."""

import contextlib
from collections.abc import Callable

import gymnasium as gym
import numpy as np
import pytest
import torch
from ids import ALL_IDS
from saliency_worlds import SIDE, learner, linear_policy, moment, planted
from torch import Tensor, nn

from foveate.agents import LearnerOptions, Policy, PolicyGradient
from foveate.errors import FoveateError
from foveate.wrappers import MemoryTrace, Saliency, SequentialJacobian
from foveate.wrappers.saliency import METHODS, methods_of, view_of
from foveate.wrappers.saliency.targets import choose_targets
from foveate.wrappers.saliency.undisturbed import undisturbed

BY_GRADIENT = [name for name, method in METHODS.items() if method.by_gradient]
Mode = Callable[[], contextlib.AbstractContextManager]


def _play(env: gym.Env, steps: int = 3) -> None:
    env.action_space.seed(1)
    env.reset(seed=1)
    for _ in range(steps):
        env.step(env.action_space.sample())


def _maps(mode: Mode, loading: Mode) -> dict[str, np.ndarray]:
    """Everything that every instrument says, played in one mode by a policy that was loaded in another."""
    found: dict[str, np.ndarray] = {}
    with loading():
        torch.manual_seed(0)
        driver = learner()
        writer = learner("ntm", "Memory/Copy-v0", hidden=8, rows=6, width=5)
        pictures = gym.make_vec(
            "Glimpse/Digits-v0", num_envs=2, autoreset_mode="SameStep", output="torch", view="image"
        )
        options = LearnerOptions(worlds=2)
        looker = PolicyGradient("soft-attention", pictures, options, policy_kwargs={"hidden": 16}, seed=0, device="cpu")
    with mode():
        env = Saliency(gym.make("Probe/Catch-v0", balls=1), driver, methods_of(view_of(driver)), "advantage")
        _play(env)
        found |= {method: one for (method, _), one in env.maps().items()}
        memory = MemoryTrace(gym.make("Memory/Copy-v0"), writer, of="logits")
        _play(memory)
        found["memory"] = memory.trace()["memory_jacobian"]
        time = SequentialJacobian(gym.make("Memory/Copy-v0"), writer)
        _play(time)
        found["time"] = time.matrix()
        attentive = Saliency(gym.make("Glimpse/Digits-v0", view="image"), looker, ["attention", "jacobian"], "logits")
        _play(attentive, 1)
        found |= {f"soft {method}": one for (method, _), one in attentive.maps().items()}
    return found


@pytest.fixture(scope="module")
def right() -> dict[str, np.ndarray]:
    """What the instruments say where nothing holds outside."""
    return _maps(contextlib.nullcontext, contextlib.nullcontext)


@pytest.mark.parametrize("loading", [contextlib.nullcontext, torch.inference_mode])
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_every_instrument_says_the_same_in_every_outer_mode(
    right: dict[str, np.ndarray], mode: Mode, loading: Mode
) -> None:
    found = _maps(mode, loading)
    assert right.keys() == found.keys()
    for name, one in right.items():
        assert np.abs(one).max() > 0, name
        np.testing.assert_allclose(found[name], one, rtol=1e-4, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("env_id", ALL_IDS)
def test_worlds_that_began_in_inference_mode_go_on_outside(env_id: str) -> None:
    env = gym.make_vec(env_id, num_envs=3, autoreset_mode="SameStep", output="torch")
    env.action_space.seed(0)
    with torch.inference_mode():
        env.reset(seed=0)
        for _ in range(3):
            env.step(env.action_space.sample())
        world = env.unwrapped.world
        world.set_state(1, world.get_state(0))
    assert not any(value.is_inference() for value in world.state_dict().values())
    mask = torch.tensor([True, False, True])
    world.reset(mask)
    env.step(env.action_space.sample())


class _Start(nn.Module):
    """Something that is done to an observation before a policy sees it."""

    def __init__(self, encoder: nn.Module, function: Callable[[Tensor], Tensor]):
        super().__init__()
        self.encoder, self.function, self.output_size = encoder, function, encoder.output_size

    def forward(self, observation: Tensor) -> Tensor:
        return self.encoder(self.function(observation))


def _policy(function: Callable[[Tensor], Tensor]) -> Policy:
    policy = linear_policy(torch.linspace(-1, 1, 2 * 2 * SIDE * SIDE).view(2, -1), None)
    policy.encoder = _Start(policy.encoder, function)
    return policy


@pytest.mark.parametrize("method", [name for name in METHODS if name != "attention"])
def test_a_network_may_write_into_its_observation(method: str) -> None:
    maps = []
    for function in (lambda x: torch.relu(x - 0.3), lambda x: x.sub_(0.3).relu_()):
        view, inputs = moment(_policy(function), planted())
        before = inputs.observation.clone()
        targets = choose_targets(view, ["centred-logit"])
        with undisturbed(view):
            maps.append(METHODS[method].function(view, inputs, targets)[0])
        assert torch.equal(inputs.observation, before)
    torch.testing.assert_close(maps[0], maps[1])


@pytest.mark.parametrize("method", BY_GRADIENT)
@pytest.mark.parametrize(
    "cut", [Tensor.detach, Tensor.round, lambda x: (x > 0.5).float()], ids=["cut", "round", "step"]
)
def test_cut_gradients_are_no_zeros(method: str, cut: Callable[[Tensor], Tensor]) -> None:
    view, inputs = moment(_policy(cut), planted())
    targets = choose_targets(view, ["centred-logit"])
    if cut is Tensor.round:  # its derivative is there, and zero
        with undisturbed(view):
            assert METHODS[method].function(view, inputs, targets)[0].abs().max() == 0
        return
    with undisturbed(view), pytest.raises(FoveateError, match="no gradient leads"):
        METHODS[method].function(view, inputs, targets)
