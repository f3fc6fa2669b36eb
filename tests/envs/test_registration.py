"""Ids and what is derived from them: registrations, Gymnasium's classes, and no module that an id doesn't need."""

import importlib
import pickle
import subprocess
import sys
from types import ModuleType

import gymnasium as gym
import pytest
import torch

from foveate import envs
from foveate.envs import IDS, MULTI_IDS, BatchWorld, register_world
from foveate.envs.registration import family_attribute
from foveate.errors import FoveateError

HEAVY = {"pettingzoo", "cv2", "ale_py", "matplotlib", "stable_baselines3", "sklearn", "mlxtend"}


@pytest.mark.parametrize("env_id", IDS)
def test_the_classes_behind_an_id_can_be_imported_and_pickled(env_id: str) -> None:
    spec = gym.spec(env_id)
    name = env_id.split("/")[1].removesuffix("-v0")
    package = importlib.import_module(str(spec.entry_point).partition(":")[0])
    for entry_point, suffix in ((spec.entry_point, "Env"), (spec.vector_entry_point, "VectorEnv")):
        assert entry_point == f"{package.__name__}:{name}{suffix}"
        made = getattr(package, name + suffix)
        assert made.__name__ == name + suffix
        assert pickle.loads(pickle.dumps(made)) is made is getattr(package, name + suffix)
        assert made.world_class is getattr(package, name)
    assert {name, f"{name}Env", f"{name}VectorEnv"} <= set(package.__all__) & set(dir(package))
    assert pickle.loads(pickle.dumps(spec)) == spec


@pytest.mark.parametrize("env_id", MULTI_IDS)
def test_the_classes_of_several_agents_too(env_id: str) -> None:
    from foveate.envs import multi

    game = multi.GAMES[env_id]
    assert game.parallel_env.name in multi.__all__
    assert getattr(multi, game.parallel_env.name) is game
    assert pickle.loads(pickle.dumps(game.parallel_env)) is game.parallel_env
    vector = getattr(multi, str(gym.spec(env_id).vector_entry_point).partition(":")[2])
    assert pickle.loads(pickle.dumps(vector)) is vector


def test_pettingzoo_knows_the_games_by_their_ids() -> None:
    import pettingzoo

    from foveate.envs import multi

    if not hasattr(pettingzoo, "make"):
        pytest.skip("PettingZoo before 1.27 has no registry")
    multi.register_with_pettingzoo()
    for env_id in MULTI_IDS:
        assert isinstance(pettingzoo.make("parallel", env_id).unwrapped, multi.GAMES[env_id].parallel_env)
        pettingzoo.make("aec", env_id).reset(seed=0)


def test_a_name_that_a_family_lacks_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"foveate\.envs\.memory.*Cpoy"):
        family_attribute("foveate.envs.memory", "Cpoy")
    with pytest.raises(ImportError, match="CopyParallelEnv"):
        from foveate.envs.memory import CopyParallelEnv  # noqa: F401


@pytest.fixture
def delay(monkeypatch: pytest.MonkeyPatch) -> type[BatchWorld]:
    """A user's world in a module of theirs."""
    module = ModuleType("their_delay")
    monkeypatch.setitem(sys.modules, "their_delay", module)
    source = """
import gymnasium as gym, torch
from foveate.envs import BatchWorld

class Delay(BatchWorld):
    def __init__(self, *, wait: int = 2):
        self.wait, self.observation_space, self.action_space = wait, gym.spaces.Box(0, 1, (1,)), gym.spaces.Discrete(2)
    def start(self, rng):
        return {"shown": rng.integers("shown", 2)}
    def advance(self, state, action, rng):
        last = state["clock"] >= self.wait
        return state, ((action == state["shown"]) & last).float(), last
    def observe(self, state):
        return (state["shown"] * (state["clock"] == 0))[:, None].float()
"""
    exec(source, module.__dict__)
    return module.Delay


def test_one_call_registers_a_world_of_one_s_own(delay: type[BatchWorld]) -> None:
    register_world("Mine/Delay-v0", delay)
    try:
        env = gym.make("Mine/Delay-v0", wait=1)
        env.reset(seed=0)
        assert [env.step(0)[2] for _ in range(2)] == [False, True]
        vector = gym.make_vec("Mine/Delay-v0", num_envs=3, output="torch")
        assert torch.is_tensor(vector.reset(seed=0)[0])
        for made in (type(env.unwrapped), type(vector.unwrapped)):
            assert pickle.loads(pickle.dumps(made)) is made
    finally:
        del gym.registry["Mine/Delay-v0"]


def test_one_call_registers_a_world_of_several_agents() -> None:
    from foveate.envs.multi import SharedGaze

    register_world("Mine/Gaze-v0", SharedGaze)
    try:
        assert gym.make_vec("Mine/Gaze-v0", num_envs=2).reset(seed=0)[0]["seat"].shape == (4, 2)
        with pytest.raises(FoveateError, match="make_vec"):
            gym.make("Mine/Gaze-v0")
    finally:
        del gym.registry["Mine/Gaze-v0"]


def _loaded(code: str) -> set[str]:
    """The modules that some code brings with it."""
    done = subprocess.run([sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.decode().split())


def test_importing_the_package_imports_no_world() -> None:
    loaded = _loaded("import foveate")
    assert {m for m in loaded if m.startswith("foveate.")} <= {
        "foveate.envs",
        "foveate.envs.forks",
        "foveate.envs.registration",
        "foveate.errors",
    }
    assert "torch" not in loaded


@pytest.mark.parametrize("env_id", ["Memory/Copy-v0", "Memory/Tape-v0", "Memory/ShortestPath-v0", "Memory/TMaze-v0"])
def test_an_id_brings_only_what_it_needs(env_id: str) -> None:
    code = f"""
from foveate.envs.registry import env_options, make_one, make_worlds, full_id
full_id("{env_id.lower()}"), env_options("{env_id}")
worlds = make_worlds("{env_id}", 2, "cpu", {{}})
worlds.reset(seed=0), worlds.step(worlds.action_space.sample())
make_one("{env_id}", {{}}, relevance=True).reset(seed=0)
"""
    loaded = _loaded(code)
    assert not {m.partition(".")[0] for m in loaded} & HEAVY
    families = {m.split(".")[2] for m in loaded if m.startswith("foveate.envs.")} & {
        "memory",
        "glimpse",
        "multi",
        "probe",
        "sequence",
    }
    assert families == {"memory"}


def test_what_pictures_need_comes_with_the_first_picture() -> None:
    code = """
import sys, gymnasium
env = gymnasium.make("foveate:Memory/Copy-v0", render_mode="rgb_array")
env.reset(seed=0)
assert "cv2" not in sys.modules
env.render()
"""
    assert "cv2" in _loaded(code)


def test_the_public_names_are_there() -> None:
    assert envs.register_world is register_world
    for name in ("BatchWorld", "TaskDataset", "Episodes", "env_classes"):
        assert getattr(envs, name)


@pytest.mark.parametrize("env_id", IDS)
def test_an_environment_that_could_not_be_built_is_closed_without_a_word(env_id: str) -> None:
    """Gymnasium 1.1 closes what is deleted, also what an impossible argument left half built."""
    spec = gym.spec(env_id)
    for entry_point in (spec.entry_point, spec.vector_entry_point):
        made = gym.envs.registration.load_env_creator(entry_point)
        made.__new__(made).close()
