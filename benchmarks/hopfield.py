"""What Hopfield networks retrieve: against the load, the damage, the number of stored digits, and β.

python benchmarks/hopfield.py             everything, in some minutes of one core
python benchmarks/hopfield.py --draw      the picture alone, from the figures that are kept

The figures go into benchmarks/hopfield.json, which benchmarks/results.py shows, the picture into docs/hopfield.png.
Nothing is trained. A pattern is retrieved if at most 2 % of its bits are wrong in the end, as in Memory/Completion.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from foveate.agents.nn.attention.hopfield import (
    asynchronous,
    energy,
    hebb,
    pseudo_inverse,
    recall,
    recall_weights,
    settled,
)
from foveate.envs.glimpse.data import load
from foveate.envs.memory.completion import TOLERANCE
from foveate.viz.palette import OKABE_ITO_LINES
from foveate.viz.plots import figure_png, subplots

ROOT = Path(__file__).resolve().parent.parent
KEPT, PICTURE = ROOT / "benchmarks" / "hopfield.json", ROOT / "docs" / "hopfield.png"
Json = dict[str, Any]  # figures by name, as in the stored file
Find = Callable[[Tensor, Tensor], Tensor]  # from patterns (P, N) and damaged ones (S, N) to what is found

LOADS = (0.05, 0.08, 0.1, 0.12, 0.138, 0.15, 0.16, 0.18, 0.2, 0.25)
FLIPS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.45)
UNITS = (100, 400, 1000)
DIGITS = (10, 100, 1000, 5000)
BETAS = (0.001, 0.003, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 3.0)
SHOWN_BETAS = (0.001, 0.02, 0.05, 0.1, 1.0)
NETWORKS, CUES, SWEEPS = 5, 100, 30
BETA = 1.0
SIDE = 28


def classical(rule: Callable[[Tensor], Tensor]) -> Find:
    """A classical network: units in a random order, until none changes any more."""

    def find(patterns: Tensor, cue: Tensor) -> Tensor:
        weights = rule(patterns)
        return settled(lambda now: asynchronous(now, weights, order=torch.randperm(now.shape[-1])), cue, SWEEPS)

    return find


def modern(patterns: Tensor, cue: Tensor) -> Tensor:
    """The modern network: one step of attention."""
    return recall(cue, patterns, BETA)


NETS: dict[str, Find] = {
    "Hebb's rule": classical(hebb),
    "pseudo-inverse rule": classical(pseudo_inverse),
    "modern, one step": modern,
}


def signs(count: int, units: int) -> Tensor:
    """Random patterns of -1 and 1, (count, units)."""
    return torch.randint(2, (count, units)).float() * 2 - 1


def flipped(patterns: Tensor, share: float) -> Tensor:
    """Patterns with a share of their bits flipped, different ones in each."""
    turned = torch.rand_like(patterns).argsort(-1) < round(share * patterns.shape[-1])
    return torch.where(turned, -patterns, patterns)


def found(state: Tensor, patterns: Tensor) -> Tensor:
    """Which patterns were retrieved, 0 or 1, (S,)."""
    return (((state > 0) != (patterns > 0)).float().mean(-1) <= TOLERANCE).float()


def spread(values: list[float]) -> list[float]:
    """A mean over networks, and its 95 % bootstrap interval."""
    picks = np.random.default_rng(0).integers(0, len(values), (4000, len(values)))
    low, high = np.quantile(np.array(values)[picks].mean(1), [0.025, 0.975])
    return [float(np.mean(values)), float(low), float(high)]


def over_networks(units: int, load: float, flips: float, find: Find) -> list[float]:
    """The share that networks of random patterns retrieve, with its interval.

    Args:
        units: N.
        load: patterns a unit.
        flips: the share of bits that are flipped.
        find: the network.
    """
    shares = []
    for seed in range(NETWORKS):
        torch.manual_seed(seed)
        patterns = signs(max(1, round(load * units)), units)
        few = patterns[:CUES]
        shares.append(float(found(find(patterns, flipped(few, flips)), few).mean()))
    return spread(shares)


def digits(seed: int) -> Tensor:
    """The offline digits as bits of -1 and 1, in a random order, (5000, 784)."""
    every = np.concatenate([load("mnist", part).images for part in ("train", "validation", "test")])
    bits = torch.from_numpy(every.reshape(len(every), -1) >= 128).float() * 2 - 1
    return bits[torch.randperm(len(bits), generator=torch.Generator().manual_seed(seed))]


def half(patterns: Tensor) -> Tensor:
    """Digits without their lower half."""
    return torch.cat(
        [patterns[:, : patterns.shape[1] // 2], torch.zeros_like(patterns[:, patterns.shape[1] // 2 :])], 1
    )


def half_digits(count: int, find: Find, cues: int) -> list[float]:
    """The share of half-erased digits that networks of so many stored ones retrieve, with its interval.

    Args:
        count: digits that are stored.
        find: the network.
        cues: of them that are erased.
    """
    shares = []
    for seed in range(3):
        torch.manual_seed(seed)
        patterns = digits(seed)[:count]
        shares.append(float(found(find(patterns, half(patterns[:cues])), patterns[:cues]).mean()))
    return spread(shares)


def betas(count: int) -> Json:
    """What β does to half-erased digits: entropy of the weights in nats, and the share that is retrieved."""
    patterns = digits(0)[:count]
    cue, rows = half(patterns), {}
    for beta in BETAS:
        weights = recall_weights(cue, patterns, beta)
        entropy = float(torch.special.entr(weights).sum(-1).mean())
        rows[str(beta)] = [entropy, float(found(weights @ patterns, patterns).mean())]
    return rows


def descent(count: int, name: str, steps: int = 60) -> tuple[list[float], list[np.ndarray]]:
    """The energy of a half-erased digit after each part of two sweeps, and what it then looks like.

    Args:
        count: digits that are stored.
        name: of the rule.
        steps: parts.
    """
    torch.manual_seed(3)
    patterns = digits(1)[:count]
    weights = hebb(patterns) if name == "Hebb's rule" else pseudo_inverse(patterns)
    state = half(patterns[4:5])
    order = torch.cat([torch.randperm(state.shape[1]) for _ in range(2)])
    energies, states = [float(energy(state, weights))], [state[0].numpy()]
    for part in order.tensor_split(steps):
        state = asynchronous(state, weights, order=part)
        energies.append(float(energy(state, weights)))
        states.append(state[0].numpy())
    return energies, states


def measure() -> Json:
    """All figures."""
    begin = time.process_time()
    kept: Json = {"load": {}, "damage": {}, "digits": {}}
    for units in UNITS:
        kept["load"][f"Hebb's rule, {units} units"] = {
            str(share): over_networks(units, share, 0.1, NETS["Hebb's rule"]) for share in LOADS
        }
    for name in list(NETS)[1:]:
        kept["load"][f"{name}, 400 units"] = {str(share): over_networks(400, share, 0.1, NETS[name]) for share in LOADS}
    for name, find in NETS.items():
        kept["damage"][name] = {str(flips): over_networks(400, 0.1, flips, find) for flips in FLIPS}
        cues = {"modern, one step": max(DIGITS)}.get(name, CUES)
        kept["digits"][name] = {str(count): half_digits(count, find, cues) for count in DIGITS}
        print(name, kept["digits"][name], flush=True)
    kept["betas"] = betas(max(DIGITS))
    every = digits(0)
    nearest = recall_weights(half(every), every, BETA).argmax(1) == torch.arange(len(every))
    kept["digits whose own pattern weighs most"] = float(nearest.float().mean())
    rises = [max(np.diff(descent(50, name)[0])) for name in list(NETS)[:2]]
    kept["largest rise of the energy"] = float(max(rises))
    kept["processor seconds"] = round(time.process_time() - begin, 1)
    return kept


# ---- the picture ----

COLOURS = dict(zip(NETS, OKABE_ITO_LINES, strict=False))  # of each network, in every panel
STYLES = (":", "--", "-")  # of Hebb's rule with ever more units


def draw(kept: Json) -> bytes:
    """Energy with images, retrieved against load, and what β does."""
    figure, axes = subplots(2, 2, (11.5, 8.6), layout="constrained")
    figure.suptitle(
        f"What Hopfield networks retrieve. Retrieved: at most {100 * TOLERANCE:.0f} % of the bits are wrong in the end."
        f" Shaded: 95 % interval over {NETWORKS} networks (of digits: 3)",
        fontsize=11,
    )
    _draw_descent(axes[0, 0])
    _draw_loads(axes[0, 1], kept["load"])
    axis = axes[1, 0]
    for name, rows in kept["digits"].items():
        _curve(axis, rows, name, COLOURS[name])
    _mark(axis, SIDE**2, f"{SIDE**2} pixels:\nas many patterns as units", 0.55)
    axis.set(xscale="log", xlabel="stored digits", ylabel="share that is retrieved", ylim=(-0.03, 1.05))
    axis.set_xticks(DIGITS, [f"{count:,}" for count in DIGITS])
    axis.set_title("Digits of which the lower half is erased", fontsize=10)
    axis.legend(fontsize=8, loc=(0.02, 0.5))
    _draw_betas(axes[1, 1], kept["betas"])
    for axis in axes.flat:
        axis.grid(alpha=0.3)
    return figure_png(figure, dpi=100)


def _curve(axis: Any, rows: Json, name: str, colour: str, width: float = 1.5, style: str = "-") -> None:
    along = [float(size) for size in rows]
    mean, low, high = np.array(list(rows.values())).T
    axis.plot(along, mean, f"o{style}", color=colour, markersize=2 + width, linewidth=width, label=name)
    axis.fill_between(along, low, high, color=colour, alpha=0.15, linewidth=0)


def _mark(axis: Any, where: float, words: str, height: float) -> None:
    """A line across, and what it stands for on its right."""
    axis.axvline(where, color="grey", linewidth=1, linestyle="-.")
    axis.annotate(words, (where, height), (4, 0), textcoords="offset points", fontsize=8, color="#555555")


def _draw_descent(axis: Any) -> None:
    """The energy of two networks, and above it what they look like meanwhile."""
    for row, name in enumerate(list(NETS)[1::-1]):
        energies, states = descent(50, name)
        share = np.array(energies) / abs(energies[-1])
        axis.plot(np.linspace(0, 2, len(share)), share, color=COLOURS[name])
        axis.text(0.02, 0.86 - 0.2 * row, f"{name}:", color=COLOURS[name], fontsize=9, transform=axis.transAxes)
        for place, (moment, sweeps) in enumerate({0: "0", 10: "⅓", 20: "⅔", 30: "1", 60: "2 sweeps"}.items()):
            inset = axis.inset_axes((0.28 + 0.145 * place, 0.75 - 0.2 * row, 0.14, 0.18))
            _image(inset, states[moment], COLOURS[name])
            inset.set_title("" if row else sweeps, fontsize=8, pad=2)
    axis.set(xlim=(0, 2), ylim=(-1.05, 0.85), yticks=(-1, -0.5, 0), xlabel="sweeps over all units")
    axis.set_ylabel("energy / |energy in the end|")
    axis.set_title("50 digits stored, the lower half of one erased: what becomes of it", fontsize=10)


def _draw_loads(axis: Any, load: Json) -> None:
    """What is retrieved against how much is stored."""
    styles = iter(STYLES)
    for label, rows in load.items():
        name = next(name for name in NETS if label.startswith(name))
        style = next(styles, "-") if name == "Hebb's rule" else "-"
        _curve(axis, rows, label, COLOURS[name], 4.0 if "pseudo" in name else 1.5, style)
    _mark(axis, 0.138, "0.138: what Hebb's rule holds\nin theory, of very many units", 0.86)
    axis.set(xlabel="load: stored patterns / units", ylabel="share that is retrieved", ylim=(-0.03, 1.05))
    axis.set_title("Random patterns, a tenth of their bits flipped", fontsize=10)
    axis.legend(fontsize=8, loc="lower left")


def _draw_betas(axis: Any, rows: Json) -> None:
    """Entropy and retrieved share against β, above them what is read of one digit."""
    along = [float(beta) for beta in rows]
    entropy, share = np.array(list(rows.values())).T
    axis.plot(along, entropy / np.log(max(DIGITS)), "s--", color="#555555", markersize=3.5)
    axis.plot(along, share, "o-", color=COLOURS["modern, one step"], markersize=3.5)
    axis.text(along[0], 0.7, "entropy of the\nattention / ln 5,000\n(1: to all alike)", color="#555555", fontsize=8)
    axis.text(0.3, 0.9, "share that is retrieved", color=COLOURS["modern, one step"], fontsize=8)
    axis.set(xscale="log", xlabel="β, the sharpness of the attention", ylabel="share", ylim=(-0.03, 1.75))
    axis.set_yticks((0, 0.5, 1))
    axis.set_title("Modern network, 5,000 stored, half-erased: from the mean of all to one", fontsize=10)
    patterns = digits(1)
    for place, beta in enumerate(SHOWN_BETAS):
        inset = axis.inset_axes((0.04 + 0.19 * place, 0.66, 0.17, 0.25))
        _image(inset, recall(half(patterns[4:5]), patterns, beta)[0].numpy(), COLOURS["modern, one step"])
        inset.set_title(f"β = {beta:g}", fontsize=8, pad=2)


def _image(axis: Any, state: np.ndarray, colour: str) -> None:
    axis.imshow(state.reshape(SIDE, SIDE), cmap="gray", vmin=-1, vmax=1)
    axis.set(xticks=[], yticks=[])
    for spine in axis.spines.values():
        spine.set(color=colour, linewidth=2)


# ---- for docs/results.md ----


def pages(kept: Json) -> list[str]:
    """The tables of what `measure` found."""
    lines = ["\n## Hopfield networks (`python benchmarks/hopfield.py`)\n"]
    lines.append(
        "Nothing is trained. The share of damaged patterns that is retrieved, with at most 2 % of the bits wrong, and "
        f"its 95 % interval over {NETWORKS} networks (of digits 3). Random patterns have a tenth of their bits "
        "flipped; digits are the 5,000 offline ones as bright and dark pixels, without their lower half. Classical "
        "networks are updated asynchronously until they settle, from 100 of the patterns; the modern one makes a step "
        f"at β = {BETA:g}, from 100 or, of digits, from all. A picture: [hopfield.png](hopfield.png).\n"
    )
    lines += [*_table("load", kept["load"]), "", *_table("bits flipped, at a load of 0.1", kept["damage"]), ""]
    lines += [*_table("digits stored", kept["digits"]), ""]
    lines += ["| β, 5,000 digits stored | entropy of the weights, nats | retrieved |", "|---|---|---|"]
    lines += [f"| {beta} | {entropy:.2f} | {share:.3f} |" for beta, (entropy, share) in kept["betas"].items()]
    own, rise = kept["digits whose own pattern weighs most"], kept["largest rise of the energy"]
    lines.append(
        f"\nOf the 5,000 half-erased digits {100 * own:.2f} % weigh their own pattern most. The energy never rose more "
        f"than {rise:.1g} in a part of a sweep. All of it takes {kept['processor seconds']:.0f} processor seconds.\n"
    )
    return lines


def _table(what: str, rows: dict[str, Json]) -> list[str]:
    sizes = list(next(iter(rows.values())))
    lines = [f"| {what} | {' | '.join(sizes)} |", "|" + "---|" * (1 + len(sizes))]
    for name, row in rows.items():
        cells = [f"{mean:.3f} ({low:.2f}–{high:.2f})" for mean, low, high in row.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def main(words: list[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draw", action="store_true", help="draw the figures that are kept, and measure nothing")
    parser.add_argument("--json", type=Path, default=KEPT, help="file of the figures")
    parser.add_argument("--picture", type=Path, default=PICTURE, help="the picture")
    arguments = parser.parse_args(words)
    torch.set_num_threads(1)
    if not arguments.draw:
        arguments.json.write_text(json.dumps(measure(), indent=1) + "\n", encoding="utf-8")
    arguments.picture.write_bytes(draw(json.loads(arguments.json.read_text(encoding="utf-8"))))
    print(f"kept: {arguments.json}, {arguments.picture}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
