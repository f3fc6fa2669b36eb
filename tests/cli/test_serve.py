"""What the page of ``evaluate.py serve`` shows, computed without a browser; and the command's own errors."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ids import no_fashion

from foveate.cli.serve import comparing, driving, looking, parsing, remembering, translating
from foveate.cli.serve.digit import INNER, SIDE, as_digit, checked_strokes
from foveate.cli.serve.shelf import Shelf
from foveate.envs.glimpse.data import load
from foveate.envs.protocols import world_of
from foveate.envs.registry import make_one, make_worlds
from foveate.envs.sequence.dictionary import NOUNS
from foveate.envs.sequence.grammar import READ
from foveate.errors import FoveateError
from foveate.viz.canvas import enlarge
from foveate.viz.glimpses import SIDE as PANEL

THREE = [[[0.3, 0.2], [0.6, 0.2], [0.45, 0.45], [0.65, 0.6], [0.6, 0.8], [0.3, 0.8]]]
SEVEN = [[[0.3, 0.2], [0.7, 0.2], [0.45, 0.9]]]


@pytest.fixture(scope="module")
def shelf() -> Shelf:
    return Shelf()


# ---- drawings ----


def test_a_drawing_is_fitted_and_centred_as_mnist_is() -> None:
    image = as_digit(checked_strokes(THREE))
    assert image.shape == (SIDE, SIDE)
    assert image.dtype == np.uint8
    rows, columns = (np.flatnonzero((image > 64).any(1 - axis)) for axis in (0, 1))
    assert INNER - 2 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= INNER + 1
    mass = image.astype(float)
    for axis in (0, 1):
        middle = (mass * np.indices(image.shape)[axis]).sum() / mass.sum()
        assert abs(middle - (SIDE - 1) / 2) <= 0.5
    real = load("mnist", "test").images
    assert 0.5 * real.mean() < image.mean() < 2 * real.mean()  # a line of about the same weight


@given(st.lists(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=6), min_size=1, max_size=4))
def test_any_drawing_is_a_picture_with_ink_inside(strokes: list) -> None:
    image = as_digit(checked_strokes(strokes))
    assert image.max() > 0
    moved = as_digit([stroke * 0.25 + 0.1 for stroke in checked_strokes(strokes)])
    extent = np.ptp(np.concatenate([np.asarray(stroke) for stroke in strokes]), axis=0).max()
    if extent > 0.25:  # where and how large it was drawn makes no difference
        assert np.abs(image.astype(int) - moved).mean() < 8


@pytest.mark.parametrize(
    "given_strokes",
    [None, [], "drawing", [[]], [[[0.1]]], [[["x", 1]]], [[[float("nan"), 0]]], [[[9, 9]]], [[[0, 0]]] * 101, 7],
)
def test_what_is_no_drawing_is_refused(given_strokes: object) -> None:
    with pytest.raises(FoveateError, match="draw"):
        checked_strokes(given_strokes)


# ---- look ----


@pytest.mark.parametrize("name", ["ClutteredDigits-ram", "TranslatedDigits-ram"])
def test_what_is_drawn_is_what_the_agent_looks_at(name: str, shelf: Shelf) -> None:
    agent, learner = shelf.agent(name), shelf.learner(name)
    said = []
    for strokes in (THREE, SEVEN):
        digit = as_digit(checked_strokes(strokes))
        found = looking.look(agent, learner, 5, 1, digit)
        assert len(found.glimpses) == agent.env["glimpses"]
        assert found.truth is None
        assert [g.answer for g in found.glimpses] == [int(g.odds.argmax()) for g in found.glimpses]
        assert found.sides == [agent.run["agent_options"].get("patch", 8) * 2**k for k in range(len(found.sides))]
        said.append(found.glimpses[-1].answer)
    assert said == [3, 7]


def test_a_drawing_fills_a_picture_of_its_size(shelf: Shelf) -> None:
    digit = as_digit(checked_strokes(THREE))
    found = looking.look(shelf.agent("Digits-ram"), shelf.learner("Digits-ram"), 0, 0, digit)
    drawn, shown = enlarge(digit, PANEL, PANEL), found.glimpses[0].picture
    assert (drawn == shown).all(-1).mean() > 0.97  # all but the path and the outline of the patch


def test_the_same_image_may_lie_elsewhere(shelf: Shelf) -> None:
    agent, learner = shelf.agent("TranslatedDigits-ram"), shelf.learner("TranslatedDigits-ram")
    one, other, again = (looking.look(agent, learner, 12, place) for place in (0, 3, 0))
    images = load("mnist", "test")
    assert one.truth == other.truth == images.labels[12]
    assert one.glimpses[0].place != other.glimpses[0].place
    assert [g.place for g in one.glimpses] == [g.place for g in again.glimpses]


@no_fashion
def test_clothes_have_names(shelf: Shelf) -> None:
    found = looking.look(shelf.agent("Fashion-ram"), shelf.learner("Fashion-ram"), 0, 0)
    assert "sneaker" in found.names
    assert len(found.names) == len(found.glimpses[0].odds)


def test_an_image_of_another_size_is_refused(shelf: Shelf) -> None:
    with pytest.raises(FoveateError, match="28x28"):
        looking.look(shelf.agent("Digits-ram"), shelf.learner("Digits-ram"), 0, 0, np.zeros((9, 9), np.uint8))


# ---- memory ----


def test_a_memory_is_stepped_through(shelf: Shelf) -> None:
    agent, learner = shelf.agent("Copy-ntm"), shelf.learner("Copy-ntm")
    memory = remembering.Memory(agent, learner, 3, 6, 600)
    assert len(memory) == 2 * 6 + 1
    pictures = [memory.picture(moment) for moment in range(len(memory))]
    assert len({picture.tobytes() for picture in pictures}) == len(memory)
    assert pictures[0].shape[1] == 600
    assert memory.moment(2).right == ""
    env = make_one(agent.env_id, {**agent.env, "min_length": 6, "max_length": 6})
    observation, _ = env.reset(seed=3)
    assert memory.moment(7).right == "".join(str(int(bit)) for bit in observation[:8])  # the first vector is due first
    last = memory.moment(12)
    assert (last.said, last.wrong_so_far, last.due_so_far) == (last.right, 0, 48)


@pytest.mark.parametrize(
    ("name", "size", "moments"), [("TMaze-dnc", 4, None), ("DynamicNGrams-ntm", 20, 19), ("PrioritySort-ntm", None, 37)]
)
def test_memories_of_other_worlds_are_stepped_through(
    name: str, size: int | None, moments: int | None, shelf: Shelf
) -> None:
    memory = remembering.Memory(shelf.agent(name), shelf.learner(name), 1, size, 400)
    assert moments is None or len(memory) == moments
    last = memory.moment(len(memory) - 1)
    assert last.due_so_far > 0
    assert memory.picture(len(memory) - 1).shape[1] == 400


@pytest.mark.parametrize(("size", "width"), [(0, 600), (61, 600), (2.5, 600), (5, 10)])
def test_impossible_sizes_are_refused(size: int, width: int, shelf: Shelf) -> None:
    with pytest.raises(FoveateError, match="not allowed"):
        remembering.Memory(shelf.agent("Copy-ntm"), shelf.learner("Copy-ntm"), 0, size, width)


# ---- translate ----


@pytest.mark.parametrize("agreement", [False, True])
def test_a_sentence_of_the_world_is_parsed_as_the_world_made_it(agreement: bool) -> None:
    arguments = {"view": "whole", "min_length": 4, "max_length": 40, "agreement": agreement}
    env = make_worlds("Sequence/Translation-v0", 200, "cpu", arguments)
    env.reset(seed=3)
    world = world_of(env)
    gender = torch.tensor([noun.gender for noun in NOUNS]) if agreement else None
    for row in range(200):
        symbols = world.state["items"][row, : int(world.state["length"][row])].tolist()
        text = " ".join(READ[symbol] for symbol in symbols)
        assert parsing.words_of(text, 60) == symbols
        known = parsing.parsed(symbols)
        assert known is not None
        targets, aligned = parsing.gold(known, gender, world.most_written, world.most_items)
        assert torch.equal(targets[0], world.state["targets"][row])
        assert torch.equal(aligned[0], world.state["aligned"][row])
        assert parsing.parsed(symbols[:-1]) is None  # without its last noun it is none


@given(st.lists(st.integers(1, len(READ) - 1), min_size=1, max_size=12))
def test_any_words_are_parsed_or_not(symbols: list[int]) -> None:
    known = parsing.parsed(symbols)
    if known is not None:
        words, _ = parsing.read_words(known, len(symbols))
        assert words[0].tolist() == symbols


def test_a_sentence_is_translated_with_its_alignment(shelf: Shelf) -> None:
    agent, learner = shelf.agent("Translation-bahdanau"), shelf.learner("Translation-bahdanau")
    done = translating.translate(agent, learner, "to reach the new european market.")
    assert done.written == done.right == ["das", "Markt", "europaeisch", "neu", "zu", "erreichen", "."]
    assert done.wholly_right
    assert done.source == ["to", "reach", "the", "new", "European", "market"]
    assert done.weights.shape == done.gold.shape == (7, 6)
    assert done.weights[1].argmax() == 5  # Markt is read at market
    assert done.picture().ndim == 3
    text = translating.random_sentence(agent, 4)
    assert translating.translate(agent, learner, text).right is not None
    odd = translating.translate(agent, learner, "the cat the cat")
    assert odd.right is None
    assert not odd.gold.any()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "type a sentence"),
        (None, "type a sentence"),
        (".", "1 to 40 words"),
        ("to reach the markt", "Did you mean 'market'"),
        ("<b>", "'<b>' is no word"),
        ("to " * 41, "this one has 41"),
        ("x" * 5000, "at most 1000 letters"),
    ],
)
def test_what_it_cannot_read_is_said(text: object, said: str, shelf: Shelf) -> None:
    with pytest.raises(FoveateError, match=said):
        translating.translate(shelf.agent("Translation-bahdanau"), shelf.learner("Translation-bahdanau"), text)


def test_words_are_read_aloud_or_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    if translating.speaker() is not None:
        assert translating.spoken(["das", "Markt"], "written").startswith(b"RIFF")
    monkeypatch.setattr(translating, "speaker", lambda: None)
    with pytest.raises(FoveateError, match="espeak-ng"):
        translating.spoken(["the"], "read")
    monkeypatch.setattr(translating, "speaker", lambda: "/bin/false")
    with pytest.raises(FoveateError, match="failed"):
        translating.spoken(["the"], "read")


# ---- drive ----


def test_a_game_is_played_and_changed(shelf: Shelf) -> None:
    agent, learner = shelf.agent("Driving-dueling"), shelf.learner("Driving-dueling")
    game, twin = (driving.Game(agent, learner, 11) for _ in range(2))
    while not bool(game.world.objects(game.world.state)["near cars"].any()):
        game.step()
        twin.step()
    before = game.view()
    assert before.maps[0].change(twin.view().maps[0]) == 0
    assert np.array_equal(before.frame, twin.view().frame)
    game.intervene("remove near cars")
    after = game.view()
    assert not np.array_equal(before.frame, after.frame)
    assert all(old.change(new) > 0 for old, new in zip(before.maps, after.maps, strict=True))
    fresh = make_one(agent.env_id, agent.env)
    observation, _ = fresh.reset(seed=11)
    for _ in range(game.steps):
        observation, *_ = fresh.step(learner.predict(observation, deterministic=True)[0])
    seen = fresh.unwrapped.intervene("remove", "near cars")
    value = learner.policy.step(
        learner.policy.read(torch.from_numpy(seen)[None]), None, torch.ones(1, dtype=torch.bool)
    )
    assert after.value == pytest.approx(float(value.value.detach()), abs=1e-5)  # the maps are of what is seen now
    steps, x = game.steps, float(game.world.state["x"][0])
    game.step(game.actions.index("left"))
    assert game.steps == steps + 1
    assert float(game.world.state["x"][0]) < x


def test_impossible_wishes_of_a_driver_are_refused(shelf: Shelf) -> None:
    agent, learner = shelf.agent("Driving-dueling"), shelf.learner("Driving-dueling")
    game = driving.Game(agent, learner, 0)
    for wish in ("remove road", None, "__class__"):
        with pytest.raises(FoveateError, match="remove near cars"):
            game.intervene(wish)
    with pytest.raises(FoveateError, match="between 0 and 4"):
        game.step(5)
    game.over = True
    with pytest.raises(FoveateError, match="begin a new one"):
        game.step()
    with pytest.raises(FoveateError, match="Did you mean"):
        driving.Game(agent, learner, 0, "jacobien")


# ---- compare ----


def test_two_agents_are_compared(shelf: Shelf) -> None:
    agents = [shelf.agent(name) for name in ("Digits-ram", "TranslatedDigits-ram")]
    head, rows = comparing.facts(agents)
    assert head == ["", "Digits-ram", "TranslatedDigits-ram"]
    assert ["world", "Glimpse/Digits-v0", "Glimpse/TranslatedDigits-v0"] in rows
    assert all(len(row) == 3 for row in rows)
    assert comparing.curves(agents) is None
    film = comparing.film(agents[0], shelf.learner("Digits-ram"), 3)
    assert film.whole
    assert len(film.frames) == 7
    assert film == comparing.film(agents[0], shelf.learner("Digits-ram"), 3)
    assert not comparing.film(shelf.agent("Driving-dueling"), shelf.learner("Driving-dueling"), 0).whole
