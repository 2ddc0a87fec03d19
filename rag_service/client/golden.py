"""Golden questions: what a corpus must be able to answer."""

from collections.abc import Iterator, Sequence

from rag_service.client.transport import Json, Transport, segment


class GoldenCalls(Transport):
    """The part of the client for golden questions."""

    def golden(self, corpus: str, *, state: str | None = None) -> Iterator[Json]:
        """Yield the golden questions of a corpus, newest first; `state` is proposed, accepted or rejected."""
        yield from self._pages(_address(corpus), {"state": state} if state else None)

    def golden_counts(self, corpus: str) -> Json:
        """Return how many there are of each state, and what gate they make."""
        return self._call("GET", _address(corpus, "counts"))

    def add_golden(self, corpus: str, body: Json) -> Json:
        """Add a question that counts at once: question, answers, quotes, answerable, note."""
        return self._call("POST", _address(corpus), json=body)

    def import_golden(self, corpus: str, lines: bytes, *, state: str = "accepted") -> Json:
        """Add the questions in JSON lines; return how many were added, and why others were not."""
        return self._call("POST", _address(corpus, "import"), content=lines, params={"state": state})

    def export_golden(self, corpus: str, *, state: str | None = None) -> str:
        """Return the questions as JSON lines, as the import takes them."""
        params = {"state": state} if state else None
        return self._text(_address(corpus, "export"), params=params)

    def propose_golden(self, corpus: str, answer_id: str) -> Json:
        """Propose the question of an answer that has feedback."""
        return self._call("POST", _address(corpus, "from-answer"), json={"answer_id": answer_id})

    def synthesise_golden(self, corpus: str, *, limit: int, seed: int) -> Json:
        """Propose questions made by rules; return how many were added."""
        return self._call("POST", _address(corpus, "synthesise"), json={"limit": limit, "seed": seed})

    def review_golden(self, corpus: str, *, accept: Sequence[str] = (), reject: Sequence[str] = ()) -> list[Json]:
        """Accept and reject questions by id, all of them or none."""
        body = {"accept": list(accept), "reject": list(reject)}
        return list(self._call("POST", _address(corpus, "review"), json=body)["data"])


def _address(corpus: str, action: str | None = None) -> str:
    golden = f"/v1/corpora/{segment(corpus)}/golden"
    return f"{golden}/{action}" if action else golden
