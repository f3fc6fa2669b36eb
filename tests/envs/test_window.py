"""render_mode="human": a window under Xvfb, a clear error without a display; each in a process of its own."""

import os
import subprocess
import sys

import pytest

SHOW = """
import gymnasium as gym, foveate
env = gym.make("Glimpse/TranslatedDigits-v0", render_mode="human")
env.reset(seed=0)
for _ in range(3):
    env.step(env.action_space.sample())
print("shown")
env.close()
env.close()
"""


CHECK = """
import warnings, gymnasium as gym, foveate
from gymnasium.utils.env_checker import check_env
from foveate.envs import IDS
warnings.simplefilter("error")
for env_id in {env_id.partition("/")[0]: env_id for env_id in IDS}.values():  # one of each family
    env = gym.make(env_id)
    check_env(env.unwrapped)
    print("checked", env_id)
"""


def show(script: str = SHOW, **variables: str) -> subprocess.CompletedProcess:
    kept = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env={**kept, **variables}, timeout=600
    )


@pytest.mark.parametrize("variables", [{}, {"DISPLAY": ":987"}], ids=["none", "wrong"])
def test_without_a_display_there_is_a_clear_error_and_no_abort(variables: dict) -> None:
    done = show(**variables)
    assert done.returncode == 1  # a Python exception, not a signal
    assert 'FoveateError: render_mode="human" needs a display' in done.stderr
    assert "rgb_array" in done.stderr


def test_a_window_opens_under_xvfb(display: str) -> None:
    done = show(DISPLAY=display)
    assert done.returncode == 0, done.stderr
    assert "shown" in done.stdout


def test_gymnasium_s_whole_check_with_every_render_mode(display: str) -> None:
    done = show(CHECK, DISPLAY=display)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("checked") >= 4
