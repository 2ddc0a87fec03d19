"""Answers written by any server that speaks OpenAI's chat protocol, through llama-index's LLM class."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

import httpx
import openai

from rag_service.domain.answers import Message, Usage
from rag_service.errors import GeneratorUnavailable
from rag_service.generation.prompt import conversation, estimated_tokens, read_rules
from rag_service.ports.generator import AnswerRequest, Fragment
from rag_service.settings import GenerationSettings

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatMessage, ChatResponse
    from llama_index.llms.openai_like import OpenAILike

_ATTEMPTS = 2


class OpenAICompatibleGenerator:
    """Streams from one model. A failure before the first text is tried once more while the deadline allows."""

    def __init__(self, settings: GenerationSettings) -> None:
        self._settings = settings
        self._rules = read_rules(settings.prompt_file)
        # Made once: loading the certificates takes tens of milliseconds, and every request has its own client.
        self._tls = ssl.create_default_context()

    @property
    def name(self) -> str:
        """Backend and model."""
        return f"openai/{self._settings.model}"

    @property
    def prompt_version(self) -> str:
        """The rules, by name and digest."""
        return self._rules.version

    async def generate(self, request: AnswerRequest) -> AsyncGenerator[Fragment, None]:
        """Yield the text as it arrives, then the usage; see the port."""
        messages = conversation(request, self._rules, context_tokens=self._settings.context_tokens)
        deadline = _now() + self._settings.timeout_s
        for attempt in range(1, _ATTEMPTS + 1):
            begun = False
            try:
                async with aclosing(self._attempt(messages, request.max_tokens, deadline)) as fragments:
                    async for fragment in fragments:
                        begun = True
                        yield fragment
            except GeneratorUnavailable:
                if begun or attempt == _ATTEMPTS or _now() >= deadline:
                    raise
            else:
                return

    async def _attempt(
        self, messages: Sequence[Message], max_tokens: int, first_by: float
    ) -> AsyncGenerator[Fragment, None]:
        written = 0
        usage = None
        # Closing the client is what stops the server: llama-index leaves the response open when it is abandoned.
        async with httpx.AsyncClient(verify=self._tls, timeout=self._settings.timeout_s) as client:
            llm = await asyncio.to_thread(_open_llm, self._settings, client, max_tokens)
            async with aclosing(self._replies(llm, messages, first_by)) as replies:
                async for reply in replies:
                    usage = _usage_of(reply) or usage
                    if reply.delta:
                        written += len(reply.delta)
                        yield Fragment(text=reply.delta)
        yield Fragment(text="", usage=usage or _estimated_usage(messages, written))

    async def _replies(
        self, llm: "OpenAILike", messages: Sequence[Message], first_by: float
    ) -> AsyncGenerator["ChatResponse", None]:
        """The server's replies, with its silences limited and its errors translated."""
        limit = first_by
        try:
            async with asyncio.timeout_at(limit):
                replies = await llm.astream_chat(_chat_messages(messages))
            while (reply := await _next(replies, limit)) is not None:
                yield reply
                if reply.delta or limit != first_by:
                    limit = _now() + self._settings.timeout_s
        except (openai.OpenAIError, httpx.HTTPError, TimeoutError) as exc:
            raise GeneratorUnavailable(f"{self.name}: {type(exc).__name__}") from exc


async def _next(replies: "AsyncIterator[ChatResponse]", limit: float) -> "ChatResponse | None":
    async with asyncio.timeout_at(limit):
        return await anext(replies, None)


def _open_llm(settings: GenerationSettings, client: httpx.AsyncClient, max_tokens: int) -> "OpenAILike":
    from llama_index.llms.openai_like import OpenAILike  # noqa: PLC0415  (takes seconds, and only this backend needs it)

    return OpenAILike(
        model=settings.model,
        api_base=settings.base_url,
        api_key=settings.api_key.get_secret_value() or "none",
        async_http_client=client,
        is_chat_model=True,
        max_retries=0,
        max_tokens=max_tokens,
        temperature=0.0,
        timeout=settings.timeout_s,
    )


def _chat_messages(messages: Sequence[Message]) -> "list[ChatMessage]":
    from llama_index.core.base.llms.types import ChatMessage  # noqa: PLC0415  (see _open_llm)

    return [ChatMessage(role=message.role, content=message.content) for message in messages]


def _usage_of(reply: "ChatResponse") -> Usage | None:
    prompt, completion = (reply.additional_kwargs.get(f"{kind}_tokens") for kind in ("prompt", "completion"))
    if not isinstance(prompt, int) or not isinstance(completion, int):
        return None
    return Usage(prompt_tokens=prompt, completion_tokens=completion)


def _estimated_usage(messages: Sequence[Message], written_chars: int) -> Usage:
    prompt = sum(estimated_tokens(message.content) for message in messages)
    return Usage(prompt_tokens=prompt, completion_tokens=estimated_tokens("x" * written_chars))


def _now() -> float:
    return asyncio.get_running_loop().time()
