"""Rows that a disk has changed. What is shown is checked against the hash it was stored with: no reader gets wrong text."""

from rag_service.domain.spans import sha256_of
from rag_service.errors import DataDamaged

ADVICE = "Restore the catalog from a backup, or upload the document again."


def assert_intact(text: str, sha256: str | None, *, what: str) -> None:
    """Raise DataDamaged when a text is not the one that was stored."""
    if sha256_of(text) != sha256:
        raise damaged(what)


def damaged(what: str) -> DataDamaged:
    """Return the error that says what is damaged."""
    return DataDamaged(f"{what} is damaged on disk and is not shown. {ADVICE}")
