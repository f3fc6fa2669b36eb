"""How five scores of attention begin, as vectors get longer: how sharp their weights are, and what gradient is left.

python benchmarks/scores.py      measure, and keep the figures

Queries and keys are normal, as if nothing were learned yet; scores that learn have their first weights.
"""

import argparse
import json
import math
import sys
from pathlib import Path

import torch

from foveate.agents.nn.attention.content import SCORES, make_score

KEPT = Path(__file__).resolve().parent / "scores.json"
SIZES = (16, 32, 64, 128, 256, 512)
KEYS, DRAWS = 20, 500


def measure() -> dict[str, dict[str, list[float]]]:
    """By score and size: the mean entropy of the weights as a share of the greatest, and the mean norm of ∂w/∂e.

    w = softmax(e) has ∂w_i/∂e_j = w_i (δ_ij - w_j), whose norm is at most √½, and nothing where one weight is 1.
    """
    found: dict[str, dict[str, list[float]]] = {}
    for name in SCORES:
        found[name] = {}
        for size in SIZES:
            torch.manual_seed(0)
            rows = []
            for _ in range(DRAWS):
                score = make_score(name, size, size)
                with torch.no_grad():
                    w = score(torch.randn(1, size), torch.randn(KEYS, size))[0].softmax(-1)
                slope = torch.diag(w) - torch.outer(w, w)
                rows.append((float(torch.special.entr(w).sum()) / math.log(KEYS), float(slope.norm())))
            found[name][str(size)] = [sum(column) / DRAWS for column in zip(*rows, strict=True)]
    return found


def pages(kept: dict[str, dict[str, list[float]]]) -> list[str]:
    """The table of what `measure` found."""
    lines = ["\n## Scores of attention before anything is learned (`python benchmarks/scores.py`)\n"]
    lines.append(
        f"A normal query against {KEYS} normal keys, means of {DRAWS} draws: the entropy of the weights, 1 where all "
        "are alike and 0 where one is all, and the norm of their derivatives by the scores, by which gradients go "
        "back.\n"
    )
    lines += [f"| numbers of a vector | {' | '.join(map(str, SIZES))} |", "|" + "---|" * (1 + len(SIZES))]
    for place, what in enumerate(("entropy", "derivative")):
        for name, row in kept.items():
            lines.append(f"| {name}, {what} | {' | '.join(f'{cell[place]:.3f}' for cell in row.values())} |")
    return lines


def main(words: list[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, default=KEPT, help="file of the figures")
    arguments = parser.parse_args(words)
    torch.set_num_threads(1)
    found = measure()
    arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print("\n".join(pages(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
