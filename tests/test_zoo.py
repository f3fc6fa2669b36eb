"""The shipped agents: each does what its card says. A few are replayed by every change, all by ``make zoo-check``."""

import importlib.util
import json
from pathlib import Path

import pytest
import yaml
from ids import no_fashion

from foveate.agents import load
from foveate.agents.learning import checkpoint
from foveate.analysis.alignment import agreement
from foveate.analysis.measure import measure
from foveate.analysis.model_card import CARD, Facts, Trainings, model_card, read_claim
from foveate.cli.score import ScoreOptions, score
from foveate.errors import FoveateError

ROOT = Path(__file__).resolve().parent.parent
ZOO = ROOT / "zoo"
NAMES = sorted(file.parent.name for file in ZOO.glob("*/run.json"))
MOST, MOST_TOGETHER = 2_000_000, 25_000_000  # bytes
# one of a kind each, and quick; the others are replayed by `make zoo-check`
SAMPLE = {
    "TranslatedDigits-ram",
    "Allocation-dnc",
    "Cloze-reader",
    "Dictionary-gatv2",
    "Translation-bahdanau",
    "Caption-show-attend-tell-hard",
    "PenReading-ctc",
    "Parity-act",
    "Stories-memn2n",
    "TMaze-lstm",
    "CocktailParty-gru",
}
MARKS = {
    "Fashion-ram": [no_fashion],
    "Boxing-dueling": [pytest.mark.skipif(importlib.util.find_spec("ale_py") is None, reason="needs ale-py")],
}


def _marked(name: str) -> object:
    return pytest.param(name, marks=[*MARKS.get(name, []), *([] if name in SAMPLE else [pytest.mark.nightly])])


@pytest.mark.parametrize("name", [_marked(name) for name in NAMES])
def test_an_agent_does_what_its_card_says(name: str) -> None:
    claim = read_claim(ZOO / name / CARD)
    options = ScoreOptions(claim.episodes, claim.split, (), claim.seed, "cpu", "best", False)
    figures = score(ZOO / name, options, {})
    assert figures["score_name"] == claim.metric
    slack = 1e-6 * max(abs(claim.high), 1)  # figures on cards have six digits
    assert claim.low - slack <= figures["score"] <= claim.high + slack


def test_every_agent_has_a_card_of_its_own(root: Path) -> None:
    entries = yaml.safe_load((root / "benchmarks" / "zoo.yaml").read_text(encoding="utf-8"))
    assert set(NAMES) <= {entry["name"] for entry in entries}  # how it came here
    assert set(NAMES) >= SAMPLE | set(MARKS)
    for name in NAMES:
        assert {file.name for file in (ZOO / name).iterdir()} == {CARD, "run.json", "weights.safetensors"}
        card, run = (ZOO / name / CARD).read_text(encoding="utf-8"), checkpoint.read_run(ZOO / name)
        assert f"# {name}\n" in card
        assert f"    {run['command']}\n" in card
        assert f'foveate.agents.load("zoo/{name}")' in card
        limits = next(entry for entry in entries if entry["name"] == name).get("limits", [])
        assert all(f"- {limit}\n" in card for limit in limits)


def test_the_zoo_is_small(root: Path) -> None:
    sizes = {name: sum(file.stat().st_size for file in (ZOO / name).iterdir()) for name in NAMES}
    assert {name: size for name, size in sizes.items() if size > MOST} == {}
    assert sum(sizes.values()) < MOST_TOGETHER


def test_the_shipped_turing_machine_copies_what_is_six_times_as_long_as_it_ever_saw() -> None:
    agent = load(ZOO / "Copy-ntm", device="cpu")
    run = json.loads((ZOO / "Copy-ntm" / "run.json").read_text())
    for split in ("test-20", "test-120"):
        assert measure(agent.policy, "Memory/Copy-v0", run["env"], split, 20).scores.max() == 0  # wrong bits


def test_the_shipped_translator_reads_the_words_that_it_writes() -> None:
    agent = load(ZOO / "Translation-bahdanau", device="cpu")
    run = json.loads((ZOO / "Translation-bahdanau" / "run.json").read_text())
    found = agreement(agent, run["env_id"], run["env"], 100, 0)
    assert found["weights"].entropy < found["jacobian"].entropy - 1  # what is attended to is sharper than what is owed
    assert found["weights"].pointing > 0.4


# ---- cards ----


def test_a_card_tells_of_other_seeds_and_of_limits() -> None:
    run = checkpoint.read_run(ZOO / "TMaze-lstm")
    figures = score(ZOO / "TMaze-lstm", ScoreOptions(40, "test", (), 3, "cpu", "best", False), {})
    facts = Facts("mine", "runs/mine", run["command"], ["It is small."], Trainings("T-maze", [0.5, 1.0], 0.5, 1.0))
    card = model_card(facts, run, figures, 40, 3)
    head, _, rest = card.removeprefix("---\n").partition("---\n")
    known = yaml.safe_load(head)
    assert known["library_name"] == "foveate"
    assert "Memory/TMaze-v0" in known["tags"]
    assert known["model-index"][0]["results"][0]["metrics"][0]["value"] == figures["score"]
    assert "0.5, 1: mean **0.75**, 95 % interval 0.5 to 1" in rest
    assert "- It is small.\n" in rest
    alone = model_card(Facts("mine", "runs/mine"), run)
    assert "## How well" not in alone
    assert "model-index" not in alone


def test_a_claim_that_is_none_is_told(tmp_path: Path) -> None:
    card = tmp_path / CARD
    for text in ("", "# A page", "---\nmodel-index: []\n---\n", "---\n- [\n---\n", "---\nmodel-index: 3\n---\n"):
        card.write_text(text, encoding="utf-8")
        with pytest.raises(FoveateError, match="has no head with one figure") as error:
            read_claim(card)
        assert str(card) in str(error.value)


def test_cards_are_read_as_plain_data(tmp_path: Path) -> None:
    card, mark = tmp_path / CARD, tmp_path / "ran"
    code = f"!!python/object/apply:os.system ['touch {mark}']"
    card.write_text(f"---\nmodel-index: {code}\n---\n", encoding="utf-8")
    with pytest.raises(FoveateError, match="has no head"):
        read_claim(card)
    assert not mark.exists()
