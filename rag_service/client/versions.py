"""Versions: what there is, what differs, what is published, and names for it."""

from rag_service.client.transport import Json, Transport, segment


class VersionCalls(Transport):
    """The part of the client for versions."""

    def versions(self, corpus: str) -> list[Json]:
        """Return the versions of a corpus, newest first."""
        return list(self._pages(f"{_corpus(corpus)}/versions"))

    def version(self, corpus: str, number: int) -> Json:
        """Return a version by its number."""
        return self._call("GET", f"{_corpus(corpus)}/versions/{number}")

    def annotate_version(self, corpus: str, number: int, notes: str) -> Json:
        """Give a version notes, in place of those it has."""
        return self._call("PATCH", f"{_corpus(corpus)}/versions/{number}", json={"notes": notes})

    def publish_version(self, corpus: str, number: int) -> Json:
        """Make a version that was published before the published one."""
        return self._call("POST", f"{_corpus(corpus)}/versions/{number}/publish")

    def publications(self, corpus: str) -> list[Json]:
        """Return what was published when, newest first."""
        return list(self._pages(f"{_corpus(corpus)}/publications"))

    def retention(self, corpus: str) -> Json:
        """Return how long the versions of a corpus are kept."""
        return self._call("GET", f"{_corpus(corpus)}/retention")

    def set_retention(self, corpus: str, *, keep_versions: int, keep_days: int) -> Json:
        """Replace how long the versions of a corpus are kept."""
        kept = {"keep_versions": keep_versions, "keep_days": keep_days}
        return self._call("PUT", f"{_corpus(corpus)}/retention", json=kept)

    def difference(self, corpus: str, before: int, after: int, *, document_id: str | None = None) -> Json:
        """Return what differs between two versions, or how the text of one document does."""
        params = {"from": before, "to": after, **({"document_id": document_id} if document_id else {})}
        return self._call("GET", f"{_corpus(corpus)}/versions/diff", params=params)

    def label_version(self, corpus: str, label: str, number: int) -> Json:
        """Give a label to a version, taking it from another."""
        return self._call("PUT", f"{_corpus(corpus)}/labels/{segment(label)}", json={"version": number})

    def unlabel_version(self, corpus: str, label: str) -> Json:
        """Take a label away."""
        return self._call("DELETE", f"{_corpus(corpus)}/labels/{segment(label)}")


def _corpus(corpus: str) -> str:
    return f"/v1/corpora/{segment(corpus)}"
