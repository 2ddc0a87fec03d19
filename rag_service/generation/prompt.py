"""The prompt: rules, delimited and numbered passages within a token budget, the conversation, the question."""

import re
from collections.abc import Sequence
from importlib.resources import files

from rag_service.domain.answers import Message, Passage
from rag_service.ports.generator import AnswerRequest

PROMPT_VERSION = "answer_v1"

_HISTORY_TURNS = 4
_HISTORY_CHARS = 1000
_CHARS_PER_TOKEN = 3.5  # a cautious average over languages with spaces; scripts without count one token a character
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_DELIMITERS = re.compile(r"</?\s*(?:passage|passages|question)\b[^>]*>", re.IGNORECASE)


def rules() -> str:
    """Return the fixed rules every answer is written by."""
    return (files("rag_service.generation") / "prompts" / f"{PROMPT_VERSION}.txt").read_text(encoding="utf-8").strip()


def conversation(request: AnswerRequest, *, context_tokens: int) -> list[Message]:
    """Return the messages to send: the rules, the last turns, then passages and question."""
    packed = pack(request.passages, context_tokens=context_tokens)
    shown = "\n".join(_shown(passage) for passage in packed)
    turns = [
        Message(role=turn.role, content=turn.content[:_HISTORY_CHARS]) for turn in request.history[-_HISTORY_TURNS:]
    ]
    asked = f"<passages>\n{shown}\n</passages>\n\n<question>\n{_DELIMITERS.sub('', request.question)}\n</question>"
    return [
        Message(role="system", content=rules()),
        *(turn for turn in turns if turn.role != "system"),
        Message(role="user", content=asked),
    ]


def pack(passages: Sequence[Passage], *, context_tokens: int) -> list[Passage]:
    """Return the best passages that fit into the budget together, at least the first, best first."""
    packed: list[Passage] = []
    spent = 0
    for passage in sorted(passages, key=lambda passage: passage.rank):
        cost = estimated_tokens(_shown(passage))
        if packed and spent + cost > context_tokens:
            continue
        packed.append(passage)
        spent += cost
    return packed


def estimated_tokens(text: str) -> int:
    """Return about how many tokens `text` has for a language model, rather too many than too few."""
    unspaced = len(_UNSPACED.findall(text))
    return unspaced + round((len(text) - unspaced) / _CHARS_PER_TOKEN) + 1


def _shown(passage: Passage) -> str:
    heading = " > ".join(passage.headings) or passage.title or passage.filename
    # A passage cannot close its own delimiters: what looks like one is taken out of what the model sees.
    return (
        f'<passage number="{passage.rank}" from="{_attribute(heading)}">\n'
        f"{_DELIMITERS.sub('', passage.text)}\n</passage>"
    )


def _attribute(text: str) -> str:
    return re.sub(r"[\"<>\n]", " ", text)[:200]
