"""The queue that the settings name."""

from contextlib import AsyncExitStack

from rag_service.extras import of_extra
from rag_service.ports.job_queue import JobQueue
from rag_service.queue.polled import PolledQueue
from rag_service.settings import QueueSettings


def open_queue(settings: QueueSettings, stack: AsyncExitStack) -> JobQueue:
    """Return the queue; what it opens is closed with `stack`."""
    match settings.backend:
        case "polled":
            return PolledQueue()
        case "celery":
            with of_extra("celery"):
                from rag_service.queue.broker import Broker, open_app
                from rag_service.queue.celery_queue import CeleryQueue

            queue = CeleryQueue(Broker(open_app(settings)))
            stack.push_async_callback(queue.aclose)
            return queue
