"""Numbers for the names that many rows share. One thread adds names while others look them up."""

import json
from collections.abc import Collection, Hashable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from rag_service.domain.ids import CorpusId, DocumentId, TenantId

Marks = NDArray[np.bool_]
Codes = NDArray[np.int32]
_Name = TypeVar("_Name", bound=Hashable)


class Names:
    """Codes from 0 for corpora of tenants, documents, and the sets of principals who may see a row."""

    def __init__(self) -> None:
        self._scopes: dict[tuple[str, str], int] = {}
        self._documents: dict[str, int] = {}
        self._readers: dict[str, int] = {}
        self._readers_with: dict[str, list[int]] = {}

    def new_scopes(self, tenants: Sequence[str], corpora: Sequence[str]) -> Codes:
        return _codes(self._scopes, list(zip(tenants, corpora, strict=True)))

    def new_documents(self, documents: Sequence[str]) -> Codes:
        return _codes(self._documents, documents)

    def new_readers(self, principals: Sequence[str]) -> Codes:
        """Return the codes of sets of principals, as records keep them."""
        for each in set(principals).difference(self._readers):
            code = len(self._readers)
            for principal in json.loads(each):
                self._readers_with.setdefault(principal, []).append(code)
            self._readers[each] = code
        return _codes(self._readers, principals)

    def scope(self, tenant_id: TenantId, corpus_id: CorpusId) -> int | None:
        """Return the code of a corpus of a tenant, None when no row is in it."""
        return self._scopes.get((tenant_id, corpus_id))

    def readers_of(self, principals: Collection[str]) -> Marks:
        """Return for each code of a set of principals whether one of `principals` is in it."""
        marks = np.zeros(len(self._readers), dtype=np.bool_)
        for each in principals:
            _set(marks, self._readers_with.get(each, ()))
        return marks

    def marks_of(self, documents: Collection[DocumentId]) -> Marks:
        """Return for each code of a document whether it is one of `documents`."""
        marks = np.zeros(len(self._documents), dtype=np.bool_)
        _set(marks, [self._documents[each] for each in documents if each in self._documents])
        return marks


def _codes(known: dict[_Name, int], names: Sequence[_Name]) -> Codes:
    for each in set(names).difference(known):
        known[each] = len(known)
    return np.fromiter(map(known.__getitem__, names), dtype=np.int32, count=len(names))


def _set(marks: Marks, codes: Sequence[int]) -> None:
    # What was added after the marks were made is in no row that is looked at.
    marks[[code for code in tuple(codes) if code < len(marks)]] = True
