"""Jobs that people stop and try again."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from rag_service.domain.ids import JobId
from rag_service.domain.jobs import OPEN_STATES, JobKind
from rag_service.domain.versions import Member
from rag_service.errors import Conflict, NotFound
from tests.laws.history import History, keys, tastes
from tests.laws.place import Place


class JobSteps(History):
    """Uploads that are taken back before they are prepared, and tried again."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.stopped: list[tuple[JobId, str, Member]] = []

    @rule(key=keys, taste=tastes, is_tried_again=st.booleans())
    def take_an_upload_back(self, key: str, taste: str, is_tried_again: bool) -> None:
        self.wait_for(self.driver.upload(key, self.text_of(key, taste)))
        jobs = self.wait_for(self.driver.jobs(OPEN_STATES))
        waiting = [job for job in jobs if job.kind is JobKind.PREPARE_REVISION]
        if not waiting:
            self.model.upload({key: self.text_of(key, taste)})
        for job in waiting:
            self.wait_for(self.parts.jobs.cancel(self.driver.admin, job.id))
            self.model.lose(key, self.text_of(key, taste))
            revision = Member(document_id=self.driver.documents[key], revision=self.model.latest[key])
            self.stopped.append((job.id, key, revision))
        if waiting and is_tried_again:
            self.try_again(*self.stopped.pop())
        self.work_off()

    @precondition(lambda self: self.stopped)
    @rule(data=st.data())
    def try_an_upload_again(self, data: st.DataObject) -> None:
        self.try_again(*self.stopped.pop(data.draw(st.integers(0, len(self.stopped) - 1))))
        self.work_off()

    def try_again(self, job_id: JobId, key: str, stopped: Member) -> None:
        """Try a job again, unless its revision is not the newest any more."""
        retry = self.parts.jobs.retry(self.driver.admin, job_id)
        newest = Member(document_id=self.driver.documents[key], revision=self.model.latest.get(key, 0))
        if stopped == newest and (key, stopped.revision) in self.model.failed:
            self.wait_for(retry)
            self.model.repeat(key)
            return
        with pytest.raises((Conflict, NotFound)):
            self.wait_for(retry)
