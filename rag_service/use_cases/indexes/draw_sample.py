"""What an index is checked with: questions that people asked, sentences of documents, and some of the principals."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import nsmallest

from rag_service.domain.access import EVERYONE, AccessScope
from rag_service.domain.documents import Chunk
from rag_service.domain.ids import DocumentId
from rag_service.domain.points import MembershipPlace
from rag_service.domain.sentences import sentence_spans
from rag_service.domain.versions import Member, PinnedVersion
from rag_service.ports.catalog import Catalog, Transaction

QUESTIONS = 50
_ENOUGH_ASKED = 10
_RECENT = timedelta(days=14)
_PLACES = 8
_MEMBERSHIPS_PER_PLACE = 25
_SHORTEST_SENTENCE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """`asked` by people, `made` of documents. `principals` see some documents; None when all documents are everyone's."""

    asked: Sequence[str]
    made: Sequence[str]
    principals: frozenset[str] | None

    @property
    def questions(self) -> list[str]:
        """All of them."""
        return [*self.asked, *self.made]


class DrawSample:
    """Draws another sample for each salt. Nothing of it is kept."""

    def __init__(self, *, catalog: Catalog, clock: Callable[[], datetime]) -> None:
        self._catalog = catalog
        self._clock = clock

    async def __call__(self, scope: AccessScope, pinned: PinnedVersion, *, salt: str) -> Sample:
        """Return questions for what is visible at the pinned version; where few were asked, sentences fill up."""
        corpus_id = pinned.corpus.id
        async with self._catalog.reading() as tx:
            since = self._clock() - _RECENT
            asked = await tx.answers.asked(scope, corpus_id, since=since, limit=QUESTIONS)
            asked = [text for text in asked if text.strip()]
            rights = await _drawn(tx, scope, pinned, salt)
            made = [] if len(asked) >= _ENOUGH_ASKED else await _sentences(tx, scope, pinned, rights.keys(), salt)
        return Sample(asked=asked, made=made[: QUESTIONS - len(asked)], principals=_some_of(rights, salt))


async def _drawn(tx: Transaction, scope: AccessScope, pinned: PinnedVersion, salt: str) -> dict[Member, frozenset[str]]:
    """Return some of the visible revisions, and who may see them.

    They are those that follow on several places, which is a fair draw as ids are random. Listing all of a large corpus
    would take hundreds of megabytes.
    """
    found: dict[Member, frozenset[str]] = {}
    for place in (*[_place(salt, number) for number in range(_PLACES)], None):
        if place is None and len(found) >= QUESTIONS:
            break
        points, _ = await tx.points.page(
            scope,
            pinned.corpus.id,
            pinned.fingerprint,
            after=place,
            limit=_MEMBERSHIPS_PER_PLACE if place else QUESTIONS,
        )
        found |= {one.member: one.principals for one in points if one.born <= pinned.number < one.died}
    return found


def _place(salt: str, number: int) -> MembershipPlace:
    return MembershipPlace(document_id=DocumentId(f"doc_{_lot(str(number), salt).hex()}"), revision=0, born=0)


async def _sentences(
    tx: Transaction, scope: AccessScope, pinned: PinnedVersion, drawn: Iterable[Member], salt: str
) -> list[str]:
    """Return a sentence of each of some documents that have one."""
    chosen = nsmallest(QUESTIONS, drawn, key=lambda one: _lot(f"{one.document_id}/{one.revision}", salt))
    chunks = await tx.chunks.of_members(scope, pinned.fingerprint, chosen)
    of_each = [_sentence(of_member, salt) for of_member in chunks.values()]
    return [sentence for sentence in of_each if sentence]


def _sentence(chunks: Sequence[Chunk], salt: str) -> str | None:
    [chunk] = nsmallest(1, chunks, key=lambda one: _lot(one.id, salt))
    sentences = [span.of(chunk.text) for span in sentence_spans(chunk.text)]
    long_enough = [text for text in sentences if len(text) >= _SHORTEST_SENTENCE]
    return min(long_enough or sentences, key=lambda text: _lot(text, salt), default=None)


def _some_of(rights: Mapping[Member, frozenset[str]], salt: str) -> frozenset[str] | None:
    """Return about half of those who may see documents, as a caller has them: with what everyone may see."""
    others = frozenset[str]().union(*rights.values()) - {EVERYONE}
    if not others:
        return None
    return frozenset(nsmallest((len(others) + 1) // 2, others, key=lambda one: _lot(one, salt))) | {EVERYONE}


def _lot(name: str, salt: str) -> bytes:
    return hashlib.blake2b(f"{salt}/{name}".encode(), digest_size=8).digest()
