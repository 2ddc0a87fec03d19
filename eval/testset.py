"""Golden questions that the judge writes about paragraphs of a corpus, by RAGAS's test-set generation, as proposals."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from eval.bootstrap import Evaluation
from eval.judging import open_checker
from eval.metrics.judge_free import passage_of, sentence_supports
from eval.metrics.ragas import COMMAND, Judge
from eval.metrics.ragas_process import RagasProcess
from rag_service.domain.answers import Message
from rag_service.domain.golden import GoldQuote
from rag_service.domain.golden_content import GoldenContent
from rag_service.domain.metric_names import RAGAS_ENDED, RAGAS_SILENT
from rag_service.errors import RagError
from rag_service.use_cases.golden_growth import Grown

UNSUPPORTED = "the paragraph does not say what the answer says"

_CALLS_PER_QUESTION = 3
_SPARE_S = 60.0


class NoQuestions(RagError):
    """RAGAS did not work: nothing is said of single paragraphs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """What was proposed, and why of some paragraphs nothing was."""

    grown: Grown
    paragraphs: int
    failures: Mapping[str, int]


async def propose_by_judge(evaluation: Evaluation, judge: Judge, *, corpus: str, seed: int, limit: int) -> Proposed:
    """Propose questions about at most `limit` paragraphs of what is published; their texts are sent to the judge.

    The seed chooses the paragraphs.

    An answer whose sentences our verifier does not find in the paragraph is not proposed, and neither is a question that
    is there already. The paragraph is the quote.

    Raises:
        NotFound: no such corpus, or the caller may not evaluate it.
        NoQuestions: RAGAS is not installed, hangs or died.
    """
    grow, scope = evaluation.container.grow_golden, evaluation.scope
    paragraphs = await grow.paragraphs(scope, corpus=corpus, seed=seed, limit=limit)
    written = await _written(judge, [paragraph.text for paragraph in paragraphs])
    failures, contents = Counter[str](), []
    for paragraph, found in zip(paragraphs, written, strict=True):
        if failure := found.get("failure") or await _why_unsupported(evaluation, paragraph, found):
            failures[failure] += 1
        else:
            contents.append(_content(paragraph, found))
    grown = await grow.propose_made(scope, corpus=corpus, contents=contents, made_by=judge.identity)
    return Proposed(grown=grown, paragraphs=len(paragraphs), failures=failures)


async def _written(judge: Judge, paragraphs: Sequence[str]) -> list[dict[str, str]]:
    if not paragraphs:
        return []
    process = await RagasProcess.start(COMMAND)
    # Each call may be asked again once, and so many are under way at once.
    limit_s = 2 * judge.timeout_s * _CALLS_PER_QUESTION * -(-len(paragraphs) // judge.parallel) + _SPARE_S
    try:
        ready = await process.ready({"judge": asdict(judge), "names": [], "sample_s": 0})
        if failure := ready.get("failure"):
            raise NoQuestions(str(failure))
        async with asyncio.timeout(limit_s):
            await process.send({"paragraphs": list(paragraphs)})
            questions: list[dict[str, str]] = (await process.receive())["questions"]
            return questions
    except TimeoutError as exc:
        raise NoQuestions(RAGAS_SILENT) from exc
    except (EOFError, OSError, ValueError, KeyError) as exc:
        raise NoQuestions(RAGAS_ENDED) from exc
    finally:
        await process.aclose()


async def _why_unsupported(evaluation: Evaluation, paragraph: GoldQuote, found: Mapping[str, str]) -> str:
    parts = evaluation.container
    supports = await sentence_supports(
        open_checker(parts), found["answer"], [passage_of(paragraph.text)], question=found["question"]
    )
    threshold = parts.settings.verification.support_threshold
    return "" if supports and min(supports) >= threshold else UNSUPPORTED


def _content(paragraph: GoldQuote, found: Mapping[str, str]) -> GoldenContent:
    return GoldenContent(
        messages=(Message(role="user", content=found["question"]),), answers=(found["answer"],), quotes=(paragraph,)
    )
