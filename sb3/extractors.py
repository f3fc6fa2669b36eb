"""Our networks as Stable-Baselines3's features extractors, for its algorithms without a memory of their own."""

from typing import Literal

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor

from ..agents.nn.attention.glimpse import GlimpseNetwork
from ..agents.nn.cores import CORES, RecurrentCores, make_core
from ..agents.nn.encoders import MLP, ConvNet, FlatEncoder
from ..errors import FoveateError, check_choice
from ..introspect import check_options
from ..tree import Tree


class EncoderExtractor(BaseFeaturesExtractor):
    """One of our encoders: RAM's glimpse network, a convolutional network for images of any size, or plain layers.

        PPO("MultiInputPolicy", env, policy_kwargs={"features_extractor_class": EncoderExtractor})

    Args:
        observation_space: a Dict with `glimpse` and `location`, images, or anything that is flattened.
        encoder: "glimpse" (which leaves an `overview` out), "cnn" or "mlp"; "auto" takes the first that fits.
        features: size of the glimpse vector, or of each layer of the "mlp".
        layers: how many layers the "mlp" has.
        architecture: of the "cnn", as in our `cnn` agent: "modern" (any size), "paper" or "nature".
    """

    def __init__(
        self,
        observation_space: spaces.Space,
        encoder: Literal["auto", "glimpse", "cnn", "mlp"] = "auto",
        features: int = 256,
        layers: int = 1,
        architecture: Literal["modern", "paper", "nature"] = "modern",
    ):
        check_choice("encoder", encoder, ["auto", "glimpse", "cnn", "mlp"])
        if encoder == "auto":
            encoder = _fitting(observation_space)
        network: GlimpseNetwork | ConvNet | MLP
        if encoder == "glimpse":
            network = GlimpseNetwork(_as_preprocessed(observation_space), 128, 128, features)
        elif encoder == "cnn":
            network = ConvNet(observation_space, architecture)
        else:
            network = MLP(_as_preprocessed(observation_space), [features] * layers)
        super().__init__(observation_space, network.output_size)
        self.encoder = network

    def forward(self, observations: Tree) -> Tensor:
        return self.encoder(observations)


class CoreExtractor(BaseFeaturesExtractor):
    """One of our cores, run from its initial state over a window of observations: memory for PPO, A2C and DQN.

    The environment must show a window, as Gymnasium's ``FrameStackObservation(env, 8)`` does (and
    ``gymnasium.wrappers.vector``'s of the same purpose). What lies before it is forgotten.

    Args:
        observation_space: Box (window, …): the last observations, the newest last.
        core: "rnn", "lstm", "gru", "ntm", "dnc", "transformer" or "bytenet".
        hidden: its units.
        core_kwargs: its own options.
    """

    def __init__(
        self,
        observation_space: spaces.Space,
        core: RecurrentCores = "gru",
        hidden: int = 128,
        core_kwargs: dict[str, object] | None = None,
    ):
        if not isinstance(observation_space, spaces.Box) or len(observation_space.shape) < 2:
            raise FoveateError(
                f"CoreExtractor needs a window of observations, Box (window, …), got {observation_space}."
            )
        check_choice("core", core, [name for name in CORES if name != "none"])
        check_options(CORES[core], core_kwargs or {}, core)
        low, high = observation_space.low[0], observation_space.high[0]
        flat = FlatEncoder(spaces.Box(low, high, dtype=low.dtype.type))
        network = make_core(core, flat.output_size, hidden, **(core_kwargs or {}))
        super().__init__(observation_space, network.output_size)
        self.core = network

    def forward(self, observations: Tensor) -> Tensor:
        x = observations.flatten(2).transpose(0, 1).float()  # (T, B, D)
        none = torch.zeros(x.shape[:2], dtype=torch.bool, device=x.device)
        y = self.core(x, self.core.initial_state(x.shape[1], x.device), none).y
        return y[-1]  # (B, H)


def _fitting(space: spaces.Space) -> Literal["glimpse", "cnn", "mlp"]:
    if isinstance(space, spaces.Dict) and {"glimpse", "location"} <= set(space.spaces):
        return "glimpse"
    return "cnn" if isinstance(space, spaces.Box) and len(space.shape) == 3 else "mlp"


def _as_preprocessed(space: spaces.Space) -> spaces.Space:
    """What Stable-Baselines3 hands to an extractor: numbers are one-hot floats already."""
    if isinstance(space, spaces.Dict):
        return spaces.Dict({name: _as_preprocessed(part) for name, part in space.spaces.items()})
    if isinstance(space, spaces.Discrete):
        return spaces.Box(0.0, 1.0, (int(space.n),))
    if isinstance(space, spaces.MultiDiscrete):
        return spaces.Box(0.0, 1.0, (int(space.nvec.sum()),))
    return space
