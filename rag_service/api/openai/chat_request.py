"""What /v1/chat/completions accepts, and its way into a question.

Unknown fields are ignored, and so are hints to a sampler (temperature, seed, max_tokens …): answers are made of
sentences verified one by one. What would change the meaning of the reply is refused by name.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from rag_service.api.openai.search_wishes import SearchWishes
from rag_service.api.texts import Name, Text
from rag_service.domain.answers import Message, Question
from rag_service.errors import InvalidRequest

MAX_MESSAGES = 512

_ROLES: dict[str, Literal["system", "user", "assistant"]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class TextPart(_Strict):
    """A part of a message. Only text can be answered from documents."""

    type: Literal["text"]
    text: Text


class ChatMessage(_Strict):
    """A turn of the conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Text | list[TextPart] | None = None

    @property
    def text(self) -> str:
        """The content as one text."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(_Strict):
    """Options of a streamed reply."""

    include_usage: bool | None = None


class ChatRequest(_Strict):
    """A conversation whose last user turn is to be answered from the corpus `model`."""

    model: Name
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MAX_MESSAGES)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    stop: Any = None
    logprobs: bool | None = None
    tool_choice: Any = None
    function_call: Any = None
    response_format: dict[str, Any] | None = None
    modalities: list[str] | None = None
    audio: Any = None
    web_search_options: Any = None
    x_rag: SearchWishes | None = None

    @field_validator("n")
    @classmethod
    def _one_answer(cls, value: int | None) -> int | None:
        if value not in {None, 1}:
            raise ValueError("only one answer per question is given")
        return value

    @field_validator("tool_choice", "function_call")
    @classmethod
    def _no_forced_tool(cls, value: object) -> object:
        if value not in (None, "auto", "none"):
            raise ValueError("no tool is ever called; leave it out, or send 'auto' or 'none'")
        return value

    @field_validator("response_format")
    @classmethod
    def _plain_text(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is not None and value.get("type") != "text":
            raise ValueError("answers are text")
        return value

    @field_validator("modalities")
    @classmethod
    def _text_only(cls, value: list[str] | None) -> list[str] | None:
        if value and value != ["text"]:
            raise ValueError("answers are text")
        return value

    @field_validator("logprobs", "stop", "audio", "web_search_options")
    @classmethod
    def _unsupported(cls, value: object) -> object:
        if value:
            raise ValueError("is not supported")
        return value

    @property
    def includes_usage(self) -> bool:
        """Whether a stream ends with a chunk of token counts."""
        return bool(self.stream_options and self.stream_options.include_usage)

    def question(self) -> Question:
        """Return the conversation as a question.

        Raises:
            InvalidRequest: there is nothing to answer, or a filter that cannot be understood.
        """
        messages = tuple(Message(role=_ROLES[turn.role], content=turn.text) for turn in self.messages)
        spoken = tuple(message for message in messages if message.content.strip())
        if not spoken or spoken[-1].role != "user":
            raise InvalidRequest("The last message with text must be the user's.", param="messages")
        wishes = self.x_rag or SearchWishes()
        return Question(corpus=self.model, messages=spoken, filters=wishes.filter(), per_document=wishes.per_document)
