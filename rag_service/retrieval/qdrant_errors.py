"""The border to the errors of qdrant-client: over HTTP, over gRPC, and in its local mode."""

from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import httpx
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from rag_service.errors import IndexUnavailable


class NoCollection(IndexUnavailable):
    """The collection does not exist, or whoever answers is no Qdrant server."""


class CollectionExists(IndexUnavailable):
    """Somebody else has made the collection."""


@contextmanager
def server_errors(action: str) -> Iterator[None]:
    """Translate what the client raises while it does `action`.

    Raises:
        NoCollection: as it says.
        CollectionExists: as it says.
        IndexUnavailable: everything else.
    """
    try:
        yield
    except (ApiException, QdrantException, grpc.RpcError, httpx.HTTPError, OSError, ValueError) as exc:
        raise _translated(action, exc) from exc


def _translated(action: str, exc: Exception) -> Exception:
    # Only HTTP has a status for each; over gRPC the second is a wrong argument, and the local mode knows words alone.
    words = str(exc).lower()
    told = f"The Qdrant server could not {action}: {str(exc) or type(exc).__name__}"
    if _is_absence(exc) or (isinstance(exc, ValueError) and "not found" in words):
        return NoCollection(told)
    if "already exists" in words:
        return CollectionExists(told)
    return IndexUnavailable(told)


def _is_absence(exc: Exception) -> bool:
    if isinstance(exc, UnexpectedResponse):
        return bool(exc.status_code == httpx.codes.NOT_FOUND)
    return isinstance(exc, grpc.aio.AioRpcError) and exc.code() is grpc.StatusCode.NOT_FOUND
