"""How learners learn, as plain data."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, NamedTuple

import numpy as np

from ...errors import FoveateError, check_choice, check_range

Objective = Literal["reinforce", "a2c", "ppo"]
OBJECTIVES: tuple[Objective, ...] = ("reinforce", "a2c", "ppo")
LARGEST = 1e6  # of rates and coefficients; anything beyond is a slip, and would overflow before long
CALL = 100  # what calling a policy and its worlds costs whatever their number, in rows
LEARNING = 3  # a forward pass and its gradient, in forward passes


@dataclass
class Options:
    """What every learner can be set to.

    Attributes:
        worlds: how many worlds are played at once.
        lr: learning rate of Adam at the beginning.
        lr_end: learning rate at the end as a share of the first; it falls linearly.
        weight_decay: decoupled weight decay (AdamW).
        adam_eps: Adam's epsilon.
        max_grad_norm: gradients are scaled down to this norm; inf leaves them as they are.
        average: decay of a running mean of the weights over updates, such as 0.999, which is what a run evaluates and
            keeps as its best checkpoint; 0 keeps none.
    """

    worlds: int = 128
    lr: float = 1e-3
    lr_end: float = 0.05
    weight_decay: float = 0.0
    adam_eps: float = 1e-8
    max_grad_norm: float = 1.0
    average: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.generic):  # a checkpoint keeps Python's own numbers
                setattr(self, field.name, value.item())
        for name, low, high in (
            ("worlds", 1, float("inf")),
            ("lr", 0.0, LARGEST),
            ("lr_end", 0.0, 1.0),
            ("weight_decay", 0.0, LARGEST),
            ("adam_eps", 0.0, 1.0),
            ("max_grad_norm", 0.0, float("inf")),
            ("average", 0.0, 1.0 - 1e-6),
        ):
            if (name, getattr(self, name)) != ("max_grad_norm", math.inf):
                check_range(name, getattr(self, name), low, high)

    def work(self) -> float:
        """About what a world's step costs to play and to learn from, in forward passes of one row."""
        return 1 + CALL / self.worlds + LEARNING


@dataclass
class LearnerOptions(Options):
    """How the policy gradient learns.

    Attributes:
        objective: "reinforce" (return to go minus a learned baseline), "a2c" or "ppo".
        horizon: steps of a rollout; None plays whole episodes.
        gamma: discount of rewards.
        gae_lambda: λ of generalised advantage estimation; 1 is the whole return.
        hybrid: where the world says the target, train that part of the action by cross-entropy; None does so for
            "reinforce" only. Where the whole action has a target, nothing is left to the policy gradient.
        hybrid_everywhere: do so at every step, not only where the answer is rewarded.
        teacher_forcing: where the world says the target, play it while training, so that an early mistake doesn't end
            an episode before its rest was seen. The returns in the log are then the teacher's.
        likelihood_reward: where the world says the target, the policy gradient follows the gain in log π(target)
            until the target is another, instead of the world's reward (Ba et al. 2014; see `likelihood_gains`). Needs
            whole episodes; gae_lambda is then ignored.
        likelihood_mean: of that gain, take the mean over these later answers instead of their sum.
        policy_coef: weight of the policy-gradient loss.
        value_coef: weight of the critic's squared error.
        entropy_coef: weight of the entropy bonus.
        normalize_advantage: whether advantages are brought to mean 0 and standard deviation 1.
        epochs: passes over each rollout (ppo).
        minibatches: parts of each pass; whole sequences stay together (ppo).
        clip_range: how far the probability ratio counts (ppo).
    """

    objective: Objective = "reinforce"
    horizon: int | None = None
    gamma: float = 1.0
    gae_lambda: float = 1.0
    hybrid: bool | None = None
    hybrid_everywhere: bool = True
    teacher_forcing: bool = False
    likelihood_reward: bool = False
    likelihood_mean: bool = False
    policy_coef: float = 1.0
    value_coef: float = 0.5
    entropy_coef: float = 0.0
    normalize_advantage: bool = True
    epochs: int = 4
    minibatches: int = 4
    clip_range: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("objective", self.objective, OBJECTIVES)
        if self.hybrid is None:
            self.hybrid = self.objective == "reinforce"
        for name, low, high in (
            ("gamma", 0.0, 1.0),
            ("gae_lambda", 0.0, 1.0),
            *((("epochs", 1, float("inf")), ("minibatches", 1, self.worlds)) if self.objective == "ppo" else ()),
            ("clip_range", 0.0, LARGEST),
            *((name, 0.0, LARGEST) for name in ("policy_coef", "value_coef", "entropy_coef")),
        ):
            check_range(name, getattr(self, name), low, high)
        if not self.hybrid and (self.teacher_forcing or self.likelihood_reward):
            name = "teacher_forcing" if self.teacher_forcing else "likelihood_reward"
            raise FoveateError(f"{name}=True requires hybrid=True: without it nobody asks what the target is.")
        if self.horizon is not None:
            check_range("horizon", self.horizon, 1)
            if self.likelihood_reward:
                raise FoveateError(f"likelihood_reward=True needs whole episodes: horizon=None, not {self.horizon}.")

    def work(self) -> float:
        return 1 + CALL / self.worlds + LEARNING * (self.epochs if self.objective == "ppo" else 1)


@dataclass
class BackpropOptions(Options):
    """How back-propagation through time learns: `worlds` episodes are collected, then trained on in parts.

    Attributes:
        objective: "backprop".
        batch: episodes of an update; episodes of similar length go together.
        max_grad_norm: gradients (of the cost of an episode, in nats) are scaled down to this norm.
        recompute_every: moments of a piece of a sequence inside which nothing is kept for the backward pass, which
            computes it again (gradient checkpointing): long sequences need less memory, and the time of another forward
            pass, in pieces. 0 keeps everything.
    """

    objective: Literal["backprop"] = "backprop"
    batch: int = 16
    max_grad_norm: float = 100.0
    recompute_every: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("objective", self.objective, ["backprop"])
        check_range("batch", self.batch, 1, self.worlds)
        check_range("recompute_every", self.recompute_every, 0)

    def work(self) -> float:
        return LEARNING  # most worlds are scripts, which nobody plays


@dataclass
class QOptions(Options):
    """How Q-learning learns, by Stable-Baselines3's DQN.

    Attributes:
        objective: "dqn".
        gamma: discount of rewards.
        memory: transitions that are remembered.
        warm_up: steps at random before learning begins.
        batch: transitions of an update.
        updates: updates after each step of all worlds.
        target_every: steps between two copies into the target network.
        exploration: share of the training over which the share of random actions falls.
        epsilon: share of random actions after that.
        max_grad_norm: gradients are scaled down to this norm.
        double: the online network chooses the next action that the target network judges (double DQN).
        trunk_gradient: of double DQN, what the gradients of the layers below a dueling network's two streams are
            multiplied by; 0.7071 lets both together move them as much as one would.
        save_replay: keep the replay memory in every checkpoint, gigabytes of frames, so that a resumed run is bit for
            bit the undisturbed one; otherwise it begins anew.
    """

    objective: Literal["dqn"] = "dqn"
    worlds: int = 8
    lr: float = 1e-4
    lr_end: float = 1.0
    gamma: float = 0.99
    memory: int = 50_000
    warm_up: int = 2000
    batch: int = 32
    updates: int = 2
    target_every: int = 2000
    exploration: float = 0.2
    epsilon: float = 0.02
    max_grad_norm: float = 10.0
    double: bool = False
    trunk_gradient: float = 1.0
    save_replay: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("objective", self.objective, ["dqn"])
        for name in ("memory", "batch", "updates", "target_every"):
            check_range(name, getattr(self, name), 1)
        check_range("warm_up", self.warm_up, 0)
        for name in ("gamma", "exploration", "epsilon", "trunk_gradient"):
            check_range(name, getattr(self, name), 0.0, 1.0)
        if self.trunk_gradient != 1.0 and not self.double:
            raise FoveateError(f"trunk_gradient={self.trunk_gradient} is of double DQN: say double=True too.")

    def work(self) -> float:
        # the target network's forward pass too
        return 1 + CALL / self.worlds + (LEARNING + 1) * self.updates * self.batch / self.worlds


class LearnerKind(NamedTuple):
    """What stands behind an objective.

    Attributes:
        options: how it can learn.
        algorithm: where its Stable-Baselines3 algorithm is, as "module:class" in this package.
        defaults: what the objective changes of the options' defaults.
    """

    options: type[Options]
    algorithm: str
    defaults: dict[str, object]

    def make(self, values: Mapping[str, Any]) -> Options:
        """The options with these values; a name that isn't there is a TypeError."""
        return self.options(**values)


LEARNERS: dict[str, LearnerKind] = {
    "reinforce": LearnerKind(LearnerOptions, "algorithm:PolicyGradient", {}),
    "a2c": LearnerKind(
        LearnerOptions, "algorithm:PolicyGradient", {"horizon": 16, "gamma": 0.99, "gae_lambda": 0.95, "lr": 7e-4}
    ),
    "ppo": LearnerKind(
        LearnerOptions,
        "algorithm:PolicyGradient",
        {"horizon": 128, "worlds": 16, "gamma": 0.99, "gae_lambda": 0.95, "lr": 3e-4, "entropy_coef": 0.01},
    ),
    "backprop": LearnerKind(BackpropOptions, "algorithm:Backprop", {"worlds": 128, "batch": 16}),
    "dqn": LearnerKind(QOptions, "q_learning:QLearning", {}),
}


def learner_kind(objective: object) -> LearnerKind:
    """What stands behind an objective; an unknown one gets an error with the closest one."""
    check_choice("objective", objective, LEARNERS)
    return LEARNERS[str(objective)]
