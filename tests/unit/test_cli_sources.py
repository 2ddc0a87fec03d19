"""`rag source …` against a small service with canned replies."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.canned_service import CannedService, rag, running

SOURCES = "/v1/corpora/handbook/sources"
RUNS = f"{SOURCES}/docs/runs"
COUNTS = {"new": 2, "changed": 1, "renamed": 0, "deleted": 0, "unchanged": 7, "failed": 0, "erased": 0, "unusable": 0}
JOB = {"id": "job_1", "kind": "sync_source", "state": "succeeded", "stage": None, "total": None, "advice": None}
SOURCE = {
    "id": "src_1", "name": "docs", "kind": "git", "settings": {"url": "https://x/y", "include": ["*.md"], "path": ""},
    "credentials": ["token"], "every_s": 3600, "publish": "automatic", "last_run": None,
}  # fmt: skip


@pytest.fixture
def service() -> Iterator[CannedService]:
    with running() as server:
        server.replies["GET", "/v1/jobs/job_1"] = [(200, JOB)]
        yield server


def run(state: str, *changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    made = {"id": "run_1", "state": state, "counts": COUNTS, "draft_id": None, "error": None, "is_cut": False}
    return {**made, "changes": list(changes), **more}


def change(key: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "kind": kind, "renamed_from": None, "state": "done", "problem": None, **more}


def answer(service: CannedService, ended: dict[str, Any]) -> None:
    service.replies["POST", RUNS] = [(202, {"run": {**ended, "state": "queued"}, "job": JOB})]
    service.replies["GET", f"{RUNS}/run_1"] = [(200, ended)]


def asked(service: CannedService, method: str, path: str) -> dict[str, Any]:
    return next(body for each, where, body in service.asked if (each, where) == (method, path))


def test_a_source_is_set_up_with_typed_settings_and_secrets_from_a_file(service: CannedService, tmp_path: Path) -> None:
    service.replies["POST", SOURCES] = [(200, SOURCE)]
    secrets = tmp_path / "secrets.json"
    secrets.write_text('{"token": "s3cret"}')

    result = rag(
        service, "source", "add", "docs", "website", "https://x/y", "--corpus", "handbook", "--set", "include=*.md",
        "--set", "include=*.html", "--set", "max_pages=5", "--set", "crawl=false", "--every", "12h",
        "--credentials", str(secrets), "--publish", "hold",
    )  # fmt: skip

    assert result.exit_code == 0
    assert asked(service, "POST", SOURCES) == {
        "name": "docs",
        "kind": "website",
        "settings": {"url": "https://x/y", "include": ["*.md", "*.html"], "max_pages": 5, "crawl": False},
        "publish": "hold",
        "every_s": 43200,
        "credentials": {"token": "s3cret"},
    }


def test_a_folder_is_named_by_its_path(service: CannedService) -> None:
    service.replies["POST", SOURCES] = [(200, SOURCE)]

    rag(service, "source", "add", "docs", "folder", "/srv/2024", "--corpus", "handbook")

    assert asked(service, "POST", SOURCES)["settings"] == {"path": "/srv/2024"}


def test_sources_are_listed_with_their_newest_run(service: CannedService) -> None:
    service.replies["GET", SOURCES] = [(200, {"data": [SOURCE, {**SOURCE, "last_run": run("applied")}]})]

    assert rag(service, "source", "list", "--corpus", "handbook").stdout.splitlines() == [
        "src_1  git           docs  (never run)",
        "src_1  git           docs  (applied: 2 new, 1 changed, 7 unchanged)",
    ]


def test_a_source_is_shown_without_its_secrets(service: CannedService) -> None:
    service.replies["GET", f"{SOURCES}/docs"] = [(200, SOURCE)]

    assert rag(service, "source", "show", "docs", "--corpus", "handbook").stdout.splitlines()[1:] == [
        "  url: https://x/y",
        "  include: *.md",
        "  credentials: token",
        "  every 3600 s",
    ]


def test_a_sync_waits_and_tells_what_was_done(service: CannedService) -> None:
    answer(service, run("applied"))

    result = rag(service, "source", "sync", "docs", "--corpus", "handbook", "--force")

    assert (result.exit_code, result.stdout) == (0, "run_1 is applied: 2 new, 1 changed, 7 unchanged.\n")
    assert asked(service, "POST", RUNS) == {"dry_run": False, "force": True}


def test_a_sync_with_items_left_out_says_which_and_why(service: CannedService) -> None:
    left_out = change("a.md", "new", state="seen", problem="The file has no content.")
    answer(service, run("applied", left_out, counts={**COUNTS, "failed": 1}))

    result = rag(service, "source", "sync", "docs", "--corpus", "handbook")

    assert result.exit_code == 4
    assert "  a.md: The file has no content." in result.stdout


def test_a_run_that_needs_force_is_refused_with_its_reason(service: CannedService) -> None:
    answer(service, run("needs_force", error="It would delete more than half of the source."))

    result = rag(service, "source", "sync", "docs", "--corpus", "handbook")

    assert result.exit_code == 1
    assert "needs force" in result.stdout and "more than half" in result.stdout


def test_a_diff_is_a_dry_run_line_by_line(service: CannedService) -> None:
    changes = (
        change("a", "new"),
        change("b", "renamed", renamed_from="c"),
        change("c", "left"),
        change("d", "deleted"),
    )
    answer(service, run("planned", *changes))

    result = rag(service, "source", "diff", "docs", "--corpus", "handbook")

    assert result.stdout.splitlines() == ["+ a", "> c > b", "- d", "2 new, 1 changed, 7 unchanged"]
    assert asked(service, "POST", RUNS)["dry_run"] is True


def test_a_held_run_names_its_draft(service: CannedService) -> None:
    answer(service, run("held", draft_id="draft_1"))

    assert "discard draft draft_1." in rag(service, "source", "sync", "docs", "--corpus", "handbook").stdout


def test_a_source_is_removed_only_when_one_says_so(service: CannedService) -> None:
    service.replies["DELETE", f"{SOURCES}/docs"] = [(200, {"id": "src_1", "deleted": True})]

    assert rag(service, "source", "remove", "docs", "--corpus", "handbook").exit_code == 1
    assert rag(service, "source", "remove", "docs", "--corpus", "handbook", "--yes").exit_code == 0


def test_a_schedule_is_changed_and_a_bad_one_refused(service: CannedService) -> None:
    service.replies["PATCH", f"{SOURCES}/docs"] = [(200, SOURCE)]

    assert rag(service, "source", "change", "docs", "--corpus", "handbook", "--every", "0").exit_code == 0
    assert rag(service, "source", "change", "docs", "--corpus", "handbook", "--every", "often").exit_code == 2
    assert asked(service, "PATCH", f"{SOURCES}/docs") == {"every_s": 0}


def test_machines_get_the_run_as_json(service: CannedService) -> None:
    answer(service, run("unchanged"))

    result = rag(service, "source", "sync", "docs", "--corpus", "handbook", "--json")

    assert json.loads(result.stdout)["state"] == "unchanged"
