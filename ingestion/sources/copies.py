"""What connectors keep of their sources between runs, on this machine, and its eraser."""

import asyncio
import shutil
from pathlib import Path

from rag_service.domain.access import AccessScope
from rag_service.domain.erasures import Counts, Erasure, ErasureKind, Removal
from rag_service.domain.ids import CorpusId, SourceId
from rag_service.ports.eraser import Held


class SourceCopies:
    """A folder for each source, in one for its corpus. All of it may be removed between runs."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, corpus_id: CorpusId, source_id: SourceId) -> Path:
        """Return the folder of a source, which may not be there."""
        return self._root / corpus_id / source_id

    def forget(self, corpus_id: CorpusId, source_id: SourceId | None = None) -> None:
        """Remove what is kept of a source, or of all sources of a corpus."""
        shutil.rmtree(self._root / corpus_id / (source_id or ""), ignore_errors=True)

    def is_there(self, corpus_id: CorpusId) -> bool:
        """Say whether anything is kept of the sources of a corpus."""
        return (self._root / corpus_id).exists()


class EraseSourceCopies:
    """The eraser of these copies. From then on, none outlasts a run of a source of that corpus."""

    store = "source copies"
    claims = frozenset[str]()

    def __init__(self, copies: SourceCopies) -> None:
        self._copies = copies

    async def erase(self, scope: AccessScope, erasure: Erasure, *, still_held: Held) -> Removal:
        """Remove them."""
        corpus_id = _corpus_of(erasure)
        if corpus_id is not None:
            await asyncio.to_thread(self._copies.forget, corpus_id)
        return Removal()

    async def probe(self, scope: AccessScope, erasure: Erasure) -> Counts:
        """Look for copies of a corpus. Those of a document may be there again for the length of a run."""
        corpus_id = _corpus_of(erasure)
        if corpus_id is None or erasure.kind is ErasureKind.DOCUMENT:
            return {}
        return {"source_copies": int(await asyncio.to_thread(self._copies.is_there, corpus_id))}


def _corpus_of(erasure: Erasure) -> CorpusId | None:
    corpus_id = erasure.subject.get("corpus_id")
    return None if corpus_id is None else CorpusId(corpus_id)
