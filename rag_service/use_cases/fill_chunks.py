"""Chunks of revisions under a build that they were not prepared for, cut from their canonical text."""

import asyncio
from collections.abc import Sequence

from rag_service.domain.access import AccessScope
from rag_service.domain.documents import Chunk, ParsedDocument, embedded_text
from rag_service.domain.versions import Member
from rag_service.errors import NotFound
from rag_service.ports.build_parts import Parts
from rag_service.ports.catalog import Catalog
from rag_service.ports.chunker import Chunkers, CutsIntoChunks
from rag_service.use_cases.seal_plan import StillHeld

_BATCH_MEMBERS = 16
"""Documents whose texts are in memory at once."""

_TEXTS_AT_ONCE = 256


class FillChunks:
    """Cuts, embeds and keeps what is missing. Safe to repeat: ids follow from the build, the revision and the place."""

    def __init__(self, *, catalog: Catalog, chunkers: Chunkers) -> None:
        self._catalog = catalog
        self._chunkers = chunkers

    async def __call__(
        self, scope: AccessScope, parts: Parts, members: Sequence[Member], *, still_held: StillHeld
    ) -> None:
        """Give those of the revisions chunks under the build of `parts` that have none.

        Raises:
            Conflict: this release does not cut as the build does.
            NotFound: a revision is gone.
            LeaseLost: by `still_held`; nothing is written after that.
        """
        async with self._catalog.reading() as tx:
            missing = await tx.builds.without_chunks(scope, parts.fingerprint, members)
        if not missing:
            return
        chunker = self._chunkers(parts)
        for start in range(0, len(missing), _BATCH_MEMBERS):
            await self._fill(scope, parts, chunker, missing[start : start + _BATCH_MEMBERS], still_held)

    async def _fill(
        self,
        scope: AccessScope,
        parts: Parts,
        chunker: CutsIntoChunks,
        members: Sequence[Member],
        still_held: StillHeld,
    ) -> None:
        async with self._catalog.reading() as tx:
            texts = {one: await tx.documents.parsed(scope, one.document_id, one.revision) for one in members}
        chunks = {one: await asyncio.to_thread(_cut, chunker, parts, one, text) for one, text in texts.items()}
        await _keep_vectors(scope, parts, [chunk for of_member in chunks.values() for chunk in of_member])
        try:
            async with self._catalog.writing() as tx:
                await still_held(tx)
                await tx.chunks.replace(scope, parts.fingerprint, chunks)
        except NotFound:
            # One was erased while it was embedded: nothing would lead to its vectors any more.
            async with self._catalog.writing() as tx:
                await tx.erasures.remove_strayed_vectors(scope)
            raise


def _cut(chunker: CutsIntoChunks, parts: Parts, member: Member, text: ParsedDocument) -> list[Chunk]:
    return chunker.chunks(text, build=parts.fingerprint, document_id=member.document_id, revision=member.revision)


async def _keep_vectors(scope: AccessScope, parts: Parts, chunks: Sequence[Chunk]) -> None:
    for start in range(0, len(chunks), _TEXTS_AT_ONCE):
        part = chunks[start : start + _TEXTS_AT_ONCE]
        await parts.vectors.embed(scope.tenant_id, [embedded_text(chunk.headings, chunk.text) for chunk in part])
