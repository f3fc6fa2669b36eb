"""The table at the end: a person beside the agents of the zoo on the very same episodes, and the certified scale."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from ...agents import load
from ...agents.learning import checkpoint
from ...agents.learning.environments import environments_of
from ...agents.learning.evaluation import play_episodes
from ...agents.policies.policy import Policy
from ...envs.registry import make_worlds, world_class
from ...envs.scale import EXPLAINED, means_of
from ...errors import FoveateError
from .played import Played, main_figures


class Rivals:
    """Agents that play the episodes that a person played.

    Args:
        env_id: where.
        env: arguments of the environment.
        runs: of agents beside those of the zoo.

    Attributes:
        left_out: agents that can't play there, and why.
    """

    def __init__(self, env_id: str, env: Mapping[str, object], runs: Sequence[Path] = ()):
        self.env_id, self.env = env_id, env
        self.left_out: list[str] = []
        self._runs = list(runs)
        self._known: dict[int, dict[str, Played]] = {}

    @cached_property
    def _policies(self) -> dict[str, Policy]:
        policies = {}
        worlds = make_worlds(self.env_id, 1, "cpu", self.env)
        spaces = worlds.single_observation_space, worlds.single_action_space
        for path in [*self._of_the_zoo(), *self._runs]:
            policy = load(path, None, "cpu").policy
            assert isinstance(policy, Policy)
            if (policy.observation_space, policy.action_space) == spaces:
                policies[str(path)] = policy
            else:
                self.left_out.append(f"{path}, which sees or does something else than this environment asks for")
        worlds.close()
        return policies

    def _of_the_zoo(self) -> Iterator[Path]:
        for file in sorted(checkpoint.ZOO.glob("*/run.json")):
            if checkpoint.read_run(file.parent)["env_id"] == self.env_id:
                yield Path("zoo") / file.parent.name

    def play(self, seed: int) -> dict[str, Played]:
        """How the agents do in one episode, by their names.

        Args:
            seed: of the environment.
        """
        if seed not in self._known:
            self._known[seed] = {name: self._one(policy, seed) for name, policy in self._policies.items()}
        return self._known[seed]

    def _one(self, policy: Policy, seed: int) -> Played:
        worlds = make_worlds(self.env_id, 1, "cpu", self.env)
        episodes = play_episodes(policy, environments_of(worlds, policy.device), 1, seed)
        worlds.close()
        figures = (float(part[0]) for part in (episodes.returns, episodes.scores))
        return Played(seed, int(episodes.lengths[0]), *figures)


def check_rivals(env_id: str, runs: Sequence[Path]) -> None:
    """Raise a FoveateError unless runs are of agents that were trained in an environment."""
    for path in runs:
        trained = checkpoint.read_run(checkpoint.find(path)).get("env_id")
        if trained != env_id:
            raise FoveateError(f"--against {path} was trained in {trained}, and {env_id} is played.")


def certified(env_id: str) -> dict[str, float]:
    """What is known of an environment: mean returns (scores, of worlds of several agents) by policy."""
    world = world_class(env_id)
    return {} if world is None else means_of(world.scale)


def table(played: Sequence[Played], rivals: Rivals, restarts: int = 0) -> list[str]:
    """The lines of the table.

    Args:
        played: the finished episodes.
        rivals: who plays the same.
        restarts: how often an episode was begun again.
    """
    env_id, world = rivals.env_id, world_class(rivals.env_id)
    others = [rivals.play(each.seed) for each in played]
    rows = {"you": list(played), **{name: [each[name] for each in others] for name in (others[0] if others else {})}}
    what = "return" if np.isnan([each.score for each in played]).any() else getattr(world, "score_name", "score")
    better = " (lower is better)" if what != "return" and getattr(world, "lower_is_better", False) else ""
    seeds = f"seed {played[0].seed}" if len(played) == 1 else f"seeds {played[0].seed} to {played[-1].seed}"
    lines = [f"{env_id}: {what}{better} in {len(played)} of the same episodes ({seeds})"]
    lines.append(f"{'':<32}{'mean':>8}{'return':>9}   each episode")
    for name, episodes in rows.items():
        each = " ".join(f"{value:.3g}" for value in main_figures(episodes)[:20])
        mean, returns = main_figures(episodes).mean(), np.mean([one.mean_return for one in episodes])
        lines.append(f"{name[-32:]:<32}{mean:>8.3f}{returns:>9.3f}   {each}{' ...' if len(episodes) > 20 else ''}")
    known = certified(env_id)
    if known:
        lines.append("certified mean returns, at default arguments")
        lines += [f"{name:<40}{known[name]:>9.3f}   {what}" for name, what in EXPLAINED.items() if name in known]
    lines += [f"left out: {each}" for each in rivals.left_out]
    if restarts:
        lines.append(f"you began an episode again {restarts} times.")
    return lines
