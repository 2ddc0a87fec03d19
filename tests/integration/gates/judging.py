"""What the evaluation worker and people do about a draft that waits for its verdict."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from rag_service.domain.access import system_scope
from rag_service.domain.drafts import Draft, SealPurpose
from rag_service.domain.gates import Gate, Regression
from rag_service.domain.golden import digest_of
from rag_service.domain.ids import GoldenId
from rag_service.domain.jobs import OPEN_STATES, Job, JobKind, JobState
from rag_service.ports.catalog import Transaction
from rag_service.use_cases.gates import COUNTING
from rag_service.use_cases.manage_gates import SeenGate
from tests.gate_values import regression, verdict
from tests.integration.desk import Desk

GREEN = "Apples are green."
DATES = "Dates are sweet."
APPLES, PEARS = GoldenId("golden_apples"), GoldenId("golden_pears")
WORSE = (regression("apples"), regression("pears"))


async def ask(desk: Desk, draft: Draft) -> Draft:
    """Ask for a publish, let the worker do what it can, and return the draft as it is then."""
    await desk.worker.container.drafts.ask_for_seal(
        desk.admin, corpus=desk.corpus, draft=draft.id, purpose=SealPurpose.PUBLISH
    )
    await desk.work_off()
    return await desk.draft(draft.id)


async def evaluation(desk: Desk, draft: Draft, state: frozenset[JobState] = OPEN_STATES) -> Job | None:
    async with desk.worker.container.catalog.reading() as tx:
        jobs = await tx.jobs.of_subject(desk.admin, draft.id)
    return next((job for job in jobs if job.kind is JobKind.EVALUATE_DRAFT and job.state in state), None)


async def judge(desk: Desk, draft: Draft, *, worse: Sequence[Regression] = (), **changes: object) -> Draft:
    """Bring the verdict about a draft as it was, and return the draft as it is when all has followed."""
    parts, scope = desk.worker.container, system_scope(desk.admin.tenant_id)
    job = await evaluation(desk, draft)
    assert job is not None
    async with parts.catalog.writing() as tx:
        await end_job(desk, tx, job)
        await tx.gates.put(scope, await asked_now(tx, verdict(draft, worse=worse, **changes)))
        await parts.publish_gate.go_on(tx, scope, draft.id)
    await desk.work_off()
    return await desk.draft(draft.id)


async def end_job(desk: Desk, tx: Transaction, job: Job) -> None:
    """Take a job and be done with it, as the evaluation worker is when it keeps a verdict."""
    now = desk.worker.container.clock()
    await tx.jobs.succeed(await tx.jobs.claim([job], now=now, lease=timedelta(minutes=1)), now=now)


async def asked_now(tx: Transaction, gate: Gate) -> Gate:
    """Return the verdict of the questions that count now."""
    questions = await tx.golden.all(system_scope(gate.tenant_id), gate.corpus_id, states=COUNTING)
    return replace(gate, suite_digest=digest_of(questions))


async def accept(desk: Desk, draft: Draft, *questions: GoldenId) -> SeenGate:
    return await desk.worker.container.gates.accept(
        desk.admin, corpus=desk.corpus, draft=draft.id, question_ids=questions, reason="It is meant to be."
    )


async def gate_of(desk: Desk, draft: Draft) -> SeenGate:
    return await desk.worker.container.gates.read(desk.admin, corpus=desk.corpus, draft=draft.id)
