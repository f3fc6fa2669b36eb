"""Agents that are little more than a core: the observation goes in as it is, linear heads come out."""

from typing import ClassVar

from gymnasium import spaces

from ..nn.cores import DNC, GRU, LSTM, NTM, Core, FastWeights, Transformer
from ..nn.encoders import MLP
from .policy import Policy


class CoreAgent(Policy):
    """A core between an encoder and linear heads.

    Args:
        observation_space: any mix of common spaces.
        action_space: any mix of parts.
        encoder: units of fully connected layers before the core; none by default.
        **core: options of the core.
    """

    core_class: ClassVar[type[Core]]
    configures: ClassVar[tuple[type, ...]] = ()

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        *,
        encoder: tuple[int, ...] = (),
        **core: object,
    ):
        layers = MLP(observation_space, encoder)
        super().__init__(observation_space, action_space, layers, self.core_class(layers.output_size, **core))


class LSTMAgent(CoreAgent):
    """Long short-term memory: all memory is in the hidden state."""

    core_class, configures = LSTM, (LSTM,)


class GRUAgent(CoreAgent):
    """Gated recurrent units: all memory is in the hidden state."""

    core_class, configures = GRU, (GRU,)


class NTMAgent(CoreAgent):
    """Neural Turing machine: a controller with an external memory, addressed by content and place."""

    core_class, configures = NTM, (NTM,)


class DNCAgent(CoreAgent):
    """Differentiable neural computer: external memory with allocation and temporal links."""

    core_class, configures = DNC, (DNC,)


class TransformerAgent(CoreAgent):
    """Causal self-attention over the episode so far."""

    core_class, configures = Transformer, (Transformer,)


class FastWeightsAgent(CoreAgent):
    """A recurrent network with fast weights, which hold what it just thought."""

    core_class, configures = FastWeights, (FastWeights,)
