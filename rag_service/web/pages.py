"""Rendering of pages, and what happens when one cannot be shown."""

from collections.abc import Callable, Coroutine
from typing import Any, ClassVar
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from rag_service.errors import DependencyUnavailable, Gone, NotFound, RagError, Unauthenticated
from rag_service.web.static_files import STATIC_URL

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    # Not "no-referrer": forms would then post with the origin "null", like a foreign sandbox.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_TEMPLATES = Environment(
    loader=PackageLoader("rag_service.web"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals["static"] = STATIC_URL


def render(template: str, *, status_code: int = 200, **values: object) -> HTMLResponse:
    """Return a page that runs no script and shows nothing but our own."""
    html = _TEMPLATES.get_template(template).render(**values)
    return HTMLResponse(html, status_code=status_code, headers=_HEADERS)


class PageRoute(APIRoute):
    """A route for people: an error becomes a page in words, a missing session the way to sign in."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, with errors turned into pages."""
        handle = super().get_route_handler()

        async def handle_for_people(request: Request) -> Response:
            try:
                return await handle(request)
            except Unauthenticated:
                return _way_to_sign_in(request)
            except RagError as exc:
                return render("error.html", status_code=_Message.of(exc).status, message=_Message.of(exc), session=None)

        return handle_for_people


class _Message:
    known: ClassVar[dict[type[RagError], tuple[int, str, str]]] = {
        NotFound: (404, "Not found", "It is not here, or it is not shared with you. Check the address."),
        Gone: (410, "Erased", "This was here and has been erased."),
        DependencyUnavailable: (503, "Not ready", "A part of the service is starting or cannot be reached. Try again."),
    }

    def __init__(self, status: int, title: str, text: str) -> None:
        self.status, self.title, self.text = status, title, text

    @classmethod
    def of(cls, error: RagError) -> "_Message":
        for kind, (status, title, text) in cls.known.items():
            if isinstance(error, kind):
                return cls(status, title, text)
        return cls(400, "That did not work", str(error))


def _way_to_sign_in(request: Request) -> Response:
    if request.headers.get("sec-fetch-site") == "cross-site":
        # A strict cookie is not sent when another site links here; loading the page from itself sends it.
        return render("again.html")
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/login?next={quote(target, safe='')}", status_code=303)
