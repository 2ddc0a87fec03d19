"""Golden questions, runs of suites with their results, and the gates of drafts."""

from collections.abc import Collection, Sequence
from typing import Protocol

from rag_service.domain.access import AccessScope
from rag_service.domain.evaluations import CaseResult, EvalRun
from rag_service.domain.gates import Acceptance, Gate
from rag_service.domain.golden import GoldenQuestion, GoldenState
from rag_service.domain.ids import CorpusId, DocumentId, DraftId, EvalRunId, GoldenId
from rag_service.domain.pages import Page, PageRequest


class GoldenQuestions(Protocol):
    """Golden questions of corpora in scope that quote nothing but documents in it; others are NotFound."""

    async def add(self, scope: AccessScope, questions: Sequence[GoldenQuestion]) -> None:
        """Add questions of corpora in scope, or raise NotFound, also when a quote names no document of the corpus."""

    async def get(self, scope: AccessScope, golden_id: GoldenId) -> GoldenQuestion:
        """Return a question, or raise NotFound."""

    async def change(self, scope: AccessScope, question: GoldenQuestion) -> None:
        """Replace the content and the state of a question; its corpus, origin and author stay."""

    async def remove(self, scope: AccessScope, golden_id: GoldenId) -> None:
        """Remove a question, or raise NotFound."""

    async def all(
        self, scope: AccessScope, corpus_id: CorpusId, *, states: Collection[GoldenState]
    ) -> list[GoldenQuestion]:
        """Return the questions of a corpus in these states, oldest first."""

    async def page(
        self, scope: AccessScope, corpus_id: CorpusId, *, state: GoldenState | None, page: PageRequest
    ) -> Page[GoldenQuestion]:
        """Return a part of the questions of a corpus, by time."""

    async def counts(self, scope: AccessScope, corpus_id: CorpusId) -> dict[GoldenState, int]:
        """Return how many there are of each state; a state without any is 0."""


class EvalRuns(Protocol):
    """Runs over corpora in scope; another's is NotFound."""

    async def add(self, scope: AccessScope, run: EvalRun) -> None:
        """Add a run over a corpus in scope, or raise NotFound. The oldest beyond what is kept per suite and purpose are removed."""

    async def get(self, scope: AccessScope, run_id: EvalRunId) -> EvalRun:
        """Return a run, or raise NotFound."""

    async def change(self, scope: AccessScope, run: EvalRun) -> None:
        """Replace what is known about a run; its corpus, suite, purpose and beginning stay."""

    async def add_results(self, scope: AccessScope, run_id: EvalRunId, results: Sequence[CaseResult]) -> None:
        """Keep results of a run, in place of earlier ones of the same cases.

        A result that shows a document which is erased or about to be is left out.
        """

    async def results(self, scope: AccessScope, run_id: EvalRunId) -> list[CaseResult]:
        """Return the results of a run, by case; those that show a document the scope may not see are left out."""

    async def result(self, scope: AccessScope, run_id: EvalRunId, case_id: str) -> CaseResult:
        """Return one result, or raise NotFound."""

    async def cached(self, scope: AccessScope, corpus_id: CorpusId, keys: Collection[str]) -> dict[str, CaseResult]:
        """Return a result for each of these cache keys that has one, by key."""

    async def page(
        self, scope: AccessScope, *, corpus_id: CorpusId | None, suite: str | None, page: PageRequest
    ) -> Page[EvalRun]:
        """Return a part of the runs by time, of one corpus or all in scope, of one suite or all."""

    async def showing(self, scope: AccessScope, document_id: DocumentId) -> int:
        """Return how many results show a document."""


class Gates(Protocol):
    """Verdicts about drafts in scope, and what people accepted."""

    async def put(self, scope: AccessScope, gate: Gate) -> None:
        """Keep the verdict about a draft under a number, in place of an earlier one; NotFound without the draft."""

    async def of_draft(self, scope: AccessScope, draft_id: DraftId) -> Gate | None:
        """Return the newest verdict about a draft, None when there is none yet; NotFound without the draft."""

    async def accept(self, scope: AccessScope, acceptance: Acceptance) -> None:
        """Note that a regression of a draft is accepted, in place of an earlier acceptance of the same question."""

    async def accepted(self, scope: AccessScope, draft_id: DraftId) -> list[Acceptance]:
        """Return what was accepted of a draft, oldest first."""
