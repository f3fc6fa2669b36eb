"""Gymnasium's two classes of an environment, derived once for all worlds: a gymnasium.Env and a VectorEnv.

    DigitsEnv, DigitsVectorEnv = env_classes(Digits)

gives two classes fit for `entry_point` and `vector_entry_point` of ``gymnasium.register``.
"""

from collections.abc import Sequence

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from torch import Tensor

from ..errors import FoveateError, check_choice
from ..tree import Tree, outside_inference
from ..tree import map as map_leaves
from .actions import WholeNumbersReader, batch_of_one
from .autoreset import Autoreset, Outcome
from .batch import BatchWorld, State
from .counter_rng import world_key
from .info import Masked
from .later import Later
from .output import OUTPUTS, Step
from .protocols import Info
from .solo import Solo
from .spaces import action_reader
from .world_env import RENDER_MODES, WorldEnv

Seed = int | Sequence[int | None] | None


class GymEnv(WorldEnv, gym.Env):
    """One world as a ``gymnasium.Env``: a batch of one, numpy in and out.

    Args:
        render_mode: None, "rgb_array" or "human" (a window, which needs a display).
        relevance: whether `info` holds the ground truth of what matters.
        device: where the world's tensors live.
        **task: the arguments of the world class.
    """

    metadata = {"render_modes": RENDER_MODES, "render_fps": 4}

    def __init__(self, *, render_mode: str | None = None, relevance: bool = False, device: str = "cpu", **task: object):
        self._open(1, render_mode, relevance, device, task)
        self.observation_space = self.world.observation_space
        self.action_space = self.world.action_space
        self._read = action_reader(self.action_space, 1, self.world.device)
        self._solo: Solo | None = None
        self.metadata = {**self.metadata, "render_fps": self.world.render_fps}

    @outside_inference
    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Tree, Info]:
        """Begin an episode; the same seed gives the same sequence of episodes."""
        super().reset(seed=seed)
        keys = None
        if seed is not None or not self.world.begun:
            keys = torch.tensor([world_key(seed) if seed is not None else int(self.np_random.integers(1 << 62))])
        self.world.reset(keys=keys)
        return self._present()

    @outside_inference
    def step(self, action: Tree) -> tuple[Tree, float, bool, bool, Info]:
        """Make one step; see the world's docstring for actions and rewards."""
        solo = self._solo_now()
        if bool(self.world.over[0]) if solo is None else solo.over:
            raise ResetNeeded("the episode is over (or has not begun): call reset() before step().")
        if solo is not None and isinstance(self._read, WholeNumbersReader):
            numbers = self._read.numbers(batch_of_one(action))
            if not isinstance(numbers, Tensor):
                return self._solo_step(solo, numbers[0])
        reward, terminated, truncated = self.world.step(self._read(batch_of_one(action)))
        observation, info = self._present()
        return observation, reward.item(), bool(terminated), bool(truncated), info

    def _solo_now(self) -> Solo | None:
        """The world alone, where it can be played so: on a CPU, by actions of whole numbers, with nothing to show."""
        if self._solo is not None and self._solo.valid():
            return self._solo
        fit = self.world.device.type == "cpu" and self.world.begun and self.render_mode is None
        self._solo = self.world.solo() if fit and isinstance(self._read, WholeNumbersReader) else None
        return self._solo

    def _solo_step(self, solo: Solo, action: np.ndarray) -> tuple[Tree, float, bool, bool, Info]:
        reward, terminated, truncated = solo.step(action)
        info = {} if solo.over else solo.annotate()
        if not solo.over:
            for name, relevance in self._relevance.items():
                info[name] = relevance(solo.state)[0].numpy()
        if self._score is not None:
            info["score"] = solo.score()
        return solo.observe(), reward, terminated, truncated, info

    def _present(self) -> tuple[Tree, Info]:
        if self.render_mode == "human":
            self.render()
        present = {name: value[0] for name, (value, mask) in self._masked_info().items() if bool(mask[0])}
        info: Info = {name: v.item() if v.ndim == 0 else v.cpu().numpy() for name, v in present.items()}
        return self._observation(), info

    def _observation(self) -> Tree:
        return map_leaves(
            lambda x: x[0].cpu().numpy()[()], self.world.observe(self.world.state)
        )  # numbers as NumPy's own

    def render(self) -> np.ndarray | None:  # type: ignore[override]
        """The picture of the present ("rgb_array": uint8 (H, W, 3)), or a window that shows it ("human")."""
        return self._render_one(self.spec.id if self.spec else type(self).__name__)

    def close(self) -> None:
        """Close the window, if there is one."""
        self._close_window()

    def get_state(self) -> dict[str, Tensor]:
        """The whole state of the world, for `set_state`."""
        return self.world.get_state(0)

    def set_state(self, state: dict[str, Tensor]) -> None:
        """Go back to a state that `get_state` returned."""
        self.world.set_state(0, state)


class WorldVectorEnv(WorldEnv, gym.vector.VectorEnv):
    """The base of the vector environments: a subclass says which rows the worlds have.

    Attributes:
        output: "numpy" or "torch".
        team: how many neighbouring rows are agents of one world that share the credit; 1 where none do.
        rows: how many rows a world has.
        autoreset: what steps the worlds.
    """

    team: int = 1
    rows: int = 1

    def __init__(
        self,
        num_envs: int = 1,
        *,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        output: str = "numpy",
        render_mode: str | None = None,
        relevance: bool = False,
        device: str = "cpu",
        max_episode_steps: int | None = None,
        **task: object,
    ):
        check_choice("output", output, list(OUTPUTS))
        mode = autoreset_mode.value if isinstance(autoreset_mode, AutoresetMode) else autoreset_mode
        check_choice("autoreset_mode", mode, [known.value for known in AutoresetMode])
        self._open(num_envs, render_mode, relevance, device, task, max_episode_steps)
        self.output, self._output = output, OUTPUTS[output]
        self.autoreset_mode = AutoresetMode(mode)
        self.metadata = {
            "render_modes": RENDER_MODES,
            "render_fps": self.world.render_fps,
            "autoreset_mode": self.autoreset_mode,
        }
        self.single_observation_space, self.single_action_space = self._row_spaces()
        self.num_envs = self.world.num_worlds * self.rows
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._read = action_reader(self.single_action_space, self.num_envs, self.world.device)
        self.autoreset = Autoreset(
            self.world, self.autoreset_mode, self._read_rows, self._observed, self._info_of, bool(self._relevance)
        )

    # ---- what a subclass says of its rows; here one row is one world ----

    def _row_spaces(self) -> tuple[spaces.Space, spaces.Space]:
        """The spaces of one row's observation and action; called once, and may set `rows` and `team`."""
        return self.world.observation_space, self.world.action_space

    def _read_rows(self, actions: Tree) -> Tree:
        """Actions of all rows, as the worlds want them."""
        return self._read(actions)

    def _observed(self, state: State) -> Tree:
        """What is seen of a state, by rows."""
        return self.world.observe(state)

    def _world_mask(self, rows: Tensor) -> Tensor:
        """The worlds that a mask of rows means, bool (B,)."""
        return rows

    def _in_rows(self, outcome: Outcome) -> Outcome:
        """What a step brought, by rows; observations are already."""
        return outcome

    def _present(self) -> tuple[Tree, Later[Masked]]:
        """The present observation and `info`, by rows."""
        return self._observed(self.world.state), self._later_info()

    # ---- the Gymnasium interface ----

    @outside_inference
    def reset(self, *, seed: Seed = None, options: dict | None = None) -> tuple[Tree, Info]:
        """Begin episodes in all worlds, or in those of ``options["reset_mask"]``, bool (num_envs,).

        Args:
            seed: an int s (world i gets s + i), a list with an int or None for each world, or None. Where there is
                no seed a world goes on with its own, and begins with one by chance.
            options: may hold "reset_mask".

        Raises:
            FoveateError: a mask or a list of seeds that doesn't fit.
        """
        if isinstance(seed, (int, np.integer)):
            super().reset(seed=int(seed))
        mask = None if options is None else options.get("reset_mask")
        if mask is not None:
            mask = torch.as_tensor(mask, device=self.world.device)
            if mask.dtype != torch.bool or mask.shape != (self.num_envs,):
                raise FoveateError(
                    f"options['reset_mask'] must be bool of shape ({self.num_envs},), "
                    f"got {mask.dtype} of shape {tuple(mask.shape)}."
                )
            mask = self._world_mask(mask)
        keys, given = self._keys(seed)
        if given is None:
            self.autoreset.reset(mask, keys)
        else:  # some begin anew with their seeds, the others go on
            wanted = torch.ones_like(given) if mask is None else mask
            for some, with_keys in ((wanted & given, keys), (wanted & ~given, None)):
                if bool(some.any()):
                    self.autoreset.reset(some, with_keys)
        return self.observe()

    def _keys(self, seed: Seed) -> tuple[Tensor | None, Tensor | None]:
        """The worlds' keys, int64 (B,), and which worlds get theirs, bool (B,).

        No keys where all worlds go on with their own, and no mask where all get theirs.
        """
        count = self.world.num_worlds
        if seed is None:
            seed = [None] * count
        elif isinstance(seed, (int, np.integer)):
            seed = [int(seed) + i for i in range(count)]
        elif isinstance(seed, (str, bytes)) or not isinstance(seed, (Sequence, np.ndarray)):
            raise FoveateError(f"seed={seed!r} is not allowed: it must be a whole number, a list of them, or None.")
        if len(seed) != count:
            raise FoveateError(f"seed lists {len(seed)} seeds, allowed is one for each of {count} worlds.")
        given = [s is not None for s in seed]
        if not self.world.begun:  # whoever is given no seed begins with one by chance
            chance = int(self.np_random.integers(1 << 62)) if not all(given) else 0
            seed, given = [chance + i if s is None else s for i, s in enumerate(seed)], [True] * count
        if not any(given):
            return None, None
        keys = torch.tensor([world_key(0 if s is None else s) for s in seed], device=self.world.device)
        return keys, None if all(given) else torch.tensor(given, device=self.world.device)

    @outside_inference
    def step(self, actions: Tree) -> Step:
        """Step all worlds; actions are clipped or refused as `action_reader` says."""
        return self._output.stepped(self._in_rows(self.autoreset.step(actions)))

    @outside_inference
    def observe(self) -> tuple[Tree, Info]:
        """The present again, as `reset` gave it or the last step left it; nothing advances."""
        return self._output.observed(*self._present())

    def _observation(self) -> Tree:
        return self.observe()[0]

    def render(self) -> tuple[np.ndarray, ...] | None:
        """One picture a world: a tuple of uint8 (H, W, 3); in "human" mode a window shows the first."""
        if self.render_mode is None:
            return None
        self._check_begun()
        if self.render_mode == "rgb_array":
            return tuple(self.world.frame(i) for i in range(self.world.num_worlds))
        self._show(self.spec.id if self.spec else type(self).__name__)
        return None

    def close_extras(self, **kwargs: object) -> None:
        """Close the window, if there is one."""
        self._close_window()

    def state_dict(self) -> dict[str, Tensor]:
        """The state of all worlds, for an exact resume."""
        return self.world.state_dict()

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Go on from a `state_dict`."""
        self.autoreset.load_state_dict(saved)


class VectorEnv(WorldVectorEnv):
    """Many worlds as a native ``gymnasium.vector.VectorEnv``.

    ``reset(seed=s)`` seeds world i with s + i: it then lives through the episodes of the single environment seeded so.

    Args:
        num_envs: how many worlds.
        autoreset_mode: "NextStep" (Gymnasium's default), "SameStep" or "Disabled"; with the last,
            ``reset(options={"reset_mask": mask})`` resets some worlds.
        output: "numpy", or "torch" for tensors on `device` without a copy.
        render_mode: None, "rgb_array" or "human".
        relevance: whether `info` holds the ground truth of what matters.
        device: where the tensors live.
        max_episode_steps: steps after which an episode is truncated, as in ``gym.make``; None leaves it to the world.
        **task: the arguments of the world class.
    """


def env_classes(world_class: type[BatchWorld]) -> tuple[type[GymEnv], type[VectorEnv]]:
    """The entry points of a world: a class for ``gym.make`` and a class for ``gym.make_vec``."""
    body = {"world_class": world_class, "__doc__": world_class.__doc__, "__module__": world_class.__module__}
    single = type(f"{world_class.__name__}Env", (GymEnv,), body)
    vector = type(f"{world_class.__name__}VectorEnv", (VectorEnv,), body)
    return single, vector
