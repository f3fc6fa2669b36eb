"""A policy beside whoever acts."""

import torch

from ... import tree
from ...tree import Tree
from .undisturbed import undisturbed
from .views import Inputs, Outputs, View


class Follower:
    """Runs a policy on what an environment shows, beside whoever acts.

    Attributes:
        view: of the policy.
        inputs: of the present time step; None before an episode.
        outputs: what the policy says of it.
    """

    def __init__(self, view: View):
        self.view = view
        self.inputs: Inputs | None = None
        self.outputs: Outputs | None = None

    def begin(self, observation: Tree) -> Outputs:
        """An episode starts with this observation of one environment."""
        with undisturbed(self.view), torch.no_grad():
            return self._follow(self.view.first(tree.unsqueeze(observation)))

    def go_on(self, observation: Tree) -> Outputs:
        """The next observation of the same episode.

        Raises:
            RuntimeError: no episode has begun.
        """
        if self.outputs is None:
            raise RuntimeError("an episode must begin before it goes on.")
        with undisturbed(self.view), torch.no_grad():
            return self._follow(self.view.next(tree.unsqueeze(observation), self.outputs.state))

    def again(self, observation: Tree) -> Outputs:
        """The same moment with another observation, as after an intervention.

        Raises:
            RuntimeError: no episode has begun.
        """
        if self.inputs is None:
            raise RuntimeError("an episode must begin before it is changed.")
        with undisturbed(self.view), torch.no_grad():
            prepared = self.view.prepare(tree.unsqueeze(observation))
            return self._follow(self.inputs._replace(observation=prepared))

    def _follow(self, inputs: Inputs) -> Outputs:
        self.inputs, self.outputs = inputs, self.view.outputs(inputs)
        return self.outputs
