"""How long the path is between two moments, measured: which symbol was shown d moments ago?

python benchmarks/paths.py                          all kinds of layers, in a quarter of an hour of one core
python benchmarks/paths.py --kinds gru --distances 8    some of them

For each kind and distance: the processor seconds and updates until 99 % of the answers are right, the time of an
update, and what the textbooks say: how many layers or moments lie between both ends, and how many steps must wait for
each other (Vaswani et al. 2017, table 1). The task is Memory/RepeatPrevious-v0 with k = d and texts of 2 d + 8 moments.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from foveate.agents.nn.cores import Core, make_core
from foveate.envs.episodes import Episodes
from foveate.envs.memory.previous import RepeatPrevious
from foveate.envs.protocols import world_of
from foveate.envs.registry import make_worlds

KEPT = Path(__file__).resolve().parent / "paths.json"
KINDS = ("gru", "lstm", "bytenet", "transformer")
NAMES = {
    "gru": "GRU",
    "lstm": "LSTM",
    "bytenet": "dilated convolutions (ByteNet)",
    "transformer": "self-attention, one layer",
}
DISTANCES = (2, 8, 32, 128, 256)
UNITS, SYMBOLS, BATCH, RATE = 64, 4, 16, 2e-3
SOLVED, SECONDS, EVERY, SEEDS = 0.99, 30.0, 25, (1, 2, 3)
Json = dict[str, Any]  # figures by name, as in the stored file


class Speaker(nn.Module):
    """A core with a linear head.

    Args:
        kind: of the core.
        distance: d, as far as which it must reach.
    """

    def __init__(self, kind: str, distance: int):
        super().__init__()
        self.core: Core = make_core(kind, SYMBOLS, UNITS, **reaching(kind, distance))
        self.head = nn.Linear(self.core.output_size, SYMBOLS)

    def forward(self, x: Tensor) -> Tensor:
        """What it says of symbols (T, B, symbols), logits of the same shape."""
        starts = torch.zeros(x.shape[:2], dtype=torch.bool)
        starts[0] = True
        return self.head(self.core(x, self.core.initial_state(x.shape[1]), starts).y)


def reaching(kind: str, distance: int) -> dict[str, int]:
    """The options of a core that reaches so far: layers of convolutions, or a window."""
    if kind == "bytenet":
        return {"layers": layers_for(distance)}
    return {"layers": 1, "context": distance + 1} if kind == "transformer" else {}


def layers_for(distance: int) -> int:
    """Blocks of ByteNet, of kernel 3 and dilations 1, 2, 4, 8, 16, 1, …, until they reach so far."""
    reach, layers = 0, 0
    while reach < distance:
        reach += 2 * 2 ** (layers % 5)
        layers += 1
    return layers


def path(kind: str, distance: int) -> int:
    """How many layers or moments a signal passes from one end to the other."""
    return {"bytenet": layers_for(distance), "transformer": 1}.get(kind, distance)


def waiting(kind: str, distance: int) -> int:
    """How many steps of a text of 2 d + 8 moments must wait for each other."""
    return {"bytenet": layers_for(distance), "transformer": 1}.get(kind, 2 * distance + 8)


def measure(kind: str, distance: int, seed: int, seconds: float = SECONDS) -> Json:
    """Train until it is solved, or the time is up.

    Args:
        kind: of the core.
        distance: d.
        seed: of weights and texts.
        seconds: of this process's processor time; one update at least.
    """
    torch.manual_seed(seed)
    options = {"k": distance, "symbols": SYMBOLS, "steps": 2 * distance + 8}
    env = make_worlds("Memory/RepeatPrevious-v0", BATCH, "cpu", options)
    env.reset(seed=seed)
    world = world_of(env)
    assert isinstance(world, RepeatPrevious)
    speaker = Speaker(kind, distance)
    optimizer = torch.optim.Adam(speaker.parameters(), RATE)
    right: list[float] = []
    begun, updates, share = time.process_time(), 0, 0.0
    while not updates or (share < SOLVED and time.process_time() - begun < seconds):
        said, episodes = answers(speaker, world)
        due = episodes.target_mask
        loss = F.cross_entropy(said[due], episodes.target[due])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(speaker.parameters(), 1.0)
        optimizer.step()
        updates += 1
        # of texts that were not learned from yet, so it is no training figure
        right.append(float((said.argmax(-1) == episodes.target)[due].float().mean()))
        share = float(np.mean(right[-EVERY:])) if updates >= EVERY else 0.0
    spent = time.process_time() - begun
    return {"seconds": spent, "updates": updates, "right": share, "update": 1000 * spent / updates}


def answers(speaker: Speaker, world: RepeatPrevious) -> tuple[Tensor, Episodes]:
    """What it says of a batch of new texts, (T, B, symbols), and these."""
    episodes = world.episodes(BATCH)
    seen = episodes.observation
    assert isinstance(seen, Tensor)
    return speaker(seen), episodes


def pages(kept: Json) -> list[str]:
    """The tables of what `measure` found, of all seeds."""
    lines = ["\n## Path lengths: which symbol was shown d moments ago? (`python benchmarks/paths.py`)\n"]
    lines.append(
        f"Processor seconds until {SOLVED:.0%} of the answers are right, each seed's own (in brackets: the share that "
        f"was right when {SECONDS:.0f} seconds were over), then milliseconds of an update ({BATCH} texts of 2 d + 8 "
        f"moments, {UNITS} units), and the path's length in layers or moments / the steps that wait for each other.\n"
    )
    distances = sorted({int(each) for row in kept.values() for each in row})
    lines += [f"| layers | {' | '.join(f'd = {each}' for each in distances)} |", "|" + "---|" * (1 + len(distances))]
    for what in ("solved", "update", "path"):
        for kind, row in kept.items():
            cells = [_cell(what, kind, each, row.get(str(each), [])) for each in distances]
            lines.append(f"| {NAMES[kind]}, {what} | {' | '.join(cells)} |")
    return lines


def _cell(what: str, kind: str, distance: int, runs: Sequence[Json]) -> str:
    if what == "path":
        return f"{path(kind, distance)} / {waiting(kind, distance)}"
    if what == "update":
        return f"{np.median([run['update'] for run in runs]):.1f}" if runs else "–"
    solved = [f"{run['seconds']:.0f}" if run["right"] >= SOLVED else f"({run['right']:.2f})" for run in runs]
    return ", ".join(solved) or "–"


def main(words: Sequence[str] | None = None) -> int:
    """Entry point; what was measured before is kept for the others."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="layers")
    parser.add_argument("--distances", nargs="+", type=int, default=DISTANCES, help="d")
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS, help="a training each")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="processor time that a training may take")
    parser.add_argument("--json", type=Path, default=KEPT, help="where the figures go")
    arguments = parser.parse_args(words)
    torch.set_num_threads(1)
    kept: Json = json.loads(arguments.json.read_text(encoding="utf-8")) if arguments.json.exists() else {}
    for kind in arguments.kinds:
        for distance in arguments.distances:
            runs = [measure(kind, distance, seed, arguments.seconds) for seed in arguments.seeds]
            kept.setdefault(kind, {})[str(distance)] = runs
            print(f"{NAMES[kind]}, d = {distance}: {_cell('solved', kind, distance, runs)}", flush=True)
            arguments.json.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    print("\n".join(pages(kept)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
