import pytest

from ingestion.served_queues import read_arguments
from rag_service.domain.work_queues import SERVED_QUEUES, WorkQueue
from rag_service.errors import Misconfigured


def test_a_worker_serves_every_queue_with_jobs_unless_told() -> None:
    assert read_arguments("worker", []).queues == SERVED_QUEUES


def test_queues_are_named_with_commas_between() -> None:
    given = read_arguments("worker", ["--queues", "parse, index", "--concurrency", "3"])

    assert (given.queues, given.concurrency) == ({WorkQueue.PARSE, WorkQueue.INDEX}, 3)


@pytest.mark.parametrize(
    "arguments", [["--queues", "parse,ghost"], ["--queues", "eval"], ["--queues", ","], ["--concurrency", "0"]]
)
def test_what_cannot_be_served_is_refused(arguments: list[str]) -> None:
    with pytest.raises(Misconfigured, match="--"):
        read_arguments("worker", arguments)
