"""`rag serve`: the whole service on one machine, with one command."""

import asyncio

from rag_service.catalog.file_check import check_structure, sqlite_file, was_left_open
from rag_service.settings import Settings
from rag_service.supervisor.console import say
from rag_service.supervisor.data_folder import claimed_folder
from rag_service.supervisor.processes import Supervisor
from rag_service.supervisor.signals import until_told


def serve(settings: Settings) -> None:
    """Run the service until SIGINT or SIGTERM.

    Raises:
        Misconfigured: another service runs over this data folder, its catalog is damaged, or its parts do not start.
    """
    with claimed_folder(settings):
        _check_catalog(settings)
        asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    supervisor = Supervisor(settings, report=say)
    await until_told(_run(settings, supervisor), stop=supervisor.stop, say=say)


async def _run(settings: Settings, supervisor: Supervisor) -> None:
    say(f"Starting. Data are in {settings.data_dir.resolve()}, logs in its folder logs.")
    supervisor.start_serving()
    # The processes are spawned at this point; an HTTP client takes as long to import as they to listen.
    await asyncio.sleep(0)
    from rag_service.supervisor.first_start import greet, load_sample, until_loaded, until_ready  # noqa: PLC0415

    await until_loaded(settings)
    supervisor.start_working()
    say("Loading the language models…")
    await until_ready(settings)
    if settings.sample_corpus:
        await asyncio.to_thread(load_sample, settings, say)
    await asyncio.to_thread(greet, settings, say)
    supervisor.start_measuring()
    await asyncio.Event().wait()


def _check_catalog(settings: Settings) -> None:
    file = sqlite_file(settings.catalog_url)
    # After each stop it would cost what only a broken machine makes worth it.
    if file is not None and was_left_open(file):
        say("The service was not stopped in order. Looking at the catalog…")
        if not check_structure(file):
            say("The catalog is too large to be looked at as a whole; going on.")
