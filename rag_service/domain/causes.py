"""What of two runs that were made otherwise may be why a question came out otherwise. Pure.

A question goes through four steps: passages are found, it is decided whether they answer it, an answer is written from them
and checked, and scores are taken. Each setting acts at some of them, so what came out otherwise at another step does not come
of it: where the same passages were found, the way of finding them is not why.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from rag_service.domain.metric_names import CURRENCY
from rag_service.domain.trends import SettingChange

Evidence = Mapping[str, Any]


class Step(StrEnum):
    """Where two runs of a question can part."""

    FINDING = "finding"
    DECIDING = "deciding"
    ANSWERING = "answering"
    SCORING = "scoring"


STEPS: Mapping[str, frozenset[Step]] = {
    "version": frozenset({Step.FINDING}),
    "build": frozenset({Step.FINDING}),
    "embedder": frozenset({Step.FINDING}),
    "sparse encoder": frozenset({Step.FINDING}),
    "chunker": frozenset({Step.FINDING}),
    "dense weight": frozenset({Step.FINDING}),
    "feedback weight": frozenset({Step.FINDING}),
    "candidates": frozenset({Step.FINDING}),
    "passages": frozenset({Step.FINDING}),
    "exact search": frozenset({Step.FINDING}),
    "generator": frozenset({Step.ANSWERING}),
    "prompt version": frozenset({Step.ANSWERING}),
    "sentences of an answer": frozenset({Step.ANSWERING}),
    "tokens of an answer": frozenset({Step.ANSWERING}),
    "answerability threshold": frozenset({Step.DECIDING}),
    "own embedder": frozenset({Step.ANSWERING, Step.SCORING}),
    "verifier": frozenset({Step.ANSWERING, Step.SCORING}),
    "support threshold": frozenset({Step.ANSWERING, Step.SCORING}),
    "judge": frozenset({Step.SCORING}),
    "judged metrics": frozenset({Step.SCORING}),
    "ragas": frozenset({Step.SCORING}),
    "sacrebleu": frozenset({Step.SCORING}),
    "rouge-score": frozenset({Step.SCORING}),
    "questions": frozenset(),
    "price": frozenset(),
    CURRENCY: frozenset(),
}
"""At which steps a setting acts; one that is not named here may act at any.

Compared questions are the same, and what an answer costs makes it neither better nor worse.
"""

_REFUSED = frozenset({"nothing_found", "not_answerable"})
"""Why nothing is written at all."""
_BUILT_OF = frozenset({"embedder", "sparse encoder", "chunker"})


def causes_of(
    before: Evidence, after: Evidence, changes: Iterable[SettingChange], *, by_scores: bool = False
) -> tuple[str, ...]:
    """Return the names of those of `changes` that may be why a question came out otherwise.

    `by_scores` says that nothing but its scores makes it better or worse: then how they are taken may be why as well,
    whatever else parted. Of a question that could not be asked in one of the runs nothing is known.
    """
    if before["failure"] or after["failure"]:
        return ()
    parted = parted_at(before, after) | ({Step.SCORING} if by_scores else frozenset())
    return tuple(one.name for one in changes if parted & STEPS.get(one.name, frozenset(Step)))


def parted_at(before: Evidence, after: Evidence) -> frozenset[Step]:
    """Return the steps that came out otherwise; scoring only where passages and answer are the same."""
    if _is_refused(before) != _is_refused(after):
        # Nothing but this number is decided by; other passages that are as near change nothing.
        as_answerable = before["answerability"] == after["answerability"]
        return frozenset({Step.DECIDING} if as_answerable else {Step.FINDING, Step.DECIDING})
    steps = {Step.FINDING} if _found(before) != _found(after) else set()
    if _said(before) != _said(after):
        steps.add(Step.ANSWERING)
    return frozenset(steps or {Step.SCORING})


def possible_causes(changes: Sequence[SettingChange], *, same_documents: bool) -> tuple[SettingChange, ...]:
    """Return those of `changes` that can be why of anything, without what is told by other names."""
    names = {one.name for one in changes}
    told = {"build"} if names & _BUILT_OF else set()
    if same_documents:
        told.add("version")
    return tuple(one for one in changes if one.name not in told and STEPS.get(one.name, frozenset(Step)))


def _is_refused(evidence: Evidence) -> bool:
    return evidence["reason"] in _REFUSED


def _found(evidence: Evidence) -> list[Any]:
    # Answerability is estimated from the passages and how near they are: another embedder may move nothing else.
    passages = [(one["document_key"], one["headings"], one["text"]) for one in evidence["found"]]
    return [passages, evidence["answerability"]]


def _said(evidence: Evidence) -> list[Any]:
    cited = [(one["document_key"], one["quote"]) for one in evidence["cited"]]
    return [evidence["status"], evidence["reason"], evidence["answer"], cited]
