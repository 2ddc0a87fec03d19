"""What every history has: a corpus, its model, and the laws that hold whenever nothing is left to do."""

import sys
import uuid
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from rag_service.domain.drafts import DraftState
from rag_service.domain.jobs import JobState
from rag_service.errors import NotFound
from rag_service.reasons import ReasonCode
from rag_service.use_cases.searching.options import SearchOptions
from tests.laws.driver import Driver
from tests.laws.model import Model
from tests.laws.place import Place

T = TypeVar("T")
Found = dict[str, float]

FRUITS = {"a": "Apples", "b": "Bananas", "c": "Cherries", "d": "Dates"}
QUERY = "Which apples, bananas, cherries or dates are red or sweet?"
_EVERY = 3
"""After a step one of this many versions is looked at, at the end of a history all of them."""

keys = st.sampled_from(sorted(FRUITS))
tastes = st.sampled_from(["red", "sweet", "sour"])


class History(RuleBasedStateMachine):
    """Uploads, crashes, and the laws."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.driver = Driver(place=place)
        self.model = Model()
        self.recorded: dict[int, Found] = {}
        self.lots: dict[str, str] = {}
        self.meddles = False
        self.opened = 0
        self.steps = 0
        self.place.fuse.at = 0
        self.corpus = self.driver.corpus
        self.place.serve(self.driver.dimensions)
        self.wait_for(self.driver.begin())

    @property
    def parts(self) -> Any:
        """What people use."""
        return self.driver.service.parts

    def teardown(self) -> None:
        try:
            if sys.exc_info()[1] is None:
                self.look_at_everything()
        finally:
            self.place.serve(self.driver.dimensions)
            self.wait_for(self.driver.end())

    def wait_for(self, doing: Coroutine[Any, Any, T]) -> T:
        return self.place.wait_for(doing)

    @initialize(documents=st.dictionaries(keys, tastes, min_size=2))
    def begin(self, documents: dict[str, str]) -> None:
        self.upload(documents)

    @rule(documents=st.dictionaries(keys, tastes, min_size=1, max_size=2))
    def upload(self, documents: dict[str, str]) -> None:
        texts = {key: self.text_of(key, taste) for key, taste in documents.items()}
        for key, text in texts.items():
            self.wait_for(self.driver.upload(key, text))
        self.model.upload(texts)
        self.work_off()

    @rule(at=st.integers(1, 25), meddles=st.booleans())
    def crash_soon(self, at: int, meddles: bool) -> None:
        """Let one of the next jobs be cut short; with `meddles` the reconciler comes before it is repeated."""
        self.place.fuse.at = self.place.fuse.steps + at
        self.meddles = meddles

    @invariant()
    def what_is_published_is_that_of_the_model(self) -> None:
        self.steps += 1
        corpus = self.wait_for(self.driver.read_corpus())
        assert (corpus.published, corpus.highest) == (self.model.published, self.model.highest)

    @invariant()
    def the_versions_are_those_of_the_model(self) -> None:
        assert self.wait_for(self.driver.stored()) == sorted(self.model.versions.keys() - {0})
        self.look_at_members(self.some(self.model.versions.keys() - {0}))

    @invariant()
    def the_drafts_are_those_of_the_model(self) -> None:
        found = self.wait_for(self.driver.drafts())
        held = {one.name: (one.state, one.number) for one in found if not one.automatic}
        wanted = {
            name: (DraftState.SEALED if draft.number else DraftState.OPEN, draft.number)
            for name, draft in self.model.drafts.items()
        }
        assert held == wanted

    @invariant()
    def published_versions_answer_as_at_first(self) -> None:
        self.look_at_answers(self.some(self.model.asked))

    @invariant()
    def a_preview_shows_what_its_draft_changes(self) -> None:
        if self.model.preview:
            self.found("draft", number=self.model.drafts[self.model.preview].number)

    @invariant()
    def nothing_is_left_behind(self) -> None:
        assert self.wait_for(self.parts.reconcile(self.driver.admin, dry_run=True)) == []

    @invariant()
    def no_crash_ends_a_job(self) -> None:
        dead = self.wait_for(self.driver.jobs(frozenset({JobState.DEAD})))
        assert {job.reason for job in dead} <= {ReasonCode.CONFLICT}

    def look_at_everything(self) -> None:
        """Look at what is too much to be looked at after each step."""
        self.look_at_members(self.model.versions.keys() - {0})
        self.look_at_answers(self.model.asked)
        for number in self.model.versions.keys() - {0}:
            self.look_at_frequencies(number)

    def look_at_members(self, numbers: Iterable[int]) -> None:
        wanted = {number: self.model.versions[number] for number in numbers}
        assert self.wait_for(self.driver.members(wanted.keys())) == wanted

    def look_at_answers(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            found = self.found(str(number))
            assert found == pytest.approx(self.recorded.setdefault(number, found))

    def look_at_frequencies(self, number: int) -> None:
        """Count the words of a version anew."""
        kept, counted = self.wait_for(self.driver.frequencies(number))
        assert (kept.chunk_count, kept.terms.tolist(), kept.counts.tolist()) == (
            counted.chunk_count,
            counted.terms.tolist(),
            counted.counts.tolist(),
        )

    def text_of(self, key: str, taste: str) -> str:
        """Return what a document says; nothing else has the name of its lot."""
        lot = self.lots.setdefault(key, f"lot{uuid.uuid4().hex}")
        return f"{FRUITS[key]} of {lot} are {taste}."

    def some(self, numbers: Iterable[int]) -> list[int]:
        """Return the published number and some of the others, not the same after each step."""
        published = self.model.published
        return [number for number in numbers if number == published or (number + self.steps) % _EVERY == 0]

    def found(self, ref: str, *, number: int | None = None) -> Found:
        """Return the chunks and scores of a search at a version, whose texts must be those of the model."""
        search = self.parts.search(
            self.driver.admin, corpus=f"{self.corpus}@{ref}", query=QUERY, options=SearchOptions(limit=20)
        )
        passages = self.wait_for(search).passages
        wanted = self.model.documents(int(ref) if number is None else number)
        assert sorted(passage.text for passage in passages) == sorted(wanted.values())
        return {passage.chunk_id: passage.score for passage in passages}

    def is_gone(self, number: int) -> None:
        """Look at a version that is not kept any more."""
        with pytest.raises(NotFound):
            self.found(str(number), number=0)

    def pass_days(self, days: int) -> None:
        self.place.pass_days(days)
        self.model.today += days

    def work_off(self) -> None:
        self.wait_for(self.run_jobs())

    async def run_jobs(self) -> None:
        """Run all jobs; one that was cut short is repeated, and what was published answers meanwhile."""
        fuse = self.place.fuse
        async for _ in self.driver.run_jobs():
            if fuse.at and fuse.steps >= fuse.at:
                fuse.at = 0
                if self.meddles:
                    await self.parts.reconcile(self.driver.admin, dry_run=False)
                await self.look_at_recorded()

    async def look_at_recorded(self) -> None:
        """Look at published versions while something goes on."""
        for number in self.some(self.model.asked & self.recorded.keys()):
            search = self.parts.search(
                self.driver.admin, corpus=f"{self.corpus}@{number}", query=QUERY, options=SearchOptions(limit=20)
            )
            found = {passage.chunk_id: passage.score for passage in (await search).passages}
            assert found == pytest.approx(self.recorded[number])
