"""What a content team does to its drafts and versions."""

from contextlib import suppress

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from rag_service.domain.drafts import DraftState, SealPurpose
from rag_service.domain.jobs import JobKind, JobState
from rag_service.errors import Conflict
from tests.integration.crashing import CrashError
from tests.laws.history import History, keys, tastes
from tests.laws.model import HeldDraft


class DraftSteps(History):
    """Deletions, held drafts, seals, unseals, publishes and rollbacks."""

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
        self.wait_for(self.parts.drafts.open(self.driver.admin, corpus=self.corpus, name=name))
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
        self.wait_for(self.parts.drafts.ask_for_unseal(self.driver.admin, corpus=self.corpus, draft=name))
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
        self.place.fuse.at = self.place.fuse.steps + at
        self.wait_for(self.driver.service.runner.run_next())
        self.place.fuse.at = 0
        [draft] = [one for one in self.wait_for(self.driver.drafts()) if one.name == name]
        if draft.state is DraftState.SEALED:
            self.model.seal(name)
        else:
            self.model.highest += draft.number is not None
            failed = self.wait_for(self.driver.jobs(frozenset({JobState.FAILED})))
            [job] = [one for one in failed if one.kind is JobKind.SEAL_DRAFT]
            self.wait_for(self.parts.jobs.cancel(self.driver.admin, job.id))
        self.work_off()

    @rule(data=st.data())
    def switch(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.model.versions.keys() - {0})))
        if number == self.model.published or number not in self.model.asked:
            with pytest.raises(Conflict):
                self.wait_for(self.driver.publish(self.driver.admin, corpus=self.corpus, number=number))
            return
        with suppress(CrashError):  # the power goes when it is done
            self.wait_for(self.driver.publish(self.driver.admin, corpus=self.corpus, number=number))
        self.model.switch(number)

    @precondition(lambda self: self.model.open_drafts)
    @rule(data=st.data())
    def discard(self, data: st.DataObject) -> None:
        name = self.drawn(data)
        self.wait_for(self.parts.drafts.discard(self.driver.admin, corpus=self.corpus, draft=name))
        del self.model.drafts[name]

    def seal(self, name: str) -> None:
        """Seal a draft for a preview, unless it conflicts."""
        if self.ask_for_seal(name, SealPurpose.PREVIEW):
            self.model.seal(name)
            self.work_off()

    def change(self, name: str, key: str, taste: str | None) -> None:
        """Put an upload into a draft, or the deletion of what is known."""
        if taste is not None:
            self.wait_for(self.driver.upload(key, self.text_of(key, taste), draft=name))
            self.model.hold(name, key, self.text_of(key, taste))
        elif self.model.latest.get(key):
            removal = self.parts.drafts.remove_document(
                self.driver.admin, corpus=self.corpus, draft=name, document_id=self.driver.documents[key]
            )
            self.wait_for(removal)
            self.model.drafts[name].changes[key] = None

    def drawn(self, data: st.DataObject) -> str:
        """Return one of the drafts that can be changed."""
        return data.draw(st.sampled_from(self.model.open_drafts))

    def ask_for_seal(self, name: str, purpose: SealPurpose) -> bool:
        """Ask for a seal and return whether there will be one; conflicts are told at once."""
        asking = self.parts.drafts.ask_for_seal(self.driver.admin, corpus=self.corpus, draft=name, purpose=purpose)
        conflicts = self.model.conflicts(name)
        if not conflicts:
            self.wait_for(asking)
            return True
        with pytest.raises(Conflict, match=", ".join(sorted(conflicts))):
            self.wait_for(asking)
        return False
