"""Golden questions that the catalog's tests put in."""

from typing import Any

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.answers import Message
from rag_service.domain.golden import GoldenQuestion, GoldenState, GoldQuote
from tests.contract.catalog_values import CORPUS, OURS, SYSTEM, at
from tests.evaluation_values import golden as accepted_golden


def golden(name: str = "one", *, seconds: float = 0, **changes: Any) -> GoldenQuestion:
    asked = (Message(role="user", content=f"What of {name}?"),)
    place = {"corpus_id": CORPUS, "tenant_id": OURS, "created_at": at(seconds), "updated_at": at(seconds)}
    return accepted_golden(f"gold_{name}", **place | {"messages": asked, "answers": ("Snow 🐧",)} | changes)


def quoting(document: str) -> dict[str, tuple[GoldQuote, ...]]:
    return {"quotes": (GoldQuote(document_key=f"{document}.md", text="Snow"),)}


async def keep(catalog: SqlCatalog, *questions: GoldenQuestion) -> None:
    async with catalog.writing() as tx:
        await tx.golden.add(SYSTEM, questions)


async def kept(catalog: SqlCatalog, **options: Any) -> list[str]:
    async with catalog.reading() as tx:
        return [one.id for one in await tx.golden.all(options.get("scope", SYSTEM), CORPUS, states=tuple(GoldenState))]
