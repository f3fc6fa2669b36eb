"""The views of policies: ours with any core, and Stable-Baselines3's."""

from functools import cached_property
from typing import cast

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn

from ... import tree
from ...agents.nn.cores.base import reset_where
from ...agents.nn.heads import AdvantageHead
from ...agents.policies.looking import Looking
from ...agents.policies.outputs import PolicyPrediction, SourceState
from ...agents.policies.policy import Policy
from ...envs.actions import plain_array
from ...errors import FoveateError
from ...tree import Tree
from .policies import ActorCritic, HasObjective, HasOptions, HasPolicy, Network, QNetwork, Recurrent
from .views import Inputs, Outputs, State, View


class OwnView(View):
    """A `foveate.agents.Policy`.

    Args:
        policy: the policy.
        objective: what it was trained by, if that is known.
    """

    def __init__(self, policy: Policy, objective: str | None = None):
        super().__init__(policy, policy.observation_space, policy.action_space)
        self.q_values = objective == "dqn"
        if any(isinstance(head, AdvantageHead) for head in policy.heads.values()):
            self.dueling = " of best action" if objective == "dqn" else " (centred logit) of best action"

    @property
    def policy(self) -> Policy:
        """The policy."""
        return cast(Policy, self.module)

    @property
    def player(self) -> Policy:
        return self.policy

    @cached_property
    def key(self) -> str | None:
        """As `View.key`.

        Raises:
            FoveateError: nothing can be explained, or pictures have their channels last.
        """
        key, space = super().key, self.observation_space
        shape = (space if key is None else cast(spaces.Dict, space).spaces[key]).shape or ()
        if len(shape) == 3 and shape[2] in (1, 3, 4) and shape[0] > 4:
            raise FoveateError(f"pictures must have their channels first, (C, H, W), to be explained; got {shape}.")
        return key

    @property
    def attends(self) -> bool:
        return self.policy.attends

    def read(self, observation: Tree) -> Tree:
        return self.policy.read(observation)

    def initial_state(self, batch: int) -> State:
        return self.policy.initial_state(batch)

    def begun(self, inputs: Inputs) -> Inputs:
        """The inputs with the initial state (and the source, if there is one) written where episodes start.

        It stands for `starts`, which are then False, where what happens at a start must not happen inside the policy:
        a first glimpse at a random place would be at another one for each variant of an observation.
        """
        fresh, source = self.policy.initial_state(len(inputs.starts)), self.policy.prepare(inputs.observation)
        if isinstance(fresh, SourceState) and source is not None:
            fresh = fresh._replace(source=source)
        return Inputs(
            inputs.observation, reset_where(inputs.state, fresh, inputs.starts), torch.zeros_like(inputs.starts)
        )

    def answer(self, inputs: Inputs) -> Outputs:
        inputs = self._settled(inputs)
        with self.policy.connected():
            parameters, value, state, _, records = self.policy(
                tree.unsqueeze(inputs.observation), inputs.state, inputs.starts[None], record=True
            )
        if self.q_values and not self.dueling:  # the critic has learned nothing: the value is the best action's
            value = parameters["action"].amax(-1)
        return Outputs(value[0], tree.index(parameters, 0), state, tree.index(records, 0))

    def _settled(self, inputs: Inputs) -> Inputs:
        """The inputs without a start at random: a policy that looks inside the image first looks at its centre."""
        looks_inside = isinstance(self.policy, Looking) and self.policy.retina is not None
        return self.begun(inputs) if looks_inside else inputs

    def sequence(self, observations: Tree) -> tuple[Tensor, dict[str, Tensor]]:
        """What the policy says of whole episodes (T, B, …) that start together: values (T, B) and parameters."""
        prediction = self._predicted(observations)
        return prediction.value, prediction.parameters

    def records(self, observations: Tree) -> dict[str, Tensor]:
        """What the policy attends to in whole episodes (T, B, …) that start together, by name, (T, B, …)."""
        return self._predicted(observations, record=True).records

    def _predicted(self, observations: Tree, record: bool = False) -> PolicyPrediction:
        observations = tree.map(torch.clone, observations)  # as in `outputs`
        some = tree.first(observations)
        starts = torch.zeros(some.shape[:2], dtype=torch.bool, device=some.device)
        first = self._settled(Inputs(tree.index(observations, 0), self.initial_state(some.shape[1]), ~starts[0]))
        starts[0] = first.starts
        with self.policy.connected():
            return self.policy(observations, first.state, starts, record)


class SB3View(View):
    """A policy of Stable-Baselines3, without memory."""

    def initial_state(self, batch: int) -> None:
        return None

    def read(self, observation: Tree) -> Tree:
        if not isinstance(tree.first(observation), Tensor):  # channels first, if they were last
            arrays = tree.map(lambda x: plain_array(x, "observation").copy(), observation)
            observation = cast(Network, self.module).obs_to_tensor(arrays)[0]
        return tree.map(lambda x: x.to(self.device), observation)

    def as_fed(self, observation: Tree) -> Tree:
        """What Stable-Baselines3 divides by 255 itself, times 255."""
        space_of = tree.of_space(self.observation_space)
        return tree.map(lambda space, x: x * 255 if space.dtype == np.uint8 else x, space_of, observation)


class ActorCriticView(SB3View):
    """PPO's and A2C's policies."""

    def answer(self, inputs: Inputs) -> Outputs:
        policy, observation = cast(ActorCritic, self.module), self.as_fed(inputs.observation)
        same = tree.map(torch.clone, observation)  # each of the two may write into its own
        distribution = policy.get_distribution(observation).distribution
        if isinstance(distribution, list):  # one a dimension of a MultiDiscrete
            parameters = torch.cat([part.logits for part in distribution], -1)
        elif isinstance(distribution, (torch.distributions.Categorical, torch.distributions.Bernoulli)):
            parameters = distribution.logits
        else:
            parameters = distribution.mean
        return Outputs(policy.predict_values(same)[:, 0], {"action": parameters}, None, {})


class QNetworkView(SB3View):
    """DQN's policies."""

    q_values = True

    def answer(self, inputs: Inputs) -> Outputs:
        q = cast(QNetwork, self.module).q_net(self.as_fed(inputs.observation))  # (N, n)
        return Outputs(q.amax(-1), {"action": q}, None, {})


def view_of(policy: object) -> View:
    """The view of a policy, a learner or a Stable-Baselines3 algorithm.

    Raises:
        FoveateError: it is none of these.
    """
    if isinstance(policy, View):
        return policy
    inner = policy.policy if isinstance(policy, HasPolicy) else policy
    if isinstance(inner, Policy):
        options = policy.options if isinstance(policy, HasOptions) else None
        return OwnView(inner, options.objective if isinstance(options, HasObjective) else None)
    if isinstance(inner, nn.Module) and not isinstance(inner, Recurrent):
        if isinstance(inner, QNetwork):
            return QNetworkView(inner, inner.observation_space, inner.action_space)
        if isinstance(inner, ActorCritic):
            return ActorCriticView(inner, inner.observation_space, inner.action_space)
    raise FoveateError(
        f"{type(policy).__name__} can't be looked into: give a foveate agent, or an algorithm of Stable-Baselines3 "
        "with an actor and a critic or a Q-network and without memory (PPO, A2C, DQN)."
    )
