"""What an index is checked with: questions that people asked, sentences of documents, and some of the principals."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import nsmallest

from rag_service.domain.access import EVERYONE, AccessScope
from rag_service.domain.documents import Chunk
from rag_service.domain.ids import DocumentId, Fingerprint
from rag_service.domain.sentences import sentence_spans
from rag_service.domain.versions import Member, PinnedVersion
from rag_service.ports.catalog import Catalog, Transaction

QUESTIONS = 50
_ENOUGH_ASKED = 10
_RECENT = timedelta(days=14)
_SAMPLED_DOCUMENTS = 200
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
            members = await tx.versions.members(scope, corpus_id, pinned.number)
            drawn = _drawn(members, _SAMPLED_DOCUMENTS, salt)
            made = [] if len(asked) >= _ENOUGH_ASKED else await _sentences(tx, scope, pinned.fingerprint, drawn, salt)
            rights = await tx.documents.principals(scope, [member.document_id for member in drawn])
        return Sample(asked=asked, made=made[: QUESTIONS - len(asked)], principals=_some_of(rights, salt))


async def _sentences(
    tx: Transaction, scope: AccessScope, fingerprint: Fingerprint, drawn: Sequence[Member], salt: str
) -> list[str]:
    """Return a sentence of each of the first documents that have one."""
    chunks = await tx.chunks.of_members(scope, fingerprint, drawn[:QUESTIONS])
    of_each = [_sentence(of_member, salt) for of_member in chunks.values()]
    return [sentence for sentence in of_each if sentence]


def _sentence(chunks: Sequence[Chunk], salt: str) -> str | None:
    [chunk] = nsmallest(1, chunks, key=lambda one: _lot(one.id, salt))
    sentences = [span.of(chunk.text) for span in sentence_spans(chunk.text)]
    long_enough = [text for text in sentences if len(text) >= _SHORTEST_SENTENCE]
    return min(long_enough or sentences, key=lambda text: _lot(text, salt), default=None)


def _some_of(rights: Mapping[DocumentId, frozenset[str]], salt: str) -> frozenset[str] | None:
    """Return about half of those who may see documents, as a caller has them: with what everyone may see."""
    others = frozenset[str]().union(*rights.values()) - {EVERYONE}
    if not others:
        return None
    return frozenset(nsmallest((len(others) + 1) // 2, others, key=lambda one: _lot(one, salt))) | {EVERYONE}


def _drawn(members: Iterable[Member], count: int, salt: str) -> list[Member]:
    return nsmallest(count, members, key=lambda one: _lot(f"{one.document_id}/{one.revision}", salt))


def _lot(name: str, salt: str) -> bytes:
    return hashlib.blake2b(f"{salt}/{name}".encode(), digest_size=8).digest()
