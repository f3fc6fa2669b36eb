"""Checkpoints whose files are missing, damaged, half written or replaced meanwhile: nothing is lost or mixed."""

import functools
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import gymnasium as gym
import pytest
from checkpointed import environment, make
from safetensors.torch import load_file

from foveate.agents import PolicyGradient, load
from foveate.agents.learning import checkpoint, restoration
from foveate.agents.learning.keeper import Keeper
from foveate.errors import FoveateError


def _without(file: Path, name: str) -> None:
    checkpoint.write_tensors(file, {n: value for n, value in load_file(file).items() if n != name})


def test_an_entry_that_is_missing_stops_a_resume(tmp_path: Path) -> None:
    learner = make()
    learner.learn(100)
    for file in ("optimizer.safetensors", "worlds.safetensors"):
        learner.save(tmp_path / "saved")
        for name in list(load_file(tmp_path / "saved" / file))[:: 7 if file[0] == "o" else 1]:
            learner.save(tmp_path / "saved")
            _without(tmp_path / "saved" / file, name)
            with pytest.raises(FoveateError, match=r"damaged or of another run: .*entries"):
                load(tmp_path / "saved", environment())


def run_with(tmp_path: Path, learner: PolicyGradient, *names: str) -> Path:
    """A run folder with checkpoints of these names."""
    for name in names:
        learner.save(tmp_path / "run" / "checkpoints" / name)
    return tmp_path / "run"


@pytest.mark.parametrize("file", ["run.json", "weights.safetensors", "optimizer.safetensors", "worlds.safetensors"])
@pytest.mark.parametrize("damage", ["cut", "empty", "gone"])
def test_a_damaged_newest_checkpoint_blocks_no_older_one(tmp_path: Path, file: str, damage: str) -> None:
    learner = make()
    run = run_with(tmp_path, learner, "last-1", "last-2", "best-1")
    hit = run / "checkpoints" / "last-2" / file
    content = hit.read_bytes()
    hit.unlink()
    if damage != "gone":
        hit.write_bytes(content[: len(content) // 2] if damage == "cut" else b"")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert checkpoint.find(run, "last").name == "last-1"
        load(run, environment(), prefer="last")
    shutil.rmtree(run / "checkpoints" / "last-1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert checkpoint.find(run, "last").name == "best-1"


def test_a_save_in_place_leaves_a_whole_checkpoint_at_every_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before any of its calls that change the disk, a save over an older checkpoint loses nothing."""
    learner = make()
    changes = [(Path, "mkdir"), (Path, "rename"), (shutil, "rmtree"), (checkpoint, "write_tensors")]
    for moment in range(40):
        learner.save(tmp_path / "place" / "saved")
        calls = 0

        def killing(function: Callable, *args: object, moment: int = moment, **kwargs: object) -> object:
            nonlocal calls
            calls += 1
            if calls > moment:
                raise KeyboardInterrupt
            return function(*args, **kwargs)

        with monkeypatch.context() as patch:
            for owner, name in changes:
                patch.setattr(
                    owner,
                    name,
                    functools.partialmethod(killing_method, killing, getattr(owner, name))
                    if owner is Path
                    else functools.partial(killing, getattr(owner, name)),
                )
            try:
                learner.save(tmp_path / "place" / "saved")
            except KeyboardInterrupt:
                pass
            else:
                break
        load(tmp_path / "place" / "saved")
    else:
        raise AssertionError("it never came to its end")
    assert moment > 5
    learner.save(tmp_path / "place" / "saved")
    assert [f.name for f in (tmp_path / "place").iterdir()] == ["saved"]


def killing_method(self: Path, killing: Callable, function: Callable, *args: object, **kwargs: object) -> object:
    return killing(functools.partial(function, self), *args, **kwargs)


def test_what_kills_left_is_swept_at_the_next_start(tmp_path: Path) -> None:
    kept = run_with(tmp_path, make(), "last-1", "best-1") / "checkpoints"
    for name in (".last-2.new-7", ".best-2.new-7", ".best-1.old-7"):
        shutil.copytree(kept / "best-1", kept / name)
    (kept / "last-1").rename(kept / ".last-1.old-8")
    assert checkpoint.find(tmp_path / "run", "last").name == "best-1"
    Keeper(tmp_path / "run", {})
    assert sorted(f.name for f in kept.iterdir()) == ["best-1", "last-1"]


def test_a_checkpoint_that_is_replaced_while_it_is_read_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process writes between any two files that are read: the weights and the counts are of one moment."""
    learner = make()
    learner.save(tmp_path / "saved")
    left = 3
    read = restoration.read_tensors

    def replaced_meanwhile(*args: object) -> dict:
        nonlocal left
        if left:
            left -= 1
            learner.learner.counts.steps += 1
            for parameter in learner.policy.parameters():
                parameter.data.fill_(learner.learner.counts.steps)
            learner.save(tmp_path / "saved")
        return read(*args)

    monkeypatch.setattr(restoration, "read_tensors", replaced_meanwhile)
    loaded = load(tmp_path / "saved")
    assert loaded.num_timesteps == 3
    assert all(bool((p == 3).all()) for p in loaded.policy.parameters())


@pytest.mark.parametrize("name", ["a_steps.zip", "a_steps"])
def test_a_name_with_and_without_zip_means_one_folder(tmp_path: Path, name: str) -> None:
    make().save(tmp_path / name)
    for path in ("a_steps.zip", "a_steps"):
        load(tmp_path / path)


def test_another_number_of_worlds_goes_on_with_new_episodes_and_says_so(tmp_path: Path) -> None:
    learner = make(5)
    learner.learn(60)
    learner.save(tmp_path / "saved")
    env = gym.make_vec("Glimpse/Digits-v0", num_envs=3, autoreset_mode="SameStep", output="torch")
    with pytest.warns(UserWarning, match="6 worlds and goes on in 3"):
        other = load(tmp_path / "saved", env)
    assert other.learner.optimizer.state_dict()["state"]
    other.learn(30, reset_num_timesteps=False)
    assert other.num_timesteps == 90


def test_no_folder_of_somebody_elses_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years")
    with pytest.raises(FoveateError, match="no checkpoint"):
        make().save(tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "years"
