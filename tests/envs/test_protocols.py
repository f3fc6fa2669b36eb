"""Protocols: what a world or an environment offers is asked for without calling anything."""

import gymnasium as gym
import pytest
import torch

from foveate.envs import IDS
from foveate.envs.glimpse import Digits
from foveate.envs.protocols import (
    HasExactState,
    HasGaze,
    HasLessons,
    NativeVectorEnv,
    RetinaWorld,
    TakesInterventions,
    find_layer,
    world_of,
)
from foveate.wrappers import Foveate
from foveate.wrappers.saliency.pictures import gaze_of


def test_a_bug_inside_gaze_does_not_read_as_having_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Digits, state: object) -> None:
        self.no_such_attribute  # noqa: B018

    monkeypatch.setattr(Digits, "gaze", broken)
    for env in (gym.make("Glimpse/Digits-v0"), gym.make_vec("Glimpse/Digits-v0", num_envs=2)):
        env.reset(seed=0)
        with pytest.raises(AttributeError, match="no_such_attribute"):
            gaze_of(env)


def test_the_gaze_of_an_environment_and_of_those_without_one() -> None:
    env = gym.make("Glimpse/Digits-v0", scales=2)
    env.reset(seed=0)
    gaze = gaze_of(env)  # through Gymnasium's own wrappers
    assert gaze.pictures.dtype == torch.uint8
    assert gaze.pictures.shape == (1, 28, 28)
    assert gaze.outlines.shape == (1, 2, 4)
    whole = gym.make("Glimpse/Digits-v0", view="image")
    whole.reset(seed=0)
    others = [whole, gym.make("Memory/Copy-v0"), gym.make("CartPole-v1"), gym.make_vec("CartPole-v1", num_envs=2)]
    assert [gaze_of(env) for env in others] == [None] * 4
    outer = Foveate(whole)  # a wrapper with a gaze of its own
    outer.reset(seed=0)
    assert gaze_of(gym.wrappers.TransformReward(outer, float)).outlines.shape[0] == 1


def test_layers_and_worlds() -> None:
    vector = gym.make_vec("Memory/Copy-v0", num_envs=2)
    wrapped = gym.wrappers.vector.RecordEpisodeStatistics(vector)
    assert isinstance(vector, NativeVectorEnv)
    assert not isinstance(wrapped, NativeVectorEnv)
    assert find_layer(wrapped, NativeVectorEnv) is vector
    assert world_of(wrapped) is vector.world
    foreign = gym.make_vec("CartPole-v1", num_envs=2)
    assert find_layer(foreign, HasExactState) is None
    assert find_layer(foreign, HasGaze) is None
    assert world_of(foreign) is None


def test_which_worlds_offer_what() -> None:
    classes = {i: gym.spec(i).vector_entry_point for i in IDS}
    worlds = {i: gym.envs.registration.load_env_creator(entry).world_class for i, entry in classes.items()}
    offers = lambda protocol: {i for i, world in worlds.items() if isinstance(world, protocol)}  # noqa: E731
    assert offers(TakesInterventions) == {"Glimpse/Fur-v0", *(i for i in IDS if i.startswith("Probe/"))}
    assert offers(RetinaWorld) == {i for i in IDS if i.startswith("Glimpse/")}
    graphs = {"GraphTraversal", "ShortestPath", "GraphInference", "Underground", "UndergroundShortestPath"}
    memory = {f"Memory/{name}-v0" for name in graphs | {"FamilyTree", "Allocation", "ScratchPad", "MiniShrdlu"}}
    sequences = {"Sequence/Caption-v0", "Sequence/Cloze-v0", "Sequence/Speech-v0"}
    assert offers(HasLessons) == memory | sequences | {"Glimpse/HouseNumbers-v0", "Glimpse/AddDigits-v0"}
