"""Sections about what workers do, and when."""

from datetime import timedelta
from typing import Literal

from pydantic import Field, SecretStr

from rag_service.settings.section import Section


class BuildSettings(Section):
    """When a corpus is brought to another embedding model or another way of cutting."""

    automatic: bool = Field(
        True,
        description="rebuild corpora that were built under other settings in the background, and switch when ready",
    )


class JobSettings(Section):
    """How the job table is worked off."""

    lease_s: float = Field(30.0, gt=0)
    poll_s: float = Field(0.5, gt=0)
    max_attempts: int = Field(3, ge=1)
    draft_patience_s: float = Field(
        10.0, ge=0, description="an automatic draft seals at most this long after its first ready change"
    )
    starved_after_s: float = Field(60.0, gt=0, description="a job that is due for longer than this is shown as starved")
    part_chunks: int = Field(
        256, ge=1, description="a document of more than twice as many chunks is embedded by several jobs of this many"
    )
    reading_bytes: int = Field(
        2**30,
        ge=1,
        description="sizes of the files above 1 MiB that the workers of a machine read at once; a larger one is alone",
    )
    worker_heartbeat_s: float = Field(
        5.0, gt=0, description="how often a worker says that it is there; it counts as gone after three silent times"
    )

    @property
    def silence(self) -> timedelta:
        """How long a worker says nothing until it counts as gone."""
        return timedelta(seconds=3 * self.worker_heartbeat_s)


class QueueSettings(Section):
    """How workers hear of jobs. The job table is the truth in any case; messages only say where to look."""

    backend: Literal["polled", "celery"] = Field(
        "polled", description="workers look at the job table all the time, or Celery wakes them"
    )
    broker_url: SecretStr = Field(
        SecretStr(""), description="of Valkey or Redis (redis://…, redis+socket://…) or RabbitMQ (amqp://…), for celery"
    )
    sweep_s: float = Field(2.0, gt=0, description="how often beat looks for due jobs that no message told of")
    redelivery_s: float = Field(
        60.0, gt=0, description="after which Valkey or Redis delivers the message of a dead worker again"
    )
    turn_limit_s: float = Field(
        4 * 3600, gt=0, description="longest time that a worker's process may be busy without a break"
    )
    consumers_within_s: float = Field(
        60.0, gt=0, description="beat ends when a queue has no worker for this long after its start"
    )


class HousekeepingSettings(Section):
    """What is thrown away, and when. A worker looks once an hour."""

    replies_hours: float = Field(24, gt=0, description="how long a reply to an Idempotency-Key is kept")
    broken_uploads_hours: float = Field(
        24, ge=1, description="age at which what a broken upload left in the blob store is removed"
    )


class ReconcileSettings(Section):
    """How often catalog, index and raw files are compared, and what differs is mended."""

    every_s: float = Field(6 * 3600, gt=0, description="pause after a run; the first begins when a worker starts")
