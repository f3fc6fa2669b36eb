"""What `foveate.agents` offers: lazily where it weighs something, and what has moved with a warning."""

import subprocess
import sys

import pytest

import foveate.sb3
from foveate import agents
from foveate.agents.learning.options import LEARNERS


def loaded(code: str) -> set[str]:
    """The modules that are loaded after some code has run in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "import foveate.agents",
        "from foveate.agents import AGENTS, LEARNERS, LearnerOptions, agent_class; agent_class('ram')",
        "from foveate.agents.learning import checkpoint, run_folder, evaluation, policy_gradient, backprop",
    ],
)
def test_stable_baselines3_is_loaded_by_those_who_use_it(code: str) -> None:
    assert "stable_baselines3" not in loaded(code)


def test_a_training_loads_no_other_learner() -> None:
    code = "from foveate.agents import learner_class; learner_class('ppo')"
    names = loaded(code)
    assert "stable_baselines3" in names
    assert "foveate.agents.learning.q_learning" not in names
    assert "sb3_contrib" not in names


def test_names_that_moved_warn_and_work() -> None:
    with pytest.warns(DeprecationWarning, match=r"foveate\.sb3\.GymVecEnv"):
        assert agents.GymVecEnv is foveate.sb3.GymVecEnv
    with pytest.warns(DeprecationWarning, match=r"foveate\.agents\.Algorithm"):
        assert agents.Learner is agents.Algorithm
    with pytest.raises(AttributeError, match="Lerner"):
        agents.Lerner  # noqa: B018


def test_every_objective_has_its_algorithm() -> None:
    for objective, kind in LEARNERS.items():
        algorithm = agents.learner_class(objective)
        assert algorithm.learner_class.options_class is kind.options
        assert kind.options(objective=objective, **kind.defaults).objective == objective
    assert all(getattr(agents, name) is not None for name in agents.__all__)
