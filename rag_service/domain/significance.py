"""Whether two measurements of the same questions differ by more than chance. Pure."""

from collections.abc import Sequence
from math import comb

LEVEL = 0.05
"""How often chance alone may call something a difference, of all that is looked at together."""


def mcnemar(lost: int, won: int) -> float:
    """Return the two-sided p-value that as many were lost as won by chance.

    The exact binomial form of McNemar 1947: of the questions that changed, each goes either way with one half.
    """
    changed = lost + won
    tail = sum(comb(changed, count) for count in range(min(lost, won) + 1))
    return min(1.0, tail / 2 ** (changed - 1)) if changed else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values that allow for how many there are (Holm 1979), in the same order."""
    adjusted = [1.0] * len(p_values)
    worst = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = worst
    return adjusted
