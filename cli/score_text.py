"""``evaluate.py RUN --score-text``: what the characters of texts cost a run, in bits."""

from ..analysis.text_costs import Cost, text_costs
from ..envs.registry import check_one_agent
from ..viz.pages import number
from .film import Shot


def score_text(shot: Shot, texts: int) -> dict[str, object]:
    """Let a run read texts; print what their characters cost it, and return the figures.

    Args:
        shot: who reads where.
        texts: how many.

    Raises:
        FoveateError: it reads no texts.
    """
    check_one_agent(shot.env_id, "score-text")
    found = text_costs(shot.learner.policy, shot.env_id, shot.env, texts, shot.seed)
    print(f"what characters cost in {shot.env_id}: {texts} texts")
    print(f"{'':<34}{'characters':>12}{'bits':>8}{'at best':>9}{'steps':>8}")
    print(_row("all", found.all))
    for name, cost in found.kinds.items():
        print(_row(name, cost))
    if found.recall:
        print("letters of a name that was said before, by the characters since")
    for (low, high), cost in found.recall.items():
        print(_row(f"{low} to {high}", cost))
    return {
        "texts": texts,
        "all": found.all._asdict(),
        "kinds": {name: cost._asdict() for name, cost in found.kinds.items()},
        "recall": [{"from": low, "to": high, **cost._asdict()} for (low, high), cost in found.recall.items()],
    }


def _row(name: str, cost: Cost) -> str:
    figures = (number(cost.bits, ".3f"), number(cost.optimum, ".3f"), number(cost.ponder, ".2f"))
    return f"  {name:<32}{cost.characters:>12,}{figures[0]:>8}{figures[1]:>9}{figures[2]:>8}"
