"""Files that somebody made to do harm: no code runs, nothing is reached that the command line didn't name, one error.

Each case is a damage to a good checkpoint, run folder, plan or data set, and must end in one line within little memory.
"""

import gzip
import json
import os
import resource
import shutil
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import command, run_folder

ROOT = Path(__file__).resolve().parents[2]
MOST_MEMORY = 700 * 2**20  # that all cases together may add: a single one took up to 11 GB

TOUCHING = ("open", "os.listdir", "os.scandir", "os.remove", "os.rmdir", "os.mkdir", "os.rename", "shutil.rmtree")

REACHING = ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn")

watched: list[str] = []  # what was touched while a command ran
watching: list[Path] = []  # the folder that no file may lead to; empty between commands


def _watch(event: str, arguments: tuple) -> None:
    if not watching:
        return
    paths = [os.fsdecode(path) for path in arguments if isinstance(path, (str, bytes))]
    touches = event in TOUCHING and any(path.startswith(str(watching[0])) for path in paths)
    if touches or event in REACHING:
        watched.append(f"{event} {arguments!r:.200}")


sys.addaudithook(_watch)


def edit(file: Path, **changes: object) -> None:
    content = json.loads(file.read_text())
    for name, value in changes.items():
        place, *parts = content, *name.split("__")
        for part in parts[:-1]:
            place = place[part]
        place[parts[-1]] = value
    file.write_text(json.dumps(content))


def replaced(file: Path, how: Callable[[Path], object]) -> None:
    file.unlink(missing_ok=True)
    how(file)


def sparse(file: Path, size: int, begin: bytes = b"") -> None:
    with file.open("wb") as handle:
        handle.write(begin)
        handle.truncate(size)


def tensors(file: Path, **entries: tuple[list[int], int]) -> None:
    """A file of safetensors whose header names shapes and sizes; its data are zeros that take no room."""
    header, end = {}, 0
    for name, (shape, size) in entries.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    sparse(file, 8 + len(text) + end, struct.pack("<Q", len(text)) + text)


def space(**changes: object) -> dict[str, object]:
    return {"type": "Box", "low": 0, "high": 1, "shape": [2], "dtype": "float32", **changes}


def nested(depth: int) -> dict[str, object]:
    return space() if depth == 0 else {"type": "Dict", "spaces": {"x": nested(depth - 1)}}


RUN, WEIGHTS = "run.json", "weights.safetensors"
JSON_TEXTS = {
    "deep JSON": "[" * 100_000,
    "JSON of a million entries": json.dumps({"format": 1, "x": [0] * 1_000_000}),
    "a number of 5000 digits": '{"format": ' + "9" * 5000 + "}",
    "JSON of a list": "[1, 2]",
    "no JSON": "{",
    "nothing": "",
    "half a surrogate pair": '{"format": 1, "agent": "\\ud800"}',
}
KINDS: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a device without end": lambda file: file.symlink_to("/dev/zero"),
    "a terminal": lambda file: file.symlink_to("/dev/tty"),
    "a link to itself": lambda file: file.symlink_to(file),
    "a gigabyte of nothing": lambda file: sparse(file, 2**30),
}
SPACES = [
    *(None, 5, {}, {"type": "Graph"}, nested(300)),
    *(space(shape=shape) for shape in ([1] * 65, [0], [10**6, 10**6], [10**30], [-1], "xx")),
    *(space(low=low) for low in ("x", [1, 2, 3], None)),
    space(dtype="object"),
    *({"type": "Discrete", "n": n, "start": 0} for n in (10**30, 0, 10**9)),
    {"type": "MultiDiscrete", "nvec": [2] * 300_000, "start": [0] * 300_000},
    {"type": "MultiDiscrete", "nvec": [], "start": []},
    {"type": "MultiBinary", "shape": [10**9]},
    {"type": "Dict", "spaces": {str(i): space() for i in range(60_000)}},
    {"type": "Dict", "spaces": []},
    {"type": "Dict", "spaces": {"x" * 50_000: space()}},
]
CHECKPOINT: dict[str, Callable[[Path], object]] = {
    **{f"run.json: {name}": (lambda f, how=how: replaced(f / RUN, how)) for name, how in KINDS.items()},
    **{f"weights: {name}": (lambda f, how=how: replaced(f / WEIGHTS, how)) for name, how in KINDS.items()},
    **{f"run.json: {name}": (lambda f, text=text: (f / RUN).write_text(text)) for name, text in JSON_TEXTS.items()},
    "run.json: no UTF-8": lambda f: (f / RUN).write_bytes(b'{"format": "\xff"}'),
    "a header that is too long": lambda f: (f / WEIGHTS).write_bytes(struct.pack("<Q", 1 << 60) + b"{}"),
    "a header that is deep": lambda f: (f / WEIGHTS).write_bytes(struct.pack("<Q", 9000) + b"[" * 9000),
    "a shape larger than its data": lambda f: tensors(f / WEIGHTS, x=([10**9], 8)),
    "a shape of 100 dimensions": lambda f: tensors(f / WEIGHTS, x=([1] * 100, 4)),
    "a negative shape": lambda f: tensors(f / WEIGHTS, x=([-1, -1], 4)),
    "four gigabytes of other weights": lambda f: tensors(f / WEIGHTS, x=([2**30], 2**32)),
    **{
        f"{name} is {str(value)[:30]}": (lambda f, name=name, value=value: edit(f / RUN, **{name: value}))
        for name, values in {
            "format": [None, "1", 99, 1.5],
            "agent": ["os.system", "x" * 100_000, 3, None, "ra\0m", ""],
            "agent_options": [[], None, {"command": "touch exploded"}],
            "agent_options__hidden": [10**30, 10**9, 10**7, 10**5, -1, 0, "many", None, [4], {"a": 1}, True],
            "agent_options__core": ["evil", 7, None, {"x": []}],
            "learner": [[], {"command": 1}],
            "learner__lr": ["fast", None, [1]],
            "learner__worlds": [10**30, -4, "all", None, 0],
            "learner__objective": ["evil", 5],
            "steps": [10**30, -1, "all", None, 0.5],
            "iterations": [10**30, None],
            "seed": [-1, 10**30, "x"],
            "recent_episodes": [["x"], [[1]], {"r": 1}],
            "progress": [[], 5],
            "progress__best": ["high", [1]],
            "progress__evaluated": [10**30, None],
            "event_sizes": [[], {"x": "y"}],
            "versions": [[], {"torch": 5}],
            "env_id": ["evil:Glimpse/Digits-v0", "x" * 100_000, "", None, "Glimpse/Nothing-v0", "../../x", "\ud800"],
            "env": [[], {"command": "x"}, {"world": "evil:World"}],
            "env__data": ["{outside}", "openml:../..", "openml:mnist_784", "/", "~", "../outside", ["x"], 5, "evil.py"],
            "env__size": [10**30, 10**7, -1, "large", None, [1]],
            "env__patch": [10**30, 0, "x", [2]],
            "env__split": ["{outside}", "x" * 100_000, 5],
            "env__glimpses": [10**30, 2.5, "x"],
            "observation_space": SPACES,
        }.items()
        for value in values
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good run folder."""
    folder = tmp_path_factory.mktemp("good")
    words = [
        "Memory/TMaze-v0",
        "gru",
        "--learner",
        "ppo",
        "--steps",
        "100",
        "--eval-episodes",
        "4",
        "--agent.hidden",
        "8",
    ]
    done = command(ROOT, "train.py", *words, "--device", "cpu", "--log-dir", str(folder), cwd=folder)
    assert done.returncode == 0, done.stderr
    return run_folder(folder)


@pytest.fixture(scope="module", autouse=True)
def little_memory() -> Iterator[None]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MOST_MEMORY


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A working directory with what no file may reach: a module that tells of its import, and a folder outside."""
    here = tmp_path / "here"
    here.mkdir()
    (here / "evil.py").write_text("open('exploded', 'w')")
    outside = tmp_path / "outside"
    outside.mkdir()
    for stem in ("train-images-idx3-ubyte", "keep"):
        (outside / stem).write_bytes(b"\0\0\x08\1\0\0\0\1\1")
    return here


def fails(place: Path, *words: str) -> str:
    """Run a command that must end in one error; returns its line."""
    outside = place.parent / "outside"
    kept = sorted(file.name for file in outside.iterdir())
    watched.clear()
    watching.append(outside)
    try:
        done = command(ROOT, *words, cwd=place)
    finally:
        watching.clear()
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert (done.returncode, len(lines)) == (2, 1), (done.returncode, done.stdout, done.stderr)
    assert not watched
    assert not (place / "exploded").exists()
    assert sorted(file.name for file in outside.iterdir()) == kept
    return lines[0]


@pytest.mark.parametrize("name", CHECKPOINT, ids=lambda name: name[:60])
def test_a_hostile_checkpoint_ends_in_one_error(place: Path, name: str) -> None:
    shutil.copytree(ROOT / "zoo" / "Digits-ram", place / "saved")
    CHECKPOINT[name](place / "saved")
    if (place / "saved" / RUN).is_file() and (place / "saved" / RUN).stat().st_size < 10**6:
        text = (place / "saved" / RUN).read_bytes()
        (place / "saved" / RUN).write_bytes(text.replace(b"{outside}", str(place.parent / "outside").encode()))
    fails(place, "evaluate.py", "saved", "--episodes", "2", "--device", "cpu", "--no-progress")


FOLDER: dict[str, Callable[[Path, Path], object]] = {
    **{f"config.json: {name}": (lambda f, _, how=how: replaced(f / "config.json", how)) for name, how in KINDS.items()},
    **{
        f"metrics.csv: {n}": (lambda f, _, how=KINDS[n]: replaced(f / "metrics.csv", how))
        for n in ("a pipe", "a folder")
    },
    "metrics.csv: a link": lambda f, out: replaced(f / "metrics.csv", lambda file: file.symlink_to(out / "keep")),
    "a lock that is a link": lambda f, out: replaced(f / ".lock", lambda file: file.symlink_to(out / "keep")),
    "checkpoints elsewhere": lambda f, out: (
        shutil.move(f / "checkpoints", f / "moved"),
        (f / "checkpoints").symlink_to(f / "moved"),
    ),
    "traces elsewhere": lambda f, out: (edit(f / "config.json", options__trace=True), (f / "traces").symlink_to(out)),
    "a trace elsewhere": lambda f, out: (
        edit(f / "config.json", options__trace=True),
        (f / "traces").mkdir(),
        (f / "traces" / "training.mp4").symlink_to(out / "keep"),
    ),
    **{
        f"{name} is {str(value)[:30]}": (lambda f, _, name=name, value=value: edit(f / "config.json", **{name: value}))
        for name, values in {
            "env_id": ["evil:Memory/TMaze-v0", "x" * 100_000, 5, None],
            "env": [[], {"evil": 1}],
            "imports": ["evil", [5], {"x": 1}, ["x" * 100_000]],
            "options": [[], {"command": "x"}, None],
            "options__steps": [10**30, -1, "all", None, 2.5],
            "options__threads": [10**9, 0, "x"],
            "options__device": ["meta", "evil", 5, "cuda:" + "9" * 50],
            "options__seed": [-1, 10**30, None],
            "options__eval_every": [10**30, -5],
            "options__log_dir": [5, None],
            "options__curriculum": ["yes", 5],
            "learner": [[], {"evil": 1}],
            "learner__worlds": [10**30, 0, "x", None],
            "learner__objective": ["evil", None],
            "agent": [None, 5],
            "agent_options": [[], 5],
        }.items()
        for value in values
    },
}


@pytest.mark.parametrize("name", FOLDER, ids=lambda name: name[:60])
def test_a_hostile_run_folder_ends_in_one_error(place: Path, run: Path, name: str) -> None:
    shutil.copytree(run, place / "run")
    FOLDER[name](place / "run", place.parent / "outside")
    fails(place, "train.py", "--resume", "run", "--device", "cpu")


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
