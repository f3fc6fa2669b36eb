"""Scenes and the glimpse sensor: the same ones in every world that has them."""

import gymnasium as gym
import numpy as np
import pytest
import torch

from foveate.envs.counter_rng import CounterRNG
from foveate.envs.glimpse import retina
from foveate.envs.glimpse.scene import ImageScene
from foveate.envs.glimpse.sensor import GlimpseSensor
from foveate.errors import FoveateError
from foveate.introspect import constructor_options, divide_options

DISTURBED = {"noise": 0.1, "contrast": 0.8, "augment": 1.0}


@pytest.mark.parametrize("env_id", ["Multi/SharedGaze-v0", "Multi/HideAndSeek-v0"])
@pytest.mark.parametrize("options", [{}, DISTURBED], ids=["plain", "disturbed"])
def test_a_team_looks_at_the_picture_that_one_agent_sees_at_the_same_seed(env_id: str, options: dict) -> None:
    team = gym.make_vec(env_id, num_envs=5, **options)
    one = gym.make_vec("Glimpse/TranslatedDigits-v0", num_envs=5, view="image", **options)
    team.reset(seed=3)
    picture, info = one.reset(seed=3)
    world = team.unwrapped.world
    assert np.array_equal(world.scene.picture(world.state).numpy(), picture[:, 0])
    assert np.array_equal(world.state["label"].numpy(), info["target"])


def test_a_scene_needs_no_world() -> None:
    scene, sensor = ImageScene(size=40, clutter=2), GlimpseSensor(patch=8, scales=2, first="centre")
    key = torch.arange(4)
    rng = CounterRNG(key, torch.zeros_like(key), torch.zeros_like(key))
    state = scene.start(rng)
    state |= {**scene.derive(state), **sensor.start(rng)}
    picture = scene.picture(state)
    assert picture.shape == (4, *scene.shape)
    assert (picture[scene.relevance(state)] >= 64).all()
    seen = sensor.observe(scene.pooled(state, sensor.pooled_scales), state)
    assert list(seen) == list(sensor.observation_parts())
    torch.testing.assert_close(seen["glimpse"][:, 0], picture[:, 16:24, 16:24] / 255)
    assert sensor.outlines(state, scene.shape)[0].tolist() == [[16, 16, 24, 24], [12, 12, 28, 28]]


def test_a_plain_scene_pools_the_image_alone_and_gives_the_same_glimpses() -> None:
    scene, sensor = ImageScene(size=60), GlimpseSensor(patch=12, scales=3)
    key = torch.arange(50)
    rng = CounterRNG(key, torch.zeros_like(key), torch.zeros_like(key))
    state = scene.start(rng)
    state |= {**scene.derive(state), **sensor.start(rng)}
    whole = retina.pool(scene.picture(state).float()[:, None] / 255, 3)
    torch.testing.assert_close(sensor.look(scene.pooled(state, 3), state), sensor.look(whole, state))


def test_no_two_parts_of_a_world_have_an_option_in_common() -> None:
    scene, sensor = constructor_options(ImageScene), constructor_options(GlimpseSensor)
    assert not scene.keys() & sensor.keys()
    given = {"size": 40, "zoom": True}
    assert divide_options(given, "Digits", ImageScene, GlimpseSensor) == [{"size": 40}, {"zoom": True}]
    with pytest.raises(FoveateError, match=r"unknown Digits option 'zom'.*Did you mean 'zoom'"):
        divide_options({"zom": True}, "Digits", ImageScene, GlimpseSensor)
