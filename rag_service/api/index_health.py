"""/v1/indexes: how much of the truly nearest the index of each corpus finds, and whether all of its points are there."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from rag_service.api.dependencies import Parts, Scope
from rag_service.api.texts import Ref
from rag_service.domain.index_checks import CheckFindings, IndexCheck, IndexComparison, Recall
from rag_service.use_cases.indexes.read_health import IndexHealth

router = APIRouter(prefix="/v1/indexes", tags=["indexes"])


class RecallOut(BaseModel):
    """Recall of the ten best in [0, 1]: the mean over the questions, and the least of them."""

    mean: float
    least: float
    queries: int


class IndexCheckOut(BaseModel):
    """A check of what was published at the moment (seconds since 1970).

    `asked` questions came from people, `made` are sentences of documents. `restricted_recall` is that of a caller who sees
    some of the documents. What was not measured is null; `notes` say why, and what was changed. `parameters` are those
    of the search, where the service chooses them.
    """

    version: int
    build: str
    engine: str
    checked_at: int
    asked: int
    made: int
    recall: RecallOut | None
    restricted_recall: RecallOut | None
    points_expected: int
    points_held: int
    points_missing: int
    vectors_lost: int
    parameters: dict[str, float]
    notes: list[str]


class IndexComparisonOut(BaseModel):
    """What comparing every point with the catalog came to the last time (seconds since 1970)."""

    build: str
    compared_at: int
    differing: int
    mended: int


class IndexOut(BaseModel):
    """The index of a corpus. `trouble` says why its search structures could not be built the last time."""

    object: Literal["index"] = "index"
    corpus_id: str
    corpus: str
    recall_floor: float
    is_under_floor: bool | None
    checks: list[IndexCheckOut]
    comparison: IndexComparisonOut | None
    trouble: str | None


class IndexesOut(BaseModel):
    """The index of each corpus, by the age of the corpus, with its newest check."""

    object: Literal["list"] = "list"
    data: list[IndexOut]


@router.get("")
async def list_indexes(parts: Parts, scope: Scope) -> IndexesOut:
    """Return how every index is."""
    return IndexesOut(data=[_index_out(one) for one in await parts.index_health.of_each(scope)])


@router.get("/{corpus}")
async def read_index(parts: Parts, scope: Scope, corpus: Ref) -> IndexOut:
    """Return how the index of a corpus is, with its newest hundred checks, newest first."""
    return _index_out(await parts.index_health.of(scope, corpus=corpus))


def _index_out(health: IndexHealth) -> IndexOut:
    newest = next((one.found for one in health.checks if one.found), None)
    return IndexOut(
        corpus_id=health.corpus.id,
        corpus=health.corpus.name,
        recall_floor=health.floor,
        is_under_floor=newest.is_under(health.floor) if newest else None,
        checks=[_check_out(one) for one in health.checks],
        comparison=health.comparison and _comparison_out(health.comparison),
        trouble=health.trouble,
    )


def _check_out(check: IndexCheck) -> IndexCheckOut:
    found = check.found or CheckFindings()
    return IndexCheckOut(
        version=check.version,
        build=check.fingerprint,
        engine=check.engine,
        checked_at=int((check.finished_at or check.begun_at).timestamp()),
        asked=found.asked,
        made=found.made,
        recall=found.recall and _recall_out(found.recall),
        restricted_recall=found.restricted and _recall_out(found.restricted),
        points_expected=found.points_expected,
        points_held=found.points_held,
        points_missing=found.points_missing,
        vectors_lost=found.vectors_lost,
        parameters=dict(found.parameters),
        notes=list(found.notes),
    )


def _recall_out(recall: Recall) -> RecallOut:
    return RecallOut(mean=recall.mean, least=recall.least, queries=recall.queries)


def _comparison_out(comparison: IndexComparison) -> IndexComparisonOut:
    return IndexComparisonOut(
        build=comparison.fingerprint,
        compared_at=int(comparison.compared_at.timestamp()),
        differing=comparison.differing,
        mended=comparison.mended,
    )
