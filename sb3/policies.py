"""Our cores inside sb3-contrib's RecurrentPPO: its policy, with any core instead of its LSTM."""

import math
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from stable_baselines3.common.torch_layers import CombinedExtractor
from stable_baselines3.common.type_aliases import Schedule
from torch import Tensor, nn

from .. import tree
from ..agents.nn.cores import CORES, RecurrentCores, make_core
from ..agents.nn.cores.base import State
from ..errors import FoveateError, check_choice
from ..introspect import check_options
from ..tree import Tree

Packed = tuple[Tensor, Tensor]


class PackedCore(nn.Module):
    """A core whose state is two tensors of one size, as RecurrentPPO keeps them: half of all numbers in each.

    Args:
        name: of the core.
        input_size: size of its input.
        hidden: its units.
        **options: its own.

    Attributes:
        num_layers: 1, what RecurrentPPO asks an LSTM for.
        hidden_size: numbers in each half of the state.
    """

    num_layers = 1

    def __init__(self, name: str, input_size: int, hidden: int, **options: object):
        super().__init__()
        self.core = make_core(name, input_size, hidden, **options)
        self.input_size = input_size
        self._fresh = self.core.initial_state(1)
        parts = tree.leaves(self._fresh)
        self.shapes = [part.shape[1:] for part in parts]
        self.types = [part.dtype for part in parts]
        self.sizes = [math.prod(shape) for shape in self.shapes]
        self.hidden_size = max(1, -(-sum(self.sizes) // 2))

    def pack(self, state: State) -> Packed:
        """The state as two float tensors (1, B, hidden_size); whole numbers below 2^24 come back as they were."""
        flat = [part.reshape(len(part), -1).float() for part in tree.leaves(state)]
        joined = torch.cat(flat, 1) if flat else torch.zeros(0)
        whole = nn.functional.pad(joined, (0, 2 * self.hidden_size - joined.shape[-1]))
        first, second = whole.split(self.hidden_size, 1)
        return first[None].contiguous(), second[None].contiguous()

    def unpack(self, packed: Packed) -> State:
        """The state that `pack` packed."""
        whole = torch.cat([packed[0][0], packed[1][0]], 1)[:, : sum(self.sizes)]
        parts = whole.split(self.sizes, 1) if self.sizes else []
        zipped = zip(parts, self.shapes, self.types, strict=True)
        shaped = iter([part.reshape(len(whole), *shape).to(dtype) for part, shape, dtype in zipped])
        return tree.map(lambda _: next(shaped), self._fresh)

    def forward(self, x: Tensor, packed: Packed, starts: Tensor) -> tuple[Tensor, Packed]:
        """Run over (T, B, input_size) with starts (T, B); the initial state is written where episodes start."""
        output = self.core(x, self.unpack(packed), starts > 0)
        return output.y, self.pack(output.state)


class CorePolicy(RecurrentActorCriticPolicy):
    """RecurrentPPO's policy with our cores instead of its LSTMs.

        RecurrentPPO(CorePolicy, env, policy_kwargs={"core": "ntm", "hidden": 100})

    Episodes start from the core's own initial state (an NTM's memory is not zero), in training and in `predict`.
    RecurrentPPO keeps each step's state in float32 numpy, so a large memory (DNC's links, a transformer's past) costs
    that much a step; our own learners keep it once a rollout.

    Args:
        observation_space: Box, or a Dict.
        action_space: what Stable-Baselines3 takes.
        lr_schedule: the learning rate.
        core: "rnn", "lstm", "gru", "ntm", "dnc", "transformer" or "bytenet".
        hidden: its units.
        core_kwargs: its own options, as in ``{"rows": 32}``.
        shared: one core for actor and critic (then only the actor trains it); else each has its own.
        **rest: as in ``RecurrentActorCriticPolicy``, but for what concerns its LSTMs.
    """

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        lr_schedule: Schedule,
        *,
        core: RecurrentCores = "gru",
        hidden: int = 128,
        core_kwargs: dict[str, object] | None = None,
        shared: bool = False,
        **rest: Any,
    ):
        check_choice("core", core, [name for name in CORES if name != "none"])
        for name in sorted(
            {"lstm_hidden_size", "n_lstm_layers", "lstm_kwargs", "shared_lstm", "enable_critic_lstm"} & set(rest)
        ):
            raise FoveateError(f"{name} is about an LSTM that is not there: use core, hidden, core_kwargs and shared.")
        options = core_kwargs or {}
        check_options(CORES[core], options, core)
        if isinstance(observation_space, spaces.Dict):
            rest.setdefault("features_extractor_class", CombinedExtractor)
        width = make_core(core, 1, hidden, **options).output_size  # what lies on top of the core is built before it
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            lstm_hidden_size=width,
            shared_lstm=shared,
            enable_critic_lstm=not shared,
            **rest,
        )
        actor = PackedCore(core, self.features_dim, hidden, **options)
        self.add_module("lstm_actor", actor)
        if not shared:
            self.add_module("lstm_critic", PackedCore(core, self.features_dim, hidden, **options))
        self.lstm_hidden_state_shape = (1, 1, actor.hidden_size)
        settings = {"lr": lr_schedule(1), **self.optimizer_kwargs}
        self.optimizer = self.optimizer_class(self.parameters(), **settings)
        self._own = {"core": core, "hidden": hidden, "core_kwargs": core_kwargs, "shared": shared}

    def _get_constructor_parameters(self) -> dict[str, object]:
        """What `save` must write so that `load` can build it again."""
        return {**super()._get_constructor_parameters(), **self._own}

    @staticmethod
    def _process_sequence(
        features: Tensor, lstm_states: Packed, episode_starts: Tensor, lstm: "PackedCore"
    ) -> tuple[Tensor, Packed]:
        """Sequences one behind the other, (N·T, F), through a core and back, with the state after them."""
        sequences = lstm_states[0].shape[1]
        x = features.view(sequences, -1, lstm.input_size).transpose(0, 1)  # (T, N, F)
        y, states = lstm(x, lstm_states, episode_starts.view(sequences, -1).transpose(0, 1))
        return y.transpose(0, 1).flatten(0, 1), states

    def predict(
        self, observation: Tree, state: Tree = None, episode_start: Tree = None, deterministic: bool = False
    ) -> tuple[np.ndarray, Tree]:
        """Arguments as in Stable-Baselines3's `BasePolicy.predict`; without a state an episode starts."""
        if state is None:
            tensors, _ = self.obs_to_tensor(observation)
            first = next(iter(tensors.values())) if isinstance(tensors, dict) else tensors
            episode_start = np.ones(len(first), dtype=bool)
        return super().predict(observation, state, episode_start, deterministic)
