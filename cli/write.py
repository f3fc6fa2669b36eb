"""``evaluate.py write RUN TEXT``: a text as a trained agent writes it by hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch

from ..agents import load
from ..agents.learning import checkpoint
from ..agents.nn.attention.items import NoItems
from ..agents.policies.policy import Policy
from ..analysis.handwritten import write_lines
from ..envs.outside import options_of_file
from ..envs.registry import world_class
from ..envs.sequence.handwriting import Handwriting
from ..errors import FoveateError, check_range
from ..files import check_output, write_text
from ..viz.ink import pixels, svg
from ..viz.pictures import write_picture
from .device import pick_device
from .options import parse
from .words import split_at_options

PROG = 'evaluate.py write RUN "a text"'
ABOUT = "Write a text by hand, as an agent does that was trained in Sequence/Handwriting-v0, in several styles."
HANDWRITING = "Sequence/Handwriting-v0"


@dataclass
class WriteOptions:
    """How to write it.

    Attributes:
        out: a page, .svg or .png.
        styles: lines, each a sample of its own: who learned from many hands picks another one for each.
        bias: how far samples are drawn towards what is likely (Graves 2013): 0 writes as it learned, more is neater.
        deterministic: write a single line, always by the most likely point.
        own_end: end a line where the agent says that all is written, even if its window isn't at the last letter yet,
            as happens in texts longer than those it learned from.
        seed: of the samples.
        device: "auto" (the GPU if there is one), "cpu", "cuda", …
        checkpoint: which checkpoint of a run.
        threads: CPU threads of PyTorch.
    """

    out: Path = Path("page.svg")
    styles: int = 5
    bias: float = 1.0
    deterministic: bool = False
    own_end: bool = False
    seed: int = 0
    device: str = "auto"
    checkpoint: Literal["best", "last"] = "best"
    threads: int = 1

    def __post_init__(self) -> None:
        check_range("styles", self.styles, 1, 100)
        check_range("bias", self.bias, 0.0, 20.0)
        check_range("seed", self.seed, 0)
        check_range("threads", self.threads, 1)


def run(arguments: list[str], imports: list[str]) -> int:
    """Write a text.

    Raises:
        FoveateError: the run doesn't write by hand, or the text can't be written.
    """
    words, rest = split_at_options(arguments)
    options = parse(WriteOptions, rest, PROG, ABOUT)
    if len(words) != 2:
        raise FoveateError(f"write needs a run and a text in quotes, got {len(words)} of them: {PROG} --out page.svg")
    run_path, text = Path(words[0]), words[1]
    check_output(options.out, "--out", [".svg", ".png"])
    kept = checkpoint.read_run(checkpoint.find(run_path, options.checkpoint))
    env_id = kept.get("env_id", "")
    world = world_class(env_id)
    if not (isinstance(world, type) and issubclass(world, Handwriting)):
        raise FoveateError(
            f"{run_path} was trained in {env_id or 'no environment'}, and write needs a run of {HANDWRITING}."
        )
    env = options_of_file(env_id, kept.get("env", {}), {"text": text}, run_path)
    torch.set_num_threads(options.threads)
    policy = load(run_path, None, pick_device(options.device), options.checkpoint).policy
    assert isinstance(policy, Policy)
    page = written_page(policy, env_id, env, options)
    if reads_nothing(policy):
        print("this agent reads no text (attention none): what it writes is what it would write of any text.")
    if options.out.suffix.lower() == ".svg":
        write_text(options.out, svg(*page))
    else:
        write_picture(options.out, pixels(*page))
    print(f"page: {options.out}")
    return 0


class Page(NamedTuple):
    """What a page shows.

    Attributes:
        lines: of each its strokes, each (n, 2), in heights of an x.
        legend: lines of text that stand below them.
    """

    lines: list[list[np.ndarray]]
    legend: str


def written_page(policy: Policy, env_id: str, env: Mapping[str, object], options: WriteOptions) -> Page:
    """Let a policy write a text.

    Args:
        policy: who writes.
        env_id: Handwriting.
        env: its arguments, with the text.
        options: how many lines, and how.

    Raises:
        FoveateError: the text can't be written.
    """
    count = 1 if options.deterministic else options.styles
    how = options.bias, options.deterministic, not options.own_end
    written = write_lines(policy, env_id, env, count, options.seed, *how).written
    legend = "the likeliest points" if options.deterministic else f"bias {options.bias:g}: the larger, the neater"
    return Page([line.strokes() for line in written], f'to be written: "{env["text"]}"\n{legend}')


def reads_nothing(policy: Policy) -> bool:
    """Whether a policy writes the same whatever it is asked to write."""
    return isinstance(getattr(policy.core, "attention", None), NoItems)
