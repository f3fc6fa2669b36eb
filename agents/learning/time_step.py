"""What a step of a batch of environments brings, and the protocol of what brings it."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from ...tree import Tree
from .distributed import Rows

Info = dict[str, Any]  # what an environment says beside observations and rewards, in its own layout


class TimeStep(NamedTuple):
    """What a step (or a reset, with zeros) brought, B rows.

    Attributes:
        observation: tensors (B, …), after the reset where an episode ended (without autoreset: what it ended with).
        reward: float, (B,).
        terminated: bool, (B,), where an episode came to its end.
        truncated: bool, (B,), where it was cut before that, never both.
        target: what the next action should be, by part, each (B, …); None if the environment doesn't say.
        target_mask: bool, (B,), where the target counts; None if it does everywhere.
        target_set: by part, which values would all be right, bool (B, …, n); None if just the target is.
        final_observation: where episodes ended, what they ended with; None if none did.
        score: the task's own figure, (B,), for episodes that ended; None if the environment has none.
        index: int64, (B,), which item of its data each row shows; None if the environment doesn't say.
        optimum: what the target costs the best possible predictor now, in bits, (B,); None if the environment
            doesn't say.
        info: all that the environment said, in its own layout.
    """

    observation: Tree
    reward: Tensor
    terminated: Tensor
    truncated: Tensor
    target: dict[str, Tensor] | None = None
    target_mask: Tensor | None = None
    target_set: dict[str, Tensor] | None = None
    final_observation: Tree = None
    score: Tensor | None = None
    index: Tensor | None = None
    optimum: Tensor | None = None
    info: object = None

    def read_by(self, read: Callable[[Tree], Tree]) -> "TimeStep":
        """The same with its observations as a policy reads them."""
        final = None if self.final_observation is None else read(self.final_observation)
        return self._replace(observation=read(self.observation), final_observation=final)


class Environments(Protocol):
    """A batch of environments as an actor needs them: tensors in, tensors out.

    Attributes:
        device: where the tensors live.
        num_envs: B, how many rows.
        episode_length: the steps of every episode, where all have the same number and all rows agree; else None.
        most_steps: the most that an episode may have; None where nobody says.
        data_source: which data they have that they didn't make themselves, and their licence; "" for none.
        team: how many neighbouring rows are agents of one world who share the credit.
        autoreset: whether ended episodes are followed by new ones at the same step. Else whoever acts must reset all
            of them, once an episode has ended; until then, what it ended with can be looked at.
        resumes: whether `state_dict` holds all that is needed to go on exactly.
        says_targets: whether time steps say what the next action should be; where nobody reads it they need not.
        rows: which rows of all these are, where several processes play; else None.
    """

    device: torch.device
    num_envs: int
    episode_length: int | None
    most_steps: int | None
    data_source: str
    team: int
    autoreset: bool
    resumes: bool
    says_targets: bool
    rows: Rows | None

    def reset(self, seed: int | None = None) -> TimeStep:
        """Begin new episodes everywhere."""
        ...

    def step(self, action: Tree) -> TimeStep:
        """Act in all of them; the action has tensors (B, …)."""
        ...

    def observe(self) -> TimeStep | None:
        """The present time step again, without acting; None where that isn't possible."""
        ...

    def state_dict(self) -> dict[str, Tensor]:
        """The state of all of them; nothing where they can't be put back."""
        ...

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Go on from a `state_dict`."""
        ...
