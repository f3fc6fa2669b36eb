"""The one loop of a policy in environments: it keeps the state and says where episodes start; callers look on.

    actor = Actor(policy, environments_of(env, device))
    actor.reset(seed=0)
    play(actor, episodes=10, observers=[…])

Rollouts, guided play, evaluation, recording, saliency and data sets are observers of it, or callers of `Actor.step`.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from ... import tree
from ...tree import Tree
from ..nn import noise
from ..policies.outputs import PolicyOutput
from ..policies.policy import Policy
from .environments import Environments, TimeStep, check_plays
from .losses import supervised_parts

State = Tree


class Acts(Protocol):
    """Who can act: our policies, and whatever looks like one."""

    def initial_state(self, batch: int) -> State:
        """The state before an episode."""
        ...

    def step(
        self,
        observation: Tree,
        state: State,
        starts: Tensor,
        deterministic: bool = False,
        greedy: frozenset[str] = frozenset(),
    ) -> PolicyOutput:
        """The action for one time step; arguments as in `Policy.step`."""
        ...


class Transition(NamedTuple):
    """One step of an actor, B rows.

    Attributes:
        before: the time step that was acted on.
        output: what the policy did; `output.action` is what the environments got, `output.state` the state after it.
        starts: bool, (B,), where `before` is the first time step of an episode.
        after: what the action brought.
        ended: bool, (B,), where it ended an episode.
    """

    before: TimeStep
    output: PolicyOutput
    starts: Tensor
    after: TimeStep
    ended: Tensor


class Observer:
    """Looks on while an actor plays; a subclass overrides what it wants to see."""

    def on_reset(self, now: TimeStep) -> None:
        """Episodes begin in all rows. (Those that begin after an autoreset have `Transition.starts`.)"""

    def on_step(self, transition: Transition) -> bool | None:
        """A step was made; False stops the play."""


NOISE = "noise"  # in `PolicyOutput.choices`: the keys of a step's noise, see `foveate.agents.nn.noise`

OnStep = Callable[[Tensor, Tensor], bool]  # called with the rewards and the ends of a step, each (B,); False stops


class _Announcer(Observer):
    """Calls a function after each step."""

    def __init__(self, function: OnStep):
        self.function = function

    def on_step(self, transition: Transition) -> bool:
        return self.function(transition.after.reward, transition.ended)


def announcers(on_step: OnStep | None) -> list[Observer]:
    """A function as an observer, if there is one."""
    return [] if on_step is None else [_Announcer(on_step)]


class Actor:
    """A policy in environments, step by step.

    Gradients flow through its steps unless the caller forbids it (see `at_play`).

    Args:
        policy: who acts; see `policy_of` for players that are no policy of ours.
        environments: where; see `environments_of`.
        deterministic: take the most likely action of every part, instead of sampling.
        greedy: parts for which to do so anyway.

    Attributes:
        noisy: whether the policy plays with the noise inside it, as it is trained; the keys are among its choices.
        log_probs: whether `Transition.output` says how probable the choices were.
        bias: how far samples are drawn towards what is likely (see `Policy.step`).
        records: whether `Transition.output` says what was attended to.
        state: the policy's state, tensors (B, …).
        starts: bool, (B,), where the present time step is the first of an episode.
    """

    def __init__(
        self,
        policy: Acts,
        environments: Environments,
        deterministic: bool = False,
        greedy: frozenset[str] = frozenset(),
    ):
        self.policy, self.environments = policy, environments
        self._read = policy.read if isinstance(policy, Policy) else None
        if isinstance(policy, Policy):
            check_plays(policy, environments)
        self.deterministic, self.greedy = deterministic, greedy
        self.noisy, self.log_probs, self.bias, self.records = False, True, 0.0, False
        self.starts = torch.ones(environments.num_envs, dtype=torch.bool, device=environments.device)
        self.state = self._first_state()
        self._now: TimeStep | None = None
        self._steps: int | None = None  # since all episodes began together; None where they didn't
        self._untouched = False  # whether the last thing that happened was a reset
        self._waits = False  # without autoreset: whether an episode is over, so that a reset is due

    def reset(self, seed: int | None = None) -> TimeStep:
        """Begin new episodes in all rows; with a seed, the first ones of that seed."""
        self._now, self._steps = self._seen(self.environments.reset(seed)), 0
        self._untouched, self._waits = True, False
        self.starts, self.state = torch.ones_like(self.starts), self._first_state()
        return self._now

    def now(self) -> TimeStep:
        """The present time step, which the next step acts on; begins episodes where none has."""
        return self.reset() if self._now is None else self._now

    def step(self) -> Transition:
        """Act once; without autoreset, ended episodes are followed by new ones first."""
        now = self.reset() if self.due else self.now()
        output = self.choose(now)
        after = self._seen(self.environments.step(output.action))
        transition = Transition(now, output, self.starts, after, after.terminated | after.truncated)
        self._now, self.state, self.starts = after, output.state, transition.ended
        self._steps = None if self._steps is None else self._steps + 1
        self._untouched = False
        self._waits = not self.environments.autoreset and bool(transition.ended.any())
        return transition

    def _seen(self, now: TimeStep) -> TimeStep:
        """A time step with its observations as the policy reads them."""
        return now if self._read is None else now.read_by(self._read)

    def choose(self, now: TimeStep) -> PolicyOutput:
        """What to do at a time step."""
        if not self.noisy:
            return self._asked(now)
        keys = noise.new_keys(len(self.starts), self.starts.device)
        with noise.keyed(keys[None]):
            output = self._asked(now)
        return output._replace(choices={**output.choices, NOISE: keys})

    def _asked(self, now: TimeStep) -> PolicyOutput:
        """What the policy says of a time step."""
        more: dict[str, Any] = {} if self.log_probs else {"log_probs": False}  # policies of users' own may not know it
        more |= {"bias": self.bias} if self.bias else {}
        more |= {"record": True} if self.records else {}
        return self.policy.step(now.observation, self.state, self.starts, self.deterministic, self.greedy, **more)

    @property
    def begun(self) -> bool:
        """Whether any episode has begun."""
        return self._now is not None

    @property
    def due(self) -> bool:
        """Whether the next step resets the environments first."""
        return self._now is None or self._waits

    @property
    def at_reset(self) -> bool:
        """Whether the last thing that happened was a reset of all rows."""
        return self._untouched

    @property
    def fresh(self) -> bool:
        """Whether all rows are at the first time step of an episode, as far as the host knows without asking."""
        if self._steps is None or self._now is None:
            return False
        length = self.environments.episode_length
        return self._steps == 0 or (length is not None and self._steps % length == 0)

    @torch.no_grad()  # the first state is data: no gradient goes beyond it
    def _first_state(self) -> State:
        return tree.map(torch.clone, self.policy.initial_state(self.environments.num_envs))

    def state_dict(self) -> dict[str, Tensor]:
        """What must be saved for an exact resume, beside the environments' own state."""
        kept = {f"state.{name}": value for name, value in tree.flatten_names(self.state).items()}
        return {**kept, "starts": self.starts, "fresh": torch.tensor(self.fresh)}

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Go on from a `state_dict`; the environments must have been put back before."""
        kept = {n.removeprefix("state."): value for n, value in saved.items() if n.startswith("state.")}
        if not kept:  # earlier checkpoints number the parts of the state
            kept = {n: saved[f"core.{i}"] for i, n in enumerate(tree.flatten_names(self.state))}
        self.state = tree.unflatten_names(kept, self.state)
        self.starts = saved["starts"]
        begun = self.environments.episode_length is not None and bool(self.starts.all())
        self.resume(bool(saved["fresh"]) if "fresh" in saved else begun)

    def resume(self, fresh: bool) -> None:
        """Go on in environments that were put back into an earlier state, where all rows began together or not."""
        now = self.environments.observe()
        self._now = None if now is None else self._seen(now)
        self._steps, self._untouched, self._waits = (0 if fresh else None), False, False


class GuidedActor(Actor):
    """Does what the targets say; parts of the action that have none are the policy's.

    Args:
        policy: who is asked.
        environments: where.
        always_ask: ask the policy though all parts have a target, for what it would have done: `output.choices`.
    """

    policy: Policy

    def __init__(self, policy: Policy, environments: Environments, always_ask: bool = False):
        super().__init__(policy, environments)
        self.always_ask = always_ask

    def choose(self, now: TimeStep) -> PolicyOutput:
        said = supervised_parts(now.target, self.policy)
        targets = {name: self.policy.head(name).as_choice(target) for name, target in said.items()}
        if self.always_ask or len(targets) < len(self.policy.heads):
            output = super().choose(now)
            return output._replace(action=self.policy.as_action({**output.choices, **targets}))
        return PolicyOutput(
            self.policy.as_action(targets), targets, {}, torch.zeros_like(now.reward), self.state, {}, {}
        )


def play(
    actor: Actor,
    steps: int | None = None,
    episodes: int | None = None,
    observers: Sequence[Observer] = (),
    most: int | None = None,
    going: Callable[[Tensor], bool] = bool,
) -> bool:
    """Let an actor play on from where it is.

    Args:
        actor: who plays.
        steps: how many steps; None plays until each row has ended `episodes` episodes.
        episodes: how many, where `steps` is None.
        observers: who looks on, in this order.
        most: steps after which it ends, even in the middle of episodes; None for no such limit.
        going: where `steps` is None, whether to go on, given whether any row has episodes left.

    Returns:
        False if an observer stopped it.
    """
    length = actor.environments.episode_length
    if steps is None and length is not None and (actor.fresh or not actor.begun):
        steps = length * (episodes or 0)  # known beforehand, which spares a look at the device at each step
    ended = torch.zeros(actor.environments.num_envs, dtype=torch.int64, device=actor.environments.device)
    count = 0
    while count < steps if steps is not None else going((ended < (episodes or 0)).any()):
        if actor.due:
            actor.reset()
        if actor.at_reset:
            for observer in observers:
                observer.on_reset(actor.now())
        transition = actor.step()
        count += 1
        if steps is None:
            ended = ended + transition.ended
        answers = [observer.on_step(transition) for observer in observers]
        if any(answer is False for answer in answers):
            return False
        if count == most:
            break
    return True
