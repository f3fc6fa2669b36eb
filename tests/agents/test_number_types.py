"""float32 everywhere, whatever PyTorch's default is; nothing wider on a learner's device; nothing that overflows."""

from collections.abc import Iterator
from typing import ClassVar

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from ids import ALL_IDS, known_to
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from foveate import tree
from foveate.agents import AGENTS, Backprop, BackpropOptions, LearnerOptions, PolicyGradient
from foveate.agents.learning.returns import explained_variance
from foveate.agents.nn.attention import ATTENTIONS, make_attention
from foveate.agents.nn.attention.draw import grid, read, write
from foveate.agents.nn.heads import HEADS, MixtureHead
from foveate.envs.spaces import flatten

PPO = LearnerOptions(objective="ppo", horizon=4, worlds=2, minibatches=1)
GLIMPSES = [
    {"first": "centre"},
    {"location": "tiles"},
    {"location": "moves"},
    {"zoom": True},
    {"overview": 8},
    {"view": "image"},
]


@pytest.fixture
def double_by_default() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class Wide(TorchDispatchMode):
    """Remembers whether a float64 tensor was made (numbers of Python's are wrapped as such for a moment)."""

    def __init__(self):
        super().__init__()
        self.made: list[str] = []

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        result = function(*arguments, **(keywords or {}))
        if isinstance(result, Tensor) and result.dtype is torch.float64 and result.ndim:
            self.made.append(str(function))
        return result


def agents() -> list:
    """Every agent in a world that it can play, and every attention."""
    worlds = {"cnn": {"view": "image"}, "dram": {"overview": 8}, "soft-attention": {"view": "image"}}
    worlds["vit"] = worlds["cnn"]
    worlds["attend"] = worlds["pointer"] = {"view": "whole", "min_length": 4, "max_length": 5}
    worlds["transcriber"] = {"view": "whole", "answer": "string", "min_length": 1, "max_length": 2}
    cases = [(name, worlds.get(name, {}), {}) for name in AGENTS if name != "dueling"]
    cases += [(name, {"view": "image"}, {}) for name in ("ram", "dram")]
    cases += [("soft-attention", {"view": "image"}, {"attention": name}) for name in ATTENTIONS]
    return [pytest.param(*case, id=" ".join(map(str, case))) for case in cases]


def learner_of(agent: str, world: dict, options: dict) -> PolicyGradient:
    reading = {"attend": "Sequence/Translation-v0", "pointer": "Sequence/ConvexHull-v0"}
    reading |= {"transcriber": "Sequence/PenReading-v0", "npi": "Memory/ScratchPad-v0"}
    env_id = reading.get(agent, "Glimpse/Digits-v0")
    world = known_to(env_id, {"glimpses": 3, **world})
    env = gym.make_vec(env_id, num_envs=2, output="torch", autoreset_mode="SameStep", **world)
    learned = LearnerOptions(worlds=2) if agent == "transcriber" else PPO  # whose sources are of many lengths
    return PolicyGradient(agent, env, learned, policy_kwargs=options, seed=0, device="cpu")


@pytest.mark.parametrize(("agent", "world", "options"), agents())
@pytest.mark.usefixtures("double_by_default")
def test_an_agent_is_float32_whatever_the_default_is(agent: str, world: dict, options: dict) -> None:
    torch.set_default_dtype(torch.float32)
    usual = learner_of(agent, world, options)
    usual.learn(8)
    again = learner_of(agent, world, options)
    torch.set_default_dtype(torch.float64)
    again.learn(8)
    for name, value in usual.policy.state_dict().items():
        assert torch.equal(value, again.policy.state_dict()[name]), name
    fresh = learner_of(agent, world, options)
    assert all(value.dtype is not torch.float64 for value in [*fresh.policy.parameters(), *fresh.policy.buffers()])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        *(pytest.param(*each.values, {}, marks=each.marks) for each in ALL_IDS),
        *(("Glimpse/Digits-v0", options) for options in GLIMPSES),
    ],
)
@pytest.mark.usefixtures("double_by_default")
def test_a_world_is_the_same_whatever_the_default_is(name: str, options: dict) -> None:
    def played() -> list[Tensor]:
        env = gym.make_vec(name, num_envs=2, output="torch", autoreset_mode="SameStep", **options)
        shown = [env.reset(seed=0)]
        env.action_space.seed(0)
        shown += [env.step(env.action_space.sample())[:3] for _ in range(8)]
        return [leaf for leaf in tree.leaves(tuple(shown)) if isinstance(leaf, Tensor)]

    wide = played()
    torch.set_default_dtype(torch.float32)
    for a, b in zip(wide, played(), strict=True):
        assert a.dtype == b.dtype
        assert torch.equal(a, b)


class Doubles(gym.Env):
    """Shows and pays float64, as MuJoCo does."""

    observation_space: ClassVar[spaces.Space] = spaces.Dict(a=spaces.Box(-1, 1, (2,), np.float64), b=spaces.Discrete(3))
    action_space: ClassVar[spaces.Space] = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.clock = 0
        return self.observation_space.sample(), self._said()

    def _said(self) -> dict:
        return {"target": 1, "target_mask": True, "score": np.float64(0.5)}

    def step(self, action):
        self.clock += 1
        return self.observation_space.sample(), np.float64(1.0), self.clock == 3, False, self._said()


@pytest.mark.parametrize("kind", ["ppo", "reinforce", "backprop"])
@pytest.mark.parametrize("single", [True, False])
def test_no_learner_makes_float64_on_its_device(kind: str, single: bool) -> None:
    env = Doubles() if single else SyncVectorEnv([Doubles] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    small = {"layers": (4,)}
    if kind == "backprop":
        learner = Backprop("mlp", env, BackpropOptions(worlds=2, batch=2), policy_kwargs=small, device="cpu")
    else:
        learner = PolicyGradient(
            "mlp", env, LearnerOptions(objective=kind, worlds=2, minibatches=1), policy_kwargs=small, device="cpu"
        )
    with Wide() as wide:
        learner.learn(12)
    assert not wide.made


SIZES = [sign * size for size in (5.0, 30.0, 60.0, 1e3) for sign in (1, -1)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ATTENTIONS)
def test_attention_is_finite_whatever_is_emitted(name: str, size: float) -> None:
    torch.manual_seed(0)
    model = make_attention(name, (1, 20, 31))
    image = torch.rand(1, 1, 20, 31)
    for i in range(min(model.emitted_size, 9)):
        emitted = model.initial()[None].clone()
        emitted[0, i] = size
        emitted.requires_grad_()
        glimpse = model.look(model.prepare(image), emitted)
        (glimpse.what.sum() + glimpse.where.sum()).backward()
        assert emitted.grad is not None
        assert all(x.isfinite().all() for x in (glimpse.what, glimpse.where, emitted.grad)), i
        if model.places:
            place = model.distribution(model.prepare(image), emitted)
            assert place.log_prob(place.sample()).isfinite().all()


@pytest.mark.parametrize("size", SIZES)
def test_draw_reads_and_writes_finite_numbers(size: float) -> None:
    for i in range(5):
        emitted = torch.zeros(1, 5)
        emitted[0, i] = size
        emitted.requires_grad_()
        where = grid(emitted, 4, 12, 10)
        patch = read(torch.rand(1, 1, 10, 12), where, 4)
        (write(patch, where, 12, 10).sum() + patch.sum()).backward()
        assert emitted.grad is not None
        assert emitted.grad.isfinite().all()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", [*HEADS.values(), MixtureHead])
def test_heads_are_finite_whatever_is_emitted(kind: type, size: float) -> None:
    torch.manual_seed(0)
    space = next((space for space, head in HEADS.items() if head is kind), spaces.Box)
    made = {
        spaces.Discrete: spaces.Discrete(3, start=2),
        spaces.MultiDiscrete: spaces.MultiDiscrete([2, 3], start=[1, 0]),
        spaces.MultiBinary: spaces.MultiBinary(3),
        spaces.Box: spaces.Box(-1, 1, (2,)),
    }[space]
    head = kind(2, made)
    usual = head(torch.randn(1, 2)).detach()
    for i in range(min(usual.numel(), 12)):
        parameters = usual.clone()
        parameters.view(-1)[:: max(i, 1)] = size
        parameters.requires_grad_()
        distribution = head.distribution(parameters)
        action = torch.as_tensor(made.sample())[None]
        (head.log_prob(parameters, action).sum() + distribution.entropy().sum()).backward()
        assert parameters.grad is not None
        assert parameters.grad.isfinite().all()
        assert head.mode(parameters).isfinite().all()
        assert distribution.sample().isfinite().all()
    if hasattr(head, "log_std"):
        with torch.no_grad():
            head.log_std.fill_(size)
        head.log_prob(usual, torch.as_tensor(made.sample())[None]).sum().backward()
        assert head.log_std.grad is None or head.log_std.grad.isfinite().all()


def test_numbers_count_from_the_start_of_their_space() -> None:
    torch.manual_seed(0)
    for space in (spaces.Discrete(3, start=-5), spaces.MultiDiscrete([2, 3], start=[4, -2])):
        head = HEADS[type(space)](2, space)
        parameters = head(torch.randn(200, 2) * 30)
        sampled = head.distribution(parameters).sample()
        assert all(space.contains(one.astype(np.int64)) for one in sampled.numpy())
        assert flatten(space, sampled).std(0).min() > 0
        best = head.mode(parameters)
        assert (head.log_prob(parameters, best) >= head.log_prob(parameters, sampled) - 1e-6).all()


def test_explained_variance_knows_what_counts() -> None:
    torch.manual_seed(0)
    actual, mask = torch.randn(6, 4), torch.rand(6, 4) < 0.5
    predicted = torch.where(mask, actual, 100.0)
    assert explained_variance(predicted, actual, mask) == 1
    assert explained_variance(predicted, actual) < 0
    assert torch.equal(
        explained_variance(predicted, actual, torch.ones_like(mask)),
        explained_variance(predicted.flatten(), actual.flatten()),
    )
    assert explained_variance(predicted, actual, torch.zeros_like(mask)) == 0
