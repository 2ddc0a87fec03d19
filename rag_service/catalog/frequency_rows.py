"""Document frequencies between arrays and compressed bytes."""

import zlib
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.database import insert_into
from rag_service.catalog.scoping import is_storable
from rag_service.catalog.tables import document_frequencies, versions
from rag_service.domain.ids import CorpusId, Fingerprint
from rag_service.ports.sparse_encoder import DocumentFrequencies

_UINT32 = np.dtype("<u4")
_LEVEL = 1
"""Of compression: on 200,000 terms the usual 6 takes six times as long, and saves nothing."""


def values_of(frequencies: DocumentFrequencies) -> dict[str, Any]:
    """Return the columns' values: terms as differences, which are small and compress well."""
    differences = np.diff(frequencies.terms, prepend=np.uint32(0))
    return {
        "chunk_count": frequencies.chunk_count,
        "terms": _pack(differences),
        "counts": _pack(frequencies.counts),
    }


def frequencies_of(row: sa.Row[Any]) -> DocumentFrequencies:
    """Return the frequencies in a row."""
    terms = np.cumsum(_unpack(row.terms), dtype=np.uint32)
    return DocumentFrequencies(chunk_count=row.chunk_count, terms=terms, counts=_unpack(row.counts))


async def read_frequencies(
    connection: AsyncConnection, corpus_id: CorpusId, number: int, fingerprint: Fingerprint
) -> DocumentFrequencies | None:
    """Return the frequencies of a version under a build, None when they are not kept."""
    table = document_frequencies
    one: sa.Select[Any] = sa.select(table.c.chunk_count, table.c.terms, table.c.counts).where(
        table.c.corpus_id == corpus_id,
        table.c.number == (number if is_storable(number) else 0),
        table.c.fingerprint == fingerprint,
    )
    row = (await connection.execute(one)).first()
    return None if row is None else frequencies_of(row)


async def keep_frequencies(
    connection: AsyncConnection,
    corpus_id: CorpusId,
    number: int,
    fingerprint: Fingerprint,
    frequencies: DocumentFrequencies,
) -> None:
    """Keep the frequencies of a version under a build, in place of earlier ones; of no version they are not kept."""
    one = sa.select(versions.c.number).where(versions.c.corpus_id == corpus_id, versions.c.number == number)
    if (await connection.execute(one)).first() is None:
        return
    values = values_of(frequencies)
    new = insert_into(connection, document_frequencies).values(
        corpus_id=corpus_id, number=number, fingerprint=fingerprint, **values
    )
    place = [column for column in document_frequencies.c if column.primary_key]
    await connection.execute(new.on_conflict_do_update(index_elements=place, set_=values))


def _pack(values: NDArray[np.uint32]) -> bytes:
    return zlib.compress(values.astype(_UINT32).tobytes(), _LEVEL)


def _unpack(packed: bytes) -> NDArray[np.uint32]:
    return np.frombuffer(zlib.decompress(packed), _UINT32).astype(np.uint32, copy=False)
