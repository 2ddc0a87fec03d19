"""What is on the disk of a build, brought into memory."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rag_service.retrieval.faiss_checksums import BuildDamaged
from rag_service.retrieval.faiss_dense import library_errors
from rag_service.retrieval.faiss_record import FLOATS, Record, Records
from rag_service.retrieval.faiss_rows import Columns
from rag_service.retrieval.faiss_store import RowStore

_RECORDS_PER_PAGE = 5_000
_NO_ROWS = (ValueError, TypeError, KeyError, OverflowError)
"""What reading raises where the database file holds other bytes than were written."""


def load_rows(store: RowStore, structured: NDArray[np.int64] | None) -> tuple[Columns, bool]:
    """Return all rows, in the order of `structured` as far as that goes, and whether those fit together.

    `structured` are the numbers of a structure's rows, ascending. Those that were removed since have their place,
    and are gone.

    Raises:
        BuildDamaged: the file is damaged.
        IndexUnavailable: memory has no room for it.
    """
    with store.damage_noted():
        try:
            with library_errors("hold the rows of a build"):
                return _loaded(store, structured)
        except _NO_ROWS as exc:
            raise BuildDamaged(f"The rows of a build are damaged: {exc}") from exc


def _loaded(store: RowStore, structured: NDArray[np.int64] | None) -> tuple[Columns, bool]:
    count, read, fits = store.count(), 0, True
    columns = Columns(store.dimensions, expected=count)
    left = np.empty(0, dtype=np.int64) if structured is None else structured
    last = int(left[-1]) if left.size else -1
    for page in store.records(page=_RECORDS_PER_PAGE):
        _check(page, store.dimensions)
        read += len(page)
        numbers = np.array([record.row for record in page])
        due, left = np.split(left, [np.searchsorted(left, numbers[-1], side="right")])
        fits = fits and bool(np.isin(numbers[numbers <= last], due).all())
        _append(columns, page, gone=np.setdiff1d(due, numbers), dimensions=store.dimensions)
    # Counted by an index, read from the table: damage makes them two.
    if read != count:
        raise BuildDamaged(f"The rows of a build are damaged: {read} of {count} are left.")
    if left.size:
        _append(columns, [], gone=left, dimensions=store.dimensions)
    return columns, fits


def _append(columns: Columns, page: Sequence[Record], *, gone: NDArray[np.int64], dimensions: int) -> None:
    if not gone.size:
        columns.append(Records.of(page))
        return
    columns.append(Records.of(sorted([*page, *(_gone(int(number), dimensions) for number in gone)])))
    columns.remove(gone.tolist())


def _gone(number: int, dimensions: int) -> Record:
    return Record(number, "", "", "", "", "", "[]", 0, 0, bytes(dimensions * FLOATS.itemsize), b"", b"")


def _check(page: Sequence[Record], dimensions: int) -> None:
    """Refuse vectors that were cut off."""
    records = Records.of(page)
    sizes = [list(map(len, column)) for column in (records.dense, records.terms, records.weights)]
    if set(sizes[0]) != {dimensions * FLOATS.itemsize} or sizes[1] != sizes[2]:
        raise BuildDamaged("The vectors of a build are damaged.")
