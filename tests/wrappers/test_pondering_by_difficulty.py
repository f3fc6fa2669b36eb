"""How long it is thought, by difficulty: against a slow loop through the episodes, moment by moment."""

import math
from collections import defaultdict
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from foveate.agents import AGENTS
from foveate.agents.policies.policy import Policy
from foveate.analysis.pondering import pondered
from foveate.errors import FoveateError

WORLDS = {
    "Memory/Parity-v0": {"bits": 8, "per_step": 4},
    "Memory/Logic-v0": {"gates": 4, "max_length": 4},
    "Memory/Sort-v0": {"symbols": 5, "max_length": 5},
}


def small_agent(name: str, env: gym.Env, **options: Any) -> Policy:
    make: Any = AGENTS[name]
    policy = make(env.observation_space, env.action_space, hidden=8, **options).eval()
    for weight in policy.core.parameters():
        torch.nn.init.normal_(weight)
    return policy


def difficulty_of(env_id: str, shown: list[np.ndarray], place: int) -> int:
    """What a person counts in what is shown."""
    if "Parity" in env_id:
        return int(sum(np.count_nonzero(each) for each in shown))
    if "Logic" in env_id:
        return int(shown[place][2:].sum())
    return next(number for number, each in enumerate(shown, start=1) if each[1] == 1)


@pytest.mark.parametrize("env_id", WORLDS)
@pytest.mark.parametrize("agent", ["pondering", "gru"])
def test_the_figures_are_those_of_stepping(env_id: str, agent: str) -> None:
    torch.manual_seed(0)
    env = gym.make(env_id, **WORLDS[env_id])
    policy = small_agent(agent, env)
    found = pondered(policy, env_id, WORLDS[env_id], 30, seed=3)
    rows = defaultdict[int, list[tuple[bool, float]]](list)
    for seed in range(3, 33):
        shown, records = [], []
        seen, info = env.reset(seed=seed)
        state, start, over = policy.initial_state(1), torch.ones(1, 1, dtype=torch.bool), False
        while not over:
            said = policy(torch.as_tensor(seen)[None, None], state, start, record=True)
            (logits,) = said.parameters.values()
            right = int(logits.argmax()) == info["target"]
            shown.append(seen)
            records.append((info["target_mask"], right, said.records.get("ponder")))
            seen, _, over, _, info = env.step(0)
            state, start = said.state, torch.zeros_like(start)
        for place, (due, right, ponder) in enumerate(records):
            if due:
                steps = math.nan if ponder is None else float(ponder.detach())
                rows[difficulty_of(env_id, shown, place)].append((right, steps))
    assert list(found.levels) == sorted(rows)
    for level, figures in found.levels.items():
        right, steps = np.array(rows[level], float).T
        assert figures == pytest.approx((len(right), right.mean(), steps.mean()), abs=1e-4, nan_ok=True)
    if agent == "gru":
        assert math.isnan(found.correlation)
    else:
        levels, steps = zip(*((level, steps) for level, row in rows.items() for _, steps in row), strict=True)
        assert found.correlation == pytest.approx(spearmanr(levels, steps)[0], abs=1e-3)


def test_worlds_that_do_not_tell_are_refused() -> None:
    env = gym.make("Memory/Copy-v0")
    with pytest.raises(FoveateError, match="Memory/Copy-v0 doesn't tell how difficult it is"):
        pondered(small_agent("gru", env), "Memory/Copy-v0", {}, 2, seed=0)
