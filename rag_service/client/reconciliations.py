"""Comparing catalog, index and raw files."""

from rag_service.client.transport import Json, Transport

_LONGEST_S = 3600.0


class ReconciliationCalls(Transport):
    """The part of the client for reconciliations."""

    def reconcile(self, *, corpus: str | None = None, dry_run: bool) -> Json:
        """Return what differs between catalog, index and raw files; unless `dry_run`, mended."""
        body = {"corpus": corpus, "dry_run": dry_run}
        return self._call("POST", "/v1/reconciliations", json=body, timeout=_LONGEST_S)
