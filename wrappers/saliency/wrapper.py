"""Saliency as a Gymnasium wrapper: what a policy looks at, beside what it sees and does."""

from collections.abc import Iterable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.error import ResetNeeded

from ...viz import panels
from .methods import METHODS, check_method
from .pictures import backdrop, bars_of, gaze_of, names_of_actions, on_picture
from .targets import choose_targets, targets_of
from .views import Outputs, undisturbed, view_of


def usual_targets(names: Iterable[str]) -> list[str]:
    """What is explained where nothing is asked for: the value, and the advantage or what stands for it."""
    return [name for name in names if name in ("value", "advantage") or name.endswith("centred-logit")]


class Saliency(gym.Wrapper):
    """Maps of what a policy's outputs depend on, drawn beside the frame.

    The wrapper runs the policy on what it sees, beside whoever acts: episodes, random numbers, gradients and network
    modes are as without it. Maps are computed when they are asked for, by `maps` or `render`.

    Args:
        env: a single environment.
        policy: a foveate agent (any core), or an algorithm of Stable-Baselines3 (PPO, A2C, DQN).
        method: a name, or several, from `METHODS`: "jacobian", "perturbation", "random", …
        of: a target, or several: "value", "advantage" (a dueling network's), "centred-logit" (any other's), "logits",
            "action:NAME", "location"; None is value and advantage (or centred logit).

    Raises:
        FoveateError: the policy can't have such a method or target; the error lists what it has.
    """

    def __init__(
        self, env: gym.Env, policy: Any, method: str | Sequence[str] = "jacobian", of: str | Sequence[str] | None = None
    ):
        super().__init__(env)
        self.view = view_of(policy)
        self.action_names = names_of_actions(env)
        self.methods = [method] if isinstance(method, str) else list(method)
        if of is None:
            of = usual_targets(targets_of(self.view, self.action_names))
        self.targets = choose_targets(self.view, [of] if isinstance(of, str) else list(of), self.action_names)
        for name in self.methods:
            check_method(self.view, name, self.targets)
        self._observation: Any = None
        self._before: Any = None  # the core's state before this moment
        self._outputs: Outputs | None = None
        self._maps: dict[tuple[str, str], np.ndarray] | None = None

    @property
    def render_mode(self) -> str | None:
        """Always "rgb_array": the pictures are the wrapper's own."""
        return "rgb_array"

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._look(observation, self.view.initial_state(1))
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step the environment, and look at what came."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        assert self._outputs is not None
        self._look(observation, self._outputs.state)
        return observation, reward, terminated, truncated, info

    def _look(self, observation: Any, state: Any) -> None:
        self._observation = self.view.prepare_one(observation)
        self._before, self._maps = state, None
        with undisturbed(self.view), torch.no_grad():
            self._outputs = self.view.outputs(self._observation, state)

    def maps(self) -> dict[tuple[str, str], np.ndarray]:
        """The maps of this moment by (method, target), float (H, W) on the picture, none below zero."""
        if self._outputs is None:
            raise ResetNeeded("no episode has begun: call reset() before maps().")
        if self._maps is None:
            gaze = gaze_of(self.env)
            self._maps = {}
            with undisturbed(self.view):
                for method in self.methods:
                    made = METHODS[method].function(self.view, self._observation, self._before, self.targets)
                    for target, found in zip(self.targets, made, strict=True):
                        self._maps[method, target.name] = on_picture(found.detach(), gaze)[0].cpu().numpy()
        return self._maps

    def render(self) -> Any:
        """Frame, policy and maps side by side, a row for each method: uint8 (H, W, 3)."""
        maps = self.maps()
        outputs = self._outputs
        assert outputs is not None
        grey = backdrop(self.view.explained(self._observation)[0], gaze_of(self.env))
        frame = self.env.render() if self.env.render_mode == "rgb_array" else None
        first = panels.frame_panel(grey if frame is None else np.asarray(frame))
        parameters = {name: value[0].cpu().numpy() for name, value in outputs.parameters.items()}
        value = None if outputs.value is None else float(outputs.value[0])
        bars = bars_of(self.view.parts(), parameters, self.action_names, self.view.q_values)
        caption = "" if value is None else f"value {value:.3f}"
        second = panels.bars_panel("Q-values" if self.view.q_values else "policy", bars, caption)
        rows = []
        for number, method in enumerate(self.methods):
            drawn = [panels.map_panel(maps[method, target.name], grey, target.label, method) for target in self.targets]
            rows.append([*([first, second] if number == 0 else [panels.blank_panel()] * 2), *drawn])
        return panels.compose(rows)
