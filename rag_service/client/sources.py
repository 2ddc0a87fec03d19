"""Sources: where documents of a corpus come from besides uploads, and their runs."""

from collections.abc import Iterator

from rag_service.client.transport import Json, Transport, segment


class SourceCalls(Transport):
    """The part of the client for sources. A source is named by its id or its name."""

    def sources(self, corpus: str) -> list[Json]:
        """Return the sources of a corpus by name, each with its newest run."""
        return list(self._call("GET", _address(corpus))["data"])

    def add_source(self, corpus: str, body: Json) -> Json:
        """Set up a source: name, kind, settings, and perhaps credentials, every_s and publish."""
        return self._call("POST", _address(corpus), json=body)

    def source(self, corpus: str, source: str) -> Json:
        """Return a source with its newest run."""
        return self._call("GET", _address(corpus, source))

    def change_source(self, corpus: str, source: str, body: Json) -> Json:
        """Change settings, credentials, every_s or publish of a source."""
        return self._call("PATCH", _address(corpus, source), json=body)

    def remove_source(self, corpus: str, source: str) -> Json:
        """Remove a source; its documents stay."""
        return self._call("DELETE", _address(corpus, source))

    def start_run(self, corpus: str, source: str, *, dry_run: bool = False, force: bool = False) -> Json:
        """Start a run of a source; return it under `run`, and its job under `job`."""
        body = {"dry_run": dry_run, "force": force}
        return self._call("POST", f"{_address(corpus, source)}/runs", json=body)

    def runs(self, corpus: str, source: str) -> Iterator[Json]:
        """Yield the runs of a source, newest first."""
        yield from self._pages(f"{_address(corpus, source)}/runs", {})

    def run(self, corpus: str, source: str, run_id: str) -> Json:
        """Return a run with its plan."""
        return self._call("GET", f"{_address(corpus, source)}/runs/{segment(run_id)}")


def _address(corpus: str, source: str | None = None) -> str:
    sources = f"/v1/corpora/{segment(corpus)}/sources"
    return f"{sources}/{segment(source)}" if source is not None else sources
