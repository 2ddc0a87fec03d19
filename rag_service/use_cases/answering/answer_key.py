"""By what a written answer is found again: everything that it depends on, and who may read it."""

import hashlib
import json
from typing import NewType

from rag_service.domain.access import AccessScope
from rag_service.domain.answers import Passage
from rag_service.ports.generator import AnswerRequest
from rag_service.use_cases.answering.asked import Asked
from rag_service.use_cases.answering.write_in_turn import WriteInTurn

AnswerKey = NewType("AnswerKey", str)
"""A digest, so that no word of a question or a document lies in it."""


def answer_key(asked: Asked, request: AnswerRequest, write: WriteInTurn) -> AnswerKey:
    """Return the key of what `write` makes of a question.

    The version is not in it, the passages are, in their order: an answer stays right through every publish that leaves
    them as they are. Passages are read anew for every question, with its rights: what was erased, replaced or taken
    away has no passage, so no key leads to words about it.
    """
    corpus = asked.pinned.corpus
    parts = (
        _rights(asked.scope),
        (corpus.id, corpus.erasures),
        (write.name, write.prompt_version, request.max_tokens),
        request.question,
        [(message.role, message.content) for message in asked.question.messages],
        [_passage(passage) for passage in request.passages],
    )
    return AnswerKey(hashlib.sha256(json.dumps(parts).encode()).hexdigest())


def _rights(scope: AccessScope) -> tuple[object, ...]:
    corpora = None if scope.corpora is None else sorted(scope.corpora)
    return (
        scope.tenant_id,
        sorted(scope.principals),
        sorted(scope.permissions),
        corpora,
        scope.sees_all_documents,
    )


def _passage(passage: Passage) -> tuple[object, ...]:
    """All of it that an answer can depend on or show: not the scores, which a publish elsewhere moves a little."""
    return (
        (passage.rank, passage.chunk_id, passage.document_id, passage.revision, passage.file_id),
        (passage.filename, passage.title, passage.headings, sorted(passage.attributes.items())),
        (passage.span.start, passage.span.end, passage.page_starts, repr(passage.table_rows)),
        passage.text,
    )
