"""`rag serve`: the whole service on one machine, with one command."""

import asyncio
import contextlib
import fcntl
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rag_service.catalog.file_check import check_structure, sqlite_file, was_left_open
from rag_service.errors import Misconfigured
from rag_service.settings import Settings
from rag_service.supervisor.processes import Supervisor


def serve(settings: Settings) -> None:
    """Run the service until SIGINT or SIGTERM.

    Raises:
        Misconfigured: another service runs over this data folder, its catalog is damaged, or its parts do not start.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(PermissionError):
        settings.data_dir.chmod(0o700)
    with _claimed(settings):
        _check_catalog(settings)
        asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    supervisor = Supervisor(settings, report=_say)
    running = asyncio.create_task(_run(settings, supervisor))
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    told = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({running, told}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        # From here on a second signal changes nothing: the parts are stopped in order.
        _say("Stopping…")
        running.cancel()
        await supervisor.stop()
    if running.done() and not running.cancelled():
        running.result()


async def _run(settings: Settings, supervisor: Supervisor) -> None:
    _say(f"Starting. Data are in {settings.data_dir.resolve()}, logs in its folder logs.")
    supervisor.start_serving()
    # The processes are spawned at this point; an HTTP client takes as long to import as they to listen.
    await asyncio.sleep(0)
    from rag_service.supervisor.first_start import greet, load_sample, until_loaded, until_ready  # noqa: PLC0415

    await until_loaded(settings)
    supervisor.start_working()
    _say("Loading the language models…")
    await until_ready(settings)
    if settings.sample_corpus:
        await asyncio.to_thread(load_sample, settings, _say)
    await asyncio.to_thread(greet, settings, _say)
    await asyncio.Event().wait()


@contextmanager
def _claimed(settings: Settings) -> Iterator[None]:
    with (settings.data_dir / "serve.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise Misconfigured(
                f"Another service runs over {settings.data_dir.resolve()}. Stop it, or set RAG_DATA_DIR."
            ) from exc
        yield


def _check_catalog(settings: Settings) -> None:
    file = sqlite_file(settings.catalog_url)
    # After each stop it would cost what only a broken machine makes worth it.
    if file is not None and was_left_open(file):
        _say("The service was not stopped in order. Looking at the catalog…")
        if not check_structure(file):
            _say("The catalog is too large to be looked at as a whole; going on.")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
