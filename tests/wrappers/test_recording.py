"""Filming whatever is shown: instruments inside stay within reach, and films hold what was to be seen."""

import copy
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from saliency_worlds import learner

from foveate.wrappers import MemoryTrace, RecordVideo, Saliency, SequentialJacobian


def _maps(env: gym.Env) -> gym.Env:
    return Saliency(env, learner("mlp", "Memory/Copy-v0", hidden=8), "jacobian", "logits")


def _trace(env: gym.Env) -> gym.Env:
    return MemoryTrace(env, learner("ntm", "Memory/Copy-v0", hidden=8, rows=6, width=5))


def _time(env: gym.Env) -> gym.Env:
    return SequentialJacobian(env, learner("gru", "Memory/Copy-v0", hidden=8))


INSTRUMENTS = {_maps: "maps", _trace: "trace", _time: "matrix"}
Wrap = Callable[[gym.Env], gym.Env]


@pytest.mark.parametrize("outer", [None, *INSTRUMENTS])
@pytest.mark.parametrize("inner", INSTRUMENTS)
def test_what_an_instrument_says_is_reached_through_whatever_films_it(tmp_path: Path, inner: Wrap, outer: Wrap) -> None:
    env = inner(gym.make("Memory/Copy-v0", min_length=2, max_length=2))
    env = RecordVideo(env if outer is None else outer(env), tmp_path / "a.mp4")
    env.reset(seed=0)
    env.step(env.action_space.sample())
    assert len(getattr(env, INSTRUMENTS[inner])())
    if outer is not None:
        assert len(getattr(env, INSTRUMENTS[outer])())
    with pytest.raises(AttributeError, match="nonsense"):
        env.nonsense  # noqa: B018
    assert not hasattr(env, "_private")
    env.close()
    assert (tmp_path / "a.mp4").stat().st_size > 500


def test_instruments_can_be_copied() -> None:
    env = _maps(gym.make("Memory/Copy-v0"))
    env.reset(seed=0)
    other = copy.deepcopy(env)
    assert np.array_equal(env.maps()["jacobian", "logits"], other.maps()["jacobian", "logits"])


class _Floats(gym.Env):
    """Draws in floats."""

    metadata = {"render_modes": ["rgb_array"]}
    observation_space = gym.spaces.Box(0, 1, (2,))
    action_space = gym.spaces.Discrete(2)
    render_mode = "rgb_array"

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple:
        return np.zeros(2, np.float32), {}

    def step(self, action: int) -> tuple:
        return np.zeros(2, np.float32), 0.0, False, False, {}

    def render(self) -> np.ndarray:
        return np.full((20, 20, 3), 0.5, np.float32)


def test_frames_of_floats_are_not_black(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    env = RecordVideo(_Floats(), tmp_path / "a.mp4")
    env.reset(seed=0)
    env.close()
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert abs(float(next(container.decode(video=0)).to_ndarray(format="rgb24").mean()) - 128) < 4


def test_a_film_is_whole_though_nobody_closes_it(tmp_path: Path) -> None:
    code = (
        "import gymnasium as gym; from foveate.wrappers import RecordVideo\n"
        "env = RecordVideo(gym.make('Probe/Catch-v0', render_mode='rgb_array'), 'a.mp4')\n"
        "env.reset(seed=0); env.step(0); env.step(0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not re.search("Error|Exception", done.stderr), done.stderr
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 3
