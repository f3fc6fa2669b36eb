"""Any task with targets as a plain supervised data set, for those who want the tasks without the loop."""

from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym
import torch
from gymnasium.envs.registration import load_env_creator
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from .. import tree
from ..errors import FoveateError, check_choice, check_range, unknown
from ..tree import Tree
from .batch import BatchWorld, Tensors
from .counter_rng import CounterRNG
from .gym_env import VectorEnv
from .protocols import ScriptedWorld
from .spaces import sample

LOOKS = ("location", "zoom")  # the parts of an action that say where to look
Batch = tuple[Tensors, Tensors, Tensor]


class TaskDataset(IterableDataset[Batch]):
    """Whole episodes of a Memory or Glimpse environment: observations, targets and where the targets count.

        for observations, targets, mask in TaskDataset("Memory/Copy-v0", batch=32, batches=1000):
            loss = cross_entropy(network(observations)[mask], targets[mask])

    Each batch is `batch` new episodes, padded with zeros to the longest of them; a DataLoader around it needs
    ``batch_size=None``. Each of n workers makes every n-th batch, so any number of them yields the same batches.

    Yields:
        observations (B, T, …) and targets (B, T, …), tensors or dicts of them by part, and mask, bool (B, T), False
        where no target is due and beyond an episode's end.

    Args:
        env_id: an environment of ours, or a user's own on our base, that has targets.
        batch: B, episodes a batch.
        batches: how many batches a pass has; None for no end. Every pass is the same; `set_pass` gives others.
        seed: of the first episode; episode i of the pass is that of the single environment at seed + i.
        play: what the agent does meanwhile: "oracle" answers rightly and looks at random places, "random" does
            everything at random; or a function of the world that returns actions (B, …).
        device: where the tensors are made.
        **arguments: of the environment, as in ``split="train"`` or ``view="image"``.

    Raises:
        FoveateError: the environment has no targets.
    """

    def __init__(
        self,
        env_id: str,
        *,
        batch: int = 32,
        batches: int | None = None,
        seed: int = 0,
        play: str | Callable[[BatchWorld], Tree] = "oracle",
        device: str = "cpu",
        **arguments: Any,
    ):
        check_range("batch", batch, 1)
        if batches is not None:
            check_range("batches", batches, 0)
        if isinstance(play, str):
            check_choice("play", play, ["oracle", "random"])
        self.env_id, self.batch, self.batches, self.seed = env_id, batch, batches, seed
        self.play, self.device, self.arguments = play, device, arguments
        self.number = 0
        self._make()  # a mistake in the arguments should be known now

    def _make(self) -> BatchWorld:
        spec = gym.registry.get(self.env_id)
        if spec is None:
            raise unknown("environment", self.env_id, [known for known in gym.registry if "/" in known])
        creator = spec.vector_entry_point
        creator = load_env_creator(creator) if isinstance(creator, str) else creator
        if not (isinstance(creator, type) and issubclass(creator, VectorEnv)):
            raise FoveateError(f"{self.env_id} is no environment of one agent on foveate's base.")
        env = creator(self.batch, output="torch", device=self.device, **self.arguments)
        world = env.world
        world.reset(keys=torch.zeros(self.batch, dtype=torch.int64))
        if "target" not in world.annotate(world.state):
            raise FoveateError(f"{self.env_id} has no targets: there is nothing to be supervised by.")
        return world

    def set_pass(self, number: int) -> None:
        """Let the next pass be another one: its episodes begin where those of pass `number` - 1 end.

        Args:
            number: from 0; needs a number of batches.

        Raises:
            FoveateError: a pass has no number of batches.
        """
        if self.batches is None:
            raise FoveateError("set_pass needs to know how many batches a pass has.")
        self.number = number

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        turn, turns = (worker.id, worker.num_workers) if worker is not None else (0, 1)
        world = self._make()
        first = 0 if self.batches is None else self.number * self.batches
        while self.batches is None or turn < self.batches:
            yield self._episodes(world, self.seed + (first + turn) * self.batch)
            turn += turns

    @torch.no_grad()
    def _episodes(self, world: BatchWorld, seed: int) -> Batch:
        """A batch of whole episodes."""
        world.reset(keys=torch.arange(seed, seed + self.batch))
        if isinstance(world, ScriptedWorld):  # whatever is done, this is shown and due
            whole = world.episodes(self.batch)
            parts = whole.observation, whole.target, whole.target_mask
            return tree.map(lambda x: x.transpose(0, 1).contiguous(), parts)
        rows: list[tuple[Tensors, Tensors, Tensor]] = []
        alive = torch.ones(self.batch, dtype=torch.bool, device=world.device)
        while bool(alive.any()):
            info = world.annotate(world.state)
            row = world.observe(world.state), info["target"], info.get("target_mask", alive)
            rows.append(tree.where(alive, row, tree.map(torch.zeros_like, row)))
            world.step(self._action(world))
            alive = alive & ~world.over
        return tree.stack(rows, 1)

    def _action(self, world: BatchWorld) -> Tree:
        if callable(self.play):
            return self.play(world)
        chance = sample(world.action_space, CounterRNG(world.key, world.episode, world.clock), "play")
        if self.play == "random":
            return chance
        wise = world.oracle()
        if not isinstance(wise, dict):
            return wise
        return {name: chance[name] if name in LOOKS else value for name, value in wise.items()}
