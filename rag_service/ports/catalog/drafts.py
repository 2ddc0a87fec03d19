"""Drafts and their changes, from the first change to a sealed version."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from rag_service.domain.access import AccessScope
from rag_service.domain.drafts import DescribedChange, Draft, DraftChange, DraftState, SealPurpose
from rag_service.domain.ids import CorpusId, DocumentId, DraftId
from rag_service.domain.versions import Version, VersionDifference
from rag_service.ports.sparse_encoder import DocumentFrequencies


class Drafts(Protocol):
    """Drafts of corpora in scope; another's is NotFound."""

    async def add(self, scope: AccessScope, draft: Draft) -> None:
        """Open a held draft; Conflict when a live draft of the corpus has its name."""

    async def automatic(self, scope: AccessScope, corpus_id: CorpusId, now: datetime) -> Draft:
        """Return the open automatic draft of a corpus, made when there is none."""

    async def get(self, scope: AccessScope, draft_id: DraftId) -> Draft:
        """Return a draft, or raise NotFound."""

    async def named(self, scope: AccessScope, corpus_id: CorpusId, ref: str) -> Draft:
        """Return the draft of a corpus with this id, or the live one with this name, or raise NotFound."""

    async def in_slot(self, scope: AccessScope, corpus_id: CorpusId) -> Draft | None:
        """Return the draft that is sealing, sealed or unsealing, if there is one."""

    async def set_changes(self, scope: AccessScope, draft_id: DraftId, changes: Sequence[DraftChange]) -> None:
        """Put changes into an open draft, in place of earlier ones to the same documents.

        Raises:
            NotFound: a document or revision is not in the draft's corpus.
            Conflict: the draft is no longer open.
        """

    async def drop_change(self, scope: AccessScope, draft_id: DraftId, document_id: DocumentId) -> None:
        """Take a change out of an open draft; NotFound when it has none to the document, Conflict when not open."""

    async def changes(self, scope: AccessScope, draft_id: DraftId) -> list[DraftChange]:
        """Return the changes of a draft, by document id."""

    async def described_changes(self, scope: AccessScope, draft_id: DraftId) -> list[DescribedChange]:
        """Return the changes as people see them, by document key; of documents the scope may see."""

    async def discard(self, scope: AccessScope, draft_id: DraftId) -> None:
        """Close an open held draft for good, and the run of a source that filled it; Conflict when not open, or automatic."""

    async def due(self, now: datetime, *, patience: timedelta) -> list[Draft]:
        """Return, over all tenants, the open automatic drafts that should seal now, oldest first.

        Due is a draft with a ready change (prepared revision or deletion) when none of its revisions is
        pending any more, or when its first ready change is older than `patience`. No draft of a corpus is due
        while another holds the seal slot, unless that one is a preview, which makes room; nor is one that a job
        is to seal already.
        """

    async def ask_for_seal(self, scope: AccessScope, draft_id: DraftId, purpose: SealPurpose) -> Draft:
        """Note what an open or sealed draft is to be sealed for, and the key that asks.

        Raises:
            Conflict: it is neither open nor sealed; or it is a held draft that could not be sealed now, for the reasons
                that `start_sealing` names.
        """

    async def hold_back(self, scope: AccessScope, draft_id: DraftId) -> None:
        """Let a sealed held draft stay sealed as a preview, whoever asked for its publish; any other stays as it is."""

    async def start_sealing(self, scope: AccessScope, draft_id: DraftId, now: datetime) -> Draft:
        """Take the seal slot and a number, and note what is published now and which build the draft is sealed under.

        The automatic draft first loses changes that failed or are older than what is published, and what is not ready
        moves to a new automatic draft. A held draft must be complete. A draft that is sealing already is returned as it
        is: a seal cut short goes on.

        Raises:
            SlotTaken: another draft of the corpus holds the slot.
            Conflict: a document was changed since the draft's base, or a held draft has revisions that are not prepared
                (the message names the document keys); the draft is neither open nor sealing.
        """

    async def finish_sealing(
        self, scope: AccessScope, version: Version, difference: VersionDifference, frequencies: DocumentFrequencies
    ) -> None:
        """Write memberships, frequencies and the version's row; the draft becomes sealed. Safe to repeat.

        From then on the build that it was sealed under is to have all points up to this version.
        """

    async def start_unsealing(self, scope: AccessScope, draft_id: DraftId) -> Draft:
        """Make a sealing or sealed draft unsealing, so that nobody can ask it; one unsealing already is returned as it is.

        Raises:
            Conflict: it is open, published or discarded.
        """

    async def finish_unsealing(self, scope: AccessScope, draft_id: DraftId) -> Draft:
        """Undo its memberships, remove its version and open the draft again, without number. Safe to repeat.

        An automatic draft takes over the changes of the one that was opened since, which is discarded.
        """

    async def mark_published(self, scope: AccessScope, draft_id: DraftId) -> None:
        """Make a sealed draft published and note which documents it withdrew; Conflict when it is not sealed.

        What a corpus's list of files says follows from it: the revisions of a held draft are listed from now on.
        What the run of a source put into it is the state of that source from now on.
        """

    async def list(self, scope: AccessScope, corpus_id: CorpusId, *, states: frozenset[DraftState]) -> list[Draft]:
        """Return the drafts of a corpus in these states, newest first."""
