"""The sequential Jacobian: known of a linear recurrence, right on a trained memory, and silent about the future."""

from pathlib import Path
from typing import NamedTuple

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from foveate.agents import Policy, load
from foveate.agents.nn.cores import Core, CoreOutput
from foveate.agents.nn.encoders import FlatEncoder
from foveate.agents.nn.heads import CategoricalHead
from foveate.analysis.recall import recall
from foveate.analysis.saliency_benchmark import randomised
from foveate.errors import FoveateError
from foveate.wrappers import MemoryTrace, SequentialJacobian, record_episodes
from foveate.wrappers.saliency import memory_jacobian, sequential_jacobian, view_of
from foveate.wrappers.saliency.targets import VALUE, choose_targets
from foveate.wrappers.saliency.undisturbed import undisturbed

ZOO = Path(__file__).parents[2] / "zoo"


class Hidden(NamedTuple):
    hidden: Tensor  # (B, H)


class Linear(Core):
    """h_t = A h_{t-1} + B x_t."""

    def __init__(self, a: Tensor, b: Tensor):
        super().__init__()
        self.a, self.b = torch.nn.Parameter(a), torch.nn.Parameter(b)
        self.output_size = len(a)

    def initial_state(self, batch: int, device: object = "cpu") -> Hidden:
        return Hidden(torch.zeros(batch, self.output_size, dtype=self.a.dtype))

    def forward(self, x: Tensor, state: Hidden, starts: Tensor, record: bool = False) -> CoreOutput:
        found, h = [], state.hidden
        for now in x:
            h = h @ self.a.T + now @ self.b.T
            found.append(h)
        return CoreOutput(torch.stack(found), Hidden(h), {}, {})


def linear(hidden: int = 3, inputs: int = 2, seed: int = 0) -> Policy:
    generator = torch.Generator().manual_seed(seed)
    core = Linear(torch.randn(hidden, hidden, generator=generator), torch.randn(hidden, inputs, generator=generator))
    space = spaces.Box(-1, 1, (inputs,), np.float32)
    policy = Policy(
        space, spaces.Discrete(4), FlatEncoder(space), core, {"action": CategoricalHead(hidden, spaces.Discrete(4))}
    )
    torch.nn.init.normal_(policy.head("action").layers.weight, generator=generator)
    return policy


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), steps=st.integers(1, 6))
def test_a_linear_recurrence_has_the_jacobian_of_the_textbook(seed: int, steps: int) -> None:
    """∂y_t/∂x_s = W A^(t-s) B for s <= t, 0 after."""
    policy = linear(seed=seed)
    view = view_of(policy)
    x = torch.randn(steps, 2, 2)
    target = choose_targets(view, ["logits"])[0]
    found = sequential_jacobian(view, x, target, range(steps))  # (T, T, B, 2)
    w, a, b = policy.head("action").layers.weight, policy.core.a, policy.core.b
    for t in range(steps):
        for s in range(steps):
            expected = torch.zeros(2)
            if s <= t:
                expected = (w @ torch.linalg.matrix_power(a, t - s) @ b).norm(dim=0)
            assert torch.allclose(found[t, s], expected.expand(2, -1), rtol=1e-3, atol=1e-4)


def test_errors_set_to_the_outputs_take_one_pass() -> None:
    policy = linear()
    view = view_of(policy)
    x = torch.randn(3, 1, 2)
    target = choose_targets(view, ["logits"])[0]
    found = sequential_jacobian(view, x, target, [2], errors="outputs")[0]
    parameters, *_ = policy(x, view.initial_state(1), torch.zeros(3, 1, dtype=torch.bool))
    y, w, a, b = parameters["action"][2, 0], policy.head("action").layers.weight, policy.core.a, policy.core.b
    assert torch.allclose(found[1, 0], (y @ w @ a @ b).abs(), rtol=1e-3, atol=1e-5)


def test_on_copy_it_points_at_the_very_step_that_holds_the_bits() -> None:
    view = view_of(load(ZOO / "Copy-ntm", device="cpu"))
    target = choose_targets(view, ["logits"])[0]
    worlds = gym.make_vec(
        "Memory/Copy-v0", num_envs=8, autoreset_mode="SameStep", output="torch", relevance=True, max_length=8
    )
    trained, other = recall(view, worlds, target, 5), recall(randomised(view), worlds, target, 5)
    assert trained.outputs == other.outputs >= 16
    assert trained.pointing >= 0.95
    assert trained.auc > 0.99
    assert other.pointing < 0.6


def test_the_wrapper_records_and_draws_without_a_change() -> None:
    made = load(ZOO / "Copy-ntm", device="cpu")
    rows = []
    for wrapped in (False, True):
        env = gym.make("Memory/Copy-v0", max_length=3, render_mode="rgb_array")
        env = SequentialJacobian(env, made) if wrapped else env
        torch.manual_seed(0)
        frames = record_episodes(env, made, 1, seed=4)[0]
        rows.append((len(frames), torch.get_rng_state().tolist()))
    assert rows[0] == rows[1]
    matrix = env.matrix()
    assert matrix.shape == (len(frames) - 1, len(frames) - 1)
    assert (np.triu(matrix, 1) == 0).all()  # nothing is owed to the future
    assert np.allclose(env.matrix([-1])[0], matrix[-1])
    assert np.allclose(np.sqrt(np.square(env.maps(2)).sum(-1)), matrix[2], atol=1e-6)
    assert frames[-1].dtype == np.uint8
    with pytest.raises(FoveateError, match=r"moment=.*between"):
        env.maps(99)


def test_frames_of_a_game_have_a_heat_map_each() -> None:
    from foveate.agents import agent_class

    env = gym.make("Probe/Catch-v0")
    policy = agent_class("cnn")(
        env.observation_space, env.action_space, architecture="nature", shrink=2, core="lstm", hidden=8
    )
    torch.nn.init.normal_(policy.head("action").layers.weight)
    watched = SequentialJacobian(env, policy, "centred-logit")
    watched.reset(seed=0)
    for _ in range(3):
        watched.step(1)
    maps = watched.maps()
    assert maps.shape == (4, 4, 84, 84)
    assert (np.square(maps).sum((1, 2, 3)) > 0).all()  # through the recurrent core, every frame counts
    frame = watched.render()
    assert frame.shape[0] % 2 == frame.shape[1] % 2 == 0


def test_policies_without_a_sequence_are_refused() -> None:
    from stable_baselines3 import PPO

    model = PPO("MlpPolicy", "CartPole-v1", n_steps=8, batch_size=8)
    with pytest.raises(FoveateError, match="runs over whole sequences"):
        SequentialJacobian(gym.make("CartPole-v1"), model)


# ---- what an output owes to the memory ----


@pytest.mark.parametrize("agent", ["ntm", "dnc"])
def test_what_is_owed_to_a_row_is_what_finite_differences_give(agent: str) -> None:
    from foveate.agents import agent_class

    env = gym.make("Memory/Copy-v0")
    torch.manual_seed(1)
    policy = agent_class(agent)(env.observation_space, env.action_space, hidden=6, rows=5, width=3)
    view = view_of(policy)
    size = env.observation_space.shape[0]
    torch.nn.init.normal_(policy.critic.weight, std=30.0)  # float32: a large slope is told from rounding
    inputs = view.first(torch.rand(1, size))
    for _ in range(3):
        with torch.no_grad():
            inputs = view.next(torch.rand(1, size), view.outputs(inputs).state)
    memory = inputs.state.memory
    with undisturbed(view):
        found = memory_jacobian(view, inputs, VALUE)  # (1, N)
    for row in range(5):
        slopes = []
        for column in range(3):
            step = torch.zeros_like(memory)
            step[0, row, column] = 1e-2
            states = (inputs.state._replace(memory=memory + sign * step) for sign in (1, -1))
            up, down = (view.outputs(inputs._replace(state=state)).value for state in states)
            slopes.append(float((up - down).detach()) / 2e-2)
        assert float(found[0, row]) == pytest.approx(np.linalg.norm(slopes), rel=0.03, abs=0.01)


def test_the_trace_shows_that_the_output_owes_to_the_row_that_is_read() -> None:
    made = load(ZOO / "Copy-ntm", device="cpu")
    env = MemoryTrace(gym.make("Memory/Copy-v0", min_length=5, max_length=5), made, of="logits")
    record_episodes(env, made, 1, seed=3)
    trace = env.trace()
    due = trace["due"]
    assert trace["memory_jacobian"].shape == (len(due), trace["memory"].shape[1])
    assert (trace["memory_jacobian"][due].argmax(1) == trace["read_weights"][due, 0].argmax(1)).all()
    env = MemoryTrace(gym.make("Memory/TMaze-v0"), _transformer(), of="logits")
    with pytest.raises(FoveateError, match="no external memory"):
        env.reset(seed=0)


def _transformer() -> Policy:
    from foveate.agents import agent_class

    env = gym.make("Memory/TMaze-v0")
    return agent_class("transformer")(env.observation_space, env.action_space)
