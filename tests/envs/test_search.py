"""Visual search: what is shown is read from the pictures alone, and compared with what the world says of it."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.envs.glimpse.characters import characters
from foveate.envs.glimpse.search import CELL, OTHERS, SHADES, SIDE
from foveate.errors import FoveateError

ID = "Glimpse/FindEight-v0"
GREYS = list(SHADES.values())


def read(picture: np.ndarray, names: str) -> list[tuple[str, int, tuple[int, int]]]:
    """The characters of a picture in order, each with its grey and its upper left pixel, by a slow search."""
    glyphs = dict(zip(names, characters(names).numpy(), strict=True))
    found = []
    for row in range(SIDE):
        for column in range(SIDE):
            cell = picture[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL]
            if not cell.any():
                continue
            (grey,) = set(cell[cell > 0].tolist())
            fits = [
                (name, grey, (row * CELL + y, column * CELL + x))
                for name, ink in glyphs.items()
                for y in range(CELL - 6)
                for x in range(CELL - 4)
                if np.array_equal(cell > 0, np.pad(ink, ((y, CELL - 7 - y), (x, CELL - 5 - x))))
            ]
            places = {at for _, _, at in fits}
            found.append(min(fits, key=lambda fit: names.index(fit[0])))
            assert {name for name, _, _ in fits} == {found[-1][0]}  # no two kinds look alike
            assert len(places) == 1
    return found


@pytest.mark.parametrize("search", list(OTHERS))
@pytest.mark.parametrize("answer", ["shade", "place"])
def test_the_picture_has_one_eight_and_the_answer_is_about_it(search: str, answer: str) -> None:
    names = "8" + OTHERS[search]
    env = gym.make_vec(ID, num_envs=8, view="image", search=search, answer=answer, relevance=True)
    pictures, info = env.reset(seed=0)
    counts = []
    for picture, target, relevant in zip(pictures[:, 0], info["target"], info["relevance"], strict=True):
        there = read(picture, names)
        counts.append(len(there))
        ((_, grey, (row, column)),) = [one for one in there if one[0] == "8"]
        assert target == (GREYS.index(grey) if answer == "shade" else row // CELL * SIDE + column // CELL)
        expected = np.zeros_like(relevant)
        expected[row : row + 7, column : column + 5] = True
        assert np.array_equal(relevant, expected)
    assert counts == env.unwrapped.world.state["count"].tolist()


@pytest.mark.parametrize("side", range(2, SIDE + 1))
def test_a_split_of_exactly_so_many_is_a_square_in_the_middle(side: int) -> None:
    env = gym.make_vec(ID, num_envs=5, view="image", split=f"test-{side * side}")
    pictures, _ = env.reset(seed=1)
    lit = pictures[:, 0].reshape(-1, SIDE, CELL, SIDE, CELL).any((2, 4))  # (5, SIDE, SIDE)
    begin = (SIDE - side) // 2
    expected = np.zeros((SIDE, SIDE), bool)
    expected[begin : begin + side, begin : begin + side] = True
    assert (lit == expected).all()


@given(st.integers(0, 10**6), st.integers(4, 64))
@settings(max_examples=40, deadline=None)
def test_characters_never_touch_whatever_their_number(seed: int, count: int) -> None:
    env = gym.make(ID, view="image", min_characters=count, max_characters=count)
    world = env.unwrapped.world
    env.reset(seed=seed)
    corners = world.scene.corners(world.state)[0, :count]
    assert ((corners >= 0) & (corners + torch.tensor([7, 5]) <= SIDE * CELL)).all()
    apart = (corners[:, None] - corners).abs() + 100 * torch.eye(count, dtype=torch.int64)[..., None]
    assert ((apart[..., 0] >= 7) | (apart[..., 1] > 5)).all()


def test_all_numbers_of_characters_are_as_likely_and_so_are_all_to_be_the_eight() -> None:
    env = gym.make_vec(ID, num_envs=6000)
    env.reset(seed=0)
    shares = torch.bincount(env.unwrapped.world.state["count"], minlength=65) / 6000
    assert (shares[:4] == 0).all()
    assert shares[4:].sub(1 / 61).abs().max() < 0.008
    env = gym.make_vec(ID, num_envs=3000, split="test-4")
    env.reset(seed=0)
    shares = torch.bincount(env.unwrapped.world.state["target"], minlength=4) / 3000
    assert shares.sub(0.25).abs().max() < 0.03


def test_who_looks_everywhere_and_sees_the_eight_answers_right() -> None:
    env = gym.make(ID, glimpses=120)
    ink = characters("8")[0].numpy()
    places = [(x, y) for y in range(8, 80, 9) for x in range(8, 80, 11)]
    for seed in range(12):
        (seen, _), told = env.reset(seed=seed), {}
        for x, y in places:
            found = [
                int(window.max())
                for row in range(10)
                for column in range(12)
                if np.array_equal((window := (255 * seen["glimpse"][0, row : row + 7, column : column + 5])) > 0, ink)
            ]
            answer = GREYS.index(round(found[0])) if found else 0
            where = np.array([x / 40 - 1, y / 40 - 1], np.float32)
            seen, reward, over, _, told = env.step({"label": answer, "location": where, "ready": int(bool(found))})
            if over:
                break
        assert over
        assert reward == told["score"] == 1


def test_the_gaze_begins_in_the_middle_and_an_episode_ends_with_the_answer_or_the_last_glimpse() -> None:
    env = gym.make(ID, glimpses=3, price=0.25)
    seen, info = env.reset(seed=0)
    assert (seen["location"] == 0).all()
    assert info["target_mask"] is True
    going = {"label": info["target"], "location": np.zeros(2, np.float32), "ready": 0}
    assert env.step(going)[1:3] == (-0.25, False)
    assert env.step({**going, "ready": 1})[1:3] == (1, True)
    env.reset(seed=0)
    assert [env.step(going)[1:3] for _ in range(3)] == [(-0.25, False), (-0.25, False), (1, True)]


def test_impossible_searches_are_refused() -> None:
    with pytest.raises(FoveateError, match=r"min_characters=3 is not allowed: .*4"):
        gym.make(ID, min_characters=3)
    with pytest.raises(FoveateError, match=r"min_characters=9 is not allowed: .*max_characters=8"):
        gym.make(ID, min_characters=9, max_characters=8)
    with pytest.raises(FoveateError, match="unknown search 'colour'"):
        gym.make(ID, search="colour")
    with pytest.raises(FoveateError, match="test-4"):
        gym.make(ID, split="test-5")
