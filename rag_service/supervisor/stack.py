"""`rag stack`: the scaled-out service on one machine, with servers from Python packages, for development and tests."""

import asyncio
import os
from collections.abc import Sequence

from rag_service.errors import Misconfigured
from rag_service.settings import Settings
from rag_service.supervisor.console import say
from rag_service.supervisor.data_folder import claimed_folder
from rag_service.supervisor.first_start import greet, load_sample, until_ready
from rag_service.supervisor.processes import API, EVAL_WORKER, INDEX_HOST, Child, program
from rag_service.supervisor.servers import Postgres, valkey_command, valkey_socket
from rag_service.supervisor.signals import until_told

CELERY_WORKER = "ingestion.brokered.celery_worker"
BEAT = "ingestion.brokered.beat"
_APIS = 2
_WORKERS = 2


def run_stack(settings: Settings) -> None:
    """Run PostgreSQL, Valkey, index host, two API processes, two workers, beat and an evaluation worker until SIGINT or SIGTERM.

    Raises:
        Misconfigured: a package is missing, another service runs over this data folder, or a part does not start.
    """
    with claimed_folder(settings):
        asyncio.run(_serve(Stack(settings)))


async def _serve(stack: "Stack") -> None:
    await until_told(stack.run(), stop=stack.stop, say=say)


class Stack:
    """The programs, which find each other through their environment."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = settings.data_dir.resolve()
        self._logs = self._folder / "logs"
        self._logs.mkdir(parents=True, exist_ok=True)
        self._postgres = Postgres(self._folder / "postgres")
        self._socket = valkey_socket(settings.data_dir)
        self._valkey = valkey_command(self._socket, self._folder / "valkey")
        self._children: list[Child] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._environ: dict[str, str] = {}

    async def run(self) -> None:
        """Start everything in order, say where it is, and keep it running."""
        say(f"Starting. Data are in {self._folder}, logs in its folder logs.")
        url = await asyncio.to_thread(self._postgres.start)
        self._environ = {
            "RAG_CATALOG__URL": url,
            "RAG_QUEUE__BACKEND": "celery",
            "RAG_QUEUE__BROKER_URL": f"redis+socket://{self._socket}",
        }
        self._start("valkey", self._valkey)
        if self._settings.retrieval.has_host:
            self._start("index_host", program(INDEX_HOST))
        await self._start_apis()
        for number in range(1, _WORKERS + 1):
            self._start(f"worker_{number}", program(CELERY_WORKER, "--concurrency", "1"))
        say("Waiting until every queue has a worker…")
        await self._check()
        self._start("beat", program(BEAT))
        await self._greet()
        self._start("eval_worker", program(EVAL_WORKER))
        await asyncio.Event().wait()

    async def stop(self) -> None:
        """Stop what brings work in first, and what all need last."""
        for kind in ("api", "beat", "eval_worker", "worker", "index_host", "valkey"):
            await asyncio.gather(*(child.stop() for child in self._children if child.name.startswith(kind)))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._postgres.stop)

    async def _start_apis(self) -> None:
        # One after the other: the first one makes tables and keys.
        for number in range(1, _APIS + 1):
            settings = self._settings_of(number)
            self._start(f"api_{number}", program(API), {"RAG_PORT": str(settings.port)})
            await until_ready(settings)

    async def _greet(self) -> None:
        if self._settings.sample_corpus:
            await asyncio.to_thread(load_sample, self._settings, say)
        await asyncio.to_thread(greet, self._settings, say)
        say(f"The second API process is at http://127.0.0.1:{self._settings_of(_APIS).port}.")

    async def _check(self) -> None:
        """Wait until every queue has a worker, as beat would."""
        checking = await asyncio.create_subprocess_exec(
            *program(BEAT, "--check"),
            env={**os.environ, **self._environ},
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        _, said = await checking.communicate()
        if checking.returncode:
            raise Misconfigured(said.decode(errors="replace").strip().splitlines()[-1])

    def _settings_of(self, api: int) -> Settings:
        return self._settings.model_copy(update={"port": self._settings.port + api - 1})

    def _start(self, name: str, command: Sequence[str], environ: dict[str, str] | None = None) -> None:
        child = Child(name, command, self._logs, say, environ={**self._environ, **(environ or {})})
        self._children.append(child)
        self._tasks.append(asyncio.create_task(child.run(), name=name))
