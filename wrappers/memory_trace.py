"""What a recurrent policy with an external memory does: where it writes and reads, moment by moment."""

from pathlib import Path
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
import torch
from gymnasium.error import ResetNeeded

from ..agents.policies.policy import PolicyPrediction
from ..errors import FoveateError
from ..viz.pictures import write_picture
from ..viz.traces import draw_trace
from .saliency.pictures import names_of_actions
from .saliency.sequential import memory_jacobian
from .saliency.targets import choose_targets
from .saliency.views import undisturbed, view_of


class Attending(Protocol):
    """What the wrapper needs of a policy; `foveate.agents.Policy` has it."""

    device: torch.device

    def initial_state(self, batch: int) -> Any:
        """The state before an episode."""
        ...

    def __call__(self, observation: Any, state: Any, starts: torch.Tensor, record: bool) -> PolicyPrediction:
        """What it says, and what it attended to."""
        ...


class MemoryTrace(gym.Wrapper):
    """Keeps what a policy's memory does during an episode, and draws it.

    The wrapper runs the policy on what it sees, beside whoever acts: actions, states and random numbers of the episode
    are as without it.

    Args:
        env: a single environment.
        policy: a policy, or a learner that has one, whose core names what it attends to (ntm, dnc, transformer).
        width: pixels of the picture's width.
        of: also trace what this output ("logits", "value", … see `Saliency`) owes to each row of the memory, beside
            the read weights; None leaves it out.

    Raises:
        FoveateError: the policy's core attends to nothing (at the first step).
    """

    def __init__(self, env: gym.Env, policy: Any, width: int = 900, of: str | None = None):
        super().__init__(env)
        self._view = None if of is None else view_of(policy)
        self._target = None if self._view is None else choose_targets(self._view, [str(of)], names_of_actions(env))[0]
        self.policy: Attending = getattr(policy, "policy", policy)
        self.width = width - width % 2
        self._rows: list[dict[str, np.ndarray]] = []
        self._state: Any = None
        self._seen: dict[str, np.ndarray] = {}

    @property
    def render_mode(self) -> str | None:
        """Always "rgb_array": the pictures are the wrapper's own."""
        return "rgb_array"

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode, and forget the trace of the one before."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._rows, self._state = [], None
        self._attend(observation, info)
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step the environment, and note what the policy's memory did at the moment before."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._rows.append({**self._seen, "actions": _vector(action)})
        if not (terminated or truncated):
            self._attend(observation, info)
        return observation, reward, terminated, truncated, info

    @torch.no_grad()
    def _attend(self, observation: Any, info: dict[str, Any]) -> None:
        start = torch.tensor([[self._state is None]], device=self.policy.device)
        if self._state is None:
            self._state = self.policy.initial_state(1)
        module: Any = self.policy
        was_training = module.training
        module.eval()
        before = self._state
        prediction = self.policy(_batch(observation, self.policy.device), self._state, start, record=True)
        self._state, maps = prediction.state, {**prediction.records}
        module.train(was_training)
        if self._view is not None and self._target is not None:
            with undisturbed(self._view):
                seen = self._view.prepare_one(observation)  # (1, …)
                maps["memory_jacobian"] = memory_jacobian(self._view, seen, before, self._target)[None]
        if "read_weights" not in maps:
            raise FoveateError("this policy's core attends to nothing: MemoryTrace needs a core such as ntm or dnc.")
        kept = {name: value[0, 0].cpu().numpy() for name, value in maps.items()}
        outputs = [_vector(value[0, 0].cpu().numpy()) for value in prediction.parameters.values()]
        target = info.get("target")
        self._seen = {
            **kept,
            "inputs": _vector(observation),
            "outputs": np.concatenate(outputs),
            "targets": np.full(1, np.nan) if target is None else _vector(target).astype(float),
            "due": np.array(bool(info.get("target_mask", True))),  # without a target all outputs count
        }

    def trace(self) -> dict[str, np.ndarray]:
        """The episode so far: each name's arrays, one behind the other, (T, …).

        `inputs`, `outputs` (logits), `actions`, `targets`, `due`, and what the core names: `read_weights` (T, R, N),
        `write_weights` (T, H, N), `memory` (T, N, W), gates, for a DNC `usage` (T, N), and with `of`
        `memory_jacobian` (T, N).
        """
        if not self._rows:
            raise FoveateError("nothing was traced: play some steps first.")
        return {name: np.stack([row[name] for row in self._rows]) for name in self._rows[0]}

    def render(self) -> Any:
        """The trace so far as a picture, uint8 (H, W, 3); before the first step, of the moment to come."""
        if not self._seen:
            raise ResetNeeded("no episode has begun: call reset() before render().")
        if not self._rows:
            first = {**self._seen, "actions": self._seen["outputs"]}
            return draw_trace({name: value[None] for name, value in first.items()}, self.width)
        return draw_trace(self.trace(), self.width)

    def save(self, path: str | Path) -> None:
        """Write the picture of the episode so far as a PNG."""
        write_picture(path, self.render())


def _vector(value: Any) -> np.ndarray:
    if isinstance(value, dict):
        return np.concatenate([_vector(item) for item in value.values()])
    return np.asarray(value, dtype=np.float64).reshape(-1)


def _batch(value: Any, device: torch.device) -> Any:
    """One observation as (1, 1, …)."""
    if isinstance(value, dict):
        return {key: _batch(item, device) for key, item in value.items()}
    return torch.as_tensor(np.array(value), device=device)[None, None]
