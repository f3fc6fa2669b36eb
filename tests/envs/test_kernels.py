"""The worlds' kernels give bit for bit what their tensor functions give: whole episodes with one and with the other."""

from unittest import mock

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ids import ALL_IDS

from foveate import compiled, tree
from foveate.envs import kernels, probe
from foveate.envs.buffers import Buffers
from foveate.envs.counter_rng import CounterRNG
from foveate.envs.glimpse import canvas, layers, retina
from foveate.envs.probe import road
from foveate.envs.probe.game import GameWorld

pytestmark = pytest.mark.skipif(not compiled.find_numba(), reason="numba is missing")


def played(env_id: str, options: dict, by_kernel: bool) -> list[np.ndarray]:
    """All observations of some steps with autoreset, kernels on or off."""
    with (
        mock.patch.object(kernels, "find_numba", return_value=by_kernel),
        mock.patch.object(kernels, "FEWEST", 0),
    ):
        env = gym.make_vec(env_id, num_envs=5, output="torch", autoreset_mode="SameStep", **options)
        env.action_space.seed(3)
        seen = [env.reset(seed=7)]
        seen += [env.step(env.action_space.sample()) for _ in range(9)]
        env.close()
    return [np.asarray(x) for x in tree.leaves(tree.to_numpy(tuple(seen)))]


GLIMPSES = [
    ("Glimpse/Digits-v0", {"patch": 7}),
    ("Glimpse/TranslatedDigits-v0", {}),
    ("Glimpse/TranslatedDigits-v0", {"augment": 1.0, "patch": 5, "location": "moves", "reach": 2.0}),
    ("Glimpse/TranslatedDigits-v0", {"noise": 0.3, "overview": 6}),
    ("Glimpse/TranslatedDigits-v0", {"zoom": True}),
    ("Glimpse/ClutteredDigits-v0", {"size": 100, "clutter": 9, "piece": 11}),
    ("Glimpse/ClutteredDigits100-v0", {"patch": 9}),
    ("Glimpse/ClutteredDigits-v0", {"contrast": 0.5}),
    ("Glimpse/DigitPairs-v0", {}),
    ("Glimpse/AddDigits-v0", {"clutter": 5}),
    ("Glimpse/AddDigits-v0", {"lesson": 1}),
    ("Glimpse/Catch-v0", {}),
    ("Glimpse/HouseNumbers-v0", {}),
    ("Glimpse/Fur-v0", {"size": 96, "view": "image", "spurious": 0.5}),
    ("Glimpse/Fur-v0", {"zoom": True, "split": "test"}),
    ("Glimpse/FindEight-v0", {"search": "feature", "answer": "place", "max_characters": 9}),
    ("Glimpse/FindEight-v0", {"split": "test-64", "view": "image"}),
    ("Multi/SharedGaze-v0", {"agents": 5, "parts": 3}),
    ("Multi/SharedGaze-v0", {"noise": 0.2, "clutter": 3}),
    ("Multi/SpeakerListener-v0", {"clutter": 4}),
    ("Multi/HideAndSeek-v0", {}),
]


@pytest.mark.parametrize("env_id", ALL_IDS)
def test_every_world_is_the_same_with_kernels_and_without(env_id: str) -> None:
    compare(env_id, {})


@pytest.mark.parametrize(("env_id", "options"), GLIMPSES)
def test_worlds_are_the_same_with_kernels_and_without(env_id: str, options: dict) -> None:
    compare(env_id, options)


def compare(env_id: str, options: dict) -> None:
    """Play with kernels and without, and compare all numbers."""
    with_them, without = played(env_id, options, True), played(env_id, options, False)
    assert len(with_them) == len(without)
    for a, b in zip(with_them, without, strict=True):
        np.testing.assert_array_equal(a, b)


@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    more=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    counts=st.tuples(st.integers(1, 3), st.integers(0, 4)),
    size=st.integers(1, 9),
    scales=st.integers(1, 4),
    spread=st.sampled_from([1.0, 1.5, 40.0]),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=150, deadline=None)
def test_glimpses_of_layers_are_those_of_the_picture(
    shape: tuple[int, int],
    more: tuple[int, int],
    counts: tuple[int, int],
    size: int,
    scales: int,
    spread: float,
    seed: int,
) -> None:
    numbers = np.random.default_rng(seed)
    (height, width), (n, m), worlds = shape, counts, 3
    picture = (height + more[0], width + more[1])
    piece = min(height, width)
    library = torch.from_numpy(numbers.integers(0, 256, (4, height, width)).astype(np.uint8))
    corners = torch.from_numpy(np.stack([numbers.integers(0, 1 + m_, (worlds, n)) for m_ in more], -1))
    high = [4, height - piece + 1, width - piece + 1, picture[0] - piece + 1, picture[1] - piece + 1]
    pieces = torch.from_numpy(np.stack([numbers.integers(0, h, (worlds, m)) for h in high], -1))
    sprites = library[torch.from_numpy(numbers.integers(0, 4, (worlds, n)))]
    whole = torch.zeros(worlds, picture[0] * picture[1], dtype=torch.uint8)
    whole = canvas.overlaid(whole, sprites, corners, picture[1])
    source, at = canvas.piece_pixels(library, pieces, piece, picture[1])
    whole = whole.scatter_reduce(1, at, source, "amax").view(worlds, 1, *picture).float()
    place = torch.from_numpy(numbers.uniform(-spread, spread, (worlds, 2)).astype(np.float32))
    begin = int(numbers.integers(0, picture[1]))
    columns = (begin, int(numbers.integers(begin, picture[1] + 1))) if seed % 2 else (0, picture[1])
    whole[..., : columns[0]] = 0
    whole[..., columns[1] :] = 0
    for divide in (True, False):
        light = whole / 255 if divide else whole * (1 / 255)
        expected = retina.look(retina.pool(light, scales), place, size)
        shown = layers.Layers(sprites, corners, picture, divide, library, pieces, piece)
        assert torch.equal(layers.look(shown, place, size, scales, columns), expected)


@given(
    seeds=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=70),
    episode=st.integers(0, 2**40),
    step=st.integers(0, 10**6),
    stream=st.text(max_size=5),
    shape=st.lists(st.integers(0, 4), max_size=3),
    branch=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_random_numbers_are_the_same_by_a_kernel(
    seeds: list[int], episode: int, step: int, stream: str, shape: list[int], branch: bool
) -> None:
    drawn = []
    for by_kernel in (True, False):
        with (
            mock.patch.object(kernels, "find_numba", return_value=by_kernel),
            mock.patch.object(kernels, "FEWEST", 0),
        ):
            key = torch.tensor(seeds)
            rng = CounterRNG(key, torch.full_like(key, episode), torch.full_like(key, step))
            rng = rng.branch(2) if branch else rng
            drawn.append([rng.bits(stream, *shape), rng.uniform(stream, *shape), rng.integers(stream, 7, *shape)])
    for a, b in zip(*drawn, strict=True):
        assert a.dtype == b.dtype
        assert torch.equal(a, b)


def test_a_gaze_that_is_no_number_and_pieces_out_of_range_show_nothing() -> None:
    shown = layers.Layers.of(torch.full((3, 8, 8), 9, dtype=torch.uint8))
    place = torch.tensor([[torch.nan, 0.0], [torch.inf, 0.0], [-1e30, 1e30]])
    assert not layers.look(shown, place, 4, 2).any()
    pieces = torch.tensor([[[10**9, 0, 0, 0, 0], [0, -5, 0, 0, 0], [0, 0, 10**12, 0, 0], [0, 0, 0, -1, 0]]] * 3)
    black = layers.Layers.of(torch.zeros(3, 8, 8, dtype=torch.uint8))
    library = torch.full((2, 8, 8), 255, dtype=torch.uint8)
    there = black._replace(library=library, pieces=pieces, piece=4)
    assert not layers.look(there, torch.zeros(3, 2), 4, 2).any()


@given(seed=st.integers(0, 10**6), decoy=st.booleans())
@settings(max_examples=20, deadline=None)
def test_any_game_of_catch_is_drawn_the_same_by_a_kernel(seed: int, decoy: bool) -> None:
    numbers, n = np.random.default_rng(seed), 16
    world = (probe.Distractors if decoy else probe.Catch)(balls=10)
    scene = {name: torch.from_numpy(numbers.integers(-2, 24, n)) for name in world.visible}
    frames = []
    for by_kernel in (True, False):
        with (
            mock.patch.object(kernels, "find_numba", return_value=by_kernel),
            mock.patch.object(kernels, "FEWEST", 0),
        ):
            frames.append(world.draw(scene))
    assert torch.equal(*frames)


@pytest.mark.parametrize("game", [probe.Catch, probe.Distractors, probe.Driving])
@given(seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_any_moment_of_a_game_goes_on_the_same_by_a_kernel(game: type[GameWorld], seed: int) -> None:
    numbers, n = np.random.default_rng(seed), 32
    world, keys = game(), torch.arange(n) + seed
    world.build(n)
    world.reset(keys=keys)
    state = {**world.state, "clock": keys}
    for name, value in world.begin(CounterRNG(keys, keys, keys)).items():
        if value.is_floating_point():  # about anywhere that a game can come to
            moved = torch.from_numpy(numbers.normal(0, 0.4, value.shape).astype(np.float32))
            state[name] = (value + moved).round() if name in ("left", "overtaken") else value * (1 + moved) + moved
        else:
            state[name] = torch.from_numpy(numbers.integers(0, {"left": 3, "drift": 2}.get(name, 18), value.shape))
    state["car_shown"] = torch.from_numpy(numbers.integers(0, 2, (n, 5)).astype(np.float32))
    action = torch.from_numpy(numbers.integers(0, len(world.action_names), n))
    after = []
    for by_kernel in (True, False):
        with (
            mock.patch.object(kernels, "find_numba", return_value=by_kernel),
            mock.patch.object(kernels, "FEWEST", 0),
        ):
            after.append(world.play(state, action, CounterRNG(keys, keys, keys)))
    (by_kernel_state, *by_kernel_rest), (by_tensors_state, *by_tensors_rest) = after
    assert list(by_kernel_state) == list(by_tensors_state)
    pairs = [(by_kernel_state[name], value) for name, value in by_tensors_state.items()]
    for a, b in [*pairs, *zip(by_kernel_rest, by_tensors_rest, strict=True)]:
        assert a.dtype == b.dtype
        assert torch.equal(a, b)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_any_road_is_drawn_the_same_by_a_kernel(seed: int) -> None:
    numbers, n, cars = np.random.default_rng(seed), 16, 6

    def between(low: float, high: float, *shape: int) -> torch.Tensor:
        return torch.from_numpy(numbers.uniform(low, high, shape).astype(np.float32))

    scene = {"x": between(-1, 1, n), "bend": between(-1, 1, n), "heading": between(-500, 500, n)}
    scene |= {"odometer": between(0, 99, n), "time": between(0, 1, n), "left": between(-3, 120, n).round()}
    scene |= {"car_x": between(-1.5, 1.5, n, cars), "car_z": between(-0.2, 1.2, n, cars)}
    scene |= {"car_shown": between(0, 1, n, cars).round()}
    frames = []
    for by_kernel in (True, False):
        with (
            mock.patch.object(kernels, "find_numba", return_value=by_kernel),
            mock.patch.object(kernels, "FEWEST", 0),
        ):
            frames.append(road.draw(scene, Buffers()))
    assert torch.equal(*frames)
