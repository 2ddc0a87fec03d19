"""How much may wait to be read: uploads that come faster than workers read them are put off, before a disk is full."""

from collections.abc import Iterable

from rag_service.domain.ids import TenantId
from rag_service.errors import LimitExceeded
from rag_service.ports.catalog import Transaction
from rag_service.settings import UploadSettings

RETRY_AFTER_S = 30.0

_GIB = 2**30


async def assert_room(tx: Transaction, tenant_id: TenantId, sizes: Iterable[int], settings: UploadSettings) -> None:
    """Raise LimitExceeded when these files would be too much beside what waits. Beside nothing, any are taken."""
    new, waiting = sum(sizes), await tx.jobs.backlog(tenant_id)
    if waiting.of_tenant and waiting.of_tenant + new > settings.max_waiting_bytes_per_tenant:
        raise _put_off("you have", settings.max_waiting_bytes_per_tenant)
    if waiting.of_all and waiting.of_all + new > settings.max_waiting_bytes:
        raise _put_off("the service has", settings.max_waiting_bytes)


def _put_off(whose: str, limit_bytes: int) -> LimitExceeded:
    return LimitExceeded(
        f"As much as {whose} room for, {limit_bytes / _GIB:.3g} GiB of files, waits to be read already. Send this again "
        "when some of it is done: /v1/jobs/counts says how many bytes wait.",
        retry_after_s=RETRY_AFTER_S,
    )
