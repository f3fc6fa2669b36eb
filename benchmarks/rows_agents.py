"""What benchmarks/against.py times of cores, learners, agents and saliency: the rows by name, as in rows.py."""

import contextlib
import io
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from rows import Rows, Work, checkout, make_worlds


def _descent(network: Any, inputs: Any) -> Work:
    """Forward, backward, clipping and a step of RMSprop."""
    import torch

    optimizer = torch.optim.RMSprop(network.parameters(), lr=1e-4)

    def work() -> None:
        loss = network(inputs).square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimizer.step()

    return work


def core_step(core: str, batch: int = 16, **options: Any) -> Work:
    """A training step of a core on 11 moments of 9 numbers, with 96 units."""
    import torch
    from gymnasium import spaces

    from foveate.sb3 import CoreExtractor

    torch.manual_seed(0)
    network = CoreExtractor(spaces.Box(-1.0, 1.0, (11, 9)), core, 96, options)  # type: ignore[arg-type]
    return _descent(network, torch.rand(batch, 11, 9))


def plain_lstm() -> Work:
    """The same of torch's LSTM, which no checkout can change: how far this row is from 1 is noise."""
    import torch

    torch.manual_seed(0)
    lstm = torch.nn.LSTM(9, 96)

    class Last(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return lstm(x)[0][-1]

    network = Last()
    network.add_module("lstm", lstm)
    return _descent(network, torch.rand(11, 16, 9))


# ---- learners ----


def update(learner: str, agent: str, env: dict[str, Any], options: dict[str, Any], **policy: Any) -> Work:
    """One turn of a learner: collecting, then learning from what was collected.

    Args:
        learner: the class in `foveate.agents`, such as "Backprop".
        agent: name of the preset.
        env: the environment's id as `env_id`, and its arguments.
        options: of the learner; `worlds` is also how many worlds there are.
        policy: arguments of the policy.
    """
    from stable_baselines3.common.logger import Logger

    from foveate import agents

    made = (agents.BackpropOptions if learner == "Backprop" else agents.LearnerOptions)(**options)
    worlds = make_worlds(worlds=options["worlds"], output="torch", **env)
    student = getattr(agents, learner)(
        agent, worlds, made, seed=0, device=env.get("device", "cpu"), policy_kwargs=policy
    )
    student.set_logger(Logger(None, []))  # a training has one; without it each call of learn makes a folder for one
    turn = options["worlds"] * (options.get("horizon") or 1)  # a learner plays no more than it is asked for
    return lambda: student.learn(turn, reset_num_timesteps=False)


def _zoo(name: str) -> Any:
    from foveate.agents import load

    return load(checkout() / "zoo" / name, device="cpu")


def play(name: str, env_id: str, worlds: int, steps: int) -> Work:
    """An agent of the zoo acts in a vector environment by `predict`.

    Args:
        name: the agent's folder in zoo/.
        env_id: of the environment.
        worlds: how many.
        steps: of the environment, each time the work runs.
    """
    import numpy as np

    learner, env = _zoo(name), make_worlds(env_id, worlds)

    def work() -> None:
        observation, _ = env.reset(seed=0)
        state, starts = None, np.ones(worlds, dtype=bool)
        for _ in range(steps):
            action, state = learner.predict(observation, state, starts, deterministic=True)
            observation, _, terminated, truncated, _ = env.step(action)
            starts = terminated | truncated

    return work


def evaluation(name: str, *options: str) -> Work:
    """What `evaluate.py` does with an agent of the zoo, without starting Python.

    Raises:
        RuntimeError: `evaluate.py` failed (when the work runs).
    """
    from foveate.evaluate import main

    def work() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            if main([str(checkout() / "zoo" / name), "--no-progress", *options]):
                raise RuntimeError(f"evaluate.py failed on {name}")

    return work


def _watched(method: str, frames: str | None = None) -> Any:
    import gymnasium as gym

    from foveate.wrappers import Saliency

    env = gym.make("Probe/Driving-v0", render_mode=frames)
    return Saliency(env, _zoo("Driving-dueling").policy, method, ["value", "advantage"])


def saliency(method: str) -> Work:
    """Maps of value and advantage of the zoo's driver at one moment."""
    env = _watched(method)

    def work() -> None:
        env.reset(seed=0)
        env.step(3)
        env.maps()

    return work


def film(frames: int = 5) -> Work:
    """Both Jacobians, drawn and encoded."""
    from foveate.wrappers import RecordVideo

    folder, watched = tempfile.TemporaryDirectory(), _watched("jacobian", "rgb_array")

    def work() -> None:
        env = RecordVideo(watched, Path(folder.name) / "film.mp4")
        env.reset(seed=0)
        for _ in range(frames):
            env.step(3)
        env.writer.close()

    return work


def recall() -> Work:
    """The sequential Jacobian of the zoo's copying NTM."""
    import gymnasium as gym

    from foveate.wrappers import SequentialJacobian

    env = SequentialJacobian(gym.make("Memory/Copy-v0", min_length=5, max_length=5), _zoo("Copy-ntm").policy)

    action = env.action_space.sample()  # what is answered doesn't change what is shown

    def work() -> None:
        env.reset(seed=0)
        for _ in range(6):
            env.step(action)
        env.maps()

    return work


# ---- the rows ----


def rows() -> Rows:
    """The rows by name."""
    return {**_core_rows(), **_learner_rows(), **_agent_rows()}


def _core_rows() -> Rows:
    found: Rows = {"core: torch's own LSTM, for comparison": plain_lstm}
    found |= {f"core: {core}": partial(core_step, core) for core in ("rnn", "lstm", "gru", "ntm", "transformer")}
    found["core: ntm, feed-forward controller"] = partial(core_step, "ntm", controller="feedforward")
    found["core: ntm, batch 1"] = partial(core_step, "ntm", batch=1)
    return found | {f"core: dnc, {n} rows": partial(core_step, "dnc", rows=n) for n in (16, 64, 128)}


def _learner_rows() -> Rows:
    digits = {"env_id": "Glimpse/TranslatedDigits-v0", "reward": "every"}
    copy = {"env_id": "Memory/Copy-v0", "min_length": 3, "max_length": 3}
    maze, game = {"env_id": "Memory/TMaze-v0"}, {"env_id": "Probe/Catch-v0"}
    lessons, ppo = {"worlds": 8, "batch": 8}, {"objective": "ppo", "minibatches": 2}
    gradient = partial(update, "PolicyGradient")
    return {
        "reinforce: ram": partial(gradient, "ram", digits, {"worlds": 128, "likelihood_reward": True}),
        "ppo: lstm": partial(gradient, "lstm", maze, {**ppo, "worlds": 16, "horizon": 8, "epochs": 2}),
        "ppo: dueling": partial(gradient, "dueling", game, {**ppo, "worlds": 4, "horizon": 8, "epochs": 1}),
        "backprop: ntm": partial(update, "Backprop", "ntm", copy, lessons, rows=32),
        "backprop: dnc": partial(update, "Backprop", "dnc", copy, lessons, rows=16),
        "backprop: lstm": partial(update, "Backprop", "lstm", copy, lessons),
    }


def _agent_rows() -> Rows:
    digits = "Glimpse/TranslatedDigits-v0"
    return {
        "predict: zoo's ram, 1 world": partial(play, "TranslatedDigits-ram", digits, 1, 12),
        "predict: zoo's ram, 64 worlds": partial(play, "TranslatedDigits-ram", digits, 64, 6),
        "predict: zoo's ntm, 16 worlds": partial(play, "Copy-ntm", "Memory/Copy-v0", 16, 12),
        "evaluate: zoo's ntm": partial(evaluation, "Copy-ntm", "--episodes", "16", "--split", "test-10"),
        **{
            f"saliency: {m}": partial(saliency, m)
            for m in ("jacobian", "perturbation", "occlusion", "smoothgrad", "integrated-gradients")
        },
        "saliency: film": film,
        "saliency: sequential Jacobian": recall,
    }
