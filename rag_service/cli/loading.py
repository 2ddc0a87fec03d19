"""Uploading many documents at once, with as few lost as possible."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import httpx

from rag_service.cli.documents import Item
from rag_service.cli.kept_files import kept_files
from rag_service.client import ApiError, Client, Json
from rag_service.domain.rows import Row
from rag_service.domain.uploads import DOCUMENT_KEY

PARALLEL = 8
_FILES_AT_ONCE = 100
_ROWS_AT_ONCE = 250
_BYTES_AT_ONCE = 2**20
_AHEAD = 4  # items read and waiting per upload that runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A document that is not in the corpus, and what to do about it."""

    name: str
    message: str
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """A document that the service has accepted under `file_id`."""

    name: str
    file_id: str


def upload_all(
    client: Client,
    corpus: str,
    items: Sequence[Item],
    *,
    draft: str | None = None,
    principals: Sequence[str] = (),
    parallel: int = PARALLEL,
) -> Iterator[Uploaded | Failure]:
    """Upload `items`, several at a time, and yield what became of each as it is known.

    With `draft` they are changes of it, else they are published by themselves. Files whose bytes the corpus has are
    named, not sent. One refused file does not stop the others; a service that is gone or a key that does not work does.
    """
    place = _Place(client=client, corpus=corpus, draft=draft, principals=principals)
    kept = kept_files(client, corpus, items) if draft is None else {}
    refused: list[Item] = []
    for named in _by_hundreds([item for item in items if item.key in kept]):
        if _add_kept(place, named, kept):
            yield from (Uploaded(name=item.key, file_id=kept[item.key]) for item in named)
        else:
            refused += named
    yield from _send(place, [*refused, *(item for item in items if item.key not in kept)], parallel)


def _send(place: "_Place", items: Iterable[Item], parallel: int) -> Iterator[Uploaded | Failure]:
    pending: set[Future[Uploaded | Failure]] = set()
    pool = ThreadPoolExecutor(parallel)
    try:
        for item in items:
            pending.add(pool.submit(_upload, place, item))
            if len(pending) >= parallel * _AHEAD:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        for future in pending:
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def upload_rows(
    client: Client, corpus: str, rows: Iterable[Row], *, principals: Sequence[str] = ()
) -> Iterator[Uploaded | Failure]:
    """Upload `rows`, many in one request, and yield what became of each, in order.

    Refused rows do not stop the others; a service that is gone or a key that does not work does.
    """
    place = _Place(client=client, corpus=corpus, draft=None, principals=principals)
    for batch in _batches(rows):
        if len(batch) == 1:
            # Perhaps too large for a request of rows, which is held in memory; a file is streamed.
            row = batch[0]
            item = Item(key=row.id, filename=row.filename, content=row.content())
            yield _upload(place, item)
        else:
            yield from _import(place, batch)


def processing_failures(client: Client, corpus: str, file_ids: frozenset[str]) -> list[Failure]:
    """Return those of `file_ids` that could not be processed, with the service's advice."""
    return [_failed(file) for file in client.files(corpus, status="failed") if file["id"] in file_ids]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where documents go, and who may see them there."""

    client: Client
    corpus: str
    draft: str | None
    principals: Sequence[str]

    def add(self, file_id: str, key: str) -> Json:
        """Make an uploaded file the document `key`."""
        attributes = {DOCUMENT_KEY: key}
        if self.draft is None:
            return self.client.add_file(self.corpus, file_id, attributes, self.principals)
        return self.client.add_to_draft(self.corpus, self.draft, file_id, attributes, self.principals)


def _add_kept(place: _Place, items: Sequence[Item], kept: Mapping[str, str]) -> bool:
    """Say whether these were accepted; if one was refused, none may have been, and which it was is not known."""
    files = [(kept[item.key], {DOCUMENT_KEY: item.key}) for item in items]
    try:
        place.client.add_files(place.corpus, files, place.principals)
    except ApiError as exc:
        # A file that was deleted meanwhile is not found either.
        if exc.status != httpx.codes.NOT_FOUND and _stops_everything(exc):
            raise
        return False
    return True


def _upload(place: _Place, item: Item) -> Uploaded | Failure:
    try:
        stored = place.client.upload_file(item.content, item.filename)
        added = place.add(stored["id"], item.key)
    except ApiError as exc:
        if _stops_everything(exc):
            raise
        return Failure(name=item.key, message=str(exc), advice=exc.advice)
    except OSError as exc:
        return Failure(name=item.key, message=f"cannot be read: {exc.strerror or exc}")
    # The same content again keeps the revision, and the file, that are there.
    return Uploaded(name=item.key, file_id=str(added["id"]))


def _import(place: _Place, rows: Sequence[Row]) -> Iterable[Uploaded | Failure]:
    try:
        accepted = place.client.import_rows(place.corpus, [row.content() for row in rows], place.principals)
    except ApiError as exc:
        if _stops_everything(exc):
            raise
        return [Failure(name=row.id, message=str(exc), advice=exc.advice) for row in rows]
    return [Uploaded(name=str(file["document_key"]), file_id=str(file["id"])) for file in accepted]


def _by_hundreds(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    yield from (items[start : start + _FILES_AT_ONCE] for start in range(0, len(items), _FILES_AT_ONCE))


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    size = 0
    for row in rows:
        row_bytes = len(row.content())
        if batch and (len(batch) == _ROWS_AT_ONCE or size + row_bytes > _BYTES_AT_ONCE):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += row_bytes
    if batch:
        yield batch


def _stops_everything(exc: ApiError) -> bool:
    return exc.status in (None, 401, 404) or exc.status >= 500  # noqa: PLR2004  (HTTP's own numbers)


def _failed(file: dict[str, object]) -> Failure:
    error = file.get("last_error")
    attributes = file.get("attributes")
    name = attributes.get("document_key") if isinstance(attributes, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return Failure(name=str(name or file["id"]), message=str(message or "could not be processed"))
