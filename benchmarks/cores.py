"""How long a training step of each core takes: side by side in one process, one thread, medians of repeats.

python benchmarks/cores.py                      ours, beside torch's LSTM
python benchmarks/cores.py --json FILE          and write the figures to a file
python benchmarks/cores.py --device cuda        on a GPU

One step is forward, backward, clipping and RMSprop on a copy task of length 20 (41 moments, 8 bits), with 100 units;
figures are interleaved, so that what else the machine does falls on all alike. Peers' cores are here too, for
benchmarks/peers.py, which installs them and compares.
"""

import argparse
import importlib
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import foveate  # noqa: F401 (registers the environments)
from foveate.agents.learning.recomputation import run_in_pieces
from foveate.agents.nn.cores import make_core
from foveate.envs.protocols import HasWorld

REPEATS, ROUNDS = 5, 9
STEPS, WIDTH, HIDDEN = 41, 8, 100


class Model(nn.Module):
    """One of our cores with a linear head.

    Args:
        name: of the core.
        recompute_every: as of `BackpropOptions`.
        **options: of the core.
    """

    def __init__(self, name: str, recompute_every: int = 0, **options: Any):
        super().__init__()
        self.recompute_every = recompute_every
        self.core = make_core(name, WIDTH + 1, HIDDEN, **options)
        self.head = nn.Linear(self.core.output_size, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        starts = torch.zeros(x.shape[:2], dtype=torch.bool, device=x.device)
        state = self.core.initial_state(x.shape[1], x.device)
        return self.head(run_in_pieces(self.core, x, state, starts, False, self.recompute_every).y)


class Plain(nn.Module):
    """torch's own LSTM with a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(WIDTH + 1, HIDDEN), nn.Linear(HIDDEN, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(x)[0])


class PeerNTM(nn.Module):
    """The NTM of pytorch-ntm, a moment at a time as its own training script runs it; answers are logits, as ours are.

    Args:
        rows: of its memory.
    """

    def __init__(self, rows: int = 128):
        super().__init__()
        package = importlib.import_module("ntm.aio")
        self.core = package.EncapsulatedNTM(WIDTH + 1, WIDTH, HIDDEN, 1, 1, rows, 20)

    def forward(self, x: Tensor) -> Tensor:
        self.core.init_sequence(x.shape[1])
        return torch.stack([self.core(moment)[0] for moment in x]).logit(1e-6)


class PeerDNC(nn.Module):
    """The DNC of PyPI's package `dnc` (which feeds its reads to the controller outside of the loop over time).

    Args:
        rows: of its memory.
    """

    def __init__(self, rows: int):
        super().__init__()
        package = importlib.import_module("dnc")
        self.core = package.DNC(
            input_size=WIDTH + 1, hidden_size=HIDDEN, num_layers=1, nr_cells=rows, cell_size=20, read_heads=4,
            batch_first=False, gpu_id=-1,
        )  # fmt: skip
        self.head = nn.Linear(WIDTH + 1, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.core(x, (None, None, None), reset_experience=True)[0])


def batch(size: int, device: str, length: int = 20) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs, targets and mask of a copy of this length, each (T, B, …) with T twice the length and one."""
    env = gym.make_vec(
        "Memory/Copy-v0", num_envs=size, output="torch", device=device, min_length=length, max_length=length
    ).unwrapped
    assert isinstance(env, HasWorld)
    env.reset(seed=0)
    inputs, targets, mask = (env.world.state[name].transpose(0, 1) for name in ("inputs", "targets", "mask"))
    return inputs, targets, mask


def training_step(model: nn.Module, size: int, device: str = "cpu", length: int = 20) -> Callable[[], None]:
    """A function that makes one step.

    Args:
        model: logits of the answers from what is shown.
        size: episodes at once.
        device: cpu or cuda.
        length: bit vectors in an episode.
    """
    model = model.to(device)
    inputs, targets, mask = batch(size, device, length)
    parameters = list(model.parameters())
    optimizer = torch.optim.RMSprop(parameters, lr=1e-4, foreach=True)  # one call for all parameters, not one for each

    def step() -> None:
        loss = F.binary_cross_entropy_with_logits(model(inputs)[mask], targets[mask].float())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 10.0)
        optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()

    return step


def milliseconds(steps: dict[str, Callable[[], None]]) -> dict[str, float]:
    """The median time of each, measured in turns."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(REPEATS + 1):
        for name, step in steps.items():
            for _ in range(ROUNDS):
                begin = time.perf_counter()
                step()
                if turn:  # the first turn warms up
                    times[name].append(1000 * (time.perf_counter() - begin))
    return {name: statistics.median(row) for name, row in times.items()}


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    device = arguments.device
    steps = {
        "nn.LSTM, batch 16": training_step(Plain(), 16, device),
        "NTM 128x20, LSTM controller, batch 16": training_step(Model("ntm"), 16, device),
        "NTM 128x20, feed-forward controller, batch 16": training_step(
            Model("ntm", controller="feedforward"), 16, device
        ),
        "nn.LSTM, batch 1": training_step(Plain(), 1, device),
        "NTM 128x20, LSTM controller, batch 1": training_step(Model("ntm"), 1, device),
    }
    for rows in (16, 64, 128):
        steps[f"DNC {rows}x20, 4 read heads, batch 16"] = training_step(Model("dnc", rows=rows), 16, device)
    figures = milliseconds(steps)
    lstm = figures["nn.LSTM, batch 16"]
    print(f"{'a training step':<50}{'ms':>9}{'x nn.LSTM':>12}")
    for name, value in figures.items():
        base = figures["nn.LSTM, batch 1"] if name.endswith("batch 1") else lstm
        print(f"{name:<50}{value:>9.1f}{value / base:>12.1f}")
    if arguments.json is not None:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
