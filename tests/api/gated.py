"""A corpus with golden questions and a draft that is sealed; tests bring the verdict."""

from collections.abc import Sequence

from rag_service.domain.access import system_scope
from rag_service.domain.drafts import Draft
from rag_service.domain.gates import Gate, Regression
from rag_service.domain.ids import DraftId
from tests.api.background import prepare, seal
from tests.api.parts import Service
from tests.gate_values import golden_question, regression, verdict

DRAFT = "/v1/corpora/handbook/drafts/spring"
WORSE = (regression("apples", key="a.md"), regression("pears", key="a.md"))


async def sealed_draft(service: Service) -> Draft:
    """Return a sealed draft of a corpus with two golden questions; it changes a.md."""
    corpus_id = await service.corpus()
    async with service.client() as client:
        await client.post("/v1/corpora/handbook/drafts", json={"name": "spring"})
        stored = (await client.post("/v1/files", files={"file": ("a.md", b"text")})).json()
        added = (await client.post(f"{DRAFT}/files", json={"file_id": stored["id"]})).json()
        draft_id = (await client.get(DRAFT)).json()["id"]
    await prepare(service, added["document_id"])
    await seal(service, draft_id)
    scope = system_scope(service.scope.tenant_id)
    questions = [golden_question(service.scope.tenant_id, corpus_id, name) for name in ("apples", "pears")]
    async with service.parts.catalog.writing() as tx:
        await tx.golden.add(scope, questions)
        return await tx.drafts.get(scope, DraftId(draft_id))


async def judge(service: Service, draft: Draft, worse: Sequence[Regression] = WORSE, **changes: object) -> Gate:
    """Keep a verdict about a draft."""
    gate = verdict(draft, worse=worse, **changes)
    async with service.parts.catalog.writing() as tx:
        await tx.gates.put(system_scope(draft.tenant_id), gate)
    return gate
