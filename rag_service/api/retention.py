"""/v1/corpora/{corpus}/retention: how long versions are kept."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from rag_service.api.dependencies import Parts, Scope
from rag_service.api.idempotency import RepeatableRoute
from rag_service.api.texts import Ref
from rag_service.domain.retention import MOST_KEPT, Retention
from rag_service.use_cases.retention import RetentionPlan

router = APIRouter(prefix="/v1/corpora/{corpus}/retention", tags=["versions"], route_class=RepeatableRoute)


class NewRetention(BaseModel):
    """A version is kept as one of the newest `keep_versions`, or until `keep_days` after people last asked it."""

    model_config = ConfigDict(strict=True, extra="forbid")

    keep_versions: Annotated[int, Field(ge=1, le=MOST_KEPT)]
    keep_days: Annotated[int, Field(ge=0, le=MOST_KEPT)]


class RetentionOut(BaseModel):
    """What is kept. `droppable` are the versions that the next round removes, of `versions` that there are."""

    object: Literal["corpus.retention"] = "corpus.retention"
    keep_versions: int
    keep_days: int
    versions: int
    droppable: list[int]


@router.get("")
async def read_retention(parts: Parts, scope: Scope, corpus: Ref) -> RetentionOut:
    """Return how long versions are kept. The published one and those with a label are kept for ever."""
    return _out(await parts.retention.read(scope, corpus=corpus))


@router.put("")
async def set_retention(parts: Parts, scope: Scope, corpus: Ref, body: NewRetention) -> RetentionOut:
    """Replace how long versions are kept."""
    wanted = Retention(versions=body.keep_versions, days=body.keep_days)
    return _out(await parts.retention.set(scope, corpus=corpus, retention=wanted))


def _out(plan: RetentionPlan) -> RetentionOut:
    return RetentionOut(
        keep_versions=plan.retention.versions,
        keep_days=plan.retention.days,
        versions=plan.stored,
        droppable=list(plan.droppable),
    )
