"""Wrappers: the retina around any environment, flat actions."""

import warnings
from types import ModuleType

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate import wrappers
from foveate.agents import LearnerOptions, PolicyGradient
from foveate.analysis import saliency_benchmark
from foveate.errors import FoveateError
from foveate.wrappers import FlattenAction, Foveate, saliency
from foveate.wrappers.flatten import ActionFlattener


class Pictures(gym.Env):
    """Random pictures of any layout."""

    metadata = {"render_modes": ["rgb_array"]}

    def __init__(self, space: spaces.Box, action_space: spaces.Space | None = None):
        self.observation_space = space
        self.action_space = action_space or spaces.Discrete(3)
        self.render_mode = "rgb_array"
        self.actions: list = []

    def _picture(self) -> np.ndarray:
        space = self.observation_space
        if space.dtype == np.uint8:
            return self.np_random.integers(0, 256, space.shape, dtype=np.uint8)
        return self.np_random.random(space.shape).astype(np.float32)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple:
        super().reset(seed=seed)
        return self._picture(), {}

    def step(self, action: object) -> tuple:
        self.actions.append(action)
        return self._picture(), 0.0, len(self.actions) % 5 == 0, False, {}

    def render(self) -> np.ndarray:
        return np.zeros((10, 10, 3), np.uint8)


LAYOUTS = [
    spaces.Box(0, 255, (40, 30), np.uint8),
    spaces.Box(0, 255, (40, 30, 3), np.uint8),
    spaces.Box(0, 255, (4, 40, 30), np.uint8),
    spaces.Box(0.0, 1.0, (40, 30, 1), np.float32),
]


@pytest.mark.parametrize("space", LAYOUTS, ids=str)
def test_foveate_sees_the_picture_around_the_gaze(space: spaces.Box) -> None:
    env = Foveate(Pictures(space), patch=6, scales=2)
    seen, _ = env.reset(seed=0)
    assert seen in env.observation_space
    action = {"action": 1, "location": np.array([0.2, -0.3], np.float32)}
    seen, *_ = env.step(action)
    assert seen in env.observation_space
    assert env.unwrapped.actions == [1]
    # (0.2, -0.3) of 30 x 40 is column 18, row 14: the finest patch is rows 11-16, columns 15-20
    twin = Pictures(space)
    twin.reset(seed=0)
    picture = twin.step(1)[0].astype(np.float32) / (255 if space.dtype == np.uint8 else 1)
    if picture.ndim == 2:
        picture = picture[None]
    elif picture.shape[-1] < picture.shape[0]:
        picture = picture.transpose(2, 0, 1)
    channels = len(picture)
    assert np.allclose(seen["glimpse"][:channels], picture[:, 11:17, 15:21], atol=1e-6)
    frame = env.render()
    assert frame.ndim == 3
    assert frame.dtype == np.uint8


def test_foveate_passes_gymnasium_s_check_and_trains_with_ram() -> None:
    env = Foveate(Pictures(LAYOUTS[0]), patch=6, scales=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*different from the unwrapped version.*")
        warnings.filterwarnings("ignore", message=".*not having a spec.*")
        check_env(env, skip_render_check=True)
    learner = PolicyGradient(
        "ram", env, LearnerOptions(worlds=1, minibatches=1), policy_kwargs={"hidden": 8}, device="cpu"
    )
    learner.learn(20)


def test_foveate_beside_parts_of_the_game_s_own() -> None:
    own = spaces.Dict({"move": spaces.Discrete(2), "speed": spaces.Box(0.0, 1.0, (1,), np.float32)})
    env = Foveate(Pictures(LAYOUTS[0], own))
    env.reset(seed=0)
    assert set(env.action_space.spaces) == {"location", "move", "speed"}
    env.step(env.action_space.sample())
    assert set(env.unwrapped.actions[-1]) == {"move", "speed"}


@pytest.mark.parametrize(
    "space", [spaces.Box(-1.0, 1.0, (4,), np.float32), spaces.Discrete(3), spaces.Box(-9.0, 9.0, (5, 5), np.float32)]
)
def test_foveate_refuses_what_is_no_image(space: spaces.Space) -> None:
    with pytest.raises(FoveateError, match="needs images"):
        Foveate(Pictures(space))


def test_foveate_refuses_a_place_that_is_none() -> None:
    env = Foveate(Pictures(LAYOUTS[0]))
    env.reset(seed=0)
    with pytest.raises(FoveateError, match="location"):
        env.step({"action": 0, "location": np.array([np.nan, 0])})


@given(seed=st.integers(0, 10**6), to=st.sampled_from(["auto", "multidiscrete", "box"]), bins=st.integers(2, 6))
@settings(max_examples=60, deadline=None)
def test_every_flat_action_is_an_action(seed: int, to: str, bins: int) -> None:
    space = spaces.Dict(
        {
            "a": spaces.Discrete(4, start=-1),
            "b": spaces.Box(np.array([[-1.0, 0.0]], np.float32), np.array([[1.0, 5.0]], np.float32)),
            "c": spaces.MultiBinary(2),
            "d": spaces.MultiDiscrete([2, 5]),
        }
    )
    flattener = ActionFlattener(space, to, bins)
    flattener.space.seed(seed)
    batch = flattener.unflatten(np.stack([flattener.space.sample() for _ in range(3)]))
    for i in range(3):
        assert space.contains({name: part[i] for name, part in batch.items()}), batch


def test_flattening_reaches_every_value() -> None:
    space = spaces.Dict({"label": spaces.Discrete(3), "location": spaces.Box(-1.0, 1.0, (2,), np.float32)})
    flattener = ActionFlattener(space, bins=5)
    assert flattener.space == spaces.MultiDiscrete([3, 5, 5])
    corners = flattener.unflatten(np.array([[2, 0, 4], [0, 2, 1]]))
    assert corners["label"].tolist() == [2, 0]
    assert corners["location"].tolist() == [[-1, 1], [0, -0.5]]
    scores = ActionFlattener(space, "box").unflatten(np.array([[0.1, 0.9, -1, 0.3, 0.4]], np.float32))
    assert scores["label"].tolist() == [1]
    assert np.allclose(scores["location"], [[0.3, 0.4]])
    assert isinstance(ActionFlattener(spaces.Dict({"x": space["location"]})).space, spaces.Box)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FlattenAction(gym.make("CartPole-v1")), "only Dict"),
        (lambda: ActionFlattener(spaces.Dict({"x": spaces.Text(3)})), "Text"),
        (lambda: ActionFlattener(spaces.Dict({"x": spaces.Discrete(3)}), "boxes"), "Did you mean 'box'"),
        (lambda: ActionFlattener(spaces.Dict({"x": spaces.Discrete(3)}), bins=1), "bins=1"),
    ],
)
def test_what_can_t_be_flattened(make: object, message: str) -> None:
    with pytest.raises(FoveateError, match=message):
        make()


@pytest.mark.parametrize(
    ("module", "name", "home"),
    [
        (wrappers, "VideoWriter", "viz.video.VideoWriter"),
        (wrappers, "contact_sheet", "viz.pictures.contact_sheet"),
        (wrappers, "write_picture", "viz.pictures.write_picture"),
        (wrappers, "write_video", "viz.video.write_video"),
        (wrappers, "adversary", "analysis.adversary"),
        (wrappers, "video", "viz.video"),
        (saliency, "examine", "analysis.saliency_benchmark"),
        (saliency_benchmark, "examine", "analysis.saliency_benchmark.benchmark"),
        (saliency_benchmark, "collect", "analysis.saliency_moments.collect"),
        (saliency, "panels", "viz.panels"),
        (saliency, "recall", "analysis.recall"),
        (saliency, "scores", "analysis.saliency_scores"),
    ],
)
def test_names_that_moved_are_still_there_and_say_where_they_went(module: ModuleType, name: str, home: str) -> None:
    vars(module).pop(name, None)  # importing `foveate.wrappers.video` leaves it here, and what is here does not warn
    with pytest.warns(DeprecationWarning, match=rf"{name} is now foveate\.{home}\."):
        found = getattr(module, name)
    place = found.__name__ if isinstance(found, ModuleType) else f"{found.__module__}.{found.__name__}"
    assert place == f"foveate.{home}"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = module.nothing
