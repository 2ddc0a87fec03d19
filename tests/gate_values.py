"""Golden questions and verdicts that tests put in."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rag_service.domain.answers import Message
from rag_service.domain.drafts import Draft
from rag_service.domain.gates import Cause, Gate, GateAnswer, Regression, RegressionKind, Responsible, Verdict
from rag_service.domain.golden import GoldenQuestion, GoldenState, Origin
from rag_service.domain.ids import CorpusId, GoldenId, TenantId

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def golden_question(tenant_id: TenantId, corpus_id: CorpusId, name: str = "apples", **changes: Any) -> GoldenQuestion:
    values: dict[str, Any] = {
        "id": GoldenId(f"golden_{name}"),
        "tenant_id": tenant_id,
        "corpus_id": corpus_id,
        "messages": (Message(role="user", content=f"What about {name}?"),),
        "answerable": True,
        "answers": ("red",),
        "state": GoldenState.ACCEPTED,
        "origin": Origin.HAND,
        "created_at": LONG_AGO,
        "updated_at": LONG_AGO,
    }
    return GoldenQuestion(**values | changes)


def regression(name: str = "apples", *, key: str = "a") -> Regression:
    return Regression(
        question_id=GoldenId(f"golden_{name}"),
        question=f"What about {name}?",
        kind=RegressionKind.LOST_CITATION,
        before=GateAnswer(status="answered", text="Apples are red.", cited=(key,)),
        after=GateAnswer(status="abstained", text=""),
        responsible=(Responsible(document_key=key, cause=Cause.LOST_QUOTE),),
    )


def verdict(draft: Draft, *, worse: Sequence[Regression] = (), **changes: Any) -> Gate:
    """Return the verdict about a draft as it is sealed now: blocked by what is worse."""
    values: dict[str, Any] = {
        "tenant_id": draft.tenant_id,
        "corpus_id": draft.corpus_id,
        "draft_id": draft.id,
        "number": draft.number or 1,
        "against": draft.sealed_against or 0,
        "verdict": Verdict.BLOCKED if worse else Verdict.PASSED,
        "questions": 2,
        "regressions": tuple(worse),
        "created_at": datetime.now(UTC),
    }
    return Gate(**values | changes)
