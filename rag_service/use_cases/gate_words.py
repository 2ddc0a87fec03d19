"""What people are told about a gate, wherever it is shown."""

from collections.abc import Mapping

from rag_service.domain.gates import Cause, RegressionKind, Strength, Verdict, strength_of
from rag_service.domain.golden import WEAK_BELOW
from rag_service.use_cases.manage_gates import GateState, SeenGate

KINDS: Mapping[RegressionKind, str] = {
    RegressionKind.LOST_CITATION: "It no longer cites the passage that holds the answer.",
    RegressionKind.ABSTAINS: "It is no longer answered.",
    RegressionKind.ANSWERS: "It is answered now, though the documents do not say.",
    RegressionKind.JUDGED_WORSE: "Its answer is among those that the judge finds worse, each time it is asked.",
}
CAUSES: Mapping[Cause, str] = {
    Cause.LOST_QUOTE: "no longer holds the quote",
    Cause.DISPLACED: "is found where the passage with the quote was",
    Cause.CITED: "is what the new answer rests on",
}

_STATES: Mapping[GateState, str] = {
    GateState.NONE: "Nothing is asked before this draft is published.",
    GateState.NOT_ASKED: "The golden questions have not been asked yet.",
    GateState.BEING_EVALUATED: "Being evaluated: the golden questions are asked.",
    GateState.PASSED: "Passed: no golden question is worse.",
    GateState.ACCEPTED: "Accepted: people took upon them what is worse. It can be published.",
    GateState.UNMEASURED: "Not evaluated: the golden questions could not be asked. Publish again to try again.",
}


def state_in_words(seen: SeenGate) -> str:
    """Return where a draft stands."""
    if seen.state is GateState.NOT_ASKED and seen.gate and seen.gate.verdict is Verdict.UNMEASURED:
        return (
            f"{_STATES[seen.state]} The last attempt came to no verdict: {seen.gate.reason} Publish again to try again."
        )
    if seen.state is not GateState.BLOCKED:
        return _STATES[seen.state]
    worse = len(seen.blocking)
    return f"Blocked: {worse} golden question{' is' if worse == 1 else 's are'} worse."


def strength_in_words(questions: int) -> str:
    """Return how much a gate with so many questions can see."""
    asked = f"{questions} golden question{'' if questions == 1 else 's'}"
    match strength_of(questions):
        case Strength.NONE:
            return "There is no gate: the corpus has no accepted golden questions."
        case Strength.WEAK:
            return f"The gate is weak with {asked}; {WEAK_BELOW} make it a full one."
        case Strength.FULL:
            return f"The gate has {asked}."
