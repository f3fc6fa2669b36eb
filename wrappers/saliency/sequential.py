"""Derivatives through time: what an output owes to each earlier moment, and to each row of the memory."""

from collections.abc import Sequence
from typing import Literal

import gymnasium as gym
import numpy as np
import torch
from gymnasium.error import ResetNeeded
from torch import Tensor

from ... import tree
from ...errors import FoveateError, check_range
from ...tree import Tree
from ...viz import panels
from .gradients import gradients, half_square, same, size
from .pictures import backdrop, names_of_actions, on_picture
from .policy_views import OwnView, view_of
from .targets import Read, Target, choose_targets
from .undisturbed import undisturbed
from .views import Inputs, Outputs, View
from .whole_episode import EpisodeInstrument

SHOWN = 8  # past frames in a picture


def sequential_jacobian(
    view: View,
    observations: Tree,
    target: Target,
    moments: Sequence[int],
    errors: Literal["each", "outputs"] = "each",
) -> Tensor:
    """The size of ∂y_t/∂x_s for some times t and every s, through the recurrent core.

    Args:
        view: of one of our policies.
        observations: prepared, whole episodes from their start, (T, B, …).
        target: which output y.
        moments: the times t.
        errors: "each" is the norm over the outputs of a vector-valued target; "outputs" propagates the outputs
            themselves back as errors, in one pass (Graves 2012, "Supervised sequence labelling", section 3.3).

    Returns:
        float, (len(moments), T, B, …) like the observations. Nothing depends on what comes later: s > t is 0.

    Raises:
        FoveateError: the policy is none of ours.
    """
    x = view.explained(observations).detach().clone().requires_grad_(True)  # (T, B, …)
    reduce = same if errors == "each" else half_square

    def said(x: Tensor) -> Sequence[Outputs]:
        value, parameters = _own(view).sequence(view.replaced(observations, x))
        return [Outputs(value[t], tree.index(parameters, t), None, {}) for t in moments]

    maps = []
    for i, outputs in enumerate(said(x)):
        read = target.bind(outputs)

        def again(other: Tensor, i: int = i, read: Read = read) -> Tensor:
            return reduce(read(said(other)[i], None))

        maps.append(size(gradients(reduce(read(outputs, None)), x, again)).abs())
    return torch.stack(maps).detach()


def _own(view: View) -> OwnView:
    if not isinstance(view, OwnView):
        raise FoveateError("the sequential Jacobian needs a policy of foveate: it runs over whole sequences.")
    return view


def memory_jacobian(view: View, inputs: Inputs, target: Target) -> Tensor:
    """|∂y/∂M(i)|: what an output owes to each row of the memory as it was before the time step, (B, N).

    Args:
        view: of a policy whose core has an external memory (ntm, dnc).
        inputs: prepared, (B, …); their state has an entry `memory` (B, N, W) at some depth.
        target: which output y.

    Raises:
        FoveateError: the policy has no external memory.
    """
    named = tree.flatten_names(inputs.state)
    places = [name for name in named if name.rpartition(".")[2] == "memory"]
    if not places or not isinstance(view, OwnView):
        raise FoveateError("this policy has no external memory: a core such as ntm or dnc is needed.")
    inputs = view.begun(inputs)  # where an episode starts, its initial memory is meant
    named = tree.flatten_names(inputs.state)
    memory = named[places[0]].detach().clone().requires_grad_(True)  # (B, N, W)

    def said(memory: Tensor) -> Outputs:
        state = tree.unflatten_names({**named, places[0]: memory}, inputs.state)
        return view.outputs(inputs._replace(state=state))

    outputs = said(memory)
    read = target.bind(outputs)
    slope = size(gradients(read(outputs, None), memory, lambda other: read(said(other), None)))  # (B, N, W)
    return slope.square().sum(-1).sqrt().detach()


class SequentialJacobian(EpisodeInstrument):
    """Records what a policy is shown, and works out what its outputs owe to each earlier moment of the episode.

    The wrapper only records; episodes, random numbers, gradients and network modes are as without it.

    Args:
        env: a single environment.
        policy: a foveate agent, with any core.
        of: the target, see `Saliency`.

    Source:
        Graves 2012, "Supervised sequence labelling with recurrent neural networks", section 3.3 and figure 4.4.
    """

    def __init__(self, env: gym.Env, policy: object, of: str = "logits"):
        super().__init__(env, _own(view_of(policy)))
        self.target = choose_targets(self.view, [of], names_of_actions(env))[0]
        self._top = 0.0  # the greatest amount drawn so far, which is full red

    def maps(self, moment: int = -1) -> np.ndarray:
        """What the output at a moment owes to every observation up to the newest, float (T, …) like them."""
        return self._jacobian([self._moment(moment)])[0]

    def matrix(self, moments: Sequence[int] | None = None) -> np.ndarray:
        """|J| over time, float (moments, T): a row for an output (all by default), a column for an input."""
        chosen = range(len(self.observations)) if moments is None else [self._moment(t) for t in moments]
        maps = self._jacobian(chosen)
        return np.sqrt(np.square(maps).reshape(*maps.shape[:2], -1).sum(-1))

    def _moment(self, moment: int) -> int:
        count = len(self.observations)
        check_range("moment", moment, -count, count - 1)
        return moment % count

    def _jacobian(self, moments: Sequence[int]) -> np.ndarray:
        if not self.observations:
            raise ResetNeeded("no episode has begun: call reset() first.")
        with undisturbed(self.view):
            maps = sequential_jacobian(self.view, tree.stack(self.observations), self.target, moments)
        return maps[:, :, 0].numpy(force=True)

    def render(self) -> np.ndarray:
        """What the newest output owes to the past: a heat map for each of the last frames, or a line over time."""
        maps = torch.from_numpy(self.maps())  # (T, …)
        return self._frames(maps) if maps.ndim == 4 else self._lines(maps)

    def _frames(self, maps: Tensor) -> np.ndarray:
        """A heat map for each of the last pictures, from maps (T, C, H, W)."""
        last = len(maps) - 1
        pictures = on_picture(maps[max(0, last - SHOWN + 1) :]).numpy()
        self._top = max(self._top, float(pictures.max()))
        drawn = [panels.blank_panel() for _ in range(SHOWN - len(maps))]  # a film's frames have one size
        for back, picture in zip(range(1 - len(pictures), 1), pictures, strict=True):
            grey = backdrop(self.view.explained(self.observations[last + back])[0])
            title = f"{self.target.label} now, owed to {back}"
            drawn.append(panels.map_panel(picture, grey, title, top=self._top))
        return panels.compose([drawn[i : i + 4] for i in range(0, len(drawn), 4)])

    def _lines(self, maps: Tensor) -> np.ndarray:
        """The observations over time beside what is owed to each of their entries, from maps (T, …)."""
        explained = [self.view.explained(observation).flatten(1) for observation in self.observations]
        inputs, amount = torch.cat(explained).numpy(force=True), maps.flatten(1).numpy()  # (T, n)
        self._top = max(self._top, float(amount.max()))
        grey = 255 * np.abs(inputs.T) / max(1e-9, np.abs(inputs).max())
        return panels.compose(
            [
                [
                    panels.map_panel(np.zeros_like(inputs.T), grey, "inputs"),
                    panels.map_panel(amount.T, np.zeros_like(amount.T), f"{self.target.label} now", top=self._top),
                ]
            ]
        )
