"""What the heads of a transformer look at: the moment before, the same symbol, what followed it, what decides."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..agents.nn.cores import Transformer
from ..agents.policies.policy import Policy
from ..envs.episodes import Episodes
from ..envs.memory.script import SequenceWorld
from ..envs.protocols import world_of
from ..envs.registry import make_worlds
from ..envs.sequence.prose import ALPHABET
from ..envs.sequence.text import Text
from ..errors import FoveateError
from ..tree import leaves
from .whole_episodes import predict_episodes

AT_ONCE = 8  # episodes, which bounds the memory

ITSELF, BEFORE, SAME, FOLLOWED = "this moment", "the moment before", "the same symbol earlier", "what followed it then"
DECIDES, WORD = "what tells what is next", "this word so far"


class Role(NamedTuple):
    """Something that a head may look at.

    Attributes:
        name: of it.
        moments: at how many it was there to be seen, and not all that was.
        chance: its share of all that was there to be seen, in the mean.
        mass: what each head gives it, in the mean, float (layers, heads).
    """

    name: str
    moments: int
    chance: float
    mass: np.ndarray

    @property
    def best(self) -> tuple[int, int]:
        """Layer and head, from 0, that give it the most."""
        layer, head = np.unravel_index(int(self.mass.argmax()), self.mass.shape)
        return int(layer), int(head)


class Read(NamedTuple):
    """An episode, as the heads read it.

    Attributes:
        symbols: what was shown, moment by moment.
        weights: how much each moment counted at each, float (layers, heads, T, T), zero for later ones.
    """

    symbols: list[str]
    weights: np.ndarray


class Heads(NamedTuple):
    """What the heads of a transformer look at.

    Attributes:
        roles: what they might.
        example: an episode.
    """

    roles: list[Role]
    example: Read


def heads_of(policy: Policy, env_id: str, arguments: Mapping[str, object], episodes: int, seed: int) -> Heads:
    """Let a transformer read whole episodes, and say what each of its heads looks at.

    Args:
        policy: of ours, whose core is a `Transformer`.
        env_id: of sequences whose episodes are known from their beginning.
        arguments: of it.
        episodes: how many.
        seed: of the first.

    Raises:
        FoveateError: the core has no heads, or the world isn't such a one.
    """
    core = policy.core
    if not isinstance(core, Transformer) or core.needs_source:
        raise FoveateError(f"heads are of agents whose core is a transformer, not {type(core).__name__}.")
    count = min(AT_ONCE, episodes)
    env = make_worlds(env_id, count, str(policy.device), dict(arguments))
    world = world_of(env)
    if not isinstance(world, SequenceWorld):
        raise FoveateError(f"{env_id} shows what depends on answers: heads are judged in Memory worlds and in texts.")
    policy.check_plays(env.single_observation_space, env.single_action_space)
    env.reset(seed=seed)
    sums: dict[str, Tensor] = {}
    example = None
    for _ in range(-(-episodes // count)):
        whole = world.episodes(count)
        weights = over_moments(predict_episodes(policy, whole).records["read_weights"], whole.length)
        seen = there(whole.length, weights.shape[-1])
        for name, mask in roles_of(world, whole).items():
            row = _summed(weights, mask & seen, seen)
            sums[name] = sums[name] + row if name in sums else row
        example = example or Read(symbols_of(world, whole), _of_first(weights, core.layers))
    assert example is not None
    roles = [_role(name, row, core.layers) for name, row in sums.items()]
    return Heads([role for role in roles if role.moments], example)


def over_moments(
    weights: Float[Tensor, "time batch heads context"], length: Int[Tensor, " batch"]
) -> Float[Tensor, "batch heads time time"]:
    """How much each moment counted at each, where a record counts moments back from the present one.

    Args:
        weights: (T, B, H, C), the last column of each row the moment itself.
        length: of each episode; what is beyond counts as zero.
    """
    steps, rows, heads, context = weights.shape
    found = weights.new_zeros(rows, heads, steps, steps)
    for t in range(steps):
        some = min(t + 1, context)
        found[:, :, t, t + 1 - some : t + 1] = weights[t, :, :, context - some :]
    inside = torch.arange(steps, device=length.device) < length[:, None]  # (B, T)
    return found * inside[:, None, :, None]


def there(length: Int[Tensor, " batch"], steps: int) -> Bool[Tensor, "batch time time"]:
    """Which moments there are to be seen at each: itself and earlier ones of the episode.

    Args:
        length: of each episode.
        steps: T.
    """
    time = torch.arange(steps, device=length.device)
    return (time <= time[:, None]) & (time[:, None] < length[:, None, None])


def roles_of(world: SequenceWorld, episodes: Episodes) -> dict[str, Tensor]:
    """What a head may look at, each bool (B, T, T): at each moment, which others.

    Args:
        world: that the episodes are of.
        episodes: n of them.
    """
    symbol = _numbers(episodes)  # (B, T)
    steps = symbol.shape[1]
    time = torch.arange(steps, device=symbol.device)
    earlier = time < time[:, None]  # (T, T)
    same = (symbol[:, :, None] == symbol[:, None]) & earlier  # (B, T, T)
    followed = same.roll(1, 2)
    followed[:, :, 0] = False
    state = dict(episodes.state)
    decides = []
    for t in range(steps):
        state["clock"] = torch.full_like(episodes.length, t)
        decides.append(world.sources(state)[:, :steps])
    every = torch.ones_like(symbol[:, :, None])
    found = {
        ITSELF: (time == time[:, None]) * every.bool(),
        BEFORE: (time == time[:, None] - 1) * every.bool(),
        SAME: same,
        FOLLOWED: followed & (time <= time[:, None]),
        DECIDES: torch.stack(decides, 1),
    }
    if isinstance(world, Text):
        letters = torch.tensor([letter.isalnum() for letter in ALPHABET], device=symbol.device)
        inside = letters[_brightest(episodes)]  # (B, T)
        word = (~inside).cumsum(1)  # the words before it
        found[WORD] = (word[:, :, None] == word[:, None]) & inside[:, :, None] & inside[:, None] & earlier
    return found


def _brightest(episodes: Episodes) -> Int[Tensor, "batch time"]:
    """The channel that is brightest, of observations that are vectors: which symbol was shown."""
    (seen,) = leaves(episodes.observation)
    return seen.argmax(-1).T


def symbols_of(world: SequenceWorld, episodes: Episodes) -> list[str]:
    """What the first episode showed, moment by moment: characters of a text, else numbers of what was alike."""
    count = int(episodes.length[0])
    if isinstance(world, Text):
        return [ALPHABET[number] for number in _brightest(episodes)[0, :count].tolist()]
    return [str(number) for number in _numbers(episodes)[0, :count].tolist()]


def _numbers(episodes: Episodes) -> Int[Tensor, "batch time"]:
    """A number for each moment, the same for what was shown alike."""
    seen = torch.cat([each.flatten(2).to(torch.float64) for each in leaves(episodes.observation)], -1)  # (T, B, D)
    _, number = torch.unique(seen.flatten(0, 1), dim=0, return_inverse=True)
    return number.view(seen.shape[:2]).T


def _summed(weights: Tensor, mask: Tensor, seen: Tensor) -> Tensor:
    """Of the moments at which something of a mask is to be seen, and something else too: how many, the sum of its share
    of what is seen, and of what each head gives it, (2 + heads,)."""
    shown, all_of_it = mask.sum(-1), seen.sum(-1)  # (B, T)
    asked = (shown > 0) & (shown < all_of_it)
    chance = (shown / all_of_it.clamp(min=1))[asked].sum()
    mass = (weights * mask[:, None]).sum(-1)  # (B, heads, T)
    given = (mass * asked[:, None]).sum((0, 2))
    return torch.cat([torch.stack([asked.sum().to(given.dtype), chance]), given]).double().cpu()


def _role(name: str, sums: Tensor, layers: int) -> Role:
    count = max(1, int(sums[0]))
    return Role(name, int(sums[0]), float(sums[1]) / count, (sums[2:] / count).view(layers, -1).numpy())


def _of_first(weights: Tensor, layers: int) -> np.ndarray:
    return weights[0].unflatten(0, (layers, -1)).numpy(force=True)
