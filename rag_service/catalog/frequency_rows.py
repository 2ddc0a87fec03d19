"""Document frequencies between arrays and compressed bytes."""

import zlib
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from rag_service.ports.sparse_encoder import DocumentFrequencies

_UINT32 = np.dtype("<u4")


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


def no_frequencies() -> DocumentFrequencies:
    """Return the frequencies of no chunks."""
    return DocumentFrequencies(chunk_count=0, terms=np.empty(0, np.uint32), counts=np.empty(0, np.uint32))


def _pack(values: NDArray[np.uint32]) -> bytes:
    return zlib.compress(values.astype(_UINT32).tobytes())


def _unpack(packed: bytes) -> NDArray[np.uint32]:
    return np.frombuffer(zlib.decompress(packed), _UINT32).astype(np.uint32, copy=False)
