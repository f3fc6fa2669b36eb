"""The two faces of a batch of worlds, derived once for all tasks: a gymnasium.Env and a VectorEnv.

    DigitsEnv, DigitsVectorEnv = env_classes(Digits)

gives two classes fit for `entry_point` and `vector_entry_point` of ``gymnasium.register``.
"""

from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import torch
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from torch import Tensor

from ..errors import FoveateError, check_choice
from ..introspect import check_options
from ..viz.window import Window, check_display
from .batch import BatchWorld, Tensors
from .counter_rng import world_key
from .info import Masked, numpy_final, numpy_info, with_masks
from .protocols import Gaze, RetinaWorld, TakesInterventions
from .tensors import action_reader, batch_of_one, pick, to_numpy

RENDER_MODES = ["human", "rgb_array"]


class WorldEnv:
    """What both faces share: the worlds, their information, their pictures."""

    world_class: ClassVar[type[BatchWorld]]
    _seeded: bool
    _window: Window | None

    def _open(
        self, num_worlds: int, render_mode: str | None, relevance: bool, device: str, task: dict[str, Any]
    ) -> None:
        check_options(self.world_class, task, self.world_class.__name__)
        if render_mode is not None:
            check_choice("render_mode", render_mode, RENDER_MODES)
        if render_mode == "human":
            check_display()
        self.render_mode = render_mode
        self.world = self.world_class(**task)
        self.world.build(num_worlds, device, keep_trail=render_mode is not None)
        self._read = action_reader(self.world.action_space, num_worlds, self.world.device)
        self.with_relevance = relevance

    def gaze(self) -> Gaze | None:
        """Where the agent looks, in a world that is seen through a retina; None in any other."""
        return self.world.gaze(self.world.state) if isinstance(self.world, RetinaWorld) else None

    def intervene(self, kind: str, name: str, amount: float | None = None) -> Any:
        """Do something to one of the world's objects, now and in all frames still seen; returns the observation.

        Args:
            kind: "remove", "move", "shift" or "set", whichever the world knows for the object (else a FoveateError).
            name: the object, for example "near cars".
            amount: how far, or to what; None takes the usual amount.
        """
        if not isinstance(self.world, TakesInterventions):
            raise FoveateError(f"{type(self.world).__name__} has no interventions; the Probe worlds have.")
        if not self.world.begun:
            raise ResetNeeded("no episode has begun: call reset() before intervene().")
        self.world.replace(self.world.intervene(self.world.state, kind, name, amount))
        return self._seen()

    def _render_one(self, title: str) -> np.ndarray | None:
        """The picture of the only world, or a window with this title that shows it."""
        if self.render_mode is None:
            gym.logger.warn('render() without a render_mode: pass render_mode="rgb_array".')
            return None
        if not self._seeded:
            raise ResetNeeded("no episode has begun: call reset() before render().")
        frame = self.world.frame(0)
        if self.render_mode == "rgb_array":
            return frame
        self._window = self._window or Window(title)
        self._window.show(frame, self.world.render_fps)
        return None

    def _seen(self) -> Any:
        """The observation of this moment."""
        raise NotImplementedError

    def _masked_info(self) -> Masked:
        world = self.world
        playing = ~world.over
        info = {name: (value, playing) for name, value in world.annotate(world.state).items()}
        if self.with_relevance:
            info |= {name: (value, playing) for name, value in world.relevances(world.state).items()}
        if type(world).score is not BatchWorld.score:
            info["score"] = (world.score(world.state), world.clock > 0)
        return info


class GymEnv(WorldEnv, gym.Env):
    """One world as a ``gymnasium.Env``: a batch of one, numpy in and out.

    Args:
        render_mode: None, "rgb_array" or "human" (a window, which needs a display).
        relevance: whether `info` holds the ground truth of what matters.
        device: where the world's tensors live.
        **task: the arguments of the world class.
    """

    metadata: dict[str, Any] = {"render_modes": RENDER_MODES, "render_fps": 4}

    def __init__(self, *, render_mode: str | None = None, relevance: bool = False, device: str = "cpu", **task: Any):
        self._open(1, render_mode, relevance, device, task)
        self.observation_space = self.world.observation_space
        self.action_space = self.world.action_space
        self.metadata = {**self.metadata, "render_fps": self.world.render_fps}
        self._seeded = False
        self._window: Window | None = None

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; the same seed gives the same sequence of episodes."""
        super().reset(seed=seed)
        keys = None
        if seed is not None or not self._seeded:
            keys = torch.tensor([world_key(seed) if seed is not None else int(self.np_random.integers(1 << 62))])
            self._seeded = True
        self.world.reset(keys=keys)
        return self._observation(), self._info()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Make one step; see the world's docstring for actions and rewards."""
        if not self._seeded or bool(self.world.over[0]):
            raise ResetNeeded("the episode is over (or has not begun): call reset() before step().")
        reward, terminated, truncated = self.world.step(self._read(batch_of_one(action)))
        return self._observation(), reward.item(), bool(terminated), bool(truncated), self._info()

    def _observation(self) -> Any:
        if self.render_mode == "human":
            self.render()
        return self._seen()

    def _seen(self) -> Any:
        return to_numpy(pick(self.world.observe(self.world.state), 0))

    def _info(self) -> dict[str, Any]:
        present = {name: value[0] for name, (value, mask) in self._masked_info().items() if bool(mask[0])}
        return {name: value.item() if value.ndim == 0 else to_numpy(value) for name, value in present.items()}

    def render(self) -> np.ndarray | None:  # type: ignore[override]
        """The picture of this moment ("rgb_array": uint8 (H, W, 3)), or a window that shows it ("human")."""
        return self._render_one(self.spec.id if self.spec else type(self).__name__)

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._window is not None:
            self._window.close()

    def get_state(self) -> dict[str, Tensor]:
        """The whole state of the world, for `set_state`."""
        return self.world.get_state(0)

    def set_state(self, state: dict[str, Tensor]) -> None:
        """Go back to a state that `get_state` returned."""
        self._seeded = True
        self.world.set_state(0, state)


class VectorEnv(WorldEnv, gym.vector.VectorEnv):
    """Many worlds as a native ``gymnasium.vector.VectorEnv``.

    ``reset(seed=s)`` seeds world i with s + i: it then lives through the episodes of the single face seeded so.

    Args:
        num_envs: how many worlds.
        autoreset_mode: "NextStep" (Gymnasium's default), "SameStep" or "Disabled"; with the last,
            ``reset(options={"reset_mask": mask})`` resets some worlds.
        output: "numpy", or "torch" for tensors on `device` without a copy.
        render_mode: None, "rgb_array" or "human".
        relevance: whether `info` holds the ground truth of what matters.
        device: where the tensors live.
        **task: the arguments of the world class.
    """

    def __init__(
        self,
        num_envs: int = 1,
        *,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        output: str = "numpy",
        render_mode: str | None = None,
        relevance: bool = False,
        device: str = "cpu",
        **task: Any,
    ):
        check_choice("output", output, ["numpy", "torch"])
        mode = getattr(autoreset_mode, "value", autoreset_mode)
        check_choice("autoreset_mode", mode, [known.value for known in AutoresetMode])
        self._open(num_envs, render_mode, relevance, device, task)
        self.num_envs = num_envs
        self.output, self.team = output, 1
        self.autoreset_mode = AutoresetMode(mode)
        self.metadata = {
            "render_modes": RENDER_MODES,
            "render_fps": self.world.render_fps,
            "autoreset_mode": self.autoreset_mode,
        }
        self.single_observation_space = self.world.observation_space
        self.single_action_space = self.world.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.keep_ended_state, self.ended_state = False, None  # SameStep: the states that episodes ended in, on request
        self._seeded = False
        self._ended: bool | None = True  # as BatchWorld.ended after the last step
        self._window: Window | None = None

    # ---- the Gymnasium interface, in numpy or in tensors ----

    def reset(self, *, seed: Any = None, options: dict | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin episodes in all worlds, or in those of ``options["reset_mask"]`` (bool, (B,)).

        Args:
            seed: an int s (world i gets s + i), a list with an int or None for each world, or None to go on.
            options: may hold "reset_mask".
        """
        if isinstance(seed, (int, np.integer)):
            super().reset(seed=int(seed))
        self._begin(seed, None if options is None else options.get("reset_mask"))
        return self.observe()

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Step all worlds; actions are clipped or refused as `action_reader` says."""
        observation, reward, terminated, truncated, info, final = self._step(actions)
        if self.output == "torch":
            extra = {}
            if final is not None:
                final_observation, final_info, ended = final
                extra = {"final_obs": final_observation, "final_info": with_masks(final_info)}
                extra |= {"_final_obs": ended, "_final_info": ended}
            return observation, reward, terminated, truncated, {**with_masks(info), **extra}
        extra = {} if final is None else numpy_final(*final)
        return (
            to_numpy(observation),
            to_numpy(reward).astype(np.float64),
            to_numpy(terminated).copy(),
            to_numpy(truncated).copy(),
            {**numpy_info(info), **extra},
        )

    def _begin(self, seed: Any, mask: Any) -> None:
        if mask is not None:
            mask = torch.as_tensor(mask, device=self.world.device)
            if mask.dtype != torch.bool or mask.shape != (self.num_envs,):
                raise FoveateError(
                    f"options['reset_mask'] must be bool of shape ({self.num_envs},), "
                    f"got {mask.dtype} of shape {tuple(mask.shape)}."
                )
        self.world.reset(mask, self._keys(seed, mask))
        self._ended = False if mask is None else None

    def _keys(self, seed: Any, mask: Tensor | None) -> Tensor | None:
        if seed is None and self._seeded:
            return None
        if seed is None:
            seed = int(self.np_random.integers(1 << 62))
        if isinstance(seed, (int, np.integer)):
            seed = [int(seed) + i for i in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise FoveateError(f"seed lists {len(seed)} seeds, allowed is one for each of {self.num_envs} worlds.")
        if any(s is None for s in seed):
            if not self._seeded or not all(s is None for s in seed):
                raise FoveateError("seed must be an int, or a list of ints only, or None.")
            return None
        self._seeded = True
        return torch.tensor([world_key(s) for s in seed])

    def _step(
        self, actions: Any
    ) -> tuple[Tensors, Tensor, Tensor, Tensor, Masked, tuple[Tensors, Masked, Tensor] | None]:
        world, mode = self.world, self.autoreset_mode
        if not self._seeded:
            raise ResetNeeded("no episode has begun: call reset() before step().")
        if mode is AutoresetMode.DISABLED and self._ended is not False and bool(world.over.any()):
            raise ResetNeeded(
                f"worlds {world.over.nonzero()[:, 0].tolist()} are over: reset them with options['reset_mask']."
            )
        if mode is AutoresetMode.NEXT_STEP and self._ended is True:  # all of them: this step is their reset
            world.reset()
            self._ended = False
            zero, no = (
                torch.zeros(self.num_envs, *world.reward_shape, device=world.device),
                torch.zeros_like(world.over),
            )
            return world.observe(world.state), zero, no, no.clone(), self._masked_info(), None
        ended_before = world.over if mode is AutoresetMode.NEXT_STEP and self._ended is None else None
        reward, terminated, truncated = world.step(self._read(actions))
        if ended_before is not None:
            world.reset(ended_before)
            reward = reward.masked_fill(ended_before.view(-1, *(1 for _ in world.reward_shape)), 0.0)
            terminated, truncated = terminated & ~ended_before, truncated & ~ended_before
        self._ended = world.ended()
        final = None
        if mode is AutoresetMode.SAME_STEP and self._ended is not False:
            ended = world.over
            if self.keep_ended_state:
                self.ended_state = world.true_state()
            final = (world.observe(world.state), self._masked_info(), ended)
            world.reset(None if self._ended else ended)
            self._ended = False
        return world.observe(world.state), reward, terminated, truncated, self._masked_info(), final

    def render(self) -> Any:
        """One picture a world: a tuple of uint8 (H, W, 3); in "human" mode a window shows the first."""
        if self.render_mode is None:
            return None
        if not self._seeded:
            raise ResetNeeded("no episode has begun: call reset() before render().")
        if self.render_mode == "rgb_array":
            return tuple(self.world.frame(i) for i in range(self.num_envs))
        self._window = self._window or Window(self.spec.id if self.spec else type(self).__name__)
        self._window.show(self.world.frame(0), self.world.render_fps)
        return None

    def close_extras(self, **kwargs: Any) -> None:
        """Close the window, if there is one."""
        if self._window is not None:
            self._window.close()

    def observe(self) -> tuple[Any, dict[str, Any]]:
        """The present moment again, as `reset` gave it or the last step left it; nothing advances."""
        info = self._masked_info()
        return self._seen(), with_masks(info) if self.output == "torch" else numpy_info(info)

    def _seen(self) -> Any:
        observation = self.world.observe(self.world.state)
        return observation if self.output == "torch" else to_numpy(observation)

    def state_dict(self) -> dict[str, Tensor]:
        """The state of all worlds, for an exact resume."""
        return self.world.state_dict()

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Go on from a `state_dict`."""
        self.world.load_state_dict(saved)
        self._seeded, self._ended = True, None


def env_classes(world_class: type[BatchWorld]) -> tuple[type[GymEnv], type[VectorEnv]]:
    """The entry points of a world: a class for ``gym.make`` and a class for ``gym.make_vec``."""
    body = {"world_class": world_class, "__doc__": world_class.__doc__, "__module__": world_class.__module__}
    single = type(f"{world_class.__name__}Env", (GymEnv,), body)
    vector = type(f"{world_class.__name__}VectorEnv", (VectorEnv,), body)
    return single, vector
