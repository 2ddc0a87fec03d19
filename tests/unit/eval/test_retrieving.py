"""Search as it is measured."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from eval.bootstrap import Evaluation
from eval.datasets.cases import Query
from eval.retrieving import document_of, measure_search
from rag_service.domain.access import AccessScope
from rag_service.domain.ids import TenantId
from rag_service.use_cases.searching.options import SearchOptions
from tests.values import passage

SCOPE = AccessScope(tenant_id=TenantId("t"), principals=frozenset(), permissions=frozenset())


class Search:
    """Finds the same two documents for every query."""

    async def pin(self, scope: AccessScope, corpus: str) -> SimpleNamespace:
        return SimpleNamespace(number=3)

    async def at(self, scope: AccessScope, pinned: Any, query: str, options: SearchOptions) -> SimpleNamespace:
        passages = [replace(passage(key), attributes={"document_key": key}) for key in ("x", "a")]
        return SimpleNamespace(passages=passages[: options.limit])


async def test_search_is_measured_at_the_version_that_was_pinned() -> None:
    evaluation = Evaluation(container=SimpleNamespace(search=Search()), scope=SCOPE)
    queries = [Query(id="q", text="Q", grades={"a": 1})]

    section = await measure_search(evaluation, "c", queries, passages=100, target=0.5, tell=print)

    assert section.name == "c@3"
    assert section.metrics[0].value == pytest.approx(0.6309, abs=1e-4)
    assert section.metrics[0].passed is True


@pytest.mark.parametrize(("attributes", "key"), [({"document_key": "7"}, "7"), ({}, "a")])
def test_a_document_is_known_by_its_key_or_its_file_name(attributes: dict[str, Any], key: str) -> None:
    assert document_of(replace(passage("x"), filename="a.row.json", attributes=attributes)) == key
