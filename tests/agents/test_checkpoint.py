"""Checkpoints: exact, atomic, and harmless whatever is in them."""

import json
import pickle
import struct
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from checkpointed import environment, make
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from stable_baselines3.common.callbacks import BaseCallback

from foveate import tree
from foveate.agents import Algorithm, Backprop, PolicyGradient, load
from foveate.agents.learning import checkpoint
from foveate.envs.spaces import from_json, to_json
from foveate.errors import FoveateError


class Paused(Exception):
    """Raised between two updates."""


class Pause(BaseCallback):
    """Interrupts training between two updates, once 600 steps are made."""

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        if self.model.num_timesteps >= 600:
            raise Paused


@pytest.mark.parametrize(
    ("horizon", "arguments"),
    [
        (None, {}),  # whole episodes of one length
        (None, {"ready": True}),  # whole episodes of any length
        (5, {}),  # pieces that end in the middle of episodes
        (5, {"ready": True}),
    ],
)
def test_a_resumed_run_is_bit_for_bit_the_run_that_was_not_stopped(
    tmp_path: Path, horizon: int | None, arguments: dict
) -> None:
    whole = make(horizon, **arguments)
    whole.learn(1200)
    half = make(horizon, **arguments)
    with pytest.raises(Paused):
        half.learn(1200, Pause())
    half.save(tmp_path / "half")
    torch.manual_seed(999)  # another process has another random state
    resumed = PolicyGradient.load(tmp_path / "half", environment(**arguments), "cpu")
    resumed.learn(1200 - resumed.num_timesteps, reset_num_timesteps=False)
    assert resumed.num_timesteps == whole.num_timesteps
    assert resumed.learner.counts.updates == whole.learner.counts.updates
    for a, b in zip(whole.policy.state_dict().values(), resumed.policy.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    after, expected = checkpoint._optimizer_tensors(resumed.learner), checkpoint._optimizer_tensors(whole.learner)
    assert after.keys() == expected.keys()
    assert all(torch.equal(after[name], expected[name]) for name in expected)
    assert [e["r"] for e in whole.ep_info_buffer or []] == [e["r"] for e in resumed.ep_info_buffer or []]


def test_save_and_load_predict_the_same(tmp_path: Path) -> None:
    learner = make()
    learner.learn(200)
    learner.save(tmp_path / "saved")
    loaded = load(tmp_path / "saved")
    seen, _ = gym.make("Glimpse/Digits-v0").reset(seed=0)
    (a, _), (b, _) = learner.predict(seen, deterministic=True), loaded.predict(seen, deterministic=True)
    assert np.array_equal(a["location"], b["location"])
    assert a["label"] == b["label"]
    with pytest.raises(FoveateError, match="no env"):
        loaded.learn(10)
    assert {f.name for f in (tmp_path / "saved").iterdir()} == {
        "run.json", "weights.safetensors", "optimizer.safetensors", "worlds.safetensors",
    }  # fmt: skip
    learner.save(tmp_path / "saved")  # over an older one
    assert [f.name for f in tmp_path.iterdir()] == ["saved"]


def test_a_checkpoint_that_is_not_finished_is_never_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learner = make()
    learner.learn(100)
    learner.save(tmp_path / "checkpoints" / "last-1")
    written = []

    def killed(file: Path, tensors: dict) -> None:
        written.append(file)
        if len(written) == 2:
            raise KeyboardInterrupt
        file.write_bytes(b"half")

    monkeypatch.setattr(checkpoint, "write_tensors", killed)
    with pytest.raises(KeyboardInterrupt):
        learner.save(tmp_path / "checkpoints" / "last-2")
    assert checkpoint.find(tmp_path).name == "last-1"
    load(tmp_path)


class Bomb:
    """What a hostile pickle would do."""

    def __reduce__(self) -> tuple:
        return (Path.touch, (Path("exploded"),))


def _edit(folder: Path, **changes: object) -> None:
    run = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**run, **changes}))


def _huge_header(folder: Path) -> None:
    (folder / "weights.safetensors").write_bytes(struct.pack("<Q", 1 << 60) + b"{}")


DAMAGES = {
    "a pickle as weights": lambda f: (f / "weights.safetensors").write_bytes(pickle.dumps(Bomb())),
    "a pickle as run.json": lambda f: (f / "run.json").write_bytes(pickle.dumps(Bomb())),
    "truncated weights": lambda f: (f / "weights.safetensors").write_bytes(
        (f / "weights.safetensors").read_bytes()[:-9]
    ),
    "empty weights": lambda f: (f / "weights.safetensors").write_bytes(b""),
    "a header that lies": _huge_header,
    "no weights": lambda f: (f / "weights.safetensors").unlink(),
    "other weights": lambda f: checkpoint.write_tensors(f / "weights.safetensors", {"x": torch.zeros(3)}),
    "no JSON": lambda f: (f / "run.json").write_text("{"),
    "JSON of something else": lambda f: (f / "run.json").write_text("[1, 2]"),
    "deep JSON": lambda f: (f / "run.json").write_text("[" * 100_000),
    "another format": lambda f: _edit(f, format=99),
    "an unknown agent": lambda f: _edit(f, agent="os.system"),
    "an unknown option": lambda f: _edit(f, agent_options={"command": "touch exploded"}),
    "a wrong option": lambda f: _edit(f, agent_options={"hidden": "many"}),
    "a negative size": lambda f: _edit(f, agent_options={"hidden": -4}),
    "an unknown learner option": lambda f: _edit(f, learner={"optimizer": "SGD"}),
    "a huge space": lambda f: _edit(
        f, observation_space={"type": "Box", "low": 0, "high": 1, "shape": [10**6, 10**6], "dtype": "float32"}
    ),
    "a strange space": lambda f: _edit(f, observation_space={"type": "Graph"}),
    "a strange dtype": lambda f: _edit(
        f, action_space={"type": "Box", "low": 0, "high": 1, "shape": [2], "dtype": "object"}
    ),
    "no space": lambda f: _edit(f, action_space=None),
}


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_damaged_foreign_and_hostile_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    monkeypatch.chdir(tmp_path)
    make().save(tmp_path / "saved")
    DAMAGES[damage](tmp_path / "saved")
    with pytest.raises(FoveateError) as caught:
        load(tmp_path / "saved")
    assert any(word in str(caught.value) for word in ("saved", "agent", "option", "space", "dtype"))  # says what
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("file", ["optimizer.safetensors", "worlds.safetensors"])
def test_a_damaged_training_state_stops_a_resume_but_not_a_prediction(tmp_path: Path, file: str) -> None:
    learner = make()
    learner.learn(100)
    learner.save(tmp_path / "saved")
    checkpoint.write_tensors(tmp_path / "saved" / file, {"0.exp_avg": torch.zeros(1), "worlds.key": torch.zeros(2)})
    load(tmp_path / "saved")
    with pytest.raises(FoveateError, match="damaged or of another run"):
        load(tmp_path / "saved", environment())


def test_zips_and_empty_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model.zip").write_bytes(b"PK")
    for path in ("model.zip", "model"):
        with pytest.raises(FoveateError, match="Stable-Baselines3"):
            load(tmp_path / path)
    with pytest.raises(FoveateError, match="no checkpoint"):
        load(tmp_path)


@given(st.integers(0, 10**6))
@settings(max_examples=50, deadline=None)
def test_spaces_survive_json(seed: int) -> None:
    generator = np.random.default_rng(seed)
    shape = tuple(int(n) for n in generator.integers(1, 4, generator.integers(0, 3)))
    low = generator.normal(size=shape).astype(np.float32)
    space = spaces.Dict(
        {
            "box": spaces.Box(low, low + 1, dtype=np.float32),
            "image": spaces.Box(0, 255, (1, 5, 4), np.uint8),
            "open": spaces.Box(-np.inf, np.inf, (2,), np.float64),
            "one": spaces.Discrete(int(generator.integers(1, 9)), start=int(generator.integers(-3, 3))),
            "many": spaces.MultiDiscrete(generator.integers(1, 5, 3)),
            "bits": spaces.MultiBinary((2, 3)),
            "inner": spaces.Dict({"x": spaces.Discrete(2)}),
        }
    )
    assert from_json(json.loads(json.dumps(to_json(space)))) == space


def test_another_algorithm_s_folder_is_refused_by_name(tmp_path: Path) -> None:
    make().save(tmp_path / "saved")
    with pytest.raises(FoveateError, match=r"PolicyGradient; Backprop can't load it"):
        Backprop.load(tmp_path / "saved")
    assert isinstance(Algorithm.load(tmp_path / "saved"), PolicyGradient)


def test_runs_of_before_go_on_exactly(tmp_path: Path) -> None:
    """Earlier checkpoints call the collector "player" and number the parts of the state."""
    whole = make(5, "lstm", ready=True)
    whole.learn(1200)
    half = make(5, "lstm", ready=True)  # only now: both sample from torch's own generator, which this seeds anew
    with pytest.raises(Paused):
        half.learn(1200, Pause())
    half.save(tmp_path / "half")
    file = tmp_path / "half" / "worlds.safetensors"
    tensors, names = load_file(file), list(tree.flatten_names(half.policy.initial_state(1)))
    old = {}
    for name, value in tensors.items():
        name = name.replace("collector.", "player.")
        if name.startswith("player.state."):
            name = f"player.core.{names.index(name.removeprefix('player.state.'))}"
        old[name] = value
    assert {"player.core.0", "player.core.1", "player.starts", "player.return", "player.length"} <= old.keys()
    checkpoint.write_tensors(file, old)
    resumed = load(tmp_path / "half", environment(ready=True), "cpu")
    resumed.learn(1200 - resumed.num_timesteps, reset_num_timesteps=False)
    for a, b in zip(whole.policy.state_dict().values(), resumed.policy.state_dict().values(), strict=True):
        assert torch.equal(a, b)
