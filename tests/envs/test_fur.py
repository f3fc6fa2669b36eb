"""Fur: what is drawn, what the ground has to do with it, and what changes when either is changed."""

import gymnasium as gym
import numpy as np
import pytest
import torch

from foveate.envs.glimpse.animals import HEIGHT, SILHOUETTES, WIDTH, silhouettes
from foveate.envs.glimpse.textures import COATS, GROUNDS, SHEETS, SIDE, sheets
from foveate.errors import FoveateError

ID = "Glimpse/Fur-v0"


@pytest.mark.parametrize("options", [{}, {"size": 56, "split": "test"}, {"size": 96, "spurious": 1.0}])
def test_pictures_are_what_a_slow_loop_draws(options: dict) -> None:
    env = gym.make_vec(ID, num_envs=4, view="image", relevance=True, **options)
    pictures, info = env.reset(seed=3)
    split, size = options.get("split", "train"), options.get("size", 64)
    library = (sheets(COATS, split), sheets(GROUNDS, split))
    state = {name: value.tolist() for name, value in env.unwrapped.world.state.items() if name != "canvas"}
    for b in range(4):
        animal = silhouettes(split)[state["animal"][b]]
        animal = animal.flip(1) if state["turned"][b] else animal
        top, left = state["corner"][b]
        for y in range(size):
            for x in range(size):
                inside = 0 <= y - top < HEIGHT and 0 <= x - left < WIDTH and bool(animal[y - top, x - left])
                texture, sheet, row, column, tone = state["surfaces"][b][0 if inside else 1]
                marks = int(library[0 if inside else 1][texture, sheet, row + y, column + x])
                assert pictures[b, 0, y, x] == min(max(tone + marks, 0), 255)
                assert info["relevance"][b, y, x] == inside
        assert info["target"][b] == state["surfaces"][b][0][0]


def grounds(split: str, spurious: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The textures of fur and ground of many pictures."""
    env = gym.make_vec(ID, num_envs=4000, view="image", split=split, spurious=spurious)
    env.reset(seed=0)
    return env.unwrapped.world.state["surfaces"][..., 0].unbind(1)


@pytest.mark.parametrize(("spurious", "share"), [(0.0, 0.25), (0.5, 0.625), (1.0, 1.0)])
def test_a_spurious_ground_goes_with_the_fur_where_one_trains_and_only_there(spurious: float, share: float) -> None:
    fur, ground = grounds("train", spurious)
    assert abs((fur == ground).float().mean() - share) < 0.03
    for split in ("validation", "test"):
        table = torch.zeros(4, 4).index_put_(grounds(split, spurious), torch.tensor(1 / 4000), accumulate=True)
        assert (table - 1 / 16).abs().max() < 0.015


def test_splits_have_no_silhouette_and_no_sheet_in_common() -> None:
    animals = [silhouettes(split) for split in SILHOUETTES]
    assert [len(some) for some in animals] == list(SILHOUETTES.values())
    assert len(torch.cat(animals).flatten(1).unique(dim=0)) == sum(SILHOUETTES.values())
    every = torch.cat([sheets(names, split).flatten(0, 1) for names in (COATS, GROUNDS) for split in SHEETS])
    assert every.shape == (8 * sum(SHEETS.values()), SIDE, SIDE)
    assert len(every.flatten(1).unique(dim=0)) == len(every)
    assert every.float().mean((1, 2)).abs().max() <= 0.5  # no texture is told by its brightness


def test_animals_stand_in_their_box_and_are_all_in_one_piece() -> None:
    cv2 = pytest.importorskip("cv2")
    for animal in silhouettes("train").numpy():
        assert cv2.connectedComponents(animal.astype(np.uint8))[0] == 2  # the ground and it
        assert 0.25 < animal.mean() < 0.6
        assert animal[-4:].any()
        assert not animal[:, 0].any()
        assert not animal[:, -1].any()


def test_changing_the_ground_changes_nothing_but_the_ground_and_the_fur_what_is_right() -> None:
    env = gym.make_vec(ID, num_envs=6, view="image", relevance=True, output="torch")
    before, info = env.reset(seed=1)
    world, inside = env.unwrapped.world, info["relevance"]
    kept = {name: value.clone() for name, value in world.state.items()}
    for name, where in (("background", ~inside), ("fur", inside)):
        after = world.intervene(world.state, "shift", name)
        changed = world.picture(after) != before[:, 0]
        assert not (changed & ~where).any()
        assert (changed.flatten(1).sum(1) > 0.5 * where.flatten(1).sum(1)).all()
        assert torch.equal(after["label"], (kept["label"] + (name == "fur")) % 4)
        whole = world.intervene(after, "shift", name, 3)
        assert torch.equal(world.picture(whole), before[:, 0])
    assert all(torch.equal(value, world.state[name]) for name, value in kept.items())
    objects = world.objects(world.state)
    assert list(objects) == ["fur", "background"]
    assert torch.equal(objects["fur"], ~objects["background"])


def test_an_intervention_is_seen_by_an_agent_that_glimpses() -> None:
    env = gym.make(ID, first="centre")
    seen, _ = env.reset(seed=0)
    changed = env.unwrapped.intervene("shift", "background")
    assert not np.array_equal(seen["glimpse"], changed["glimpse"])
    with pytest.raises(FoveateError, match=r"unknown object .sky.\. Allowed: background, fur"):
        env.unwrapped.intervene("shift", "sky")
    with pytest.raises(FoveateError, match=r"amount=0\.5 is not allowed: it must be a whole number"):
        env.unwrapped.intervene("shift", "fur", 0.5)


def test_impossible_pictures_are_refused() -> None:
    for options in ({"size": 55}, {"size": 97}, {"spurious": 1.1}):
        with pytest.raises(FoveateError, match=f"{next(iter(options))}="):
            gym.make(ID, **options)
    with pytest.raises(FoveateError, match="unknown split 'test-2'"):
        gym.make(ID, split="test-2")
