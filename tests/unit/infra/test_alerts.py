"""The alert rules, as far as they can be checked without Prometheus: structure, and that what they watch is there."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from rag_service.api import evaluation_metrics, index_metrics, live_metrics, search_metrics
from rag_service.api.catalog_metrics import exposition
from rag_service.api.metrics import Metrics
from rag_service.api.rerank_metrics import rerank_metrics
from rag_service.domain.ids import CorpusId, Fingerprint, TenantId
from rag_service.domain.index_checks import CheckFindings, IndexCheck
from rag_service.domain.work_queues import WorkQueue, kinds_of
from rag_service.telemetry.search_counts import SearchCounts
from rag_service.use_cases.indexes.read_health import WatchedIndex
from rag_service.use_cases.searching.rerank import Reranking
from rag_service.use_cases.watch_evaluations import EvaluationState, MeasuredSuite
from tests.evaluation_values import figure, run
from tests.live_values import watched_answers
from tests.unit.infra.dockerfiles import ROOT

FOLDER = ROOT / "infra" / "observability"
FILES = sorted(FOLDER.glob("*-alerts.yaml"))
GROUPS: list[dict[str, Any]] = [
    group for file in FILES for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
]
RULES = [rule for group in GROUPS for rule in group["rules"]]
WATCHED = re.compile(r"(?P<name>rag_\w+?)(?:_total)?(?:\{(?P<label>\w+)=\"(?P<value>\w+)\"\}|\b)")
DURATION = re.compile(r"\d+[smhd]")

each_rule = pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])


def everything() -> dict[str, list[dict[str, str]]]:
    """Return the labels of each metric that is told when there is something to tell of all."""
    measured = run(figures=tuple(figure(name, 0.9) for name in evaluation_metrics.SHOWN))
    corpus = CorpusId("corpus")
    suite = MeasuredSuite(corpus_id=corpus, suite="golden", age_s=60, run=measured, judge_failures=0.5)
    state = EvaluationState(
        suites=[suite],
        regressed={corpus: 1},
        blocked={corpus: 1},
        left_alone=dict.fromkeys(kinds_of({WorkQueue.EVAL}), 1),
    )
    metrics = [*evaluation_metrics.metrics_of(state), *live_metrics.metrics_of([watched_answers(corpus)])]
    told = exposition([*metrics, *index_metrics.metrics_of([watched_index(corpus)])])
    told += exposition(search_metrics.metrics_of(SearchCounts())) + _refused_request().exposition()
    told += rerank_metrics(dict.fromkeys(Reranking, 1))
    families = text_string_to_metric_families(told.decode())
    return {family.name: [sample.labels for sample in family.samples] for family in families}


def watched_index(corpus: CorpusId) -> WatchedIndex:
    """Return an index that was checked, compared and optimised."""
    check = IndexCheck(
        tenant_id=TenantId("ours"),
        corpus_id=corpus,
        fingerprint=Fingerprint("f" * 32),
        version=1,
        engine="edge",
        begun_at=datetime(2026, 1, 1, tzinfo=UTC),
        found=CheckFindings(points_expected=1),
    )
    return WatchedIndex(check=check, age_s=60, is_under_floor=False, points_differing=0, is_troubled=False)


def _refused_request() -> Metrics:
    metrics = Metrics()
    metrics.count_request(method="POST", route="/v1/chat/completions", status=503, seconds=0.1)
    return metrics


def test_the_files_have_groups_of_alerts_with_names_of_their_own() -> None:
    assert {key for group in GROUPS for key in group} == {"name", "interval", "rules"}
    assert len({rule["alert"] for rule in RULES}) == len(RULES) == 17


@each_rule
def test_an_alert_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert set(rule["annotations"]) == {"summary", "action"}
    assert rule["labels"]["severity"] in {"info", "warning", "critical"}
    assert DURATION.fullmatch(rule.get("for", "1m"))


@each_rule
def test_what_an_alert_watches_is_told_at_the_metrics_address(rule: dict[str, Any]) -> None:
    told = everything()
    watched = list(WATCHED.finditer(rule["expr"]))

    assert watched
    for one in watched:
        assert one["label"] is None or one["value"] in {labels.get(one["label"]) for labels in told[one["name"]]}
        assert one["name"] in told


@each_rule
def test_an_alert_groups_by_labels_that_are_there(rule: dict[str, Any]) -> None:
    told = everything()
    grouped = {label for labels in re.findall(r"by \(([\w, ]+)\)", rule["expr"]) for label in labels.split(", ")}
    named = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))

    (name,) = {one["name"] for one in WATCHED.finditer(rule["expr"])}
    assert named <= grouped <= set(told[name][0])


@each_rule
def test_the_parentheses_of_an_expression_match(rule: dict[str, Any]) -> None:
    depth = 0
    for character in rule["expr"]:
        depth += (character == "(") - (character == ")")
        assert depth >= 0
    assert depth == 0
