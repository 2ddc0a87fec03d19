"""Runs that are sent as traces to a receiver that speaks OTLP over HTTP."""

import asyncio
import json
import socket
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from eval import upload
from eval.otlp.receiver import NotUploaded, Receiver, receiver_of
from rag_service.api.eval_replies import result_out, run_out
from rag_service.domain.evaluations import CaseResult
from rag_service.errors import Misconfigured
from rag_service.settings import EvaluationSettings, read_settings
from tests.evaluation_values import evidence, result, run
from tests.otlp_server import OtlpServer, otlp_server, plain
from tests.patience import PATIENCE_S
from tests.unit.canned_service import running

RUN = run(made_with={"generator": "openai/small", "price": "2 in, 10 out, for a million tokens"}, judge="judge one")
WRITTEN = evidence(
    generator="openai/small > extractive-2",
    tokens={"prompt": 30, "completion": 5},
    cost={"amount": 0.00011, "currency": "EUR"},
    timings_ms={"search": 4.0, "generate": 20.0, "verify": 6.0, "total": 31.0},
    expected=["At half past ten."],
)
WORDS = ("car park", "22:30", "parking.md", "half past ten")


@pytest.fixture
def server() -> Iterator[OtlpServer]:
    with otlp_server() as running_server:
        yield running_server


def receiver(url: str, **settings: Any) -> Receiver:
    values = {"otlp_endpoint": url, "otlp_timeout_s": PATIENCE_S} | settings
    found = receiver_of(EvaluationSettings.model_validate(values))
    assert found is not None
    return found


async def sent(server: OtlpServer, *results: CaseResult, **settings: Any) -> dict[str, dict[str, Any]]:
    """Return the attributes of what arrived, by name of the span."""
    await receiver(server.url, **settings).receive(RUN, results or [result("gold_1", WRITTEN)])
    return {span.name: plain(span.attributes) for span in server.spans}


async def test_a_case_is_a_trace_of_question_search_and_writing(server: OtlpServer) -> None:
    await sent(server)

    root, *steps = server.spans
    start = round(RUN.created_at.timestamp() * 1000)
    told = [
        (one.start_time_unix_nano // 10**6 - start, one.end_time_unix_nano // 10**6 - start) for one in server.spans
    ]
    assert [span.name for span in server.spans] == ["question", "search", "write"]
    assert {span.parent_span_id for span in steps} == {root.span_id}
    assert len({span.trace_id for span in server.spans}) == 1
    assert told == [(0, 31), (0, 4), (4, 30)]


async def test_what_was_asked_found_and_said_is_sent_where_that_is_configured(server: OtlpServer) -> None:
    spans = await sent(server, otlp_content=True)

    assert spans["question"]["input.value"] == "When does the car park close?"
    assert spans["question"]["output.value"] == "The car park closes at 22:30."
    assert spans["question"]["langfuse.experiment.item.expected_output"] == '["At half past ten."]'
    assert spans["search"]["retrieval.documents.0.document.content"] == "The car park closes at 22:30 every day."
    assert spans["search"]["retrieval.documents.0.document.score"] == 0.9


async def test_nobodys_words_are_sent_unless_that_is_configured(server: OtlpServer) -> None:
    await sent(server)

    everything = "".join(map(str, server.requests))
    assert [words for words in WORDS if words in everything] == []
    assert "doc_1@1" in everything


async def test_tokens_cost_and_model_are_told_of_what_a_model_wrote(server: OtlpServer) -> None:
    written = (await sent(server))["write"]

    assert (written["openinference.span.kind"], written["llm.model_name"]) == ("LLM", "small")
    assert [written[f"llm.token_count.{side}"] for side in ("prompt", "completion", "total")] == [30, 5, 35]
    assert written["llm.cost.total"] == 0.00011
    assert json.loads(written["langfuse.observation.cost_details"]) == {"total": 0.00011}


async def test_what_no_model_wrote_has_no_model_and_an_unknown_cost_is_left_out(server: OtlpServer) -> None:
    unpriced = result("gold_2", WRITTEN | {"cost": None})

    spans = await sent(server, result("gold_1"))
    priced = await sent(server, unpriced)

    assert (spans["write"]["openinference.span.kind"], "llm.model_name" in spans["write"]) == ("CHAIN", False)
    assert "llm.cost.total" not in priced["write"] and "langfuse.observation.cost_details" not in priced["write"]


async def test_scores_are_told_and_missing_ones_with_their_reason(server: OtlpServer) -> None:
    spans = await sent(server, result("gold_1", WRITTEN, recall=0.5, faithfulness=None))

    events = {
        one["gen_ai.evaluation.name"]: one for one in (plain(event.attributes) for event in server.spans[0].events)
    }
    metadata = json.loads(spans["question"]["metadata"])
    assert events["recall@5"]["gen_ai.evaluation.score.value"] == 0.5
    assert "gen_ai.evaluation.score.value" not in events["faithfulness (verifier)"]
    assert events["faithfulness (verifier)"]["gen_ai.evaluation.explanation"] == "could not be measured"
    assert metadata["scores"] == {"recall@5": 0.5, "faithfulness (verifier)": None}
    assert spans["question"]["langfuse.observation.metadata.recall@5"] == 0.5
    assert (metadata["judge"], metadata["prompt_version"], metadata["case"]) == ("judge one", "v1", "gold_1")


async def test_every_span_says_which_experiment_it_is_of(server: OtlpServer) -> None:
    spans = await sent(server)

    root_id = server.spans[0].span_id.hex()
    assert {one["langfuse.experiment.id"] for one in spans.values()} == {RUN.id}
    assert {one["langfuse.experiment.item.id"] for one in spans.values()} == {"gold_1"}
    assert {one["langfuse.experiment.item.root_observation_id"] for one in spans.values()} == {root_id}


async def test_a_run_that_is_sent_twice_has_the_same_ids(server: OtlpServer) -> None:
    await sent(server)
    await sent(server)

    first, second = server.requests
    assert first == second


async def test_a_question_that_could_not_be_asked_is_an_error_of_one_span(server: OtlpServer) -> None:
    failed = WRITTEN | {"failure": "could not be asked: IndexUnavailable", "found": [], "timings_ms": {}}
    await sent(server, result("gold_1", failed))

    [span] = server.spans
    assert (span.status.code, span.status.message) == (2, "could not be asked: IndexUnavailable")


async def test_many_cases_go_in_parts_and_half_a_character_stops_none(server: OtlpServer) -> None:
    cases = [result(f"gold_{number}", WRITTEN | {"answer": "half \ud83d"}) for number in range(51)]
    await sent(server, *cases, otlp_content=True)

    assert len(server.requests) == 2
    assert len({span.trace_id for span in server.spans}) == 51


@pytest.mark.parametrize("path", ["", "/", "/v1/traces"])
async def test_headers_and_path_are_those_of_the_receiver(server: OtlpServer, path: str) -> None:
    secret = SecretStr("Authorization=Basic cGs6c2s=,x-project-name=a%2Cb")
    await receiver(server.url + path, otlp_headers=secret).receive(RUN, [result()])

    [headers] = server.headers
    assert server.paths == ["/v1/traces"]
    assert (headers["authorization"], headers["x-project-name"]) == ("Basic cGs6c2s=", "a,b")
    assert (headers["content-type"], headers["x-langfuse-ingestion-version"]) == ("application/x-protobuf", "4")


async def test_a_header_that_cannot_be_sent_is_told(server: OtlpServer) -> None:
    with pytest.raises(NotUploaded, match="cannot be reached"):
        await sent(server, otlp_headers=SecretStr("Authorization=Basic%0A%E2%82%AC"))


def test_what_is_no_header_stops_the_start_and_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_EVALUATION__OTLP_HEADERS", "Basic c2VjcmV0")

    with pytest.raises(Misconfigured, match=r"RAG_EVALUATION__OTLP_HEADERS.*NAME=VALUE") as refused:
        read_settings()
    assert "c2VjcmV0" not in "".join(traceback.format_exception(refused.value))


async def test_a_receiver_that_is_busy_is_asked_again(server: OtlpServer) -> None:
    server.statuses = [503]
    await sent(server)

    assert len(server.requests) == 1


async def test_one_that_refuses_is_told_by_its_status(server: OtlpServer) -> None:
    server.statuses = [401]
    with pytest.raises(NotUploaded, match="the receiver answered 401"):
        await sent(server)


async def test_one_that_takes_only_a_part_is_told(server: OtlpServer) -> None:
    server.refuses = 2
    with pytest.raises(NotUploaded, match="the receiver refused 2 spans"):
        await sent(server)


@pytest.mark.parametrize("reply", [b"{}", b"<html>", b""])
async def test_one_that_took_it_may_say_so_in_another_format(server: OtlpServer, reply: bytes) -> None:
    server.says = reply
    await sent(server)

    assert len(server.requests) == 1


async def test_one_that_is_gone_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as place:
        port = place.getsockname()[1]

    with pytest.raises(NotUploaded, match="cannot be reached: ConnectError"):
        await receiver(f"http://127.0.0.1:{port}").receive(RUN, [result()])


async def test_one_that_hangs_is_left_when_the_time_is_over(server: OtlpServer) -> None:
    server.hangs = True

    with pytest.raises(NotUploaded, match=r"within 0\.2 s"):
        await asyncio.wait_for(sent(server, otlp_timeout_s=0.2), PATIENCE_S)


def test_a_run_that_is_kept_is_sent_by_hand(server: OtlpServer) -> None:
    rows = (run_out(RUN), result_out(result("gold_1", WRITTEN | {"answer": "a\u2028b"}), judge=RUN.judge))
    lines = "".join(json.dumps(row.model_dump(), ensure_ascii=False) + "\n" for row in rows)
    with running() as service:
        service.replies["GET", f"/v1/evals/{RUN.id}/export"] = [(200, lines)]
        to = ["--url", service.url, "--key", "k", "--endpoint", server.url, "--headers", "Authorization=Bearer t"]
        done = CliRunner().invoke(upload.main, [RUN.id, "--content", *to])

    assert (done.exit_code, done.output) == (0, f"1 cases of {RUN.id} were sent to {server.url}/v1/traces.\n")
    assert server.headers[0]["authorization"] == "Bearer t"
    assert plain(server.spans[0].attributes)["output.value"] == "a\u2028b"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "RAG_EVALUATION__OTLP_ENDPOINT"),
        (["--endpoint", "http://127.0.0.1:1", "--headers", "c2VjcmV0"], "NAME=VALUE"),
        (["--endpoint", "ftp://127.0.0.1"], "otlp_endpoint"),
        (["--endpoint", "http://user:c2VjcmV0@127.0.0.1"], "otlp_endpoint"),
        (["--endpoint", "http://127.0.0.1/?key=c2VjcmV0"], "otlp_endpoint"),
        (["--headers", "Authorization=c2VjcmV0"], "--endpoint names"),
    ],
)
def test_without_a_receiver_that_can_be_used_nothing_is_sent_by_hand(options: list[str], told: str) -> None:
    done = CliRunner().invoke(upload.main, ["eval_1", "--key", "k", *options])

    assert (done.exit_code, told in done.output, "c2VjcmV0" in done.output) == (1, True, False)
