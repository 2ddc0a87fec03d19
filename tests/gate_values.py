"""Golden questions and verdicts that tests put in."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rag_service.domain.answers import Message
from rag_service.domain.changed_questions import SeenAnswer
from rag_service.domain.drafts import Draft
from rag_service.domain.gates import Cause, Gate, Regression, RegressionKind, Responsible, Verdict
from rag_service.domain.golden import GoldenQuestion
from rag_service.domain.ids import CorpusId, GoldenId, TenantId
from tests.evaluation_values import golden


def golden_question(tenant_id: TenantId, corpus_id: CorpusId, name: str = "apples", **changes: Any) -> GoldenQuestion:
    asked = (Message(role="user", content=f"What about {name}?"),)
    values = {"messages": asked, "answers": ("red",)} | changes
    return golden(f"golden_{name}", corpus_id=corpus_id, tenant_id=tenant_id, **values)


def regression(name: str = "apples", *, key: str = "a") -> Regression:
    return Regression(
        question_id=GoldenId(f"golden_{name}"),
        question=f"What about {name}?",
        kind=RegressionKind.LOST_CITATION,
        before=SeenAnswer(status="answered", text="Apples are red.", cited=(key,)),
        after=SeenAnswer(status="abstained", text=""),
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
