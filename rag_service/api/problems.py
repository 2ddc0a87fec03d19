"""Errors as HTTP: a status, and OpenAI's envelope {"error": {message, type, param, code}}."""

import math
import re
from collections.abc import Mapping

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from rag_service import errors

log = structlog.get_logger()

START_PAUSE_S = 2
"""Pause we ask of clients while a part of the service is down."""

STATUS: dict[type[BaseException], int] = {
    errors.InvalidRequest: 400,
    errors.DocumentRejected: 400,
    errors.SourceRefused: 400,
    errors.Unauthenticated: 401,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.LeaseLost: 409,
    errors.Gone: 410,
    errors.TooLarge: 413,
    errors.LimitExceeded: 429,
    errors.DataDamaged: 500,
    errors.DependencyUnavailable: 503,
    ClientDisconnect: 499,
}

_CODE: dict[type[BaseException], str] = {
    errors.InvalidRequest: "invalid_value",
    errors.TooLarge: "too_large",
    errors.Unauthenticated: "invalid_api_key",
    errors.NotFound: "not_found",
    errors.Conflict: "conflict",
    errors.LeaseLost: "conflict",
    errors.Gone: "erased",
    errors.DataDamaged: "data_damaged",
    errors.LimitExceeded: "rate_limit_exceeded",
    errors.CatalogUnavailable: "catalog_unavailable",
    errors.IndexUnavailable: "index_unavailable",
    errors.BlobsUnavailable: "blobs_unavailable",
    errors.EmbedderUnavailable: "embedder_unavailable",
    errors.SourceRefused: "source_refused",
    errors.SourceUnavailable: "source_unavailable",
    errors.GeneratorUnavailable: "generator_unavailable",
    errors.DependencyUnavailable: "unavailable",
    ClientDisconnect: "client_disconnected",
}

_TYPE = {401: "authentication_error", 429: "rate_limit_error"}
_CODE_OF_STATUS = {404: "not_found", 405: "method_not_allowed", 408: "timeout", 413: "too_large"}
_NAME = re.compile(r"[A-Za-z_][\w-]*")
_BRANCHES = frozenset({"str", "int", "float", "bool", "constrained-str", "constrained-int"})
_SERVER_ERROR = 500
_UNAVAILABLE = 503


class ErrorDetail(BaseModel):
    """What went wrong. `param` names the field of the request, `code` is for machines."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorReply(BaseModel):
    """The body of every reply that is an error."""

    error: ErrorDetail


def install(app: FastAPI) -> None:
    """Make `app` answer every error it knows in the envelope. The unknown ones are the edge's."""
    app.add_exception_handler(errors.RagError, _reply_to_error)
    app.add_exception_handler(ClientDisconnect, _reply_to_error)
    app.add_exception_handler(RequestValidationError, _reply_to_validation)
    app.add_exception_handler(HTTPException, _reply_to_http)


def status_of(kind: type[BaseException]) -> int:
    """Return the status of the nearest listed ancestor; 500 when none is listed."""
    return next((STATUS[base] for base in kind.__mro__ if base in STATUS), _SERVER_ERROR)


def detail_of(exc: BaseException) -> ErrorDetail:
    """Return what the caller may know of `exc`: our own trouble is named, never described."""
    status = status_of(type(exc))
    code = next((_CODE[base] for base in type(exc).__mro__ if base in _CODE), None)
    param = None
    if isinstance(exc, errors.InvalidRequest):
        code, param = exc.code or code, exc.param
    if isinstance(exc, errors.DocumentRejected):
        code = exc.reason
    return ErrorDetail(message=_message(exc, status), type=_type_of(status), param=param, code=code)


def problem(status: int, detail: ErrorDetail, *, headers: Mapping[str, str] | None = None) -> Response:
    """Return a reply in the envelope."""
    # Unpaired surrogates of a request may come back in a message; no reply fails because of them.
    body = ErrorReply(error=_sendable(detail)).model_dump_json().encode()
    return Response(body, status_code=status, media_type="application/json", headers=dict(headers or {}))


def reply_to(exc: BaseException) -> Response:
    """Return the reply to an error of ours."""
    status = status_of(type(exc))
    return problem(status, detail_of(exc), headers=_headers(exc, status))


def unexpected() -> ErrorDetail:
    """Return what a caller is told of an error that nobody foresaw."""
    message = "The service failed on this request. Try again; tell your operator the request id if it happens again."
    return ErrorDetail(message=message, type="server_error", code="internal_error")


def _message(exc: BaseException, status: int) -> str:
    if status == _UNAVAILABLE:
        return "A part of the service is starting, down or slow. Try again in a moment."
    if isinstance(exc, ClientDisconnect):
        return "The client closed the connection."
    is_for_callers = status < _SERVER_ERROR or isinstance(exc, errors.DataDamaged)
    return str(exc) if is_for_callers else unexpected().message


def _headers(exc: BaseException, status: int) -> dict[str, str]:
    if isinstance(exc, errors.LimitExceeded):
        return {"retry-after": str(max(1, math.ceil(exc.retry_after_s)))}
    if status == _UNAVAILABLE:
        return {"retry-after": str(START_PAUSE_S)}
    return {"www-authenticate": "Bearer"} if isinstance(exc, errors.Unauthenticated) else {}


def _type_of(status: int) -> str:
    return "server_error" if status >= _SERVER_ERROR else _TYPE.get(status, "invalid_request_error")


def _sendable(detail: ErrorDetail) -> ErrorDetail:
    texts = {name: value and value.encode("utf-8", "replace").decode() for name, value in detail}
    return ErrorDetail.model_validate(texts)


async def _reply_to_error(_: Request, exc: Exception) -> Response:
    status = status_of(type(exc))
    if status == _UNAVAILABLE:
        log.warning("request_refused", error=type(exc).__name__, detail=str(exc))
    elif status >= _SERVER_ERROR:
        log.error("request_failed", error=type(exc).__name__, detail=str(exc))
    return reply_to(exc)


async def _reply_to_validation(_: Request, exc: Exception) -> Response:
    if not isinstance(exc, RequestValidationError):
        raise exc
    # Of a choice that fails in every branch, the error that lies deepest is the branch that was meant.
    first = max(exc.errors(), key=lambda error: len(error["loc"]))
    if first["type"] == "json_invalid":
        return problem(400, ErrorDetail(message="The body is not valid JSON.", type=_type_of(400), code="invalid_json"))
    param = _param(first["loc"])
    message = f"{param}: {first['msg']}" if param else f"The body cannot be used: {first['msg']}"
    return problem(400, ErrorDetail(message=message, type=_type_of(400), param=param, code=first["type"]))


def _param(loc: tuple[str | int, ...]) -> str | None:
    """Return the place in the request as people write it: messages[0].content."""
    named = [part for part in loc[1:] if isinstance(part, int) or _is_name(part)]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in named)
    return path.removeprefix(".") or None


def _is_name(part: str) -> bool:
    # Pydantic puts the branches of a choice into the path: "str", "list[TextPart]", "literal['up','down']".
    return _NAME.fullmatch(part) is not None and part not in _BRANCHES


async def _reply_to_http(request: Request, exc: Exception) -> Response:
    if not isinstance(exc, HTTPException):
        raise exc
    status = exc.status_code
    message = {
        404: f"There is no {request.method} {request.url.path}.",
        405: f"{request.method} is not possible at {request.url.path}.",
    }.get(status, str(exc.detail))
    detail = ErrorDetail(message=message, type=_type_of(status), code=_CODE_OF_STATUS.get(status))
    return problem(status, detail, headers=exc.headers)
