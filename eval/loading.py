"""Brings the texts of a data set into a corpus of the running service, as `rag ingest --jsonl` does."""

from collections.abc import Callable, Sequence

from eval.datasets.cases import Text
from rag_service.cli.loading import Failure, processing_failures, upload_rows
from rag_service.client import Client
from rag_service.domain.rows import Row

Tell = Callable[[str], None]
_EVERY = 500


def ensure_loaded(client: Client, corpus: str, texts: Sequence[Text], *, tell: Tell) -> list[Failure]:
    """Load `texts` unless the corpus has as many documents, wait until they are published, return what failed."""
    client.ensure_corpus(corpus)
    refused = [] if client.counts(corpus).total >= len(texts) else _upload(client, corpus, texts, tell)
    client.wait_until_done(corpus, lambda counts: tell(f"{corpus}: {counts.in_progress} documents are processed"))
    failed = frozenset(str(file["id"]) for file in client.files(corpus, status="failed"))
    return [*refused, *processing_failures(client, corpus, failed)]


def _upload(client: Client, corpus: str, texts: Sequence[Text], tell: Tell) -> list[Failure]:
    rows = (Row(id=text.id, title=text.title, text=text.text) for text in texts)
    refused = []
    for count, outcome in enumerate(upload_rows(client, corpus, rows), start=1):
        if count % _EVERY == 0:
            tell(f"{corpus}: {count} of {len(texts)} texts are uploaded")
        if isinstance(outcome, Failure):
            refused.append(outcome)
    return refused
