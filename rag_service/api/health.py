"""/livez, /readyz, /metrics: for whoever operates the service. Of tenants they tell the ids of corpora that are measured."""

from typing import Annotated, Literal, cast

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from rag_service.api.dependencies import Measured
from rag_service.api.evaluation_metrics import evaluation_metrics
from rag_service.api.index_metrics import index_metrics
from rag_service.api.live_metrics import live_metrics
from rag_service.api.problems import START_PAUSE_S
from rag_service.api.readiness import GOOD_ENOUGH, Readiness
from rag_service.api.rerank_metrics import rerank_metrics
from rag_service.api.search_metrics import search_metrics

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The process runs."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """Whether questions can be answered, and by part."""

    status: Literal["ready", "not_ready"]
    checks: dict[str, str]


def _readiness_of(request: Request) -> Readiness:
    return cast("Readiness", request.app.state.readiness)


@router.get("/livez")
async def livez() -> Alive:
    """Answer at once, whatever else is going on."""
    return Alive()


@router.get("/readyz", responses={503: {"model": Ready}})
async def readyz(
    request: Request, readiness: Annotated[Readiness, Depends(_readiness_of)], response: Response
) -> Ready:
    """Ask the parts that every question needs. A disk that is nearly full is told, and keeps nobody from asking."""
    checks = await readiness.check(getattr(request.app.state, "container", None))
    if GOOD_ENOUGH.issuperset(checks.values()):
        return Ready(status="ready", checks=checks)
    response.status_code = 503
    response.headers["retry-after"] = str(START_PAUSE_S)
    return Ready(status="not_ready", checks=checks)


@router.get("/metrics")
async def read_metrics(request: Request, metrics: Measured) -> Response:
    """Return the metrics in Prometheus's format; those of evaluations and indexes are left out while the catalog is away."""
    container = getattr(request.app.state, "container", None)
    shown = metrics.exposition()
    if container:
        shown += search_metrics(container.search.counts)
        shown += await evaluation_metrics(container.watch_evaluations) + await live_metrics(container.live_answers)
        shown += await index_metrics(container.index_health)
        if container.rerank:
            shown += rerank_metrics(container.rerank.ended)
    return Response(shown, headers={"content-type": CONTENT_TYPE_LATEST})
