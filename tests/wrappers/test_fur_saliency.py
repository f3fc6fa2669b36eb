"""Fur and background as objects: maps of whole pictures, and of glimpses, are divided among them."""

import gymnasium as gym
import pytest
import torch

from foveate.agents import AGENTS
from foveate.analysis.saliency_study import Subject, study
from foveate.wrappers.saliency import view_of

ID = "Glimpse/Fur-v0"
SMALL = {"ram": {"hidden": 8, "what": 8, "where": 8}, "cnn": {}}


@pytest.mark.parametrize(("agent", "view"), [("cnn", "image"), ("ram", "glimpse")])
def test_a_map_lies_on_the_fur_and_on_the_background(agent: str, view: str) -> None:
    env = {"view": view, "glimpses": 2}
    made = gym.make(ID, **env)
    torch.manual_seed(0)
    policy = AGENTS[agent](made.observation_space, made.action_space, **SMALL[agent])
    found = study(Subject(view_of(policy), ID, env, 0), ["jacobian"], [], 8)
    assert found.areas["fur"] + found.areas["background"] == pytest.approx(1)
    for row in found.rows:
        assert set(row.shares) == {"fur", "background"}
        assert sum(row.shares.values()) == pytest.approx(1, abs=1e-5)
        assert 0 < row.shares["fur"] < 1
    for moved in found.effects.values():
        assert set(moved) == {"fur", "background"}
