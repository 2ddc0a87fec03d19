"""Editing one paragraph of a 300-page document: only what changed is embedded, though every chunk gets a new point."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate

from ingestion.bootstrap import Worker
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.drafts import SealPurpose
from rag_service.domain.ids import Fingerprint, PointId
from rag_service.domain.versions import Version
from rag_service.ports.vector_index import Point, VectorIndex
from tests.integration.desk import Desk, held
from tests.made_rows import made_text

CHAPTERS = 30
PARAGRAPHS = 1_650  # of 84 words: 300 pages as they are printed below
LEADING = 17
MOST_EMBEDDED = 8  # of 570 chunks: where a chunk ends moves until the ends meet again
EDITED = 700
KEY = "rules"

Chapters = list[list[str]]


@dataclass
class CountedIndex:
    """An index that counts the points written and retired through it."""

    inner: VectorIndex
    written: int = 0
    retired: int = 0

    async def write(self, fingerprint: Fingerprint, points: Sequence[Point]) -> None:
        self.written += len(points)
        await self.inner.write(fingerprint, points)

    async def retire(self, fingerprint: Fingerprint, ids: Sequence[PointId], *, at: int) -> None:
        self.retired += len(ids)
        await self.inner.retire(fingerprint, ids, at=at)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def markdown(chapters: Chapters) -> tuple[str, bytes]:
    """Return the chapters as a file with no pages."""
    parts = [f"# Chapter {number}\n\n" + "\n\n".join(chapter) for number, chapter in enumerate(chapters, start=1)]
    return f"{KEY}.md", "\n\n".join(parts).encode()


def pdf(chapters: Chapters) -> tuple[str, bytes]:
    """Return the chapters as printed: a longer paragraph pushes on what follows it, up to the end of its chapter."""
    styles, content = getSampleStyleSheet(), BytesIO()
    wide = ParagraphStyle("wide", styles["Normal"], leading=LEADING)
    story: list[Any] = []
    for number, chapter in enumerate(chapters, start=1):
        story.append(Paragraph(f"Chapter {number}", styles["Heading1"]))
        story += [Paragraph(text, wide) for text in chapter]
        story.append(PageBreak())
    SimpleDocTemplate(content, invariant=True).build(story)
    return f"{KEY}.pdf", content.getvalue()


@pytest.mark.parametrize("printed", [markdown, pytest.param(pdf, marks=pytest.mark.slow)])
async def test_an_edited_paragraph_embeds_a_handful_of_chunks(
    worker: Worker, admin: AccessScope, printed: Callable[[Chapters], tuple[str, bytes]]
) -> None:
    desk = Desk(worker=worker, admin=admin)
    await worker.container.create_corpus(admin, name=desk.corpus)
    await _upload(desk, *printed(_chapters()))
    await desk.work_off()
    first, embedded = await _version(desk, 1), worker.vectors.newly_embedded

    edited = _chapters(edited=EDITED)
    index, second = await _publish_in_draft(desk, *printed(edited))

    assert 1 <= worker.vectors.newly_embedded - embedded <= MOST_EMBEDDED
    assert (index.written, index.retired) == (second.chunk_count, first.chunk_count)


def _chapters(*, edited: int | None = None) -> Chapters:
    paragraphs = [made_text(number, sentences=7) for number in range(PARAGRAPHS)]
    if edited is not None:
        paragraphs[edited] += " " + made_text(edited, edition=2, sentences=1)
    each = PARAGRAPHS // CHAPTERS
    return [paragraphs[start : start + each] for start in range(0, PARAGRAPHS, each)]


async def _upload(desk: Desk, filename: str, content: bytes, *, draft: str | None = None) -> None:
    parts = desk.worker.container
    file = await parts.store_file(desk.admin, filename=filename, purpose="assistants", content=_once(content))
    await parts.uploads.accept_file(
        desk.admin, corpus=desk.corpus, file_id=file.id, attributes={"document_key": KEY}, draft=draft
    )


async def _publish_in_draft(desk: Desk, filename: str, content: bytes) -> tuple[CountedIndex, Version]:
    draft = await desk.worker.container.drafts.open(desk.admin, corpus=desk.corpus, name="edit")
    await _upload(desk, filename, content, draft="edit")
    await desk.prepare()
    await desk.ask(draft, SealPurpose.PUBLISH)
    index = CountedIndex(desk.worker.container.index)
    scope = system_scope(desk.admin.tenant_id)
    return index, await desk.sealing(index=index)(scope, draft.id, still_held=held)


async def _version(desk: Desk, number: int) -> Version:
    return (await desk.worker.container.versions.get(desk.admin, corpus=desk.corpus, number=number)).version


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
