"""From a Gymnasium vector environment to Stable-Baselines3's VecEnv."""

import time
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env.base_vec_env import VecEnv, VecEnvIndices
from torch import Tensor

from ... import tree
from ...envs.info import last_observations
from ...envs.protocols import NativeVectorEnv
from ...errors import FoveateError
from ...tree import Tree


class GymVecEnv(VecEnv):
    """Any Gymnasium vector environment as a Stable-Baselines3 VecEnv, with episode statistics.

    All three autoreset modes are served. Stable-Baselines3 wants an episode's end and the next one's beginning from
    the same step: "SameStep" gives them, and with "Disabled" the ended worlds are reset at once (``reset_mask``).
    An environment that only knows "NextStep" (Gymnasium's own native ones) has each episode's end reported one step
    later, with its reset: an algorithm sees one more step of reward 0 in which its action does nothing, and
    `episode` doesn't count it.

    Terminal observations are in ``infos[i]["terminal_observation"]``, truncation in
    ``infos[i]["TimeLimit.truncated"]``; return, length and time of an ended episode are in
    ``infos[i]["episode"]``, so no Monitor is needed around it.

    Args:
        vector_env: native, or Gymnasium's SyncVectorEnv or AsyncVectorEnv; best with autoreset at the same step.
        full_info: whether `infos` also holds each running world's information, not only that of ended ones.
    """

    def __init__(self, vector_env: VectorEnv, full_info: bool = False):
        mode = vector_env.metadata.get("autoreset_mode")
        if not isinstance(mode, AutoresetMode):
            raise FoveateError(
                f"the environment's metadata must hold autoreset_mode, a gymnasium.vector.AutoresetMode, got {mode!r}."
            )
        self.vector_env, self._mode = vector_env, mode
        self._fresh = isinstance(vector_env, NativeVectorEnv)  # others may write the next observation over the last
        self._over = np.zeros(vector_env.num_envs, dtype=bool)  # NextStep: whose reset the next step is
        self._endings: dict[int, dict] = {}  # and what will be said of them
        self.full_info = full_info
        self._actions: Tree = None
        self._start = time.time()
        self._returns = np.zeros(vector_env.num_envs)
        self._lengths = np.zeros(vector_env.num_envs, dtype=np.int64)
        super().__init__(vector_env.num_envs, vector_env.single_observation_space, vector_env.single_action_space)

    def reset(self) -> Tree:
        """Reset all worlds; a seed given by `seed` is used once.

        Raises:
            FoveateError: `set_options` gave the worlds different options.
        """
        seeds: Tree = None if self._seeds[0] is None else [int(s) for s in self._seeds if s is not None]
        if seeds is not None and seeds == list(range(seeds[0], seeds[0] + len(seeds))):
            seeds = seeds[0]  # the same by Gymnasium's custom, and some vector environments take no list
        options = self._options[0] or None
        if any(other != self._options[0] for other in self._options):
            raise FoveateError(
                "the worlds of a vector environment are reset with the same options: set one dict for all."
            )
        observation, info = self.vector_env.reset(seed=seeds, options=options)
        self._returns[:], self._lengths[:], self._over[:] = 0.0, 0, False
        self.reset_infos = self._rows(tree.to_numpy(info), range(self.num_envs))
        self._reset_seeds()
        self._reset_options()
        return self._own(observation)

    def step_async(self, actions: Tree) -> None:
        if isinstance(actions, Sequence) and actions and hasattr(actions[0], "keys"):  # a list of dicts
            actions = {key: np.stack([action[key] for action in actions]) for key in actions[0]}
        elif isinstance(actions, dict):
            actions = dict(actions)
        self._actions = actions

    def step_wait(self) -> tuple[Tree, np.ndarray, np.ndarray, list[dict]]:
        *outcome, info = self.vector_env.step(self._actions)
        observation, reward, terminated, truncated = tree.to_numpy(tuple(outcome))
        observation = self._own(observation)
        reward = reward.astype(np.float32)
        ended = np.logical_or(terminated, truncated)
        self._returns += reward
        self._lengths += ~self._over
        where = np.flatnonzero(ended).tolist()
        if where or self.full_info or self._mode is AutoresetMode.NEXT_STEP:
            info = tree.to_numpy(info)
        infos: list[dict] = self._rows(info, range(self.num_envs)) if self.full_info else [{} for _ in ended]
        if self._mode is AutoresetMode.NEXT_STEP:
            done, reset = self._over, np.flatnonzero(self._over).tolist()
            for i, fresh in zip(reset, self._rows(info, reset), strict=True):
                infos[i], self.reset_infos[i] = self._endings.pop(i), fresh
            for i, last in zip(where, self._rows(info, where), strict=True):
                self._endings[i] = self._ending(
                    i, last, _pick(observation, i), bool(truncated[i] and not terminated[i])
                )
            self._over = ended
            return observation, reward, done, infos
        if not where:
            return observation, reward, ended, infos
        if self._mode is AutoresetMode.DISABLED:
            finals, last_info = [_pick(observation, i) for i in where], info
            observation, info = map(tree.to_numpy, self.vector_env.reset(options={"reset_mask": ended}))
            observation = self._own(observation)
        else:
            finals, last_info = last_observations(info, ended), info.get("final_info", {})
        rows = zip(where, finals, self._rows(last_info, where), self._rows(info, where), strict=True)
        for i, one, last, fresh in rows:
            infos[i] = self._ending(i, last, one, bool(truncated[i] and not terminated[i]))
            self.reset_infos[i] = fresh
        return observation, reward, ended, infos

    @property
    def observes(self) -> bool:
        """Whether the environment can be put back into a saved state, and says again what it shows then."""
        return self._fresh and self._mode is AutoresetMode.SAME_STEP

    def observe(self) -> Tree:
        """What the worlds show now, of an environment that `observes`."""
        assert isinstance(self.vector_env, NativeVectorEnv)
        return self._own(self.vector_env.observe()[0])

    def state_dict(self) -> dict[str, Tensor]:
        """The figures of the episodes that run; the environment has a state of its own."""
        return {"return": torch.from_numpy(self._returns.copy()), "length": torch.from_numpy(self._lengths.copy())}

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Go on from saved figures."""
        self._returns[:], self._lengths[:] = saved["return"].cpu().numpy(), saved["length"].cpu().numpy()

    def _own(self, observation: Tree) -> Tree:
        """Observations as arrays that stay as they are."""
        arrays = tree.to_numpy(observation)
        return arrays if self._fresh else tree.map(np.array, arrays)

    def _ending(self, i: int, last: dict, observation: Tree, cut: bool) -> dict:
        """What `infos` say of an ended episode; its statistics begin anew."""
        episode = {
            "r": round(float(self._returns[i]), 6),
            "l": int(self._lengths[i]),
            "t": round(time.time() - self._start, 6),
        }
        self._returns[i], self._lengths[i] = 0.0, 0
        return {**last, "terminal_observation": observation, "TimeLimit.truncated": cut, "episode": episode}

    def _rows(self, info: dict, which: Iterable[int]) -> list[dict]:
        """Gymnasium's dict of masked arrays as one dict a world."""
        names = [name for name in info if not name.startswith("_") and name not in ("final_obs", "final_info")]
        rows = []
        for i in which:
            present = [name for name in names if f"_{name}" not in info or info[f"_{name}"][i]]
            rows.append({name: info[name][i] for name in present if not isinstance(info[name], dict)})
        return rows

    def close(self) -> None:
        self.vector_env.close()

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[object]:
        """The vector environment's attribute, once for each world asked for.

        Raises:
            AttributeError: it has no such attribute.
        """
        value = getattr(self.vector_env, attr_name, None)
        if value is None and attr_name != "render_mode" and not hasattr(self.vector_env, attr_name):
            raise AttributeError(f"{self.vector_env} has no attribute {attr_name!r}.")
        return [value] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: object, indices: VecEnvIndices = None) -> None:
        """Set the attribute on the vector environment, which all worlds share.

        Raises:
            FoveateError: `indices` are given.
        """
        if indices is not None:
            raise FoveateError("the worlds of a native vector environment share their attributes: leave indices out.")
        setattr(self.vector_env, attr_name, value)

    def env_method(
        self, method_name: str, *args: object, indices: VecEnvIndices = None, **kwargs: object
    ) -> list[object]:
        """Call the method once and give its result for each world asked for (one by one if it is a tuple)."""
        result = getattr(self.vector_env, method_name)(*args, **kwargs)
        chosen = list(self._get_indices(indices))
        if isinstance(result, (tuple, list)) and len(result) == self.num_envs:
            return [result[i] for i in chosen]
        return [result] * len(chosen)

    def env_is_wrapped(self, wrapper_class: type, indices: VecEnvIndices = None) -> list[bool]:
        """True for Monitor, whose statistics this class keeps."""
        return [wrapper_class is Monitor] * len(list(self._get_indices(indices)))

    def get_images(self) -> Sequence[np.ndarray | None]:
        frames = self.vector_env.render()
        return [None] * self.num_envs if frames is None else [np.asarray(frame) for frame in frames]


def _pick(observation: Tree, i: int) -> Tree:
    """One world's observation, copied: some environments write the next one over it."""
    return tree.map(lambda value: np.array(value[i]), observation)
