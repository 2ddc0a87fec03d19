"""Content gaps of planted questions, by an embedder that knows words only."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from rag_service.domain.access import EVERYONE, AccessScope, Permission
from rag_service.domain.answers import AnswerStatus, Message
from rag_service.domain.gaps import FoundGaps, UnmetQuestion
from rag_service.domain.golden import GoldenQuestion
from rag_service.domain.golden_content import read_golden_row
from rag_service.domain.ids import AnswerId, CorpusId, Fingerprint, TenantId
from rag_service.errors import LimitExceeded, NotFound
from rag_service.settings import EvaluationSettings
from rag_service.use_cases.content_gaps import ContentGaps
from tests.build_parts import own_parts
from tests.evaluation_values import golden

NOW = datetime(2026, 11, 1, tzinfo=UTC)
REFUNDS = ("refund of course fees", "course fees refund?", "how is a refund of course fees done?")
PARKING = ("where is guest parking", "guest parking where?")
LONE = "zeppelin timetable"
CONTENT_TEAM = AccessScope(
    tenant_id=TenantId("a"), principals=frozenset({EVERYONE}), permissions=frozenset({Permission.EVAL})
)


def unmet(question: str, place: int = 0, **changes: Any) -> UnmetQuestion:
    values = {"status": AnswerStatus.ABSTAINED, "reason": "nothing_found", "is_disliked": False, "asked_by": "ann"}
    asked = {"answer_id": AnswerId(f"answer_{place}"), "question": question, "created_at": NOW - timedelta(hours=place)}
    return UnmetQuestion(**(values | asked | changes))


class KeptCatalog:
    """Holds unmet questions, newest first, and golden questions; notes what it is asked for."""

    def __init__(self, questions: Sequence[UnmetQuestion] = (), known: Sequence[GoldenQuestion] = ()) -> None:
        self._questions, self._known = questions, known
        self.asked: dict[str, Any] = {}

    @asynccontextmanager
    async def reading(self) -> Any:
        yield SimpleNamespace(corpora=self, answers=self, golden=self)

    writing = reading

    async def get(self, scope: AccessScope, ref: str) -> Any:
        return SimpleNamespace(id=CorpusId("vs_a"), fingerprint=Fingerprint("build"))

    async def unmet(self, scope: AccessScope, corpus_id: CorpusId, **asked: Any) -> Sequence[UnmetQuestion]:
        self.asked = asked
        return self._questions[: asked["limit"]]

    async def all(self, scope: AccessScope, corpus_id: CorpusId, *, states: Any) -> Sequence[GoldenQuestion]:
        return self._known


def gaps_of(catalog: KeptCatalog, **settings: Any) -> ContentGaps:
    parts = own_parts(Fingerprint("build"))
    return ContentGaps(catalog=catalog, build_parts=parts, clock=lambda: NOW, settings=EvaluationSettings(**settings))


def planted(*questions: str) -> KeptCatalog:
    return KeptCatalog([unmet(question, place) for place, question in enumerate(questions)])


async def test_planted_clusters_are_found_the_largest_first_and_named() -> None:
    mixed = (PARKING[0], REFUNDS[0], LONE, REFUNDS[1], PARKING[1], REFUNDS[2])

    found = await gaps_of(planted(*mixed)).find(CONTENT_TEAM, corpus="c")

    assert [[one.question for one in gap.questions] for gap in found.gaps] == [list(REFUNDS), list(PARKING)]
    assert [set(gap.words) for gap in found.gaps] == [{"refund", "course", "fees"}, {"guest", "parking"}]


async def test_a_lone_question_is_listed_apart() -> None:
    found = await gaps_of(planted(*PARKING, LONE)).find(CONTENT_TEAM, corpus="c")

    assert [one.question for one in found.alone] == [LONE]
    assert (len(found.gaps), found.looked_at) == (1, 3)


async def test_the_medoid_is_the_question_most_like_all_of_its_gap() -> None:
    wordings = ("refund fees", "refund fees course", "refund course")

    found = await gaps_of(planted(*wordings)).find(CONTENT_TEAM, corpus="c")

    assert found.gaps[0].medoid.question == "refund fees course"


async def test_a_gap_counts_outcomes_people_reasons_and_days() -> None:
    partly = unmet(LONE, 1, status=AnswerStatus.PARTIAL, reason="units_dropped", asked_by="ben")
    disliked = unmet(LONE, 30, status=AnswerStatus.ANSWERED, reason=None, is_disliked=True)

    (gap,) = (await gaps_of(KeptCatalog([unmet(LONE), partly, disliked])).find(CONTENT_TEAM, corpus="c")).gaps

    assert (gap.count(AnswerStatus.ABSTAINED), gap.count(AnswerStatus.PARTIAL), gap.disliked) == (1, 1, 1)
    assert (gap.people, gap.reasons) == (2, {"nothing_found": 1, "units_dropped": 1})
    assert (gap.first_seen, gap.last_seen) == (NOW - timedelta(hours=30), NOW)


async def test_only_the_newest_questions_of_the_window_are_looked_at() -> None:
    catalog = planted(*PARKING, LONE)

    found = await gaps_of(catalog, gap_questions=2, gap_days=7).find(CONTENT_TEAM, corpus="c")

    assert (found.looked_at, found.is_cut) == (2, True)
    assert catalog.asked == {"since": NOW - timedelta(days=7), "limit": 3}


async def test_the_caller_may_ask_for_another_window() -> None:
    catalog = planted()

    found = await gaps_of(catalog).find(CONTENT_TEAM, corpus="c", days=90)

    assert catalog.asked["since"] == found.since == NOW - timedelta(days=90)
    assert (found.gaps, found.alone, found.is_cut) == ([], [], False)


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({"status": AnswerStatus.PARTIAL, "reason": "generator_failed"}, False),
        ({"status": AnswerStatus.PARTIAL, "reason": "generator_failed", "is_disliked": True}, True),
        ({"status": AnswerStatus.ANSWERED, "reason": "small_talk", "is_disliked": True}, False),
    ],
)
async def test_what_documents_cannot_mend_is_no_gap(changes: dict[str, Any], counts: bool) -> None:
    found = await gaps_of(KeptCatalog([unmet(LONE, **changes)])).find(CONTENT_TEAM, corpus="c")

    assert bool(found.alone) is counts


async def test_those_who_come_when_enough_wait_are_put_off_and_the_others_served() -> None:
    gaps = gaps_of(planted(*PARKING))

    together = await asyncio.gather(*(gaps.find(CONTENT_TEAM, corpus="c") for _ in range(4)), return_exceptions=True)

    *served, put_off = together
    assert [len(found.gaps) for found in served if isinstance(found, FoundGaps)] == [1, 1, 1]
    assert isinstance(put_off, LimitExceeded)
    assert (await gaps.find(CONTENT_TEAM, corpus="c")).gaps


async def test_a_gap_that_a_golden_question_asks_is_marked() -> None:
    known = golden(corpus_id="vs_a", messages=(Message(role="user", content=PARKING[0]),))
    catalog = KeptCatalog([unmet(PARKING[0]), unmet(PARKING[0], 1)], [known])

    (gap,) = (await gaps_of(catalog).find(CONTENT_TEAM, corpus="c")).gaps

    assert gap.is_golden


async def test_gaps_take_the_permission_to_evaluate() -> None:
    others = frozenset(Permission) - {Permission.EVAL, Permission.ADMIN}
    scope = AccessScope(tenant_id=TenantId("a"), principals=frozenset({EVERYONE}), permissions=others)
    gaps = gaps_of(planted(*PARKING))

    for call in (gaps.find(scope, corpus="c"), gaps.propose(scope, corpus="c", answer_id=AnswerId("answer_0"))):
        with pytest.raises(NotFound, match="corpus"):
            await call


def test_an_exported_question_of_a_gap_still_names_its_answer() -> None:
    row = {"id": "gold_1", "question": LONE, "origin": "gap", "origin_ref": "answer_1"}

    assert read_golden_row(json.dumps(row).encode())[1] == "answer_1"
