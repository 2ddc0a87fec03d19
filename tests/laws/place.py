"""Where histories happen: one catalog and one index for all of them, and services that come and go."""

import asyncio
import tempfile
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from structlog.testing import capture_logs

from ingestion.bootstrap import Worker, worker_over
from ingestion.jobs import JobRunner
from rag_service.bootstrap import Container, open_container
from rag_service.catalog.sql_catalog import open_catalog, utc_now
from rag_service.domain.jobs import JobKind
from rag_service.retrieval.bootstrap import OpenedIndex
from rag_service.retrieval.memory import MemoryIndex
from rag_service.settings import CatalogSettings, EmbeddingSettings, JobSettings, RetrievalSettings, Settings
from tests.integration.crashing import CrashingCatalog, CrashingIndex, Fuse
from tests.integration.reading import read_here

T = TypeVar("T")

_EXACT_BELOW = 20_000


@dataclass
class Clock:
    """Time goes on as always, and in leaps, so that nobody waits for a job that pauses."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        """Return the time."""
        return utc_now() + self.ahead


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service and its worker, whose jobs fail where the fuse blows."""

    worker: Worker
    runner: JobRunner
    catalog: CrashingCatalog
    index: CrashingIndex

    @property
    def parts(self) -> Container:
        """What people use, which does not fail."""
        return self.worker.container


@dataclass(kw_only=True)
class Place:
    """Catalog, index and files, which outlive services; each embedding of `dimensions` is a service's own."""

    folder: Path
    catalog_url: str
    has_engine: bool
    runner: asyncio.Runner
    clock: Clock = field(default_factory=Clock)
    fuse: Fuse = field(default_factory=Fuse)
    index: Any = field(default_factory=MemoryIndex)
    _services: dict[int, Service] = field(default_factory=dict)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    def wait_for(self, doing: Coroutine[Any, Any, T]) -> T:
        """Do it."""
        return self.runner.run(doing)

    def serve(self, dimensions: int) -> None:
        """Let there be a service with these settings."""
        if dimensions not in self._services:
            self._services[dimensions] = self.wait_for(self._opened(dimensions))

    def service(self, dimensions: int) -> Service:
        """Return the service with these settings."""
        return self._services[dimensions]

    def pass_days(self, days: int) -> None:
        """Let days pass."""
        self.clock.ahead += timedelta(days=days)

    def open(self) -> None:
        """Open the index again, if it is one that is on a disk."""
        if self.has_engine:
            from rag_service.retrieval.qdrant_edge import EdgeIndex

            self.index = EdgeIndex(self.folder / "index", exact_below=_EXACT_BELOW)

    def close(self) -> None:
        """End all services; what they leave behind stays."""
        self._services.clear()
        self.wait_for(self._stack.aclose())
        if self.has_engine:
            self.index.close()

    async def _opened(self, dimensions: int) -> Service:
        settings = Settings(
            data_dir=self.folder,
            catalog=CatalogSettings(url=self.catalog_url),
            embedding=EmbeddingSettings(backend="hashing", dimensions=dimensions),
            retrieval=RetrievalSettings(backend="memory", exact=True),
            # Long enough for all uploads of one step to be prepared first.
            jobs=JobSettings(draft_patience_s=86_400),
        )
        container = await self._stack.enter_async_context(
            open_container(settings, open_index=lambda *_: OpenedIndex(index=self.index))
        )
        catalog = CrashingCatalog(inner=container.catalog, fuse=self.fuse)
        index = CrashingIndex(inner=container.index, fuse=self.fuse)
        failing = replace(container, catalog=catalog, index=index)
        worker = await self._stack.enter_async_context(worker_over(failing))
        worker.prepare._read._parse = read_here
        _fill_in_small_turns(worker)
        return Service(
            worker=replace(worker, container=container),
            runner=JobRunner(
                catalog=container.catalog, handlers=worker.handlers, clock=self.clock, settings=settings.jobs
            ),
            catalog=catalog,
            index=index,
        )


def _fill_in_small_turns(worker: Worker) -> None:
    fill: Any = worker.handlers[JobKind.FILL_BUILD]
    fill._fill._turn_s, fill._fill._batch_documents = 0.0, 1


@contextmanager
def opened(catalog_url: str, *, has_engine: bool = False) -> Iterator[Place]:
    """Open an empty place over a migrated catalog without rows."""
    with (
        asyncio.Runner() as runner,
        tempfile.TemporaryDirectory() as folder,
        pytest.MonkeyPatch.context() as patch,
        capture_logs(),  # to show the trace of each crash would take most of the time
    ):
        place = Place(folder=Path(folder), catalog_url=catalog_url, has_engine=has_engine, runner=runner)
        patch.setattr("rag_service.bootstrap.utc_now", place.clock)
        patch.setattr("rag_service.bootstrap.open_catalog", partial(open_catalog, clock=place.clock))
        patch.setattr("rag_service.use_cases.point_differences._PAUSE_S", 0)
        # What is written here does not outlive the test.
        patch.setattr("os.fsync", lambda _: None)
        place.open()
        try:
            yield place
        finally:
            place.close()
