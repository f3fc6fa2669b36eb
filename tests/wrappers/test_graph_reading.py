"""How graphs are read: maps and read-outs against what they must be, and a memory whose every row is known."""

import itertools
import math
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from foveate.agents import AGENTS
from foveate.agents.nn.attention.content import content_weights, cosine_similarity, masked_cosine_similarity
from foveate.agents.nn.cores import CORES
from foveate.agents.policies.outputs import PolicyPrediction
from foveate.agents.policies.policy import Policy
from foveate.analysis import graph_reading as reading
from foveate.analysis.memory_use import memory_use
from foveate.analysis.read_out import RIDGE, fit_read_out, plain_digits
from foveate.envs.episodes import Episodes
from foveate.envs.memory.graphs import labels_of
from foveate.envs.memory.named_graphs import underground
from foveate.envs.protocols import world_of
from foveate.envs.registry import make_worlds
from foveate.errors import FoveateError
from foveate.viz.graph_map import GraphMap, classical_scaling
from foveate.viz.graph_reading import BEFORE, MOST_ROWS, GraphPage, _rows, draw_graph_page

GRAPHS, TUBE = "Memory/GraphTraversal-v0", "Memory/Underground-v0"
ASKED = torch.arange(90) < 60  # the channels of source and edge


def graphs(env_id: str, count: int, **arguments: object) -> Any:
    env = make_worlds(env_id, count, "cpu", arguments)
    env.reset(seed=3)
    return world_of(env)


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=1, max_size=12, unique=True))
@settings(max_examples=30, deadline=None)
def test_points_of_a_plane_are_laid_out_as_far_apart_as_they_are(points: list[tuple[int, int]]) -> None:
    away = np.array([[math.dist(a, b) for b in points] for a in points])
    places = classical_scaling(away)
    for (i, a), (j, b) in itertools.product(enumerate(points), repeat=2):
        assert math.dist(places[i], places[j]) == pytest.approx(math.dist(a, b), abs=1e-5)
    assert (classical_scaling(away) == places).all()


def test_a_line_of_nodes_is_a_line_and_the_farthest_is_on_the_positive_side() -> None:
    away = np.abs(np.subtract.outer(np.arange(5.0), np.arange(5.0)))
    places = classical_scaling(away[:4, :4])
    assert sorted(places[:, 0]) == pytest.approx([-1.5, -0.5, 0.5, 1.5])
    assert np.abs(places[:, 1]).max() < 1e-6
    lopsided = classical_scaling(np.abs(np.subtract.outer([0.0, 1.0, 9.0], [0.0, 1.0, 9.0])))
    assert lopsided[2, 0] > 0 > lopsided[1, 0]


def test_triples_that_stand_in_rows_are_told_exactly() -> None:
    digits = torch.randint(10, (400, 9), generator=torch.Generator().manual_seed(0))
    rows = F.one_hot(digits, 10).flatten(1).float()
    read_out = fit_read_out(rows[:300], digits[:300])
    assert (plain_digits(read_out.scores(rows[300:])) == digits[300:]).all()
    assert (plain_digits(read_out.scores(torch.zeros(90))) == -1).all()
    masks = ASKED.float().expand(100, -1)
    for keys, mask in ((7 * rows[300:], masks), (3 * rows[300:] * masks, None)):
        wanted = plain_digits(read_out.wanted(keys, torch.full((100,), 30.0), mask))
        assert (wanted[:, :6] == digits[300:, :6]).all()
        assert (wanted[:, 6:] == -1).all()  # a gap


@pytest.mark.parametrize("masked", [False, True])
def test_what_a_key_looks_for_is_a_fit_to_its_similarities(masked: bool) -> None:
    generator = torch.Generator().manual_seed(1)
    rows, keys = torch.randn(40, 5, generator=generator), torch.randn(2, 5, generator=generator)
    digits, masks = torch.randint(10, (40, 2), generator=generator), torch.rand(2, 5, generator=generator)
    strengths = torch.tensor([2.0, 9.0])
    wanted = fit_read_out(rows, digits).wanted(keys, strengths, masks if masked else None)  # (2, 2, 10)
    channels = np.zeros((40, 20))
    for row, (first, second) in enumerate(digits.tolist()):
        channels[row, first] = channels[row, 10 + second] = 1
    for each in range(2):
        mask = masks[each].numpy() if masked else np.ones(5)
        key = keys[each].numpy() * mask
        seen = [row * mask for row in rows.numpy()]
        alike = np.array([row @ key / np.linalg.norm(row) / np.linalg.norm(key) for row in seen]) * float(
            strengths[each]
        )
        # ridge regression is least squares with rows that ask for small weights
        tall = np.concatenate([channels, math.sqrt(RIDGE) * np.eye(20)])
        weights = np.linalg.lstsq(tall, np.concatenate([alike - alike.mean(), np.zeros(20)]), rcond=None)[0]
        for place in range(2):
            share = np.exp(weights[10 * place : 10 * place + 10])
            np.testing.assert_allclose(wanted[each, place], share / share.sum(), atol=1e-5)


@pytest.mark.parametrize("masked", [False, True])
def test_a_dnc_s_keys_and_strengths_are_those_that_it_reads_by(masked: bool) -> None:
    torch.manual_seed(0)
    core: Any = CORES["dnc"](3, 6, rows=5, width=4, read_heads=2, mask_keys=masked)
    x, starts = 3 * torch.randn(1, 2, 3), torch.ones(1, 2, dtype=torch.bool)
    said = {name: value[0] for name, value in core(x, core.initial_state(2), starts, record=True).records.items()}
    assert ("read_masks" in said) == masked
    keys, memory = said["read_keys"], said["memory"]  # (B, R, W), (B, N, W)
    alike = masked_cosine_similarity(keys, said["read_masks"], memory) if masked else cosine_similarity(keys, memory)
    found = content_weights(alike, said["read_strengths"])
    # at the first moment no link leads anywhere: only content is read
    torch.testing.assert_close(said["read_weights"], said["read_modes"][..., 1:2] * found)


def known_memory(_: Policy, whole: Episodes) -> PolicyPrediction:
    """Row t holds what was shown at t; head 1 reads the edge due, head 2 the next instruction, and all is answered."""
    steps, n = whole.target_mask.shape
    inputs = whole.state["inputs"][:, :steps, :9].transpose(0, 1).long()  # (T, n, 9)
    contents = F.one_hot(inputs + 1, 11)[..., 1:].flatten(2).float()  # (T, n, 90)
    time = torch.arange(steps)
    written = F.one_hot(time, steps)[:, None, None].expand(steps, n, 1, steps).float()
    memory = contents.transpose(0, 1) * (time[None, :] <= time[:, None])[:, None, :, None]  # (T, n, N, 90)
    read = torch.zeros(steps, n, 2, steps)
    keys = torch.zeros(steps, n, 2, 90)
    modes = torch.zeros(steps, n, 2, 3)
    modes[:, :, 0, 1] = modes[:, :, 1, 2] = 1
    for i, t in np.argwhere(whole.target_mask.T.numpy()):
        number = int(t - whole.state["asked_to"][i])
        read[t, i, 0, whole.state["relevant"][i, t, 0]] = 0.9
        read[t, i, 1, whole.state["asked_from"][i] + number + 1] = 0.4
        keys[t, i, 0] = F.one_hot(whole.target[t, i], 10).flatten() * ASKED
    records = {
        "memory": memory, "write_weights": written, "read_weights": read, "read_modes": modes, "read_keys": keys,
        "read_strengths": torch.full((steps, n, 2), 30.0),
    }  # fmt: skip
    answers = {"action": F.one_hot(whole.target, 10).flatten(2).float()}
    return PolicyPrediction(answers, torch.zeros(steps, n), None, {}, records)


def test_a_memory_whose_every_row_is_known_is_read_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "predict_episodes", known_memory)
    world = graphs(GRAPHS, 8, lesson=8)
    nobody: Any = None
    found = reading.graph_reading(nobody, world, 20)
    assert (found.right, found.found, found.told, found.head) == (1, 1, 1, 0)
    assert found.heads.tolist() == [1, 0]
    assert found.instruction.tolist() == [0, 0]
    assert found.next_instruction.tolist() == [0, 1]
    assert found.asking.tolist() == found.answering.tolist() == [[0, 1, 0], [0, 0, 1]]
    assert found.wanted[:2].tolist() == [1, 1]
    assert found.wanted[2] < 0.4  # nothing is said of the destination
    again = graphs(GRAPHS, 8, lesson=8)
    chances = []
    for count in (8, 8, 4):  # one edge of all is read at each answer
        whole = again.episodes(count)
        chances += [
            1 / int(e)
            for e, a in zip(whole.state["asked_from"], whole.target_mask.sum(0), strict=True)
            for _ in range(a)
        ]
    assert found.by_chance == pytest.approx(np.mean(chances))
    page = found.page
    assert (page.told[page.asked :] == page.shown[page.asked :]).all()
    assert (page.wanted[page.asked :, :6] == page.shown[page.asked :, :6]).all()
    assert (page.map.read == page.map.path).all()
    assert page.map.path[1:, 0].tolist() == page.map.path[:-1, 1].tolist()
    for number, (a, b) in enumerate(page.map.path.tolist()):
        digits = "".join(map(str, page.shown[page.asked + number]))
        assert (page.map.names[a], page.map.names[b]) == (digits[:3], digits[6:])
    assert page.due_rows.max() < page.described


def test_stations_have_their_names_in_every_episode() -> None:
    world = graphs(TUBE, 2, stations="interchanges", path=2)
    stations, edges = underground("interchanges")
    expected = sorted((stations[a], stations[b]) for a, _, b in edges)
    for _ in range(2):
        whole = world.episodes(2)
        for i in range(2):
            names = world.names(i)
            triples = labels_of(whole.state["inputs"][i, : len(edges), :9].unflatten(-1, (3, 3))).tolist()
            assert sorted((names[a], names[b]) for a, _, b in triples) == expected
    assert graphs(GRAPHS, 1, lesson=1).names(0) == {}


def machine(env_id: str, arguments: dict[str, Any], name: str) -> Policy:
    torch.manual_seed(0)
    env = gym.make(env_id, **arguments)
    options = {} if name == "gru" else {"rows": 9, "width": 4}
    make: Any = AGENTS[name]
    return make(env.observation_space, env.action_space, hidden=6, **options).eval()


def test_whole_episodes_and_others_are_refused() -> None:
    lesson = {"lesson": 2}
    found = memory_use(machine(GRAPHS, lesson, "dnc"), GRAPHS, lesson, 1, seed=0)
    assert isinstance(found, reading.GraphReading)
    assert found.heads.shape == (4,)
    np.testing.assert_allclose(found.answering.sum(1), 1, atol=1e-5)
    assert 0 <= found.found <= 1
    assert draw_graph_page(found.page, GRAPHS).startswith(b"\x89PNG")
    for name, said in (("gru", "no external memory"), ("ntm", "dnc core")):
        with pytest.raises(FoveateError, match=said):
            memory_use(machine(GRAPHS, lesson, name), GRAPHS, lesson, 2, 0)


def test_rows_stand_in_the_order_of_writing_and_those_that_are_due_are_shown() -> None:
    steps, rows = MOST_ROWS + 40, MOST_ROWS + 60
    order = np.random.default_rng(0).permutation(rows)[:steps]
    described = steps - 2
    gaps = np.full((2, 9), -1)
    page = GraphPage(
        written=np.eye(rows)[order], read=np.zeros((steps, 1, rows)), modes=np.full((steps, 1, 3), 1 / 3),
        described=described, asked=1, right=0, due_rows=order[3:4], head=0, shown=gaps, wanted=gaps, told=gaps,
        map=GraphMap(["one", "other"], np.array([[-0.5, 0], [0.5, 0]]), *np.array([[[0, 1]], [[0, 1]], [[-1, -1]]])),
    )  # fmt: skip
    shown = _rows(page).tolist()
    assert len(shown) == MOST_ROWS
    assert shown[0] == order[3]
    assert shown[1:] == order[described + 1 - MOST_ROWS + 1 : described + 1].tolist()  # the last ones before the answer
    assert described > BEFORE
    faint = page._replace(written=0.01 * page.written)  # nothing is written much
    assert _rows(faint).tolist() == [order[3]]
    assert draw_graph_page(faint, "a graph of two nodes").startswith(b"\x89PNG")
    assert draw_graph_page(page, "a graph of two nodes").startswith(b"\x89PNG")
