"""Erasures and their receipts."""

from collections.abc import Iterator

from rag_service.client.transport import Json, Transport, segment


class ErasureCalls(Transport):
    """The part of the client for erasures."""

    def erase_document(self, document_id: str) -> Json:
        """Ask for a document to be erased; asking again returns the same erasure."""
        return self._erase(kind="document", document_id=document_id)

    def erase_person(self, user: str) -> Json:
        """Ask for what is kept of an end user to be erased, named as the application names them."""
        return self._erase(kind="person", user=user)

    def erase_corpus(self, corpus: str) -> Json:
        """Ask for a corpus to be erased, by id or name."""
        return self._erase(kind="corpus", corpus=corpus)

    def erasures(self) -> Iterator[Json]:
        """Yield all erasures, newest first."""
        return self._pages("/v1/erasures")

    def erasure(self, erasure_id: str) -> Json:
        """Return an erasure, with its receipt when it is done."""
        return self._call("GET", f"/v1/erasures/{segment(erasure_id)}")

    def erasure_key(self) -> Json:
        """Return the public key that receipts are signed with."""
        return self._call("GET", "/v1/erasures/key")

    def _erase(self, **subject: str) -> Json:
        return self._call("POST", "/v1/erasures", json=subject)
