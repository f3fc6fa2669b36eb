"""Worlds with several digits: what is asked, what is right, and where the truth lies."""

import contextlib
import subprocess
from pathlib import Path

import cv2
import gymnasium as gym
import numpy as np
import pytest
import torch

from foveate.envs.glimpse import svhn
from foveate.envs.glimpse.canvas import disturbed
from foveate.envs.glimpse.plates import END
from foveate.envs.glimpse.scene import INK
from foveate.errors import FoveateError


def test_pairs_are_numbered_row_by_row_and_in_no_order() -> None:
    world = gym.make("Glimpse/DigitPairs-v0").unwrapped.world.scene
    numbers = {
        (a, b): world.combined(torch.tensor([a]), torch.tensor([b])).item() for a in range(10) for b in range(10)
    }
    expected = {pair: i for i, pair in enumerate((a, b) for a in range(10) for b in range(a, 10))}
    assert all(numbers[a, b] == numbers[b, a] == expected[min(a, b), max(a, b)] for a, b in numbers)
    assert all(world.name(number) == f"{a} and {b}" for (a, b), number in expected.items())


@pytest.mark.parametrize("name", ["DigitPairs", "AddDigits"])
def test_two_digits_never_overlap_and_both_are_relevant(name: str) -> None:
    env = gym.make_vec(f"Glimpse/{name}-v0", num_envs=200, view="image", relevance=True)
    seen, info = env.reset(seed=0)
    state = env.unwrapped.world.state
    apart = (state["corners"][:, 0] - state["corners"][:, 1]).abs()
    assert (apart.amax(1) >= 28).float().mean() > 0.99  # twelve tries on 100x100 nearly always find a place
    labels = env.unwrapped.world.scene.labels[state["pair"]]
    if name == "AddDigits":
        assert np.array_equal(info["target"], labels.sum(1).numpy())
    assert (seen[:, 0][info["relevance"]] >= INK).all()
    for row in range(20):  # ink of each of the two
        for corner in state["corners"][row].tolist():
            assert info["relevance"][row, corner[0] : corner[0] + 28, corner[1] : corner[1] + 28].any()


@pytest.mark.parametrize(("lesson", "digits"), [(1, 1), (2, 2), (None, 2)])
@pytest.mark.parametrize("clutter", [0, 4])
def test_the_first_lesson_of_sums_shows_one_digit(lesson: int | None, digits: int, clutter: int) -> None:
    env = gym.make_vec("Glimpse/AddDigits-v0", num_envs=50, lesson=lesson, relevance=True, clutter=clutter)
    _, info = env.reset(seed=0)
    world = env.unwrapped.world
    shown = world.scene.labels[world.state["pair"]][:, :digits]
    assert np.array_equal(info["target"], shown.sum(1).numpy())
    for row, corners in enumerate(world.state["corners"].tolist()):
        ink = info["relevance"][row].copy()
        for y, x in corners[:digits]:
            assert ink[y : y + 28, x : x + 28].any()
            ink[y : y + 28, x : x + 28] = False
        assert not ink.any()  # nothing elsewhere
    if not clutter:
        assert np.array_equal((world.scene.picture(world.state) >= INK).numpy(), info["relevance"])


@pytest.mark.parametrize("lesson", [0, 3])
def test_sums_have_two_lessons(lesson: int) -> None:
    with pytest.raises(FoveateError, match=f"lesson={lesson}"):
        gym.make("Glimpse/AddDigits-v0", lesson=lesson)


def say(env: gym.Env, text: list[int]) -> tuple[float, float, int]:
    """Answer with these symbols, each at its time; the return, the score and the steps."""
    total, steps, over, info = 0.0, 0, False, {}
    while not over:
        slot = steps // env.unwrapped.world.glimpses
        action = {"label": text[min(slot, len(text) - 1)], "location": np.zeros(2, np.float32)}
        _, reward, over, _, info = env.step(action)
        total, steps = total + reward, steps + 1
    return total, info["score"], steps


@pytest.mark.parametrize("reward", ["end", "every"])
def test_a_house_number_is_read_digit_by_digit_to_its_end(reward: str) -> None:
    env = gym.make("Glimpse/HouseNumbers-v0", min_digits=2, max_digits=3, reward=reward, glimpses=2)
    _, info = env.reset(seed=5)
    number = [d for d in env.unwrapped.world.state["number"][0].tolist() if d != END]
    assert info["target"] == number[0]
    assert say(env, [*number, END]) == (pytest.approx(1.0), 1.0, 2 * (len(number) + 1))
    env.reset(seed=5)
    total, score, steps = say(env, [END])  # giving up at once
    assert (total, score, steps) == (0.0, 0.0, 2)
    env.reset(seed=5)
    wrong = [(number[0] + 1) % 10, *number[1:], END]
    total, score, _ = say(env, wrong)
    assert score == 0.0
    assert total == pytest.approx(0.0 if reward == "end" else len(number) / (len(number) + 1))
    env.reset(seed=5)
    total, score, steps = say(env, [*number, 3, 3, 3])  # never says that it ends
    assert score == 0.0
    assert steps == 2 * 4


def test_a_whole_number_at_once() -> None:
    env = gym.make("Glimpse/HouseNumbers-v0", answer="whole", view="image", glimpses=1, max_digits=3, reward="every")
    _, info = env.reset(seed=1)
    assert env.action_space.nvec.tolist() == [11, 11, 11]
    _, reward, over, _, told = env.step(info["target"])
    assert (reward, over, told["score"]) == (pytest.approx(1.0), True, 1.0)
    env.reset(seed=1)
    wrong = info["target"].copy()
    wrong[0] = (wrong[0] + 1) % 10
    _, reward, _, _, told = env.step(wrong)
    assert told["score"] == 0.0
    assert 0 < reward < 1


def test_the_digit_that_is_due_is_what_is_relevant() -> None:
    env = gym.make("Glimpse/HouseNumbers-v0", min_digits=2, max_digits=2, clutter=0, glimpses=1, relevance=True)
    _, info = env.reset(seed=2)
    columns = []
    for digit in (*env.unwrapped.world.state["number"][0].tolist()[:2], END):
        columns.append(np.flatnonzero(info["relevance"].any(0)))
        _, _, _, _, info = env.step({"label": digit, "location": np.zeros(2, np.float32)})
    assert columns[0].mean() < columns[1].mean()  # from left to right
    assert set(columns[2]) == set(columns[0]) | set(columns[1])  # at the end: all of it


@pytest.mark.parametrize("lesson", [None, 1, 2, 3, 5])
def test_a_lesson_shows_numbers_of_at_most_so_many_digits_on_plates_of_the_same_size(lesson: int | None) -> None:
    env = gym.make_vec("Glimpse/HouseNumbers-v0", num_envs=200, max_digits=3, min_digits=2, glimpses=1, lesson=lesson)
    env.reset(seed=0)
    world = env.unwrapped.world
    digits = (world.state["number"] != END).sum(1)
    longest = min(lesson or 3, 3)
    assert set(digits.tolist()) == set(range(min(2, longest), longest + 1))
    assert world.scene.shape == gym.make("Glimpse/HouseNumbers-v0", max_digits=3).unwrapped.world.scene.shape
    assert world.state["number"].shape[1] == 4


@pytest.mark.parametrize("lesson", [0, 6])
def test_a_lesson_that_is_not_there(lesson: int) -> None:
    with pytest.raises(FoveateError, match="lesson"):
        gym.make("Glimpse/HouseNumbers-v0", lesson=lesson)


def test_an_overview_is_the_picture_in_coarse() -> None:
    env = gym.make("Glimpse/HouseNumbers-v0", overview=6, height=54, width=150)
    seen, _ = env.reset(seed=0)
    picture = env.unwrapped.world.picture(env.unwrapped.world.state)[0].numpy() / 255
    assert seen["overview"].shape == (1, 6, 6)
    assert seen["overview"][0, 0, 0] == pytest.approx(picture[:9, :25].mean(), abs=1e-5)


# ---- noise and contrast ----


def test_noise_is_the_same_in_an_episode_and_has_its_size() -> None:
    env = gym.make_vec("Glimpse/Digits-v0", num_envs=50, view="image", noise=0.2, contrast=0.0)
    seen, _ = env.reset(seed=0)
    again, *_ = env.step(np.zeros(50, int))
    assert np.array_equal(seen, again)
    assert np.std(seen / 255.0) == pytest.approx(0.2, rel=0.03)
    assert np.mean(seen / 255.0) == pytest.approx(0.5, abs=0.01)
    assert not np.array_equal(seen[0], seen[1])


def test_no_disturbance_is_the_picture_itself() -> None:
    canvas = torch.randint(0, 256, (2, 9), dtype=torch.uint8)
    assert disturbed(canvas, None, 0.0, 1.0) is canvas
    assert torch.equal(disturbed(canvas, None, 0.0, 1.0 + 1e-12), canvas)


# ---- SVHN ----


def write_svhn(folder: Path) -> list[list[int]]:
    """Three photographs as the data set's authors pack them."""
    h5py = pytest.importorskip("h5py")
    numbers = [[1, 9], [10], [2, 5, 3]]  # a zero is written as 10
    for part in ("train", "test"):
        home = folder / part
        home.mkdir(parents=True)
        with h5py.File(home / "digitStruct.mat", "w") as file:
            names, boxes = [], []
            for i, digits in enumerate(numbers):
                image = np.full((40, 80), 30, np.uint8)
                box = file.create_group(f"box{i}")
                fields = {
                    "label": digits, "left": [20 + 12 * j for j in range(len(digits))], "top": [10] * len(digits),
                    "width": [10] * len(digits), "height": [20] * len(digits),
                }  # fmt: skip
                for j in range(len(digits)):
                    image[10:30, 20 + 12 * j : 30 + 12 * j] = 200
                cv2.imwrite(str(home / f"{i}.png"), image)
                for key, values in fields.items():
                    if len(values) == 1:
                        box[key] = np.array([[float(values[0])]])
                    else:
                        parts = [file.create_dataset(f"v{i}{key}{j}", data=[[float(v)]]) for j, v in enumerate(values)]
                        box[key] = np.array([[p.ref] for p in parts], dtype=h5py.ref_dtype)
                name = file.create_dataset(f"n{i}", data=np.array([[ord(c)] for c in f"{i}.png"], dtype=np.uint16))
                names.append([name.ref])
                boxes.append([box.ref])
            file["digitStruct/name"] = np.array(names, dtype=h5py.ref_dtype)
            file["digitStruct/bbox"] = np.array(boxes, dtype=h5py.ref_dtype)
    return numbers


def test_svhn_is_read_from_a_folder(tmp_path: Path) -> None:
    write_svhn(tmp_path)
    env = gym.make_vec(
        "Glimpse/HouseNumbers-v0", num_envs=30, data=f"svhn:{tmp_path}", split="test", max_digits=3, height=32,
        view="image", relevance=True, glimpses=1,
    )  # fmt: skip
    seen, info = env.reset(seed=0)
    assert seen.shape == (30, 1, 32, 32)
    number = env.unwrapped.world.state["number"].tolist()
    assert {tuple(n) for n in number} == {(1, 9, END, END), (0, END, END, END), (2, 5, 3, END)}
    short = gym.make_vec(
        "Glimpse/HouseNumbers-v0", num_envs=9, data=f"svhn:{tmp_path}", split="test", max_digits=3, height=32, lesson=1
    )
    short.reset(seed=0)
    assert {tuple(n) for n in short.unwrapped.world.state["number"].tolist()} == {(0, END, END, END)}
    # the box of the first digit is bright
    assert all(seen[i, 0][info["relevance"][i]].mean() > 150 for i in range(30))


def test_a_damaged_struct_ends_in_one_sentence_and_not_the_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_svhn(tmp_path)
    file = tmp_path / "test" / "digitStruct.mat"
    whole = file.read_bytes()
    assert len(list(svhn.read_struct(file))) > 0
    generator = np.random.default_rng(0)
    for _ in range(4):
        damaged = bytearray(whole)
        for at in generator.integers(0, len(whole), len(whole) // 50):
            damaged[at] = generator.integers(256)
        file.write_bytes(damaged)
        with contextlib.suppress(FoveateError):  # or it is read: this process goes on
            list(svhn.read_struct(file))
    crashed = subprocess.CompletedProcess([], -11, stdout=b"")
    monkeypatch.setattr(svhn.subprocess, "run", lambda *_, **__: crashed)
    with pytest.raises(FoveateError, match=r"digitStruct\.mat: HDF5's library crashed on it"):
        list(svhn.read_struct(file))


def test_a_folder_without_svhn_and_a_name_that_leads_out_of_it(tmp_path: Path) -> None:
    with pytest.raises(FoveateError, match=r"digitStruct\.mat is missing"):
        gym.make("Glimpse/HouseNumbers-v0", data=f"svhn:{tmp_path}")
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "digitStruct.mat").write_text("no HDF5")
    with pytest.raises(FoveateError, match="can't be read"):
        gym.make("Glimpse/HouseNumbers-v0", data=f"svhn:{tmp_path}")
