"""Asks one question as the service is asked, and leaves no answer behind."""

from eval.datasets.cases import Case
from eval.evidence import Evidence, documents_in, evidence_of, evidence_of_failure
from eval.metrics.citations import Cited, resolves
from rag_service.bootstrap import Container
from rag_service.domain.access import AccessScope
from rag_service.domain.answers import Answer, Citation, Finished, Question
from rag_service.domain.degradation import is_found_by_less
from rag_service.domain.ids import DocumentId
from rag_service.errors import DependencyUnavailable, GeneratorUnavailable, RagError

Asked = tuple[Evidence, frozenset[DocumentId]]
"""What came back, and the documents whose text is in it."""


class AskCase:
    """Asks through the service's own use case, at one version ("name@number"); `exact` as in its search."""

    def __init__(self, *, container: Container, scope: AccessScope, corpus: str, exact: bool = False) -> None:
        self._container = container
        self._scope = scope
        self._corpus = corpus
        self._exact = exact

    async def __call__(self, case: Case) -> Asked:
        """Return what came back; a part that is down is asked once more, then `failure` says why."""
        try:
            try:
                return await self._once(case)
            except RagError as exc:
                if not exc.transient:
                    raise
                return await self._once(case)
        except RagError as exc:
            return evidence_of_failure(case, f"could not be asked: {type(exc).__name__}"), frozenset()

    async def _once(self, case: Case) -> Asked:
        answer = await self._answer(case)
        # A stand-in's answer says nothing of the generator that is measured.
        if answer.by_stand_in or answer.reason == "generator_failed":
            raise GeneratorUnavailable("The generator did not answer.")
        # Nor does what was found without a part of the search.
        if is_found_by_less(answer.degraded):
            raise DependencyUnavailable("A part of the search did not answer.")
        return evidence_of(case, answer, resolved=await self._resolved(answer)), documents_in(answer)

    async def _answer(self, case: Case) -> Answer:
        question = Question(corpus=self._corpus, messages=case.messages)
        asked = self._container.ask_question(self._scope, question, keep=False, exact=self._exact)
        events = [event async for event in asked]
        match events[-1]:
            case Finished(answer=answer):
                return answer
            case _:
                raise ValueError("an answer ends with its record")

    async def _resolved(self, answer: Answer) -> list[bool]:
        if not answer.citations:
            return []
        async with self._container.catalog.reading() as tx:
            members = {(citation.document_id, citation.revision) for citation in answer.citations}
            texts = {member: (await tx.documents.parsed(self._scope, *member)).text for member in sorted(members)}
        return [resolves(_cited(one), texts[one.document_id, one.revision]) for one in answer.citations]


def _cited(citation: Citation) -> Cited:
    return Cited(
        document=citation.filename,
        quote=citation.quote,
        char_start=citation.quote_span.start,
        char_end=citation.quote_span.end,
        quote_sha256=citation.quote_sha256,
    )
