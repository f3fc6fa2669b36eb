"""Real Atari games, by the Arcade Learning Environment: the usual frames, single or as a native vector environment.

The ids are the Arcade Learning Environment's own ("ALE/Enduro-v5"). It is an optional extra under the GPL:
``pip install "foveate[atari]"``. No objects are told apart: the one package that reads them from the games' memory
(OCAtari 2.2.1) asks for NumPy below 2, so relevance and interventions are left to the other worlds of this folder.
"""

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv

from ...errors import FoveateError, check_range, unknown
from ...introspect import Option, constructor_options

PREFIX = "ALE/"


class Atari:
    """How a game is played and seen: four grey frames of 84x84, each the brighter of two, one action for four.

    The same preprocessing for single and vector environments, from Machado et al. 2018 and Mnih et al. 2015: with the
    same actions they show the same frames, pixel by pixel.

    Args:
        sticky: probability that the action before is repeated (0.25 in Machado et al. 2018).
        noops: an episode begins with up to so many steps of doing nothing.
        stack: frames that are seen at once.
        episodic_life: a lost life ends the episode (while training).
        reward_clipping: rewards count by their sign (while training).
    """

    def __init__(
        self,
        *,
        sticky: float = 0.25,
        noops: int = 30,
        stack: int = 4,
        episodic_life: bool = False,
        reward_clipping: bool = True,
    ):
        check_range("sticky", sticky, 0.0, 1.0)
        check_range("noops", noops, 0)
        check_range("stack", stack, 1, 16)
        self.sticky, self.noops, self.stack = sticky, noops, stack
        self.episodic_life, self.reward_clipping = episodic_life, reward_clipping

    def single(self, env_id: str, render_mode: str | None = None) -> gym.Env:
        """One game as a ``gymnasium.Env``."""
        env = gym.make(env_id, render_mode=render_mode, frameskip=1, repeat_action_probability=self.sticky)
        env = gym.wrappers.AtariPreprocessing(
            env, noop_max=self.noops, frame_skip=4, terminal_on_life_loss=self.episodic_life
        )
        env = gym.wrappers.FrameStackObservation(env, self.stack, padding_type="zero")
        return (
            gym.wrappers.TransformReward(env, lambda reward: float(np.sign(float(reward))))
            if self.reward_clipping
            else env
        )

    def vector(self, env_id: str, count: int) -> VectorEnv:
        """Many games as a native vector environment, reset at the same step."""
        from ale_py.vector_env import AtariVectorEnv

        return AtariVectorEnv(
            gym.spec(env_id).kwargs["game"],
            count,
            num_threads=1,
            repeat_action_probability=self.sticky,
            autoreset_mode=AutoresetMode.SAME_STEP,
            stack_num=self.stack,
            noop_max=self.noops,
            episodic_life=self.episodic_life,
            reward_clipping=self.reward_clipping,
            use_fire_reset=False,
        )


class AtariSource:
    """The games by their ids, for `foveate.envs.registry`."""

    slow, about = True, "a real Atari game, 84x84 in grey, four frames at a time"

    def register(self) -> None:
        """Register the games; nothing where they aren't installed."""
        try:
            import ale_py
        except ImportError:
            return
        gym.register_envs(ale_py)

    def check(self, env_id: str) -> None:
        """Raise a FoveateError unless the game can be played here."""
        self.register()
        if not any(known.startswith(PREFIX) for known in gym.registry):
            raise FoveateError(f'{env_id} needs the Arcade Learning Environment: pip install "foveate[atari]".')
        if env_id not in gym.registry:
            raise unknown("environment", env_id, [known for known in gym.registry if known.startswith(PREFIX)])

    def world_class(self, env_id: str) -> None:
        """None: the games are none of our worlds."""

    def options(self, env_id: str) -> dict[str, Option]:
        """How it is played and seen."""
        return constructor_options(Atari)

    def single(
        self, env_id: str, arguments: Mapping[str, Any], render_mode: str | None, ours: Mapping[str, object]
    ) -> gym.Env:
        """One game; arguments as in `Source.single`, nothing in `ours` is for it."""
        return Atari(**arguments).single(env_id, render_mode)

    def vector(self, env_id: str, count: int, device: str, arguments: Mapping[str, Any]) -> VectorEnv:
        """Many games; arguments as in `Source.vector`, but they always live on the CPU."""
        return Atari(**arguments).vector(env_id, count)
