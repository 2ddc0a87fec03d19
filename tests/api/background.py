"""The worker's part, without a worker: revisions are prepared and drafts become versions."""

from rag_service.domain.access import system_scope
from rag_service.domain.documents import Block, BlockKind, ParsedDocument, PreparedRevision
from rag_service.domain.drafts import wanted_members
from rag_service.domain.ids import CorpusId, DocumentId, DraftId
from rag_service.domain.spans import Span
from rag_service.domain.versions import Version, difference
from rag_service.ports.sparse_encoder import NO_FREQUENCIES
from rag_service.reasons import ReasonCode
from tests.api.parts import Service, now


async def prepare(service: Service, document_id: str, number: int = 1, text: str = "The car park closes.") -> None:
    blocks = (Block(span=Span(0, len(text)), kind=BlockKind.PARAGRAPH),)
    parsed = ParsedDocument(text=text, blocks=blocks)
    done = PreparedRevision(document_id=DocumentId(document_id), number=number, parsed=parsed, chunk_count=1)
    async with service.parts.catalog.writing() as tx:
        await tx.documents.mark_prepared(system_scope(service.scope.tenant_id), [done])


async def fail(service: Service, document_id: str, reason: ReasonCode) -> None:
    scope = system_scope(service.scope.tenant_id)
    async with service.parts.catalog.writing() as tx:
        await tx.documents.mark_failed(scope, DocumentId(document_id), 1, reason=reason, detail="")


async def seal(service: Service, draft_id: str) -> int:
    """Make a version of a draft, for a preview; return its number."""
    scope = system_scope(service.scope.tenant_id)
    async with service.parts.catalog.writing() as tx:
        draft = await tx.drafts.start_sealing(scope, DraftId(draft_id), now())
        published = await tx.versions.members(scope, draft.corpus_id, draft.sealed_against)
        wanted = wanted_members(published, await tx.drafts.changes(scope, draft.id))
        highest = await tx.versions.members(scope, draft.corpus_id, draft.number - 1)
        corpus = await tx.corpora.get(scope, draft.corpus_id)
        version = Version(
            corpus_id=draft.corpus_id,
            number=draft.number,
            draft_id=draft.id,
            document_count=len(wanted),
            chunk_count=len(wanted),
            created_at=now(),
            fingerprint=corpus.fingerprint,
            notes=draft.notes,
        )

        await tx.drafts.finish_sealing(scope, version, difference(highest, wanted), NO_FREQUENCIES)
    number: int = draft.number
    return number


async def publish(service: Service, draft_id: str) -> int:
    """Make a draft the published version; return its number."""
    number = await seal(service, draft_id)
    scope = system_scope(service.scope.tenant_id)
    async with service.parts.catalog.writing() as tx:
        draft = await tx.drafts.get(scope, DraftId(draft_id))
        await tx.corpora.publish(scope, draft.corpus_id, number, expected=draft.sealed_against, now=now())
        await tx.drafts.mark_published(scope, draft.id)
    return number


async def publish_uploads(service: Service, corpus_id: str) -> int:
    """Publish the automatic draft; return the version's number."""
    scope = system_scope(service.scope.tenant_id)
    async with service.parts.catalog.writing() as tx:
        draft = await tx.drafts.automatic(scope, CorpusId(corpus_id), now())
    return await publish(service, draft.id)
