"""Put the API onto an application."""

from fastapi import FastAPI

from rag_service.api import (
    answers,
    builds,
    documents,
    drafts,
    erasures,
    evals,
    gaps,
    gates,
    golden,
    health,
    index_health,
    jobs,
    keys,
    labels,
    live,
    problems,
    reconciliations,
    retention,
    rows,
    sources,
    vectors,
    versions,
)
from rag_service.api.admission import Admission
from rag_service.api.body_limits import BodyLimits
from rag_service.api.early_refusal import EarlyRefusal
from rag_service.api.edge import Edge
from rag_service.api.idempotency import InFlight
from rag_service.api.metrics import Metrics
from rag_service.api.openai import chat, file_batches, files, models, vector_store_files, vector_stores
from rag_service.api.readiness import Readiness
from rag_service.settings import LimitSettings

_USUAL_LIMITS = LimitSettings()

_ROUTERS = (
    health.router,
    models.router,
    chat.router,
    files.router,
    vector_stores.router,
    vector_store_files.router,
    file_batches.router,
    documents.router,
    answers.router,
    keys.router,
    jobs.router,
    rows.router,
    vectors.router,
    drafts.router,
    gates.router,
    versions.router,
    labels.router,
    builds.router,
    evals.router,
    live.router,
    reconciliations.router,
    index_health.router,
    erasures.router,
    retention.router,
    sources.router,
    golden.router,
    gaps.router,
)


def install(app: FastAPI, limits: LimitSettings = _USUAL_LIMITS) -> None:
    """Add routes, error handlers and middleware to `app`. Its container is read from `app.state` at each request."""
    app.state.metrics = Metrics()
    app.state.idempotency = InFlight()
    app.state.readiness = Readiness()
    app.state.admission = Admission(limits)
    problems.install(app)
    # The last one added is the outermost. A refused body gets its request id and its log line like any other.
    app.add_middleware(BodyLimits)
    app.add_middleware(Edge, metrics=app.state.metrics)
    # Outside of all that: what is refused by the thousand costs next to nothing.
    app.add_middleware(EarlyRefusal, admission=app.state.admission, metrics=app.state.metrics)
    for router in _ROUTERS:
        app.include_router(router)
