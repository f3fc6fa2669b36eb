"""Tasks as a supervised data set: the same episodes as the faces play, whatever the number of workers."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from ids import GLIMPSE_IDS, MEMORY_IDS, PROBE_IDS, SCRIPTS, SEQUENCE_IDS, short
from torch.utils.data import DataLoader

from foveate.envs import TaskDataset
from foveate.errors import FoveateError


def same(a: object, b: object) -> bool:
    if isinstance(a, dict):
        return all(same(a[key], b[key]) for key in a)
    return torch.equal(a, b)


@pytest.mark.parametrize("env_id", [*GLIMPSE_IDS, *MEMORY_IDS, *SEQUENCE_IDS])
def test_every_memory_and_glimpse_world_with_targets_is_a_data_set(env_id: str) -> None:
    if env_id == "Glimpse/Catch-v0":
        with pytest.raises(FoveateError, match="no targets"):
            TaskDataset(env_id)
        return
    observations, targets, mask = next(iter(TaskDataset(env_id, batch=3, **short(env_id))))
    steps = mask.shape[1]
    first = next(iter(observations.values())) if isinstance(observations, dict) else observations
    due = next(iter(targets.values())) if isinstance(targets, dict) else targets
    assert mask.dtype == torch.bool
    assert mask.any(1).all()
    assert first.shape[:2] == due.shape[:2] == (3, steps)


@pytest.mark.parametrize("env_id", ["Memory/Copy-v0", "Memory/Tape-v0"])
def test_its_episodes_are_the_single_face_s(env_id: str) -> None:
    (observations, targets, mask) = next(iter(TaskDataset(env_id, batch=3, seed=11, **short(env_id))))
    for i in range(3):
        env = gym.make(env_id, **short(env_id)).unwrapped
        seen, info = env.reset(seed=11 + i)
        over, t = False, 0
        while not over:
            np.testing.assert_array_equal(observations[i, t], seen)
            np.testing.assert_array_equal(targets[i, t], info["target"])
            assert bool(mask[i, t]) == info["target_mask"]
            seen, _, ended, cut, info = env.step(targets[i, t].numpy())
            over, t = ended or cut, t + 1
        assert not mask[i, t:].any()
        assert not observations[i, t:].any()


@pytest.mark.parametrize("env_id", SCRIPTS)
def test_batches_that_are_known_at_once_are_those_of_stepping(env_id: str) -> None:
    data = TaskDataset(env_id, batch=3, seed=4, **short(env_id))
    at_once = next(iter(data))
    world = data._make()
    world.reset(keys=torch.arange(4, 7))
    rows = []
    while not bool(world.over.all()):
        alive = ~world.over[:, None]
        info = world.annotate(world.state)
        step = world.observe(world.state), info["target"], info["target_mask"]
        rows.append([torch.where(alive.view(-1, *(1,) * (x.ndim - 1)), x, torch.zeros_like(x)) for x in step])
        over = world.over
        world.step(world.oracle())
        world.over = over | world.over
    assert all(same(a, torch.stack(b, 1)) for a, b in zip(at_once, zip(*rows, strict=True), strict=True))


def test_any_number_of_workers_yields_the_same_batches() -> None:
    data = TaskDataset("Memory/Copy-v0", batch=4, batches=5, max_length=3)
    alone = list(data)
    together = list(DataLoader(data, batch_size=None, num_workers=2))
    assert len(alone) == len(together) == 5
    for a, b in zip(alone, together, strict=True):
        assert all(same(x, y) for x, y in zip(a, b, strict=True))


def test_passes_differ_and_repeat() -> None:
    data = TaskDataset("Memory/Copy-v0", batch=4, batches=2, max_length=3)
    first = list(data)
    data.set_pass(1)
    second = list(data)
    assert not same(first[0][1], second[0][1])
    data.set_pass(0)
    assert same(first[1][1], list(data)[1][1])
    with pytest.raises(FoveateError, match="how many batches"):
        TaskDataset("Memory/Copy-v0").set_pass(1)


def test_glimpses_are_of_random_places_or_of_the_whole_image() -> None:
    seen, targets, mask = next(iter(TaskDataset("Glimpse/Digits-v0", batch=50, reward="every")))
    assert seen["location"].std() > 0.4
    assert mask.all()
    assert (targets == targets[:, :1]).all()
    seen, _, _ = next(iter(TaskDataset("Glimpse/Digits-v0", batch=4, view="image")))
    assert seen.shape == (4, 6, 1, 28, 28)
    assert seen.dtype == torch.uint8
    still = lambda world: {**world.oracle(), "location": torch.zeros(4, 2)}  # noqa: E731
    seen, _, _ = next(iter(TaskDataset("Glimpse/Digits-v0", batch=4, play=still)))
    assert not seen["location"][:, 1:].any()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"env_id": PROBE_IDS[0]}, "no targets"),
        ({"env_id": "Memory/Copy-v0", "batch": 0}, "batch=0"),
        ({"env_id": "Memory/Cpoy-v0"}, "Did you mean 'Memory/Copy-v0'"),
        ({"env_id": "Multi/SharedGaze-v0"}, "no environment of one agent"),
        ({"env_id": "CartPole-v1"}, "no environment of one agent"),
        ({"env_id": "Memory/Copy-v0", "play": "oracel"}, "Did you mean 'oracle'"),
        ({"env_id": "Memory/Copy-v0", "max_lenght": 3}, "Did you mean 'max_length'"),
    ],
)
def test_mistakes_are_named_at_once(arguments: dict, words: str) -> None:
    with pytest.raises(FoveateError, match=words):
        TaskDataset(**arguments)
