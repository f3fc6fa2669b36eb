"""Wrappers that any environment can wear: previous action and reward, the true state, a price for looking."""

from collections.abc import Callable

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

from foveate import wrappers
from foveate.errors import FoveateError
from foveate.wrappers import (
    FlattenAction,
    FlattenVectorAction,
    Foveate,
    Markovian,
    MarkovianVector,
    PreviousActionReward,
    PreviousActionRewardVector,
    PriceOfLooking,
    PriceOfLookingVector,
)
from foveate.wrappers.beside import Beside

MODES = ["SameStep", "NextStep", "Disabled"]
# what puts parts beside the observation, and its vector form; `wrappers` names both
BESIDE = [
    (value, vars(wrappers)[f"{name}Vector"])
    for name, value in vars(wrappers).items()
    if name in wrappers.__all__ and isinstance(value, type) and issubclass(value, Beside)
]
IDS = ["Memory/TMaze-v0", "Memory/Copy-v0", "Glimpse/Digits-v0", "Memory/Arithmetic-v0", "CartPole-v1"]


@pytest.mark.parametrize("env_id", IDS)
def test_the_previous_action_and_reward_are_seen(env_id: str) -> None:
    env = PreviousActionReward(gym.make(env_id))
    check_env(env, skip_render_check=True)
    env.action_space.seed(0)
    seen, _ = env.reset(seed=1)
    assert not seen["previous_action"].any()
    assert not seen["previous_reward"].any()
    action = env.action_space.sample()
    seen, reward, *_ = env.step(action)
    assert seen["previous_reward"][0] == pytest.approx(reward)
    np.testing.assert_allclose(seen["previous_action"], gym.spaces.flatten(env.action_space, action))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("wrap", "wrap_vector"), BESIDE)
def test_vector_and_single_agree(wrap: Callable, wrap_vector: Callable, mode: str) -> None:
    vector = wrap_vector(gym.make_vec("Memory/TMaze-v0", num_envs=3, autoreset_mode=mode, corridor=1))
    singles = [wrap(gym.make("Memory/TMaze-v0", corridor=1)) for _ in range(3)]
    vector.action_space.seed(4)
    _same(vector.reset(seed=6)[0], [env.reset(seed=6 + i)[0] for i, env in enumerate(singles)])
    over = np.zeros(3, dtype=bool)
    for _ in range(40):
        if mode == "Disabled" and over.any():
            seen, _ = vector.reset(options={"reset_mask": over})
            made = [env.reset()[0] if over[i] else None for i, env in enumerate(singles)]
            _same(seen, made)
            over[:] = False
        action = vector.action_space.sample()
        seen, _, terminated, truncated, info = vector.step(action)
        made: list[gym.Env] = []
        for i, env in enumerate(singles):
            if mode == "NextStep" and over[i]:
                made.append(env.reset()[0])
                continue
            one, _, ended, cut, _ = env.step(action[i])
            assert (ended, cut) == (terminated[i], truncated[i])
            if mode == "SameStep" and (ended or cut):
                last = info["final_obs"][i]
                assert set(last) == set(one)
                if wrap is not Markovian:
                    for name in one:
                        np.testing.assert_array_equal(last[name], one[name])
                one = env.reset()[0]
            made.append(one)
        _same(seen, made)
        over = terminated | truncated


def _same(seen: dict, singles: list[gym.Env]) -> None:
    for i, one in enumerate(singles):
        for name in one or ():
            np.testing.assert_array_equal(seen[name][i], one[name])


def test_the_true_state_makes_a_task_markovian() -> None:
    """Two mazes with other cues look alike in the corridor, and are told apart by the state."""
    env = Markovian(gym.make("Memory/TMaze-v0"))
    check_env(env, skip_render_check=True)
    seen = {}
    for seed in range(20):
        first, _ = env.reset(seed=seed)
        later, *_ = env.step(0)
        seen[int(first["observation"][1])] = later
    assert set(seen) == {0, 1}
    np.testing.assert_array_equal(seen[0]["observation"], seen[1]["observation"])
    assert (seen[0]["state"] != seen[1]["state"]).any()


def test_a_foreign_environment_may_tell_its_state() -> None:
    class Told(gym.Wrapper):
        @property
        def unwrapped(self) -> gym.Env:
            return self

        def get_state(self) -> dict:
            return {"all": np.array(self.env.unwrapped.state)}

    env = Markovian(Told(gym.make("CartPole-v1")))
    seen, _ = env.reset(seed=0)
    np.testing.assert_allclose(seen["state"], seen["observation"])
    with pytest.raises(FoveateError, match="get_state"):
        Markovian(gym.make("CartPole-v1"))


def test_each_move_of_the_gaze_costs_its_distance() -> None:
    env = PriceOfLooking(gym.make("Glimpse/Digits-v0"), price=0.1)
    check_env(env, skip_render_check=True)
    before, _ = env.reset(seed=0)
    action = {"label": 0, "location": np.array([0.5, -0.5], np.float32)}
    after, reward, _, _, info = env.step(action)
    assert info["price"] == pytest.approx(0.1 * np.linalg.norm(after["location"] - before["location"]))
    assert reward == pytest.approx(-info["price"])
    _, reward, *_ = env.step(action)  # it stays where it is
    assert reward == 0
    each = PriceOfLooking(gym.make("Glimpse/Digits-v0"), price=0.1, of="moves")
    each.reset(seed=0)
    assert each.step(action)[1] == pytest.approx(-0.1)


def test_it_fits_anything_under_the_retina() -> None:
    env = PriceOfLooking(Foveate(gym.make("Probe/Catch-v0", stack=1), patch=8), price=0.05)
    env.reset(seed=0)
    action = {"action": 1, "location": np.array([1.0, 1.0], np.float32)}
    assert env.step(action)[4]["price"] > 0
    with pytest.raises(FoveateError, match="'location' is needed"):
        PriceOfLooking(gym.make("CartPole-v1"))


@pytest.mark.parametrize("mode", MODES[:2])
def test_the_price_in_vectors_is_that_of_the_single_face(mode: str) -> None:
    vector = PriceOfLookingVector(gym.make_vec("Glimpse/Digits-v0", num_envs=3, autoreset_mode=mode, glimpses=3), 0.1)
    singles = [PriceOfLooking(gym.make("Glimpse/Digits-v0", glimpses=3), 0.1) for _ in range(3)]
    vector.action_space.seed(2)
    vector.reset(seed=5)
    for i, env in enumerate(singles):
        env.reset(seed=5 + i)
    over = False
    for _ in range(14):
        action = vector.action_space.sample()
        _, reward, terminated, _, info = vector.step(action)
        for i, env in enumerate(singles):
            if mode == "NextStep" and over:
                env.reset()
                assert reward[i] == 0
                continue
            _, single, _, _, told = env.step({name: part[i] for name, part in action.items()})
            assert reward[i] == pytest.approx(single, abs=1e-6)
            assert info["price"][i] == pytest.approx(told["price"], abs=1e-6)
            if mode == "SameStep" and terminated[i]:
                env.reset()
        over = bool(terminated.all())


@pytest.mark.parametrize("wrapper", [PreviousActionRewardVector, MarkovianVector, PriceOfLookingVector])
def test_tensors_are_refused(wrapper: Callable) -> None:
    with pytest.raises(FoveateError, match="numpy"):
        wrapper(gym.make_vec("Glimpse/Digits-v0", num_envs=2, output="torch"))


def test_all_combinations_as_one_number() -> None:
    env = FlattenAction(gym.make("Glimpse/Digits-v0", location="tiles", tiles=2), to="discrete")
    assert env.action_space == gym.spaces.Discrete(40)
    made = [env.action(n) for n in range(40)]
    assert sorted((int(a["label"]), int(a["location"])) for a in made) == [
        (label, tile) for label in range(10) for tile in range(4)
    ]
    bits = FlattenVectorAction(gym.make_vec("Memory/Copy-v0", num_envs=2, width=3), to="discrete")
    assert bits.single_action_space == gym.spaces.Discrete(8)
    np.testing.assert_array_equal(bits.flattener.unflatten(np.array([5, 2])), [[1, 0, 1], [0, 1, 0]])
    with pytest.raises(FoveateError, match="combinations"):
        FlattenAction(gym.make("Glimpse/Digits-v0", location="tiles", tiles=40), to="discrete")


def test_modes_are_gymnasium_s() -> None:
    assert {mode.value for mode in AutoresetMode} == set(MODES)


def test_unseeded_environments_differ() -> None:
    """The constructor looks at a state, and must not seed the world by it."""
    states = [Markovian(gym.make("Memory/Copy-v0")).reset()[0]["state"] for _ in range(3)]
    assert any(len(a) != len(b) or (a != b).any() for a, b in ((states[0], states[1]), (states[1], states[2])))


def test_a_truncated_episode_s_last_state_is_its_own() -> None:
    vector = MarkovianVector(gym.make_vec("Memory/TMaze-v0", num_envs=2, autoreset_mode="SameStep", corridor=3))
    single = Markovian(gym.make("Memory/TMaze-v0", corridor=3))
    vector.reset(seed=0)
    single.reset(seed=0)
    cut = False
    while not cut:  # turning in the corridor does nothing but cost time
        one, _, _, cut, _ = single.step(1)
        _, _, _, truncated, info = vector.step(np.array([1, 1]))
        assert truncated[0] == cut
    np.testing.assert_array_equal(info["final_obs"][0]["state"], one["state"])
    with pytest.raises(FoveateError, match="parallel_env"):
        MarkovianVector(gym.make_vec("Multi/CocktailParty-v0"))
