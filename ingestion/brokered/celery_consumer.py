"""The part of a Celery worker that listens to the broker."""

from functools import partial
from typing import Any

from celery.worker.consumer import Consumer
from kombu import Connection
from kombu.transport.redis import Channel, Transport
from redis.exceptions import ConnectionError as RedisGone

_LONGEST_PAUSE_S = 3.0


class QuickConsumer(Consumer):  # type: ignore[misc]  # Celery is untyped
    """Comes back soon after the broker does. Celery's own pauses grow to half a minute."""

    def ensure_connected(self, conn: Connection) -> Connection:
        """Return the connection once it is there."""
        conn.ensure_connection = partial(conn.ensure_connection, interval_start=1, interval_max=_LONGEST_PAUSE_S)
        if type(conn.transport) is Transport:
            conn.transport.Channel = _SteadyChannel
        return super().ensure_connected(conn)


class _SteadyChannel(Channel):  # type: ignore[misc]  # Kombu is untyped
    """Says that the connection is gone in the words that Celery waits for.

    Kombu 5.7 acknowledges and gives back messages over a connection that is closed already, and the AttributeError of
    that ends the worker. Nothing depends on either: what is not acknowledged is delivered again, and does no harm.
    """

    def _connparams(self, *args: Any, **kwargs: Any) -> Any:
        if self.connection is None or self.connection.client is None:
            raise RedisGone("The connection is closed.")
        return super()._connparams(*args, **kwargs)
