"""Plans, data sets and generators made to do harm, as test_hostile_files.py tries checkpoints and run folders."""

import gzip
import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile import KINDS, WEIGHTS, fails, replaced, tensors

pytestmark = pytest.mark.usefixtures("little_memory")

GOOD_PLAN = "worlds: Memory/TMaze-v0\narms: {gru: gru}\nseeds: 1\nsteps: 100\nfolder: out\n"
LAUGHS = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {x: 1, y: 2}\n" + "".join(
    f"{b}: &{b} {{<<: [{', '.join([f'*{a}'] * 10)}]}}\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
PLANS: dict[str, str | bytes] = {
    "an import in an arm": GOOD_PLAN.replace("gru: gru", "gru: gru --import evil"),
    "an import in the options": GOOD_PLAN + "options: --import=evil\n",
    "an import in a job": "jobs: [{table: a, label: b, command: Memory/TMaze-v0 gru --import evil, episodes: 3}]",
    "a command of an import": "jobs: [{table: a, label: b, command: --import evil Memory/TMaze-v0 gru, episodes: 3}]",
    "a resume in an arm": GOOD_PLAN.replace("gru: gru", "gru: gru --resume {outside}"),
    "a log_dir in the options": GOOD_PLAN + "options: --log_dir {outside}\n",
    "a configuration in an arm": GOOD_PLAN.replace("gru: gru", "gru: gru --config {outside}/x"),
    "a folder of data in an arm": GOOD_PLAN.replace("Memory/TMaze", "Glimpse/Digits").replace(
        "gru: gru", "ram: ram --env.data {outside}"
    ),
    "a download in an arm": GOOD_PLAN.replace("Memory/TMaze", "Glimpse/Digits").replace(
        "gru: gru", "ram: ram --env.data openml:mnist_784"
    ),
    "a download in a job": "jobs: [{table: a, label: b, command: 'Glimpse/Digits-v0 ram --env.data /', episodes: 3}]",
    "a prefix of a module": GOOD_PLAN.replace("Memory/TMaze", "evil:Memory/TMaze"),
    "data of the report": GOOD_PLAN + "report: {data: ['{outside}']}\n",
    "code": "!!python/object/apply:os.system ['touch exploded']",
    "code in an arm": GOOD_PLAN.replace("gru: gru", "gru: !!python/name:evil.x ''"),
    "a billion laughs": GOOD_PLAN + LAUGHS,
    "a billion laughs where they count": GOOD_PLAN.replace("worlds: Memory/TMaze-v0", LAUGHS + "worlds: *i"),
    "a billion merges": GOOD_PLAN + MERGES,
    "a list in itself": GOOD_PLAN.replace("worlds: Memory/TMaze-v0", "worlds: &a [*a]"),
    "deep YAML": "[" * 5000,
    "two megabytes": "worlds: [" + "x, " * 700_000 + "]",
    "no UTF-8": b"worlds: \xff\xfe",
    "zeros": b"\0" * 100,
    "nothing": "",
    "a list": "- a\n- b\n",
    "a billion seeds": GOOD_PLAN.replace("seeds: 1", "seeds: 1000000000"),
    "seeds of 31 digits": GOOD_PLAN.replace("seeds: 1", "seeds: 1" + "0" * 30),
    "seeds of text": GOOD_PLAN.replace("seeds: 1", "seeds: [a]"),
    "no seeds": GOOD_PLAN.replace("seeds: 1", "seeds: []"),
    "steps of 31 digits": GOOD_PLAN.replace("steps: 100", "steps: 1" + "0" * 30),
    "steps of text": GOOD_PLAN.replace("steps: 100", "steps: many"),
    "no number of minutes": GOOD_PLAN.replace("steps: 100", "minutes: .nan"),
    "a number as worlds": GOOD_PLAN.replace("Memory/TMaze-v0", "5"),
    "numbers as arms": GOOD_PLAN.replace("{gru: gru}", "{1: 2}"),
    "an arm that is a mapping": GOOD_PLAN.replace("gru: gru", "gru: {a: b}"),
    "an open quote": GOOD_PLAN.replace("gru: gru", 'gru: gru "'),
    "a date as a folder": GOOD_PLAN.replace("folder: out", "folder: 2020-01-01"),
    "a null byte in the folder": GOOD_PLAN.replace("folder: out", 'folder: "a\\0b"'),
    "a folder of a long name": GOOD_PLAN.replace("folder: out", "folder: " + "x" * 5000),
    "a report of a number": GOOD_PLAN + "report: 5\n",
    "a report of text": GOOD_PLAN + "report: {episodes: many}\n",
    "jobs of numbers": "jobs: [1, 2]",
    "episodes below zero": "jobs: [{table: a, label: b, command: Memory/TMaze-v0 gru, episodes: -1}]",
    "a sweep of numbers": "jobs: [{table: a, label: b, command: Memory/TMaze-v0 gru, episodes: 3, sweep: 5}]",
}


@pytest.mark.parametrize("name", PLANS)
def test_a_hostile_plan_ends_in_one_error_before_anything_trains(place: Path, name: str) -> None:
    text = PLANS[name]
    raw = text if isinstance(text, bytes) else text.replace("{outside}", str(place.parent / "outside")).encode()
    (place / "plan.yaml").write_bytes(raw)
    fails(place, "train.py", "compare", "plan.yaml", "--no-report")
    assert not (place / "out").exists()


@pytest.mark.parametrize("name", [*KINDS])
def test_a_plan_that_is_no_file_ends_in_one_error(place: Path, name: str) -> None:
    KINDS[name](place / "plan.yaml")
    fails(place, "train.py", "compare", "plan.yaml")


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
DATA: dict[str, Callable[[Path], object]] = {
    **{f"images: {name}": (lambda f, how=how: replaced(f / IMAGES, how)) for name, how in KINDS.items()},
    "255 dimensions": lambda f: (f / IMAGES).write_bytes(b"\0\0\x08\xff" + b"\1" * 2000),
    "sizes of four billion": lambda f: (f / IMAGES).write_bytes(b"\0\0\x08\3" + b"\xff" * 12 + b"\0" * 9),
    "no images": lambda f: (f / IMAGES).write_bytes(b"\0\0\x08\3" + b"\0" * 12),
    "images of no width": lambda f: (f / IMAGES).write_bytes(struct.pack(">2xBBIII", 8, 3, 5, 0, 0)),
    "a damaged archive": lambda f: (f / f"{IMAGES}.gz").write_bytes(gzip.compress(b"\0" * 999)[:-9]),
    "a pickle": lambda f: (f / IMAGES).write_bytes(b"\x80\x04cos\nsystem\n"),
}


@pytest.mark.parametrize("name", DATA)
def test_hostile_data_that_the_command_line_names_end_in_one_error(place: Path, name: str) -> None:
    folder = place / "data"
    folder.mkdir()
    for stem in (LABELS, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        (folder / stem).write_bytes(struct.pack(">2xBBI", 8, 1, 0))
    DATA[name](folder)
    fails(place, "train.py", "Glimpse/Digits-v0", "ram", "--env.data", "data")
    assert not (place / "runs").exists()


@pytest.mark.parametrize(
    "content",
    [
        {"data": "openml:../.."},
        {"data": "../outside"},
        {"steps": 10**30},
        {"hidden": 10**6},
        {"image": [1, 10**9, 10**9]},
        {"image": []},
        {"latent": "x"},
        {"read_filters": -1},
    ],
    ids=str,
)
def test_a_hostile_generator_ends_in_one_error(place: Path, content: dict[str, object]) -> None:
    good = {
        "data": "mnist",
        "image": [1, 28, 28],
        "steps": 2,
        "hidden": 8,
        "latent": 2,
        "read_filters": 2,
        "write_filters": 2,
    }
    (place / "out").mkdir()
    (place / "out" / "draw.json").write_text(json.dumps({**good, **content}))
    tensors(place / "out" / WEIGHTS, x=([1], 4))
    fails(place, "train.py", "draw", "--film", "--out", "out", "--device", "cpu")
