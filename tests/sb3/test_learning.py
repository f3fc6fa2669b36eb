"""What is cheap to learn is learned: stock algorithms, our networks in them, and what the wrappers are for."""

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import FrameStackObservation
from sb3_contrib import RecurrentPPO
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from foveate import sb3
from foveate.errors import FoveateError
from foveate.sb3 import CoreExtractor, CorePolicy, GymVecEnv
from foveate.wrappers import MarkovianVector

ON_POLICY = {"n_steps": 16, "learning_rate": 5e-3, "gamma": 0.9, "seed": 0, "device": "cpu"}
PPO_OPTIONS = {**ON_POLICY, "batch_size": 256, "n_epochs": 4, "ent_coef": 0.01}


def maze(corridor: int, markovian: bool = False, worlds: int = 32) -> GymVecEnv:
    env = gym.make_vec("Memory/TMaze-v0", num_envs=worlds, autoreset_mode="SameStep", corridor=corridor)
    return GymVecEnv(MarkovianVector(env) if markovian else env)


def score(model: BaseAlgorithm, env: VecEnv) -> float:
    return float(evaluate_policy(model, env, 200, deterministic=True)[0])


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize(
    ("algorithm", "options", "steps"),
    [
        (PPO, PPO_OPTIONS, 12_000),
        (A2C, {**ON_POLICY, "n_steps": 8, "ent_coef": 0.01}, 25_000),
        (
            DQN,
            {"learning_rate": 2e-3, "gamma": 0.9, "learning_starts": 500, "exploration_fraction": 0.5, "seed": 0},
            12_000,
        ),
    ],
)
def test_without_a_memory_the_true_state_is_what_is_lacking(
    algorithm: type[BaseAlgorithm], options: dict, steps: int
) -> None:
    """The same memoryless network solves the maze where it sees the state, and guesses where it doesn't."""
    worlds = 4 if algorithm is DQN else 32
    seeing = algorithm("MultiInputPolicy", maze(2, True, worlds), **options).learn(steps)
    assert score(seeing, maze(2, True)) >= 0.95
    blind = algorithm("MlpPolicy", maze(2, worlds=worlds), **options).learn(steps // 3)
    assert score(blind, maze(2)) <= 0.65


@pytest.mark.parametrize("policy", ["MlpLstmPolicy", CorePolicy])
def test_a_recurrent_policy_remembers(policy: str | type) -> None:
    kwargs: dict[str, object] = {"hidden": 32} if policy is CorePolicy else {"lstm_hidden_size": 32}
    model = RecurrentPPO(policy, maze(2), policy_kwargs={**kwargs, "net_arch": []}, **PPO_OPTIONS).learn(25_000)
    assert score(model, maze(2)) >= 0.95


def test_a_core_over_a_window_remembers() -> None:
    def make() -> gym.Env:
        return FrameStackObservation(gym.make("Memory/TMaze-v0", corridor=2), 4)

    env = DummyVecEnv([make] * 8)
    extractor = {"features_extractor_class": CoreExtractor, "features_extractor_kwargs": {"hidden": 32}}
    options = {**PPO_OPTIONS, "n_steps": 32}
    model = PPO("MlpPolicy", env, policy_kwargs={**extractor, "net_arch": []}, **options).learn(12_000)
    assert score(model, env) >= 0.95


@pytest.mark.parametrize("core", ["rnn", "elman", "lstm", "gru", "ntm", "dnc", "transformer", "bytenet"])
def test_a_packed_state_is_the_state(core: str) -> None:
    """A sequence through RecurrentPPO's shapes equals the core itself, where episodes start in the middle too."""
    from foveate.sb3.policies import PackedCore

    packed = PackedCore(core, 3, 8, **({"context": 16} if core == "transformer" else {}))
    x, starts = torch.randn(5, 2, 3), torch.zeros(5, 2)
    starts[0], starts[3, 1] = 1, 1
    nothing = torch.zeros(1, 2, packed.hidden_size)
    y, after = packed(x, (nothing, nothing), starts)
    expected, state, *_ = packed.core(x, packed.core.initial_state(2), starts > 0)
    torch.testing.assert_close(y, expected)
    for part, known in zip(packed.unpack(after), state, strict=True):
        torch.testing.assert_close(part, known)


def test_predict_without_a_state_begins_an_episode() -> None:
    """An NTM's memory is not zero at the beginning: zeros instead of its state would be another state."""
    env = maze(2, worlds=3)
    options = {"n_steps": 8, "batch_size": 8, "seed": 0, "device": "cpu"}
    model = RecurrentPPO(CorePolicy, env, policy_kwargs={"core": "ntm", "hidden": 8}, **options)
    seen = env.reset()
    _, one = model.predict(seen, deterministic=True)
    _, other = model.predict(seen, one, np.ones(3, dtype=bool), deterministic=True)
    np.testing.assert_array_equal(one[0], other[0])


def test_a_policy_is_saved_with_its_core(tmp_path: Path) -> None:
    options = {"n_steps": 8, "batch_size": 8, "seed": 0, "device": "cpu"}
    model = RecurrentPPO(
        CorePolicy, maze(2, worlds=2), policy_kwargs={"core": "ntm", "hidden": 8, "shared": True}, **options
    )
    model.policy.save(tmp_path / "policy.pt")
    again = CorePolicy.load(tmp_path / "policy.pt")
    seen = np.zeros((2, 4), np.float32)
    for state in (None, model.policy.predict(seen)[1]):
        none = np.zeros(2, dtype=bool)
        a, b = (p.predict(seen, state, none, deterministic=True) for p in (model.policy, again))
        np.testing.assert_array_equal(a[0], b[0])
        np.testing.assert_allclose(a[1][0], b[1][0])
    with pytest.raises(FoveateError, match="core, hidden"):
        RecurrentPPO(CorePolicy, maze(2), policy_kwargs={"lstm_hidden_size": 8}, **options)


def test_other_wrappers_in_settings_are_refused() -> None:
    with pytest.raises(FoveateError, match="FlattenObservation"):
        sb3.make_algorithm("ppo", "Probe/Catch-v0", env_wrapper="gymnasium.wrappers.FlattenObservation")
    model = sb3.make_algorithm("dqn", "Glimpse/Digits-v0", device="cpu", buffer_size=100, n_envs=2)
    assert model.action_space == gym.spaces.Discrete(250)


@pytest.mark.parametrize("mode", ["SAME_STEP", "NEXT_STEP", "DISABLED"])
def test_the_adapter_serves_all_autoreset_modes(mode: str) -> None:
    """CartPole's episodes, as a DummyVecEnv tells them: length, return, last observation, truncation."""
    kwargs = {"autoreset_mode": AutoresetMode[mode]}
    adapter = GymVecEnv(
        gym.make_vec("CartPole-v1", 3, vectorization_mode="sync", vector_kwargs=kwargs, max_episode_steps=25)
    )
    known = DummyVecEnv([lambda: Monitor(gym.make("CartPole-v1", max_episode_steps=25))] * 3)
    adapter.seed(3)
    known.seed(3)
    np.testing.assert_array_equal(adapter.reset(), known.reset())
    told: dict[str, list] = {"adapter": [], "known": []}
    for name, env in (("adapter", adapter), ("known", known)):
        counts = np.zeros(3, dtype=int)
        for _ in range(200):
            seen, _, done, infos = env.step((counts // 3) % 2)
            counts = np.where(done, 0, counts + 1)
            for i in np.flatnonzero(done):
                last = infos[i]["terminal_observation"].round(5).tolist()
                told[name].append(
                    (i, infos[i]["episode"]["l"], infos[i]["TimeLimit.truncated"], last, seen[i].tolist())
                )
    episodes = min(map(len, told.values()))
    assert episodes > 15
    for i in range(3):  # with "NextStep" the worlds' episodes end later, one after the other
        pair = [[e[1:] for e in told[name] if e[0] == i][: episodes // 4] for name in told]
        assert pair[0] == pair[1]
    with pytest.raises(AttributeError, match="action_masks"):
        adapter.get_attr("action_masks")
