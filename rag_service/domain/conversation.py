"""What a conversation asks: its last question, made to stand alone, or small talk."""

import re
from collections.abc import Sequence

from rag_service.domain.answers import Message
from rag_service.domain.words import STOP_WORDS, stem, word_set, words

_GREETING = re.compile(
    r"(?:hi|hello|hey|hiya|howdy|good (?:morning|afternoon|evening|day)|greetings|hallo|hola|bonjour|salut|ciao)"
    r"(?: there| all| everyone| again)?|thanks?(?: you)?(?: very much| a lot| so much)?|thank you|bye|goodbye",
    re.IGNORECASE,
)
_ABOUT_ME = re.compile(
    r"(?:what (?:can|do) you do|what can i (?:ask|do)(?: you| here)?|who are you|what are you|help(?: me)?|how do(?:es)? "
    r"(?:you|this) work|how can you help(?: me)?|what (?:is this|do you know)(?: about)?)",
    re.IGNORECASE,
)
_REFERS_BACK = word_set(
    "it its itself they them their theirs he him his she her hers this that these those there one ones former latter "
    "same other another such else"
)
_OPENERS = re.compile(r"(?:and|but|so|then|also|what about|how about|why not|or)\b", re.IGNORECASE)
_ELLIPSIS_WORDS = 3
_RECENT_TURNS = 3
_MOST_TERMS = 8


def last_question(messages: Sequence[Message]) -> str:
    """Return the last user turn, stripped; empty when there is none."""
    return next((message.content.strip() for message in reversed(messages) if message.role == "user"), "")


def is_small_talk(question: str) -> bool:
    """Say whether `question` is a greeting, thanks, or asks what this service can do."""
    bare = re.sub(r"[^\w\s]", " ", question)
    bare = " ".join(bare.split())
    return bool(_GREETING.fullmatch(bare) or _ABOUT_ME.fullmatch(bare) or _both(bare))


def standalone_question(messages: Sequence[Message]) -> str:
    """Return the last question, with the key terms of earlier user turns behind it when it leans on them.

    A question that stands alone comes back unchanged: a wrong rewrite costs more than a missed one.
    """
    question = last_question(messages)
    earlier = [message.content for message in messages if message.role == "user"][:-1]
    if not earlier or not leans_on_history(question):
        return question
    terms = _missing_terms(question, [turn for turn in earlier[-_RECENT_TURNS:] if not is_small_talk(turn)])
    return f"{question} ({' '.join(terms)})" if terms else question


def leans_on_history(question: str) -> bool:
    """Say whether `question` cannot be understood alone: pronouns, "and …?", or very few words of its own."""
    asked = words(question)
    own = [word for word in asked if word not in STOP_WORDS and word not in _REFERS_BACK]
    if len(own) < _ELLIPSIS_WORDS and (_OPENERS.match(question.strip()) or len(own) < _ELLIPSIS_WORDS - 1):
        return True
    return any(_points_back(asked, index) for index in range(len(asked)))


def _points_back(asked: Sequence[str], index: int) -> bool:
    word = asked[index]
    if word not in _REFERS_BACK:
        return False
    if word == "there":  # "is there a limit" asks anew, "what can I do there" does not
        return index == len(asked) - 1
    if word in {"that", "other", "such", "one", "same", "else", "another"}:
        return _stands_for_a_thing(asked, index)
    # A pronoun whose noun comes before it in the same question needs no history.
    return not any(other not in STOP_WORDS and other not in _REFERS_BACK for other in asked[: max(0, index - 1)])


def _stands_for_a_thing(asked: Sequence[str], index: int) -> bool:
    """Tell "what does that mean" and "the other one" from "documents that people upload"."""
    before = asked[index - 1] if index else ""
    last = index == len(asked) - 1
    return last or (
        asked[index] == "that" and before in {"is", "does", "was", "did", "about", "do", "of", "for", "with"}
    )


def _missing_terms(question: str, turns: Sequence[str]) -> list[str]:
    """The words of earlier turns that carry meaning and are not in the question, newest turn first."""
    seen = {stem(word) for word in words(question)}
    terms: list[str] = []
    for turn in reversed(turns):
        for word in words(turn):
            if word not in STOP_WORDS and word not in _REFERS_BACK and stem(word) not in seen:
                seen.add(stem(word))
                terms.append(word)
        if len(terms) >= _MOST_TERMS // 2:
            break
    return terms[:_MOST_TERMS]


def _both(bare: str) -> bool:
    greeting = _GREETING.match(bare)
    return greeting is not None and _ABOUT_ME.fullmatch(bare[greeting.end() :].strip()) is not None
