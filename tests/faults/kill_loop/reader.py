"""Somebody who asks a corpus without a break, and notes what was shown of each version."""

from tests.faults.kill_loop.asking import Asking
from tests.faults.kill_loop.texts import QUERY, words_of

MOST_RESULTS = 50
"""More than there are chunks in a version."""

Shown = dict[str, str]
"""The words found of each document, by document id."""


class Reader:
    """Searches for words that every chunk has, so that each search shows all of a version."""

    def __init__(self, ask: Asking, corpus: str) -> None:
        self.corpus = corpus
        self.seen: dict[int, Shown] = {}
        self._ask = ask

    def act(self) -> None:
        """Search what is published; a version shows the same every time."""
        version, shown = self.found(self.corpus)
        before = self.seen.setdefault(version, shown)
        assert shown == before, f"version {version} showed {before.keys()}, and now {shown.keys()}: {before}, {shown}"

    def found(self, ref: str) -> tuple[int, Shown]:
        """Return which version a search asked, and what it found there."""
        query = {"query": QUERY, "max_num_results": MOST_RESULTS, "exact": True}
        reply = self._ask("POST", f"/v1/vector_stores/{ref}/search", json=query).body
        parts: dict[str, list[str]] = {}
        for result in sorted(reply["data"], key=lambda result: result["char_start"]):
            parts.setdefault(result["document_id"], []).append(result["content"][0]["text"])
        return reply["version"], {document: words_of(" ".join(texts)) for document, texts in parts.items()}
