"""Documents whose every paragraph says which upload brought it."""

import random

QUERY = "What do the apples, pears, plums, quinces or cherries say?"

_FRUITS = "apples pears plums quinces cherries".split()
_VERBS = "ripen fall taste smell shine dry".split()
_MOST_PARAGRAPHS = 4  # a search shows 50 chunks at most: all documents together have fewer
_SENTENCES = 4


def written(chance: random.Random, key: str, number: int) -> str:
    """Return a text that nobody has written before."""
    mark = f"{key}n{number}"
    return "\n\n".join(_paragraph(chance, mark) for _ in range(chance.randint(1, _MOST_PARAGRAPHS)))


def words_of(text: str) -> str:
    """Return a text apart from its white space, which chunks do not keep."""
    return " ".join(text.split())


def _paragraph(chance: random.Random, mark: str) -> str:
    return " ".join(_sentence(chance, mark) for _ in range(_SENTENCES))


def _sentence(chance: random.Random, mark: str) -> str:
    fruits = f"{chance.choice(_FRUITS)} and {chance.choice(_FRUITS)} {chance.choice(_VERBS)}"
    return f"In {mark} the {fruits}, {chance.choice(_VERBS)} and {chance.choice(_VERBS)}."
