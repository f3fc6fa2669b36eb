"""The table of graphs of the DNC paper: how far lessons led, and what is then found in graphs that somebody knows.

python benchmarks/named_graphs.py RUN RUN …     measure runs of the three tasks, and keep the figures

Agents learn in random graphs alone; the London Underground and the family are shown to them for the first time here.
Figures of other runs that were kept before stay.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from foveate.agents.learning import checkpoint
from foveate.agents.learning.run_folder import read_config
from foveate.analysis.measure import EVALUATION_SEED
from foveate.cli.score import ScoreOptions, score
from foveate.envs.registry import world_class

KEPT = Path(__file__).resolve().parent / "named_graphs.json"
ROWS = 300  # of memory: the whole Underground has 260 edges and a question
# of each task: its name, named graphs by how they are called here, and the published figures (Graves et al. 2016)
TASKS: dict[str, tuple[str, dict[str, tuple[str, dict[str, object]]], tuple[str, str]]] = {
    "Memory/GraphTraversal-v0": (
        "traversal",
        {
            "Underground, 84 edges": ("Memory/Underground-v0", {"stations": "interchanges"}),
            "Underground, 260 edges": ("Memory/Underground-v0", {}),
        },
        ("0.990 ± 0.011", "0.988 ± 0.016"),
    ),
    "Memory/ShortestPath-v0": (
        "shortest path",
        {
            "Underground, 84 edges": ("Memory/UndergroundShortestPath-v0", {"stations": "interchanges"}),
            "Underground, 260 edges": ("Memory/UndergroundShortestPath-v0", {}),
        },
        ("0.640 ± 0.035", "0.553 ± 0.064"),
    ),
    "Memory/GraphInference-v0": (
        "inference",
        {
            "family, 54 edges": ("Memory/FamilyTree-v0", {"born_since": 1850}),
            "family, 159 edges": ("Memory/FamilyTree-v0", {}),
        },
        ("0.955 ± 0.022", "0.818 ± 0.135"),
    ),
}


def measured(run: Path, episodes: int) -> dict[str, Any]:
    """What one run reached, in the last lesson and in each named graph."""
    about = checkpoint.read_run(checkpoint.find(run))
    lessons = len(world_class(about["env_id"]).lessons)
    rows = ROWS if "rows" in about["agent_options"] else 0

    def found(world: str | None, changed: dict[str, object]) -> dict[str, object]:
        how = ScoreOptions(episodes, "test", (), EVALUATION_SEED, "cpu", "best", True, rows=rows, world=world)
        figures = score(run, how, changed)
        return {"score": figures["score"], "interval": figures["interval"]}

    return {
        "env_id": about["env_id"],
        "agent": about["agent"],
        "controller": about["agent_options"].get("controller"),
        "seed": about["seed"],
        "lesson": about["progress"].get("lesson", 1),
        "lessons": lessons,
        "minutes": about["progress"]["cpu_seconds"] / 60,
        "steps": about["steps"],
        "command": read_config(run)["command"],
        "episodes": episodes,
        "last lesson": found(None, {"lesson": lessons}),
        "named": {name: found(*place) for name, place in TASKS[about["env_id"]][1].items()},
    }


def pages(kept: Sequence[dict[str, Any]]) -> list[str]:
    """The table of what `measured` found, the paper's figures beside it."""
    lines = ["\n## Graphs, as in the paper of the DNC (`python benchmarks/named_graphs.py RUN …`)\n"]
    lines.append(
        "Share of answers that are wholly right. Agents are trained in random graphs, by lessons; the named graphs, "
        "whose stations and persons have other names in every episode, they see here for the first time. Traversal has "
        "seven edges, the shortest path four, a relation four steps. "
        f"A DNC is measured with {ROWS} rows of memory. Graves et al. 2016 trained for days; their "
        "Underground has 84 edges and their family 54. Several figures in one cell are the seeds' own.\n"
    )
    lines.append(
        "| task | agent | lesson reached | last lesson | smaller named graph | larger named graph | seeds | minutes |"
    )
    lines.append("|" + "---|" * 8)
    for env_id, (task, named, (last, known)) in TASKS.items():
        lines.append(f"| {task} | *Graves et al. 2016, DNC* | all | {last} | {known} | – | | |")
        here = [row for row in kept if row["env_id"] == env_id]
        for label in dict.fromkeys(map(_label, here)):
            rows = sorted((row for row in here if _label(row) == label), key=lambda row: row["seed"])
            reached = ", ".join(str(row["lesson"]) for row in rows)
            cells = [_cell([row["last lesson"]["score"] for row in rows])]
            cells += [_cell([row["named"][name]["score"] for row in rows]) for name in named]
            seeds = " ".join(str(row["seed"]) for row in rows)
            minutes = f"{mean(row['minutes'] for row in rows):.1f}"
            lines.append(
                f"| {task} | {label} | {reached} of {rows[0]['lessons']} | {' | '.join(cells)} | {seeds} | {minutes} |"
            )
    return lines


def _label(row: dict[str, Any]) -> str:
    how = {"lstm": ", an LSTM for a controller"}.get(row["controller"] or "", "")
    return f"{row['agent'].upper()}{how}"


def _cell(scores: Sequence[float]) -> str:
    each = f" ({', '.join(f'{value:.3f}' for value in scores)})" if len(scores) > 1 else ""
    return f"**{mean(scores):.3f}**{each}"


def main(words: list[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, help="run folders of the three tasks")
    parser.add_argument("--episodes", type=int, default=1000, help="in each graph")
    parser.add_argument("--json", type=Path, default=KEPT, help="file of the figures")
    arguments = parser.parse_args(words)
    kept = json.loads(arguments.json.read_text(encoding="utf-8")) if arguments.json.exists() else []
    for run in arguments.runs:
        row = measured(run, arguments.episodes)
        kept = [other for other in kept if other["command"] != row["command"]] + [row]
        arguments.json.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    print("\n".join(pages(kept)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
