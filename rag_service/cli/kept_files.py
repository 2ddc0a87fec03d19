"""Which files a corpus has already: these need not be sent to it again."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from rag_service.cli.documents import Item
from rag_service.client import Client, Json
from rag_service.domain.uploads import key_of

_MOST_LISTED = 20
"""Documents that are looked through for each file: a list of more would take longer than sending the file."""


def kept_files(client: Client, corpus: str, items: Sequence[Item]) -> dict[str, str]:
    """Return, by key, the file ids of those items whose document has the same bytes."""
    if client.counts(corpus).total > _MOST_LISTED * len(items):
        return {}
    wanted = {item.key: item for item in items}
    kept = {}
    for file in client.files(corpus):
        item = wanted.get(key_of(file["filename"], file["attributes"]))
        if item is not None and _is_kept(item, file):
            kept[item.key] = str(file["id"])
    return kept


def _is_kept(item: Item, file: Json) -> bool:
    try:
        same_size = _size_bytes(item.content) == file["usage_bytes"]
        return same_size and _sha256_of(item.content) == file.get("sha256")
    except OSError:
        return False  # it is tried and told once more, when it should be sent


def _size_bytes(content: Path | bytes) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _sha256_of(content: Path | bytes) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
