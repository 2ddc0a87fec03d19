from rag_service.domain.jobs import JobKind
from rag_service.domain.work_queues import QUEUE_OF, SERVED_QUEUES, WorkQueue, kinds_of, queues_of


def test_every_kind_of_job_has_a_queue() -> None:
    assert set(QUEUE_OF) == set(JobKind)


def test_evaluations_have_a_queue_and_no_jobs_yet() -> None:
    assert set(WorkQueue) - SERVED_QUEUES == {WorkQueue.EVAL}


def test_the_kinds_of_a_queue_lead_back_to_it() -> None:
    assert all(queues_of(kinds_of([queue])) == {queue} for queue in SERVED_QUEUES)
