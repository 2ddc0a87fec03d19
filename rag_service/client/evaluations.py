"""Runs of evaluation suites."""

from collections.abc import Iterator

from rag_service.client.transport import Json, Transport, segment


class EvaluationCalls(Transport):
    """The part of the client for evaluations."""

    def eval_runs(self, *, corpus: str | None = None, suite: str | None = None) -> Iterator[Json]:
        """Yield the runs, newest first."""
        wanted = {"corpus": corpus, "suite": suite}
        return self._pages("/v1/evals", {name: value for name, value in wanted.items() if value is not None})

    def eval_run(self, run_id: str) -> Json:
        """Return a run with its figures."""
        return self._call("GET", _address(run_id))

    def compare_evals(self, before: str, after: str) -> Json:
        """Return how the second run differs from the first."""
        return self._call("GET", "/v1/evals/compare", params={"a": before, "b": after})

    def export_eval(self, run_id: str) -> str:
        """Return a run and its results as JSON lines."""
        return self._text(f"{_address(run_id)}/export")

    def eval_report(self, run_id: str) -> str:
        """Return a run as one HTML page."""
        return self._text(f"{_address(run_id)}/report")

    def live_answers(self, corpus: str) -> Json:
        """Return how the answers that people got were scored, and what of them has drifted."""
        return self._call("GET", f"/v1/corpora/{segment(corpus)}/live")


def _address(run_id: str) -> str:
    return f"/v1/evals/{segment(run_id)}"
