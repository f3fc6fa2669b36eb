"""The memory's trace: what it keeps is what the core did, and it changes nothing."""

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch

from foveate.agents import Backprop, BackpropOptions
from foveate.cli.trace import film_traces, save_trace
from foveate.errors import FoveateError
from foveate.viz import traces
from foveate.viz.palette import LATER
from foveate.wrappers import MemoryTrace, record_episodes

SMALL = {"hidden": 12, "rows": 6, "width": 5}


def learner(agent: str = "ntm", env_id: str = "Memory/Copy-v0", **options: object) -> Backprop:
    env = gym.make_vec(env_id, num_envs=2, autoreset_mode="SameStep", output="torch")
    kwargs = options or (SMALL if agent in ("ntm", "dnc") else {})
    return Backprop(agent, env, BackpropOptions(worlds=2, batch=2), policy_kwargs=kwargs, seed=0, device="cpu")


@pytest.mark.parametrize("agent", ["ntm", "dnc"])
def test_the_trace_is_what_the_core_attended_to(agent: str) -> None:
    made = learner(agent)
    env = MemoryTrace(gym.make("Memory/Copy-v0", max_length=3), made)
    frames = record_episodes(env, made, 1, seed=4)[0]
    trace = env.trace()
    steps = len(trace["inputs"])
    assert len(frames) == steps + 1
    with torch.no_grad():
        x = torch.as_tensor(trace["inputs"], dtype=torch.float32)[:, None]
        starts = torch.zeros(steps, 1, dtype=torch.bool)
        parameters, *_, maps = made.policy(x, made.policy.initial_state(1), starts, record=True)
    for name, value in maps.items():
        assert np.allclose(trace[name], value[:, 0].numpy(), atol=1e-6), name
    assert np.allclose(trace["outputs"], parameters["action"][:, 0].numpy(), atol=1e-6)
    assert (trace["actions"] == (trace["outputs"] > 0)).all()
    assert trace["due"].sum() == (steps - 1) // 2
    assert trace["memory"].shape == (steps, 6, 5)
    assert trace["write_weights"].shape == (steps, 1, 6)


def test_the_episode_is_the_same_with_the_instrument_on_or_off() -> None:
    made = learner()
    episodes = []
    for wrapped in (False, True):
        env = gym.make("Memory/Copy-v0", max_length=4)
        env = MemoryTrace(env, made) if wrapped else env
        torch.manual_seed(3)
        observation, info = env.reset(seed=1)
        state, over, rows = None, False, []
        while not over:
            action, state = made.predict(observation, state, np.array([state is None]))
            observation, reward, over, _, info = env.step(action)
            if wrapped:
                env.render()
            rows.append((action.tolist(), observation.tolist(), reward, info["score"]))
        episodes.append((rows, torch.get_rng_state().tolist(), made.policy.training))
    assert episodes[0] == episodes[1]
    assert all(p.grad is None for p in made.policy.parameters())


@pytest.mark.parametrize(
    ("agent", "env_id", "options"),
    [
        ("dnc", "Memory/Allocation-v0", {"sequences": 2, "length": 2}),
        ("ntm", "Memory/DynamicNGrams-v0", {"bits": 20}),
        ("dnc", "Memory/GraphTraversal-v0", {"lesson": 1}),
        ("transformer", "Memory/RepeatPrevious-v0", {"steps": 8}),
        ("ntm", "Memory/TMaze-v0", {"corridor": 2}),
    ],
)
def test_pictures_and_videos_of_any_world(tmp_path: Path, agent: str, env_id: str, options: dict) -> None:
    made = learner(agent, env_id)
    for name in ("a.png", "b.png", "unfolding.mp4"):
        save_trace(made, env_id, options, tmp_path / name, seed=2)
        assert (tmp_path / name).stat().st_size > 500
    film_traces(tmp_path)
    assert (tmp_path / "training.mp4").stat().st_size > 500


def test_moments_stay_where_they_are_while_a_film_goes_on() -> None:
    made = learner()
    env = MemoryTrace(gym.make("Memory/Copy-v0", min_length=5, max_length=5), made)
    frames = record_episodes(env, made, 1, seed=4)[0]
    steps = len(frames) - 1
    later = [(frame[40] == LATER).all(-1) for frame in frames]  # (W,); the input's strip is at the top of all frames
    axis = np.flatnonzero(later[1])  # without the first moment
    wide = len(axis) / (steps - 1)
    for t in range(1, steps):
        assert abs(later[t].sum() - (steps - t) * wide) <= 1
        until = int(axis[-1] - later[t].sum())
        assert (frames[t][24:60, :until] == frames[-1][24:60, :until]).all()
        assert not (frames[t][24:60, until + 2 : axis[-1]] == frames[-1][24:60, until + 2 : axis[-1]]).all()


def strip_of(name: str, **shapes: tuple[int, ...]) -> traces.Strip:
    rng = np.random.default_rng(0)
    trace = {key: rng.random((4, *shape)) for key, shape in shapes.items()}
    words = {key: np.zeros((4, 3)) for key in ("inputs", "outputs", "actions", "targets")}
    return traces._strips({**words, "due": np.ones(4, bool), **trace})[name]


def test_every_row_of_a_picture_has_its_name() -> None:
    turing = {"read_weights": (1, 6), "write_weights": (1, 6), "content_gate": (2,)}
    assert [name for name, _ in strip_of("gates", **turing).names] == ["read head", "write head"]
    assert [name for name, _ in strip_of("write_weights", **turing).names] == ["row 0", "row 5"]
    two = {"read_weights": (2, 6), "write_weights": (2, 6), "content_gate": (4,)}
    assert [name for name, _ in strip_of("read_weights", **two).names] == ["head 1", "head 2"]
    named = ["read head 1", "read head 2", "write head 1", "write head 2"]
    assert strip_of("gates", **two).names == [(name, (row + 0.5) / 4) for row, name in enumerate(named)]
    dnc = {"read_weights": (2, 6), "write_gate": (1,), "allocation_gate": (1,), "free_gates": (2,)}
    gates = strip_of("gates", **dnc)
    assert [name for name, _ in gates.names] == ["write gate", "allocation gate", "free gate 1", "free gate 2"]
    assert len(gates.picture) == len(gates.names)


def test_what_attends_to_nothing_is_refused() -> None:
    env = MemoryTrace(gym.make("Memory/Copy-v0"), learner("lstm"))
    with pytest.raises(FoveateError, match="attends to nothing"):
        env.reset(seed=0)
    with pytest.raises(FoveateError, match="nothing was traced"):
        MemoryTrace(gym.make("Memory/Copy-v0"), learner()).trace()
