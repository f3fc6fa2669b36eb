"""A Ray cluster of two machines on this one: trainings are those of this machine, and outlive the loss of a machine."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from commands import command, run_folder
from killing import assert_same_run, finish, start_in, wait_until
from sweeping import board, homes, sweep
from warm_children import WarmChildren, install

from foveate.agents.learning.run_folder import is_locked

ray: Any = pytest.importorskip("ray")
ROOT = Path(__file__).resolve().parents[2]
SWEEP = """
command: Memory/TMaze-v0 gru --learner a2c --learner.worlds 4 --learner.horizon 8 --device cpu --steps 8192
  --eval-episodes 4 --eval-every 512 --save-every 512
space: {agent.hidden: [4, 6]}
folder: out
"""
PLAN = """
worlds: Memory/TMaze-v0
arms: {gru: gru --learner ppo}
seeds: [3]
steps: 64
folder: planned
options: --agent.hidden 8 --eval-episodes 4 --device cpu --no-tensorboard
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head that trains nothing, and two machines of one core."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:  # what the machines' processes begin with
        paths = [str(ROOT / ".typing"), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
        patch.setenv("PYTHONPATH", os.pathsep.join(paths))
        patch.setenv("RAY_DISABLE_IMPORT_WARNING", "1")
        found = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        machines = [found.add_node(num_cpus=1), found.add_node(num_cpus=1)]
        yield found, machines
        found.shutdown()


def checkpoints(folder: Path) -> dict[Path, str]:
    """The last checkpoints of the trainings that run."""
    last = {path.parents[2]: path.parent.name for path in folder.glob("out/trials/*/*/checkpoints/last-*/run.json")}
    return {run: name for run, name in last.items() if is_locked(run)}


def processes_of(machine: Any) -> list[psutil.Process]:
    """All processes of a machine."""
    (raylet,) = [one for one in machine.all_processes["raylet"] if one.process.poll() is None]
    first = psutil.Process(raylet.process.pid)
    return [*first.children(recursive=True), first]


def trains(process: psutil.Process, run: Path) -> bool:
    with contextlib.suppress(psutil.Error):  # it has ended meanwhile
        return str(run) in process.cmdline()
    return False


def lose(found: Any, machine: Any) -> None:
    """A machine loses power: all its processes end at once."""
    for process in processes_of(machine):
        process.kill()
    found.remove_node(machine, allow_graceful=False)


def test_a_cluster_trains_what_this_machine_trains_and_a_lost_machine_loses_no_trial(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One test, since machines take seconds to begin: it is stopped, goes on, loses a machine, and then plans a run."""
    found, machines = cluster
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        (folder / "sweep.yaml").write_text(SWEEP)
    # stopped, its trainings save themselves, on whatever machine
    words = ["sweep", "sweep.yaml", "--ray", found.address]
    process = start_in(there, words, there / "log.txt")
    assert wait_until(lambda: len(checkpoints(there)) == 2, process), (there / "log.txt").read_text()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGINT)
    assert finish(process) == 130, (there / "log.txt").read_text()
    assert "the same command goes on" in (there / "log.txt").read_text()
    assert not checkpoints(there)
    before = {(path.parents[1], path.name) for path in there.glob("out/trials/*/*/checkpoints/last-*")}
    assert len(before) == 2
    # a machine is lost when its training has got on
    lost: list[Path] = []

    def strike() -> None:
        while not (new := {*checkpoints(there).items()} - before):
            time.sleep(0.05)
        run, _ = next(iter(new))
        for machine in machines:
            if any(trains(process, run) for process in processes_of(machine)):
                lose(found, machine)
                lost.append(run)
                return

    striker = threading.Thread(target=strike)
    striker.start()
    done = command(ROOT, "train.py", *words, cwd=there)
    striker.join()
    assert done.returncode == 0, done.stdout + done.stderr
    assert [(run.parent / "log.txt").read_text().count("resuming") for run in lost] == [2]  # stopped once, lost once
    # the same trials as here, bit for bit
    install(WarmChildren(), monkeypatch)
    assert sweep(here).returncode == 0
    assert [home.name for home in homes(here)] == [home.name for home in homes(there)]
    for left, right in zip(homes(here), homes(there), strict=True):
        assert_same_run(run_folder(left), run_folder(right))
    rows = [[(row["trial"], row["score"], row["rank"]) for row in board(folder)["rows"]] for folder in (here, there)]
    assert rows[0] == rows[1]
    # compare has the same scheduler
    (there / "plan.yaml").write_text(PLAN)
    words = ["compare", "plan.yaml", "--no-report", "--ray", found.address]
    planned = command(ROOT, "train.py", *words, cwd=there)
    assert planned.returncode == 0, planned.stdout + planned.stderr
    assert "done: Memory-TMaze-v0__gru__3" in planned.stdout


def test_a_cluster_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    done = command(ROOT, "train.py", "sweep", "sweep.yaml", "--ray", "nowhere", cwd=tmp_path)
    assert done.returncode == 2
    assert "--ray nowhere can't be reached" in done.stderr
    assert "Traceback" not in done.stderr
