"""Carrying out a plan: new content goes into the draft of the run, and what is gone is taken out in it.

Every step can run twice: what a draft has already makes no other revision, and is only noted.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ingestion.sources.fetching import Fetching, NotFetched
from rag_service.domain.access import AccessScope
from rag_service.domain.documents import StoredFile
from rag_service.domain.drafts import DraftChange
from rag_service.domain.ids import DocumentId, DraftId, RunId
from rag_service.domain.sync import BRINGING, REMOVING, SOURCE, ChangeKind, ChangeState, Source, SourceChange
from rag_service.domain.uploads import DOCUMENT_KEY, CorpusFile, Upload
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.ports.signer import KeyedHash
from rag_service.use_cases.accept_uploads import AcceptUploads
from rag_service.use_cases.seal_plan import StillHeld
from rag_service.use_cases.sources.barred import key_hash_of

TAKEN = "A document of this key was put into the corpus by hand. Remove it there, and run the source with force."

_FILES_AT_ONCE = 32
_BYTES_AT_ONCE = 32 * 2**20
_REMOVALS_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a run puts things, and how it knows that it still may."""

    scope: AccessScope
    source: Source
    run_id: RunId
    draft_id: DraftId
    still_held: StillHeld
    on_items: Callable[[int, int], None]


@dataclass(slots=True)
class _Batch:
    """Files that are fetched and wait to be accepted together, by document key, and what could not be fetched."""

    files: dict[str, tuple[SourceChange, StoredFile]] = field(default_factory=dict)
    failed: list[SourceChange] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """Say whether it is time to write."""
        size = sum(file.size_bytes for _, file in self.files.values())
        return len(self.files) + len(self.failed) >= _FILES_AT_ONCE or size >= _BYTES_AT_ONCE


class BringItems:
    """Brings what a plan says into a draft, in batches."""

    def __init__(self, *, catalog: Catalog, uploads: AcceptUploads, keyed_hash: KeyedHash) -> None:
        self._catalog = catalog
        self._uploads = uploads
        self._keyed_hash = keyed_hash

    async def __call__(self, place: Place, fetching: Fetching, changes: Sequence[SourceChange]) -> None:
        """Carry out what is planned. An item that cannot be had stays out, and where it was renamed from it stays.

        Raises:
            SourceUnavailable, SourceRefused: the source gives nothing any more.
            LeaseLost: another worker has the run.
        """
        planned = [change for change in changes if change.state is ChangeState.PLANNED]
        bringing = [change for change in planned if change.kind in BRINGING]
        batch, done = _Batch(), len(changes) - len(planned)
        for change in bringing:
            fetched = await fetching(place.scope, change)
            if isinstance(fetched, NotFetched):
                batch.failed.append(failed(change, fetched.problem, for_good=fetched.for_good))
            else:
                batch.files[place.source.document_key(change.key)] = (change, fetched)
            done += 1
            place.on_items(done, len(changes))
            if batch.is_full:
                await self._write(place, batch)
                batch = _Batch()
        await self._write(place, batch)
        await self._remove(place)

    async def _write(self, place: Place, batch: _Batch) -> None:
        taken: set[str] = set()
        accepted = await self._accept(place, batch, taken) if batch.files else {}
        lines = [_brought(batch.files[key][0], one) for key, one in accepted.items()]
        lines += [failed(batch.files[key][0], TAKEN, for_good=True) for key in taken]
        lines += batch.failed
        # What was erased at this moment is not to be named any more.
        erased = [change.key for key, (change, _) in batch.files.items() if key not in accepted and key not in taken]
        if not lines and not erased:
            return
        async with self._catalog.writing() as tx:
            await place.still_held(tx)
            await tx.source_runs.note_changes(place.scope, place.run_id, lines)
            await tx.source_runs.forget_changes(place.scope, place.run_id, erased)
            await keep_origins(tx, place.scope, place.run_id, lines)

    async def _accept(self, place: Place, batch: _Batch, taken: set[str]) -> dict[str, CorpusFile]:
        async def admit(tx: Transaction, uploads: Sequence[Upload]) -> Sequence[Upload]:
            await place.still_held(tx)
            # After what is there was read: a document that is missing because it was erased just now is barred by now.
            barred = await tx.sources.barred(place.scope, place.source.corpus_id)
            taken.update(await tx.sources.foreign(place.scope, place.source.id, list(batch.files)))
            principals = await _principals_of_origins(tx, place, batch)
            return [
                replace(one, principals=principals.get(one.key))
                for one in uploads
                if one.key not in taken and not self._is_barred(place.source, one.key, barred)
            ]

        uploads = [
            Upload(file=file, is_new_file=True, attributes={DOCUMENT_KEY: key, SOURCE: place.source.name})
            for key, (_, file) in batch.files.items()
        ]
        return await self._uploads.accept_kept(
            place.scope, corpus=place.source.corpus_id, uploads=uploads, draft=place.draft_id, admit=admit
        )

    def _is_barred(self, source: Source, document_key: str, barred: Collection[str]) -> bool:
        return bool(barred) and key_hash_of(self._keyed_hash, source.corpus_id, document_key) in barred

    async def _remove(self, place: Place) -> None:
        after: str | None = None
        while True:
            async with self._catalog.writing() as tx:
                await place.still_held(tx)
                lines = await tx.source_runs.changes(
                    place.scope, place.run_id, state=ChangeState.PLANNED, after=after, limit=_REMOVALS_AT_ONCE
                )
                removing = [change for change in lines if change.kind in REMOVING]
                await _remove(tx, place, removing)
            if len(lines) < _REMOVALS_AT_ONCE:
                return
            after = lines[-1].key


def failed(change: SourceChange, problem: str, *, for_good: bool) -> SourceChange:
    """Return a line that failed. A renamed item is tried again: what it was before is still in the corpus."""
    for_good = for_good and change.kind is not ChangeKind.RENAMED
    state = ChangeState.SEEN if for_good else ChangeState.FAILED
    return replace(change, state=state, problem=problem, number=None)


async def keep_origins(
    tx: Transaction, scope: AccessScope, run_id: RunId, lines: Sequence[SourceChange]
) -> list[DocumentId]:
    """Leave what was renamed where it was, when it could not be brought to its new place; return the documents."""
    origins = {line.renamed_from for line in lines if line.state is ChangeState.FAILED and line.renamed_from}
    if not origins:
        return []
    every = await tx.source_runs.changes(scope, run_id)
    left = [line for line in every if line.key in origins and line.kind is ChangeKind.LEFT]
    await tx.source_runs.note_changes(scope, run_id, [replace(line, state=ChangeState.FAILED) for line in left])
    return [line.document_id for line in left if line.document_id is not None]


def _brought(change: SourceChange, accepted: CorpusFile) -> SourceChange:
    revision = accepted.revision
    return replace(change, state=ChangeState.DONE, document_id=revision.document_id, number=revision.number)


async def _principals_of_origins(tx: Transaction, place: Place, batch: _Batch) -> Mapping[str, frozenset[str]]:
    """Return who may see what was renamed, by its new document key: a new name opens a document to nobody."""
    origins = {
        key: place.source.document_key(change.renamed_from)
        for key, (change, _) in batch.files.items()
        if change.renamed_from is not None
    }
    known = await tx.uploads.known(place.scope, place.source.corpus_id, sorted(set(origins.values())))
    return {key: known[origin].document.principals for key, origin in origins.items() if origin in known}


async def _remove(tx: Transaction, place: Place, removing: Sequence[SourceChange]) -> None:
    keys = {place.source.document_key(change.key): change for change in removing}
    known = await tx.uploads.known(place.scope, place.source.corpus_id, list(keys))
    mine = sorted(known.keys() - await tx.sources.foreign(place.scope, place.source.id, list(keys)))
    gone = [DraftChange(document_id=known[key].document.id, revision=None) for key in mine]
    if gone:
        await tx.drafts.set_changes(place.scope, place.draft_id, gone)
    # A document that is not there any more, or has become somebody else's, is no longer the source's.
    await tx.source_runs.note_changes(
        place.scope, place.run_id, [replace(change, state=ChangeState.DONE) for change in removing]
    )
