"""Filters, phrases and neighbours over the real engine and the real catalog."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from rag_service.domain.answers import Passage
from rag_service.domain.filters import parse_filter
from rag_service.use_cases.searching.options import SearchOptions
from tests.integration.desk import Desk
from tests.integration.edge_desk import edge_desk

# Each room is one chunk: of two equal ones, chance would choose (ties go by the chunk's id).
HOUSE = "\n\n".join(
    f"# Room {number}\n\n" + f"The door of room {number} opens to the garden. " * 10 for number in range(6)
)
DOCUMENTS = {
    "house": HOUSE,
    "rules": "# Rules\n\nNobody opens the door after ten. The lamp stays on all night.",
    "lamp": "# Lamp\n\nA lamp of oil stays on the table. It is on all day.",
}


@pytest.fixture
async def desk(migrated: Path) -> AsyncIterator[Desk]:
    async with edge_desk(migrated) as desk:
        await desk.publish(DOCUMENTS)
        yield desk


async def found(desk: Desk, query: str, **options: Any) -> list[Passage]:
    wanted = SearchOptions(**{"limit": 4} | options)
    result = await desk.worker.container.search(desk.admin, corpus=desk.corpus, query=query, options=wanted)
    return list(result.passages)


def of(*keys: str) -> Any:
    return parse_filter({"type": "in", "key": "document_key", "value": list(keys)})


async def test_a_search_finds_in_the_documents_of_its_filter_only(desk: Desk) -> None:
    passages = await found(desk, "Who opens the door?", filters=of("rules", "lamp"))

    assert [one.filename for one in passages] == ["rules.md", "lamp.md"]


async def test_a_filter_that_lets_nothing_pass_finds_nothing(desk: Desk) -> None:
    assert await found(desk, "Who opens the door?", filters=of("cellar")) == []


async def test_a_quoted_phrase_comes_first_where_the_filter_lets_it(desk: Desk) -> None:
    question = 'Where is "on all day" said of the door of a room that opens to the garden?'

    assert (await found(desk, question))[0].filename == "lamp.md"
    without = await found(desk, question, filters=of("rules", "house"), limit=20)
    assert {one.filename for one in without} == {"rules.md", "house.md"}


async def test_one_document_gives_no_more_than_its_share(desk: Desk) -> None:
    passages = await found(desk, "Which door opens to the garden?", per_document=1)

    assert sorted(one.filename for one in passages) == ["house.md", "lamp.md", "rules.md"]
    assert [one.rank for one in passages] == [1, 2, 3]


async def test_passages_are_widened_by_their_neighbours_at_exact_places(desk: Desk) -> None:
    alone = await found(desk, "The door of room 3", limit=1)
    [wider] = await found(desk, "The door of room 3", limit=1, neighbours=1)
    async with desk.worker.container.catalog.reading() as tx:
        text = (await tx.documents.parsed(desk.admin, wider.document_id, wider.revision)).text

    assert wider.text == wider.span.of(text)
    assert alone[0].text in wider.text and len(wider.text) > 2 * len(alone[0].text)
    assert all(f"room {number}" in wider.text for number in (2, 3, 4))
