"""Agents that think for as long as they want to at each moment."""

from typing import Literal, get_args

from gymnasium import spaces
from torch import nn

from ...errors import check_choice
from ..nn.cores import Pondering, PonderNet, make_core
from ..nn.encoders import MLP
from ..nn.heads import Expected, SteppedHead, make_critic, make_head
from .policy import Policy, action_parts

Inner = Literal["rnn", "elman", "lstm", "gru", "ntm"]  # cores whose state has a mean


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
        core: Inner = "rnn",
        hidden: int = 128,
        rows: int = 16,
        penalty: float = 0.01,
        limit: int = 10,
        fixed: int = 0,
    ):
        check_choice("core", core, get_args(Inner))
        layers = MLP(observation_space, encoder)
        inner = make_core(core, layers.output_size + 1, hidden, rows=rows)
        super().__init__(
            observation_space, action_space, layers, Pondering(inner, penalty=penalty, limit=limit, fixed=fixed)
        )


class PonderNetAgent(Policy):
    """PonderNet: at each moment steps of a recurrent core, and after each a lot that decides whether it was the last.

    Args:
        observation_space: any mix of common spaces.
        action_space: any mix of parts.
        encoder: units of fully connected layers before the core; none by default.
        core: what takes the steps; one whose state has a mean.
        hidden: units of the core.
        rows: rows of the memory, of a core that has one (ntm).
        prior: the paper's λ_p; without a reason to do otherwise it takes 1/λ_p steps.
        weight: of the divergence from that prior, the paper's β.
        limit: steps that a moment may take.

    Source:
        Banino, Balaguer & Blundell 2021, "PonderNet: learning to ponder".
    """

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        *,
        encoder: tuple[int, ...] = (),
        core: Inner = "rnn",
        hidden: int = 128,
        rows: int = 16,
        prior: float = 0.2,
        weight: float = 0.01,
        limit: int = 10,
    ):
        check_choice("core", core, get_args(Inner))
        layers = MLP(observation_space, encoder)
        inner = make_core(core, layers.output_size, hidden, rows=rows)
        size = inner.output_size
        heads = {name: SteppedHead(make_head(size, part), limit) for name, part in action_parts(action_space).items()}
        super().__init__(
            observation_space,
            action_space,
            layers,
            PonderNet(inner, prior=prior, weight=weight, limit=limit),
            heads,
            critic=nn.Sequential(Expected(limit), make_critic(size)),
        )
