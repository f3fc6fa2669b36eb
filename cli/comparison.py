"""``evaluate.py compare RUN RUN …``: hard attention, soft attention and none, one page about all of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from ..analysis.comparison.compare import compare, print_summary
from ..analysis.comparison.gather import gather
from ..analysis.comparison.options import CompareOptions
from ..analysis.comparison.page import write_pages
from ..errors import FoveateError
from ..files import check_output_folder
from .device import pick_device
from .options import parse
from .words import command_line, split_at_options

ABOUT = "Compare trained agents: hard attention, soft attention and none, in one world or several."


def run(arguments: list[str], imports: list[str]) -> int:
    """Compare runs that there are.

    Raises:
        FoveateError: fewer than two runs, or none that can be compared.
    """
    words, rest = split_at_options(arguments)
    options = parse(CompareOptions, rest, "evaluate.py compare RUN RUN …", ABOUT)
    if len(words) < 2:
        raise FoveateError(
            f"compare needs at least two runs, got {len(words)}: evaluate.py compare RUN RUN … --report out"
        )
    report([Path(word) for word in words], options, command_line("evaluate", imports, "compare", *arguments))
    return 0


def report(
    runs: Sequence[Path], options: CompareOptions, command: str, names: Mapping[Path, str] | None = None
) -> None:
    """Compare runs, write the page and print the main table.

    Args:
        runs: their folders.
        options: how to compare.
        command: that asks for it, for the page.
        names: what a plan calls the arms, by run.

    Raises:
        FoveateError: no two of them can be compared.
    """
    check_output_folder(options.report, "--report")
    torch.set_num_threads(options.threads)
    found = gather(runs, pick_device(options.device), options.data, names)
    figures = compare(found, options, lambda line: print(line, flush=True), command)
    write_pages(options.report, figures)
    print_summary(figures)
    print(f"report: {options.report / 'report.html'}")
