"""What other people's environments may do to a training: ends that are told twice, and numbers that are none."""

import math
from collections.abc import Callable, Sequence

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import LEARNERS, Ends, Scripted, same_step
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor, VecNormalize

from foveate.agents import AGENTS, BackpropOptions, LearnerOptions, QOptions
from foveate.agents.learning.environments import environments_of
from foveate.agents.learning.rollout import Collector
from foveate.agents.learning.vec_env import GymVecEnv
from foveate.errors import FoveateError

DOORS: dict[str, Callable[[Sequence[Callable[[], gym.Env]]], object]] = {
    "one environment": lambda makers: makers[0](),
    "SyncVectorEnv": same_step,
    "GymVecEnv": lambda makers: GymVecEnv(same_step(makers)),
    "DummyVecEnv": DummyVecEnv,
    "VecMonitor": lambda makers: VecMonitor(DummyVecEnv(makers)),
    "VecMonitor(GymVecEnv)": lambda makers: VecMonitor(GymVecEnv(same_step(makers))),
}
pattern = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=5)


@pytest.mark.parametrize("door", DOORS)
@given(ends=pattern)
@settings(max_examples=10, deadline=None)
def test_nothing_is_bootstrapped_where_an_episode_came_to_its_end(door: str, ends: Ends) -> None:
    policy = AGENTS["mlp"](Scripted.observation_space, Scripted.action_space, layers=(4,), hidden=4)
    env = DOORS[door]([lambda: Scripted(ends)] * 2)
    played = Collector(environments_of(env), policy, horizon=7).collect()
    assert played is not None
    rollout = played[0]
    expected = [ends[t % len(ends)] for t in range(7)]
    assert rollout.ended[:, 0].tolist() == [terminated or truncated for terminated, truncated in expected]
    assert (rollout.truncation_value[:, 0] != 0).tolist() == [cut and not over for over, cut in expected]


@pytest.mark.parametrize("mode", list(AutoresetMode))
@given(ends=pattern)
@settings(max_examples=10, deadline=None)
def test_stable_baselines3_hears_of_a_cut_only_where_nothing_ended(mode: AutoresetMode, ends: Ends) -> None:
    env = GymVecEnv(SyncVectorEnv([lambda: Scripted(ends)] * 2, autoreset_mode=mode))
    env.reset()
    heard = []
    for _ in range(9):
        _, _, done, infos = env.step(np.zeros(2, np.int64))
        if done[0]:
            heard.append(infos[0]["TimeLimit.truncated"])
    cuts = [cut and not over for over, cut in [ends[t % len(ends)] for t in range(9)] if over or cut]
    assert heard == cuts[: len(heard)]


@pytest.mark.parametrize("objective", LEARNERS)
@pytest.mark.parametrize("bad", ["observation", "reward"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_that_is_none_stops_the_training_in_one_sentence(
    tmp_path: object, objective: str, bad: str, value: float
) -> None:
    ends = [(False, False)] * 4 + [(True, False)]
    env = same_step([lambda: Scripted(ends), lambda: Scripted(ends, bad, 7, value)])
    learner = LEARNERS[objective](env)
    with pytest.raises(FoveateError, match=rf"stopped at step [\d,]+: the (last )?{bad} of world 1 is not finite"):
        learner.learn(200)
    assert all(bool(p.isfinite().all()) for p in learner.policy.parameters())


@pytest.mark.parametrize("objective", LEARNERS)
def test_a_rate_that_breaks_the_weights_stops_the_training_and_nothing_is_saved(
    tmp_path: object, objective: str
) -> None:
    env = same_step([lambda: Scripted([(False, False)] * 4 + [(True, False)])] * 2)
    learner = LEARNERS[objective](env)
    learner.options.lr = 1e30  # within the numbers, and far beyond all reason
    try:
        learner.learn(400)
    except FoveateError as error:  # and nothing else: PyTorch's own errors say nothing
        assert "stopped at step" in str(error)  # noqa: PT017
    else:
        assert all(bool(p.isfinite().all()) for p in learner.policy.parameters())
    for parameter in learner.policy.parameters():
        parameter.data.fill_(math.nan)
    with pytest.raises(FoveateError, match="not finite"):
        learner.save(f"{tmp_path}/kept")


OPTIONS = {LearnerOptions: {}, BackpropOptions: {}, QOptions: {}}


@pytest.mark.parametrize("kind", OPTIONS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1.0, -1e-9, 1e30])
def test_absurd_rates_and_coefficients_are_refused(kind: type, value: float) -> None:
    for name, default in vars(kind()).items():
        if isinstance(default, float) and not (name == "max_grad_norm" and value > 0):
            with pytest.raises(FoveateError, match=name):
                kind(**{name: value})


def test_numpy_numbers_are_made_plain() -> None:
    options = LearnerOptions(worlds=np.int64(3), lr=np.float32(0.5), minibatches=np.int32(1))
    assert (type(options.worlds), type(options.lr)) == (int, float)


def test_learning_behind_a_normalising_wrapper() -> None:
    env = VecNormalize(DummyVecEnv([lambda: Scripted([(False, False)] * 4 + [(True, True)])] * 2))
    LEARNERS["ppo"](env).learn(40)


def test_adapters_take_finite_numbers_of_any_kind() -> None:
    worlds = environments_of(same_step([Scripted] * 2), "cpu")
    assert worlds.reset(0).observation.shape == (2, 3)


def test_sets_of_right_answers_reach_the_learner_through_every_door() -> None:
    """Whatever is right is right: in losses, in lessons and in figures, of our worlds in any vector environment."""
    arguments = {"min_length": 2, "max_length": 3}
    makers = [lambda: gym.make("Memory/Tape-v0", **arguments)] * 3
    native = gym.make_vec("Memory/Tape-v0", num_envs=3, autoreset_mode="SameStep", output="torch", **arguments)
    doors = [native, same_step(makers), DummyVecEnv(makers), VecMonitor(DummyVecEnv(makers))]
    told = []
    for door in doors:
        worlds = environments_of(door)
        steps = [worlds.reset(seed=4)]
        for _ in range(6):
            target = steps[-1].target
            assert target is not None
            steps.append(worlds.step(target["action"]))
        told.append([step.target_set for step in steps])
    assert any(part is not None for part in told[0])
    for sets in told[1:]:
        for one, other in zip(told[0], sets, strict=True):
            assert (one is None) == (other is None)
            assert one is None or all(torch.equal(one[name], other[name]) for name in one)


class Forgetful(SyncVectorEnv):
    """Begins anew in the same step, and says of some worlds only, or in another form, what has ended."""

    def __init__(self, form: str, ends: Ends):
        super().__init__([lambda: Scripted(ends)] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
        self.form = form

    def step(self, actions: np.ndarray) -> tuple:
        *outcome, info = super().step(actions)
        final = info.pop("final_obs", None)
        if final is not None and self.form == "some":
            info["final_obs"] = np.array([final[0], None], dtype=object)
        if final is not None and self.form == "dense":
            info["final_obs"] = np.stack(list(final))
        return *outcome, info


@pytest.mark.parametrize("door", ["vector", "GymVecEnv"])
@pytest.mark.parametrize("end", [(True, False), (False, True)])
@pytest.mark.parametrize("form", ["none", "some", "dense"])
def test_who_begins_anew_says_what_ended(door: str, end: tuple[bool, bool], form: str) -> None:
    env = Forgetful(form, [(False, False), end])
    for objective, make in LEARNERS.items():
        learner = make(env if door == "vector" else GymVecEnv(env))
        if form == "dense":
            learner.learn(8)
            continue
        with pytest.raises(FoveateError, match=rf"world {int(form == 'some')} ended an episode.*'final_obs'"):
            learner.learn(20)
        assert learner.num_timesteps <= 4, objective
