"""Which versions a caller may read: published ones with `history`, a sealed draft with `publish`."""

from collections.abc import Iterable

from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.drafts import DraftState
from rag_service.domain.ids import CorpusId
from rag_service.domain.versions import Version
from rag_service.errors import NotFound
from rag_service.ports.catalog import Transaction
from rag_service.use_cases.permissions import require, require_one_of

READERS = (Permission.HISTORY, Permission.PUBLISH)
"""Either lets a caller read about drafts and versions; asking them needs the one that fits."""


async def sealed_draft(tx: Transaction, scope: AccessScope, corpus_id: CorpusId, *, ref: str) -> int:
    """Return the number of the sealed draft, or raise NotFound for version `ref`."""
    require(scope, Permission.PUBLISH, kind="version", ref=ref)
    draft = await tx.drafts.in_slot(scope, corpus_id)
    if draft is None or draft.number is None or draft.state is not DraftState.SEALED:
        raise NotFound("version", ref)
    return draft.number


async def readable_version(
    tx: Transaction,
    scope: AccessScope,
    corpus_id: CorpusId,
    number: int,
    *,
    ref: str,
    published: Iterable[Permission] = (Permission.HISTORY,),
) -> Version:
    """Return a version; one that was published once needs one of `published`. Raises NotFound for version `ref`."""
    try:
        version = await tx.versions.get(scope, corpus_id, number)
    except NotFound as exc:
        raise NotFound("version", ref) from exc
    if version.published_at is not None:
        require_one_of(scope, published, kind="version", ref=ref)
    # Half unsealed it would be neither what it was nor gone.
    elif await sealed_draft(tx, scope, corpus_id, ref=ref) != number:
        raise NotFound("version", ref)
    return version
