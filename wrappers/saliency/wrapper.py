"""Saliency as a Gymnasium wrapper: what a policy looks at, beside what it is shown and does."""

from collections.abc import Iterable, Sequence
from typing import SupportsFloat, cast

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded

from ...envs.protocols import Info
from ...tree import Tree
from ...viz import panels
from ...viz.canvas import as_picture
from ..instrument import Instrument
from .follower import Follower
from .methods import METHODS, check_method
from .pictures import backdrop, bars_of, gaze_of, names_of_actions, on_picture
from .policy_views import view_of
from .targets import choose_targets, targets_of
from .undisturbed import undisturbed
from .views import Inputs, Outputs


def usual_targets(names: Iterable[str]) -> list[str]:
    """What is explained where nothing is asked for: the value, and the advantage or what stands for it."""
    return [name for name in names if name in ("value", "advantage") or name.endswith("centred-logit")]


class Saliency(Instrument, gym.utils.RecordConstructorArgs):
    """Maps of what a policy's outputs depend on, drawn beside the frame.

    The wrapper runs the policy on what it is shown, beside whoever acts: episodes, random numbers, gradients and
    network modes are as without it. Maps are computed when they are asked for, by `maps` or `render`.

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
        self,
        env: gym.Env,
        policy: object,
        method: str | Sequence[str] = "jacobian",
        of: str | Sequence[str] | None = None,
    ):
        # the policy itself, no copy: who rebuilds the instrument wants to look into the same one
        gym.utils.RecordConstructorArgs.__init__(self, _disable_deepcopy=True, policy=policy, method=method, of=of)
        Instrument.__init__(self, env)
        self.view = view_of(policy)
        self.action_names = names_of_actions(env)
        self.methods = [method] if isinstance(method, str) else list(method)
        if of is None:
            of = usual_targets(targets_of(self.view, self.action_names))
        self.targets = choose_targets(self.view, [of] if isinstance(of, str) else list(of), self.action_names)
        for name in self.methods:
            check_method(self.view, name, self.targets)
        self._follower = Follower(self.view)
        self._maps: dict[tuple[str, str], np.ndarray] | None = None
        self._tops: dict[tuple[str, str], float] = {}  # the greatest amounts drawn so far

    def __getstate__(self) -> dict[str, object]:
        """For pickle: targets are functions, so only their names go along."""
        return {**vars(self), "targets": [target.name for target in self.targets]}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state)
        self.targets = choose_targets(self.view, cast(list[str], state["targets"]), self.action_names)

    @property
    def render_mode(self) -> str | None:
        """Always "rgb_array": the pictures are the wrapper's own."""
        return "rgb_array"

    @property
    def inputs(self) -> Inputs:
        """What the policy is given now, as a batch of one.

        Raises:
            ResetNeeded: no episode has begun.
        """
        if self._follower.inputs is None:
            raise ResetNeeded("no episode has begun: call reset() first.")
        return self._follower.inputs

    @property
    def outputs(self) -> Outputs:
        """What the policy says now, as a batch of one.

        Raises:
            ResetNeeded: no episode has begun.
        """
        if self._follower.outputs is None:
            raise ResetNeeded("no episode has begun: call reset() first.")
        return self._follower.outputs

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Tree, Info]:
        """Begin an episode."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._follower.begin(observation)
        self._maps = None
        return observation, info

    def step(self, action: Tree) -> tuple[Tree, SupportsFloat, bool, bool, Info]:
        """Step the environment, and run the policy on what came."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._follower.go_on(observation)
        self._maps = None
        return observation, reward, terminated, truncated, info

    def intervene(self, kind: str, name: str, amount: float | None = None) -> Tree:
        """Change the world below, if it is one of ours that can be, and look again; returns the observation.

        Args:
            kind: as of the environment's own `intervene`.
            name: of the object.
            amount: how far, or to what; None takes the usual amount.
        """
        observation = self.env.get_wrapper_attr("intervene")(kind, name, amount)
        self._follower.again(observation)
        self._maps = None
        return observation

    def maps(self) -> dict[tuple[str, str], np.ndarray]:
        """The maps of the present time step by (method, target), float (H, W) on the picture, none below zero.

        Raises:
            ResetNeeded: no episode has begun.
        """
        inputs = self.inputs
        if self._maps is None:
            gaze = gaze_of(self.env)
            self._maps = {}
            with undisturbed(self.view):
                for method in self.methods:
                    maps = METHODS[method].function(self.view, inputs, self.targets)
                    for target, one in zip(self.targets, maps, strict=True):
                        self._maps[method, target.name] = on_picture(one.detach(), gaze)[0].numpy(force=True)
        return self._maps

    def render(self) -> np.ndarray:
        """Frame, policy and maps side by side, a row for each method: uint8 (H, W, 3).

        Full red is the greatest amount of this output that any picture of this wrapper had to show, so that a map of
        next to nothing doesn't glow like any other.
        """
        maps = self.maps()
        self._tops = {key: max(self._tops.get(key, 0.0), float(one.max())) for key, one in maps.items()}
        grey = backdrop(self.view.explained(self.inputs.observation)[0], gaze_of(self.env))
        rows = [
            [
                panels.map_panel(maps[key], grey, target.label, method, self._tops[key], f"red: {meaning}")
                for target in self.targets
                for key in [(method, target.name)]
            ]
            for method in self.methods
            for meaning in [METHODS[method].meaning]
        ]
        return panels.arrange(self._frame_panel(grey), [self._policy_panel(), _key_panel()], rows)

    def _frame_panel(self, grey: np.ndarray) -> np.ndarray:
        """What the environment draws, or what the policy is shown if it draws nothing."""
        frame = self.env.render() if self.env.render_mode == "rgb_array" else None
        if frame is None:
            return panels.frame_panel(grey, "what the policy is shown")
        return panels.frame_panel(as_picture(frame), "the environment")

    def _policy_panel(self) -> np.ndarray:
        view, outputs = self.view, self.outputs
        parameters = {name: value[0].numpy(force=True) for name, value in outputs.parameters.items()}
        bars = bars_of(view.parts, parameters, self.action_names, view.q_values)
        best = "yellow: the best" if view.q_values else "yellow: the likeliest"
        value = [] if outputs.value is None else [f"value {float(outputs.value[0]):.3f}: discounted reward to come"]
        if view.q_values:
            return panels.bars_panel("Q-values: reward to come, by action", bars, [best, *value], ("least", "best"))
        return panels.bars_panel("policy: probability of each action", bars, [best, *value])


def _key_panel() -> np.ndarray:
    """How to read the maps."""
    lines = [
        "Each map: one output, by one method.",
        "Its title names the output,",
        "the right end of its legend the method.",
        "Red lies where the output depends",
        "on what is seen. The number says how",
        "much full red is: the most that this",
        "output had so far. Its unit: that of the",
        "output for a whole step of brightness.",
    ]
    return panels.words_panel("how to read this", lines)
