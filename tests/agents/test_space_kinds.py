"""Every kind of space through every door: learned with, saved, loaded, resumed and looked into, or refused at once."""

from collections import OrderedDict
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from foveate import tree
from foveate.agents import AGENTS, LearnerOptions, PolicyGradient, load
from foveate.errors import FoveateError
from foveate.wrappers import Saliency

BOX, BIT = spaces.Box(-1, 1, (3,)), spaces.Discrete(2)
OF_NUMBERS: dict[str, spaces.Space] = {
    **{f"Box {name}": spaces.Box(0, 100, (2, 3), name) for name in ("uint8", "uint16", "uint32", "uint64")},
    **{f"Box {name}": spaces.Box(-100, 100, (3,), name) for name in ("int8", "int16", "int32", "int64")},
    **{f"Box {name}": spaces.Box(-1, 1, (3,), name) for name in ("float16", "float32", "float64")},
    "Box ()": spaces.Box(0, 1, ()),
    "Box () float64": spaces.Box(0, 1, (), np.float64),
    "Discrete from -2": spaces.Discrete(4, start=-2),
    "Discrete uint8": spaces.Discrete(150, start=100, dtype=np.uint8),
    "MultiDiscrete": spaces.MultiDiscrete([2, 3], start=[5, -1]),
    "MultiDiscrete int32": spaces.MultiDiscrete([2, 3], dtype=np.int32),
    "MultiBinary": spaces.MultiBinary(3),
    "MultiBinary n-d": spaces.MultiBinary((2, 3)),
    "Dict": spaces.Dict(OrderedDict(b=spaces.Box(0, 1, (), np.float64), a=spaces.Discrete(3, start=1))),
    "Dict with odd names": spaces.Dict(
        dict.fromkeys(("type", "to", "forward", "float", "values", "arm.left", ""), BOX)
    ),
    "Dict of a name and its part": spaces.Dict({"arm": BOX, "arm.left": BOX, "arm%2Eleft": BOX, "training": BOX}),
}
OBSERVATIONS = OF_NUMBERS | {
    "Box bool": spaces.Box(0, 1, (3,), bool),
    "Box without bounds": spaces.Box(-np.inf, np.inf, (3,), np.float64),
    "MultiDiscrete n-d": spaces.MultiDiscrete([[2, 3], [4, 2]], start=[[1, 0], [0, -1]]),
    "pictures, channels last": spaces.Box(0, 255, (12, 10, 3), np.uint8),
    "pictures in a Dict": spaces.Dict(
        seen=spaces.Box(0, 255, (12, 10, 3), np.uint8), also=spaces.Box(0, 255, (1, 9, 9), np.uint8)
    ),
}
NO_NUMBERS: dict[str, spaces.Space] = {
    "Text": spaces.Text(3),
    "Tuple": spaces.Tuple([BOX, BIT]),
    "Sequence": spaces.Sequence(BIT),
    "Graph": spaces.Graph(BOX, BIT),
    "OneOf": spaces.OneOf([BOX, BIT]),
    "empty Dict": spaces.Dict({}),
    "empty Box": spaces.Box(0, 1, (0,)),
    "Dict inside a Dict": spaces.Dict(a=spaces.Dict(b=BOX)),
    "Tuple in a Dict": spaces.Dict(a=spaces.Tuple([BOX])),
    "Box longdouble": spaces.Box(-1, 1, (3,), np.longdouble),
}
NO_ACTIONS = NO_NUMBERS | {
    "Box without bounds": spaces.Box(-np.inf, np.inf, (3,)),
    "Box without bounds in a Dict": spaces.Dict(a=spaces.Box(-np.inf, np.inf, (3,))),
    "Box of all floats": spaces.Box(np.finfo(np.float32).min, np.finfo(np.float32).max, (3,)),
    "MultiDiscrete n-d": spaces.MultiDiscrete([[2, 3], [4, 2]]),
}


class Anything(gym.Env):
    """Shows members of one space and takes members of another."""

    def __init__(self, observation_space: spaces.Space, action_space: spaces.Space, render_mode: str | None = None):
        self.observation_space, self.action_space, self.render_mode = observation_space, action_space, render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.clock = 0
        return self.observation_space.sample(), {}

    def step(self, action):
        assert self.action_space.contains(action), action
        self.clock += 1
        return self.observation_space.sample(), 1.0, False, self.clock >= 3, {}


def vector(observation: spaces.Space, action: spaces.Space, copy: bool = True) -> SyncVectorEnv:
    make = [lambda: Anything(observation, action)] * 2
    return SyncVectorEnv(make, copy=copy, autoreset_mode=AutoresetMode.SAME_STEP)


OPTIONS = LearnerOptions(objective="ppo", horizon=4, worlds=2, minibatches=1)


def through_every_door(observation: spaces.Space, action: spaces.Space, folder: Path, agent: str = "mlp") -> None:
    """Learn, save, load, predict, resume, look into; every action is one of its space."""
    kwargs = {"layers": (4,)} if agent == "mlp" else {}
    learner = PolicyGradient(agent, vector(observation, action), OPTIONS, policy_kwargs=kwargs, seed=0, device="cpu")
    learner.learn(8)
    learner.save(folder)
    again = load(folder, device="cpu")
    shown = observation.sample()
    chosen, _ = learner.predict(shown, deterministic=True)
    assert action.contains(chosen)
    assert all(map(np.array_equal, tree.leaves(chosen), tree.leaves(again.predict(shown, deterministic=True)[0])))
    batch = tree.map(lambda _, x, y: np.stack([x, y]), tree.of_space(observation), shown, observation.sample())
    for row in tree.unstack(learner.predict(batch)[0]):
        assert action.contains(row)
    load(folder, vector(observation, action), device="cpu").learn(16, reset_num_timesteps=False)
    single = PolicyGradient(again.policy, Anything(observation, action), OPTIONS, device="cpu")
    single.learn(4)
    env = Anything(observation, action)
    has_picture = any(
        isinstance(part, (spaces.Box, spaces.MultiBinary)) for part in tree.leaves(tree.of_space(observation))
    )
    if not has_picture:
        with pytest.raises(FoveateError, match="can be explained"):
            Saliency(env, again)
        return
    film = Saliency(env, again)
    film.reset(seed=0)
    for _ in range(2):
        film.step(film.action_space.sample())
        assert all(np.isfinite(one).all() for one in film.maps().values())
        film.render()


@pytest.mark.parametrize("name", OBSERVATIONS)
def test_observations_of_every_kind(name: str, tmp_path: Path) -> None:
    through_every_door(OBSERVATIONS[name], BIT, tmp_path / "run")


@pytest.mark.parametrize("name", OF_NUMBERS)
def test_actions_of_every_kind(name: str, tmp_path: Path) -> None:
    through_every_door(BOX, OF_NUMBERS[name], tmp_path / "run", "gru" if "Dict" in name else "mlp")


@pytest.mark.parametrize("part", ["observation", "action"])
@pytest.mark.parametrize("name", NO_ACTIONS)
def test_spaces_that_are_refused_before_anything_is_learned(name: str, part: str) -> None:
    if part == "observation" and name not in NO_NUMBERS:
        return
    space = NO_ACTIONS[name]
    given = (space, BIT) if part == "observation" else (BOX, space)
    with pytest.raises(FoveateError):
        PolicyGradient("mlp", Anything(*given), OPTIONS, device="cpu")
    if "Dict inside" not in name:  # which a policy alone may see
        with pytest.raises(FoveateError):
            AGENTS["mlp"](*given)


@pytest.mark.parametrize("agent", ["ram", "dram"])
@pytest.mark.parametrize("name", ["location", "gaze"])
def test_a_part_may_not_be_called_as_what_an_agent_chooses_inside(agent: str, name: str) -> None:
    with pytest.raises(FoveateError, match=name):
        AGENTS[agent](spaces.Box(0, 255, (1, 40, 40), np.uint8), spaces.Dict({name: BIT, "answer": BIT}))


@pytest.mark.parametrize("name", dir(torch.nn.ModuleDict({"a": torch.nn.Identity()})))
def test_parts_may_be_called_as_anything_that_a_module_has(name: str) -> None:
    space = spaces.Dict({name: BIT})
    policy = AGENTS["mlp"](BOX, space, layers=())
    policy.train().eval()
    policy.load_state_dict(policy.state_dict())
    assert list(policy.heads) == [name]
    assert space.contains(dict(policy.predict(BOX.sample())[0]))
