"""What a GPU does: worlds, cores, updates and a whole training on it, each beside a core of the same machine.

python benchmarks/gpu.py                    measures in some minutes, writes docs/performance.md
python benchmarks/gpu.py --only worlds      rows whose name contains this; the page stays as it is
python benchmarks/gpu.py --peers FOLDER     FOLDER/pytorch-ntm is a checkout that is already there

Times are wall time, the device waited for, one thread; both sides of a row are in this process and take turns, A B B A.
The figures go into benchmarks/gpu.json, and from there into docs/performance.md (benchmarks/performance.py).
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cores
import performance
import rows_agents
import rows_peers
import torch
from limits import limits
from peers_install import add_places, install, own_packages
from performance import PeerRow
from rows_peers import GOING_ON, ROUNDS
from turns import FEWEST, ratio

Work = Callable[[], object]
Others = dict[str, tuple[Callable[[], Work], float | None]]
ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "benchmarks" / "gpu.json"
CORE = "a core of the same machine"
WITHOUT = "the same without the kernel"
MANY = 65_536
TRAINED = "Glimpse/TranslatedDigits-v0"
# a turn of 2,048 worlds takes about as long as one of the preset's 128; of five such recipes this scored best on the
# validation split in the same time
RECIPE = ["--learner.worlds", "2048", "--learner.lr", "0.003"]


class Duel(NamedTuple):
    """Work on the device and what it is compared with.

    Attributes:
        group: one of `performance.GROUPS`.
        what: its name in the table.
        ours: makes the work.
        beside: what makes other work, by its name; for each the goal of the ratio, or None.
        steps: in one piece of work, ours and others'.
        goal: of our figure.
    """

    group: str
    what: str
    ours: Callable[[], Work]
    beside: Others
    steps: int = 1
    goal: float | None = None


def world(name: str, worlds: int, device: str) -> Work:
    """Steps of many worlds, tensors in and out: of a glimpse world each is a glimpse."""
    return rows_peers.going_on(worlds, **GOING_ON[name], device=device, output="torch")


def core(name: str, size: int, device: str, **options: Any) -> Work:
    """A training step of a core on Copy of length 20."""
    torch.manual_seed(0)
    models = {"LSTM": cores.Plain, "pytorch-ntm": cores.PeerNTM}
    model = models[name]() if name in models else cores.Model(name, **options)
    return cores.training_step(model, size, device)


def update(agent: str, env_id: str, options: dict, device: str, **env: object) -> Work:
    """A turn of a learner: collecting, then learning from it.

    Args:
        agent: name of the preset.
        env_id: of the environment.
        options: of the learner.
        device: of worlds and agent.
        **env: arguments of the environment.
    """
    return rows_agents.update("PolicyGradient", agent, {"env_id": env_id, **env, "device": device}, options)


def on_a_core(made: Callable[[str], Work]) -> Others:
    """The same work beside it."""
    return {CORE: (partial(made, "cpu"), None)}


def duels() -> Iterator[Duel]:
    """All rows."""
    for name, sizes in {"TranslatedDigits": (256, 4096, MANY), **dict.fromkeys(list(GOING_ON)[1:], (4096,))}.items():
        for worlds in sizes:
            goal = 20e6 if worlds == MANY else None
            made = partial(world, name, worlds)
            what = f"{name}, {worlds:,} worlds"
            yield Duel("gpu-worlds", what, partial(made, "cuda"), on_a_core(made), ROUNDS * worlds, goal)
    for size in (1, 16, 256):
        made = partial(core, "ntm", size)
        others: Others = {
            WITHOUT: (partial(made, "cuda", fast="off"), None),
            **on_a_core(made),
            "nn.LSTM on the GPU, for scale": (partial(core, "LSTM", size, "cuda"), None),
        }
        if size == 16:
            others[f"pytorch-ntm on {CORE}"] = (partial(core, "pytorch-ntm", size, "cpu"), 20.0)
        yield Duel("gpu-cores", f"NTM 128x20, LSTM controller, batch {size}", partial(made, "cuda"), others)
    for size in (16, 256):
        made = partial(core, "dnc", size, rows=128)
        others = {WITHOUT: (partial(made, "cuda", fast="off"), None), **on_a_core(made)}
        yield Duel("gpu-cores", f"DNC 128x20, 4 read heads, batch {size}", partial(made, "cuda"), others)
    for worlds in (128, 2048):
        options = {"worlds": worlds, "likelihood_reward": True}
        made = partial(update, "ram", TRAINED, options, reward="every")
        what = f"`ram` on {TRAINED}, {worlds:,} worlds"
        yield Duel("gpu-updates", what, partial(made, "cuda"), on_a_core(made), worlds * 6)
    for worlds in (64, 256):
        options = {"objective": "ppo", "worlds": worlds, "horizon": 64, "epochs": 4, "minibatches": 8}
        made = partial(update, "lstm", "Memory/TMaze-v0", options)
        what = f"`lstm` by PPO on Memory/TMaze-v0, {worlds:,} worlds"
        yield Duel("gpu-updates", what, partial(made, "cuda"), on_a_core(made), worlds * 64)


def measure(duel: Duel, seconds: float) -> list[PeerRow]:
    """The lines that a row makes.

    Args:
        duel: the row.
        seconds: of measuring each side, about; each is timed some times, however long it takes.
    """
    makers = {"": duel.ours} | {label: made for label, (made, _) in duel.beside.items()}
    works = {label: make() for label, make in makers.items()}
    counts = {}
    for label, work in works.items():
        work()  # compiles
        counts[label] = max(1, round(seconds / FEWEST / max(timed(work, 1), 1e-6)))
    times: dict[str, list[float]] = {label: [] for label in works}
    for turn in range(FEWEST):
        for label in list(works)[:: 1 if turn % 2 == 0 else -1]:
            times[label].append(timed(works[label], counts[label]))
    group = performance.GROUPS[duel.group]
    figures = {label: group.figure(statistics.median(some), duel.steps) for label, some in times.items()}
    found = []
    for label in ["", *duel.beside] if duel.goal is not None else duel.beside:
        line = performance.missing_row(duel.group, duel.what, "")
        line["ours"], line["against"] = figures[""], label
        line["goal"] = duel.beside[label][1] if label else duel.goal
        if label:
            line["theirs"], line["ratio"] = figures[label], list(ratio(times[label], times[""]))
        found.append(line)
    return found


def timed(work: Work, count: int) -> float:
    """Seconds of one piece of work."""
    torch.cuda.synchronize()
    begin = time.perf_counter()
    for _ in range(count):
        work()
    torch.cuda.synchronize()
    return (time.perf_counter() - begin) / count


def training(steps: int, seeds: int) -> PeerRow:
    """A whole training of RAM, from the start of the process to the last checkpoint; the figure is the first seed's.

    Args:
        steps: of the environment.
        seeds: trainings; those after the first, which only add their scores, run beside each other.
    """
    recipe = [TRAINED, "ram", "--device", "cuda", "--steps", str(steps), *RECIPE]
    with tempfile.TemporaryDirectory() as folder:
        homes = [Path(folder) / str(seed) for seed in range(1, seeds + 1)]

        def train(home: Path) -> subprocess.Popen[bytes]:
            words = [*recipe, "--seed", home.name, "--no-progress", "--log-dir", str(home)]
            return subprocess.Popen([sys.executable, str(ROOT / "train.py"), *words])

        begin = time.perf_counter()
        failed = train(homes[0]).wait()
        seconds = time.perf_counter() - begin
        failed = failed or sum([other.wait() for other in [train(home) for home in homes[1:]]])
        figures = Path(folder) / "figures.json"
        words = [*(str(next(home.iterdir())) for home in homes), "--episodes", "10000", "--device", "cuda"]
        words = [sys.executable, str(ROOT / "evaluate.py"), *words, "--no-progress", "--json", str(figures)]
        if failed or subprocess.call(words):
            return performance.missing_row("gpu-training", f"`train.py {' '.join(recipe)}`", "it failed")
        scores = [100 * run["score"] for run in json.loads(figures.read_text(encoding="utf-8"))]
    each = f" (seeds 1 to {seeds}: {', '.join(f'{score:.2f}' for score in scores)})" if seeds > 1 else ""
    what = f"`train.py {' '.join(recipe)}`: {statistics.mean(scores):.2f} % on the test split{each}"
    line = performance.missing_row("gpu-training", what, "")
    line["ours"] = performance.GROUPS["gpu-training"].figure(seconds, 1)
    return line


def arguments_of(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    performance.add_outputs(parser, KEPT)
    parser.add_argument("--seconds", type=float, default=1.0, help="of measuring, about, for each side")
    parser.add_argument("--steps", type=int, default=24_000_000, help="of the whole training")
    parser.add_argument("--seeds", type=int, default=3, help="of the whole training")
    add_places(parser)
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    """Entry point."""
    arguments = arguments_of(words)
    if not torch.cuda.is_available():
        print("PyTorch sees no CUDA device here: nothing to measure.", file=sys.stderr)
        return 1
    torch.set_num_threads(1)
    why = install("pytorch-ntm", arguments.where, arguments.peers)
    sys.path.append(str(own_packages(arguments.where / "pytorch-ntm")))
    load, rows, machine = os.getloadavg()[0], [], limits()
    file = arguments.json or (None if arguments.only else KEPT)

    def keep() -> None:  # after each row: a card is lent, and may be taken back
        if file is None:
            return
        device = {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__, "processor": platform.machine()}
        report = {
            "cores": os.cpu_count(),
            "load": [load, os.getloadavg()[0]],
            "limits": machine,
            **device,
            "rows": rows,
        }
        file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")

    for duel in duels():
        if arguments.only.lower() not in f"{duel.group}: {duel.what}".lower():
            continue
        if why and (peer := f"pytorch-ntm on {CORE}") in duel.beside:
            print(f"pytorch-ntm: {why}", flush=True)
            duel.beside.pop(peer)
        fresh = measure(duel, arguments.seconds)
        rows += fresh
        print(*(performance.printed(row) for row in fresh), sep="\n", flush=True)
        keep()
    if arguments.only.lower() in "gpu-training: a whole training":
        rows.append(training(arguments.steps, arguments.seeds))
        print(performance.printed(rows[-1]), flush=True)
        keep()
    if file is not None:
        performance.write(arguments.page, gpu=file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
