"""How much may wait to be read: uploads that come faster than workers read them are put off, before a disk is full."""

from collections.abc import Iterable

from rag_service.domain.access import AccessScope
from rag_service.errors import LimitExceeded
from rag_service.ports.catalog import Transaction
from rag_service.settings import UploadSettings

RETRY_AFTER_S = 30.0

_GIB = 2**30


async def assert_room(tx: Transaction, scope: AccessScope, sizes: Iterable[int], settings: UploadSettings) -> None:
    """Raise LimitExceeded when these files would be too much beside what waits; what nothing waits before is taken."""
    new = sum(sizes)
    mine = await tx.jobs.waiting_bytes(scope)
    if mine and mine + new > settings.max_waiting_bytes_per_tenant:
        raise _put_off("you have", settings.max_waiting_bytes_per_tenant)
    every = await tx.jobs.waiting_bytes(None)
    if every and every + new > settings.max_waiting_bytes:
        raise _put_off("the service has", settings.max_waiting_bytes)


def _put_off(whose: str, limit_bytes: int) -> LimitExceeded:
    return LimitExceeded(
        f"As much as {whose} room for, {limit_bytes / _GIB:.3g} GiB of files, waits to be read already. Send this again "
        "when some of it is done: /v1/jobs/counts says how many bytes wait.",
        retry_after_s=RETRY_AFTER_S,
    )
