"""Data sources: splits that share nothing, and one clear error for whatever is wrong."""

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from idx_files import write_data_set, write_idx

from foveate.envs.glimpse import data, kept
from foveate.errors import FoveateError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_data_set(tmp_path)
    return tmp_path


def test_the_default_needs_no_network_and_splits_share_no_image() -> None:
    parts = {split: data.load("mnist", split) for split in data.SPLITS}
    assert {split: len(part.labels) for split, part in parts.items()} == {
        "train": 3600,
        "validation": 400,
        "test": 1000,
    }
    for part in parts.values():
        assert np.unique(np.bincount(part.labels)).size == 1  # stratified
        assert part.images.dtype == np.uint8
        assert part.images.shape[1:] == (28, 28)
    seen = [{image.tobytes() for image in part.images} for part in parts.values()]
    assert len(set.union(*seen)) == sum(len(part) for part in seen)


def test_an_environment_shows_images_of_its_split_only() -> None:
    test = {image.tobytes() for image in data.load("mnist", "test").images}
    for split in data.SPLITS:
        env = gym.make_vec("Glimpse/Digits-v0", num_envs=500, split=split, view="image")
        observation, _ = env.reset(seed=0)
        inside = [image.tobytes() in test for image in observation]
        assert all(inside) if split == "test" else not any(inside)


def test_each_shows_every_image_once_a_round() -> None:
    env = gym.make_vec("Glimpse/TranslatedDigits-v0", num_envs=400, split="validation", order="each")
    first = env.reset(seed=800)[1]["index"]
    again = env.reset()[1]["index"]
    assert sorted(first.tolist()) == list(range(400))
    assert np.array_equal(first, again)


def test_augmentation_is_for_training_images_only() -> None:
    for split, changed in (("train", True), ("validation", False), ("test", False)):
        plain, warped = (
            gym.make_vec("Glimpse/Digits-v0", num_envs=50, split=split, view="image", augment=a).reset(seed=0)[0]
            for a in (0.0, 1.0)
        )
        assert (plain != warped).any() == changed
        assert abs(float(plain.mean()) - float(warped.mean())) < 8  # still digits


def test_a_folder_of_idx_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(data.load(str(folder), "test").labels) == 20
    env = gym.make("Glimpse/Digits-v0", data=str(folder), size=12)
    assert env.action_space["label"].n == 4
    monkeypatch.setenv("FOVEATE_DATA", str(folder))
    data.load.cache_clear()
    data._load_parts.cache_clear()
    assert len(data.load("mnist", "test").labels) == 20
    data.load.cache_clear()
    data._load_parts.cache_clear()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "t10k-labels-idx1-ubyte").unlink(), "lacks t10k-labels-idx1-ubyte"),
        (lambda f: (f / "train-images-idx3-ubyte.gz").write_bytes(b"\x1f\x8b nonsense"), "can't be read"),
        (
            lambda f: (f / "train-images-idx3-ubyte.gz").write_bytes(
                (f / "train-images-idx3-ubyte.gz").read_bytes()[:-40]
            ),
            "can't be read",
        ),
        (
            lambda f: (f / "train-labels-idx1-ubyte").write_bytes((f / "train-labels-idx1-ubyte").read_bytes()[:-3]),
            "truncated",
        ),
        (lambda f: (f / "train-labels-idx1-ubyte").write_bytes(b"PNG and so on"), "no IDX file"),
        (lambda f: (f / "train-labels-idx1-ubyte").write_bytes(b""), "no IDX file"),
        (lambda f: write_idx(f / "train-labels-idx1-ubyte", np.zeros(59, np.uint8), False), "must be"),
    ],
)
def test_a_damaged_folder_gets_one_clear_error(folder: Path, damage: object, message: str) -> None:
    damage(folder)
    with pytest.raises(FoveateError, match=message) as caught:
        data.read_idx_folder(folder)
    assert str(folder) in str(caught.value)


def test_missing_data_say_what_was_looked_for_and_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "DEBIAN_FASHION", tmp_path / "nothing")
    data._load_parts.cache_clear()
    with pytest.raises(FoveateError, match="train-images-idx3-ubyte") as caught:
        data._load_parts("fashion-mnist")
    assert str(tmp_path / "nothing") in str(caught.value)
    with pytest.raises(FoveateError, match="no folder and no known name"):
        data.load("minst", "train")
    with pytest.raises(FoveateError, match="Did you mean 'train'"):
        data.load("mnist", "trian")


@pytest.mark.parametrize(
    "there", ["nothing", "right", "another array", "objects", "text", "a folder", "too large", "a wrong byte"]
)
def test_kept_arrays_are_taken_only_if_they_are_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: str
) -> None:
    right = np.arange(12, dtype=np.uint8).reshape(3, 4)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = kept.cache_folder() / "table.npy"
    path.parent.mkdir()
    if there == "a folder":
        path.mkdir()
    elif there == "text":
        path.write_text("no array")
    elif there != "nothing":
        wrong = {"another array": right.astype(np.int16), "objects": np.full(3, None), "too large": np.zeros(10**4)}
        np.save(path, wrong.get(there, right + (there == "a wrong byte")), allow_pickle=True)
    read: list[int] = []

    def slowly() -> np.ndarray:
        read.append(1)
        return right

    assert np.array_equal(kept.kept_array("table", (3, 4), kept.digest(right), slowly), right)
    assert len(read) == (there != "right")
    if there != "a folder":  # now it is there, alone
        assert np.array_equal(np.load(path), right)
        assert [file.name for file in path.parent.iterdir()] == ["table.npy"]
    assert np.array_equal(kept.kept_array("table", (3, 4), kept.digest(right), slowly), right)
    assert len(read) == (there != "right") + (there == "a folder")


def test_a_user_s_own_arrays() -> None:
    images = np.random.default_rng(0).random((50, 10, 8))
    labels = np.arange(50) % 3
    sizes = {}
    for split in data.SPLITS:
        env = gym.make("Glimpse/Digits-v0", images=images, labels=labels, split=split, size=16)
        sizes[split] = env.unwrapped.world.items
        assert env.action_space["label"].n == 3
        env.reset(seed=0)
    assert sum(sizes.values()) == 50


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((4, 5, 5, 3), np.uint8), np.zeros(4, int), "N, H, W"),
        (np.zeros((4, 5, 5), np.uint8), np.zeros(3, int), "N, H, W"),
        (np.zeros((0, 5, 5), np.uint8), np.zeros(0, int), "N > 0"),
        (np.full((4, 5, 5), 3.0), np.zeros(4, int), r"\[0, 1\]"),
        (np.zeros((4, 5, 5), np.int32), np.zeros(4, int), "uint8"),
        (np.zeros((4, 5, 5), np.uint8), np.zeros(4), "whole numbers"),
        (np.zeros((4, 5, 5), np.uint8), np.full(4, -1), "whole numbers"),
        (np.zeros((1, 5, 5), np.uint8), np.zeros(1, int), "too few"),
        (np.full((4, 5, 5), np.nan), np.zeros(4, int), r"\[0, 1\]"),
    ],
)
def test_impossible_arrays_are_refused(images: np.ndarray, labels: np.ndarray, message: str) -> None:
    with pytest.raises(FoveateError, match=message):
        data.from_arrays(images, labels, "train")
