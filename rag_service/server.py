"""The web server: `python -m rag_service.server`.

It listens before it imports the application, which takes a second or more: /livez answers from the first
moment, and what else comes in waits until the application is there to say how far it is.
"""

import asyncio
import contextlib
import gc
import sys
from typing import TYPE_CHECKING

import uvicorn

from rag_service.front import Front
from rag_service.settings import Settings, read_settings
from rag_service.telemetry.logs import configure_logs

if TYPE_CHECKING:
    from fastapi import FastAPI

DRAIN_S = 25


def main() -> None:
    """Serve until told to stop, or until the application cannot run."""
    settings = read_settings()
    configure_logs(settings.log, process="api")

    def stop() -> None:
        server.should_exit = True

    front = Front(lambda: asyncio.to_thread(_load, settings), stop=stop)
    server = uvicorn.Server(_config(front, settings))
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    sys.exit(1 if front.has_failed else 0)


def _load(settings: Settings) -> "FastAPI":
    # What is imported stays for good: looking through it for garbage, now or later, takes 0.1 s each time.
    gc.disable()
    try:
        from rag_service.app import create_app  # noqa: PLC0415  (the slow part of the start)

        return create_app(settings)
    finally:
        gc.freeze()
        gc.enable()


def _config(front: Front, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        front,
        host=settings.host,
        port=settings.port,
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=DRAIN_S,
        h11_max_incomplete_event_size=64 * 1024,
    )


if __name__ == "__main__":
    main()
