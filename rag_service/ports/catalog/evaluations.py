"""Golden questions, runs of suites with their results, and the gates of drafts."""

from collections.abc import Collection, Sequence
from typing import Protocol

from rag_service.domain.access import AccessScope
from rag_service.domain.evaluations import CaseResult, EvalRun
from rag_service.domain.gates import Acceptance, Gate
from rag_service.domain.golden import GoldenQuestion, GoldenState
from rag_service.domain.ids import CorpusId, DraftId, EvalRunId, GoldenId
from rag_service.domain.pages import Page, PageRequest


class GoldenQuestions(Protocol):
    """Golden questions of corpora in scope that quote nothing but documents in it; others are NotFound."""

    async def add(self, scope: AccessScope, questions: Sequence[GoldenQuestion]) -> None:
        """Add questions of corpora in scope, or raise NotFound, also when a quote names no document of the corpus."""

    async def get(self, scope: AccessScope, golden_id: GoldenId, *, lock: bool = False) -> GoldenQuestion:
        """Return a question, or raise NotFound. With `lock` nobody else changes or removes it in this transaction."""

    async def known(
        self, scope: AccessScope, ids: Collection[GoldenId], *, lock: bool = False
    ) -> dict[GoldenId, GoldenQuestion]:
        """Return those of these questions that exist, in whatever state. With `lock` nobody removes them meanwhile."""

    async def hold_documents(self, question: GoldenQuestion) -> None:
        """Keep the documents that a question quotes from being erased until the transaction ends.

        To be called before a question that is to quote other documents is locked: whoever erases locks documents first.
        """

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
        """Add a run over a corpus in scope, or raise NotFound.

        The oldest beyond what is kept per suite and purpose are removed, and the results of those that ended long ago.
        """

    async def get(self, scope: AccessScope, run_id: EvalRunId) -> EvalRun:
        """Return a run, or raise NotFound."""

    async def change(self, scope: AccessScope, run: EvalRun) -> None:
        """Replace what is known about a run; its corpus, suite, purpose and beginning stay."""

    async def add_results(self, scope: AccessScope, run_id: EvalRunId, results: Sequence[CaseResult]) -> None:
        """Keep results of a run, in place of earlier ones of the same cases.

        A result that shows a document which is erased or about to be is left out, and in the golden suite one whose question
        is gone. The others' documents and questions stay until the transaction ends.
        """

    async def results(self, scope: AccessScope, run_id: EvalRunId) -> list[CaseResult]:
        """Return the results of a run, by case; those that show a document the scope may not see are left out."""

    async def results_page(self, scope: AccessScope, run_id: EvalRunId, page: PageRequest) -> Page[CaseResult]:
        """Return a part of the results of a run, by case; cases are the cursors."""

    async def result(self, scope: AccessScope, run_id: EvalRunId, case_id: str) -> CaseResult:
        """Return one result, or raise NotFound."""

    async def cached(self, scope: AccessScope, corpus_id: CorpusId, keys: Collection[str]) -> dict[str, CaseResult]:
        """Return a result for each of these cache keys that has one, by key: one with its judge's scores before others."""

    async def page(
        self, scope: AccessScope, *, corpus_id: CorpusId | None, suite: str | None, page: PageRequest
    ) -> Page[EvalRun]:
        """Return a part of the runs by time, of one corpus or all in scope, of one suite or all."""


class Gates(Protocol):
    """Verdicts about drafts in scope, and what people accepted."""

    async def put(self, scope: AccessScope, gate: Gate) -> None:
        """Keep the verdict about a draft under a number, in place of an earlier one; NotFound without the draft."""

    async def of_draft(self, scope: AccessScope, draft_id: DraftId) -> Gate | None:
        """Return the newest verdict about a draft, None when there is none yet; NotFound without the draft."""

    async def accept(self, scope: AccessScope, acceptance: Acceptance) -> None:
        """Note that a regression of a draft is accepted, in place of an earlier acceptance of the same one."""

    async def accepted(self, scope: AccessScope, draft_id: DraftId) -> list[Acceptance]:
        """Return what was accepted of a draft, oldest first."""
