"""What benchmarks/growth.py times: the rows by name, as in rows.py, each with arguments for the sizes that grow."""

import math
import os
import time
from functools import partial
from typing import Any

import torch
from rows import FEW, Rows, Work
from rows_peers import GOING_ON, cartpole, core, going_on

SHORT = 5  # bit vectors to copy: a dense DNC of many rows keeps its links at every moment
TOGETHER = 4  # episodes in a batch of long sequences
SHARED = 64  # episodes in a batch that several cores share


def in_pieces(length: int) -> Work:
    """A training step on a long sequence, of which pieces of the square root of its moments are computed again."""
    return core("ntm", TOGETHER, length, recompute_every=math.isqrt(2 * length + 1))


def on_cores(threads: int, model: str, **options: Any) -> Work:
    """A training step by several threads; told is wall time, not processor time.

    Args:
        threads: how many, on as many cores.
        model: as of `core`.
        **options: of the core.
    """
    if hasattr(os, "sched_setaffinity"):  # the worker keeps itself to one core
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
    torch.set_num_threads(threads)
    step = core(model, SHARED, **options)

    def work() -> float:
        begin = time.perf_counter()
        step()
        return time.perf_counter() - begin

    return work


def text_update(length: int, agent: str, **options: Any) -> Work:
    """A turn of back-propagation on texts: `TOGETHER` of them are read and learned from.

    Args:
        length: characters of each.
        agent: name of the preset.
        **options: of the agent.
    """
    import rows_agents

    texts, learner = {"env_id": "Sequence/Text-v0", "length": length}, {"worlds": TOGETHER, "batch": TOGETHER}
    work = rows_agents.update("Backprop", agent, texts, learner, **options)
    work()  # the first turn imports what a learner needs
    return work


def rows() -> Rows:
    """The rows by name."""
    found: Rows = {f"worlds, {name}": partial(going_on, **kind) for name, kind in GOING_ON.items()}
    found["worlds, CartPole"] = cartpole
    for name, view in (("glimpses", "glimpse"), ("the whole picture", "image")):
        found[f"side, {name}"] = partial(going_on, FEW, "Glimpse/ClutteredDigits-v0", view=view)
    kinds = {"NTM": ("ntm", {}), "DNC, all links": ("dnc", {}), "DNC, 8 links a row": ("dnc", {"sparse_links": 8})}
    for name, (model, options) in kinds.items():
        found[f"rows, {name}"] = partial(core, model, 1, SHORT, **options)
    found["length, NTM, computed again in pieces"] = in_pieces
    shared = {"NTM": ("ntm", {}), "DNC, 64 rows": ("dnc", {"rows": 64}), "nn.LSTM": ("plain", {})}
    for name, (model, options) in shared.items():
        found[f"threads, {name}"] = partial(on_cores, model=model, **options)
    models = {"NTM": ("ntm", {}), "NTM without the kernel": ("ntm", {"fast": "off"}), "nn.LSTM": ("plain", {})}
    for name, (model, options) in models.items():
        found[f"length, {name}"] = partial(core, model, TOGETHER, **options)
        found[f"batch, {name}"] = partial(core, model, **options)
    found["text, transformer"] = lambda length: text_update(length, "transformer", context=length)
    found["text, LSTM"] = partial(text_update, agent="lstm", hidden=256)
    return found
