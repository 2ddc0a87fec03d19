"""The Celery application of a worker: nothing of it exists before settings are read."""

from celery import Celery

from rag_service.queue.broker import open_app
from rag_service.settings import Settings

_AFTER_SOFT_LIMIT_S = 60.0
_SOFT_SHUTDOWN_S = 5.0
_HEARTBEAT_S = 20  # after two of them without a word from RabbitMQ its connection counts as dead
_PROCESS_START_S = 60.0


def worker_app(settings: Settings) -> Celery:
    """Return the application for a worker's processes; `ingestion.brokered.tasks` adds the task.

    Raises:
        Misconfigured: no broker is configured.
    """
    app = open_app(settings.queue)
    app.conf.update(
        # A message is done with when its work is, and comes again when the process dies meanwhile.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        # Jobs that run while the broker is away are not begun again elsewhere: their leases are in the job table.
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # RabbitMQ closes the channel of a message that is worked on for longer than its consumer timeout, usually 30 minutes.
        broker_channel_error_retry=True,
        broker_heartbeat=_HEARTBEAT_S,
        worker_enable_prefetch_count_reduction=False,
        worker_consumer="ingestion.brokered.celery_consumer:QuickConsumer",
        task_soft_time_limit=settings.queue.turn_limit_s,
        task_time_limit=settings.queue.turn_limit_s + _AFTER_SOFT_LIMIT_S,
        worker_soft_shutdown_timeout=_SOFT_SHUTDOWN_S,
        worker_proc_alive_timeout=_PROCESS_START_S,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_send_task_events=False,
        task_store_errors_even_if_ignored=False,
    )
    return app
