"""Agents that are little more than a core: the observation goes in as it is, linear heads come out."""

from typing import Any, ClassVar

from gymnasium import spaces

from ..nn.cores import DNC, GRU, LSTM, NTM, Core, Transformer
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
        **core: Any,
    ):
        layers = MLP(observation_space, encoder)
        super().__init__(observation_space, action_space, layers, self.core_class(layers.output_size, **core))


def _agent(core: type[Core], about: str) -> type[CoreAgent]:
    body = {"core_class": core, "configures": (core,), "__doc__": about, "__module__": __name__}
    return type(f"{core.__name__}Agent", (CoreAgent,), body)


LSTMAgent = _agent(LSTM, "Long short-term memory: all memory is in the hidden state.")
GRUAgent = _agent(GRU, "Gated recurrent units: all memory is in the hidden state.")
NTMAgent = _agent(NTM, "Neural Turing machine: a controller with an external memory, addressed by content and place.")
DNCAgent = _agent(DNC, "Differentiable neural computer: external memory with allocation and temporal links.")
TransformerAgent = _agent(Transformer, "Causal self-attention over the episode so far.")
