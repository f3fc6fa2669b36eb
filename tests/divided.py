"""Small trainings for one process or several.

``torchrun divided.py FOLDER WORDS …`` trains them all and writes what came out, and then does as train.py WORDS.
"""

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym
import torch

from foveate import train
from foveate.agents import Algorithm, learner_class
from foveate.agents.learning import distributed
from foveate.agents.learning.options import learner_kind
from foveate.cli.processes import launched
from foveate.envs.registry import make_worlds


class Case(NamedTuple):
    """A training.

    Attributes:
        env_id: of its worlds.
        agent: its name.
        objective: how it learns.
        learner: more of that.
        env: arguments of the environment.
        options: of the agent.
        worlds: of all processes.
        steps: of all of them.
    """

    env_id: str
    agent: str
    objective: str
    learner: dict[str, Any] = {}
    env: dict[str, Any] = {}
    options: dict[str, Any] = {}
    worlds: int = 6
    steps: int = 120


SMALL = {"hidden": 8}
TWICE = {"horizon": 5, "minibatches": 2, "epochs": 2}
CASES = {
    # whole episodes from scripts, of many lengths; updates of an odd number, and a last one of a single episode
    "episodes": Case("Memory/Copy-v0", "lstm", "backprop", {"batch": 5}, {"max_length": 4}, SMALL),
    "episodes that are played": Case("Memory/Tape-v0", "gru", "backprop", {"batch": 4}, {"max_length": 3}, SMALL),
    # worlds end at different times, and all go on until the last one has ended; two losses over two masks; a location
    # that is sampled from a Gaussian; noise that comes back by its keys
    "ragged": Case("Glimpse/Digits-v0", "ram", "reinforce", {}, {"ready": True}, {**SMALL, "dropout": 0.1}),
    "fewer rows than processes": Case(
        "Memory/TMaze-v0", "gru", "ppo", {**TWICE, "minibatches": 6}, {"corridor": 2}, SMALL, steps=60
    ),
    "looking inside": Case(
        "Glimpse/Digits-v0",
        "ram",
        "reinforce",
        {"entropy_coef": 0.01},
        {"view": "image"},
        {**SMALL, "location": "tiles"},
    ),
    "several agents": Case("Multi/SpeakerListener-v0", "lstm", "a2c", {"horizon": 5}, {}, SMALL, worlds=4),
    "truncated": Case("Memory/TMaze-v0", "gru", "ppo", TWICE, {"corridor": 4, "max_episode_steps": 5}, SMALL),
    "anybody's": Case("CartPole-v1", "gru", "ppo", {**TWICE, "horizon": 20}, {}, SMALL, steps=240),
}


def environment(case: Case) -> gym.vector.VectorEnv:
    """This process's part of the worlds."""
    count = distributed.present().worlds(case.worlds)
    if "max_episode_steps" in case.env:
        return gym.make_vec(case.env_id, count, autoreset_mode="SameStep", output="torch", **case.env)
    return make_worlds(case.env_id, count, "cpu", case.env)


def begun(case: Case) -> Algorithm:
    """A training before its first step."""
    kind = learner_kind(case.objective)
    options = kind.make({**kind.defaults, **case.learner, "worlds": case.worlds, "objective": case.objective})
    return learner_class(case.objective)(
        case.agent, environment(case), options, policy_kwargs=case.options, seed=3, device="cpu"
    )


def outcome(algorithm: Algorithm) -> dict[str, Any]:
    """What came out that is no tensor of the weights."""
    learner = algorithm.learner
    rows = [[row[name] for name in ("r", "l", "score")] for row in learner.recent]
    return {"counts": vars(learner.counts), "recent": rows, "random": torch.get_rng_state().tolist()}


def main(folder: Path, *words: str) -> int:
    torch.set_num_threads(1)
    with distributed.together(torch.device("cpu"), launched().size) as processes:
        for name, case in CASES.items():
            algorithm = begun(case)
            algorithm.learn(case.steps)
            torch.save(algorithm.policy.state_dict(), folder / f"{name}-{processes.rank}.pt")
            algorithm.save(folder / name)
            if processes.first:
                (folder / f"{name}.json").write_text(json.dumps(outcome(algorithm)))
        return train.main([*words])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
