"""What a person needs to judge one question: what was asked, what came back, and where the gold words are in it."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from eval.datasets.cases import Case
from eval.metrics.quotes import Excerpt, first_rank, held_by
from eval.retrieving import document_of
from rag_service.domain.answers import Answer, AnswerStatus, Citation, Passage
from rag_service.domain.ids import DocumentId

Evidence = dict[str, Any]


def evidence_of(case: Case, answer: Answer, *, resolved: Sequence[bool]) -> Evidence:
    """Return the evidence of a question that was asked; `resolved` says of each citation whether its quote is there."""
    return _asked(case) | {
        "failure": "",
        "answer": answer.text,
        "status": answer.status.value,
        "reason": answer.reason,
        "answerability": answer.answerability,
        "found": [_found(passage) for passage in answer.passages],
        "cited": [_cited(citation, answer) for citation in answer.citations],
        "citations_resolve": list(resolved),
        "gold_cited": _gold_cited(case, answer),
        "gold_rank": _gold_rank(case, answer),
        "timings_ms": dict(answer.timings_ms),
        "tokens": {"prompt": answer.usage.prompt_tokens, "completion": answer.usage.completion_tokens},
        "cost": answer.cost and asdict(answer.cost),
        "generator": answer.generator,
        "prompt_version": answer.prompt_version,
    }


def evidence_of_failure(case: Case, failure: str) -> Evidence:
    """Return the evidence of a question that could not be asked."""
    return _asked(case) | {
        "failure": failure,
        "answer": "",
        "status": None,
        "reason": None,
        "answerability": None,
        "found": [],
        "cited": [],
        "citations_resolve": [],
        "gold_cited": None,
        "gold_rank": None,
        "timings_ms": {},
        "tokens": {"prompt": 0, "completion": 0},
        "cost": None,
        "generator": "",
        "prompt_version": "",
    }


def documents_in(answer: Answer) -> frozenset[DocumentId]:
    """Return the documents whose text is in the evidence of an answer."""
    found = {passage.document_id for passage in answer.passages}
    return frozenset(found | {citation.document_id for citation in answer.citations})


def _asked(case: Case) -> Evidence:
    return {
        "question": case.question,
        "conversation": [{"role": turn.role, "content": turn.content} for turn in case.messages[:-1]],
        "answerable": case.answerable,
        "expected": list(case.answers),
        "gold": [{"document_key": quote.document_key, "text": quote.text} for quote in case.quotes],
    }


def _found(passage: Passage) -> Evidence:
    return {
        "document_key": document_of(passage),
        "document_id": passage.document_id,
        "revision": passage.revision,
        "headings": list(passage.headings),
        "score": passage.score,
        "text": passage.text,
    }


def _cited(citation: Citation, answer: Answer) -> Evidence:
    return {
        "document_key": _key_of(citation, answer),
        "document_id": citation.document_id,
        "revision": citation.revision,
        "quote": citation.quote,
        "start": citation.start,
        "end": citation.end,
        "char_start": citation.quote_span.start,
        "char_end": citation.quote_span.end,
        "support": citation.support,
    }


def _gold_cited(case: Case, answer: Answer) -> bool | None:
    if not case.quotes or answer.status is AnswerStatus.ABSTAINED:
        return None
    cited = [Excerpt(document_key=_key_of(one, answer), text=one.quote) for one in answer.citations]
    return first_rank(held_by(cited, case.quotes)) is not None


def _gold_rank(case: Case, answer: Answer) -> int | None:
    found = [Excerpt(document_key=document_of(passage), text=passage.text) for passage in answer.passages]
    return first_rank(held_by(found, case.quotes))


def _key_of(citation: Citation, answer: Answer) -> str:
    keys = {passage.chunk_id: document_of(passage) for passage in answer.passages}
    return keys.get(citation.chunk_id, citation.filename)
