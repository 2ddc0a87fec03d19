"""What people are told about a job, and how long a failed one pauses."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_service.domain.ids import TenantId
from rag_service.domain.jobs import MAX_BACKOFF, Job, JobKind, JobState, SeenJob, backoff, new_job, revision_of, seen
from rag_service.errors import NotFound

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PREPARE = JobKind.PREPARE_REVISION


def job(**changes: Any) -> Job:
    return replace(new_job(TenantId("tenant"), PREPARE, "doc/1", now=START), **changes)


def in_state(state: JobState) -> Job:
    return job(state=state, lease_until=START + MINUTE if state is JobState.RUNNING else None)


def look(job: Job, seconds: float = 0, *, served: frozenset[JobKind] = frozenset({PREPARE})) -> SeenJob:
    return seen(job, now=START + timedelta(seconds=seconds), served_kinds=served, starved_after=MINUTE)


@given(st.integers(1, 30), st.floats(0, 1))
def test_a_pause_is_half_to_all_of_a_length_that_grows_up_to_a_limit(attempt: int, jitter: float) -> None:
    longest = backoff(attempt, jitter=1)

    assert longest / 2 <= backoff(attempt, jitter=jitter) <= longest
    assert longest <= backoff(attempt + 1, jitter=1) <= MAX_BACKOFF


@given(st.sampled_from(JobState), st.floats(0, 60))
def test_a_job_is_shown_in_its_state_while_it_is_not_left_alone(state: JobState, seconds: float) -> None:
    assert look(in_state(state), seconds).shown_state == state.value


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.FAILED])
def test_a_job_that_is_due_for_long_is_starved(state: JobState) -> None:
    assert look(job(state=state), 61).shown_state == "starved"


def test_a_pause_that_is_not_over_is_no_starvation() -> None:
    paused = job(state=JobState.FAILED, not_before=START + timedelta(seconds=300))

    assert look(paused, 299).shown_state == "failed"


def test_a_job_of_a_kind_that_no_worker_serves_is_starved_at_once() -> None:
    assert look(job(), served=frozenset({JobKind.SEAL_DRAFT})).shown_state == "starved"


@pytest.mark.parametrize("state", sorted(set(JobState) - {JobState.QUEUED, JobState.FAILED}))
def test_what_runs_waits_or_is_over_is_never_starved(state: JobState) -> None:
    assert look(in_state(state), 9999, served=frozenset()).shown_state == state.value


def test_a_job_whose_parts_nobody_serves_is_starved() -> None:
    spread = job(state=JobState.RUNNING, lease_until=None)

    assert look(spread).shown_state == "starved"
    assert look(spread, served=frozenset({JobKind.EMBED_CHUNKS})).shown_state == "running"


def test_a_job_is_never_younger_than_nothing() -> None:
    assert (look(job(), 7).age_s, look(job(), -3600).age_s) == (7, 0)


def test_the_rest_of_a_stage_takes_as_long_as_its_beginning_did() -> None:
    running = job(state=JobState.RUNNING, stage_started_at=START, stage="embed", done=25, total=100)

    assert look(running, 10).remaining_s == 30


@pytest.mark.parametrize(
    "changes", [{"done": 0}, {"total": None}, {"state": JobState.QUEUED}, {"stage_started_at": None}]
)
def test_nothing_is_said_about_the_rest_when_nothing_is_known(changes: dict[str, Any]) -> None:
    running = job(state=JobState.RUNNING, stage_started_at=START, done=25, total=100)

    assert look(replace(running, **changes), 10).remaining_s is None


def test_the_subject_of_an_upload_names_its_revision() -> None:
    assert revision_of(job(subject="doc/a/12")) == ("doc/a", 12)


@pytest.mark.parametrize("subject", ["doc", "/1", "doc/one", ""])
def test_a_subject_that_names_no_revision_is_not_found(subject: str) -> None:
    with pytest.raises(NotFound):
        revision_of(job(subject=subject))
