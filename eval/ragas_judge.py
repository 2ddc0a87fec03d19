"""The judge as RAGAS sees it: pinned, watched, and given up when it is gone. Imported only by the RAGAS process."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
from instructor.core import InstructorError
from openai import APIConnectionError, APITimeoutError, AsyncOpenAI, InternalServerError, OpenAIError, RateLimitError
from pydantic import BaseModel
from ragas.llms import llm_factory
from ragas.llms.base import InstructorBaseRagasLLM

from eval.metrics.ragas import TEMPERATURE

NO_VALID_ANSWER = "no valid answer came from the judge"
NOTHING_LISTED = "nothing was listed by the judge"
TOO_LATE = "the judge did not answer in time"

_GIVE_UP_AFTER = 5
_ASK_AGAIN = 1


class JudgeGone(Exception):
    """The judge failed too often in a row to be asked again."""


class JudgeLine:
    """The one line to the judge that all metrics share: so many questions at once, each within its time."""

    def __init__(self, judge: Mapping[str, Any]) -> None:
        client = AsyncOpenAI(
            base_url=judge["base_url"],
            api_key=judge["api_key"] or "none",
            timeout=judge["timeout_s"],
            max_retries=_ASK_AGAIN,
            http_client=httpx.AsyncClient(trust_env=False, timeout=judge["timeout_s"]),
        )
        # No cache: its files are pickles.
        self._llm = llm_factory(
            judge["model"],
            client=client,
            temperature=TEMPERATURE,
            seed=judge["seed"],
            max_tokens=judge["max_tokens"],
            max_retries=_ASK_AGAIN,
        )
        self._timeout_s = judge["timeout_s"]
        self._turns = asyncio.Semaphore(judge["parallel"])
        self._failures_in_a_row = 0

    async def ask(self, prompt: str, response_model: type[BaseModel]) -> Any:
        """Return the judge's answer."""
        async with self._turns:
            if self._failures_in_a_row >= _GIVE_UP_AFTER:
                raise JudgeGone
            try:
                answer = await self._answer(prompt, response_model)
            except (TimeoutError, APIConnectionError, InternalServerError, RateLimitError):
                self._failures_in_a_row += 1
                raise
            except (OpenAIError, InstructorError):
                self._failures_in_a_row = 0  # it is there, if of no use
                raise
            self._failures_in_a_row = 0
            return answer

    async def _answer(self, prompt: str, response_model: type[BaseModel]) -> Any:
        try:
            # The client's own limit is on silence: a judge that trickles would go on for ever.
            async with asyncio.timeout(self._timeout_s):
                return await self._llm.agenerate(prompt, response_model)
        except InstructorError as exc:
            raise _cause_of(exc) from exc


class PinnedJudge(InstructorBaseRagasLLM):
    """The judge as one metric asks it. `failure` says what went wrong: some metrics swallow it, and go on with less."""

    def __init__(self, line: JudgeLine) -> None:
        self.failure = ""
        self.is_async = True  # RAGAS's prompts ask which way to call
        self._line = line

    def generate(self, prompt: str, response_model: Any) -> Any:
        """Not offered: the process has one loop, and all metrics use it."""
        raise TypeError("the judge is asked asynchronously")

    async def agenerate(self, prompt: str, response_model: Any) -> Any:
        """Return the judge's answer, and remember what was wrong with it."""
        try:
            answer = await self._line.ask(prompt, response_model)
        except (OpenAIError, InstructorError, TimeoutError, JudgeGone) as exc:
            self.failure = _reason_of(exc)
            raise
        if any(value == [] for value in dict(answer).values()):
            self.failure = self.failure or NOTHING_LISTED
        return answer


def _cause_of(exc: InstructorError) -> Exception:
    """Return what went wrong on the way to the judge, which Instructor wraps; its own error when nothing did."""
    cause: BaseException | None = exc
    while cause is not None and not isinstance(cause, OpenAIError):
        cause = cause.__cause__ or cause.__context__
    return cause or exc


def _reason_of(exc: Exception) -> str:
    match exc:
        case JudgeGone():
            return f"the judge was given up: it failed {_GIVE_UP_AFTER} times in a row"
        case TimeoutError() | APITimeoutError():
            return TOO_LATE
        case InstructorError():
            return NO_VALID_ANSWER
        case _:
            return f"the judge failed: {type(exc).__name__}"
