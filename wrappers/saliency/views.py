"""One interface for every policy that is looked into (`policy_views` has them)."""

import copy
from functools import cached_property
from typing import NamedTuple, Self, cast

import torch
from gymnasium import spaces
from torch import Tensor, nn

from ... import tree
from ...agents.learning.players import Player
from ...agents.policies.policy import Policy, action_parts
from ...envs.spaces import to_floats
from ...tree import Tree, outside_inference
from .explained import explained_key

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
