"""What differs between two versions, as far as the caller may see the documents."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rag_service.domain.access import AccessScope
from rag_service.domain.differences import DiffedDocument, DocumentDiff, VersionDiff
from rag_service.domain.documents import Revision
from rag_service.domain.ids import DocumentId, Fingerprint
from rag_service.domain.text_differences import text_diff
from rag_service.domain.uploads import key_of
from rag_service.domain.versions import Corpus, Member
from rag_service.errors import NotFound
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.use_cases.permissions import require_one_of
from rag_service.use_cases.readable_versions import READERS, readable_version

_BATCH_MEMBERS = 256
"""Revisions whose chunks are in memory at once."""


@dataclass(slots=True)
class _Chunks:
    """How often a version has chunks of the same words, and their tokens, by the hash of the embedded text."""

    counts: Counter[str] = field(default_factory=Counter)
    tokens: dict[str, int] = field(default_factory=dict)

    def tokens_of(self, counts: Counter[str]) -> int:
        return sum(self.tokens[text] * count for text, count in counts.items())


class CompareVersions:
    """Compares by documents, and the texts of one."""

    def __init__(self, *, catalog: Catalog) -> None:
        self._catalog = catalog

    async def documents(self, scope: AccessScope, *, corpus: str, before: int, after: int) -> VersionDiff:
        """Return which documents and how many chunks differ, or raise NotFound."""
        async with self._catalog.reading() as tx:
            target, builds = await _readable(tx, scope, corpus, (before, after))
            old = await tx.versions.members(scope, target.id, before)
            new = await tx.versions.members(scope, target.id, after)
            removed, added = sorted(old - new), sorted(new - old)
            revisions = await tx.documents.revisions(scope, removed + added)
            seen_before = [member for member in removed if member in revisions]
            seen_after = [member for member in added if member in revisions]
            chunks_before = await _chunks(tx, scope, builds.get(before), seen_before)
            chunks_after = await _chunks(tx, scope, builds.get(after), seen_after)
        return _diff(before, after, _paired(removed, added, revisions), chunks_before, chunks_after)

    async def texts(
        self, scope: AccessScope, *, corpus: str, before: int, after: int, document_id: DocumentId
    ) -> DocumentDiff:
        """Return how the text of a document differs; NotFound when it is in neither version."""
        async with self._catalog.reading() as tx:
            target, _ = await _readable(tx, scope, corpus, (before, after))
            old = sorted(await tx.versions.members(scope, target.id, before, documents=[document_id]))
            new = sorted(await tx.versions.members(scope, target.id, after, documents=[document_id]))
            documents = _paired(old, new, await tx.documents.revisions(scope, old + new))
            if not documents:
                raise NotFound("document", document_id)
            text_before, text_after = await _text(tx, scope, old), await _text(tx, scope, new)
        hunks = await asyncio.to_thread(text_diff, text_before, text_after)
        return DocumentDiff(document=documents[0], hunks=hunks)


async def _readable(
    tx: Transaction, scope: AccessScope, corpus: str, numbers: Iterable[int]
) -> tuple[Corpus, dict[int, Fingerprint]]:
    """Return the corpus, all of whose `numbers` the caller may read, and the builds of these."""
    require_one_of(scope, READERS, kind="corpus", ref=corpus)
    target = await tx.corpora.get(scope, corpus)
    builds = {}
    for number in numbers:
        if number:
            version = await readable_version(tx, scope, target.id, number, ref=str(number), published=READERS)
            builds[number] = version.fingerprint
    return target, builds


async def _chunks(
    tx: Transaction, scope: AccessScope, fingerprint: Fingerprint | None, members: Sequence[Member]
) -> _Chunks:
    """Return the chunks of revisions under the build of their version; before the first there are none."""
    found = _Chunks()
    if fingerprint is None:
        return found
    for start in range(0, len(members), _BATCH_MEMBERS):
        batch = await tx.chunks.of_members(scope, fingerprint, members[start : start + _BATCH_MEMBERS])
        for chunk in (chunk for chunks in batch.values() for chunk in chunks):
            found.counts[chunk.embedded_sha256] += 1
            found.tokens[chunk.embedded_sha256] = chunk.token_count
    return found


async def _text(tx: Transaction, scope: AccessScope, members: Sequence[Member]) -> str:
    if not members:
        return ""
    return (await tx.documents.parsed(scope, members[0].document_id, members[0].revision)).text


def _paired(old: Iterable[Member], new: Iterable[Member], revisions: Mapping[Member, Revision]) -> list[DiffedDocument]:
    """Return the documents of revisions that the caller may see, by key."""
    before = {member.document_id: revision for member in old if (revision := revisions.get(member))}
    after = {member.document_id: revision for member in new if (revision := revisions.get(member))}
    documents = [_document(before.get(document), after.get(document)) for document in before.keys() | after.keys()]
    return sorted(documents, key=lambda document: (document.key, document.document_id))


def _document(before: Revision | None, after: Revision | None) -> DiffedDocument:
    either = after or before
    if either is None:
        raise ValueError("a document that differs is in one of the versions")
    return DiffedDocument(
        document_id=either.document_id,
        key=key_of(either.filename, either.attributes),
        revision_before=before.number if before else None,
        revision_after=after.number if after else None,
    )


def _diff(
    before: int, after: int, documents: Sequence[DiffedDocument], chunks_before: _Chunks, chunks_after: _Chunks
) -> VersionDiff:
    added, removed = chunks_after.counts - chunks_before.counts, chunks_before.counts - chunks_after.counts
    return VersionDiff(
        before=before,
        after=after,
        added=tuple(one for one in documents if one.revision_before is None),
        removed=tuple(one for one in documents if one.revision_after is None),
        changed=tuple(one for one in documents if one.revision_before and one.revision_after),
        chunks_added=added.total(),
        chunks_removed=removed.total(),
        chunks_kept=(chunks_before.counts & chunks_after.counts).total(),
        tokens_added=chunks_after.tokens_of(added),
        tokens_removed=chunks_before.tokens_of(removed),
    )
