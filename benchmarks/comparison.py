"""The page's part on hard, soft and no attention, from a report that `compare` wrote."""

from pathlib import Path


def comparison(report: dict) -> list[str]:
    """Hard, soft and no attention: the main tables of a report of `compare`."""
    lines = [
        "\n## Hard, soft and no attention (`python evaluate.py compare RUN RUN … --gradients 40`)\n",
        report["how"]
        + " The runs are `python train.py WORLD ARM --seed S --steps N` with N chosen for five minutes on an "
        "idle core: ram 5,900,000 (ClutteredDigits 5,170,000), ram-soft 2,000,000, draw-read 2,400,000, cnn 230,000. "
        "`python train.py compare benchmarks/core.yaml` does all of this by itself, with five seeds.",
    ]
    for world in report["worlds"]:
        equal = world["equal"]
        head = "arm | seeds | test score | 95 % interval | IQM | equal time | equal samples | CPU minutes | parameters"
        lines += [f"\n### {world['world']}\n", f"| {head} |", "|" + "---|" * 9]
        for r in world["summary"]:
            scores = f"**{r['score']:.4f}** | {r['low']:.4f}–{r['high']:.4f} | {r['iqm']:.4f}"
            equally = f"{r['equal_time']:.4f} | {r['equal_samples']:.4f} | {r['minutes']:.1f}"
            lines.append(f"| {r['arm']} | {r['seeds']} | {scores} | {equally} | {r['parameters']:,} |")
        each = {r["arm"]: [run["score"] for run in world["runs"] if run["arm"] == r["arm"]] for r in world["summary"]}
        seeds = "; ".join(f"{arm} {', '.join(f'{x:.4f}' for x in scores)}" for arm, scores in each.items())
        lines.append(
            f"\nEach seed: {seeds}. Equal time and equal samples are validation scores: the best within "
            f"{equal['minutes']:.2f} minutes of processor time (and 15 % more), and within {equal['episodes']:,.0f} "
            "episodes, where arms with longer budgets are seen before their learning rate has fallen.\n"
        )
        sides = sorted({c["side"] for c in world["cost"]})
        lines += [f"| cost of a decision | {' | '.join(f'{s} px' for s in sides)} |", "|" + "---|" * (len(sides) + 1)]
        for arm in each:
            cells = {c["side"]: f"{c['multiply_adds'] / 1e6:.2f} M" for c in world["cost"] if c["arm"] == arm}
            lines.append(f"| {arm}, multiply–adds | {' | '.join(cells.get(s, '') for s in sides)} |")
        lines += ["", "| where they look | pointing | ROC area |", "|---|---|---|"]
        lines += [f"| {r['arm']}, {r['method']} | {r['pointing']:.3f} | {r['auc']:.3f} |" for r in world["looking"]]
        for title, rows, name, key in (
            ("beyond training", world["robustness"], lambda r: f"{r['change']} {r['value']:g}", "score"),
            ("adversary", world["attack"], lambda r: f"ε {r['epsilon']:g}", "score"),
        ):
            columns = list(dict.fromkeys(name(r) for r in rows))
            lines += ["", f"| {title} | {' | '.join(columns)} |", "|" + "---|" * (len(columns) + 1)]
            for arm in each:
                cells = {name(r): r[key] for r in rows if r["arm"] == arm}
                shown = ["can't" if cells.get(c) is None else f"{cells[c]:.3f}" for c in columns]
                lines.append(f"| {arm} | {' | '.join(shown)} |")
        lines += ["", world["verdict"], "", world["attack_how"], ""]
        lines += ["| estimator | samples | bias | noise expected without bias | variance | cosine |", "|" + "---|" * 6]
        lines += [
            f"| {r['estimator']} | {r['samples']} | {r['bias']:.3f} | {r['noise']:.3f} | {r['variance']:.3f} | "
            f"{r['cosine']:.3f} |"
            for r in world["estimators"]
        ]
    if report["left_out"]:
        lines += [
            "",
            "Left out of the comparison: " + "; ".join(f"{Path(p).name}: {why}" for p, why in report["left_out"]),
        ]
    return lines
