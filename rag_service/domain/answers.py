"""Questions, passages, citations and answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from rag_service.domain.costs import Cost
from rag_service.domain.documents import page_at
from rag_service.domain.filters import Filter
from rag_service.domain.ids import AnswerId, ChunkId, CorpusId, DocumentId, FileId, KeyId, TenantId
from rag_service.domain.spans import Span, sha256_of
from rag_service.domain.table_rows import TableRows, location_of


class AnswerStatus(StrEnum):
    """How an answer ended.

    Answered: nothing was dropped. Partial: something was dropped, uncovered or cut off.
    Abstained: the documents do not say.
    """

    ANSWERED = "answered"
    PARTIAL = "partial"
    ABSTAINED = "abstained"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A conversation whose last user turn is to be answered from `corpus` ("name", "name@12" or an id).

    Only documents that pass `filters` are read, and at most `per_document` passages of each.
    """

    corpus: str
    messages: tuple[Message, ...]
    filters: Filter | None = None
    per_document: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A hit as it is shown to a generator: text read from the catalog, rights checked.

    `rank` counts from 1; `score` in [0, 1] is fused of both sides, less what it lies apart from the best, and that of the best
    for what holds a question's exact terms; `dense_score` a cosine in [-1, 1], `sparse_score` BM25 in [0, inf), both 0 for
    what only its wording found.
    `span` is the place of `text` in the canonical text: the chunk's, or more with its neighbours.
    """

    rank: int
    chunk_id: ChunkId
    document_id: DocumentId
    revision: int
    file_id: FileId
    filename: str
    title: str | None
    attributes: Mapping[str, str | float | bool]
    headings: tuple[str, ...]
    span: Span
    page_starts: tuple[tuple[int, int], ...]
    text: str
    score: float
    dense_score: float
    sparse_score: float
    table_rows: tuple[TableRows, ...] = ()

    @property
    def page(self) -> int | None:
        """The page on which the passage begins, None for formats without pages."""
        return page_at(self.page_starts, self.span.start)

    @property
    def location(self) -> str | None:
        """The rows of the table in which the passage begins, None when it begins in none."""
        return self.location_of(self.span)

    def location_of(self, span: Span) -> str | None:
        """Return the place in a table of `span`, a part of the passage, None outside of tables."""
        page = page_at(self.page_starts, span.start)
        return location_of(self.table_rows, span, text=self.text, offset=self.span.start, page=page)


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A span of the answer, and the exact characters of a revision that support it.

    `start` and `end` are offsets in the message; `quote_span` is in the canonical text of the revision.
    `number` is the rank of the passage quoted, shown as the mark [number]. `support` lies in [0, 1].
    `location` is the place of the quote in a table: cells or rows; None outside of tables.
    """

    start: int
    end: int
    number: int
    chunk_id: ChunkId
    document_id: DocumentId
    revision: int
    filename: str
    page: int | None
    quote_span: Span
    quote: str
    support: float
    location: str | None = None

    @property
    def quote_sha256(self) -> str:
        """The hash by which the quote can be checked."""
        return sha256_of(self.quote)


def cite(passage: Passage, quote_in_passage: Span, *, answer_span: Span, support: float) -> Citation:
    """Return the citation of `quote_in_passage` (offsets in the passage's text) for `answer_span` of the message."""
    quote_span = quote_in_passage.shifted(passage.span.start)
    return Citation(
        start=answer_span.start,
        end=answer_span.end,
        number=passage.rank,
        chunk_id=passage.chunk_id,
        document_id=passage.document_id,
        revision=passage.revision,
        filename=passage.filename,
        page=page_at(passage.page_starts, quote_span.start),
        location=passage.location_of(quote_span),
        quote_span=quote_span,
        quote=quote_in_passage.of(passage.text),
        support=support,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens as counted by the generator, or estimated when it does not say."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchedWith:
    """How the passages of an answer were wanted: what the question said of it, and what the settings were.

    `limit` is the most passages, `neighbours` how many chunks before and after each it was widened by.
    """

    filters: Filter | None
    per_document: int | None
    limit: int
    neighbours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The stored record of one question. `reason` says why an answer is partial or abstained.

    `timings_ms` has one entry per stage; `answerability` is the score in [0, 1] the decision was taken on.
    `by_stand_in`: the generator that was to write it failed before its first word, and the one behind it wrote.
    `cost` is None where the price of the model or its tokens are not known.
    `degraded` names what the search had to do without, by `Degradation`: an answer that was found by less is no measure
    of the service, and is not given again to a later question.
    `cached`: its words were written for another question, an earlier or a simultaneous one; no model was asked for it.
    `searched_with` is None where nothing was searched, or it was not noted.
    """

    id: AnswerId
    tenant_id: TenantId
    key_id: KeyId | None
    corpus_id: CorpusId
    corpus_name: str
    version: int
    messages: tuple[Message, ...]
    searched_for: str
    text: str
    status: AnswerStatus
    reason: str | None
    citations: tuple[Citation, ...]
    passages: tuple[Passage, ...]
    dropped_units: int
    answerability: float
    generator: str
    prompt_version: str
    usage: Usage
    timings_ms: Mapping[str, float]
    created_at: datetime
    by_stand_in: bool = False
    cost: Cost | None = None
    degraded: tuple[str, ...] = ()
    cached: bool = False
    searched_with: SearchedWith | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesFound:
    """First event of an answer: what was retrieved, before anything is generated."""

    answer_id: AnswerId
    corpus_name: str
    version: int
    passages: tuple[Passage, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitEmitted:
    """A verified unit. Appending `text` to what came before gives the message so far."""

    text: str
    citations: tuple[Citation, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """Last event: the complete, stored record."""

    answer: Answer


AnswerEvent = SourcesFound | UnitEmitted | Finished


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What a person thought of an answer: `rating` 1 is thumbs up, -1 thumbs down."""

    answer_id: AnswerId
    rating: Literal[-1, 1]
    comment: str
    created_at: datetime
