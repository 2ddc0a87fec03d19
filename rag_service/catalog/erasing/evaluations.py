"""Golden questions, results and verdicts that hold words of what is erased."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.erasing.places import delete_rows
from rag_service.catalog.tables import (
    documents,
    eval_result_documents,
    eval_results,
    eval_runs,
    gates,
    golden_question_documents,
    golden_questions,
)
from rag_service.domain.erasures import Removal
from rag_service.domain.ids import DocumentId, TenantId


async def remove_of_document(connection: AsyncConnection, tenant_id: TenantId, document_id: DocumentId) -> Removal:
    """Remove results that show a document, questions that quote it, and the verdicts of its corpus, which are made anew."""
    one = sa.select(documents.c.corpus_id).where(documents.c.tenant_id == tenant_id, documents.c.id == document_id)
    corpus_id = (await connection.execute(one)).scalar_one_or_none()
    if corpus_id is None:
        return Removal()
    quoted = golden_question_documents
    quoting = sa.select(quoted.c.question_id).where(quoted.c.document_id == document_id)
    question_ids = (await connection.execute(quoting)).scalars().all()
    shown = eval_result_documents
    showing = sa.exists().where(
        shown.c.run_id == eval_results.c.run_id,
        shown.c.case_id == eval_results.c.case_id,
        shown.c.document_id == document_id,
    )
    removal = Removal(
        removed={
            "eval_results": await delete_rows(connection, eval_results, showing),
            "gates": await delete_rows(connection, gates, gates.c.corpus_id == corpus_id),
        }
    )
    return removal.plus(await remove_questions(connection, tenant_id, question_ids))


async def remove_of_answers(connection: AsyncConnection, tenant_id: TenantId, answer_ids: Collection[str]) -> Removal:
    """Remove golden questions that came from answers which are erased."""
    found: list[str] = []
    for batch in batches(sorted(answer_ids)):
        from_them = sa.select(golden_questions.c.id).where(
            golden_questions.c.tenant_id == tenant_id, golden_questions.c.origin_ref.in_(batch)
        )
        found += (await connection.execute(from_them)).scalars()
    return await remove_questions(connection, tenant_id, found)


async def remove_questions(connection: AsyncConnection, tenant_id: TenantId, golden_ids: Collection[str]) -> Removal:
    """Remove golden questions with what runs found of them."""
    removed = {"golden_questions": 0, "eval_results": 0}
    runs = sa.select(eval_runs.c.id).where(eval_runs.c.tenant_id == tenant_id)
    for batch in batches(sorted(golden_ids)):
        results = sa.and_(eval_results.c.case_id.in_(batch), eval_results.c.run_id.in_(runs))
        removed["eval_results"] += await delete_rows(connection, eval_results, results)
        mine = sa.and_(golden_questions.c.tenant_id == tenant_id, golden_questions.c.id.in_(batch))
        removed["golden_questions"] += await delete_rows(connection, golden_questions, mine)
    return Removal(removed=removed)
