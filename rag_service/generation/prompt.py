"""The prompt: rules, delimited and numbered passages within a token budget, the conversation, the question."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from rag_service.domain.answers import Message, Passage
from rag_service.errors import Misconfigured
from rag_service.ports.generator import AnswerRequest

_OWN = "answer_v1"
_DIGITS = 8
_HISTORY_TURNS = 4
_HISTORY_CHARS = 1000
_CHARS_PER_TOKEN = 3.5  # a cautious average over languages with spaces; scripts without count one token a character
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_DELIMITERS = re.compile(r"</?\s*(?:passage|passages|question)\b[^>]*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules every answer is written by."""

    name: str
    text: str

    @property
    def version(self) -> str:
        """The name with the beginning of the text's SHA-256: rules that were edited are other rules."""
        return f"{self.name}-{hashlib.sha256(self.text.encode()).hexdigest()[:_DIGITS]}"


def read_rules(file: str = "") -> Rules:
    """Return the rules in a file, named after it, or the service's own without one.

    Raises:
        Misconfigured: the file cannot be read, or is empty.
    """
    place = Path(file) if file else files("rag_service.generation") / "prompts" / f"{_OWN}.txt"
    try:
        text = place.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise Misconfigured(f"RAG_GENERATION__PROMPT_FILE={file} cannot be read: {exc}") from exc
    if not text:
        raise Misconfigured(f"RAG_GENERATION__PROMPT_FILE={file} is empty.")
    return Rules(name=Path(file).stem or _OWN, text=text)


def conversation(request: AnswerRequest, rules: Rules, *, context_tokens: int) -> list[Message]:
    """Return the messages to send: the rules, the last turns, then passages and question."""
    packed = pack(request.passages, context_tokens=context_tokens)
    shown = "\n".join(_shown(passage) for passage in packed)
    turns = [
        Message(role=turn.role, content=turn.content[:_HISTORY_CHARS]) for turn in request.history[-_HISTORY_TURNS:]
    ]
    asked = f"<passages>\n{shown}\n</passages>\n\n<question>\n{_DELIMITERS.sub('', request.question)}\n</question>"
    return [
        Message(role="system", content=rules.text),
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
