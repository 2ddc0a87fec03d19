"""What /v1/chat/completions answers: OpenAI's fields, and ours in `citations` and `x_rag`."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel

from rag_service.domain.answers import Answer, Citation, Passage, SearchedWith, Usage
from rag_service.domain.costs import Cost
from rag_service.domain.filters import written_filter
from rag_service.domain.ids import DocumentId
from rag_service.domain.spans import Span


class UrlCitation(BaseModel):
    """The place in the message and the page that shows the quote."""

    start_index: int
    end_index: int
    title: str
    url: str


class Annotation(BaseModel):
    """A citation as OpenAI's clients know it."""

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation


class CitationOut(BaseModel):
    """A span of the message, and the exact characters of a revision that support it.

    `location` is where in a table the quote stands: cells of a sheet in A1 notation, else rows in words.
    """

    number: int
    start: int
    end: int
    document_id: str
    revision: int
    filename: str
    page: int | None
    location: str | None
    char_start: int
    char_end: int
    quote: str
    quote_sha256: str
    support: float


class SourceOut(BaseModel):
    """A passage that was retrieved. `number` is the one in the marks."""

    number: int
    chunk_id: str
    document_id: str
    revision: int
    filename: str
    title: str | None
    headings: list[str]
    page: int | None
    location: str | None
    char_start: int
    char_end: int
    text: str
    score: float
    url: str


class CostOut(BaseModel):
    """Money."""

    amount: float
    currency: str


class SearchedWithOut(BaseModel):
    """How the passages were wanted: `filters` and `per_document` as the question said, in the shape of a request.

    `passages` and `neighbours` are what the service was set to: the most passages, and how many chunks around each.
    """

    filters: dict[str, Any] | None
    per_document: int | None
    passages: int
    neighbours: int


class RagDetail(BaseModel):
    """How the answer came about. In a stream, the first chunk has the sources and the last the rest.

    `cost` is what the model's tokens cost, null where that is not known. `cached`: the words were written for another
    question with the same passages and rights, and no model was asked for this one.
    `degraded` says that a part of the service was slow or down and the search did without; the reasons name it:
    "embedding" (only words were looked for), "index" (another index answered, which may be behind), "feedback" (what is
    unlike the best passages was not put behind), "rerank" (the second look at the passages failed or ran out of time).
    `search` is null where nothing was searched, or it was not noted.
    """

    corpus: str
    version: int
    answer_id: str
    status: str | None = None
    reason: str | None = None
    prompt_version: str | None = None
    sources: list[SourceOut] | None = None
    timings: Mapping[str, float] | None = None
    cost: CostOut | None = None
    degraded: bool | None = None
    degraded_reasons: list[str] | None = None
    cached: bool | None = None
    search: SearchedWithOut | None = None


class UsageOut(BaseModel):
    """Tokens of the generator."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ReplyMessage(BaseModel):
    """The answer."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    annotations: list[Annotation]
    citations: list[CitationOut]


class Choice(BaseModel):
    """The only choice."""

    index: Literal[0] = 0
    message: ReplyMessage
    finish_reason: Literal["stop"] = "stop"
    logprobs: None = None


class ChatCompletion(BaseModel):
    """A complete answer."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: UsageOut
    x_rag: RagDetail


def completion(answer: Answer, *, model: str, public_url: str) -> ChatCompletion:
    """Return a finished answer in one piece."""
    message = ReplyMessage(
        content=answer.text,
        annotations=annotations(answer.citations, public_url),
        citations=[citation_out(citation) for citation in answer.citations],
    )
    return ChatCompletion(
        id=completion_id(answer.id),
        created=int(answer.created_at.timestamp()),
        model=model,
        choices=[Choice(message=message)],
        usage=usage_out(answer.usage),
        x_rag=summary(answer).model_copy(update={"sources": sources(answer.passages, public_url)}),
    )


def completion_id(answer_id: str) -> str:
    """Return the id that OpenAI's clients see."""
    return f"chatcmpl-{answer_id}"


def summary(answer: Answer) -> RagDetail:
    """Return what is known of an answer at its end, without the sources."""
    return RagDetail(
        corpus=answer.corpus_name,
        version=answer.version,
        answer_id=answer.id,
        status=answer.status.value,
        reason=answer.reason,
        prompt_version=answer.prompt_version,
        timings=answer.timings_ms,
        cost=_cost_out(answer.cost),
        degraded=bool(answer.degraded),
        degraded_reasons=list(answer.degraded),
        cached=answer.cached,
        search=_searched_with_out(answer.searched_with),
    )


def _searched_with_out(searched: SearchedWith | None) -> SearchedWithOut | None:
    if searched is None:
        return None
    return SearchedWithOut(
        filters=None if searched.filters is None else written_filter(searched.filters),
        per_document=searched.per_document,
        passages=searched.limit,
        neighbours=searched.neighbours,
    )


def _cost_out(cost: Cost | None) -> CostOut | None:
    return None if cost is None else CostOut(amount=cost.amount, currency=cost.currency)


def annotations(citations: Iterable[Citation], public_url: str) -> list[Annotation]:
    """Return citations as links."""
    return [
        Annotation(
            url_citation=UrlCitation(
                start_index=citation.start,
                end_index=citation.end,
                title=citation.filename,
                url=source_url(public_url, citation.document_id, citation.revision, citation.quote_span),
            )
        )
        for citation in citations
    ]


def citation_out(citation: Citation) -> CitationOut:
    """Return a citation in full."""
    return CitationOut(
        number=citation.number,
        start=citation.start,
        end=citation.end,
        document_id=citation.document_id,
        revision=citation.revision,
        filename=citation.filename,
        page=citation.page,
        location=citation.location,
        char_start=citation.quote_span.start,
        char_end=citation.quote_span.end,
        quote=citation.quote,
        quote_sha256=citation.quote_sha256,
        support=citation.support,
    )


def sources(passages: Iterable[Passage], public_url: str) -> list[SourceOut]:
    """Return what was retrieved, best first."""
    return [_source(passage, public_url) for passage in passages]


def usage_out(usage: Usage) -> UsageOut:
    """Return token counts with their sum."""
    return UsageOut(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.prompt_tokens + usage.completion_tokens,
    )


def source_url(public_url: str, document_id: DocumentId, revision: int, span: Span) -> str:
    """Return the address of the page that shows these characters of a revision."""
    return f"{public_url}/sources/{document_id}/{revision}?start={span.start}&end={span.end}"


def _source(passage: Passage, public_url: str) -> SourceOut:
    return SourceOut(
        number=passage.rank,
        chunk_id=passage.chunk_id,
        document_id=passage.document_id,
        revision=passage.revision,
        filename=passage.filename,
        title=passage.title,
        headings=list(passage.headings),
        page=passage.page,
        location=passage.location,
        char_start=passage.span.start,
        char_end=passage.span.end,
        text=passage.text,
        score=passage.score,
        url=source_url(public_url, passage.document_id, passage.revision, passage.span),
    )
