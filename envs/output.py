"""What vector environments return: tensors as they are, or arrays as Gymnasium's own environments return them."""

from typing import Protocol

import numpy as np

from ..tree import Tree, to_numpy
from .autoreset import Outcome
from .info import Masked, numpy_final, numpy_info, with_masks
from .later import Later, LaterDict
from .protocols import Info

Step = tuple[Tree, Tree, Tree, Tree, Info]


class Output(Protocol):
    """Turns tensors into what users get."""

    def observed(self, observation: Tree, info: Later[Masked]) -> tuple[Tree, Info]:
        """What `reset` and `observe` return."""
        ...

    def stepped(self, outcome: Outcome) -> Step:
        """What `step` returns."""
        ...


class TensorOutput:
    """Tensors on the worlds' device, without a copy."""

    def observed(self, observation: Tree, info: Later[Masked]) -> tuple[Tree, Info]:
        """The observation, and `info` with a mask beside each value."""
        return observation, LaterDict(lambda: {**with_masks(info())})

    def stepped(self, outcome: Outcome) -> Step:
        """The same of a step, with the last observations and infos of episodes that ended."""
        told, final = outcome.info, outcome.final

        def info() -> Info:
            said: Info = {**with_masks(told())}
            if final is not None:
                said |= {"final_obs": final.observation(), "_final_obs": final.ended}
                said |= {"final_info": with_masks(final.info()), "_final_info": final.ended}
            return said

        return outcome.observation, outcome.reward, outcome.terminated, outcome.truncated, LaterDict(info)


class NumpyOutput:
    """Arrays; rewards are float64, and what no world has is left out of `info`."""

    def observed(self, observation: Tree, info: Later[Masked]) -> tuple[Tree, Info]:
        """The observation, and `info` with a mask beside each value."""
        return to_numpy(observation), LaterDict(lambda: {**numpy_info(info())})

    def stepped(self, outcome: Outcome) -> Step:
        """The same of a step, with the last observations and infos of episodes that ended."""
        told, final = outcome.info, outcome.final

        def info() -> Info:
            said: Info = {**numpy_info(told())}
            return said if final is None else said | numpy_final(final.observation(), final.info(), final.ended)

        reward = outcome.reward.numpy(force=True).astype(np.float64)
        terminated, truncated = (flags.numpy(force=True).copy() for flags in (outcome.terminated, outcome.truncated))
        return to_numpy(outcome.observation), reward, terminated, truncated, LaterDict(info)


OUTPUTS: dict[str, Output] = {"numpy": NumpyOutput(), "torch": TensorOutput()}
