"""The gate of a draft, as the page of its corpus shows it."""

from dataclasses import dataclass

from pydantic import BaseModel

from rag_service.domain.gates import Responsible
from rag_service.use_cases.gate_words import CAUSES, KINDS, state_in_words, strength_in_words
from rag_service.use_cases.manage_gates import MAX_REASON_CHARS, GateState, SeenGate, SeenRegression

# A gate in another state adds nothing to the state of its draft.
_TONES = {
    GateState.BEING_EVALUATED: "busy",
    GateState.PASSED: "good",
    GateState.BLOCKED: "bad",
    GateState.ACCEPTED: "good",
    GateState.UNMEASURED: "busy",
}
_BADGES = {
    GateState.BEING_EVALUATED: "Being evaluated",
    GateState.PASSED: "Passed its gate",
    GateState.ACCEPTED: "Accepted",
    GateState.UNMEASURED: "Not evaluated",
}


class AcceptedForm(BaseModel):
    """What is posted to accept regressions: the ticked questions, and why."""

    csrf_token: str = ""
    question: list[str] = []
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownGate:
    """A gate in words: `note` says more than `state`, which may say all.

    `may_accept`: there is something that the reader sees and nobody has accepted.
    """

    seen: SeenGate
    state: str
    tone: str
    note: str
    strength: str
    may_accept: bool
    max_reason_chars: int = MAX_REASON_CHARS

    def what(self, one: SeenRegression) -> str:
        """Return what a question lost."""
        return KINDS[one.regression.kind]

    def why(self, responsible: Responsible) -> str:
        """Return what a document did."""
        return CAUSES[responsible.cause]

    def who(self, one: SeenRegression) -> str:
        """Return who accepted it."""
        by = one.acceptance.accepted_by if one.acceptance else ""
        return self.seen.names.get(by, by)


def shown_gate(seen: SeenGate) -> ShownGate | None:
    """Return a gate as it is shown, None when there is nothing to say."""
    if seen.state not in _TONES:
        return None
    words = state_in_words(seen)
    badge = _BADGES.get(seen.state)
    return ShownGate(
        seen=seen,
        state=badge or words.rstrip("."),
        tone=_TONES[seen.state],
        note=words if badge else "",
        strength=strength_in_words(seen.questions),
        may_accept=seen.state is GateState.BLOCKED and any(not one.is_hidden for one in seen.blocking),
    )
