"""Verdicts about drafts, and what people accepted of them."""

from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.database import insert_into
from rag_service.catalog.draft_rows import read_draft
from rag_service.catalog.rows import columns_of
from rag_service.catalog.tables import gate_acceptances, gates
from rag_service.domain.access import AccessScope
from rag_service.domain.gates import Acceptance, Gate, Regression, RegressionKind, Verdict
from rag_service.domain.ids import DraftId

_REGRESSIONS = TypeAdapter(tuple[Regression, ...])


class SqlGates:
    """Implements `ports.catalog.Gates`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, scope: AccessScope, gate: Gate) -> None:
        await read_draft(self._connection, scope, gate.draft_id, lock=True)
        same = sa.and_(gates.c.draft_id == gate.draft_id, gates.c.number == gate.number)
        await self._connection.execute(gates.delete().where(same))
        await self._connection.execute(gates.insert().values(_values_of(gate)))

    async def of_draft(self, scope: AccessScope, draft_id: DraftId) -> Gate | None:
        await read_draft(self._connection, scope, draft_id)
        newest = gates.select().where(gates.c.draft_id == draft_id).order_by(gates.c.number.desc()).limit(1)
        row = (await self._connection.execute(newest)).first()
        return None if row is None else gate_of(row)

    async def accept(self, scope: AccessScope, acceptance: Acceptance) -> None:
        await read_draft(self._connection, scope, acceptance.draft_id, lock=True)
        values = {
            "reason": acceptance.reason,
            "accepted_by": acceptance.accepted_by,
            "created_at": acceptance.created_at,
        }
        place = {
            "draft_id": acceptance.draft_id,
            "question_id": acceptance.question_id,
            "kind": acceptance.kind.value,
        }
        new = insert_into(self._connection, gate_acceptances).values(**place, **values)
        await self._connection.execute(new.on_conflict_do_update(index_elements=list(place), set_=values))

    async def accepted(self, scope: AccessScope, draft_id: DraftId) -> list[Acceptance]:
        await read_draft(self._connection, scope, draft_id)
        mine = gate_acceptances.select().where(gate_acceptances.c.draft_id == draft_id)
        rows = await self._connection.execute(mine.order_by(gate_acceptances.c.created_at))
        return [acceptance_of(row) for row in rows]


def acceptance_of(row: sa.Row[Any]) -> Acceptance:
    return Acceptance(**columns_of(row) | {"kind": RegressionKind(row.kind)})


def gate_of(row: sa.Row[Any]) -> Gate:
    values = columns_of(row)
    evidence = values.pop("evidence")
    return Gate(
        **values
        | {
            "verdict": Verdict(row.verdict),
            "regressions": _REGRESSIONS.validate_python(evidence["regressions"]),
            "reason": evidence["reason"],
            "suite_digest": evidence["suite_digest"],
        }
    )


def _values_of(gate: Gate) -> dict[str, Any]:
    same = (
        "tenant_id",
        "corpus_id",
        "draft_id",
        "number",
        "against",
        "questions",
        "run_id",
        "base_run_id",
        "created_at",
    )
    return {name: getattr(gate, name) for name in same} | {
        "verdict": gate.verdict.value,
        "evidence": {
            "regressions": _REGRESSIONS.dump_python(gate.regressions, mode="json"),
            "reason": gate.reason,
            "suite_digest": gate.suite_digest,
        },
    }
