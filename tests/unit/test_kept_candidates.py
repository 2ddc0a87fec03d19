"""Which searches are one and the same to the index."""

from dataclasses import replace
from typing import Any

import pytest

from rag_service.domain.ids import CorpusId, DocumentId, Fingerprint, KeyId, TenantId
from rag_service.ports.vector_index import Visible
from rag_service.ports.vectors import QueryVectors
from rag_service.use_cases.searching.find_candidates import _key, _Sought
from rag_service.use_cases.searching.query_cache import digest_of_key
from tests.contract.index_points import TEAM, query

DOCUMENTS = frozenset(DocumentId(f"doc_{number}") for number in range(50))
SOUGHT = _Sought(
    fingerprint=Fingerprint("build"),
    vectors=query(),
    among=Visible(scope=TEAM, corpus_id=CorpusId("corpus"), version=3, documents=DOCUMENTS),
    limit=10,
    exact=False,
)


def among(**changes: Any) -> _Sought:
    return replace(SOUGHT, among=replace(SOUGHT.among, **changes))


def seen_by(**changes: Any) -> _Sought:
    return among(scope=replace(TEAM, **changes))


def digest(sought: _Sought) -> bytes:
    return digest_of_key(_key(sought))


@pytest.mark.parametrize(
    "other",
    [
        seen_by(tenant_id=TenantId("other")),
        seen_by(principals=TEAM.principals | {"more"}),
        seen_by(sees_all_documents=True),
        among(corpus_id=CorpusId("other")),
        among(version=4),
        among(documents=None),
        among(documents=frozenset()),
        replace(SOUGHT, fingerprint=Fingerprint("other")),
        replace(SOUGHT, limit=11),
        replace(SOUGHT, exact=True),
        replace(SOUGHT, vectors=QueryVectors(dense=None, sparse=SOUGHT.vectors.sparse)),
    ],
)
def test_searches_that_may_find_something_else_are_others(other: _Sought) -> None:
    assert digest(other) != digest(SOUGHT)


@pytest.mark.parametrize(
    "same",
    [
        seen_by(key_id=KeyId("other"), end_user="other", permissions=frozenset()),
        among(documents=frozenset(sorted(DOCUMENTS, reverse=True))),
        replace(SOUGHT, vectors=query()),
    ],
)
def test_searches_that_find_the_same_are_one(same: _Sought) -> None:
    assert digest(same) == digest(SOUGHT)
