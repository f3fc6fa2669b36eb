"""What a recurrent policy with an external memory does: where it writes and reads, moment by moment."""

from pathlib import Path
from typing import Any, Protocol

import cv2
import gymnasium as gym
import numpy as np
import torch
from gymnasium.error import ResetNeeded

from ..errors import FoveateError
from .record import write_picture
from .saliency.pictures import names_of_actions
from .saliency.sequential import memory_jacobian
from .saliency.targets import choose_targets
from .saliency.views import undisturbed, view_of

INK, PAPER = (40, 40, 40), (255, 255, 255)
GREY = (224, 224, 224)
GATES = ("content_gate", "write_gate", "allocation_gate", "free_gates")
NAMES = {
    "inputs": "input",
    "outputs": "output",
    "targets": "target (grey: nothing due)",
    "write_weights": "write weights (row of memory)",
    "read_weights": "read weights (row of memory)",
    "memory_jacobian": "what the output owes to each row: |dy/dM(i)|",
    "usage": "usage (row of memory)",
}


class Attending(Protocol):
    """What the wrapper needs of a policy; `foveate.agents.Policy` has it."""

    device: torch.device

    def initial_state(self, batch: int) -> Any:
        """The state before an episode."""
        ...

    def attend(self, observation: Any, state: Any, starts: torch.Tensor) -> tuple[Any, Any, Any, dict]:
        """Parameters by part of the action, values, the state after, and what was attended to."""
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
        parameters, _, self._state, maps = self.policy.attend(
            _batch(observation, self.policy.device), self._state, start
        )
        module.train(was_training)
        if self._view is not None and self._target is not None:
            with undisturbed(self._view):
                seen = self._view.prepare_one(observation)  # (1, …)
                maps["memory_jacobian"] = memory_jacobian(self._view, seen, before, self._target)[None]
        if "read_weights" not in maps:
            raise FoveateError("this policy's core attends to nothing: MemoryTrace needs a core such as ntm or dnc.")
        kept = {name: value[0, 0].cpu().numpy() for name, value in maps.items()}
        outputs = [_vector(value[0, 0].cpu().numpy()) for value in parameters.values()]
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
            return draw({name: value[None] for name, value in first.items()}, self.width)
        return draw(self.trace(), self.width)

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


# ---- drawing ----


def draw(trace: dict[str, np.ndarray], width: int) -> np.ndarray:
    """A trace as a picture: strips over time, one below the other, and the memory as it is now on the right."""
    side = width // 5
    gates = ", ".join(name.replace("_", " ") for name in GATES if name in trace)
    titles = {**NAMES, "gates": f"{gates} (a row for each head; dark is open)"}
    strips = [(titles[name], picture) for name, picture in _strips(trace).items()]
    heights = [max(44, min(200, picture.shape[0] * 6)) for _, picture in strips]
    height = sum(heights) + 24 * len(strips) + 12
    canvas = np.full((height + height % 2, width, 3), PAPER, np.uint8)
    y = 0
    for (name, picture), tall in zip(strips, heights, strict=True):
        _write(canvas, name, (8, y + 17))
        wide = width - side - 24
        canvas[y + 24 : y + 24 + tall, 8 : 8 + wide] = cv2.resize(
            picture, (wide, tall), interpolation=cv2.INTER_NEAREST
        )
        y += 24 + tall
    if "memory" in trace:
        _write(canvas, "memory now", (width - side, 17))
        memory = trace["memory"][-1]
        memory = memory[_used_rows(trace)]
        top = max(1e-6, float(np.abs(memory).max()))
        picture = cv2.applyColorMap(_bytes(0.5 + 0.5 * memory / top), cv2.COLORMAP_TWILIGHT_SHIFTED)
        shown = cv2.resize(picture, (side - 8, height - 34), interpolation=cv2.INTER_NEAREST)
        canvas[24 : 24 + shown.shape[0], width - side : width - 8] = shown[..., ::-1]
    return canvas


def _strips(trace: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Each part of a trace as a picture (rows, T, 3)."""
    strips = {}
    inputs, due = trace["inputs"], trace["due"]
    strips["inputs"] = _grey(np.abs(inputs) / max(1.0, float(np.abs(inputs).max())))
    outputs, targets = trace["outputs"], trace["targets"]
    bits = outputs.shape == targets.shape  # a MultiBinary action: one logit a bit
    shown = 1 / (1 + np.exp(-outputs)) if bits else trace["actions"] / max(1.0, float(np.abs(trace["actions"]).max()))
    strips["outputs"] = _grey(np.where(due[:, None], shown, np.nan))
    if not np.isnan(targets).any():
        strips["targets"] = _grey(np.where(due[:, None], targets / max(1.0, float(targets.max())), np.nan))
    rows = _used_rows(trace)
    for name in ("write_weights", "read_weights"):
        if name in trace:
            heads = trace[name][..., rows]  # (T, heads, rows)
            strips[name] = np.concatenate([_heat(heads[:, h].T) for h in range(heads.shape[1])])
    if "memory_jacobian" in trace:
        owed = trace["memory_jacobian"][:, rows]  # (T, rows)
        strips["memory_jacobian"] = _heat((owed / np.maximum(owed.max(1, keepdims=True), 1e-12)).T)
    if "usage" in trace:
        strips["usage"] = _heat(trace["usage"][:, rows].T)
    gates = [trace[name].reshape(len(due), -1) for name in GATES if name in trace]
    if gates:
        strips["gates"] = _grey(np.concatenate(gates, 1))  # one row a gate and head, closed is white
    return strips


def _used_rows(trace: dict[str, np.ndarray]) -> np.ndarray:
    """The rows of memory between which any head ever looked, in order.

    A Turing machine's memory is a ring, so the order begins behind the longest run of rows that nobody used.
    """
    weights = np.concatenate([trace[name] for name in ("write_weights", "read_weights") if name in trace], 1)
    count = weights.shape[-1]
    used = np.flatnonzero(weights.max((0, 1)) > 0.1)
    if not len(used):
        return np.arange(count)
    gaps = np.diff(used, append=used[0] + count)  # to the next used row, around the ring
    last = int(gaps.argmax())
    first = int(used[(last + 1) % len(used)])
    between = count - int(gaps[last]) + 1
    return (first + np.arange(between)) % count


def _bytes(values: np.ndarray) -> np.ndarray:
    return (255 * np.clip(values, 0, 1)).astype(np.uint8)


def _grey(values: np.ndarray) -> np.ndarray:
    """(T, K) in [0, 1] as ink, NaN as grey: (K, T, 3)."""
    ink = 255 - _bytes(np.nan_to_num(values.T))
    return np.where(np.isnan(values.T)[..., None], GREY, ink[..., None]).astype(np.uint8)


def _heat(values: np.ndarray) -> np.ndarray:
    """(rows, T) in [0, 1] from dark to bright: (rows, T, 3)."""
    return cv2.applyColorMap(_bytes(values), cv2.COLORMAP_INFERNO)[..., ::-1]


def _write(canvas: np.ndarray, words: str, at: tuple[int, int]) -> None:
    cv2.putText(canvas, words, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, INK, 1, cv2.LINE_AA)
