"""The scaled-out service: PostgreSQL, a broker behind a line that can be cut, index host, and Celery workers."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from rag_service.app import create_app
from rag_service.bootstrap import Container
from rag_service.settings import (
    CatalogSettings,
    EmbeddingSettings,
    JobSettings,
    QueueSettings,
    RetrievalSettings,
    Settings,
)
from tests.cut_line import Line
from tests.patience import PATIENCE_S, until
from tests.rabbitmq import RunningRabbitMQ
from tests.running import free_port
from tests.valkey import RunningValkey

Process = subprocess.Popen[bytes]
WORKER = "tests.integration.impatient_worker"
SOUND_WORKER = "ingestion.brokered.celery_worker"
BEAT = "tests.integration.impatient_beat"
DIMENSIONS = 32
_JOBS = JobSettings(lease_s=5, poll_s=0.1, draft_patience_s=0.5, worker_heartbeat_s=1, part_chunks=4)
LARGE_CHUNKS = 2 * _JOBS.part_chunks


@dataclass(frozen=True)
class Place:
    """Where everything is."""

    data_dir: Path
    catalog_url: str
    broker: RunningValkey | RunningRabbitMQ
    line: Line

    @property
    def settings(self) -> Settings:
        """The settings of all programs."""
        return Settings(
            data_dir=self.data_dir,
            port=free_port(),
            catalog=CatalogSettings(url=self.catalog_url),
            embedding=EmbeddingSettings(backend="hashing", dimensions=DIMENSIONS),
            retrieval=RetrievalSettings(timeout_s=30),
            jobs=_JOBS,
            queue=QueueSettings(
                backend="celery", broker_url=self.broker.url_at(self.line.port), sweep_s=0.5, redelivery_s=5
            ),
        )

    @property
    def environ(self) -> dict[str, str]:
        """The same settings for another process."""
        queue = self.settings.queue
        mine = {
            "RAG_DATA_DIR": str(self.data_dir),
            "RAG_CATALOG__URL": self.catalog_url,
            "RAG_EMBEDDING__BACKEND": "hashing",
            "RAG_EMBEDDING__DIMENSIONS": str(DIMENSIONS),
            "RAG_QUEUE__BACKEND": "celery",
            "RAG_QUEUE__BROKER_URL": queue.broker_url.get_secret_value(),
            "RAG_QUEUE__SWEEP_S": str(queue.sweep_s),
            "RAG_QUEUE__REDELIVERY_S": str(queue.redelivery_s),
            # Beat ends when workers stay away: here they come and go.
            "RAG_QUEUE__CONSUMERS_WITHIN_S": "3600",
            "RAG_LOG__LEVEL": "warning",
            "RAG_TEST_STOP_PATIENCE_S": "2",
            "OPENBLAS_NUM_THREADS": "1",
        }
        jobs = {f"RAG_JOBS__{name}".upper(): str(value) for name, value in _JOBS.model_dump().items()}
        return {**os.environ, **jobs, **mine}

    @contextmanager
    def running(self, module: str, *arguments: str, **settings: str) -> Iterator[Process]:
        """Run a program; it is stopped in order unless it has ended."""
        with (self.data_dir / f"{module}.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", module, *arguments], env={**self.environ, **settings}, stdout=log, stderr=log
            )
        try:
            yield process
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                assert process.wait(PATIENCE_S) == 0, self.logs()
        finally:
            process.kill()
            process.wait()

    def logs(self) -> str:
        """Return the end of what the programs said."""
        return "\n".join(path.read_text(errors="replace")[-5000:] for path in self.data_dir.glob("*.log"))


class Api:
    """An API process within the test, and what a client does with it."""

    def __init__(self, container: Container, client: httpx.AsyncClient) -> None:
        self.container = container
        self.client = client

    async def corpus(self, name: str) -> str:
        """Make a corpus and return its id."""
        return str((await self._post("/v1/vector_stores", json={"name": name}))["id"])

    async def upload(self, corpus: str, filename: str, text: str) -> str:
        """Upload a file into a corpus and return its id."""
        form = {"file": (filename, text.encode(), "text/plain")}
        stored = await self._post("/v1/files", data={"purpose": "assistants"}, files=form)
        await self._post(f"/v1/vector_stores/{corpus}/files", json={"file_id": stored["id"]})
        return str(stored["id"])

    async def upload_many(self, corpus: str, count: int) -> None:
        for number in range(count):
            await self.upload(corpus, f"{number}.md", f"# Chapter {number}\n\nWhat it says, {number} times.")

    async def counts(self, corpus: str) -> dict[str, int]:
        """Return how many files are in each state."""
        return dict((await self._get(f"/v1/vector_stores/{corpus}"))["file_counts"])

    async def jobs(self, corpus: str, **wanted: str) -> list[dict[str, Any]]:
        """Return the jobs of a corpus."""
        found = await self._get("/v1/jobs", params={"corpus": corpus, "limit": "100", **wanted})
        return list(found["data"])

    async def found(self, corpus: str, query: str) -> list[str]:
        """Return the names of the files that a search finds."""
        reply = await self._post(f"/v1/vector_stores/{corpus}/search", json={"query": query, "max_num_results": 5})
        return [result["filename"] for result in reply["data"]]

    async def until_completed(self, corpus: str, count: int) -> None:
        async def completed() -> bool:
            return (await self.counts(corpus))["completed"] == count

        await until(completed, f"{count} files completed")

    async def until_all_over(self, corpus: str) -> list[dict[str, Any]]:
        """Wait until no job has anything left to do; return the jobs."""

        async def over() -> bool:
            return all(job["state"] in {"succeeded", "dead"} for job in await self.jobs(corpus))

        await until(over, "every job over")
        return await self.jobs(corpus)

    async def _get(self, path: str, **request: Any) -> dict[str, Any]:
        return dict((await self.client.get(path, **request)).raise_for_status().json())

    async def _post(self, path: str, **request: Any) -> dict[str, Any]:
        return dict((await self.client.post(path, **request)).raise_for_status().json())


@asynccontextmanager
async def api_of(place: Place) -> AsyncIterator[Api]:
    """Open the API over the place."""
    app = create_app(place.settings)
    async with app.router.lifespan_context(app):
        key = (place.data_dir / "admin.key").read_text(encoding="utf-8").strip()
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://127.0.0.1",
            headers={"authorization": f"Bearer {key}"},
            timeout=PATIENCE_S,
        ) as client:
            yield Api(app.state.container, client)


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
