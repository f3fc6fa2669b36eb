"""encoder + core + heads = policy."""

from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn

from ..nn.cores import Core
from ..nn.cores.base import Maps, State
from ..nn.heads import Head, make_critic, make_head

WHOLE = "action"  # the name of the only part of an action that is no Dict


class PolicyOutput(NamedTuple):
    """What a policy does at one moment.

    Attributes:
        action: as the action space wants it, a tensor (B, …) or a dict of them.
        choices: every stochastic choice by name, parts of the action or not, (B, …).
        log_prob: the log-probability of each choice, (B,).
        value: the critic's estimate of the return, (B,).
        state: the core's state after this step.
        parameters: each head's parameters, (B, …).
    """

    action: Any
    choices: dict[str, Tensor]
    log_prob: dict[str, Tensor]
    value: Tensor
    state: State
    parameters: dict[str, Tensor]


class PolicyEvaluation(NamedTuple):
    """What a policy thinks of choices that were made, each (T, B).

    Attributes:
        log_prob: of each choice, by name.
        entropy: of each choice's distribution, by name.
        value: the critic's estimates.
        parameters: each head's parameters, (T, B, …), for losses that want more than the choice.
    """

    log_prob: dict[str, Tensor]
    entropy: dict[str, Tensor]
    value: Tensor
    parameters: dict[str, Tensor]


def action_parts(space: spaces.Space) -> dict[str, spaces.Space]:
    """The parts of an action by name; a space that is no Dict has one part, called "action"."""
    return dict(space.spaces) if isinstance(space, spaces.Dict) else {WHOLE: space}


class Policy(nn.Module):
    """A recurrent policy over any mix of action parts, with a critic.

    Args:
        observation_space: of one world.
        action_space: of one world; a Dict has one head a part.
        encoder: observation (N, …) -> (N, D), with `output_size`.
        core: the recurrent core on top of it.
        heads: heads made by hand, by part; the other parts get `make_head`.
        isolated: parts whose head reads the core's output without sending gradients back into it, and likewise
            the critic if it contains "critic".
        critic: the critic, features -> (…, 1), if it is made by hand; else one linear layer.
        inner_parts: choices that are no part of the action (where to look inside an image): each gets a head too.
    """

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        encoder: nn.Module,
        core: Core,
        heads: dict[str, Head] | None = None,
        isolated: frozenset[str] = frozenset(),
        critic: nn.Module | None = None,
        inner_parts: dict[str, spaces.Space] | None = None,
    ):
        super().__init__()
        self.observation_space, self.action_space = observation_space, action_space
        self.encoder, self.core, self.isolated = encoder, core, isolated
        made = {
            name: (heads or {}).get(name) or make_head(core.output_size, part)
            for name, part in {**action_parts(action_space), **(inner_parts or {})}.items()
        }
        self.heads = nn.ModuleDict(made)
        self.critic = critic or make_critic(core.output_size)

    @property
    def attends(self) -> bool:
        """Whether it looks by itself, inside the observation: `attend` then has `attention`, (T, B, H, W)."""
        return False

    @property
    def device(self) -> torch.device:
        return next(self.critic.parameters()).device

    def rates(self) -> dict[float, list[nn.Parameter]]:
        """The parameters by their learning rate as a share of the learner's; all of them, each once."""
        return {1.0: list(self.parameters())}

    def initial_state(self, batch: int) -> State:
        """The core's state before an episode."""
        return self.core.initial_state(batch, self.device)

    def head(self, name: str) -> Head:
        """The head of one part of the action."""
        return self.heads[name]  # type: ignore[return-value]

    def learned_parts(self) -> set[str]:
        """The parts whose distribution depends on the features (all but uniformly random ones)."""
        return {name for name in self.heads if self.head(name).learned}

    def forward(self, observation: Any, state: State, starts: Tensor) -> tuple[dict[str, Tensor], Tensor, State]:
        """Run over a sequence: each head's parameters (T, B, …), values (T, B), and the state after it.

        Args:
            observation: tensors (T, B, …).
            state: the core's state before the first step.
            starts: bool, (T, B), where episodes start.
        """
        features, state = self.core(self._encode(observation, starts), state, starts)  # (T, B, H)
        return *self._judge(features), state

    def attend(self, observation: Any, state: State, starts: Tensor) -> tuple[dict[str, Tensor], Tensor, State, Maps]:
        """As `forward`, and what the core attended to, tensors (T, B, …) by name."""
        features, state, maps = self.core.attend(self._encode(observation, starts), state, starts)
        return *self._judge(features), state, maps

    def _encode(self, observation: Any, starts: Tensor) -> Tensor:
        return self.encoder(_map(observation, lambda o: o.flatten(0, 1))).view(*starts.shape, -1)  # (T, B, D)

    def _judge(self, features: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        apart = features.detach()
        parameters = {name: self.heads[name](apart if name in self.isolated else features) for name in self.heads}
        return parameters, self.critic(apart if "critic" in self.isolated else features)[..., 0]  # (T, B)

    def step(
        self,
        observation: Any,
        state: State,
        starts: Tensor,
        deterministic: bool = False,
        greedy: frozenset[str] = frozenset(),
    ) -> PolicyOutput:
        """Choose actions for one moment.

        Args:
            observation: tensors (B, …).
            state: from `initial_state` or the step before.
            starts: bool, (B,), where an episode starts now.
            deterministic: take the most likely action of every part.
            greedy: parts for which to do so anyway.
        """
        parameters, value, state = self(_map(observation, lambda o: o[None]), state, starts[None])
        choices, log_prob = {}, {}
        parameters = {name: values[0] for name, values in parameters.items()}
        for name, now in parameters.items():
            head = self.head(name)
            choice = head.mode(now) if deterministic or name in greedy else head.distribution(now).sample()
            choices[name], log_prob[name] = choice, head.log_prob(now, choice)
        return PolicyOutput(self.as_action(choices), choices, log_prob, value[0], state, parameters)

    def q_values(self, parameters: Tensor, value: Tensor) -> Tensor:
        """The Q-values of a Discrete action under Q-learning, (…, n): the head's numbers themselves.

        Args:
            parameters: the head's, (…, n).
            value: the critic's, (…).
        """
        return parameters

    def as_action(self, choices: dict[str, Tensor]) -> Any:
        """The part of the choices that the environment wants, in its form."""
        if not isinstance(self.action_space, spaces.Dict):
            return choices[WHOLE]
        return {name: choices[name] for name in self.action_space.spaces}

    def evaluate(self, observation: Any, choices: dict[str, Tensor], state: State, starts: Tensor) -> PolicyEvaluation:
        """Judge the choices of whole sequences; see `forward` for the arguments."""
        parameters, value, _ = self(observation, state, starts)
        log_prob, entropy = {}, {}
        for name in sorted(self.learned_parts()):
            head = self.head(name)
            log_prob[name] = head.log_prob(parameters[name], choices[name])
            entropy[name] = head.distribution(parameters[name]).entropy()
        return PolicyEvaluation(log_prob, entropy, value, parameters)

    def predict(
        self,
        observation: Any,
        state: State | None = None,
        episode_start: Any = None,
        deterministic: bool = False,
    ) -> tuple[Any, State]:
        """Actions in numpy for observations in numpy, as Stable-Baselines3's `predict`.

        Args:
            observation: one observation, or a batch (B, …).
            state: what the last call returned; None begins.
            episode_start: bool, (B,), where an episode starts now; None means where `state` is None.
            deterministic: take the most likely action.

        Returns:
            The action, batched if the observation was, and the state for the next call.
        """
        first = next(iter(observation.values())) if isinstance(observation, dict) else observation
        space = self.observation_space
        if isinstance(space, spaces.Dict):
            space = next(space.spaces[key] for key in observation)
        single = np.ndim(first) == len(space.shape or ())
        tensors = _map(observation, lambda o: torch.as_tensor(np.array(o), device=self.device))
        if single:
            tensors = _map(tensors, lambda o: o[None])
        batch = len(next(iter(tensors.values())) if isinstance(tensors, dict) else tensors)
        starts = torch.full((batch,), state is None, device=self.device)
        if state is None:
            state = self.initial_state(batch)
        if episode_start is not None:
            starts = torch.as_tensor(np.asarray(episode_start, dtype=bool).reshape(batch), device=self.device)
        was_training = self.training
        self.eval()
        with torch.no_grad():
            step = self.step(tensors, state, starts, deterministic)
        self.train(was_training)
        parts = action_parts(self.action_space)
        arrays = {name: _for_space(parts[name], step.choices[name].cpu().numpy()) for name in parts}
        action = BatchedAction(arrays) if isinstance(self.action_space, spaces.Dict) else arrays[WHOLE]
        return (action[0] if single else action), step.state

    def set_training_mode(self, mode: bool) -> None:
        """Stable-Baselines3's name for `train`."""
        self.train(mode)


class BatchedAction(dict):
    """Actions of a Dict space, arrays (B, …) by part; ``actions[i]`` is the action of world i.

    Stable-Baselines3's own VecEnvs hand ``actions[i]`` to their i-th environment.
    """

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, (int, np.integer)):
            return {name: value[key] for name, value in self.items()}
        return super().__getitem__(key)


def _for_space(space: spaces.Space, action: np.ndarray) -> np.ndarray:
    if isinstance(space, spaces.Box):
        return np.clip(action, space.low, space.high).astype(space.dtype)
    return action.astype(space.dtype)


def _map(tree: Any, function: Any) -> Any:
    return {key: _map(value, function) for key, value in tree.items()} if isinstance(tree, dict) else function(tree)
