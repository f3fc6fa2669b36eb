"""One face for every policy that is looked into: ours with any core, and Stable-Baselines3's."""

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn

from ... import tree
from ...agents.nn.cores.base import reset_where
from ...agents.nn.heads import AdvantageHead
from ...agents.policies.policy import Policy
from ...errors import FoveateError


class Outputs(NamedTuple):
    """What a policy says of one moment.

    Attributes:
        value: the critic's estimate, (B,); None if there is no critic.
        parameters: each head's parameters by part of the action, (B, …): logits, means.
        state: the core's state after the moment; None if the policy has none.
        maps: what it attended to by itself, by name, (B, …).
    """

    value: Tensor | None
    parameters: dict[str, Tensor]
    state: Any
    maps: dict[str, Tensor]


class View:
    """A policy as the methods see it: a function of a float observation in which bytes are scaled to [0, 1].

    Attributes:
        module: the network.
        observation_space: of one world.
        action_space: of one world.
        key: which part of a Dict observation is explained; None if it is no Dict.
        dueling: whether there is an advantage stream: "" if not, else how it was trained, for legends.
        q_values: whether what a Discrete head says are Q-values rather than logits.
    """

    dueling: str = ""
    q_values: bool = False

    def __init__(self, module: nn.Module, observation_space: spaces.Space, action_space: spaces.Space):
        self.module = module
        self.observation_space, self.action_space = observation_space, action_space
        self.key = _explained_key(observation_space)

    @property
    def device(self) -> torch.device:
        return next(self.module.parameters()).device

    @property
    def attends(self) -> bool:
        """Whether it attends inside itself, and says to what among its maps."""
        return bool(getattr(self.module, "attends", False))

    @property
    def patches(self) -> bool:
        """Whether what is explained are patches of a retina: their channels show different places."""
        return self.key == "glimpse"

    @property
    def space(self) -> spaces.Box:
        """The space of the part that is explained."""
        space = self.observation_space
        return space.spaces[self.key] if isinstance(space, spaces.Dict) else space  # type: ignore[index, return-value]

    def initial_state(self, batch: int) -> Any:
        """The state before an episode."""
        raise NotImplementedError

    def outputs(self, observation: Any, state: Any) -> Outputs:
        """What the policy says of prepared observations (B, …), from the state before them."""
        raise NotImplementedError

    def parts(self) -> dict[str, spaces.Space]:
        """The parts of an action; a space that is no Dict has one part, called "action"."""
        space = self.action_space
        return dict(space.spaces) if isinstance(space, spaces.Dict) else {"action": space}

    def prepare(self, observation: Any) -> Any:
        """Observations (B, …) in numpy or tensors as tensors on the device, bytes as floats in [0, 1]."""
        if isinstance(observation, dict):
            return {key: self.prepare(value) for key, value in observation.items()}
        value = torch.as_tensor(observation if isinstance(observation, Tensor) else np.array(observation))
        value = value.to(self.device)
        return value.float() / 255 if value.dtype == torch.uint8 else value

    def prepare_one(self, observation: Any) -> Any:
        """One observation, prepared as a batch of one."""
        if isinstance(observation, dict):
            return self.prepare({key: np.asarray(value)[None] for key, value in observation.items()})
        return self.prepare(np.asarray(observation)[None])

    def begun_anew(self, state: Any, ended: Tensor) -> Any:
        """A state with the initial state where episodes ended, bool (B,)."""
        return state

    def explained(self, observation: Any) -> Tensor:
        """The part of a prepared observation that is explained, float (B, …)."""
        return (observation if self.key is None else observation[self.key]).float()

    def ask(self, observation: Any, state: Any, x: Tensor, rows: Tensor | None = None) -> Outputs:
        """The outputs with the explained part replaced.

        Args:
            observation: prepared, (B, …).
            state: before it, (B, …).
            x: what stands for the explained part, (N, …).
            rows: int64, (N,), of which observation each is a variant; None means as they stand.
        """
        if rows is not None:
            state = pick_rows(state, rows)
        if self.key is None:
            return self.outputs(x, state)
        whole = observation if rows is None else {name: value[rows] for name, value in observation.items()}
        return self.outputs({**whole, self.key: x}, state)


def _explained_key(space: spaces.Space) -> str | None:
    if isinstance(space, (spaces.Box, spaces.MultiBinary)):
        return None
    if isinstance(space, spaces.Dict):
        boxes = {key: sub for key, sub in space.spaces.items() if isinstance(sub, (spaces.Box, spaces.MultiBinary))}
        if boxes:  # the picture rather than the place where it was seen
            return max(boxes, key=lambda key: int(np.prod(boxes[key].shape)))
    raise FoveateError(f"nothing in observations of {space} can be explained: a Box or MultiBinary is needed.")


def pick_rows(state: Any, rows: Tensor) -> Any:
    """A state with other rows, as an index does; None stays None."""
    return tree.index(state, rows)


class OwnView(View):
    """A `foveate.agents.Policy`.

    Args:
        policy: the policy.
        objective: what it was trained by, if that is known.
    """

    def __init__(self, policy: Any, objective: str | None = None):
        super().__init__(policy, policy.observation_space, policy.action_space)
        self.policy = policy
        shape = self.space.shape
        if len(shape) == 3 and shape[2] in (1, 3, 4) and shape[0] > 4:
            raise FoveateError(f"pictures must have their channels first, (C, H, W), to be explained; got {shape}.")
        self.q_values = objective == "dqn"
        if any(isinstance(head, AdvantageHead) for head in policy.heads.values()):
            self.dueling = " of best action" if objective == "dqn" else " (centred logit) of best action"

    def initial_state(self, batch: int) -> Any:
        return self.policy.initial_state(batch)

    def begun_anew(self, state: Any, ended: Tensor) -> Any:
        return reset_where(state, self.policy.initial_state(len(ended)), ended.to(self.device))

    @contextlib.contextmanager
    def connected(self) -> Iterator[None]:
        """Within, heads whose gradient stays out of the core while learning are differentiated through it."""
        isolated, self.policy.isolated = self.policy.isolated, frozenset()
        try:
            yield
        finally:
            self.policy.isolated = isolated

    def outputs(self, observation: Any, state: Any) -> Outputs:
        first = observation if self.key is None else observation[self.key]
        now = {k: v[None] for k, v in observation.items()} if isinstance(observation, dict) else observation[None]
        starts = torch.zeros(1, len(first), dtype=torch.bool, device=first.device)
        with self.connected():
            parameters, value, state, _, maps = self.policy(now, state, starts, record=True)
        if self.q_values and not self.dueling:  # the critic has learned nothing: the value is the best action's
            value = parameters["action"].amax(-1)
        return Outputs(
            value[0], {name: v[0] for name, v in parameters.items()}, state, {name: v[0] for name, v in maps.items()}
        )


class SB3View(View):
    """A policy of Stable-Baselines3: actor and critic (PPO, A2C), or a Q-network (DQN)."""

    def __init__(self, policy: Any):
        super().__init__(policy, policy.observation_space, policy.action_space)
        self.policy = policy
        self.q_values = hasattr(policy, "q_net")

    def initial_state(self, batch: int) -> None:
        return None

    def prepare(self, observation: Any) -> Any:
        some = next(iter(observation.values())) if isinstance(observation, dict) else observation
        if not isinstance(some, Tensor):  # channels first, if they were last
            observation = self.policy.obs_to_tensor(observation)[0]
        return super().prepare(observation)

    def outputs(self, observation: Any, state: Any) -> Outputs:
        fed: Any
        if isinstance(self.observation_space, spaces.Dict):
            fed = {key: _as_bytes(self.observation_space.spaces[key], value) for key, value in observation.items()}
        else:
            fed = _as_bytes(self.observation_space, observation)
        if self.q_values:
            q = self.policy.q_net(fed)  # (B, n)
            return Outputs(q.amax(-1), {"action": q}, None, {})
        made = self.policy.get_distribution(fed).distribution
        if isinstance(made, list):  # one a dimension of a MultiDiscrete
            logits = torch.cat([part.logits for part in made], -1)
        else:
            logits = made.logits if hasattr(made, "logits") else made.mean
        return Outputs(self.policy.predict_values(fed)[:, 0], {"action": logits}, None, {})


def _as_bytes(space: spaces.Space, value: Tensor) -> Tensor:
    """What Stable-Baselines3 divides by 255 itself, times 255."""
    return value * 255 if space.dtype == np.uint8 else value


def view_of(policy: Any) -> View:
    """The view of a policy, a learner or a Stable-Baselines3 algorithm.

    Raises:
        FoveateError: it is none of these.
    """
    if isinstance(policy, View):
        return policy
    inner = getattr(policy, "policy", policy)
    if isinstance(inner, Policy):
        return OwnView(inner, getattr(getattr(policy, "options", None), "objective", None))
    recurrent = hasattr(inner, "lstm_actor")  # sb3-contrib's RecurrentPPO
    if (hasattr(inner, "q_net") or hasattr(inner, "get_distribution")) and not recurrent:
        return SB3View(inner)
    raise FoveateError(
        f"{type(policy).__name__} can't be looked into: give a foveate agent, or an algorithm of Stable-Baselines3 "
        "with an actor and a critic or a Q-network and without memory (PPO, A2C, DQN)."
    )


@contextlib.contextmanager
def undisturbed(view: View) -> Iterator[None]:
    """Within, the network is in evaluation mode; afterwards modes and random states are as they were before.

    Gradients are taken with ``torch.autograd.grad``, which leaves those of the weights alone.
    """
    modes = [(module, module.training) for module in view.module.modules()]
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    view.module.eval()
    try:
        # cuDNN's recurrent networks can't run backward in evaluation mode
        with torch.random.fork_rng(devices), torch.backends.cudnn.flags(enabled=False), torch.enable_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode
