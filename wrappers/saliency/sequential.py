"""Derivatives through time: what an output owes to each earlier moment, and to each row of the memory."""

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.error import ResetNeeded
from torch import Tensor

from ... import tree
from ...errors import FoveateError, check_range
from ...viz import panels
from .gradients import gradients, size
from .pictures import backdrop, names_of_actions, on_picture
from .targets import Target, choose_targets
from .views import Outputs, OwnView, View, undisturbed, view_of

SHOWN = 8  # past frames in a picture


def sequential_jacobian(
    view: View, observations: Any, target: Target, moments: Sequence[int], errors: str = "each"
) -> Tensor:
    """The size of ∂y_t/∂x_s for some moments t and every s, through the recurrent core.

    Args:
        view: of one of our policies.
        observations: prepared, whole episodes from their start, (T, B, …).
        target: which output y.
        moments: the moments t.
        errors: "each" is the norm over the outputs of a vector-valued target; "outputs" propagates the outputs
            themselves back as errors, in one pass (Graves 2012, "Supervised sequence labelling", section 3.3).

    Returns:
        float, (len(moments), T, B, …) like the observations. Nothing depends on what comes later: s > t is 0.
    """
    if not isinstance(view, OwnView):
        raise FoveateError("the sequential Jacobian needs a policy of foveate: it runs over whole sequences.")
    key, policy = view.key, view.policy
    whole = observations if key is None else observations[key]
    x = whole.float().detach().clone().requires_grad_(True)  # (T, B, …)
    fed = x if key is None else {**observations, key: x}
    steps, batch = x.shape[:2]
    starts = torch.zeros(steps, batch, dtype=torch.bool, device=x.device)
    with view.connected():
        parameters, value, *_ = policy(fed, view.initial_state(batch), starts)
    found = []
    for t in moments:
        outputs = Outputs(value[t], {name: numbers[t] for name, numbers in parameters.items()}, None, {})
        y = target.bind(outputs)(outputs, None)  # (B, K)
        y = y if errors == "each" else (0.5 * y.square()).sum(1, keepdim=True)
        found.append(size(gradients(y, x)).abs())
    return torch.stack(found).detach()


def memory_jacobian(view: View, observation: Any, state: Any, target: Target) -> Tensor:
    """|∂y/∂M(i)|: what an output owes to each row of the memory as it was before the moment, (B, N).

    Args:
        view: of a policy whose core has an external memory (ntm, dnc).
        observation: prepared, (B, …).
        state: before it, with an entry `memory` (B, N, W) at any depth.
        target: which output y.
    """
    named = tree.flatten_names(state)
    places = [name for name in named if name.rpartition(".")[2] == "memory"]
    if not places:
        raise FoveateError("this policy has no external memory: a core such as ntm or dnc is needed.")
    memory = named[places[0]].detach().clone().requires_grad_(True)  # (B, N, W)
    outputs = view.outputs(observation, tree.unflatten_names({**named, places[0]: memory}, state))
    found = size(gradients(target.bind(outputs)(outputs, None), memory))  # (B, N, W)
    return found.square().sum(-1).sqrt().detach()


class SequentialJacobian(gym.Wrapper):
    """Records what a policy sees, and tells what its outputs owe to each earlier moment of the episode.

    The wrapper only records; episodes, random numbers, gradients and network modes are as without it.

    Args:
        env: a single environment.
        policy: a foveate agent, with any core.
        of: the target, see `Saliency`.

    Source:
        Graves 2012, "Supervised sequence labelling with recurrent neural networks", section 3.3 and figure 4.4.
    """

    def __init__(self, env: gym.Env, policy: Any, of: str = "logits"):
        super().__init__(env)
        self.view = view_of(policy)
        if not isinstance(self.view, OwnView):
            raise FoveateError("the sequential Jacobian needs a policy of foveate: it runs over whole sequences.")
        self.target = choose_targets(self.view, [of], names_of_actions(env))[0]
        self._seen: list[Any] = []

    @property
    def render_mode(self) -> str | None:
        """Always "rgb_array": the pictures are the wrapper's own."""
        return "rgb_array"

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode, and forget the one before."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._seen = [self.view.prepare_one(observation)]
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step the environment, and keep what is seen next."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        if not (terminated or truncated):
            self._seen.append(self.view.prepare_one(observation))
        return observation, reward, terminated, truncated, info

    def maps(self, moment: int = -1) -> np.ndarray:
        """What the output at a moment owes to every observation up to the newest, float (T, …) like them."""
        return self._jacobian([self._moment(moment)])[0]

    def matrix(self, moments: Sequence[int] | None = None) -> np.ndarray:
        """|J| over time, float (moments, T): a row for an output (all by default), a column for an input."""
        chosen = range(len(self._seen)) if moments is None else [self._moment(t) for t in moments]
        found = self._jacobian(chosen)
        return np.sqrt(np.square(found).reshape(*found.shape[:2], -1).sum(-1))

    def _moment(self, moment: int) -> int:
        check_range("moment", moment, -len(self._seen), len(self._seen) - 1)
        return moment % len(self._seen)

    def _jacobian(self, moments: Sequence[int]) -> np.ndarray:
        if not self._seen:
            raise ResetNeeded("no episode has begun: call reset() first.")
        first = self._seen[0]
        if isinstance(first, dict):
            stacked: Any = {key: torch.stack([seen[key] for seen in self._seen]) for key in first}
        else:
            stacked = torch.stack(self._seen)
        with undisturbed(self.view):
            return sequential_jacobian(self.view, stacked, self.target, moments)[:, :, 0].cpu().numpy()

    def render(self) -> Any:
        """What the newest output owes to the past: a heat map for each of the last frames, or a line over time."""
        found = torch.from_numpy(self.maps())
        last = len(self._seen) - 1
        if found.ndim == 4:  # (T, C, H, W)
            drawn = [panels.blank_panel() for _ in range(SHOWN - len(found))]  # a film's frames have one size
            for moment in range(max(0, last - SHOWN + 1), last + 1):
                grey = backdrop(self.view.explained(self._seen[moment])[0])
                title = f"{self.target.label} now, owed to {moment - last}"
                drawn.append(panels.map_panel(on_picture(found[moment : moment + 1])[0].numpy(), grey, title))
            return panels.compose([drawn[i : i + 4] for i in range(0, len(drawn), 4)])
        inputs = torch.cat([self.view.explained(seen).flatten(1) for seen in self._seen]).cpu().numpy()  # (T, n)
        amount = found.flatten(1).numpy()
        rows = [
            panels.map_panel(
                np.zeros_like(inputs.T), 255 * np.abs(inputs.T) / max(1e-9, np.abs(inputs).max()), "inputs"
            ),
            panels.map_panel(amount.T, np.zeros_like(amount.T), f"{self.target.label} now"),
        ]
        return panels.compose([rows])
