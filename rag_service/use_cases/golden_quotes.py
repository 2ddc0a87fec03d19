"""Whether the quotes of golden questions stand where they say."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable

from rag_service.domain.access import AccessScope
from rag_service.domain.golden import GoldQuote
from rag_service.domain.ids import DocumentId
from rag_service.domain.versions import Corpus
from rag_service.errors import InvalidRequest
from rag_service.ports.catalog import Transaction

_SHOWN_CHARS = 80


async def assert_quotes_stand(tx: Transaction, scope: AccessScope, corpus: Corpus, quotes: Iterable[GoldQuote]) -> None:
    """Raise InvalidRequest that says which quotes are in no published text."""
    problems = await quote_problems(tx, scope, corpus, quotes)
    if problems:
        raise InvalidRequest(" ".join(dict.fromkeys(problems.values())), param="quotes")


async def quote_problems(
    tx: Transaction, scope: AccessScope, corpus: Corpus, quotes: Iterable[GoldQuote]
) -> dict[GoldQuote, str]:
    """Return those of the quotes that what is published of their document does not hold, each with what is wrong.

    White space makes no difference. A document that the caller may not see is told apart from an absent one by nothing.
    """
    by_key: defaultdict[str, set[GoldQuote]] = defaultdict(set)
    for quote in quotes:
        by_key[quote.document_key].add(quote)
    known = await tx.uploads.known(scope, corpus.id, sorted(by_key))
    revisions = await _published(tx, scope, corpus, [one.document.id for one in known.values()])
    problems: dict[GoldQuote, str] = {}
    for key, mine in sorted(by_key.items()):
        if key not in known:
            problems |= dict.fromkeys(mine, f"No document of the corpus has the key {key}.")
        elif (revision := revisions.get(known[key].document.id)) is None:
            problems |= dict.fromkeys(mine, f"{key} is not published.")
        else:
            parsed = await tx.documents.parsed(scope, known[key].document.id, revision)
            problems |= await asyncio.to_thread(_missing, mine, parsed.text)
    return problems


async def _published(
    tx: Transaction, scope: AccessScope, corpus: Corpus, document_ids: list[DocumentId]
) -> dict[DocumentId, int]:
    if not document_ids:
        return {}
    members = await tx.versions.members(scope, corpus.id, corpus.published, documents=document_ids)
    return {member.document_id: member.revision for member in members}


def _missing(quotes: Iterable[GoldQuote], text: str) -> dict[GoldQuote, str]:
    said = " ".join(text.split())
    missing = (quote for quote in sorted(quotes) if " ".join(quote.text.split()) not in said)
    return {
        quote: f"The published text of {quote.document_key} does not hold “{shortened(quote.text)}”."
        for quote in missing
    }


def shortened(text: str) -> str:
    """Return the beginning of a text, for messages."""
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
