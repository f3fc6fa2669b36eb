"""A training by two processes is the training by one: weights, episodes, counts, random numbers and checkpoints."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from commands import command, run_folder
from divided import CASES, begun, environment, outcome
from killing import rows_without_time
from safetensors.torch import load_file
from torch import Tensor

from foveate.agents import load
from foveate.agents.learning import distributed
from foveate.agents.learning.distributed import Processes, Rows
from foveate.agents.learning.losses import masked_mean
from foveate.cli.processes import launched

ROOT = Path(__file__).resolve().parents[2]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
TINY = ["--agent.hidden", "8", "--learner.worlds", "6", "--learner.batch", "3", "--env.max-length", "3"]
TINY += ["--eval-episodes", "4", "--no-tensorboard", "--device", "cpu"]
RTOL, ATOL = 1e-4, 1e-5  # for the rounding of sums in another order


def test_two_processes_are_as_one(tmp_path: Path) -> None:
    """One test, since processes take seconds to begin: a command that is stopped, all cases, the command again."""
    run, said = stopped(tmp_path)
    assert said.count("run folder:") == said.count("stopped:") == 1, said
    copy = shutil.copytree(run, tmp_path / "copy")
    words = [*TORCHRUN, str(ROOT / "tests" / "divided.py"), str(tmp_path), "--resume", str(run)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("resuming") == done.stdout.count("finished:") == 1, done.stdout
    for name in CASES:
        check(name, tmp_path)
    one = command(ROOT, "train.py", "--resume", str(copy), cwd=tmp_path)
    assert one.returncode == 0, one.stderr
    same("command", *(load_file(next(f.glob("checkpoints/last-*")) / "weights.safetensors") for f in (run, copy)))
    by_both, alone = last(run), last(copy)
    for name in ("steps", "updates", "episodes", "log_rows"):
        assert by_both[name] == alone[name]


def stopped(folder: Path) -> tuple[Path, str]:
    """A run of two processes that a signal stopped, handed on by torchrun, with steps left; and what they printed."""
    words = [str(ROOT / "train.py"), "Memory/Copy-v0", "lstm", *TINY, "--steps", "100000000", "--save-every", "60"]
    output = (folder / "output.txt").open("w+")
    parent = subprocess.Popen([*TORCHRUN, *words], cwd=folder, stdout=output, stderr=subprocess.STDOUT)
    while not list(folder.glob("runs/*/checkpoints/last-*/run.json")) and parent.poll() is None:
        time.sleep(0.05)
    parent.send_signal(signal.SIGTERM)
    parent.wait()
    run = run_folder(folder / "runs")
    config = json.loads((run / "config.json").read_text())
    config["options"]["steps"] = last(run)["steps"] + 200
    (run / "config.json").write_text(json.dumps(config))
    return run, (folder / "output.txt").read_text()


def last(run: Path) -> dict[str, Any]:
    """What the last checkpoint says."""
    (folder,) = run.glob("checkpoints/last-*")
    return json.loads((folder / "run.json").read_text())


def same(name: str, ones: dict[str, Tensor], others: dict[str, Tensor]) -> None:
    """Tensors are alike but for rounding."""
    assert ones.keys() == others.keys(), name
    for part, value in ones.items():
        torch.testing.assert_close(
            others[part], value, rtol=RTOL, atol=ATOL, msg=lambda said, at=part: f"{name}, {at}: {said}"
        )


def check(name: str, by_two: Path) -> None:
    """What two processes made of a case is what one makes of it."""
    alone = begun(CASES[name])
    before = [value.clone() for value in alone.policy.parameters()]
    alone.learn(CASES[name].steps)
    first, second = (torch.load(by_two / f"{name}-{rank}.pt") for rank in (0, 1))
    assert all(torch.equal(first[part], second[part]) for part in first), name  # bit for bit
    same(name, dict(alone.policy.state_dict()), first)
    after = alone.policy.parameters()
    assert any(not torch.allclose(a, b, rtol=RTOL, atol=ATOL) for a, b in zip(before, after, strict=True)), name
    plain, mine = json.loads((by_two / f"{name}.json").read_text()), json.loads(json.dumps(outcome(alone)))
    assert {key: plain[key] for key in ("counts", "random")} == {key: mine[key] for key in ("counts", "random")}, name
    torch.testing.assert_close(torch.tensor(plain["recent"]), torch.tensor(mine["recent"]), equal_nan=True)
    # the checkpoint is one process's, so one process goes on from it as from its own
    alone.save(by_two / "own")
    for file in ("worlds", "optimizer"):
        same(name, *(load_file(by_two / of / f"{file}.safetensors") for of in ("own", name)))
    if name == "anybody's":  # whose environments begin anew, by chance
        return
    here = torch.get_rng_state()
    going_on = [load(by_two / of, environment(CASES[name]), "cpu") for of in ("own", name)]
    for algorithm in going_on:
        torch.set_rng_state(here)
        algorithm.learn(30, reset_num_timesteps=False)
    same(name, *(dict(algorithm.policy.state_dict()) for algorithm in going_on))


# ---- the command ----

WHOLE = "Memory/TMaze-v0 gru --learner ppo --learner.worlds 6 --learner.horizon 8 --learner.minibatches 3 --steps 480"
WHOLE += (
    " --agent.hidden 8 --env.corridor 3 --eval-every 120 --eval-episodes 8 --no-tensorboard --device cpu --log-every 2"
)


def test_torchrun_trains_from_beginning_to_end_what_one_process_trains(tmp_path: Path) -> None:
    """By the launcher itself: the same evaluations, log and best checkpoint, but for the rounding of sums."""
    torchrun = str(Path(sys.executable).with_name("torchrun"))
    words = [torchrun, "--standalone", "--nproc-per-node", "2", str(ROOT / "train.py"), *WHOLE.split()]
    done = subprocess.run([*words, "--log-dir", "both"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert command(ROOT, "train.py", *WHOLE.split(), "--log-dir", "one", cwd=tmp_path).returncode == 0
    runs = [run_folder(tmp_path / name) for name in ("one", "both")]
    for kind in ("last", "best"):
        one, both = (next(run.glob(f"checkpoints/{kind}-*")) for run in runs)
        assert one.name == both.name
        same(kind, *(load_file(folder / "weights.safetensors") for folder in (one, both)))
    ones, boths = (rows_without_time(run) for run in runs)
    assert len(ones) == len(boths) >= 4
    for row, other in zip(ones, boths, strict=True):
        assert row.keys() == other.keys()
        figures = [[float(value or "nan") for value in each.values()] for each in (row, other)]
        assert figures[1] == pytest.approx(figures[0], rel=1e-3, abs=1e-4, nan_ok=True), row


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["Memory/Copy-v0", "lstm", *TINY, "--learner.worlds", "7"], "--learner.worlds 7 is not allowed"),
        (["Memory/TMaze-v0", "mlp", "--learner", "dqn"], "learns in one process"),
        (["compare", "plan.yaml"], "torchrun's 2 processes are for one training"),
    ],
)
def test_what_several_processes_cannot_do_is_one_sentence(
    words: list[str], what: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("TORCHELASTIC_RUN_ID", "x"), ("RANK", "0"), ("WORLD_SIZE", "2"), ("LOCAL_RANK", "0")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(distributed, "dist", Pretended)
    done = command(root, "train.py", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert what in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


class Pretended:
    """A group of two processes, as far as it is needed before they say anything."""

    init_process_group = staticmethod(lambda *_, **__: None)
    get_rank = staticmethod(lambda: 0)
    get_world_size = staticmethod(lambda: 2)


def test_variables_of_other_launchers_mean_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert launched().size == 1


# ---- shares ----


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_means_over_shares_make_the_mean_over_all(size: int, count: int) -> None:
    x, mask = torch.rand(4, count, dtype=torch.float64), torch.rand(4, count) < 0.5
    for kept in (mask, None, torch.zeros_like(mask)):
        parts = []
        for rank in range(size):
            share = Processes(rank, size).share(count, x.device)
            rows = slice(None) if share.rows is None else share.rows
            parts.append(share.part(masked_mean(x[:, rows], None if kept is None else kept[:, rows]), kept))
        torch.testing.assert_close(torch.stack(parts).mean(), masked_mean(x, kept))


@pytest.mark.parametrize("agents", [1, 2])
def test_what_each_process_takes_of_all_is_what_it_gave(agents: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = torch.arange(6 * agents * 2).view(6 * agents, 2)
    rows = [Rows(Processes(rank, 3), 2, agents, whole.device) for rank in range(3)]
    parts = [one.take({"x": whole, "fresh": torch.tensor(True)})["x"] for one in rows]
    for one, part in zip(rows, parts, strict=True):
        assert torch.equal(whole[one.drawing.place], part)
        assert torch.equal(part[one.drawing.spread][one.drawing.place], part)
    monkeypatch.setattr(Processes, "gather", lambda self, values, join: {"x": join(parts)})
    assert torch.equal(rows[0].gather({"x": parts[0]}, 0)["x"], whole)
    with pytest.raises(ValueError, match="7 rows"):
        rows[0].take({"x": torch.zeros(7)})


def test_noise_of_one_s_own_is_other_numbers_each_turn_and_leaves_nothing_behind() -> None:
    torch.manual_seed(0)
    own = []
    for turn in range(3):
        for rank in range(2):
            with Processes(rank, 2).own_noise(torch.device("cpu"), turn):
                own.append(float(torch.rand(())))
    assert len(set(own)) == 6
    after = float(torch.rand(()))
    torch.manual_seed(0)
    assert after == float(torch.rand(()))
