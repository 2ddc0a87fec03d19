"""The broker as programs of the service use it: Valkey, Redis or RabbitMQ behind Celery's message format."""

from typing import Any
from urllib.parse import urlsplit

from celery import Celery
from kombu import Connection, Queue
from kombu.exceptions import KombuError

from rag_service.domain.ids import JobId
from rag_service.domain.work_queues import WorkQueue
from rag_service.errors import DependencyUnavailable, Misconfigured
from rag_service.settings import QueueSettings

WORK_OFF = "ingestion.work_off"
"""The name of the one task: the jobs of a queue are to be looked at."""

CONNECT_S = 1.0
ANSWER_S = 2.0
"""A broker that needs longer counts as down."""

MESSAGE_LIFE_S = 6 * 3600
"""Longer than the clocks of two machines disagree: a worker drops what is older by its own clock."""

_REDIS_SCHEMES = ("redis", "rediss", "sentinel")
_FANOUT_S = 1.0
_FAREWELL_S = 0.1


def open_app(settings: QueueSettings) -> Celery:
    """Return a Celery application that knows queues and message format, but no tasks.

    Raises:
        Misconfigured: no broker is configured.
    """
    url = settings.broker_url.get_secret_value()
    if not url:
        raise Misconfigured("RAG_QUEUE__BACKEND=celery needs RAG_QUEUE__BROKER_URL.")
    app = Celery("rag", set_as_current=False, fixups=[])
    app.conf.update(
        broker_url=url,
        broker_connection_timeout=CONNECT_S,
        broker_transport_options=_transport_options(url, settings),
        task_queues=[Queue(name) for name in WorkQueue],
        task_default_queue=WorkQueue.PARSE.value,
        task_create_missing_queues=False,
        # No message is worth a write to the broker's disk: the job table has what it says.
        task_default_delivery_mode="transient",
        task_ignore_result=True,
        result_backend=None,
        task_serializer="json",
        result_serializer="json",
        accept_content=["json"],
        timezone="UTC",
    )
    return app


class Broker:
    """Sends wake-ups and says who listens for them. Not to be used by two threads at once."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._connection: Connection | None = None
        connection = app.connection_for_write()
        self._failures = (OSError, KombuError, *connection.connection_errors, *connection.channel_errors)

    def wake(self, queue: WorkQueue, about: JobId | None) -> None:
        """Put a wake-up into a queue unless one waits there already: whoever takes that one looks after this moment.

        Raises:
            DependencyUnavailable: the broker cannot be reached.
        """
        is_new = self._connection is None
        try:
            self._wake(queue, about)
        except DependencyUnavailable:
            if is_new:
                raise
            # The connection that was kept may be from before the broker was restarted.
            self._wake(queue, about)

    def consumed(self) -> frozenset[WorkQueue]:
        """Return the queues from which a worker takes messages now.

        Raises:
            DependencyUnavailable: the broker cannot be reached.
        """
        try:
            with self._app.connection_for_write() as connection:
                inspect = self._app.control.inspect(timeout=_FANOUT_S, connection=connection)
                answers = inspect.active_queues() or {}
        except self._failures as exc:
            raise _down(exc) from exc
        names = {queue["name"] for queues in answers.values() for queue in queues}
        return frozenset(queue for queue in WorkQueue if queue in names)

    def close(self) -> None:
        """Close the connection; the next wake-up opens another."""
        if self._connection is not None:
            self._connection.collect(socket_timeout=_FAREWELL_S)
            self._connection = None

    def _wake(self, queue: WorkQueue, about: JobId | None) -> None:
        try:
            self._send(queue, about)
        except self._failures as exc:
            self.close()
            raise _down(exc) from exc

    def _send(self, queue: WorkQueue, about: JobId | None) -> None:
        if self._connection is None:
            self._connection = self._app.connection_for_write()
        channel = self._connection.default_channel
        waiting = channel.queue_declare(queue=queue.value, durable=True, auto_delete=False)
        if waiting.message_count:
            return
        self._app.send_task(
            WORK_OFF,
            args=[queue.value, about],
            queue=queue.value,
            expires=MESSAGE_LIFE_S,
            producer=self._app.amqp.Producer(channel),
            retry=False,
        )


def _transport_options(url: str, settings: QueueSettings) -> dict[str, Any]:
    if urlsplit(url).scheme.partition("+")[0] not in _REDIS_SCHEMES:
        # A network that swallows everything is noticed by a question that nobody answers.
        return {"read_timeout": ANSWER_S, "write_timeout": ANSWER_S}
    return {
        "visibility_timeout": settings.redelivery_s,
        "socket_connect_timeout": CONNECT_S,
        "socket_timeout": ANSWER_S,
        "socket_keepalive": True,
        # A network that swallows everything is noticed by a question that nobody answers.
        "health_check_interval": 5,
        "retry_on_timeout": False,
    }


def _down(exc: Exception) -> DependencyUnavailable:
    return DependencyUnavailable(f"The broker cannot be reached: {type(exc).__name__}.")
