"""A run as OTLP traces, one for each case: the question, what was found for it, and how the answer was written.

Names of attributes are those of OpenInference (Phoenix), of OpenTelemetry's conventions for generative AI, and of
Langfuse's experiments. Ids follow from run and case, so that a run that is sent twice is there once.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from rag_service.domain.evaluations import CaseResult, EvalRun

_SERVICE = "rag-service"
_PROJECT = "rag-service evaluations"
_ENVIRONMENT = "evaluation"
_ROOT = "question"
_TRACE_ID_BYTES, _SPAN_ID_BYTES = 16, 8
_NS_OF_A_MS = 1_000_000

Attributes = Mapping[str, Any]
"""Values are str, bool, int, float, or sequences of str. None leaves the attribute out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A span of a case: how long after the case it begins, how long it takes, and what it is about."""

    name: str
    start_ms: float
    duration_ms: float
    attributes: Attributes


def traces_of(run: EvalRun, results: Sequence[CaseResult], *, with_content: bool) -> ResourceSpans:
    """Return the traces of `results`, which are of `run`.

    Without content nothing of questions, answers and documents is in them but figures, ids and the names of models.
    When a case was asked is not kept: all begin when the run was made, and take as long as their answers took.
    """
    spans = [span for result in results for span in _trace(run, result, with_content=with_content)]
    return ResourceSpans(
        resource=Resource(
            attributes=_encoded({"service.name": _SERVICE, "openinference.project.name": _PROJECT}),
        ),
        scope_spans=[
            ScopeSpans(scope=InstrumentationScope(name=f"{_SERVICE}.eval", version=version(_SERVICE)), spans=spans)
        ],
    )


def _trace(run: EvalRun, result: CaseResult, *, with_content: bool) -> list[Span]:
    evidence = result.evidence if with_content else _without_content(result.evidence)
    root_id = _id_of(run.id, result.case_id, _ROOT)
    of_every_span = _experiment(run, result, root_id, evidence)
    parts = (_question(run, result, evidence), *_steps(evidence))
    root, *steps = (_span(run, result, part, of_every_span) for part in parts)
    for step in steps:
        step.parent_span_id = root_id
    root.events.extend(_evaluations(run, result))
    if failure := evidence["failure"]:
        root.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR, message=failure))
    return [root, *steps]


def _span(run: EvalRun, result: CaseResult, part: _Part, of_every_span: Attributes) -> Span:
    return Span(
        trace_id=_digest(run.id, result.case_id)[:_TRACE_ID_BYTES],
        span_id=_id_of(run.id, result.case_id, part.name),
        name=part.name,
        kind=Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=_moment(run.created_at, part.start_ms),
        end_time_unix_nano=_moment(run.created_at, part.start_ms + part.duration_ms),
        attributes=_encoded({**of_every_span, **part.attributes}),
    )


def _without_content(evidence: Attributes) -> dict[str, Any]:
    """Return evidence that names what was found and how long things took, in nobody's words."""
    kept = {name: evidence.get(name) for name in ("failure", "status", "reason", "generator", "prompt_version")}
    kept |= {name: evidence.get(name) for name in ("timings_ms", "tokens", "cost", "answerable", "answerability")}
    named = ("document_id", "revision", "score")
    return kept | {"found": [{name: one[name] for name in named} for one in evidence["found"]]}


def _experiment(run: EvalRun, result: CaseResult, root_id: bytes, evidence: Attributes) -> dict[str, Any]:
    """Return what every span carries, since Langfuse 4 hands nothing down from the first one."""
    expected = evidence.get("expected")
    return {
        "session.id": run.id,
        "langfuse.environment": _ENVIRONMENT,
        "langfuse.trace.name": run.suite,
        "langfuse.trace.tags": [run.suite, run.purpose.value],
        "langfuse.experiment.id": run.id,
        "langfuse.experiment.name": f"{run.suite} {run.created_at:%Y-%m-%d %H:%M:%S}, version {run.number}",
        "langfuse.experiment.dataset.id": f"{run.corpus_id}/{run.suite}",
        "langfuse.experiment.metadata": _json({**run.made_with, "judge": run.judge}),
        "langfuse.experiment.item.id": result.case_id,
        "langfuse.experiment.item.root_observation_id": root_id.hex(),
        "langfuse.experiment.item.expected_output": _json(expected) if expected else None,
    }


def _question(run: EvalRun, result: CaseResult, evidence: Attributes) -> _Part:
    return _Part(
        name=_ROOT,
        start_ms=0,
        duration_ms=evidence["timings_ms"].get("total", 0.0),
        attributes={
            "openinference.span.kind": "CHAIN",
            "input.value": evidence.get("question"),
            "output.value": evidence.get("answer"),
            "metadata": _json(_facts(run, result, evidence)),
            **{f"langfuse.observation.metadata.{name}": value for name, value in result.scores.items()},
        },
    )


def _facts(run: EvalRun, result: CaseResult, evidence: Attributes) -> dict[str, Any]:
    return {
        "run": run.id,
        "suite": run.suite,
        "corpus": run.corpus_id,
        "version": run.number,
        "judge": run.judge,
        "case": result.case_id,
        "answerable": evidence["answerable"],
        "status": evidence["status"],
        "reason": evidence["reason"],
        "generator": evidence["generator"],
        "prompt_version": evidence["prompt_version"],
        "cost": evidence.get("cost"),
        "scores": dict(result.scores),
        "missing": dict(result.missing),
    }


def _steps(evidence: Attributes) -> Iterator[_Part]:
    if evidence["failure"]:
        return
    spent = evidence["timings_ms"]
    searched = spent.get("search", 0.0)
    yield _Part(name="search", start_ms=0, duration_ms=searched, attributes=_of_search(evidence))
    if evidence["generator"]:
        written = spent.get("generate", 0.0) + spent.get("verify", 0.0)
        yield _Part(name="write", start_ms=searched, duration_ms=written, attributes=_of_writing(evidence))


def _of_search(evidence: Attributes) -> dict[str, Any]:
    found: dict[str, Any] = {"openinference.span.kind": "RETRIEVER", "input.value": evidence.get("question")}
    for place, passage in enumerate(evidence["found"]):
        prefix = f"retrieval.documents.{place}.document"
        found[f"{prefix}.id"] = f"{passage['document_id']}@{passage['revision']}"
        found[f"{prefix}.score"] = float(passage["score"])
        found[f"{prefix}.content"] = passage.get("text")
    return found


def _of_writing(evidence: Attributes) -> dict[str, Any]:
    prompt, completion = evidence["tokens"]["prompt"], evidence["tokens"]["completion"]
    texts = {"input.value": evidence.get("question"), "output.value": evidence.get("answer")}
    if not prompt + completion:
        return {"openinference.span.kind": "CHAIN", **texts}
    model, cost = _model_of(evidence["generator"]), evidence.get("cost")
    return {
        "openinference.span.kind": "LLM",
        "langfuse.observation.type": "generation",
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": model,
        "gen_ai.usage.input_tokens": prompt,
        "gen_ai.usage.output_tokens": completion,
        "llm.model_name": model,
        "llm.prompt_template.version": evidence["prompt_version"],
        "llm.token_count.prompt": prompt,
        "llm.token_count.completion": completion,
        "llm.token_count.total": prompt + completion,
        "llm.cost.total": cost and cost["amount"],
        "langfuse.observation.cost_details": cost and _json({"total": cost["amount"]}),
        **texts,
    }


def _model_of(generator: str) -> str:
    """Return the model's own name, without backend and what would step in for it."""
    return generator.partition(" > ")[0].removeprefix("openai/")


def _evaluations(run: EvalRun, result: CaseResult) -> Iterator[Span.Event]:
    for name, value in result.scores.items():
        yield Span.Event(
            name="gen_ai.evaluation.result",
            time_unix_nano=_moment(run.finished_at or run.created_at, 0),
            attributes=_encoded(
                {
                    "gen_ai.evaluation.name": name,
                    "gen_ai.evaluation.score.value": value,
                    "gen_ai.evaluation.explanation": result.missing.get(name),
                }
            ),
        )


def _encoded(attributes: Attributes) -> list[KeyValue]:
    return [KeyValue(key=name, value=_value(value)) for name, value in attributes.items() if value is not None]


def _value(value: Any) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=_writable(value))
        case _:
            return AnyValue(array_value=ArrayValue(values=[_value(one) for one in value]))


def _writable(text: str) -> str:
    # A document may hold half of a surrogate pair, which protobuf refuses.
    return text.encode("utf-8", "replace").decode("utf-8")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _moment(start: datetime, offset_ms: float) -> int:
    return round(start.timestamp() * 1000 + offset_ms) * _NS_OF_A_MS


def _id_of(*of: str) -> bytes:
    return _digest(*of)[:_SPAN_ID_BYTES]


def _digest(*of: str) -> bytes:
    return hashlib.sha256("\x1f".join(of).encode()).digest()
