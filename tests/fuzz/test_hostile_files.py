"""Files that somebody made to do harm: no code runs, nothing is reached that the command line didn't name, one error.

Each case is a damage to a good checkpoint, run folder, plan or data set, and must end in one line within little memory.
"""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import command, run_folder
from hostile import KINDS, ROOT, RUN, WEIGHTS, edit, fails, replaced, tensors

pytestmark = pytest.mark.usefixtures("little_memory")


def space(**changes: object) -> dict[str, object]:
    return {"type": "Box", "low": 0, "high": 1, "shape": [2], "dtype": "float32", **changes}


def nested(depth: int) -> dict[str, object]:
    return space() if depth == 0 else {"type": "Dict", "spaces": {"x": nested(depth - 1)}}


JSON_TEXTS = {
    "deep JSON": "[" * 100_000,
    "JSON of a million entries": json.dumps({"format": 1, "x": [0] * 1_000_000}),
    "a number of 5000 digits": '{"format": ' + "9" * 5000 + "}",
    "JSON of a list": "[1, 2]",
    "no JSON": "{",
    "nothing": "",
    "half a surrogate pair": '{"format": 1, "agent": "\\ud800"}',
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
