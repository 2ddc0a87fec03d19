"""`python -m rag_service.retrieval.index_host`: the one process that has the index folders open.

An engine lets one process open a folder, and Qdrant Edge holds Python's global lock while it works. So this process
does nothing else: it answers `IndexClient`s over a Unix socket.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import structlog

from rag_service.errors import IndexUnavailable, Misconfigured
from rag_service.retrieval import wire
from rag_service.retrieval.index_engines import IndexEngines
from rag_service.retrieval.index_requests import IndexRequests
from rag_service.settings import Settings, read_settings
from rag_service.telemetry.logs import configure_logs

log = structlog.get_logger()

_LONGEST_SOCKET_PATH_BYTES = 100  # the kernel's limit is 108 on Linux and 104 on macOS
_IDLE_S = 2.0
_LOOK_S = 0.5
_AFTER_FAILURE_S = 60.0


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    try:
        settings = read_settings()
        configure_logs(settings.log, process="index-host")
        asyncio.run(_serve(settings))
    except Misconfigured as exc:
        sys.exit(f"The index host cannot start: {exc}")


async def _serve(settings: Settings) -> None:
    engines = IndexEngines(settings)
    try:
        # The folders' locks come before the socket: whoever holds them may remove a socket that a crash left.
        engines.open()
        async with _listening(settings.index_socket, engines):
            _tell_what_there_is(engines)
            await _until_told_to_stop(_optimise_when_idle(engines, after=settings.retrieval.optimise_after))
    finally:
        engines.close()
        log.info("index_host_stopped")


def _tell_what_there_is(engines: IndexEngines) -> None:
    for engine, counts in engines.counts().items():
        points = sum(count or 0 for count in counts.values())
        log.info("index_host_ready", engine=engine, builds=len(counts), points=points)
        if damaged := [name for name, count in counts.items() if count is None]:
            log.error("index_builds_unreadable", engine=engine, fingerprints=damaged)


@asynccontextmanager
async def _listening(socket: Path, engines: IndexEngines) -> AsyncIterator[None]:
    if len(os.fsencode(socket)) > _LONGEST_SOCKET_PATH_BYTES:
        raise Misconfigured(
            f"The socket's path {socket} is too long; name a shorter one in RAG_RETRIEVAL__HOST_SOCKET."
        )
    _remove(socket)
    connections: set[asyncio.Task[None]] = set()
    # The socket must never be open to others, not even between its making and a chmod.
    mask = os.umask(0o177)
    try:
        server = await asyncio.start_unix_server(lambda r, w: _remember(connections, r, w, engines), socket)
    finally:
        os.umask(mask)
    try:
        yield
    finally:
        server.close()
        _remove(socket)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


def _remove(socket: Path) -> None:
    socket.unlink(missing_ok=True)


def _remember(
    connections: set[asyncio.Task[None]],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    engines: IndexEngines,
) -> None:
    connection = asyncio.create_task(_answer_all(reader, writer, engines))
    connections.add(connection)
    connection.add_done_callback(connections.discard)


async def _answer_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, engines: IndexEngines) -> None:
    try:
        while message := await wire.read_message(reader):
            await wire.send_message(writer, await engines.answer(message))
    except wire.BadFrame as exc:
        log.warning("index_frame_refused", reason=str(exc))
    except ConnectionError:
        log.debug("index_client_gone")
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def _optimise_when_idle(engines: IndexEngines, *, after: int) -> None:
    """Optimise a build when enough was written to it and no writer is at work."""
    while True:
        await asyncio.sleep(_LOOK_S)
        for requests in engines.opened:
            if time.monotonic() - requests.last_write_s >= _IDLE_S:
                await _optimise(requests, after=after)


async def _optimise(requests: IndexRequests, *, after: int) -> None:
    for fingerprint in [name for name, count in requests.unoptimised.items() if count >= after]:
        started = time.monotonic()
        try:
            await requests.optimise(fingerprint)
        except (IndexUnavailable, OSError):
            log.exception("index_optimise_failed", fingerprint=fingerprint)
            await asyncio.sleep(_AFTER_FAILURE_S)
        else:
            log.info("index_optimised", fingerprint=fingerprint, duration_s=round(time.monotonic() - started, 1))


async def _until_told_to_stop(meanwhile: Coroutine[None, None, None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    background = asyncio.create_task(meanwhile)
    await stop.wait()
    background.cancel()
    with suppress(asyncio.CancelledError):
        await background


if __name__ == "__main__":
    main()
