"""Captions: against a description of the boxes in a slow loop, pictures against their images, cells and glimpses."""

from typing import Any, cast

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ids import no_fashion

from foveate.envs.counter_rng import CounterRNG
from foveate.envs.glimpse.data import load
from foveate.envs.gym_env import VectorEnv
from foveate.envs.sequence import Caption, things
from foveate.envs.sequence.picture_passage import cells_of, picture_of
from foveate.errors import FoveateError

ID = "Sequence/Caption-v0"
Said = list[tuple[str, set[int]]]  # words, with the things that they are about


def worlds_of(count: int, seed: int = 0, **options: Any) -> Caption:
    world = cast(VectorEnv, gym.make_vec(ID, num_envs=count, **options).unwrapped).world
    world.reset(keys=torch.arange(seed, seed + count))
    return cast(Caption, world)


def described(nouns: list[str], rows: list[int]) -> Said:
    """The caption of things in order, as a person would write it."""
    said: Said = []
    for i, noun in enumerate(nouns):
        if i > 1:
            said.append(("and", {i}))
        if i > 0 and rows[i] == rows[0]:
            said += [("left", {0, i}), ("of", set())]
        elif i > 0:
            said.append(("above" if rows[0] < rows[i] else "below", {0, i}))
        said += [("an" if noun[0] in "aei" else "a", {i}), (noun, {i})]
    return [*said, ("end", set())]


OPTIONS: list[dict] = [
    {},
    {"lesson": 1},
    {"lesson": 2},
    {"min_things": 1, "max_things": 9},
    {"split": "test-4", "cell": 16},
]


@pytest.mark.parametrize(("lesson", "things"), [(1, {1}), (2, {1, 2}), (3, {2, 3}), (None, {2, 3})])
def test_lessons_have_more_things_each_and_are_seen_alike(lesson: int | None, things: set[int]) -> None:
    world = worlds_of(100, lesson=lesson)
    assert set((world.state["boxes"].sum(-1) > 0).sum(1).tolist()) == things
    alike = [gym.make(ID, lesson=number, view="whole") for number in (lesson, None)]
    assert alike[0].observation_space == alike[1].observation_space
    assert alike[0].action_space == alike[1].action_space


@pytest.mark.parametrize("options", [*OPTIONS, pytest.param({"data": "both"}, marks=no_fashion)])
def test_the_caption_says_what_is_where_and_which_cells_say_so(options: dict) -> None:
    world = worlds_of(80, **options)
    state, names = world.state, world.written_names
    for i in range(80):
        boxes = [box for box in state["boxes"][i].tolist() if any(box)]
        middles = [((top + bottom) / 2, (left + right) / 2) for top, left, bottom, right in boxes]
        rows, columns = ([int(at * 3 / 64) for at in axis] for axis in zip(*middles, strict=True))
        assert world.things.low <= len(boxes) <= world.things.high
        assert sorted(zip(columns, rows, strict=True)) == [*zip(columns, rows, strict=True)]
        assert len({*zip(columns, rows, strict=True)}) == len(boxes)
        due = int(state["due"][i])
        words = [names[word] for word in state["targets"][i, :due].tolist()]
        said = described([word for word in words if word in things.NOUNS], rows)
        assert words == [word for word, _ in said]
        for place, (_, about) in enumerate(said):
            assert set(state["about"][i, place].nonzero()[:, 0].tolist()) == about
            cells = {
                y // world.cell * world.grid + x // world.cell
                for top, left, bottom, right in (boxes[thing] for thing in about)
                for y in range(top, bottom)
                for x in range(left, right)
            }
            assert set(state["aligned"][i, place].nonzero()[:, 0].tolist()) == cells
        assert not state["targets"][i, due:].any()
        assert not state["aligned"][i, due:].any()


@pytest.mark.parametrize(
    ("split", "images"), [("train", "train"), ("validation", "validation"), ("test", "test"), ("test-5", "test")]
)
def test_a_picture_is_made_of_the_split_s_images_each_with_its_name(split: str, images: str) -> None:
    world, source = worlds_of(40, view="whole", split=split), load("mnist", images)
    halves = source.images.reshape(-1, 14, 2, 14, 2).mean((2, 4)).round().astype(np.uint8)
    pictures = cast(dict, world.observe(world.state))["source"][:, 0].numpy()
    shown = world._shown(CounterRNG(torch.arange(40), torch.zeros(40).long(), torch.zeros(40).long()))
    for i in range(40):
        rest = pictures[i].copy()
        nouns = [word - 8 for word in world.state["targets"][i].tolist() if word >= 8]
        for thing, noun in enumerate(nouns):
            y, x = shown.corner[i, thing].tolist()
            part = rest[y : y + 14, x : x + 14]
            (which,) = np.flatnonzero((halves == part).all((1, 2)))[:1]
            assert source.labels[which] == noun
            top, left, bottom, right = world.state["boxes"][i, thing].tolist()
            ink = np.argwhere(part >= things.INK) + np.array([y, x])
            assert [*ink.min(0), *(ink.max(0) + 1)] == [top, left, bottom, right]
            part[:] = 0
        assert not rest.any()  # nothing else is there


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.sampled_from([1, 2, 4, 8]), st.integers(0, 1000))
def test_cells_make_up_the_picture(grid: int, cell: int, seed: int) -> None:
    side = grid * cell
    pictures = torch.randint(256, (2, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    cells = cells_of(pictures, cell)
    for number in range(grid**2):
        y, x = (place * cell for place in divmod(number, grid))
        assert torch.equal(cells[:, number], pictures[:, y : y + cell, x : x + cell].flatten(1))
    assert torch.equal(picture_of(cells, cell), pictures)


def test_every_place_and_kind_is_as_likely() -> None:
    world = worlds_of(3000, min_things=3, max_things=3)
    boxes = world.state["boxes"].flatten(0, 1)
    blocks = (boxes[:, 0] + boxes[:, 2]) * 3 // 128 * 3 + (boxes[:, 1] + boxes[:, 3]) * 3 // 128
    assert (abs(blocks.bincount(minlength=9) / 9000 - 1 / 9) < 0.015).all()
    every = torch.arange(3000)
    corners = things.arranged(CounterRNG(every, every, every), torch.full_like(every, 3), 3, world.kinds).corner
    assert {0, 7, 21, 28, 42, 49} <= set(corners.flatten().tolist()) <= set(range(50))
    assert set(worlds_of(3000).state["due"].tolist()) == {6, 7, 10, 11, 12}
    words = world.state["targets"].flatten().bincount(minlength=18)
    assert (words[8:18] / 9000 > 0.07).all()


def test_the_views_show_one_picture() -> None:
    whole, stream, glimpse = (worlds_of(70, view=view) for view in ("whole", "stream", "glimpse"))
    picture = cast(dict, whole.observe(whole.state))["source"][:, 0].float() / 255
    read = []
    for _ in range(64):
        read.append(stream.observe(stream.state)[:, :64])
        stream.step(stream.oracle())
    torch.testing.assert_close(picture_of(torch.stack(read, 1), 8), picture)
    padded = torch.nn.functional.pad(picture, (16, 16, 16, 16))
    for place in (0, 7, 20, 63):
        glimpse.step({"location": torch.full((70,), place), "write": torch.ones(70, dtype=torch.int64)})
        seen = cast(dict, glimpse.observe(glimpse.state))["glimpse"]
        y, x = (8 * number + 4 + 16 for number in divmod(place, 8))
        torch.testing.assert_close(seen[:, 0], padded[:, y - 8 : y + 8, x - 8 : x + 8])
        coarse = padded[:, y - 16 : y + 16, x - 16 : x + 16].reshape(70, 16, 2, 16, 2).mean((2, 4))
        torch.testing.assert_close(seen[:, 1], coarse)


def test_few_glimpses_are_those_of_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    world = worlds_of(80, view="glimpse")
    world.step({"location": torch.arange(80) % 64, "write": torch.ones(80, dtype=torch.int64)})
    with_it = cast(dict, world.observe(world.state))["glimpse"]
    monkeypatch.setattr("foveate.envs.sequence.picture_passage.worth_it", lambda *_: False)
    assert torch.equal(with_it, cast(dict, world.observe(world.state))["glimpse"])


def test_who_knows_what_is_there_but_not_where_is_between_the_blind_and_who_sees() -> None:
    scale = Caption.scale
    assert scale.blind.mean + 0.1 < scale.unaligned.mean < scale.oracle.mean - 0.3
    world = worlds_of(50, view="whole")
    for _ in range(world.most_written):
        said = world.unaligned()
        nouns = said >= 8
        known = (world.state["targets"] == said[:, None]).any(1)
        assert known[nouns].all()
        world.step(said)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": "digit"}, "Did you mean 'digits'"),
        ({"cell": 5}, "cell=5 is not allowed: allowed are 4, 8, 16, 32"),
        ({"max_things": 10}, "max_things"),
        ({"split": "test-7"}, "test-5"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(options: dict, message: str) -> None:
    with pytest.raises(FoveateError, match=message):
        Caption(**options)


def test_the_boxes_of_what_is_due_are_bright() -> None:
    from foveate.viz.palette import YELLOW

    env = gym.make(ID, view="whole", render_mode="rgb_array")
    _, info = env.reset(seed=1)
    state = env.unwrapped.world.state
    over = False
    while not over:
        about = state["about"][0, int(env.unwrapped.world.clock[0])]
        bright = np.argwhere((np.asarray(env.render())[: 64 * 7] == YELLOW).all(-1))
        assert bool(len(bright)) == bool(about.any())
        if about.any():
            boxes = state["boxes"][0][about]
            edges = torch.cat([boxes[:, :2].amin(0), boxes[:, 2:].amax(0)]).numpy() * 7
            assert np.abs(np.concatenate([bright.min(0), bright.max(0)]) - edges).max() <= 4
        _, _, over, _, info = env.step(info["target"])
