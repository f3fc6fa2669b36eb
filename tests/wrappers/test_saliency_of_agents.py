"""Every agent by every method: a map, or a refusal that names what can be had; derivatives are those of the output."""

import inspect
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

from foveate import tree
from foveate.agents import AGENTS, Policy
from foveate.errors import FoveateError
from foveate.wrappers import Saliency
from foveate.wrappers.saliency import METHODS, view_of
from foveate.wrappers.saliency.gradients import jacobian
from foveate.wrappers.saliency.methods import methods_of
from foveate.wrappers.saliency.targets import targets_of

SIDE = 9
GLIMPSE = spaces.Dict(
    glimpse=spaces.Box(0, 1, (2, 4, 4), np.float32),
    location=spaces.Box(-1, 1, (2,), np.float32),
    overview=spaces.Box(0, 1, (1, 4, 4), np.float32),
)
SHOWN: dict[str, tuple[spaces.Space, spaces.Space]] = {
    "picture": (spaces.Box(0, 255, (1, SIDE, SIDE), np.uint8), spaces.Discrete(3)),
    "glimpse": (GLIMPSE, spaces.Dict(label=spaces.Discrete(3), location=spaces.Box(-1, 1, (2,), np.float32))),
}
SMALL: dict[str, Any] = {
    **{"hidden": 8, "what": 8, "where": 8, "emit_hidden": 8, "location_hidden": 4, "layers": (8,), "rows": 5},
    **{"patch": 4, "scales": 2, "overview": 4, "stream": 8, "architecture": "modern"},
}
# where an option of this name is of another kind
OWN: dict[str, dict[str, Any]] = {"vit": {"layers": 1, "units": 8}}
# agents that don't play by glimpses, and what they say of it
OF_PICTURES = {
    "soft-attention": "needs whole images",
    "cnn": "needs whole images",
    "vit": "needs whole images",
    "dueling": "needs a Discrete action space",
}
# what is read once an episode: see test_alignment.py; an agent that is told its program sees no picture
EXPLAINED = sorted(set(AGENTS) - {"attend", "pointer", "transcriber", "npi"})
PAIRS = [(name, shown) for name in EXPLAINED for shown in SHOWN if shown == "picture" or name not in OF_PICTURES]


class Anything(gym.Env):
    """Shows members of a space."""

    def __init__(self, observation_space: spaces.Space, action_space: spaces.Space):
        self.observation_space, self.action_space = observation_space, action_space
        observation_space.seed(0)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[object, dict]:
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action: object) -> tuple[object, float, bool, bool, dict]:
        return self.observation_space.sample(), 1.0, False, False, {}


def agent(name: str, shown: str) -> Policy:
    torch.manual_seed(1)
    kind = AGENTS[name]
    sizes = {**SMALL, **OWN.get(name, {})}
    kwargs = {option: value for option, value in sizes.items() if option in inspect.signature(kind).parameters}
    policy = kind(*SHOWN[shown], **kwargs)
    with torch.no_grad():  # last layers begin near zero: give the maps something to show
        for weights in policy.parameters():
            weights.add_(0.1 * torch.randn_like(weights))
    return policy


@pytest.mark.parametrize(("name", "shown"), PAIRS)
def test_every_agent_by_every_method(name: str, shown: str) -> None:
    policy = agent(name, shown)
    view = view_of(policy)
    for method in METHODS:
        of = [target for target in targets_of(view) if method != "sarfa" or "action" in target or "centred" in target]
        env = Anything(*SHOWN[shown])
        if method not in methods_of(view):
            with pytest.raises(FoveateError, match="has: jacobian"):
                Saliency(env, policy, method)
            continue
        film = Saliency(env, policy, method, of=of)
        film.reset(seed=0)
        film.step(env.action_space.sample())
        maps = film.maps()
        assert len(maps) == len(of)
        assert all(np.isfinite(one).all() for one in maps.values())
        # the location of the first depends on nothing, and who remembers one pattern says it whatever is shown
        if METHODS[method].by_gradient and name not in ("random-glimpse", "hopfield"):
            assert [key for key, one in maps.items() if not np.abs(one).max()] == []


@pytest.mark.parametrize(("name", "shown"), PAIRS)
def test_a_derivative_is_how_the_output_changes(name: str, shown: str) -> None:
    policy = agent(name, shown)
    view = view_of(policy)
    seen, _ = Anything(*SHOWN[shown]).reset(seed=0)
    inputs = view.first(tree.unsqueeze(seen))
    x = view.explained(inputs.observation)
    for target in [one for name, one in targets_of(view).items() if name == "value" or one.action]:
        (slope,) = jacobian(view, inputs, [target])
        read, along = target.bind(view.outputs(inputs)), slope / slope.norm()
        with torch.no_grad():
            below, here, above = (float(read(view.ask(inputs, x + h * along), None)) for h in (-3e-3, 0, 3e-3))
        rises = [(above - here) / 3e-3, (here - below) / 3e-3]
        best = min(rises, key=lambda rise: abs(rise - float(slope.norm())))  # on one side there may be a ReLU's kink
        assert best == pytest.approx(float(slope.norm()), rel=0.1), target.name


@pytest.mark.parametrize("name", OF_PICTURES)
def test_agents_of_whole_pictures_refuse_glimpses(name: str) -> None:
    with pytest.raises(FoveateError, match=OF_PICTURES[name]):
        agent(name, "glimpse")
