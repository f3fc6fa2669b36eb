"""How fast is it, beside others and beside its goals? One command, one table, everything in the same run.

python benchmarks/peers.py                        installs the peers, measures in some minutes, writes the page
python benchmarks/peers.py --only ntm             rows whose name contains this; the page stays as it is
python benchmarks/peers.py --peers FOLDER         FOLDER/pytorch-ntm is a checkout that is already there

Each side of a row is a process of its own, on one thread, a peer's with an environment of its own
(benchmarks/peers_install.py); they take turns, and times are processor time (benchmarks/turns.py). The figures go into
benchmarks/peers.json, and from there into docs/performance.md (benchmarks/performance.py). A peer that can't be had is
a row that says so.
"""

import argparse
import json
import os
import statistics
import sys
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import performance
from limits import limits
from peers_install import PEERS, add_places, install, python_of
from performance import PeerRow
from turns import FEWEST, HERE, Process, in_turns, ratio

MOST = 40  # turns
TURN = 0.1  # seconds of a side's turn: a program that goes on has its data in the caches, which others' turns emptied
KEPT = HERE / "peers.json"


class Side(NamedTuple):
    """One of those that are compared.

    Attributes:
        label: its name in the table.
        row: of rows_peers.py.
        home: the peer whose environment it needs; "" is this interpreter.
        goal: what ours aims at beside it; of ours, the figure itself.
    """

    label: str
    row: str
    home: str = ""
    goal: float | None = None


class Duel(NamedTuple):
    """A row of ours and what it is compared with.

    Attributes:
        group: the table it belongs to, one of `performance.GROUPS`.
        what: its name there.
        sides: ours first.
        steps: in one piece of work, where the figure is steps a second or microseconds a step.
    """

    group: str
    what: str
    sides: list[Side]
    steps: int = 1


def duels() -> list[Duel]:
    """All that is compared."""
    found = []
    for size, goal in ((16, 25.0), (1, 40.0)):
        sides = [
            Side("", f"ntm, batch {size}"),
            Side("pytorch-ntm", f"peer-ntm, batch {size}", "pytorch-ntm", goal),
            Side("ours without the kernel", f"ntm off, batch {size}"),
            Side("torch.nn.LSTM, for scale", f"plain, batch {size}"),
        ]
        found.append(Duel("cores", f"NTM 128x20, LSTM controller, batch {size}", sides))
    for n, goal in ((16, 10.0), (64, 10.0), (128, 8.0), (256, None)):
        peer = [Side("PyPI dnc 1.1.0", f"peer-dnc, {n} rows", "dnc", goal)] if goal else []
        sides = [Side("", f"dnc, {n} rows", goal=None if goal else 100.0), *peer]
        sides.append(Side("ours without the kernel", f"dnc off, {n} rows"))
        found.append(Duel("cores", f"DNC {n}x20, 4 read heads, batch 16", sides))
    sides = [
        Side("", "ppo"),
        Side("sb3-contrib through our adapter", "ppo native", "sb3-contrib", 4.0),
        Side("the same through DummyVecEnv", "ppo dummy", "sb3-contrib", 8.0),
        Side("through our adapter, an LSTM each for actor and critic", "ppo native, two", "sb3-contrib"),
    ]
    found.append(Duel("ppo", "`lstm` by PPO on Memory/TMaze-v0, LSTM of 64", sides, 64 * 64))
    return found + _updates() + _worlds() + _saliency() + _starting()


def _updates() -> list[Duel]:
    from rows_peers import UPDATES

    sides = [Side("", "ntm update"), Side("its kernel, forwards and backwards", "ntm kernel", goal=1.3)]
    return [Duel("update", "`ntm` by back-propagation, 4 episodes", sides, UPDATES)]


def _worlds() -> list[Duel]:
    from rows_peers import GOING_ON, ROUNDS, SINGLE

    goals = {
        "TranslatedDigits, 256": 600e3,
        "TranslatedDigits, 16384": 800e3,
        "ClutteredDigits, 256": None,
        "ClutteredDigits, 448 px, 256": None,
        "Copy, 256": 1e6,
        "TMaze, 256": None,
        "Driving, 256": 50e3,
        "Probe/Catch, 256": 150e3,
        "SharedGaze, 256": 150e3,
    }
    assert {row.rsplit(", ", 1)[0] for row in goals} == set(GOING_ON)
    found = []
    for row, goal in goals.items():
        name, worlds = row.rsplit(", ", 1)
        scale = Side("CartPole's vector, for scale", f"CartPole, {worlds}")
        what = f"{name}, {int(worlds):,} worlds"
        found.append(Duel("worlds", what, [Side("", row, goal=goal), scale], ROUNDS * int(worlds)))
    for env_id in ("Memory/Copy-v0", "Memory/TMaze-v0"):
        found.append(Duel("single", env_id, [Side("", f"single {env_id}", goal=60.0)], SINGLE))
    return found


def _saliency() -> list[Duel]:
    step, apart = "a forward pass of the policy", Side("one mask at a time", "masks one by one", goal=6.0)
    return [
        Duel("maps", "one map, Jacobian", [Side("", "one map"), Side(step, "forward", goal=2.5)]),
        Duel("maps", "two maps, Jacobian", [Side("", "two maps"), Side(step, "forward", goal=4.5)]),
        Duel("masks", "289 masks, value and advantage", [Side("", "masks together"), apart]),
    ]


def _starting() -> list[Duel]:
    torch = Side("importing torch", "import torch", goal=1.5)
    return [
        Duel("start", "`import foveate`, beyond torch and gymnasium", [Side("", "import", goal=200.0)]),
        Duel("start", "`train.py --help`", [Side("", "help"), torch]),
    ]


class Company:
    """The processes of all sides, as a context: each is started when it is first needed.

    Args:
        where: the folder of the peers' environments.
        missing: why a peer can't be had, by name.
    """

    def __init__(self, where: Path, missing: dict[str, str]):
        self.where, self.missing = where, missing
        self.workers: dict[tuple[str, int], Process] = {}

    def __enter__(self) -> "Company":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for worker in self.workers.values():
            worker.close()

    def worker(self, home: str, number: int) -> Process:
        """A process of this environment.

        Args:
            home: name of a peer, or "".
            number: which of several: a process has one row at a time.

        Raises:
            RuntimeError: the peer can't be had.
        """
        if self.missing.get(home):
            raise RuntimeError(f"can't be had: {self.missing[home]}")
        if (home, number) not in self.workers:
            python = str(python_of(home, self.where)) if home else sys.executable
            self.workers[home, number] = Process(HERE.parent, ["rows_peers"], python)
        return self.workers[home, number]

    def measure(self, duel: Duel, seconds: float) -> list[PeerRow]:
        """The lines that a row makes: one for each side beside ours, or one alone.

        Args:
            duel: the row.
            seconds: how long all its turns may take, about; there are a few, however long they are.
        """
        workers: dict[str, Process] = {}
        once: dict[str, float] = {}
        failures: dict[str, str] = {}
        homes: list[str] = []
        for side in duel.sides:
            homes.append(side.home)
            try:
                worker = self.worker(side.home, homes.count(side.home))
                once[side.label] = worker.ask("open", row=side.row)
                workers[side.label] = worker
            except RuntimeError as error:
                failures[side.label] = str(error)
        if "" in failures:  # ours: there is nothing to compare
            return [performance.missing_row(duel.group, duel.what, failures[""])]
        counts = {label: 1 if duel.group == "start" else max(1, round(TURN / time)) for label, time in once.items()}
        turn = sum(counts[label] * time for label, time in once.items())
        turns = min(MOST, max(FEWEST, int(seconds / turn)))
        return lines(duel, in_turns(workers, counts, turns), failures)


def lines(duel: Duel, times: dict[str, list[float]], failures: dict[str, str]) -> list[PeerRow]:
    """What the page is told of a row.

    Args:
        duel: the row.
        times: of one piece of work, a turn each, by the sides' labels.
        failures: why a side has none.
    """
    ours, others = duel.sides[0], duel.sides[1:]
    group = performance.GROUPS[duel.group]
    figures = {label: group.figure(statistics.median(seconds), duel.steps) for label, seconds in times.items()}
    found: list[PeerRow] = []
    for side in others if others and ours.goal is None else [ours, *others]:
        line = performance.missing_row(duel.group, duel.what, failures.get(side.label, ""))
        line["ours"], line["against"], line["goal"] = figures[""], side.label, side.goal
        if side.label and side.label in times:
            pair = (times[""], times[side.label]) if group.cost else (times[side.label], times[""])
            line["theirs"], line["ratio"] = figures[side.label], list(ratio(*pair))
        found.append(line)
    return found


def arguments_of(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    performance.add_outputs(parser, KEPT)
    parser.add_argument("--seconds", type=float, default=6.0, help="of measuring, about, for each row")
    add_places(parser)
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    """Entry point."""
    arguments = arguments_of(words)
    chosen = [duel for duel in duels() if arguments.only.lower() in f"{duel.group}: {duel.what}".lower()]
    wanted = {side.home for duel in chosen for side in duel.sides}
    missing = {name: install(name, arguments.where, arguments.peers) for name in PEERS if name in wanted}
    for name, why in missing.items():
        print(f"{name}: {why or 'installed'}", flush=True)
    load, rows = os.getloadavg()[0], []
    machine = limits()
    with Company(arguments.where, missing) as company:
        for duel in chosen:
            fresh = company.measure(duel, arguments.seconds)
            rows += fresh
            print(*(performance.printed(row) for row in fresh), sep="\n", flush=True)
    file = arguments.json or (None if arguments.only else KEPT)
    if file is not None:
        report = {"cores": os.cpu_count(), "load": [load, os.getloadavg()[0]], "limits": machine, "rows": rows}
        file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        performance.write(arguments.page, peers=file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
