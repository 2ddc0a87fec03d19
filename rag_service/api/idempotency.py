"""Idempotency-Key on writes: the same request gets the same reply, and acts once.

Only successful replies are kept: what failed changed nothing and may be tried again. Replies that hold
a secret are never kept, so such routes refuse the header (`NotRepeatable`). Of requests, which may hold one too,
only a keyed hash is kept.
"""

import hashlib
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from rag_service.api.dependencies import container_of, current_scope
from rag_service.domain.access import AccessScope
from rag_service.errors import Conflict, InvalidRequest
from rag_service.ports.signer import HashPurpose

HEADER = "Idempotency-Key"
REPLAYED = {"idempotent-replayed": "true"}

_USABLE_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_SUCCESS = range(200, 300)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class InFlight:
    """The keyed writes that are running in this process."""

    def __init__(self) -> None:
        self._running: set[tuple[str, str, str]] = set()

    @contextmanager
    def claim(self, scope: AccessScope, key: str) -> Iterator[None]:
        """Hold the caller's key during the block, or raise Conflict when it is held."""
        claim = (scope.tenant_id, scope.caller, key)
        if claim in self._running:
            raise Conflict(f"A request with this {HEADER} is being worked on. Repeat it in a moment.")
        self._running.add(claim)
        try:
            yield
        finally:
            self._running.discard(claim)


class RepeatableRoute(APIRoute):
    """A route whose writes act once per Idempotency-Key."""

    def get_route_handler(self) -> Handler:
        """Return the handler, with kept replies before it."""
        handle = super().get_route_handler()

        async def handle_once(request: Request) -> Response:
            key = key_of(request)
            if key is None or request.method == "GET":
                return await handle(request)
            scope = await current_scope(request)
            request_hash = hash_of(request, await request.body())
            with in_flight(request).claim(scope, key):
                kept = await kept_reply(request, scope, key, request_hash)
                return kept or await keep(request, scope, key, request_hash, await handle(request))

        return handle_once


class NotRepeatable(APIRoute):
    """A route whose replies hold secrets: it refuses the header rather than ignore or store what it must not."""

    def get_route_handler(self) -> Handler:
        """Return the handler, behind the refusal."""
        handle = super().get_route_handler()

        async def refuse_key(request: Request) -> Response:
            if request.method == "POST" and key_of(request) is not None:
                raise InvalidRequest(
                    f"{HEADER} is not possible here: the reply holds a secret, which is never stored.", param=HEADER
                )
            return await handle(request)

        return refuse_key


def key_of(request: Request) -> str | None:
    """Return the request's Idempotency-Key, None without one."""
    key = request.headers.get(HEADER)
    if key is not None and not _USABLE_KEY.fullmatch(key):
        raise InvalidRequest(f"{HEADER} must be 1 to 255 visible ASCII characters.", param=HEADER)
    return key


def in_flight(request: Request) -> InFlight:
    """Return the application's running writes."""
    running: InFlight = request.app.state.idempotency
    return running


def hash_of(request: Request, body: bytes) -> str:
    """Return the hash by which a repeated request is known; without our key nobody can try out what it held."""
    head = f"{request.method} {request.url.path}?{request.url.query}\n".encode("utf-8", "surrogateescape")
    digest = hashlib.sha256(head + body).hexdigest()
    return container_of(request).service_keys.keyed_hash(HashPurpose.REQUEST, digest)


async def kept_reply(request: Request, scope: AccessScope, key: str, request_hash: str) -> Response | None:
    """Return the reply that was kept for the caller's key, None when there is none.

    Raises:
        Conflict: the key was used for another request.
    """
    async with container_of(request).catalog.reading() as tx:
        kept = await tx.replies.find(scope, key)
    if kept is None:
        return None
    kept_hash, status, body = kept
    if kept_hash != request_hash:
        raise Conflict(f"This {HEADER} was used for another request. Use a new one for every new request.")
    return Response(body, status_code=status, media_type="application/json", headers=REPLAYED)


async def keep(request: Request, scope: AccessScope, key: str, request_hash: str, reply: Response) -> Response:
    """Keep a successful reply for the caller's key; return it."""
    if reply.status_code in _SUCCESS:
        body = bytes(reply.body).decode()
        async with container_of(request).catalog.writing() as tx:
            await tx.replies.keep(scope, key, request_hash, reply.status_code, body)
    return reply


async def sha256_of(content: AsyncIterator[bytes]) -> str:
    """Return the hex SHA-256 of bytes that arrive in pieces, keeping none of them."""
    digest = hashlib.sha256()
    async for piece in content:
        digest.update(piece)
    return digest.hexdigest()
