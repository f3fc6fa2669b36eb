"""Agents that are little more than a core: the observation goes in as it is, linear heads come out."""

from typing import ClassVar, Literal

from gymnasium import spaces

from ...errors import check_choice
from ..nn.cores import DNC, GRU, LSTM, NTM, Core, FastWeights, Pondering, Transformer, make_core
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


class PonderingAgent(Policy):
    """Adaptive computation time around a recurrent core: at each moment as many steps of it as are worth their cost.

    Args:
        observation_space: any mix of common spaces.
        action_space: any mix of parts.
        encoder: units of fully connected layers before the core; none by default.
        core: what takes the steps; one whose state has a mean. "elman" is the paper's in its section 3.1.
        hidden: units of the core.
        rows: rows of the memory, of a core that has one (ntm).
        penalty: what a step costs, the paper's τ.
        limit: steps that a moment may take.
        fixed: so many steps at every moment, its ablation; 0 for adaptive.

    Source:
        Graves 2016, "Adaptive computation time for recurrent neural networks".
    """

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        *,
        encoder: tuple[int, ...] = (),
        core: Literal["rnn", "elman", "lstm", "gru", "ntm"] = "rnn",
        hidden: int = 128,
        rows: int = 16,
        penalty: float = 0.01,
        limit: int = 10,
        fixed: int = 0,
    ):
        check_choice("core", core, ["rnn", "elman", "lstm", "gru", "ntm"])
        layers = MLP(observation_space, encoder)
        inner = make_core(core, layers.output_size + 1, hidden, rows=rows)
        super().__init__(
            observation_space, action_space, layers, Pondering(inner, penalty=penalty, limit=limit, fixed=fixed)
        )
