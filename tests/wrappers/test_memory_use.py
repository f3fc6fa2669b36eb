"""What a memory is used for: against slow counting, and on readings and writings that were made up."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from foveate.agents import AGENTS
from foveate.agents.policies.policy import Policy
from foveate.analysis import memory_use as use
from foveate.analysis.memory_use import Counters, Sorted, memory_use
from foveate.analysis.whole_episodes import predict_episodes
from foveate.envs.protocols import world_of
from foveate.envs.registry import make_worlds
from foveate.errors import FoveateError
from foveate.viz.memory_use import draw_counters, draw_places

GRAMS, SORT = "Memory/DynamicNGrams-v0", "Memory/PrioritySort-v0"
SHORT = {"context": 2, "bits": 30}


def machine(env_id: str, arguments: dict[str, Any], name: str = "ntm") -> Policy:
    torch.manual_seed(0)
    env = gym.make(env_id, **arguments)
    options = {"rows": 9, "width": 4, "blank": "random"} if name == "ntm" else {}
    make: Any = AGENTS[name]
    return make(env.observation_space, env.action_space, hidden=6, **options).eval()


def test_what_followed_is_counted_as_by_hand() -> None:
    policy = machine(GRAMS, SHORT)
    env = make_worlds(GRAMS, 3, "cpu", SHORT)
    env.reset(seed=4)
    world: Any = world_of(env)
    whole = world.episodes(3)
    records = predict_episodes(policy, whole).records
    found, place = use._counted(whole, records), 0
    for row in range(3):
        bits = whole.observation[:, row, 0].int().tolist()
        balance = dict.fromkeys(range(4), 0)
        for t in range(1, 29):
            history = 2 * bits[t - 1] + bits[t]
            assert found["history"][place] == history
            assert found["balance"][place] == balance[history]
            weights, memory = records["read_weights"][t, row, 0], records["memory"][t, row]
            np.testing.assert_allclose(found["read"][place], weights @ memory, atol=1e-6)
            if t < 28:
                balance[history] += 1 if bits[t + 1] else -1
            place += 1
    assert place == len(found["history"])


def test_a_memory_that_counts_is_found_out_and_one_that_does_not_is_not() -> None:
    rng = np.random.default_rng(0)
    history, balance = rng.integers(0, 4, 4000), rng.normal(size=4000)
    weights = 0.1 * rng.random((4000, 2, 9))
    weights[np.arange(4000), 1, 2 * history] += 0.9  # the second head reads a row for each
    direction = rng.normal(size=(4, 5))
    columns = {
        "history": history,
        "balance": balance,
        "weights": weights,
        "read": balance[:, None] * direction[history],
    }
    found = use._counters(columns, 4)
    assert found.distinct == 4
    assert found.own == pytest.approx(0.95, abs=0.01)
    assert found.rows.shape == (4, 9)
    assert found.correlation == pytest.approx(1.0, abs=1e-3)
    other = use._counters({**columns, "read": rng.normal(size=(4000, 5))}, 4)
    assert abs(other.correlation) < 0.1


def test_places_are_means_over_rows() -> None:
    arguments = {"items": 5, "answers": 3}
    policy = machine(SORT, arguments)
    env = make_worlds(SORT, 2, "cpu", arguments)
    env.reset(seed=1)
    world: Any = world_of(env)
    whole = world.episodes(2)
    records = predict_episodes(policy, whole).records
    found = use._placed(world, whole, records)
    for row in range(2):
        for item in range(5):
            assert found["priority"][row, item] == whole.observation[item, row, 8]
            where = sum(place * float(w) for place, w in enumerate(records["write_weights"][item, row, 0]))
            assert found["written"][row, item, 0] == pytest.approx(where, abs=1e-5)
        for answer in range(3):
            where = sum(place * float(w) for place, w in enumerate(records["read_weights"][6 + answer, row, 0]))
            assert found["read"][row, answer, 0] == pytest.approx(where, abs=1e-5)


def test_order_is_found_in_places() -> None:
    priority = np.linspace(-1, 1, 20).reshape(2, 10)
    read = np.tile(np.arange(4.0), (2, 1))
    columns = {
        "priority": priority,
        "written": np.stack([-(priority**3), np.zeros_like(priority)], -1),
        "read": np.stack([read, -read], -1),
    }
    found = use._sorted(columns)
    assert found.by_priority[0] == pytest.approx(-1.0)
    assert found.in_order == pytest.approx([1.0, -1.0], abs=0.05)  # ties between the episodes' own orders
    assert found.read.tolist() == [[0, 1, 2, 3], [0, -1, -2, -3]]


def test_whole_episodes_of_both() -> None:
    counters = memory_use(machine(GRAMS, SHORT), GRAMS, SHORT, 4, seed=0)
    assert isinstance(counters, Counters)
    assert len(counters.counted) == len(counters.told) == 4 * 28 // 2
    places = memory_use(machine(SORT, {}), SORT, {}, 3, seed=0)
    assert isinstance(places, Sorted)
    assert places.written.shape == (1, 60)
    for picture in (
        draw_counters(counters.rows, counters.counted, counters.told, counters.correlation),
        draw_places(places.priority, places.written[0], places.read[0], ("one", "two")),
    ):
        assert picture.startswith(b"\x89PNG")


def test_others_are_refused() -> None:
    with pytest.raises(FoveateError, match="no external memory"):
        memory_use(machine(GRAMS, SHORT, "gru"), GRAMS, SHORT, 2, 0)
    with pytest.raises(FoveateError, match="Copy"):
        memory_use(machine("Memory/Copy-v0", {}), "Memory/Copy-v0", {}, 2, 0)
