"""Corpora: making them, and how far their documents are."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from rag_service.client.errors import ApiError
from rag_service.client.transport import Json, Transport, segment


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCounts:
    """How far the documents of a corpus are. Completed means published."""

    in_progress: int
    completed: int
    failed: int
    total: int


class CorpusCalls(Transport):
    """The part of the client for corpora."""

    def models(self) -> list[Json]:
        """Return the corpora that can be asked."""
        return list(self._call("GET", "/v1/models")["data"])

    def corpora(self) -> list[Json]:
        """Return the corpora the key may see."""
        return list(self._pages("/v1/vector_stores"))

    def corpus(self, ref: str) -> Json:
        """Return a corpus by id or name."""
        return self._call("GET", f"/v1/vector_stores/{segment(ref)}")

    def create_corpus(self, name: str) -> Json:
        """Create a corpus; a name that is taken is an error."""
        return self._call("POST", "/v1/vector_stores", json={"name": name})

    def ensure_corpus(self, name: str) -> Json:
        """Return the corpus `name`, created when there is none."""
        try:
            return self.corpus(name)
        except ApiError as exc:
            if exc.status != httpx.codes.NOT_FOUND:
                raise
            return self.create_corpus(name)

    def builds(self, corpus: str) -> list[Json]:
        """Return the builds of a corpus, oldest first."""
        return list(self._call("GET", f"/v1/corpora/{segment(corpus)}/builds")["data"])

    def rebuild(self, corpus: str) -> Json:
        """Ask for a corpus to be built under the settings of the service; return the job."""
        return self._call("POST", f"/v1/corpora/{segment(corpus)}/builds")

    def gaps(self, corpus: str, *, days: int | None = None) -> Json:
        """Return the content gaps of a corpus; `days` is how far to look back, else as the service is set."""
        return self._call("GET", f"/v1/corpora/{segment(corpus)}/gaps", params={"days": days} if days else None)

    def counts(self, corpus: str) -> FileCounts:
        """Return how far the documents of a corpus are."""
        counts = self.corpus(corpus)["file_counts"]
        return FileCounts(**{name: int(counts[name]) for name in FileCounts.__slots__})

    def wait_until_done(
        self, corpus: str, progress: Callable[[FileCounts], None] = lambda _: None, *, poll_s: float = 1.0
    ) -> FileCounts:
        """Wait until no document of the corpus is in progress; `progress` hears every look."""
        while (counts := self.counts(corpus)).in_progress:
            progress(counts)
            time.sleep(poll_s)
        progress(counts)
        return counts
