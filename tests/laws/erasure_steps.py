"""Answers that people are given, and the erasure of documents, people and the whole corpus."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from rag_service.domain.answers import Answer
from rag_service.domain.erasures import Erasure, TombstoneKind
from rag_service.domain.spans import sha256_of
from rag_service.errors import Gone
from tests.integration.erasing import ask, finished, rows_with
from tests.laws.history import History, keys, tastes
from tests.laws.model import Model
from tests.laws.place import Place

people = st.sampled_from(["ann", "bob"])


class ErasureSteps(History):
    """What is erased is found nowhere; what was told about it is gone; all else stays."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.answers: list[Answer] = []

    @rule(data=st.data(), person=people)
    def ask(self, data: st.DataObject, person: str) -> None:
        """Ask a version for somebody."""
        number = data.draw(st.sampled_from(sorted(self.model.asked)))
        name = self.parts.act_for.name_of(self.driver.admin, person)
        answer = self.wait_for(ask(self.driver.desk, "Are they red or sweet?", end_user=name, at=str(number)))
        shown = {(self.driver.keys[one.document_id], one.revision) for one in answer.passages}
        assert shown <= self.model.versions[number].items()
        self.model.answers[answer.id] = (person, frozenset(shown))
        self.answers.append(answer)

    @precondition(lambda self: self.model.known)
    @rule(data=st.data(), at=st.integers(0, 25), taste=st.none() | tastes)
    def erase_a_document(self, data: st.DataObject, at: int, taste: str | None) -> None:
        """Erase a document, also while it is uploaded; the job is cut short at step `at` unless that is 0."""
        key = data.draw(st.sampled_from(sorted(self.model.known)))
        erased = self.driver.documents[key]
        if taste is not None:
            self.wait_for(self.driver.upload(key, self.text_of(key, taste)))
        for number in [number for number in self.recorded if key in self.model.visible(number)]:
            del self.recorded[number]
        self.model.erase(key)
        self.carry_out(self.wait_for(self.parts.request_erasure.document(self.driver.admin, erased)), at)
        self.look_for_traces(key)
        with pytest.raises(Gone):
            self.wait_for(self.read(TombstoneKind.DOCUMENT, erased))

    @rule(person=people, at=st.integers(0, 10))
    def erase_a_person(self, person: str, at: int) -> None:
        """Erase what is kept of somebody."""
        self.model.erase_person(person)
        self.carry_out(self.wait_for(self.parts.request_erasure.person(self.driver.admin, person)), at)

    @rule(at=st.integers(0, 25), key=keys, taste=tastes)
    def erase_the_corpus(self, at: int, key: str, taste: str) -> None:
        """Erase everything, and begin again under the same name."""
        erased = self.wait_for(self.driver.read_corpus()).id
        self.model = Model(today=self.model.today)
        self.recorded.clear()
        self.carry_out(self.wait_for(self.parts.request_erasure.corpus(self.driver.admin, self.corpus)), at)
        for of in sorted(self.lots):
            self.look_for_traces(of)
        assert erased not in self.wait_for(self.held_corpora())
        self.wait_for(self.parts.create_corpus(self.driver.admin, name=self.corpus))
        self.upload({key: taste})

    def look_at_everything(self) -> None:
        super().look_at_everything()
        for answer in self.answers:
            self.look_at(answer)

    def carry_out(self, asked: Erasure, at: int) -> None:
        """Let the worker erase."""
        self.place.fuse.at = self.place.fuse.steps + at if at else 0
        self.work_off()
        self.place.fuse.at = 0
        self.wait_for(finished(self.driver.desk, asked))
        for answer in self.answers:
            self.look_at(answer)

    def look_at(self, answer: Answer) -> None:
        """Look at an answer that was given: it is there as it was, and all it cites, or it is told to be gone."""
        if answer.id not in self.model.answers:
            with pytest.raises(Gone):
                self.wait_for(self.read(TombstoneKind.ANSWER, answer.id))
            return
        assert self.wait_for(self.read(TombstoneKind.ANSWER, answer.id)) == answer
        for citation in answer.citations:
            _, parsed = self.wait_for(
                self.parts.read_revision_text(self.driver.admin, citation.document_id, citation.revision)
            )
            quoted = citation.quote_span.of(parsed.text)
            assert (quoted, sha256_of(quoted)) == (citation.quote, citation.quote_sha256)

    def look_for_traces(self, key: str) -> None:
        """Look for a word that only one document had."""
        lot = self.lots.pop(key)
        assert self.wait_for(rows_with(self.driver.desk, lot)) == []
        assert lot.encode() not in self.wait_for(self.bytes_of_files())

    async def read(self, kind: TombstoneKind, ref: str) -> Answer | None:
        """Read an answer or a document as people do."""
        parts = self.parts
        async with parts.tell_erased(self.driver.admin, kind, ref), parts.catalog.reading() as tx:
            if kind is TombstoneKind.ANSWER:
                answer: Answer = await tx.answers.get(self.driver.admin, ref)
                return answer
            await tx.documents.get(self.driver.admin, ref)
        return None

    async def bytes_of_files(self) -> bytes:
        """Return what all files of the tenant say."""
        blobs = self.parts.blobs
        hashes = [sha256 async for page in blobs.hashes(self.driver.admin) for sha256 in page]
        return b"".join([piece for one in hashes async for piece in blobs.read(self.driver.admin, one)])

    async def held_corpora(self) -> set[str]:
        """Return the corpora that the index has points of."""
        index = self.place.index
        return {corpus for build in await index.builds() for corpus in await index.corpora(build)}
