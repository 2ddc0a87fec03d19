"""The pages: sign-in, chat, sources, library and activity. Server-rendered, with small plain scripts and no other host."""

from fastapi import FastAPI

from rag_service.web import activity, chat, library, login, sources
from rag_service.web.static_files import STATIC_URL, StaticAssets

__all__ = ["STATIC_URL", "install"]


def install(app: FastAPI) -> None:
    """Add the pages and their static files to `app`."""
    app.mount(STATIC_URL, StaticAssets(), name="static")
    for router in (login.router, chat.router, sources.router, sources.excerpts, library.router, activity.router):
        app.include_router(router, include_in_schema=False)
