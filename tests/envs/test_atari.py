"""Real Atari: both faces show the same frames; a missing extra is named."""

import sys

import gymnasium as gym
import numpy as np
import pytest

from foveate.envs.registry import check_id, env_options, make_one, make_worlds
from foveate.errors import FoveateError


def test_the_single_game_and_the_vector_show_the_same_frames() -> None:
    pytest.importorskip("ale_py")
    plain = {"sticky": 0.0, "noops": 0, "reward_clipping": False}
    one, many = make_one("ALE/Pong-v5", plain), make_worlds("ALE/Pong-v5", 2, "cpu", plain)
    assert one.observation_space == many.single_observation_space
    seen, both = one.reset(seed=3)[0], many.reset(seed=3)[0]
    assert np.array_equal(seen, both[0])
    random = np.random.default_rng(0)
    for _ in range(150):
        action = int(random.integers(6))
        seen, reward, *_ = one.step(action)
        both, rewards, *_ = many.step(np.array([action, action]))
        assert np.array_equal(seen, both[0])
        assert reward == rewards[1]


def test_options_of_a_game_are_checked() -> None:
    pytest.importorskip("ale_py")
    assert "sticky" in env_options("ALE/Breakout-v5")
    with pytest.raises(FoveateError, match=r"sticky=2.* between 0.0 and 1.0"):
        make_one("ALE/Breakout-v5", {"sticky": 2.0})
    with pytest.raises(FoveateError, match="Did you mean 'ALE/Enduro-v5'"):
        check_id("ALE/Endur-v5")


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ale_py", None)
    for name in [name for name in gym.registry if name.startswith("ALE/")]:  # an earlier test may have had them
        monkeypatch.delitem(gym.registry, name)
    with pytest.raises(FoveateError, match=r'pip install "foveate\[atari\]"'):
        check_id("ALE/Enduro-v5")
