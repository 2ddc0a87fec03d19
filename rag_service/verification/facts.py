"""The parts of a claim that must be in its evidence to the letter: numbers, names, negations, opposites."""

import re
from collections.abc import Iterable

from rag_service.domain.words import STOP_WORDS, stem, word_set, words

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NAME = re.compile(r"(?<![.!?:]\s)(?<!^)\b[A-Z][\w\u2019'-]*[a-z]\w*|\b[A-Z]{2,}\w*")
_NUMBER_WORDS = {
    word: str(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen twenty".split()
    )
} | {"thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "hundred": "100", "thousand": "1000"}  # fmt: skip
_COUNTED_FROM = 2  # "one" and "zero" are rarely counts
_NEGATIONS = word_set(
    "no not never none neither nor without cannot can't don't doesn't didn't isn't aren't wasn't weren't won't wouldn't "
    "shouldn't couldn't hasn't haven't hadn't fail fails failed unable lack lacks lacked deny denied denies nobody nothing"
)
_OPPOSITES = (
    ("increase", "decrease"), ("rise", "fall"), ("higher", "lower"), ("high", "low"), ("more", "less"), ("before", "after"),
    ("positive", "negative"), ("enable", "disable"), ("allow", "forbid"), ("allow", "prevent"), ("accept", "reject"),
    ("required", "optional"), ("always", "never"), ("all", "none"), ("first", "last"), ("early", "late"), ("win", "lose"),
    ("won", "lost"), ("success", "failure"), ("active", "inactive"), ("maximum", "minimum"), ("most", "least"),
    ("larger", "smaller"), ("promote", "inhibit"), ("activate", "inhibit"), ("upregulated", "downregulated"),
    ("agree", "disagree"), ("support", "oppose"), ("north", "south"), ("east", "west"), ("left", "right"),
    ("public", "private"), ("open", "closed"), ("safe", "unsafe"), ("possible", "impossible"), ("same", "different"),
    ("male", "female"), ("old", "young"), ("improve", "worsen"), ("reduce", "increase"), ("beginning", "end"),
)  # fmt: skip
_OPPOSITE_STEMS = {(stem(a), stem(b)) for a, b in _OPPOSITES} | {(stem(b), stem(a)) for a, b in _OPPOSITES}
_ALL = word_set("all every always only each entirely must solely exclusively")
_SOME = word_set("some sometimes many several often usually few partly may might can could possibly")


def missing_numbers(claim: str, evidence: str) -> list[str]:
    """Return the numbers, as digits, that `claim` has and `evidence` has not."""
    held = numbers(evidence)
    return [number for number in numbers(claim) if number not in held]


def numbers(text: str) -> list[str]:
    """Return the numbers of `text` without thousands separators, small ones written as words too."""
    digits = [match.group().replace(",", "") for match in _NUMBER.finditer(text)]
    spelt = [_NUMBER_WORDS[word] for word in words(text) if word in _NUMBER_WORDS]
    return digits + [number for number in spelt if int(number) >= _COUNTED_FROM]


def missing_names(claim: str, evidence: str) -> list[str]:
    """Return the proper names, as stems, that `claim` has and `evidence` has not."""
    held = {stem(word) for word in words(evidence)}
    return [name for name in _names(claim) if name not in held and not _is_initialism(name, evidence)]


def negation_differs(claim: str, evidence: str) -> bool:
    """Say whether only one of the two denies, or the claim denies more often."""
    claimed, held = _negation_count(claim), _negation_count(evidence)
    return bool(claimed) != bool(held) or claimed > held


def is_turned_round(claim: str, evidence: str) -> bool:
    """Say whether the claim has the opposite of a word of the evidence in that word's place."""
    claimed = {stem(word) for word in words(claim)}
    held = {stem(word) for word in words(evidence)}
    return any(a in claimed and b in held and a not in held and b not in claimed for a, b in _OPPOSITE_STEMS)


def overstates(claim: str, evidence: str) -> bool:
    """Say whether the claim says "all" where the evidence says "some"."""
    claimed, held = set(words(claim)), set(words(evidence))
    return bool(claimed & _ALL and not held & _ALL and held & _SOME)


def _names(text: str) -> Iterable[str]:
    for match in _NAME.finditer(text):
        for word in words(match.group()):
            if word not in STOP_WORDS and not word[0].isdigit():
                yield stem(word)


def _is_initialism(name: str, evidence: str) -> bool:
    initials = "".join(word[0] for word in re.findall(r"\b[A-Z]\w+", evidence)).casefold()
    return 1 < len(name) <= len(initials) and name in initials


def _negation_count(text: str) -> int:
    return sum(word in _NEGATIONS or word.endswith("n't") for word in words(text))
