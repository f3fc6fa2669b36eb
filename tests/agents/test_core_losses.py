"""What a core or a head costs by itself reaches the loss of its learners, and the log: a ponder cost, a move's cost."""

import math

import gymnasium as gym
import pytest
import torch
from stable_baselines3.common.logger import KVWriter, Logger
from torch import Tensor, nn

from foveate.agents import Backprop, BackpropOptions, LearnerOptions, Policy, PolicyGradient
from foveate.agents.nn.cores.base import Core, CoreOutput, NoState
from foveate.agents.nn.encoders import FlatEncoder
from foveate.agents.policies.ram import RAM

WEIGHT = 0.5


class Pondering(Core[NoState]):
    """y = x, and every step costs WEIGHT times a parameter that does nothing else."""

    def __init__(self, size: int):
        super().__init__()
        self.output_size = size
        self.effort = nn.Parameter(torch.tensor(0.25))

    def initial_state(self, batch: int, device: torch.device | str = "cpu") -> NoState:
        return NoState()

    def forward(self, x: Tensor, state: NoState, starts: Tensor, record: bool = False) -> CoreOutput[NoState]:
        return CoreOutput(x, state, {"ponder": WEIGHT * self.effort.expand(starts.shape)}, {})


def policy(env: gym.vector.VectorEnv) -> Policy:
    encoder = FlatEncoder(env.single_observation_space)
    return Policy(env.single_observation_space, env.single_action_space, encoder, Pondering(encoder.output_size))


def worlds(env_id: str, **arguments: object) -> gym.vector.VectorEnv:
    return gym.make_vec(env_id, 6, autoreset_mode="SameStep", output="torch", **arguments)


class Rows(KVWriter):
    """Keeps the rows of a log."""

    def __init__(self) -> None:
        self.rows: list[dict] = []

    def write(self, key_values: dict, key_excluded: dict, step: int = 0) -> None:
        self.rows.append(dict(key_values))

    def close(self) -> None:
        pass


@pytest.mark.parametrize("objective", ["reinforce", "a2c", "ppo"])
def test_policy_gradients_add_the_mean_of_it(objective: str) -> None:
    env = worlds("Memory/TMaze-v0", corridor=2)
    options = LearnerOptions(
        objective=objective, worlds=6, horizon=None if objective == "reinforce" else 5, lr=0.0,
        max_grad_norm=math.inf, minibatches=1, epochs=1,
    )  # fmt: skip
    made, log = PolicyGradient(policy(env), env, options, seed=0, device="cpu"), Rows()
    made.set_logger(Logger(None, [log]))
    made.learn(1, log_interval=1)
    effort = made.policy.core.effort
    assert float(effort.grad) == pytest.approx(WEIGHT)  # of a mean over whatever counts
    assert log.rows[0]["train/ponder"] == pytest.approx(WEIGHT * 0.25)


@pytest.mark.parametrize(
    ("env_id", "arguments"),
    [("Memory/Copy-v0", {"min_length": 1, "max_length": 5}), ("Memory/TMaze-v0", {"corridor": 2})],
    ids=["scripted", "played"],
)
def test_back_propagation_adds_each_episode_s_sum(env_id: str, arguments: dict) -> None:
    env = worlds(env_id, **arguments)
    options = BackpropOptions(worlds=6, batch=6, lr=0.0, max_grad_norm=math.inf)
    made, log = Backprop(policy(env), env, options, seed=0, device="cpu"), Rows()
    made.set_logger(Logger(None, [log]))
    made.learn(1, log_interval=1)
    steps = sum(row["l"] for row in made.learner.recent) / len(made.learner.recent)
    assert len({row["l"] for row in made.learner.recent}) > 1 or env_id != "Memory/Copy-v0"  # padding must not count
    assert float(made.policy.core.effort.grad) == pytest.approx(WEIGHT * steps)
    assert log.rows[0]["train/ponder"] == pytest.approx(WEIGHT * 0.25 * steps)


@pytest.mark.parametrize("arguments", [{}, {"view": "image"}], ids=["looks by acting", "looks inside"])
def test_a_move_that_costs_gets_shorter_and_moves_nothing_else(arguments: dict) -> None:
    env = worlds("Glimpse/Digits-v0", glimpses=3, **arguments)
    spaces = env.single_observation_space, env.single_action_space
    torch.manual_seed(1)
    ram = RAM(*spaces, hidden=8, what=6, where=4, location_hidden=8, gaze="move", move_cost=10.0)
    location = ram.heads["location"]
    nn.init.normal_(location.layers[-1].weight, std=0.3)
    options = LearnerOptions(worlds=6, lr=0.005, hybrid=False, policy_coef=0.0, entropy_coef=0.0, value_coef=0.0)
    made, log = PolicyGradient(ram, env, options, seed=0, device="cpu"), Rows()
    made.set_logger(Logger(None, [log]))
    others = {name: value.clone() for name, value in ram.named_parameters() if "location" not in name}
    made.learn(6 * 3 * 25, log_interval=1)
    costs = [row["train/move_cost"] for row in log.rows]
    assert costs[-1] < 0.5 * costs[0]
    for name, value in others.items():
        torch.testing.assert_close(dict(ram.named_parameters())[name], value, msg=name)
