"""What the comparison says of the claim that attention protects against adversarial images."""

from collections.abc import Sequence

import numpy as np

from .figures import AttackRow


def verdict(attack: Sequence[AttackRow], images: int, chance: float, plain: str | None) -> str:
    """Whether the claim that attention protects against adversarial images stands, in a sentence.

    Each attentive arm is set against the one without attention, all at one ε: the smallest at which any of them has
    lost half of its clean accuracy, or the largest tried. Differences within twice their standard error (of so many
    images) are none. An arm
    that knows no more than chance has nothing to lose, so nothing is said of it, or against it.

    Args:
        attack: the accuracies.
        images: how many were attacked.
        chance: the accuracy of always saying the most frequent answer.
        plain: the arm without attention, a convolutional network; None if there is none.
    """
    table: dict[str, dict[float, float]] = {}
    for row in attack:
        table.setdefault(row["arm"], {})[row["epsilon"]] = row["score"]
    if plain not in table or len(table) < 2:
        return "There is no arm without attention to set the others against."
    known = chance + 2 * np.sqrt(chance * (1 - chance) / images)  # beyond what chance gets by luck
    base = table[plain]
    if base[0.0] <= known:
        return (
            f"{plain} knows no more than chance ({100 * chance:.0f} %) without any attack: nothing is set against it."
        )
    able = [left for left in table.values() if left[0.0] > known]
    lost = [e for e in sorted(base) if e and any(left[e] < left[0.0] / 2 for left in able)]
    e = lost[0] if lost else max(base)
    sentences = [f"At ε = {e:g}, where {plain} keeps {100 * base[e]:.0f} of {100 * base[0.0]:.0f} %:"]
    for arm, left in table.items():
        if arm == plain:
            continue
        if left[0.0] <= known:
            sentences.append(f"{arm} knows no more than chance without any attack, so it is left out.")
            continue
        error = np.sqrt((left[e] * (1 - left[e]) + base[e] * (1 - base[e])) / images)
        difference = left[e] - base[e]
        word = "more robust" if difference > 0 else "less robust"
        word = "no clear difference" if abs(difference) <= 2 * error else word
        sentences.append(f"{arm} keeps {100 * left[e]:.0f} of {100 * left[0.0]:.0f} %: {word}.")
    return " ".join(sentences)
