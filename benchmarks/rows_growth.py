"""What benchmarks/growth.py times: the rows by name, as in rows.py, each with arguments for the sizes that grow."""

from functools import partial

from rows import FEW, Rows
from rows_peers import GOING_ON, cartpole, core, going_on

SHORT = 5  # bit vectors to copy: a dense DNC of many rows keeps its links at every moment
TOGETHER = 4  # episodes in a batch of long sequences


def rows() -> Rows:
    """The rows by name."""
    found: Rows = {f"worlds, {name}": partial(going_on, **kind) for name, kind in GOING_ON.items()}
    found["worlds, CartPole"] = cartpole
    for name, view in (("glimpses", "glimpse"), ("the whole picture", "image")):
        found[f"side, {name}"] = partial(going_on, FEW, "Glimpse/ClutteredDigits-v0", view=view)
    kinds = {"NTM": ("ntm", {}), "DNC, all links": ("dnc", {}), "DNC, 8 links a row": ("dnc", {"sparse_links": 8})}
    for name, (model, options) in kinds.items():
        found[f"rows, {name}"] = partial(core, model, 1, SHORT, **options)
    models = {"NTM": ("ntm", {}), "NTM without the kernel": ("ntm", {"fast": "off"}), "nn.LSTM": ("plain", {})}
    for name, (model, options) in models.items():
        found[f"length, {name}"] = partial(core, model, TOGETHER, **options)
        found[f"batch, {name}"] = partial(core, model, **options)
    return found
