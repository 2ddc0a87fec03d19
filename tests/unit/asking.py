"""Questions to one corpus of two passages, written by scripts."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace

from rag_service.domain.access import EVERYONE, AccessScope, Permission
from rag_service.domain.answers import Answer, Message, Question, Usage
from rag_service.domain.ids import CorpusId, Fingerprint, TenantId
from rag_service.domain.versions import Corpus, PinnedVersion
from rag_service.embedding.hashing import HashingEmbedder
from rag_service.generation.extractive import ExtractiveGenerator
from rag_service.ports.generator import AnswerRequest, Fragment
from rag_service.settings import AnswerSettings, GenerationSettings, RetrievalSettings, Settings
from rag_service.use_cases.answering.answer_cache import AnswerCache
from rag_service.use_cases.answering.write_in_turn import WriteInTurn
from rag_service.use_cases.ask_question import AskQuestion
from rag_service.use_cases.searching.options import SearchOptions
from rag_service.verification.checker import QuoteChecker
from rag_service.verification.lexical import LexicalVerifier
from tests.unit.answer_values import passage

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SCOPE = AccessScope(tenant_id=TenantId("t"), principals=frozenset({EVERYONE}), permissions=frozenset({Permission.CHAT}))
CORPUS = Corpus(
    id=CorpusId("c"),
    tenant_id=TenantId("t"),
    name="handbook",
    description="How the service works.",
    published=3,
    highest=3,
    fingerprint=Fingerprint("f"),
    created_at=NOW,
)
SOURCES = (
    "The service starts on port 8000. It keeps all data in one folder.",
    "A draft is published by an update of one row. Rollback takes a second.",
)


@dataclass
class OneSearch:
    """Finds the same passages for every question and remembers what was asked."""

    texts: Sequence[str] = SOURCES
    dense_score: float = 0.8
    asked: list[str] = field(default_factory=list)
    options: list[SearchOptions] = field(default_factory=list)
    degraded: tuple[str, ...] = ()
    corpus: Corpus = CORPUS

    async def pin(self, scope: AccessScope, corpus: str) -> PinnedVersion:
        return PinnedVersion(corpus=self.corpus, number=self.corpus.published, fingerprint=self.corpus.fingerprint)

    async def at(
        self, scope: AccessScope, pinned: PinnedVersion, query: str, options: SearchOptions
    ) -> SimpleNamespace:
        self.asked.append(query)
        self.options.append(options)
        found = [
            replace(passage(rank, text), dense_score=self.dense_score) for rank, text in enumerate(self.texts, start=1)
        ]
        return SimpleNamespace(pinned=pinned, passages=tuple(found), timings_ms={"index": 1.0}, degraded=self.degraded)


class AnswerShelf:
    """A catalog that keeps answers only."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[SimpleNamespace]:
        yield SimpleNamespace(answers=self)

    async def add(self, scope: AccessScope, answer: Answer) -> None:
        self.answers.append(answer)


@dataclass
class Scripted:
    """Writes the fragments it was given; an exception among them is raised in its place, an event is waited for."""

    script: Sequence[str | Exception | asyncio.Event]
    requests: list[AnswerRequest] = field(default_factory=list)
    closed: bool = False
    name: str = "scripted"
    prompt_version: str = "p1"

    @property
    def begun(self) -> int:
        """How often it was asked to write."""
        return len(self.requests)

    async def generate(self, request: AnswerRequest) -> AsyncGenerator[Fragment, None]:
        self.requests.append(request)
        try:
            for step in self.script:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, str):
                    yield Fragment(text=step)
                else:
                    await step.wait()
            yield Fragment(text="", usage=Usage(prompt_tokens=5, completion_tokens=2))
        finally:
            self.closed = True


def asker(
    generator: object,
    search: OneSearch | None = None,
    shelf: AnswerShelf | None = None,
    generation: GenerationSettings | None = None,
    cache: AnswerCache | None = None,
    retrieval: RetrievalSettings | None = None,
) -> AskQuestion:
    return AskQuestion(
        catalog=shelf or AnswerShelf(),  # type: ignore[arg-type]
        search=search or OneSearch(),  # type: ignore[arg-type]
        write=WriteInTurn(
            generator=generator,  # type: ignore[arg-type]
            fallback=ExtractiveGenerator(HashingEmbedder(), max_sentences=2),
            checker=QuoteChecker(LexicalVerifier(), threshold=0.6),
        ),
        cache=cache or AnswerCache(AnswerSettings()),
        settings=Settings(generation=generation or GenerationSettings(), retrieval=retrieval or RetrievalSettings()),
        clock=lambda: NOW,
    )


def asked(*texts: str) -> Question:
    return Question(corpus="handbook", messages=tuple(Message(role="user", content=text) for text in texts))
