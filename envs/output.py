"""What vector environments return: tensors as they are, or arrays as Gymnasium's own environments return them."""

from typing import Protocol

import numpy as np

from ..tree import Tree, to_numpy
from .autoreset import Outcome
from .info import Masked, numpy_final, numpy_info, with_masks
from .protocols import Info

Step = tuple[Tree, Tree, Tree, Tree, Info]


class Output(Protocol):
    """Turns tensors into what users get."""

    def observed(self, observation: Tree, info: Masked) -> tuple[Tree, Info]:
        """What `reset` and `observe` return."""
        ...

    def stepped(self, outcome: Outcome) -> Step:
        """What `step` returns."""
        ...


class TensorOutput:
    """Tensors on the worlds' device, without a copy."""

    def observed(self, observation: Tree, info: Masked) -> tuple[Tree, Info]:
        """The observation, and `info` with a mask beside each value."""
        return observation, {**with_masks(info)}

    def stepped(self, outcome: Outcome) -> Step:
        """The same of a step, with the last observations and infos of episodes that ended."""
        info: Info = {**with_masks(outcome.info)}
        if outcome.final is not None:
            final = outcome.final
            info |= {"final_obs": final.observation, "_final_obs": final.ended}
            info |= {"final_info": with_masks(final.info), "_final_info": final.ended}
        return outcome.observation, outcome.reward, outcome.terminated, outcome.truncated, info


class NumpyOutput:
    """Arrays; rewards are float64, and what no world has is left out of `info`."""

    def observed(self, observation: Tree, info: Masked) -> tuple[Tree, Info]:
        """The observation, and `info` with a mask beside each value."""
        return to_numpy(observation), {**numpy_info(info)}

    def stepped(self, outcome: Outcome) -> Step:
        """The same of a step, with the last observations and infos of episodes that ended."""
        observation, info = self.observed(outcome.observation, outcome.info)
        if outcome.final is not None:
            info |= numpy_final(*outcome.final)
        reward = outcome.reward.cpu().numpy().astype(np.float64)
        terminated, truncated = (flags.cpu().numpy().copy() for flags in (outcome.terminated, outcome.truncated))
        return observation, reward, terminated, truncated, info


OUTPUTS: dict[str, Output] = {"numpy": NumpyOutput(), "torch": TensorOutput()}
