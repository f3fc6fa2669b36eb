"""Worlds with several agents: the same batched base, with an observation, an action and a reward for each of them."""

from collections.abc import Mapping
from functools import cache
from typing import ClassVar, NamedTuple

import torch
from gymnasium import spaces
from torch import Tensor

from ...tree import outside_inference
from ..batch import BatchWorld, State
from ..scale import Certified

Actions = dict[str, dict[str, Tensor]]  # by agent and part, (B, …)


class TeamScale(NamedTuple):
    """The known scores of a world of several agents at its default arguments, declared and re-measured by the tests.

    Attributes:
        oracle: policies that may look at the state.
        alone: the certified policy without what the world is about: in SharedGaze and SpeakerListener each agent
            without the others, in CocktailParty a listener that can't choose, in HideAndSeek a seeker with closed eyes.
        random: uniformly random actions.
        silent: the certified policy whose messages say nothing; None where there is no channel.
    """

    oracle: Certified
    alone: Certified
    random: Certified
    silent: Certified | None = None

    of_score = True  # it is the task's own figure, not the return
    zero = "what is certified without the others (or without choosing, or looking)"

    def score(self, score: float) -> float:
        """A score on the scale 0 (each alone) to 1 (oracle)."""
        return (score - self.alone.mean) / (self.oracle.mean - self.alone.mean)


class MultiWorld(BatchWorld):
    """B independent copies of a task for A agents.

    What `BatchWorld` says of the rules holds with these differences: `observe` returns a dict by agent, of dicts of
    tensors (B, …); `advance` gets a dict of actions by agent and returns rewards (B, A); what `annotate`, `score` and
    `relevance` say is said of each agent, (B, A, …).

    Attributes:
        agents: their names, in the order of the rewards.
        cooperative: whether what is good for one is good for all, so that learners may share the credit.
        sees: the parts of each agent's observation.
        does: the parts of each agent's action.
        scale: the certified scores at default arguments.
    """

    several_agents: ClassVar[bool] = True
    target_part = "label"
    cooperative: ClassVar[bool] = True
    scale: ClassVar[TeamScale | None] = None
    agents: tuple[str, ...]
    observation_space: spaces.Dict
    action_space: spaces.Dict

    def set_agents(
        self,
        observations: Mapping[str, Mapping[str, spaces.Space]],
        actions: Mapping[str, Mapping[str, spaces.Space]],
    ) -> None:
        """Define the spaces from what each agent sees and does, part by part."""
        self.agents = tuple(observations)
        self.reward_shape = (len(self.agents),)
        self.sees = {name: dict(parts) for name, parts in observations.items()}
        self.does = {name: dict(parts) for name, parts in actions.items()}
        self.observation_space = spaces.Dict({name: spaces.Dict(parts) for name, parts in self.sees.items()})
        self.action_space = spaces.Dict({name: spaces.Dict(parts) for name, parts in self.does.items()})

    @property
    def party(self) -> Tensor:
        """A number for each world's episode, int64 (B,), below 2^23 so that float32 holds it: what its rows share."""
        return (self.key * 61 + self.episode) % (1 << 23)

    def each(self, value: Tensor) -> Tensor:
        """A fact about every world, (B, …), said to each agent, (B, A, …); a fresh tensor."""
        return value[:, None].repeat(1, len(self.agents), *(1 for _ in value.shape[1:]))

    def observe_together(self, state: State) -> dict[str, Tensor]:
        """What all agents see, by part, (B, A, …), fresh; zero where an agent lacks a part."""
        seen = self.observe(state)
        parts: dict[str, Tensor] = {}
        for name in dict.fromkeys(part for own in self.sees.values() for part in own):
            blank = torch.zeros_like(next(own[name] for own in seen.values() if name in own))  # (B, …)
            parts[name] = torch.stack([seen[agent].get(name, blank) for agent in self.agents], 1)
        return parts

    # ---- the certified policies: actions by agent ----

    def alone(self) -> Actions:
        """What agents do that get nothing from the others."""
        raise NotImplementedError

    def silent(self) -> Actions:
        """What the team does if messages say nothing."""
        raise NotImplementedError


def one_hot(index: Tensor, size: int) -> Tensor:
    """float, (…, size): 1 at the index, zeros where it is outside (-1, say)."""
    return (index[..., None] == torch.arange(size, device=index.device)).float()


def others(spoken: Tensor, symbols: int) -> Tensor:
    """What each agent hears: the last symbols of the others, the next one first, as one-hot rows.

    Args:
        spoken: int64, (B, A), -1 where nothing was said yet.
        symbols: how many there are.

    Returns:
        float, (B, A, A - 1, symbols), zero where nothing was said.
    """
    agents = spoken.shape[1]
    return one_hot(spoken[:, _turns(agents, spoken.device)], symbols)


@cache
@outside_inference
def _turns(agents: int, device: torch.device) -> Tensor:
    """Whom each agent hears, int64 (A, A - 1)."""
    first = torch.arange(agents, device=device)
    return (first[:, None] + first[1:]) % agents


def vote(answers: Tensor, classes: int, truth: Tensor) -> Tensor:
    """The chance that a team's one answer is right: the commonest answer counts, of several a fair coin picks one.

    Args:
        answers: int64, (B, A).
        classes: how many there are.
        truth: int64, (B,).

    Returns:
        float, (B,), in [0, 1].
    """
    votes = one_hot(answers, classes).sum(1)  # (B, classes)
    winners = votes == votes.amax(1, keepdim=True)
    won = winners.gather(1, truth[:, None])[:, 0]
    return won.float() / winners.sum(1)
