"""POST /v1/reconciliations: compare catalog, index and raw files, and mend what differs."""

from typing import Literal

import structlog
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from rag_service.api.dependencies import Measured, Parts, Scope
from rag_service.api.texts import Name
from rag_service.domain.findings import FoundKind

router = APIRouter(prefix="/v1/reconciliations", tags=["reconciliations"])

_log = structlog.get_logger()


class NewReconciliation(BaseModel):
    """What to look at: a corpus by id or name, else all of the tenant. A dry run changes nothing."""

    model_config = ConfigDict(strict=True, extra="forbid")

    corpus: Name | None = None
    dry_run: bool = True


class ExampleOut(BaseModel):
    """One thing that was wrong: `subject` is the id of a point, the hash of a raw file, or the name of a build."""

    subject: str
    corpus_id: str | None


class FindingOut(BaseModel):
    """All findings of a kind, and the first hundred of them."""

    kind: str
    found: int
    mended: int
    examples: list[ExampleOut]


class ReconciliationOut(BaseModel):
    """What was found; nothing when everything agrees."""

    object: Literal["reconciliation"] = "reconciliation"
    dry_run: bool
    findings: list[FindingOut]


@router.post("")
async def reconcile(parts: Parts, scope: Scope, measured: Measured, body: NewReconciliation) -> ReconciliationOut:
    """Look, and unless it is a dry run, mend. It takes seconds per hundred thousand chunks."""
    found = await parts.reconcile(scope, corpus=body.corpus, dry_run=body.dry_run)
    for each in found:
        measured.count_finding(each)
        _log.warning("reconciled", kind=each.kind.value, found=each.found, mended=each.mended, dry_run=body.dry_run)
    return ReconciliationOut(dry_run=body.dry_run, findings=[_finding(each) for each in found])


def _finding(each: FoundKind) -> FindingOut:
    return FindingOut(
        kind=each.kind.value,
        found=each.found,
        mended=each.mended,
        examples=[ExampleOut(subject=one.subject, corpus_id=one.corpus_id) for one in each.examples],
    )
