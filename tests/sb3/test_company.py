"""The table of docs/how-to/stable-baselines3.md, cell by cell: the real library runs for some hundred steps."""

import sys
from collections.abc import Callable
from pathlib import Path

import gymnasium as gym
import pytest
from gymnasium import spaces
from sb3_contrib import RecurrentPPO
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm

from foveate import sb3
from foveate.agents import LearnerOptions, PolicyGradient
from foveate.envs.multi import GAMES
from foveate.sb3 import CorePolicy, GymVecEnv
from foveate.wrappers import FlattenAction, FlattenParallel, FlattenVectorAction

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "stable-baselines3.md"
WORLDS = {
    "Glimpse": "Glimpse/Digits-v0",
    "Memory": "Memory/TMaze-v0",
    "Probe": "Probe/Catch-v0",
    "Multi, agents alike": "Multi/CocktailParty-v0",
    "Multi, agents unlike": "Multi/SpeakerListener-v0",
}
ARGUMENTS: dict[str, dict[str, object]] = {
    "Glimpse/Digits-v0": {"location": "tiles", "glimpses": 3},
    "Memory/TMaze-v0": {"corridor": 2},
    "Probe/Catch-v0": {"balls": 1},
}


def policy(space: spaces.Space, kind: str = "") -> str:
    """The name of a policy for these observations."""
    dicts, images = isinstance(space, spaces.Dict), len(space.shape or ()) == 3
    return f"{'MultiInput' if dicts else 'Cnn' if images else 'Mlp'}{kind}Policy"


def native(env_id: str, to: str = "auto") -> GymVecEnv:
    env = gym.make_vec(env_id, num_envs=4, autoreset_mode="SameStep", **ARGUMENTS.get(env_id, {}))
    flat = isinstance(env.single_action_space, spaces.Dict)
    return GymVecEnv(FlattenVectorAction(env, to) if flat else env)


def on_policy(algorithm: type[BaseAlgorithm], kind: str = "", **more: object) -> Callable[[str, Path], None]:
    def run(env_id: str, _: Path) -> None:
        env = native(env_id)
        chosen = CorePolicy if kind == "Core" else policy(env.observation_space, kind)
        algorithm(chosen, env, n_steps=16, device="cpu", **more).learn(200)

    return run


def single(env_id: str, _: Path) -> None:
    env = gym.make(env_id, **ARGUMENTS.get(env_id, {}))
    env = FlattenAction(env) if isinstance(env.action_space, spaces.Dict) else env
    PPO(policy(env.observation_space), env, n_steps=64, batch_size=32, n_epochs=1, device="cpu").learn(128)


def dqn(env_id: str, _: Path) -> None:
    env = native(env_id, "discrete")
    model = DQN(policy(env.observation_space), env, learning_starts=20, buffer_size=500, batch_size=8, device="cpu")
    model.learn(200)


def zoo(env_id: str, tmp_path: Path) -> None:
    import rl_zoo3.train

    recurrent = env_id == "Memory/TMaze-v0"
    name = "ppo_lstm" if recurrent or env_id.startswith("Glimpse") else "ppo"
    words = ["train", "--algo", name, "--env", env_id, "--gym-packages", "foveate", "-n", "96", "-f", str(tmp_path)]
    settings = sb3.settings_file(name)
    if env_id.startswith("Multi"):  # for which nothing is shipped
        settings = tmp_path / "own.yml"
        settings.write_text(f"{env_id}: {{n_timesteps: 100, policy: MultiInputPolicy}}")
    words += ["--conf-file", str(settings), "--eval-freq", "-1", "--device", "cpu", "--seed", "1"]
    words += ["--hyperparams", "n_envs:2", "n_steps:16", "batch_size:16", "n_epochs:1"]
    before, sys.argv = sys.argv, words
    try:
        rl_zoo3.train.train()
    finally:
        sys.argv = before
    assert list(tmp_path.rglob("*.zip"))


def supersuit(env_id: str, _: Path) -> None:
    import supersuit

    env = FlattenParallel(GAMES[env_id].parallel_env()) if env_id in GAMES else gym.make(env_id)
    rows = supersuit.pettingzoo_env_to_vec_env_v1(env)
    rows = supersuit.concat_vec_envs_v1(rows, 2, num_cpus=1, base_class="stable_baselines3")
    PPO("MlpPolicy", rows, n_steps=16, batch_size=32, n_epochs=1, device="cpu").learn(128)


def ours(env_id: str, _: Path) -> None:
    arguments = {**ARGUMENTS.get(env_id, {}), **({"stack": 1} if env_id.startswith("Probe") else {})}
    env = gym.make_vec(env_id, num_envs=4, autoreset_mode="SameStep", output="torch", **arguments)
    options = LearnerOptions(objective="ppo", worlds=4, horizon=8, minibatches=2, epochs=1)
    agent = "dueling" if env_id.startswith("Probe") else "gru"
    PolicyGradient(agent, env, options, seed=0, device="cpu").learn(128)


RUNNERS = {
    "SB3 PPO, native vectors": on_policy(PPO, batch_size=32, n_epochs=1),
    "SB3 PPO, one environment": single,
    "SB3 A2C, native vectors": on_policy(A2C),
    "SB3 DQN, native vectors": dqn,
    "sb3-contrib RecurrentPPO, native vectors": on_policy(RecurrentPPO, "Lstm", batch_size=32, n_epochs=1),
    "RecurrentPPO with our cores": on_policy(
        RecurrentPPO, "Core", batch_size=32, n_epochs=1, policy_kwargs={"core": "ntm", "hidden": 16}
    ),
    "rl-baselines3-zoo": zoo,
    "SuperSuit and SB3 PPO": supersuit,
    "our own learner": ours,
}
REASONS = {
    "several agents have no single face": "no single environment",
    "together the parts of the action have too many combinations": "combinations",
    "it makes single environments": "no single environment",
    "it takes PettingZoo environments only": "PettingZoo|pettingzoo",
    "it wants the same spaces for all agents": "not consistent",
}


def cells() -> list[tuple[str, str, str]]:
    """Library, family and what the page says of them."""
    rows = [line.strip("| \n").split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    head, *body = rows
    return [(row[0], family, word) for row in body for family, word in zip(head[1:], row[1:], strict=True)]


@pytest.mark.parametrize(("library", "family", "word"), cells())
def test_what_the_table_says(library: str, family: str, word: str, tmp_path: Path) -> None:
    run, env_id = RUNNERS[library], WORLDS[family]
    if word == "trains":
        run(env_id, tmp_path)
        return
    kind, _, reason = word.partition(": ")
    assert kind == "no"
    with pytest.raises((ValueError, AssertionError, gym.error.Error), match=REASONS[reason]):
        run(env_id, tmp_path)
