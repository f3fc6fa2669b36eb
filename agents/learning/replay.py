"""The replay memory of Q-learning: what of it goes to the device, and how a checkpoint keeps it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import DictReplayBuffer, ReplayBuffer
from torch import Tensor

from ... import tree
from ...envs.observations import as_tensor
from ...tree import Tree

COLUMNS = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


class ReplayMemory(ReplayBuffer):
    """Stable-Baselines3's, but that a number alone is an observation too, and no float64 goes to the device."""

    def __init__(self, buffer_size: int, observation_space: spaces.Space, *args: Any, **kwargs: Any):
        super().__init__(buffer_size, _with_shape(observation_space), *args, **kwargs)

    def add(self, obs: Tree, next_obs: Tree, *args: Any) -> None:
        super().add(self._rows(obs), self._rows(next_obs), *args)

    def _rows(self, seen: np.ndarray) -> np.ndarray:
        return seen.reshape(self.observations.shape[1:])

    def to_torch(self, array: np.ndarray, copy: bool = True) -> Tensor:
        return as_tensor(array, "replay memory", self.device)


class DictReplayMemory(DictReplayBuffer):
    """The same for Dict observations."""

    def __init__(self, buffer_size: int, observation_space: spaces.Dict, *args: Any, **kwargs: Any):
        parts = {name: _with_shape(part) for name, part in observation_space.spaces.items()}
        super().__init__(buffer_size, spaces.Dict(parts), *args, **kwargs)

    def add(self, obs: Tree, next_obs: Tree, *args: Any) -> None:
        super().add(self._rows(obs), self._rows(next_obs), *args)

    def _rows(self, seen: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: seen[name].reshape(kept.shape[1:]) for name, kept in self.observations.items()}

    def to_torch(self, array: np.ndarray, copy: bool = True) -> Tensor:
        return as_tensor(array, "replay memory", self.device)


def _with_shape(space: spaces.Space) -> spaces.Space:
    """A space of numbers alone, shape (), as one of vectors of one."""
    if isinstance(space, spaces.Box) and space.shape == ():
        return spaces.Box(space.low.reshape(1), space.high.reshape(1), dtype=space.dtype.type)
    return space


def memory_class(space: spaces.Space) -> type[ReplayBuffer]:
    """The replay memory for observations of a space."""
    return DictReplayMemory if isinstance(space, spaces.Dict) else ReplayMemory


def saved_memory(memory: ReplayBuffer) -> dict[str, Tensor]:
    """The filled part of a replay memory by name, in the memory's own storage: (n, B, …) each, and `place`."""
    filled = memory.buffer_size if memory.full else memory.pos
    tensors = {name: torch.from_numpy(array[:filled]) for name, array in _arrays(memory).items()}
    return {**tensors, "place": torch.tensor([memory.pos, memory.full])}


def memory_bytes(memory: ReplayBuffer) -> int:
    """What it takes when it is full."""
    return sum(array.nbytes for array in _arrays(memory).values())


def load_memory(memory: ReplayBuffer, saved: Mapping[str, Tensor]) -> None:
    """Fill a replay memory with a saved one.

    Raises:
        KeyError: a part is missing.
        ValueError: a part is of another memory.
    """
    position, full = (int(n) for n in saved["place"])
    arrays, size = _arrays(memory), memory.buffer_size
    filled = size if full else position
    if full not in (0, 1) or not 0 <= position < size:
        raise ValueError(f"a replay memory of {size} steps can't be at {position}")
    for name, array in arrays.items():
        part = saved[name].numpy()
        if part.shape != (filled, *array.shape[1:]) or part.dtype != array.dtype:
            raise ValueError(f"{name} of the replay memory is {part.dtype} {list(part.shape)}")
    for name, array in arrays.items():
        array[:filled] = saved[name].numpy()
    memory.pos, memory.full = position, bool(full)


def _arrays(memory: ReplayBuffer) -> dict[str, np.ndarray]:
    return tree.flatten_names({name: getattr(memory, name) for name in COLUMNS})


# ---- the random numbers that Stable-Baselines3 draws from NumPy ----


def random_state(space: spaces.Space) -> dict[str, Tensor]:
    """NumPy's global generator, which replays and explores, and that of an action space, which acts at random."""
    _, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)  # noqa: NPY002  # Stable-Baselines3's
    own = space.np_random.bit_generator.state  # PCG64's, two numbers of 128 bits
    numbers = [own["state"]["state"], own["state"]["inc"]]
    return {
        "numpy.keys": torch.from_numpy(np.asarray(keys).astype(np.int64)),
        "numpy.place": torch.tensor([position, has_gauss]),
        "numpy.gauss": torch.tensor(gauss, dtype=torch.float64),
        "actions.numbers": torch.tensor([list(n.to_bytes(16, "little")) for n in numbers], dtype=torch.uint8),
        "actions.left": torch.tensor([own["has_uint32"], own["uinteger"]]),
    }


def set_random_state(space: spaces.Space, saved: Mapping[str, Tensor]) -> None:
    """Put both generators into a saved state.

    Raises:
        KeyError: a part is missing.
        ValueError: a part is of another generator.
    """
    position, has_gauss = (int(n) for n in saved["numpy.place"])
    keys = saved["numpy.keys"].numpy().astype(np.uint32)
    np.random.set_state(("MT19937", keys, position, has_gauss, float(saved["numpy.gauss"])))  # noqa: NPY002
    state, inc = (int.from_bytes(bytes(row), "little") for row in saved["actions.numbers"].tolist())
    has_uint32, uinteger = (int(n) for n in saved["actions.left"])
    own = {"state": state, "inc": inc}
    space.np_random.bit_generator.state = {
        "bit_generator": "PCG64",
        "state": own,
        "has_uint32": has_uint32,
        "uinteger": uinteger,
    }
