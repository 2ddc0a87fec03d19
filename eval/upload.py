"""`python -m eval.upload RUN`, also as `rag eval upload RUN`."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from eval.otlp.receiver import Receiver, receiver_of
from rag_service.cli.context import Refusal, connect
from rag_service.domain.evaluations import CaseResult, EvalRun, EvalRunState, RunPurpose
from rag_service.domain.ids import CorpusId, EvalRunId, TenantId
from rag_service.errors import InvalidRequest, RagError
from rag_service.settings import EvaluationSettings, read_settings

_NO_TENANT = TenantId("")
"""Whose run it is goes to no receiver."""


@click.command(epilog="\b\nExit codes:\n  0  it arrived\n  1  it did not\n  2  the command was not understood")
@click.argument("run_id", metavar="RUN")
@click.option("--endpoint", envvar="RAGCTL_OTLP_ENDPOINT", help="Address of the receiver (RAGCTL_OTLP_ENDPOINT).")
@click.option(
    "--headers", envvar="RAGCTL_OTLP_HEADERS", default="", help="NAME=VALUE with commas between (RAGCTL_OTLP_HEADERS)."
)
@click.option("--content", is_flag=True, help="Send questions, answers and passages too.")
@click.option("--url", envvar="RAGCTL_URL", help="Address of the service (RAGCTL_URL).")
@click.option("--key", envvar="RAGCTL_KEY", help="API key (RAGCTL_KEY).")
@click.option("--key-file", type=click.Path(path_type=Path), help="File with the key.")
@click.option("--json", "prints_json", is_flag=True, help="Print the outcome as JSON.")
def main(run_id: str, *, endpoint: str | None, headers: str, content: bool, prints_json: bool, **service: Any) -> None:
    """Send a run that was kept to Langfuse, Phoenix or another receiver of OTLP over HTTP.

    Without --endpoint it goes where RAG_EVALUATION__OTLP_ENDPOINT says. What you may not read is not sent.
    """
    try:
        receiver = _receiver(read_settings().evaluation, endpoint, headers, with_content=content)
        with connect(service["url"], service["key"], service["key_file"]) as client:
            run, results = _read(client.export_eval(run_id))
        asyncio.run(receiver.receive(run, results))
    except RagError as exc:
        raise Refusal(exc, as_json=prints_json) from exc
    sent = {"run": run.id, "cases": len(results), "receiver": receiver.url}
    click.echo(json.dumps(sent) if prints_json else f"{len(results)} cases of {run.id} were sent to {receiver.url}.")


def _receiver(settings: EvaluationSettings, endpoint: str | None, headers: str, *, with_content: bool) -> Receiver:
    if headers and not endpoint:
        raise InvalidRequest("--headers are for the receiver that --endpoint names; that of the settings has its own.")
    # Headers and content go with their receiver: what the settings say of theirs is not for another host.
    named = {"otlp_endpoint": endpoint, "otlp_headers": headers, "otlp_content": False} if endpoint else {}
    content = {"otlp_content": True} if with_content else {}
    try:
        found = receiver_of(EvaluationSettings.model_validate(settings.model_dump() | named | content))
    except ValidationError as exc:
        # Not the error itself, which repeats what was given.
        [wrong, *_] = exc.errors()
        raise InvalidRequest(f"{wrong['loc'][0]}: {wrong['msg']}") from None
    if found is None:
        raise InvalidRequest("There is no receiver: give --endpoint, or set RAG_EVALUATION__OTLP_ENDPOINT.")
    return found


def _read(lines: str) -> tuple[EvalRun, list[CaseResult]]:
    # Not by splitlines: a text may hold other ends of lines.
    run, *results = (json.loads(line) for line in lines.split("\n") if line)
    return _run_of(run), [_result_of(result) for result in results]


def _run_of(row: dict[str, Any]) -> EvalRun:
    return EvalRun(
        id=EvalRunId(row["id"]),
        tenant_id=_NO_TENANT,
        corpus_id=CorpusId(row["corpus_id"]),
        number=row["version"],
        draft_id=row["draft_id"],
        suite=row["suite"],
        suite_digest=row["suite_digest"],
        purpose=RunPurpose(row["purpose"]),
        state=EvalRunState(row["state"]),
        made_with=row["made_with"],
        judge=row["judge"],
        created_at=datetime.fromtimestamp(row["created_at"], UTC),
        finished_at=None if row["finished_at"] is None else datetime.fromtimestamp(row["finished_at"], UTC),
    )


def _result_of(row: dict[str, Any]) -> CaseResult:
    return CaseResult(
        case_id=row["id"], cache_key="", scores=row["scores"], missing=row["missing"], evidence=row["evidence"]
    )


if __name__ == "__main__":
    main()
