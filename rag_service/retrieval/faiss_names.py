"""Numbers for the names that many rows share. One thread adds names while others look them up."""

import json
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from rag_service.domain.ids import CorpusId, DocumentId, TenantId

Marks = NDArray[np.bool_]


class Names:
    """Codes from 0 for corpora of tenants, documents, and the sets of principals who may see a row."""

    def __init__(self) -> None:
        self._scopes: dict[tuple[str, str], int] = {}
        self._documents: dict[str, int] = {}
        self._readers: dict[str, int] = {}
        self._readers_with: dict[str, list[int]] = {}

    def new_scope(self, tenant_id: str, corpus_id: str) -> int:
        return self._scopes.setdefault((tenant_id, corpus_id), len(self._scopes))

    def new_document(self, document_id: str) -> int:
        return self._documents.setdefault(document_id, len(self._documents))

    def new_readers(self, principals: str) -> int:
        """Return the code of a set of principals, as a record keeps it."""
        code = self._readers.get(principals)
        if code is None:
            code = self._readers[principals] = len(self._readers)
            for principal in json.loads(principals):
                self._readers_with.setdefault(principal, []).append(code)
        return code

    def scope(self, tenant_id: TenantId, corpus_id: CorpusId) -> int | None:
        """Return the code of a corpus of a tenant, None when no row is in it."""
        return self._scopes.get((tenant_id, corpus_id))

    def readers_of(self, principals: Collection[str]) -> Marks:
        """Return for each code of a set of principals whether one of `principals` is in it."""
        return _marks([code for each in principals for code in tuple(self._readers_with.get(each, ()))])

    def marks_of(self, documents: Collection[DocumentId]) -> Marks:
        """Return for each code of a document whether it is one of `documents`."""
        return _marks([self._documents[each] for each in documents if each in self._documents])


def _marks(codes: list[int]) -> Marks:
    marks = np.zeros(max(codes, default=-1) + 1, dtype=np.bool_)
    marks[codes] = True
    return marks
