"""A corpus with golden questions, and who asks them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from eval.datasets.golden import cases_of
from eval.gate import evaluate_draft
from eval.otlp.receiver import Receiver
from eval.run_suites import RunSuites
from rag_service.bootstrap import Container
from rag_service.domain.access import system_scope
from rag_service.domain.answers import Message
from rag_service.domain.drafts import Draft, SealPurpose
from rag_service.domain.evaluations import CaseResult, EvalRun, RunPurpose, new_run
from rag_service.domain.gates import Gate
from rag_service.domain.golden import GoldenQuestion, GoldenState, GoldQuote, Origin
from rag_service.domain.ids import GoldenId
from rag_service.errors import IndexUnavailable
from tests.integration.desk import Desk, held

HOUSE = {
    "parking": "# Parking\n\nThe car park of the main building closes at 22:30 every evening.",
    "canteen": "# Canteen\n\nThe canteen serves a vegetarian lunch on every Thursday.",
    "badges": "# Badges\n\nLost badges are reported to the security desk within one hour.",
    "travel": "# Travel\n\nTrain tickets are booked through the travel office in Lisbon.",
}
QUESTIONS = {
    "parking": ("When does the car park of the main building close?", "closes at 22:30 every evening"),
    "canteen": ("On which day does the canteen serve a vegetarian lunch?", "a vegetarian lunch on every Thursday"),
    "badges": ("Where are lost badges reported?", "Lost badges are reported to the security desk"),
    "travel": ("Who books train tickets?", "booked through the travel office in Lisbon"),
}
UNANSWERABLE = "How many penguins live in Antarctica?"


async def open_house(desk: Desk) -> Desk:
    """Publish a corpus of four documents with a golden question about each, and one that none answers."""
    await desk.worker.container.create_corpus(desk.admin, name=desk.corpus)
    await desk.publish(HOUSE)
    await add_questions(desk, [*(question(*each) for each in QUESTIONS.items()), unanswerable()])
    return desk


def question(key: str, asked: tuple[str, str]) -> dict[str, Any]:
    """Return the golden question about a document."""
    quote = GoldQuote(document_key=key, text=asked[1])
    return {"id": key, "text": asked[0], "answerable": True, "quotes": (quote,)}


def unanswerable(text: str = UNANSWERABLE) -> dict[str, Any]:
    """Return a golden question that no document answers."""
    return {"id": "penguins", "text": text, "answerable": False, "quotes": ()}


async def add_questions(desk: Desk, questions: Sequence[dict[str, Any]]) -> None:
    """Add accepted golden questions to the corpus."""
    parts = desk.worker.container
    async with parts.catalog.writing() as tx:
        corpus = await tx.corpora.get(desk.admin, desk.corpus)
        now = parts.clock()
        made = [
            GoldenQuestion(
                id=GoldenId(f"gold_{one['id']}"),
                tenant_id=corpus.tenant_id,
                corpus_id=corpus.id,
                messages=(Message(role="user", content=one["text"]),),
                answerable=one["answerable"],
                answers=one.get("answers", ()),
                quotes=one["quotes"],
                state=GoldenState.ACCEPTED,
                origin=Origin.HAND,
                created_at=now,
                updated_at=now,
            )
            for one in questions
        ]
        await tx.golden.add(desk.admin, made)


async def golden(desk: Desk) -> list[GoldenQuestion]:
    """Return the accepted golden questions."""
    async with desk.worker.container.catalog.reading() as tx:
        corpus = await tx.corpora.get(desk.admin, desk.corpus)
        return await tx.golden.all(desk.admin, corpus.id, states={GoldenState.ACCEPTED})


async def queued(desk: Desk, **changes: Any) -> EvalRun:
    """Add a run of the golden questions."""
    parts = desk.worker.container
    async with parts.catalog.writing() as tx:
        corpus = await tx.corpora.get(desk.admin, desk.corpus)
        purpose = RunPurpose.BY_HAND
        run = new_run(corpus.tenant_id, corpus.id, (), number=None, draft_id=None, purpose=purpose, now=parts.clock())
        made = replace(run, **changes)
        await tx.eval_runs.add(desk.admin, made)
    return made


async def run_golden(
    desk: Desk, *, run: EvalRun | None = None, parts: Container | None = None, **options: Any
) -> EvalRun:
    """Run the golden questions, over other parts where given, without RAGAS."""
    run_suites = RunSuites(
        container=parts or desk.worker.container,
        judge=None,
        parallel=options.pop("parallel", 2),
        receiver=options.pop("receiver", None),
    )
    cases = cases_of(await golden(desk))
    return await run_suites(desk.admin, run or await queued(desk), cases, with_ragas=False, **options)


async def results(desk: Desk, run: EvalRun) -> dict[str, CaseResult]:
    """Return the results of a run by case, as a system sees them."""
    async with desk.worker.container.catalog.reading() as tx:
        found = await tx.eval_runs.results(system_scope(desk.admin.tenant_id), run.id)
    return {result.case_id: result for result in found}


async def gate_of(desk: Desk, draft: Draft, **options: Any) -> Gate:
    """Seal a held draft as a preview, and let its gate decide."""
    await desk.seal(draft, SealPurpose.PREVIEW)
    return await decided(desk, await desk.draft(draft.id), **options)


async def decided(
    desk: Desk, draft: Draft, *, parts: Container | None = None, receiver: Receiver | None = None
) -> Gate:
    """Let the gate of a sealed draft decide."""
    parts = parts or desk.worker.container
    run_suites = RunSuites(container=parts, judge=None, parallel=2, receiver=receiver)
    return await evaluate_draft(parts, run_suites, system_scope(desk.admin.tenant_id), draft, still_held=held)


class Counting:
    """Asks as the service does, and counts."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.asked: list[str] = []
        self.options: list[dict[str, Any]] = []

    def __call__(self, scope: Any, question: Any, **options: Any) -> Any:
        self.asked.append(question.messages[-1].content)
        self.options.append(options)
        return self._inner(scope, question, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class Failing:
    """Asks as the service does, but for the index, which is down `left` times more for questions with the words `of`."""

    def __init__(self, desk: Desk, *, times: int = 1000, of: str = "") -> None:
        self._inner: Any = desk.worker.container.ask_question
        self._of = of
        self.left = times
        self.tries = 0

    async def __call__(self, scope: Any, question: Any, **options: Any) -> Any:
        self.tries += 1
        if self.left and self._of in question.messages[-1].content:
            self.left -= 1
            raise IndexUnavailable("no index")
        async for event in self._inner(scope, question, **options):
            yield event

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def counting(desk: Desk) -> tuple[Container, Counting]:
    """Return the parts with a counter of questions."""
    counter = Counting(desk.worker.container.ask_question)
    return replace(desk.worker.container, ask_question=counter), counter
