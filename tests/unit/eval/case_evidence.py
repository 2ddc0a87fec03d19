"""Evidence of a case, as runs keep it."""

from typing import Any

from rag_service.domain.evaluations import CaseResult

SKY = {"document_key": "a", "text": "The sky is blue."}


def found(key: str, text: str = "The sky is blue.") -> dict[str, Any]:
    return {
        "document_key": key, "document_id": f"doc_{key}", "revision": 1, "headings": ["Colours"], "score": 0.9, "text": text,
    }  # fmt: skip


def cited(key: str, quote: str = "The sky is blue.", *, start: int = 0, support: float = 1.0) -> dict[str, Any]:
    return {
        "document_key": key, "document_id": f"doc_{key}", "revision": 1, "quote": quote, "start": start, "end": start + 16,
        "char_start": 0, "char_end": len(quote), "support": support,
    }  # fmt: skip


def evidence(**changes: Any) -> dict[str, Any]:
    return {
        "question": "What colour is the sky?", "conversation": [], "answerable": True, "expected": ["blue"], "gold": [SKY],
        "failure": "", "answer": "The sky is blue. [1]", "status": "answered", "reason": None, "answerability": 0.9,
        "found": [found("a")], "cited": [cited("a")], "citations_resolve": [True], "gold_cited": True, "gold_rank": 1,
        "timings_ms": {"search": 4.0, "total": 12.0}, "tokens": {"prompt": 30, "completion": 5},
        "cost": {"amount": 0.0002, "currency": "EUR"},
        "generator": "extractive", "prompt_version": "none",
    } | changes  # fmt: skip


def failed(failure: str = "could not be asked: IndexUnavailable", **changes: Any) -> dict[str, Any]:
    nothing = {"answer": "", "status": None, "found": [], "cited": [], "citations_resolve": [], "timings_ms": {}}
    return evidence(failure=failure, **nothing, **changes)


def result(case_id: str, scores: dict[str, float | None], **changes: Any) -> CaseResult:
    return CaseResult(
        case_id=case_id,
        cache_key="",
        scores=scores,
        missing={name: "no reason" for name, value in scores.items() if value is None},
        evidence=evidence(**changes),
    )
