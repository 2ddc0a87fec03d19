"""Whatever people do, in whatever order and wherever it is cut short, every version stays what it was.

RAG_TEST_MACHINE_EXAMPLES sets how many histories are tried; twice as many steps are taken in each of a long run.
"""

import asyncio
import os
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from structlog.testing import capture_logs

from rag_service.domain.drafts import DraftState, SealPurpose
from rag_service.domain.jobs import JobKind, JobState
from rag_service.errors import Conflict
from rag_service.reasons import ReasonCode
from tests.integration.crashing import CrashError
from tests.laws.driver import ADMIN, opened
from tests.laws.model import HeldDraft, Model

T = TypeVar("T")
Found = dict[str, float]

FRUITS = {"a": "Apples", "b": "Bananas", "c": "Cherries", "d": "Dates"}
QUERY = "Which apples, bananas, cherries or dates are red or sweet?"
EXAMPLES = int(os.environ.get("RAG_TEST_MACHINE_EXAMPLES", "0"))
STEPS = 30 if EXAMPLES else 15

keys = st.sampled_from(sorted(FRUITS))
tastes = st.sampled_from(["red", "sweet", "sour"])


class Histories(RuleBasedStateMachine):
    """What a content team does to one corpus, each step until nothing is left to do."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.recorded: dict[int, Found] = {}
        self.meddles = False
        self.opened = 0
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.stack.enter_context(capture_logs())  # to show the trace of each crash would take most of the time
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.driver = self.wait_for(self.stack.enter_async_context(opened(Path(folder))))
        self.parts = self.driver.desk.worker.container
        self.corpus = self.driver.desk.corpus

    def teardown(self) -> None:
        self.wait_for(self.stack.aclose())
        self.runner.close()

    def wait_for(self, doing: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(doing)

    @initialize(documents=st.dictionaries(keys, tastes, min_size=2))
    def begin(self, documents: dict[str, str]) -> None:
        self.upload(documents)

    @rule(documents=st.dictionaries(keys, tastes, min_size=1, max_size=2))
    def upload(self, documents: dict[str, str]) -> None:
        texts = {key: _text(key, taste) for key, taste in documents.items()}
        for key, text in texts.items():
            self.wait_for(self.driver.upload(key, text))
        self.model.upload(texts)
        self.work_off()

    @precondition(lambda self: self.model.members)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.model.members)))
        self.wait_for(self.driver.delete(key))
        self.model.delete(key)
        self.work_off()

    @precondition(lambda self: len(self.model.drafts) < 3)
    @rule(changes=st.dictionaries(keys, st.none() | tastes, max_size=3), is_previewed=st.booleans())
    def open_draft(self, changes: dict[str, str | None], is_previewed: bool) -> None:
        self.opened += 1
        name = f"draft {self.opened}"
        self.wait_for(self.parts.drafts.open(ADMIN, corpus=self.corpus, name=name))
        self.model.drafts[name] = HeldDraft(base=self.model.published)
        for key, taste in changes.items():
            self.change(name, key, taste)
        self.work_off()
        if is_previewed and not self.model.preview:
            self.seal(name)

    @precondition(lambda self: self.model.open_drafts)
    @rule(data=st.data(), key=keys, taste=st.none() | tastes)
    def change_in_draft(self, data: st.DataObject, key: str, taste: str | None) -> None:
        self.change(self.drawn(data), key, taste)
        self.work_off()

    @precondition(lambda self: self.model.open_drafts and not self.model.preview)
    @rule(data=st.data())
    def preview(self, data: st.DataObject) -> None:
        self.seal(self.drawn(data))

    @precondition(lambda self: self.model.preview)
    @rule()
    def unseal(self) -> None:
        name = self.model.preview
        assert name is not None
        self.wait_for(self.parts.drafts.ask_for_unseal(ADMIN, corpus=self.corpus, draft=name))
        self.model.unseal(name)
        self.work_off()

    @precondition(lambda self: self.model.drafts)
    @rule(data=st.data())
    def publish(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.model.drafts)))
        if self.ask_for_seal(name, SealPurpose.PUBLISH):
            self.model.publish_draft(name)
            self.work_off()

    @precondition(lambda self: self.model.open_drafts and not self.model.preview)
    @rule(data=st.data(), at=st.integers(1, 25))
    def stop_a_seal(self, data: st.DataObject, at: int) -> None:
        name = self.drawn(data)
        if not self.ask_for_seal(name, SealPurpose.PREVIEW):
            return
        self.driver.fuse.at = self.driver.fuse.steps + at
        self.wait_for(self.driver.runner.run_next())
        self.driver.fuse.at = 0
        [draft] = [one for one in self.wait_for(self.driver.drafts()) if one.name == name]
        if draft.state is DraftState.SEALED:
            self.model.seal(name)
        else:
            self.model.highest += draft.number is not None
            failed = self.wait_for(self.driver.jobs(frozenset({JobState.FAILED})))
            [job] = [one for one in failed if one.kind is JobKind.SEAL_DRAFT]
            self.wait_for(self.parts.jobs.cancel(ADMIN, job.id))
        self.work_off()

    @rule(data=st.data())
    def switch(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.model.versions.keys() - {0})))
        if number == self.model.published or number not in self.model.asked:
            with pytest.raises(Conflict):
                self.wait_for(self.driver.publish(ADMIN, corpus=self.corpus, number=number))
            return
        with suppress(CrashError):  # the power goes when it is done
            self.wait_for(self.driver.publish(ADMIN, corpus=self.corpus, number=number))
        self.model.switch(number)

    @precondition(lambda self: self.model.open_drafts)
    @rule(data=st.data())
    def discard(self, data: st.DataObject) -> None:
        name = self.drawn(data)
        self.wait_for(self.parts.drafts.discard(ADMIN, corpus=self.corpus, draft=name))
        del self.model.drafts[name]

    @rule(at=st.integers(1, 25), meddles=st.booleans())
    def crash_soon(self, at: int, meddles: bool) -> None:
        """Let one of the next seals be cut short; with `meddles` the reconciler comes before it is repeated."""
        self.driver.fuse.at = self.driver.fuse.steps + at
        self.meddles = meddles

    @rule()
    def reconcile(self) -> None:
        assert self.wait_for(self.parts.reconcile(ADMIN, dry_run=False)) == []

    @invariant()
    def the_versions_are_those_of_the_model(self) -> None:
        corpus = self.wait_for(self.driver.corpus())
        assert (corpus.published, corpus.highest) == (self.model.published, self.model.highest)
        wanted = [self.model.visible(number) for number in range(self.model.highest + 1)]
        assert self.wait_for(self.driver.members(self.model.highest)) == wanted

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
    def every_published_version_answers_as_at_first(self) -> None:
        for number in self.model.asked:
            found = self.found(str(number))
            assert found == pytest.approx(self.recorded.setdefault(number, found))

    @invariant()
    def a_preview_shows_what_its_draft_changes(self) -> None:
        if self.model.preview:
            self.found("draft", number=self.model.drafts[self.model.preview].number)

    @invariant()
    def nothing_is_left_behind(self) -> None:
        assert self.wait_for(self.parts.reconcile(ADMIN, dry_run=True)) == []

    @invariant()
    def no_crash_ends_a_job(self) -> None:
        dead = self.wait_for(self.driver.jobs(frozenset({JobState.DEAD})))
        assert {job.reason for job in dead} <= {ReasonCode.CONFLICT}

    def seal(self, name: str) -> None:
        """Seal a draft for a preview, unless it conflicts."""
        if self.ask_for_seal(name, SealPurpose.PREVIEW):
            self.model.seal(name)
            self.work_off()

    def change(self, name: str, key: str, taste: str | None) -> None:
        """Put an upload into a draft, or the deletion of what was ever uploaded."""
        if taste is not None:
            self.wait_for(self.driver.upload(key, _text(key, taste), draft=name))
            self.model.hold(name, key, _text(key, taste))
        elif key in self.driver.documents:
            removal = self.parts.drafts.remove_document(
                ADMIN, corpus=self.corpus, draft=name, document_id=self.driver.documents[key]
            )
            self.wait_for(removal)
            self.model.drafts[name].changes[key] = None

    def drawn(self, data: st.DataObject) -> str:
        """Return one of the drafts that can be changed."""
        return data.draw(st.sampled_from(self.model.open_drafts))

    def ask_for_seal(self, name: str, purpose: SealPurpose) -> bool:
        """Ask for a seal and return whether there will be one; conflicts are told at once."""
        asking = self.parts.drafts.ask_for_seal(ADMIN, corpus=self.corpus, draft=name, purpose=purpose)
        conflicts = self.model.conflicts(name)
        if not conflicts:
            self.wait_for(asking)
            return True
        with pytest.raises(Conflict, match=", ".join(sorted(conflicts))):
            self.wait_for(asking)
        return False

    def found(self, ref: str, *, number: int | None = None) -> Found:
        """Return the chunks and scores of a search at a version, whose texts must be those of the model."""
        result = self.wait_for(self.parts.search(ADMIN, corpus=f"{self.corpus}@{ref}", query=QUERY, limit=20))
        wanted = self.model.documents(int(ref) if number is None else number)
        assert sorted(passage.text for passage in result.passages) == sorted(wanted.values())
        return {passage.chunk_id: passage.score for passage in result.passages}

    def work_off(self) -> None:
        self.wait_for(self.run_jobs())

    async def run_jobs(self) -> None:
        """Run all jobs; one that was cut short is repeated, and what was published answers meanwhile."""
        fuse = self.driver.fuse
        async for _ in self.driver.run_jobs():
            if fuse.at and fuse.steps >= fuse.at:
                fuse.at = 0
                if self.meddles:
                    await self.parts.reconcile(ADMIN, dry_run=False)
                for number, recorded in self.recorded.items():
                    search = self.parts.search(ADMIN, corpus=f"{self.corpus}@{number}", query=QUERY, limit=20)
                    found = {passage.chunk_id: passage.score for passage in (await search).passages}
                    assert found == pytest.approx(recorded)


def _text(key: str, taste: str) -> str:
    return f"{FRUITS[key]} are {taste}."


Histories.TestCase.settings = settings(
    max_examples=EXAMPLES or 10,
    stateful_step_count=STEPS,
    deadline=None,
    # A step opens databases and runs jobs.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
TestHistories = Histories.TestCase
