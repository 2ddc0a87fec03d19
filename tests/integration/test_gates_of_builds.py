"""Planted faults of a build: texts cut the wrong way, and vectors of another model. The gate sees them in the answers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rag_service.domain.drafts import SealPurpose
from rag_service.domain.gates import Verdict
from rag_service.domain.ids import Fingerprint
from rag_service.ports.vector_index import Point, VectorIndex
from tests.integration.desk import Desk
from tests.integration.evaluating import HOUSE, QUESTIONS, add_questions, decided, question
from tests.integration.rebuilding import Place, fill, place, rebuild_drafts, start

__all__ = ["place"]

FILLING = {f"memo-{number}": f"Memo {number} of room {number} tells about chair {number}." for number in range(24)}


class MixedUp:
    """An index into which every chunk goes with the vector of another one, as from a model that was mixed up."""

    def __init__(self, inner: VectorIndex) -> None:
        self._inner = inner

    async def write(self, fingerprint: Fingerprint, points: Sequence[Point]) -> None:
        others = [replace(point, dense=-point.dense) for point in points]
        await self._inner.write(fingerprint, others)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


async def test_vectors_of_another_model_block(place: Place) -> None:
    async with place.service(dimensions=256) as desk:
        await _open_house(desk)
        changed = {key: f"{text}\n\nThis is the second edition." for key, text in HOUSE.items()}
        draft = await desk.hold(uploads=changed)
        await desk.ask(draft, SealPurpose.PREVIEW)
        parts = desk.worker.container
        await desk.sealing(index=MixedUp(parts.index))(desk.admin, draft.id, still_held=_held)

        gate = await decided(desk, await desk.draft(draft.id))

    assert gate.verdict is Verdict.BLOCKED
    assert {regression.question_id for regression in gate.regressions} <= {f"gold_{key}" for key in QUESTIONS}


async def test_a_build_that_answers_as_well_passes_and_says_in_what_it_differs(place: Place) -> None:
    async with place.service(dimensions=256) as desk:
        await _open_house(desk)
    async with place.service(dimensions=512) as desk:
        gate = await _rebuilt(desk)

    assert gate.verdict is Verdict.PASSED
    assert "embedder" in (gate.reason or "")


async def test_texts_cut_the_wrong_way_block_and_the_chunker_is_named(place: Place) -> None:
    async with place.service(dimensions=256) as desk:
        await _open_house(desk)
    async with place.service(dimensions=256, target_tokens=32) as desk:
        gate = await _rebuilt(desk)

    assert gate.verdict is Verdict.BLOCKED
    assert [one.question_id for one in gate.regressions] == ["gold_rules"]
    assert (gate.reason or "").startswith("The draft is built another way: chunker ")


async def _open_house(desk: Desk) -> None:
    await desk.publish(HOUSE | FILLING | {"rules": RULES})
    asked = [question(key, each) for key, each in QUESTIONS.items()]
    await add_questions(desk, [*asked, question("rules", RULES_QUESTION)])


async def _rebuilt(desk: Desk) -> Any:
    """Bring the corpus to the service's build up to the draft that switches to it, and let its gate decide."""
    await start(desk)
    await fill(desk)
    [draft] = await rebuild_drafts(desk)
    await desk.seal(draft, SealPurpose.PREVIEW)
    return await decided(desk, await desk.draft(draft.id))


async def _held(tx: Any = None) -> None:
    """The job is still this worker's."""


RULES = (
    "# Rules\n\nVisitors of the laboratory who carry a camera, a telephone, a notebook, a recorder, a lamp, a battery, a "
    "magnet, a bottle, a lighter, a knife, a ladder, a rope, a radio or a drone of any size or make leave these things "
    "with the porter at the gate before nine and take them back with a signed receipt on the same day."
)
RULES_QUESTION = ("Where do visitors of the laboratory leave a camera?", "with the porter at the gate before nine")
