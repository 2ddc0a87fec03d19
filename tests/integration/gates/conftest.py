"""A corpus with golden questions, and a draft of it whose publish waits for a verdict."""

import pytest

from ingestion.bootstrap import Worker
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.drafts import Draft
from tests.gate_values import golden_question
from tests.integration.desk import DOCUMENTS, Desk
from tests.integration.gates.judging import GREEN, ask


@pytest.fixture
async def desk(worker: Worker, admin: AccessScope) -> Desk:
    """A corpus with two golden questions and a held draft."""
    desk = Desk(worker=worker, admin=admin)
    corpus = await worker.container.create_corpus(admin, name=desk.corpus)
    await desk.publish(DOCUMENTS)
    questions = [golden_question(admin.tenant_id, corpus.id, name) for name in ("apples", "pears")]
    async with worker.container.catalog.writing() as tx:
        await tx.golden.add(system_scope(admin.tenant_id), questions)
    return desk


@pytest.fixture
async def draft(desk: Desk) -> Draft:
    """A draft whose publish waits for the verdict."""
    opened = await desk.hold(uploads={"a": GREEN})
    return await ask(desk, opened)
