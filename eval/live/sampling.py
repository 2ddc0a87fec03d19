"""Which answers are scored. The draw follows from the id, so that looking again chooses the same ones."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rag_service.domain.ids import AnswerId
from rag_service.domain.live import LiveCandidate

_DRAW_BYTES = 6  # fits into a float without rounding: a draw of 1.0 would never be chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """An answer that was chosen because its draw lies below the rate of its stratum."""

    candidate: LiveCandidate
    draw: float
    rate: float


def draw_of(answer_id: AnswerId) -> float:
    """Return a number in [0, 1), evenly spread over ids."""
    digest = hashlib.sha256(answer_id.encode()).digest()[:_DRAW_BYTES]
    return int.from_bytes(digest, "big") / 2.0 ** (8 * _DRAW_BYTES)


def chosen(candidates: Sequence[LiveCandidate], *, rate: float, least: int, most: int) -> list[Drawn]:
    """Return the candidates that are to be scored and are not yet.

    A stratum is the answers of one status of one corpus on one day. Of each goes a share of `rate`: of a large one
    less, about `most` answers, and of a small one more, about `least` answers or all there are. While a day's answers come
    in the share falls.
    """
    sizes = Counter(_stratum(candidate) for candidate in candidates)
    waiting = (candidate for candidate in candidates if not candidate.is_scored)
    rates = {stratum: max(min(rate, most / size), least / size) for stratum, size in sizes.items()}
    drawn = (_drawn(candidate, rates[_stratum(candidate)]) for candidate in waiting)
    return [one for one in drawn if one.draw < one.rate]


def _drawn(candidate: LiveCandidate, rate: float) -> Drawn:
    return Drawn(candidate=candidate, draw=draw_of(candidate.answer_id), rate=min(1.0, rate))


def _stratum(candidate: LiveCandidate) -> tuple[object, ...]:
    return candidate.corpus_id, candidate.status, candidate.asked_at.date()
