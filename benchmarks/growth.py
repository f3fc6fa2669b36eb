"""How does the cost grow? Times of ever greater sizes, one page of curves, and where each leaves its straight line.

python benchmarks/growth.py                                 everything, in some minutes
python benchmarks/growth.py --only rows --rows 16 64 256    one panel, with sizes of your own; the page stays as it is
python benchmarks/growth.py --only length --length 20 200 --seconds 2     longer, for each point
python benchmarks/growth.py --only text --json benchmarks/growth.json       one panel anew, beside those that are kept
python benchmarks/growth.py --draw                          the picture and the page alone, from what was measured

Each curve is a process of its own on one thread; times are processor time, medians (of threads: wall time). The figures
go into benchmarks/growth.json, the curves into docs/growth.png, and the tables into docs/performance.md.
"""

import argparse
import json
import os
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import performance
from curves import PANELS, PICTURE, CurveFigures
from limits import limits, machine_of
from rows_growth import SHORT
from turns import HERE, SHORTEST, Process, in_turns

from foveate.viz.palette import OKABE_ITO_LINES
from foveate.viz.plots import figure_png, subplots

MOST = 9  # turns
KEPT = HERE / "growth.json"
EPISODE = 6  # steps of a glimpse world: a piece of work is a multiple
Sizes = list[int]


class Growth(NamedTuple):
    """A size that grows.

    Attributes:
        sizes: by default.
        curves: names of the rows of rows_growth.py behind that of the size.
        arguments: of those rows, at a size.
        units: in a piece of work, at a size: the time is divided by them.
    """

    sizes: Sizes
    curves: list[str]
    arguments: Callable[[int], dict[str, int]]
    units: Callable[[int], float]


def rounds(worlds: int) -> int:
    """Steps of all worlds in a piece of work: fewer of more."""
    return EPISODE * max(1, min(4, 4096 // worlds))


GROWTHS = {
    "worlds": Growth(
        [1, 4, 16, 64, 256, 1024, 4096, 16384],
        ["TranslatedDigits", "Copy", "TMaze", "Driving", "Probe/Catch", "SharedGaze", "CartPole"],
        lambda n: {"worlds": n, "rounds": rounds(n)},
        lambda n: n * rounds(n),
    ),
    "side": Growth(
        [28, 60, 112, 224, 448, 1024],
        ["glimpses", "the whole picture"],
        lambda n: {"size": n, "rounds": 12},
        lambda n: 12 * 16,
    ),
    "rows": Growth(
        [16, 64, 256, 1024, 4096],
        ["NTM", "DNC, all links", "DNC, 8 links a row"],
        lambda n: {"rows": n},
        lambda n: n * (2 * SHORT + 1),
    ),
    "length": Growth(
        [20, 63, 200, 632, 1000],
        ["NTM", "NTM, computed again in pieces", "NTM without the kernel", "nn.LSTM"],
        lambda n: {"length": n},
        lambda n: 2 * n + 1,
    ),
    "text": Growth(
        [125, 250, 500, 1000, 2000],
        ["transformer", "LSTM"],
        lambda n: {"length": n},
        lambda n: n - 1,
    ),
    "batch": Growth(
        [1, 4, 16, 64, 256],
        ["NTM", "NTM without the kernel", "nn.LSTM"],
        lambda n: {"size": n},
        lambda n: n,
    ),
    "threads": Growth(
        [n for n in (1, 2, 4, 8, 16) if n <= (os.cpu_count() or 1)],
        ["NTM", "DNC, 64 rows", "nn.LSTM"],
        lambda n: {"threads": n},
        lambda n: 1 / n,  # what all cores together spend
    ),
}

# in the picture: the colour of each model, and what its name doesn't say
MODELS = {
    "NTM": (OKABE_ITO_LINES[0], ": Neural Turing Machine, its fused kernel"),
    "NTM, computed again in pieces": (OKABE_ITO_LINES[5], "\n(gradient checkpointing)"),
    "NTM without the kernel": (OKABE_ITO_LINES[1], ":\none operator of PyTorch after the other"),
    "DNC, all links": (OKABE_ITO_LINES[2], ": from each row to each"),
    "DNC, 8 links a row": (OKABE_ITO_LINES[4], ": the strongest ones alone"),
    "DNC, 64 rows": (OKABE_ITO_LINES[2], ", all links"),
    "nn.LSTM": (OKABE_ITO_LINES[3], " of PyTorch"),
    "LSTM": (OKABE_ITO_LINES[3], ", its fused kernel"),
    "transformer": (OKABE_ITO_LINES[6], ": each character sees all before it"),
}


def measure(worker: Process, row: str, arguments: dict[str, int], seconds: float) -> float:
    """Seconds of a piece of work, the median of some turns.

    Args:
        worker: where it runs.
        row: its name.
        arguments: of the row.
        seconds: how long all turns may take, about; there is one, however long it is.
    """
    once = worker.ask("open", row=row, arguments=arguments)
    count = max(1, round(SHORTEST / once))
    turns = min(MOST, max(1, int(seconds / (count * once))))
    return statistics.median(in_turns({"": worker}, {"": count}, turns)[""])


def grow(name: str, sizes: Sizes, seconds: float) -> list[CurveFigures]:
    """The curves of a size.

    Args:
        name: one of `GROWTHS`.
        sizes: that are measured, from small to great, so that the greatest memory is always the last's.
        seconds: of measuring, about, for each point.
    """
    growth, found = GROWTHS[name], []
    for curve in growth.curves:
        worker = Process(HERE.parent, ["rows_growth"])
        times, peaks, ended = [], [], ""
        for size in sizes:
            try:
                time = measure(worker, f"{name}, {curve}", growth.arguments(size), seconds)
            except RuntimeError as error:
                ended = str(error)
                break
            times.append(time / growth.units(size))
            peaks.append(worker.ask("peak"))
        worker.close()
        found.append({"label": curve, "sizes": sizes[: len(times)], "times": times, "peaks": peaks, "ended": ended})
        shown = (f"{n:,}: {1e6 * time:,.3g} µs" for n, time in zip(sizes, times, strict=False))
        print(f"{name}, {curve}:", *shown, flush=True)
    return found


def draw(report: dict) -> bytes:
    """One picture of all curves, a panel for each, and one colour for each model in all of them.

    Args:
        report: what `main` keeps.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator

    figures: dict[str, list[CurveFigures]] = report["curves"]
    panels = [panel for panel in PANELS if panel.size in figures]
    columns = min(4, len(panels) + 1)  # one more is for the legend
    rows = -(-(len(panels) + 1) // columns)
    figure, axes = subplots(rows, columns, (4.4 * columns, 4 * rows), layout="constrained")
    figure.suptitle(
        "What a unit costs as a size grows: level is a cost that grows as the size does. "
        f"Processor time of one thread, medians.\n{machine_of(report)}",
        fontsize=11,
    )
    models = {}
    for panel, axis in zip(panels, axes.flat, strict=False):
        for number, curve in enumerate(figures[panel.size]):
            values = [panel.factor * value for value in panel.values(curve)]
            model = curve["label"] in MODELS
            style = {"color": MODELS[curve["label"]][0]} if model else {"color": f"C{number}"}
            (line,) = axis.plot(curve["sizes"], values, "o-" if model else "s--", markersize=3.5, **style)
            if model:
                models[curve["label"]] = line
            else:
                line.set_label(curve["label"])
        axis.set(xscale="log", yscale="log", xlabel=panel.along, ylabel=panel.unit)
        low, high = axis.get_ylim()
        axis.set_ylim(low / 2, high * 2)  # or a few per cent of noise would fill a panel
        sizes = max((curve["sizes"] for curve in figures[panel.size]), key=len)
        axis.set_xticks(sizes, [f"{size:,}" for size in sizes], fontsize=8)
        axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 10 * low else (1.0, 3.0)))
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        axis.minorticks_off()
        axis.set_title(panel.title, fontsize=11)
        axis.grid(alpha=0.3)
        if axis.get_legend_handles_labels()[1]:
            axis.legend(fontsize=8)
    for axis in list(axes.flat)[len(panels) :]:
        axis.set_axis_off()
    if models:
        said = [label + MODELS[label][1] for label in MODELS if label in models]
        lines = [models[label] for label in MODELS if label in models]
        axes.flat[len(panels)].legend(
            lines, said, loc="upper left", fontsize=9, frameon=False, labelspacing=1,
            title="In all panels of sequences and memories", title_fontsize=10, alignment="left",
        )  # fmt: skip
    return figure_png(figure)


def arguments_of(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=list(GROWTHS), nargs="+", help="the sizes that grow (default: all)")
    for name, growth in GROWTHS.items():
        parser.add_argument(f"--{name}", type=int, nargs="+", default=growth.sizes, help=f"(default: {growth.sizes})")
    parser.add_argument("--seconds", type=float, default=0.3, help="of measuring, about, for each point")
    parser.add_argument("--json", type=Path, help=f"file of the figures (default: {KEPT.name}, of a whole run)")
    parser.add_argument("--picture", type=Path, default=PICTURE, help="of the curves")
    parser.add_argument("--page", type=Path, default=performance.PAGE, help="the page that is written from them")
    parser.add_argument("--draw", action="store_true", help="draw the figures that are kept, and measure nothing")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    """Entry point."""
    arguments = arguments_of(words)
    file = arguments.json or (None if arguments.only else KEPT)
    if not arguments.draw:
        load, machine = os.getloadavg()[0], limits()
        figures = {
            name: grow(name, sorted(getattr(arguments, name)), arguments.seconds)
            for name in GROWTHS
            if not arguments.only or name in arguments.only
        }
        report = {"cores": os.cpu_count(), "load": [load, os.getloadavg()[0]], "limits": machine, "curves": figures}
        if file is not None:
            if arguments.only and file.exists():
                report = json.loads(file.read_text(encoding="utf-8"))
                report["curves"] = {n: c for n in GROWTHS if (c := figures.get(n) or report["curves"].get(n))}
            file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    if file is not None:
        arguments.picture.write_bytes(draw(json.loads(file.read_text(encoding="utf-8"))))
        performance.write(arguments.page, growth=file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
