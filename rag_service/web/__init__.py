"""The pages: sign-in, chat, sources, library, golden questions, evaluations, content gaps and activity. Server-rendered, with small plain scripts and no other host."""

from fastapi import FastAPI

from rag_service.web import activity, chat, evaluations, gaps, golden, library, login, sources
from rag_service.web.static_files import STATIC_URL, StaticAssets

__all__ = ["STATIC_URL", "install"]


def install(app: FastAPI) -> None:
    """Add the pages and their static files to `app`."""
    app.mount(STATIC_URL, StaticAssets(), name="static")
    for module in (login, chat, sources, library, golden, evaluations, gaps, activity):
        app.include_router(module.router, include_in_schema=False)
    app.include_router(sources.excerpts, include_in_schema=False)
