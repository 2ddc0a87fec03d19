"""Erasures and tombstones between rows and values."""

from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from rag_service.catalog.rows import columns_of
from rag_service.domain.erasures import (
    Erasure,
    ErasureKind,
    ErasurePlan,
    ErasureState,
    Removal,
    Tombstone,
    TombstoneKind,
)

_PLAN = TypeAdapter(ErasurePlan)
_REMOVAL = TypeAdapter(Removal)


def erasure_of(row: sa.Row[Any]) -> Erasure:
    """Return the erasure in a row that holds the columns of the table."""
    return Erasure(
        id=row.id,
        tenant_id=row.tenant_id,
        kind=ErasureKind(row.kind),
        subject=row.subject,
        requested_by=row.requested_by,
        created_at=row.created_at,
        state=ErasureState(row.state),
        plan=_PLAN.validate_python(row.plan),
        removal=_REMOVAL.validate_python(row.counts),
        probes=row.probes,
        finished_at=row.finished_at,
        receipt=row.receipt,
        signature=row.signature,
        public_key=row.signing_key,
    )


def values_of(erasure: Erasure) -> dict[str, Any]:
    """Return the columns' values."""
    return {
        "id": erasure.id,
        "tenant_id": erasure.tenant_id,
        "kind": erasure.kind.value,
        "subject": dict(erasure.subject),
        "state": erasure.state.value,
        "requested_by": erasure.requested_by,
        "created_at": erasure.created_at,
        "finished_at": erasure.finished_at,
        "plan": _PLAN.dump_python(erasure.plan, mode="json"),
        "counts": _REMOVAL.dump_python(erasure.removal, mode="json"),
        "probes": dict(erasure.probes),
        "receipt": erasure.receipt,
        "signature": erasure.signature,
        "signing_key": erasure.public_key,
    }


def tombstone_of(row: sa.Row[Any]) -> Tombstone:
    """Return the tombstone in a row that holds the columns of the table."""
    return Tombstone(**columns_of(row) | {"kind": TombstoneKind(row.kind)})
