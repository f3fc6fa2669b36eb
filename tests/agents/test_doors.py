"""One gate for every observation: whoever brings it, and however its environment keeps it, a policy sees the same."""

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import DummyVecEnv

from foveate.agents import AGENTS, LearnerOptions, PolicyGradient, QLearning, QOptions, load
from foveate.agents.learning.actor import Actor
from foveate.agents.learning.environments import environments_of
from foveate.agents.learning.vec_env import GymVecEnv
from foveate.analysis.measure import measure
from foveate.envs.spaces import to_floats
from foveate.errors import FoveateError
from foveate.wrappers import Foveate, Saliency

PICTURES = spaces.Box(0, 255, (40, 48, 3), np.uint8)
SHORT = LearnerOptions(objective="ppo", horizon=8, worlds=1, minibatches=1)


class Quadrant(gym.Env):
    """A picture with one bright corner of one colour: which colour pays."""

    metadata = {"render_modes": ["rgb_array"]}
    observation_space, action_space = PICTURES, spaces.Discrete(3)

    def __init__(self, render_mode: str | None = None):
        self.render_mode = render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._next(), {}

    def _next(self):
        self.right, self.clock = int(self.np_random.integers(3)), getattr(self, "clock", 0) + 1
        picture = self.np_random.integers(0, 50, PICTURES.shape).astype(np.uint8)
        picture[:20, :10, self.right] = 250
        return picture

    def step(self, action):
        reward = float(action == self.right)
        return self._next(), reward, self.clock % 4 == 0, False, {}

    def render(self):
        return np.zeros(PICTURES.shape, np.uint8)


gym.register("Doors/Quadrant-v0", Quadrant)


@pytest.mark.parametrize("agent", ["cnn", "vit", "mlp", "ram", "dram", "soft-attention", "dueling"])
def test_every_door_shows_a_policy_the_same_picture(agent: str, tmp_path: Path) -> None:
    env = SyncVectorEnv([Quadrant] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    options = QOptions(memory=100, warm_up=4, batch=4) if agent == "dueling" else SHORT
    learner = (QLearning if agent == "dueling" else PolicyGradient)(agent, env, options, seed=0, device="cpu")
    learner.learn(16)
    learner.save(tmp_path / "run")
    again, single = load(tmp_path / "run", device="cpu"), Quadrant()
    policy = again.policy
    assert policy.observation_space.shape == (3, 40, 48)
    picture, _ = single.reset(seed=1)
    wanted = torch.from_numpy(picture).permute(2, 0, 1)[None]
    assert torch.equal(policy.read(picture[None]), wanted)
    assert torch.equal(policy.read(wanted), wanted)
    assert torch.equal(policy.read(torch.from_numpy(picture)[None]), wanted)
    assert torch.equal(policy.read_any(picture)[0], wanted)
    for shown in (
        Quadrant(),
        SyncVectorEnv([Quadrant], autoreset_mode=AutoresetMode.SAME_STEP),
        DummyVecEnv([Quadrant]),
    ):
        actor = Actor(policy, environments_of(shown))
        assert actor.reset(seed=1).observation.shape == wanted.shape
        assert actor.step().after.observation.shape == wanted.shape
    film = Saliency(Quadrant("rgb_array"), again, "perturbation")
    film.reset(seed=1)
    assert torch.allclose(film.inputs.observation, wanted / 255)
    assert film.maps()[next(iter(film.maps()))].shape == (40, 48)
    again.predict(picture)
    evaluate_policy(again, Quadrant(), 1, warn=False)
    measure(policy, "Doors/Quadrant-v0", {}, None, 2)
    load(tmp_path / "run", Quadrant(), device="cpu").learn(24, reset_num_timesteps=False)


WHITES = [("bool", 1), ("uint8", 255)]
WHITES += [(kind, white) for kind in ("int16", "uint32", "float16", "float32", "float64") for white in (1, 255)]


class Coloured(Quadrant):
    """The same pictures in another type and layout, from 0 to white."""

    def __init__(self, kind: str, white: int, layout: str, render_mode: str | None = None):
        super().__init__(render_mode)
        self.kind, self.white, self.layout = kind, white, layout
        shape = PICTURES.shape if layout == "HWC" else (3, 40, 48)
        self.observation_space = spaces.Box(0, white, shape, np.dtype(kind).type)

    def _next(self):
        picture = super()._next() / 255 * self.white
        whole = self.kind[0] != "f" or self.white == 255  # of whole numbers, so that all types hold the same
        picture = (np.round(picture) if whole else picture).astype(self.kind)
        return picture if self.layout == "HWC" else picture.transpose(2, 0, 1)


@pytest.mark.parametrize(("kind", "white"), WHITES)
@pytest.mark.parametrize("layout", ["HWC", "CHW"])
def test_a_picture_is_the_same_in_every_type_and_layout(tmp_path: Path, kind: str, white: int, layout: str) -> None:
    make = [lambda: Coloured(kind, white, layout)] * 2
    wide = Coloured(kind, white, layout).reset(seed=1)[0].astype(np.float64) / white
    wanted = torch.from_numpy(wide if layout == "CHW" else wide.transpose(2, 0, 1))[None].float()
    same_step = SyncVectorEnv(make, autoreset_mode=AutoresetMode.SAME_STEP)
    small = {"architecture": "modern", "shrink": 4}
    learners = [
        PolicyGradient("cnn", same_step, SHORT, policy_kwargs=small, seed=0, device="cpu"),
        QLearning("cnn", DummyVecEnv(make), QOptions(memory=40, warm_up=2, batch=2), policy_kwargs=small, device="cpu"),
    ]
    picture, _ = make[0]().reset(seed=1)
    shown = []
    for learner in learners:
        policy = learner.policy
        assert policy.observation_space.shape == (3, 40, 48)
        for given in (picture[None], policy.read(picture[None]), environments_of(make[0]()).reset(1).observation):
            assert torch.allclose(to_floats(policy.read(given)), wanted, atol=2e-3)  # of float16
        policy.encoder.register_forward_pre_hook(lambda _, given: shown.append(to_floats(given[0])))
        learner.learn(8)  # what it plays by, and what it learns from
        learner.predict(picture)
        assert torch.allclose(shown[-1], wanted, atol=2e-3)
    assert all(one.shape[1:] == (3, 40, 48) and one.max() <= 1 for one in shown)
    assert all(one.max() > 0.9 for one in shown)
    film = Saliency(Coloured(kind, white, layout, "rgb_array"), learners[0], "perturbation")
    film.reset(seed=1)
    assert torch.allclose(film.inputs.observation.float(), wanted, atol=2e-3)


def test_a_policy_for_pictures_up_to_1_is_not_given_those_up_to_255(tmp_path: Path) -> None:
    learner = PolicyGradient("mlp", Coloured("float32", 1, "HWC"), SHORT, policy_kwargs={"layers": (4,)}, device="cpu")
    for other in (Coloured("float32", 255, "HWC"), Coloured("uint8", 255, "HWC")):
        with pytest.raises(FoveateError, match="made for observations of"):
            learner.policy.check_plays(other.observation_space, other.action_space)
    learner.policy.check_plays(Coloured("float64", 1, "CHW").observation_space, spaces.Discrete(3))


class Reused(gym.Env):
    """Counts, and writes each observation over the last one."""

    action_space = spaces.Discrete(2)

    def __init__(self, dtype: type[np.floating] = np.float32):
        self.observation_space, self.buffer = spaces.Box(0, 100, (1,), dtype), np.zeros(1, dtype)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.buffer[:] = 0
        return self.buffer, {}

    def step(self, action):
        self.buffer += 1
        return self.buffer, 1.0, False, bool(self.buffer.max() >= 5), {}


BORROWERS = {
    "single": lambda: Reused(),
    "vector": lambda: SyncVectorEnv([Reused] * 2, copy=False, autoreset_mode=AutoresetMode.SAME_STEP),
    "vector in float64": lambda: SyncVectorEnv(
        [lambda: Reused(np.float64)], copy=False, autoreset_mode=AutoresetMode.SAME_STEP
    ),
    "VecEnv": lambda: DummyVecEnv([Reused] * 2),
    "vector as VecEnv": lambda: GymVecEnv(
        SyncVectorEnv([Reused] * 2, copy=False, autoreset_mode=AutoresetMode.SAME_STEP)
    ),
}


@pytest.mark.parametrize("name", BORROWERS)
def test_an_observation_is_nobody_elses(name: str) -> None:
    learner = PolicyGradient("mlp", BORROWERS[name](), SHORT, policy_kwargs={"layers": (4,)}, seed=0, device="cpu")
    collected, _ = learner.learner.collector.collect()
    assert collected.observation[:, 0, 0].tolist() == [0, 1, 2, 3, 4, 0, 1, 2]


@pytest.mark.parametrize("mode", AutoresetMode)
def test_a_vecenv_hands_out_observations_that_stay(mode: AutoresetMode) -> None:
    env = GymVecEnv(SyncVectorEnv([Reused] * 2, copy=False, autoreset_mode=mode))
    shown = [env.reset()]
    for _ in range(4):
        env.step_async(np.zeros(2, int))
        shown.append(env.step_wait()[0])
    assert [float(one[0, 0]) for one in shown] == [0, 1, 2, 3, 4]


WRONG = {
    "too long": np.zeros(9),
    "a batch of too long": np.zeros((2, 9)),
    "too many dimensions": np.zeros((2, 2, 4)),
    "a scalar": 1.0,
    "text": "left",
    "a Dict": {"x": np.zeros(4)},
    "ragged": [[1.0], [1.0, 2.0]],
    "nothing": None,
}


@pytest.mark.parametrize("name", WRONG)
def test_predict_refuses_what_is_no_observation(name: str) -> None:
    policy = AGENTS["mlp"](spaces.Box(-1, 1, (4,)), spaces.Discrete(2))
    with pytest.raises(FoveateError, match=r"shape|numbers|mapping"):
        policy.predict(WRONG[name])
    several = AGENTS["mlp"](spaces.Dict(a=spaces.Box(-1, 1, (4,)), b=spaces.Discrete(2)), spaces.Discrete(2))
    for observation in (WRONG[name], {"a": np.zeros(4)}, {"a": np.zeros((2, 4)), "b": 1}):
        with pytest.raises(FoveateError):
            several.predict(observation)


FORMS = {
    "plain": lambda x: x,
    "reversed": lambda x: np.ascontiguousarray(x[..., ::-1])[..., ::-1],
    "big-endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "long double": lambda x: x.astype(np.longdouble),
    "int64": lambda x: x.astype(np.int64),
    "float32": lambda x: x.astype(np.float32),
    "Fortran": np.asfortranarray,
    "read-only": lambda x: np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape),
    "list": lambda x: x.tolist(),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_form_of_an_array_changes_nothing(form: str) -> None:
    generator = np.random.default_rng(0)
    for space in (
        PICTURES,
        spaces.Box(0, 255, (4,), np.uint8),
        spaces.MultiBinary(4),
        spaces.Box(-9, 9, (4,), np.int16),
    ):
        policy = AGENTS["mlp"](space, spaces.Discrete(2), layers=(4,))
        x = generator.integers(0, 2, (2, *space.shape)).astype(space.dtype)
        given = FORMS[form](x)
        assert torch.equal(policy.read(given).float(), policy.read(x).float())
        policy.predict(given)
    picture = generator.integers(0, 255, (20, 20, 3)).astype(np.uint8)

    class Shown(Quadrant):
        observation_space = spaces.Box(0, 255, (20, 20, 3), np.uint8)

        def _next(self):
            return FORMS[form](picture)

    glimpse = Foveate(Shown(), patch=20, scales=1, first="centre").reset(seed=0)[0]["glimpse"]
    assert np.abs(glimpse - picture.transpose(2, 0, 1) / 255).max() < 1e-6


def test_floats_for_bytes_are_refused_where_they_are_no_bytes() -> None:
    policy = AGENTS["mlp"](PICTURES, spaces.Discrete(2), layers=(4,))
    with pytest.raises(FoveateError, match="whole numbers"):
        policy.predict(np.full(PICTURES.shape, 0.5))


@pytest.mark.parametrize(
    ("observation", "action"),
    [
        (spaces.Box(-1, 1, (5,)), spaces.Discrete(2)),
        (spaces.Box(0, 255, (4,), np.uint8), spaces.Discrete(2)),
        (spaces.Dict(a=spaces.Box(-1, 1, (4,))), spaces.Discrete(2)),
        (spaces.Discrete(4), spaces.Discrete(2)),
        (spaces.Box(-1, 1, (4,)), spaces.Discrete(3)),
        (spaces.Box(-1, 1, (4,)), spaces.Discrete(2, start=1)),
        (spaces.Box(-1, 1, (4,)), spaces.Box(-1, 1, (2,))),
        (spaces.Box(-1, 1, (4,)), spaces.Dict(action=spaces.Discrete(2))),
    ],
)
def test_an_agent_in_another_environment_names_both_spaces(
    observation: spaces.Space, action: spaces.Space, tmp_path: Path
) -> None:
    class Other(gym.Env):
        def __init__(self, seen=observation, acts=action):
            self.observation_space, self.action_space = seen, acts

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            return self.observation_space.sample(), {}

        def step(self, action):
            return self.observation_space.sample(), 1.0, True, False, {}

    mine = spaces.Box(-1, 1, (4,)), spaces.Discrete(2)
    learner = PolicyGradient("mlp", Other(*mine), SHORT, policy_kwargs={"layers": (4,)}, device="cpu")
    learner.save(tmp_path / "run")
    one, other = (mine[0], observation) if observation != mine[0] else (mine[1], action)
    doors = {
        "load": lambda: load(tmp_path / "run", Other(), device="cpu"),
        "set_env": lambda: load(tmp_path / "run", device="cpu").set_env(Other()),
        "a policy": lambda: PolicyGradient(learner.policy, Other(), SHORT, device="cpu"),
        "an actor": lambda: Actor(learner.policy, environments_of(Other())),
    }
    for name, door in doors.items():
        with pytest.raises(FoveateError) as error:
            door()
        assert all(str(space) in str(error.value) for space in (one, other)), name
    looser = Other(spaces.Box(-2, 3, (4,), np.float64), mine[1])  # bounds and the width of floats are nothing to it
    load(tmp_path / "run", looser, device="cpu").learn(8, reset_num_timesteps=False)
