"""Questions about paragraphs, written by the judge as RAGAS's test-set generation has it. Imported only by eval/ragas_worker.py.

These are its steps for single-hop questions, one paragraph at a time: entities, a scenario (who asks, about what, in which
style), question and answer. Its `TestsetGenerator` runs the same ones, but opens an event loop for each step, in which
the one line to the judge cannot be shared, and ends with the first call that fails.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from ragas.testset.graph import KnowledgeGraph, Node, NodeType
from ragas.testset.persona import Persona
from ragas.testset.synthesizers.single_hop.specific import SingleHopSpecificQuerySynthesizer
from ragas.testset.transforms.extractors import NERExtractor
from ragas.tokenizers import BaseTokenizer

from eval.ragas_judge import JudgeLine, PinnedJudge

NO_SCENARIO = "nothing to ask about was found by the judge"
NO_QUESTION = "no question with an answer was written by the judge"

_PERSONAS = [
    Persona(name="Newcomer", role_description="Reads about this for the first time: what things are, and what for."),
    Persona(
        name="Practitioner", role_description="Works with it every day and needs a step, a limit or a name at once."
    ),
    Persona(name="Auditor", role_description="Checks rules, dates, numbers, and who is responsible."),
]
"""Given, as RAGAS would make them up from summaries of every document."""


class _Characters(BaseTokenizer):
    """RAGAS cuts long texts by tokens of a vocabulary that it would download; paragraphs are never that long."""

    def encode(self, text: str) -> list[int]:
        return [ord(character) for character in text]

    def decode(self, tokens: list[int]) -> str:
        return "".join(map(chr, tokens))


async def questions_about(judge: Mapping[str, Any], paragraphs: Sequence[str]) -> list[dict[str, str]]:
    """Return a question and its answer for each paragraph, or the reason in `failure`; the others go on.

    Who asks in which style is drawn anew each time.
    """
    line = JudgeLine(judge)
    return await asyncio.gather(*(_question_or_why_not(line, paragraph) for paragraph in paragraphs))


async def _question_or_why_not(line: JudgeLine, paragraph: str) -> dict[str, str]:
    judge = PinnedJudge(line)
    try:
        return await _question(judge, paragraph)
    except Exception as exc:  # noqa: BLE001  (whatever a judge's answer makes of the library, the others are not to blame)
        return {"failure": judge.failure or f"ragas failed: {type(exc).__name__}"}


async def _question(judge: PinnedJudge, paragraph: str) -> dict[str, str]:
    node = Node(type=NodeType.CHUNK, properties={"page_content": paragraph})
    node.add_property(*await NERExtractor(llm=judge, tokenizer=_Characters()).extract(node))
    synthesizer = SingleHopSpecificQuerySynthesizer(llm=judge)
    scenarios = await synthesizer.generate_scenarios(1, KnowledgeGraph(nodes=[node]), _PERSONAS)
    if not scenarios:
        return {"failure": NO_SCENARIO}
    sample: Any = await synthesizer.generate_sample(scenarios[0])
    question, answer = (" ".join(text.split()) for text in (sample.user_input, sample.reference))
    return {"question": question, "answer": answer} if question and answer else {"failure": NO_QUESTION}
