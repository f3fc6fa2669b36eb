"""What characters cost: against a slow loop, character by character."""

import math
from collections import defaultdict
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from foveate.agents import AGENTS
from foveate.agents.policies.policy import Policy
from foveate.analysis.text_costs import DISTANCES, text_costs
from foveate.envs.registry import make_one
from foveate.envs.sequence.prose import KINDS
from foveate.errors import FoveateError

ID = "Sequence/Text-v0"


def small_agent(name: str, env: gym.Env, **options: Any) -> Policy:
    make: Any = AGENTS[name]
    return make(env.observation_space, env.action_space, hidden=8, **options).eval()


@pytest.mark.parametrize(
    ("agent", "options"), [("gru", {}), ("pondering", {"penalty": 0.1}), ("transformer", {"heads": 2, "context": 7})]
)
def test_the_costs_are_those_of_stepping_through_the_texts(agent, options):
    arguments = {"length": 160, "names": 1, "markup": True}
    env = gym.make(ID, **arguments)
    torch.manual_seed(0)
    policy = small_agent(agent, env, **options)
    found = text_costs(policy, ID, arguments, 3, seed=5)
    columns = defaultdict(list)
    for seed in (5, 6, 7):
        one = make_one(ID, arguments).unwrapped
        seen, info = one.reset(seed=seed)
        kinds, sources = (one.world.state[name][0].tolist() for name in ("kinds", "source"))
        state, start = policy.initial_state(1), torch.ones(1, 1, dtype=torch.bool)
        for place, kind in enumerate(kinds, start=1):
            said = policy(torch.as_tensor(seen)[None, None], state, start, record=True)
            (logits,) = said.parameters.values()
            chance = float(logits.detach().flatten().softmax(0)[info["target"]])
            distance = place - sources[place - 1] if sources[place - 1] >= 0 else -1
            ponder = float(said.records["ponder"].detach()) if agent == "pondering" else math.nan
            columns["row"].append((-math.log2(chance), info["optimum"], ponder))
            columns["kind"].append(kind)
            columns["distance"].append(distance)
            state, start = said.state, torch.zeros_like(start)
            seen, _, _, _, info = one.step(0)
    rows, kinds, distances = (np.array(columns[name]) for name in ("row", "kind", "distance"))

    def same(cost, chosen):
        assert cost.characters == chosen.sum()
        wanted = rows[chosen].mean(0)
        assert (cost.bits, cost.optimum, cost.ponder) == pytest.approx(wanted, abs=1e-4, nan_ok=True)

    same(found.all, np.ones(len(rows), bool))
    assert list(found.kinds) == [KINDS[kind] for kind in sorted(set(kinds))]
    for name, cost in found.kinds.items():
        same(cost, kinds == KINDS.index(name))
    assert sum(cost.characters for cost in found.recall.values()) == (distances > 0).sum() > 0
    for (low, high), cost in found.recall.items():
        assert high in DISTANCES
        same(cost, (distances >= low) & (distances <= high))


def test_texts_of_ones_own_have_no_optimum(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("\n".join(f"line {number}" for number in range(99)), encoding="utf-8")
    env = gym.make(ID)
    policy = small_agent("gru", env)
    found = text_costs(policy, ID, {"data": str(path), "length": 20}, 2, seed=0)
    assert found.all.characters == 38
    assert math.isnan(found.all.optimum)
    assert not found.recall


def test_only_texts_have_characters():
    env = gym.make("Memory/Copy-v0")
    policy = small_agent("gru", env)
    with pytest.raises(FoveateError, match=r"Sequence/Text-v0, not of Memory/Copy-v0"):
        text_costs(policy, "Memory/Copy-v0", {}, 2, seed=0)
