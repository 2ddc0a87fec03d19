"""The one task: a message names a queue, and what is due in it is worked off. The job it names is for people to see."""

from celery import Celery

from ingestion.brokered.celery_process import WorkerProcess
from rag_service.domain.work_queues import WorkQueue
from rag_service.queue.broker import WORK_OFF


def add_tasks(app: Celery, process: WorkerProcess) -> None:
    """Have the application's tasks done by `process`."""

    def work_off(queue: str, about: str | None = None) -> None:  # noqa: ARG001  (the message names it)
        process.work_off(WorkQueue(queue))

    app.task(name=WORK_OFF)(work_off)
