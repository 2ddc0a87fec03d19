"""Golden questions, results and verdicts that hold words of what is erased, and replies that repeat them."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.erasing.places import delete_rows
from rag_service.catalog.erasing.replies import remove_replies
from rag_service.catalog.tables import (
    documents,
    drafts,
    eval_result_documents,
    eval_results,
    eval_runs,
    gate_acceptances,
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
    of_it = sa.select(shown.c.run_id, shown.c.case_id).where(shown.c.document_id == document_id)
    showing = sa.tuple_(eval_results.c.run_id, eval_results.c.case_id).in_(of_it)
    removal = await remove_questions(connection, tenant_id, question_ids)
    removal = removal.plus(Removal(removed={"eval_results": await delete_rows(connection, eval_results, showing)}))
    return removal.plus(await _remove_gates(connection, tenant_id, [corpus_id]))


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
    """Remove golden questions with what runs found of them, and the verdicts and replies that may repeat them."""
    removal = Removal()
    for batch in batches(sorted(golden_ids)):
        removal = removal.plus(await _remove_batch(connection, tenant_id, batch))
    return removal


def accepted_by(tenant_id: TenantId, end_user: str) -> sa.ColumnElement[bool]:
    """What an end user accepted of drafts: they are behind the key that stands there."""
    of_tenant = sa.select(drafts.c.id).where(drafts.c.tenant_id == tenant_id)
    theirs = gate_acceptances.c.accepted_by.endswith(f"/{end_user}", autoescape=True)
    return sa.and_(gate_acceptances.c.draft_id.in_(of_tenant), theirs)


async def _remove_batch(connection: AsyncConnection, tenant_id: TenantId, golden_ids: Sequence[str]) -> Removal:
    mine = sa.and_(golden_questions.c.tenant_id == tenant_id, golden_questions.c.id.in_(golden_ids))
    in_order = sa.select(golden_questions.c.corpus_id).where(mine).order_by(golden_questions.c.id)
    asked_of = set((await connection.execute(in_order.with_for_update())).scalars())
    # The questions first: whoever holds one ends before, so that what it wrote is found, and nobody holds one after.
    removed = {"golden_questions": await delete_rows(connection, golden_questions, mine)}
    runs = sa.select(eval_runs.c.id).where(eval_runs.c.tenant_id == tenant_id)
    results = sa.and_(eval_results.c.case_id.in_(golden_ids), eval_results.c.run_id.in_(runs))
    removed["eval_results"] = await delete_rows(connection, eval_results, results)
    accepted = gate_acceptances.c.question_id.in_(golden_ids)
    removed["gate_acceptances"] = await delete_rows(connection, gate_acceptances, accepted)
    removal = Removal(removed=removed).plus(await _remove_gates(connection, tenant_id, sorted(asked_of)))
    return removal.plus(await remove_replies(connection, tenant_id, golden_ids))


async def _remove_gates(connection: AsyncConnection, tenant_id: TenantId, corpus_ids: Sequence[str]) -> Removal:
    """Remove verdicts, and replies that tell of their drafts."""
    of_corpora = sa.and_(gates.c.tenant_id == tenant_id, gates.c.corpus_id.in_(corpus_ids))
    draft_ids = (await connection.execute(sa.select(gates.c.draft_id).where(of_corpora))).scalars().all()
    if not draft_ids:
        return Removal()
    removal = Removal(removed={"gates": await delete_rows(connection, gates, of_corpora)})
    return removal.plus(await remove_replies(connection, tenant_id, draft_ids))
