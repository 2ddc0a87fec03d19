"""Which versions a caller may read: published ones with `history`, a sealed draft with `publish`."""

from collections.abc import Iterable

from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.drafts import DraftState
from rag_service.domain.ids import CorpusId
from rag_service.domain.versions import Corpus, PinnedVersion, Version
from rag_service.errors import NotFound
from rag_service.ports.catalog import Transaction
from rag_service.use_cases.names import DRAFT
from rag_service.use_cases.permissions import require, require_one_of

READERS = (Permission.HISTORY, Permission.PUBLISH)
"""Either lets a caller read about drafts and versions; asking them needs the one that fits."""

_MAX_VERSION_DIGITS = 15


async def pinned_version(tx: Transaction, scope: AccessScope, corpus: Corpus, ref: str) -> PinnedVersion:
    """Return the version that `ref` names after the @, if the caller may ask it; else raise NotFound.

    That is a number, a label, or "draft" for the sealed draft.
    """
    if ref == DRAFT:
        number = await sealed_draft(tx, scope, corpus.id, ref=ref)
        version = await tx.versions.get(scope, corpus.id, number)
        return PinnedVersion(corpus=corpus, number=number, fingerprint=version.fingerprint)
    if ref.isascii() and ref.isdigit() and len(ref) <= _MAX_VERSION_DIGITS:
        number = int(ref)
    else:
        number = (await tx.versions.labels(scope, corpus.id)).get(ref, 0)
    if number == corpus.published and number:
        return PinnedVersion(corpus=corpus, number=number, fingerprint=corpus.fingerprint)
    version = await readable_version(tx, scope, corpus.id, number, ref=ref)
    return PinnedVersion(corpus=corpus, number=version.number, fingerprint=version.fingerprint)


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
