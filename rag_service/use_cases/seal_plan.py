"""What sealing a draft writes. It follows from rows that stay as they are until the draft is open again."""

from dataclasses import dataclass
from typing import Protocol

from rag_service.domain.access import AccessScope
from rag_service.domain.drafts import Draft, wanted_members
from rag_service.domain.ids import Fingerprint
from rag_service.domain.versions import Corpus, VersionDifference, difference
from rag_service.ports.catalog import Transaction


class StillHeld(Protocol):
    """Awaited before anything is written, so that who lost a job writes nothing more."""

    async def __call__(self, tx: Transaction | None = None) -> None:
        """Raise LeaseLost when the job was cancelled or another worker has it; with `tx` that stays so until it ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealPlan:
    """The way from the highest version below `number` to the one that the draft becomes, under a build.

    `highest` is the number of that version: below `number - 1` when drafts were unsealed.
    """

    corpus: Corpus
    draft: Draft
    number: int
    fingerprint: Fingerprint
    highest: int
    difference: VersionDifference
    document_count: int


async def read_plan(tx: Transaction, scope: AccessScope, draft: Draft) -> SealPlan:
    """Return the plan of a draft that has its number: always the same, whatever is published meanwhile."""
    number, against = number_of(draft), draft.sealed_against or 0
    corpus = await tx.corpora.get(scope, draft.corpus_id)
    changes = await tx.drafts.changes(scope, draft.id)
    highest = await tx.versions.highest(scope, corpus.id)
    # After a rollback more than the changes differs: the abandoned version is the highest, but not the base.
    narrowed = [change.document_id for change in changes] if against == highest else None
    base = await tx.versions.members(scope, corpus.id, against, documents=narrowed)
    before = base if narrowed is not None else await tx.versions.members(scope, corpus.id, number - 1)
    wanted = wanted_members(base, changes)
    unchanged = await _document_count(tx, scope, corpus, against) - len(base)
    return SealPlan(
        corpus=corpus,
        draft=draft,
        number=number,
        fingerprint=fingerprint_of(draft),
        highest=highest,
        difference=difference(before, wanted),
        document_count=unchanged + len(wanted),
    )


async def written_by_seal(tx: Transaction, scope: AccessScope, draft: Draft) -> VersionDifference:
    """Return what a draft that has its number wrote, or will have written when its seal comes to its end."""
    number = number_of(draft)
    if await tx.versions.highest(scope, draft.corpus_id) == number:
        return await tx.versions.written_by(scope, draft.corpus_id, number)
    return (await read_plan(tx, scope, draft)).difference


def number_of(draft: Draft) -> int:
    """Return the number that the draft took."""
    if draft.number is None:
        raise ValueError(f"draft {draft.id} has no number")
    return draft.number


def fingerprint_of(draft: Draft) -> Fingerprint:
    """Return the build that the draft is sealed under."""
    if draft.fingerprint is None:
        raise ValueError(f"draft {draft.id} has no build")
    return draft.fingerprint


async def _document_count(tx: Transaction, scope: AccessScope, corpus: Corpus, number: int) -> int:
    return (await tx.versions.get(scope, corpus.id, number)).document_count if number else 0
