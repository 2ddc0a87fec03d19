"""The web application: API and pages in one FastAPI app. `rag_service/server.py` serves it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import structlog
from fastapi import FastAPI

from rag_service import api, web
from rag_service.bootstrap import Container, open_container
from rag_service.domain.ids import TenantId
from rag_service.errors import RagError
from rag_service.settings import Settings
from rag_service.use_cases.searching.rerank import RerankPassages

FIRST_TENANT = TenantId("tenant_default")

Open = Callable[[Settings], AbstractAsyncContextManager[Container]]

log = structlog.get_logger()


def create_app(settings: Settings, *, open_parts: Open = open_container) -> FastAPI:
    """Return the application; its lifespan opens the container, which is `app.state.container` from then on.

    Before that, health answers and everything else is refused for a moment.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_parts(settings) as container:
            await _make_first_key(container)
            # Before anybody is answered: a restored backup may have what was erased since.
            await container.replay_erasures()
            app.state.container = container
            meanwhile = [
                asyncio.create_task(_warm_up(container)),
                asyncio.create_task(container.forget_erased.again_and_again()),
            ]
            try:
                yield
            finally:
                for task in meanwhile:
                    task.cancel()
                await asyncio.gather(*meanwhile, return_exceptions=True)

    app = FastAPI(title="RAG service", version="0.1.0", lifespan=lifespan, docs_url=None, redoc_url=None)
    api.install(app, settings.limits)
    web.install(app)
    return app


async def _make_first_key(container: Container) -> None:
    """On the first start make the admin key and write it where only its owner can read it."""
    path = container.settings.data_dir / "admin.key"
    first = await container.keys.create_first(
        FIRST_TENANT, "default", hand_over=lambda secret: _write_secret(path, secret)
    )
    if first:
        log.info("first_key_created", key_id=first[0].id)


def _write_secret(path: Path, secret: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=True)
    path.chmod(0o600)
    path.write_text(f"{secret}\n", encoding="utf-8")


async def _warm_up(container: Container) -> None:
    # Health answers at once; the model takes seconds to load, and questions wait for it.
    try:
        await container.embedder.warm_up()
    except RagError as exc:
        log.warning("embedder_not_ready", error=str(exc))
    if container.rerank:
        await _warm_up_rerank(container.rerank)


async def _warm_up_rerank(rerank: RerankPassages) -> None:
    try:
        await rerank.warm_up()
    except RagError as exc:
        log.warning("reranker_not_ready", error=str(exc))
