"""Gates of drafts as people see them, and taking a regression upon oneself."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from rag_service.domain.access import AccessScope, Permission, system_scope
from rag_service.domain.drafts import Draft
from rag_service.domain.gates import (
    Acceptance,
    Gate,
    Regression,
    RegressionKind,
    Strength,
    Verdict,
    lets_through,
    strength_of,
)
from rag_service.domain.golden import GoldenState
from rag_service.domain.ids import GoldenId, JobId
from rag_service.domain.jobs import JobKind
from rag_service.errors import Conflict, InvalidRequest
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.use_cases.draft_jobs import open_job_of
from rag_service.use_cases.gates import PublishGate
from rag_service.use_cases.permissions import require, require_one_of
from rag_service.use_cases.readable_versions import READERS

MAX_REASON_CHARS = 2000


class GateState(StrEnum):
    """Where a draft stands with its gate. Accepted: it is worse, and people took every regression upon them."""

    NONE = "none"  # nothing is asked before it is published
    NOT_ASKED = "not_asked"  # it has not been asked as it is now
    BEING_EVALUATED = "being_evaluated"
    PASSED = "passed"
    BLOCKED = "blocked"
    ACCEPTED = "accepted"
    UNMEASURED = "unmeasured"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRegression:
    """A regression, and who accepted it.

    It is without words and documents for who may not publish, as a draft is asked, or may not see one of these.
    """

    regression: Regression
    is_hidden: bool
    acceptance: Acceptance | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenGate:
    """What is known about a draft before it is published.

    `gate` is the newest verdict; it is about the draft as it was sealed under another number when `is_current` is false.
    `questions` are those of the verdict, or those that would be asked. `job_id` is the job that brings the draft on.
    `names` are those of the keys that accepted something, as far as there are such keys.
    """

    draft: Draft
    state: GateState
    gate: Gate | None
    is_current: bool
    questions: int
    regressions: tuple[SeenRegression, ...]
    acceptances: tuple[Acceptance, ...]
    names: Mapping[str, str]
    job_id: JobId | None

    @property
    def strength(self) -> Strength:
        """How much the gate can see."""
        return strength_of(self.questions)

    @property
    def blocking(self) -> tuple[SeenRegression, ...]:
        """The regressions that nobody has accepted."""
        return tuple(seen for seen in self.regressions if seen.acceptance is None)


class ManageGates:
    """What people see of gates and do about them; `draft` is an id or the name of a live one."""

    def __init__(self, *, catalog: Catalog, gate: PublishGate, clock: Callable[[], datetime]) -> None:
        self._catalog = catalog
        self._gate = gate
        self._clock = clock

    async def read(self, scope: AccessScope, *, corpus: str, draft: str) -> SeenGate:
        """Return what is known; NotFound when the caller may not see drafts."""
        require_one_of(scope, READERS, kind="draft", ref=draft)
        async with self._catalog.reading() as tx:
            return await self._seen(tx, scope, corpus, draft)

    async def accept(
        self, scope: AccessScope, *, corpus: str, draft: str, question_ids: Collection[GoldenId], reason: str
    ) -> SeenGate:
        """Take regressions of the newest verdict upon the caller. The draft is published when somebody asks for it again.

        Raises:
            InvalidRequest: there is no reason, or a question is none of those that the caller sees to be worse.
            Conflict: nothing blocks the draft as it is now.
        """
        require(scope, Permission.PUBLISH, kind="draft", ref=draft)
        stripped = checked_reason(reason)
        async with self._catalog.writing() as tx:
            seen = await self._seen(tx, scope, corpus, draft)
            _assert_blocked(seen)
            for question_id, kind in _named(seen, question_ids).items():
                acceptance = Acceptance(
                    draft_id=seen.draft.id,
                    question_id=question_id,
                    kind=kind,
                    reason=stripped,
                    accepted_by=scope.caller,
                    created_at=self._clock(),
                )
                await tx.gates.accept(scope, acceptance)
            return await self._seen(tx, scope, corpus, draft)

    async def _seen(self, tx: Transaction, scope: AccessScope, corpus: str, ref: str) -> SeenGate:
        draft = await tx.drafts.named(scope, (await tx.corpora.get(scope, corpus)).id, ref)
        gate = await tx.gates.of_draft(scope, draft.id)
        acceptances = await tx.gates.accepted(scope, draft.id)
        seal = await open_job_of(tx, scope, draft, JobKind.SEAL_DRAFT)
        # A verdict that is made for nobody any more brings the draft nowhere.
        evaluation = await open_job_of(tx, scope, draft, JobKind.EVALUATE_DRAFT) if draft.awaits_publish else None
        # Questions that the caller may not see are asked, too.
        everything = system_scope(draft.tenant_id)
        is_current = gate is not None and gate.number == draft.number
        state = _state(gate if is_current else None, acceptances)
        if evaluation is not None:
            state = GateState.BEING_EVALUATED
        elif state is GateState.NOT_ASKED and not await self._gate.applies_to(tx, everything, draft):
            state = GateState.NONE
        job = seal or evaluation
        return SeenGate(
            draft=draft,
            state=state,
            gate=gate,
            is_current=is_current,
            questions=gate.questions if gate is not None else await _questions(tx, everything, draft),
            regressions=await _seen_regressions(tx, scope, gate, acceptances) if gate is not None else (),
            acceptances=tuple(acceptances),
            names=await _names(tx, scope, acceptances),
            job_id=None if job is None else job.id,
        )


def checked_reason(reason: str) -> str:
    """Return why something is accepted, or raise InvalidRequest."""
    stripped = reason.strip()
    if not stripped:
        raise InvalidRequest("Say why this is accepted.", param="reason")
    if len(stripped) > MAX_REASON_CHARS:
        raise InvalidRequest(f"A reason has at most {MAX_REASON_CHARS} characters.", param="reason")
    return stripped


def _state(gate: Gate | None, acceptances: Sequence[Acceptance]) -> GateState:
    """Return what the verdict about the draft as it is now says."""
    if gate is None:
        return GateState.NOT_ASKED
    match gate.verdict:
        case Verdict.PASSED:
            return GateState.PASSED
        case Verdict.BLOCKED:
            return GateState.ACCEPTED if lets_through(gate, acceptances) else GateState.BLOCKED
        case Verdict.UNMEASURED:
            return GateState.UNMEASURED


async def _questions(tx: Transaction, scope: AccessScope, draft: Draft) -> int:
    return (await tx.golden.counts(scope, draft.corpus_id))[GoldenState.ACCEPTED]


async def _names(tx: Transaction, scope: AccessScope, acceptances: Sequence[Acceptance]) -> dict[str, str]:
    if not acceptances:
        return {}
    names = {str(key.id): key.name for key in await tx.keys.list(scope)}
    by = {acceptance.accepted_by for acceptance in acceptances}
    return {caller: names[key_id] for caller in by if (key_id := caller.partition("/")[0]) in names}


async def _seen_regressions(
    tx: Transaction, scope: AccessScope, gate: Gate, acceptances: Sequence[Acceptance]
) -> tuple[SeenRegression, ...]:
    accepted = {(acceptance.question_id, acceptance.kind): acceptance for acceptance in acceptances}
    keys = {key for regression in gate.regressions for key in _documents(regression)}
    readable = (await tx.uploads.known(scope, gate.corpus_id, sorted(keys))).keys() if keys else frozenset[str]()
    questions = await tx.golden.known(scope, {regression.question_id for regression in gate.regressions})
    seen = []
    for regression in gate.regressions:
        may_see = regression.question_id in questions and _documents(regression) <= readable
        is_hidden = not (may_see and scope.may(Permission.PUBLISH))
        shown = _without_words(regression) if is_hidden else regression
        acceptance = accepted.get((regression.question_id, regression.kind))
        seen.append(SeenRegression(regression=shown, is_hidden=is_hidden, acceptance=acceptance))
    return tuple(seen)


def _documents(regression: Regression) -> frozenset[str]:
    responsible = {one.document_key for one in regression.responsible}
    return frozenset(responsible.union(regression.before.cited, regression.after.cited))


def _without_words(regression: Regression) -> Regression:
    before, after = (replace(answer, text="", cited=()) for answer in (regression.before, regression.after))
    return replace(regression, question="", before=before, after=after, responsible=())


def _assert_blocked(seen: SeenGate) -> None:
    if seen.state not in {GateState.BLOCKED, GateState.ACCEPTED}:
        raise Conflict(f"Draft {seen.draft.id} is not blocked by questions: its gate is {seen.state.value}.")


def _named(seen: SeenGate, question_ids: Collection[GoldenId]) -> dict[GoldenId, RegressionKind]:
    """Return what these questions lost, or raise InvalidRequest."""
    acceptable = {one.regression.question_id: one.regression.kind for one in seen.regressions if not one.is_hidden}
    if not question_ids:
        raise InvalidRequest("Name the questions that are accepted.", param="question_ids")
    if unknown := sorted(set(question_ids) - acceptable.keys()):
        raise InvalidRequest(f"Not among the questions that are worse: {', '.join(unknown)}.", param="question_ids")
    return {question_id: acceptable[question_id] for question_id in question_ids}
