"""A neural programmer-interpreter: one network that is every program, told which one it is at the moment."""

import torch
from gymnasium import spaces
from torch import Tensor, nn
from torch.nn import functional as F

from ...errors import FoveateError, check_range
from ...tree import Tree
from ..nn.cores.npi import NPI
from ..nn.encoders import MLP, Encoder
from ..nn.heads import ProgramHead
from .policy import WHOLE, Policy


class ProgramEncoder(Encoder):
    """What is seen and the arguments through fully connected layers, the program as an embedding, the depth as it is.

    Args:
        space: Dict with the parts `program` and `depth`, both Discrete, and others.
        layers: units of each layer, s_t = f_enc(e_t, a_t) (1).
        embedding: numbers that stand for a program, p_t = M^prog_i (4).
    """

    def __init__(self, space: spaces.Dict, layers: tuple[int, ...], embedding: int):
        super().__init__()
        program, depth = space["program"], space["depth"]
        assert isinstance(program, spaces.Discrete)
        assert isinstance(depth, spaces.Discrete)
        rest = spaces.Dict({name: part for name, part in space.spaces.items() if name not in ("program", "depth")})
        self.seen, self.programs = MLP(rest, layers), nn.Embedding(int(program.n), embedding)
        self.levels = int(depth.n)
        self.output_size = self.seen.output_size + embedding + self.levels

    def forward(self, observation: Tree) -> Tensor:
        seen = self.seen({name: part for name, part in observation.items() if name not in ("program", "depth")})
        depth = F.one_hot(observation["depth"].long(), self.levels).to(seen.dtype)
        return torch.cat([seen, self.programs(observation["program"].long()), depth], -1)  # (N, output_size)


class NPIAgent(Policy):
    """Calls programs and is itself the program that was called, until it stops; the world keeps the stack.

    Args:
        observation_space: Dict with `program`, which one is on top of the stack, and `depth`, how many wait below it,
            both Discrete, and what else there is to see, its arguments among it.
        action_space: MultiDiscrete: the program that is called, its arguments, whether to stop.
        encoder: units of the layers between what is seen and the core.
        embedding: numbers that stand for a program.
        keys: numbers by which a program is found.
        hidden: units of the core.

    Source:
        Reed & de Freitas 2016, "Neural programmer-interpreters".
    """

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        *,
        encoder: tuple[int, ...] = (128,),
        embedding: int = 32,
        keys: int = 32,
        hidden: int = 128,
    ):
        check_range("embedding", embedding, 1)
        check_range("keys", keys, 1)
        parts = observation_space.spaces if isinstance(observation_space, spaces.Dict) else {}
        if not all(isinstance(parts.get(name), spaces.Discrete) for name in ("program", "depth")):
            raise FoveateError(
                "this agent is told which program runs: observations must be a Dict with program and depth, both "
                f"Discrete, got {observation_space}. Memory/ScratchPad-v0 has them, with calls."
            )
        if not isinstance(action_space, spaces.MultiDiscrete):
            raise FoveateError(f"this agent calls programs: actions must be a MultiDiscrete, got {action_space}.")
        layers = ProgramEncoder(spaces.Dict(parts), encoder, embedding)
        core = NPI(layers.output_size - layers.levels, hidden, levels=layers.levels)
        head = ProgramHead(core.output_size, action_space, keys=keys)
        super().__init__(observation_space, action_space, layers, core, {WHOLE: head})
