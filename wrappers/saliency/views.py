"""One interface for every policy that is looked into: ours with any core, and Stable-Baselines3's."""

import copy
from functools import cached_property
from typing import NamedTuple, Self, cast

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn

from ... import tree
from ...agents.learning.players import Player
from ...agents.nn.cores.base import reset_where
from ...agents.nn.heads import AdvantageHead
from ...agents.policies.looking import Looking
from ...agents.policies.outputs import SourceState
from ...agents.policies.policy import Policy, action_parts
from ...envs.actions import plain_array
from ...envs.spaces import to_floats
from ...errors import FoveateError
from ...tree import Tree, outside_inference
from .explained import explained_key
from .policies import ActorCritic, HasObjective, HasOptions, HasPolicy, Network, QNetwork, Recurrent

State = Tree


class Inputs(NamedTuple):
    """What a policy is given at N time steps.

    Attributes:
        observation: prepared (see `View.prepare`), (N, …).
        state: the policy's state before them, (N, …); None if it has none.
        starts: bool, (N,), where an episode starts: there the state doesn't count.
    """

    observation: Tree
    state: State
    starts: Tensor


class Outputs(NamedTuple):
    """What a policy says of N time steps.

    Attributes:
        value: the critic's estimate, (N,); None if there is no critic.
        parameters: each head's parameters by part of the action, (N, …): logits, means.
        state: the policy's state afterwards; None if it has none.
        records: what it attended to by itself, by name, (N, …).
    """

    value: Tensor | None
    parameters: dict[str, Tensor]
    state: State
    records: dict[str, Tensor]


def _copied(inputs: Inputs) -> Inputs:
    """Inputs whose observation may be written into, which a leaf of the graph doesn't bear."""
    return inputs._replace(observation=tree.map(torch.clone, inputs.observation))


class View:
    """A policy as the methods see it: a function of a float observation in which bytes are scaled to [0, 1].

    Attributes:
        module: the network.
        observation_space: of one environment.
        action_space: of one environment.
        dueling: whether there is an advantage stream: "" if not, else how it was trained, for legends.
        q_values: whether what a Discrete head says are Q-values rather than logits.
    """

    dueling: str = ""
    q_values: bool = False

    def __init__(self, module: nn.Module, observation_space: spaces.Space, action_space: spaces.Space):
        self.module = module
        self.observation_space, self.action_space = observation_space, action_space
        self._writes: bool | None = None  # whether the network writes into observations; unknown before the first

    @cached_property
    def key(self) -> str | None:
        """Which part of a Dict observation is explained; None if it is no Dict.

        Raises:
            FoveateError: nothing in the observation can be explained.
        """
        return explained_key(self.observation_space)

    def of(self, module: nn.Module) -> Self:
        """The same view of another network of the same form."""
        other = copy.copy(self)
        other.module = module
        return other

    @property
    def device(self) -> torch.device:
        """Where the network lives."""
        return next(self.module.parameters()).device

    @property
    def player(self) -> Policy | Player:
        """The policy as who plays."""
        return cast(Player, self.module)

    @property
    def attends(self) -> bool:
        """Whether it attends inside itself: its records have `attention`."""
        return False

    @property
    def patches(self) -> bool:
        """Whether what is explained are patches of a retina: their channels show different places."""
        return self.key == "glimpse"

    @property
    def parts(self) -> dict[str, spaces.Space]:
        """The parts of an action; a space that is no Dict has one part, called "action"."""
        return action_parts(self.action_space)

    def initial_state(self, batch: int) -> State:
        """The state before an episode."""
        raise NotImplementedError

    def outputs(self, inputs: Inputs) -> Outputs:
        """What the policy says of inputs."""
        if self._writes is None:
            self._writes = self._seen_writing(inputs)
        return self.answer(_copied(inputs) if self._writes else inputs)

    def _seen_writing(self, inputs: Inputs) -> bool:
        """Whether the network writes into the observation, as one does that begins with an operation in place."""
        with torch.inference_mode(False), torch.no_grad(), torch.random.fork_rng([]):
            inputs = _copied(inputs)
            versions = [x._version for x in tree.leaves(inputs.observation)]
            self.answer(inputs)
        return versions != [x._version for x in tree.leaves(inputs.observation)]

    def answer(self, inputs: Inputs) -> Outputs:
        """`outputs`, which may write into the observation."""
        raise NotImplementedError

    def read(self, observation: Tree) -> Tree:
        """Observations (N, …) as an environment gives them, as the network takes them: tensors on the device."""
        raise NotImplementedError

    @outside_inference
    def prepare(self, observation: Tree) -> Tree:
        """Observations (N, …) in numpy or tensors as tensors on the device, bytes as floats in [0, 1]."""
        tensors = tree.map(tree.ordinary, self.read(observation))
        return tree.map(lambda x: to_floats(x) if x.dtype == torch.uint8 else x, tensors)

    @outside_inference
    def first(self, observation: Tree) -> Inputs:
        """The inputs where episodes start with these observations (N, …), prepared or not."""
        observation = self.prepare(observation)
        batch = len(tree.first(observation))
        return Inputs(observation, self.initial_state(batch), torch.ones(batch, dtype=torch.bool, device=self.device))

    @outside_inference
    def next(self, observation: Tree, state: State, starts: Tensor | None = None) -> Inputs:
        """The inputs of a later time step, from observations (N, …), prepared or not, and the state said last.

        `starts`, bool (N,), is where another episode has started; None if nowhere.
        """
        observation = self.prepare(observation)
        if starts is None:
            starts = torch.zeros(len(tree.first(observation)), dtype=torch.bool)
        return Inputs(observation, tree.ordinary(state), tree.ordinary(starts).to(self.device))

    def explained(self, observation: Tree) -> Tensor:
        """The part of a prepared observation that is explained, float (N, …); a single number is a vector of one."""
        x = (observation if self.key is None else observation[self.key]).float()
        return x[..., None] if self._single_number else x

    def replaced(self, observation: Tree, x: Tensor) -> Tree:
        """A prepared observation with another explained part, both (N, …)."""
        x = x[..., 0] if self._single_number else x
        return x if self.key is None else {**observation, self.key: x}

    @cached_property
    def _single_number(self) -> bool:
        """Whether what is explained has no dimensions."""
        space = self.observation_space
        return (space if self.key is None else cast(spaces.Dict, space).spaces[self.key]).shape == ()

    def ask(self, inputs: Inputs, x: Tensor, rows: Tensor | None = None) -> Outputs:
        """The outputs for prepared inputs (B, …) with the explained part replaced by x, (N, …).

        `rows`, int64 (N,), says of which of the inputs each is a variant; None means as they stand.
        """
        others = None if self.key is None else {k: v for k, v in inputs.observation.items() if k != self.key}
        if rows is None:
            return self.outputs(inputs._replace(observation=self.replaced(others, x)))
        others, state, starts = tree.index((others, inputs.state, inputs.starts), rows)
        return self.outputs(Inputs(self.replaced(others, x), state, starts))


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
        observations = tree.map(torch.clone, observations)  # as in `outputs`
        some = tree.first(observations)
        starts = torch.zeros(some.shape[:2], dtype=torch.bool, device=some.device)
        first = self._settled(Inputs(tree.index(observations, 0), self.initial_state(some.shape[1]), ~starts[0]))
        starts[0] = first.starts
        with self.policy.connected():
            prediction = self.policy(observations, first.state, starts)
        return prediction.value, prediction.parameters


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
